// SPDX-License-Identifier: Apache-2.0
//
// Lists of system calls: Docker's and the OCI runtime's JSON, and the Security Profiles Operator's SeccompProfile,
// whose spec has the same fields. They name no program and no file: only `syscalls` comes out, for the programs of
// --exec.
#include <algorithm>
#include <map>
#include <utility>

#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

enum class Verdict { kAllow, kRefuse, kUnknown };

Verdict verdict(std::string_view action) {
  if (action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG") return Verdict::kAllow;
  if (action == "SCMP_ACT_ERRNO" || action.substr(0, 13) == "SCMP_ACT_KILL" || action == "SCMP_ACT_TRAP" ||
      action == "SCMP_ACT_TRACE" || action == "SCMP_ACT_NOTIFY")
    return Verdict::kRefuse;
  return Verdict::kUnknown;
}

// Calls whose arguments other rights of the profile hold, so that the name alone does not widen it.
std::string_view held_by(std::string_view call) {
  if (call == "clone" || call == "unshare") return "namespaces need the operation userns";
  if (call == "socket") return "the families are under 'sockets'";
  return {};
}

// "4.8": is each kernel that Treeline runs on as new?
bool of_every_kernel(std::string_view version) {
  const size_t dot = std::min(version.find('.'), version.size());
  const auto major = text::decimal(version.substr(0, dot), 255);
  const auto minor = text::decimal(version.substr(std::min(dot + 1, version.size())), 255);
  return major && minor && std::pair(*major, *minor) <= std::pair<uint64_t, uint64_t>(5, 10);
}

class SeccompReader {
 public:
  SeccompReader(Draft& draft, Diagnostics& diagnostics) : draft_(draft), diagnostics_(diagnostics) {}

  bool filter(Object& root) {
    const std::string_view action = root.text("defaultAction");
    if (verdict(action) != Verdict::kRefuse) {
      diagnostics_.error(root.position(), "import-format",
                         action.empty() ? "there is no 'defaultAction'"
                                        : "'defaultAction' is " + text::quoted(action) +
                                              ": a list of what is refused does not say what is needed",
                         "import a filter that lists what is allowed: defaultAction SCMP_ACT_ERRNO");
      return false;
    }
    root.ignore({"defaultErrnoRet", "defaultErrno", "flags"});
    root.refuse("listenerPath", "a process that is asked", "write the operation seccomp-listener by hand");
    root.refuse("listenerMetadata", "for a process that is asked", "write the operation seccomp-listener by hand");
    architectures(root);
    Refusals refused;
    for (const Value* item : root.list("syscalls")) entry(*item, refused);
    for (const auto& [name, refusal] : refused)
      if (std::erase_if(draft_.common.syscalls,
                        [&, &of = name](const ir::SyscallRule& rule) { return rule.name == of; }))
        diagnostics_.warning(refusal.position, "not-carried",
                             text::quoted(name) + " is allowed, and refused here" +
                                 (refusal.arguments ? " with certain arguments, which 'syscalls' cannot say" : ""),
                             "add it to 'syscalls' where the workload may call it with any");
    return true;
  }

 private:
  struct Refusal {
    Position position;
    bool arguments;
  };
  using Refusals = std::map<std::string, Refusal, std::less<>>;

  // Docker's map has an entry for each machine that it may run on: the machine, and what else its kernel runs.
  void architectures(Object& root) {
    std::vector<const Value*> named = root.list("architectures");
    for (const Value* machine : root.list("archMap")) {
      Object entry(*machine, "an entry of archMap", diagnostics_);
      if (const Value* own = entry.get("architecture")) named.push_back(own);
      for (const Value* other : entry.list("subArchitectures")) named.push_back(other);
      entry.finish();
    }
    if (named.empty())
      diagnostics_.note(root.position(), "import-question",
                        "the filter names no architecture: a runtime takes it for the machine's own only, and a profile's calls are for all",
                        "compile with --seccomp-arch and the machines' own, as x86_64 or aarch64");
    ask_architectures(named, diagnostics_);
  }

  void entry(const Value& value, Refusals& refused) {
    Object item(value, "a list of calls", diagnostics_);
    const std::string_view action = item.text("action");
    const Verdict what = verdict(action);
    const std::vector<const Value*> arguments = item.list("args");
    const std::vector<const Value*> names = item.get("names") != nullptr ? item.list("names") : item.list("name");
    item.ignore({"names", "name", "errnoRet", "errno", "comment"});
    bool conditional = false, without = false;
    for (const char* key : {"includes", "excludes"})
      if (const Value* condition = item.get(key)) conditional |= depends(*condition, key, without);
    item.finish();
    for (const Value* name : names) {
      if (!name->is_scalar()) {
        diagnostics_.warning(name->position, "not-carried", "a name of a call that is no text",
                             "compare it with the format's documentation");
        continue;
      }
      // Of those that other rights hold, a refusal of some arguments leaves the call itself.
      if (what != Verdict::kAllow && (arguments.empty() || held_by(name->text).empty()))
        refused.emplace(name->text, Refusal{name->position, !arguments.empty()});
      if (what == Verdict::kUnknown)
        diagnostics_.warning(name->position, "not-carried",
                             text::quoted(name->text) + " has an action that is not known",
                             "use SCMP_ACT_ALLOW or SCMP_ACT_ERRNO");
      if (action == "SCMP_ACT_NOTIFY" || action == "SCMP_ACT_TRACE")
        diagnostics_.warning(
            name->position, "not-carried",
            text::quoted(name->text) + " is decided by another process that is asked (" + std::string(action) + ")",
            "add it to 'syscalls' where the workload may call it by itself");
      if (what != Verdict::kAllow) continue;
      const std::string_view held = held_by(name->text);
      if (conditional || (without && held.empty())) {
        diagnostics_.warning(
            name->position, "not-carried",
            text::quoted(name->text) + " is allowed under a condition of the machine or of capabilities",
            "add it to 'syscalls' where the workload needs it");
        continue;
      }
      if (!arguments.empty() || without) {
        if (held.empty()) {
          diagnostics_.warning(
              name->position, "not-carried",
              text::quoted(name->text) + " is allowed with certain arguments only, which 'syscalls' cannot say",
              "add it to 'syscalls' where the workload may call it with any");
          continue;
        }
        diagnostics_.note(
            name->position, "narrower",
            "the arguments of " + text::quoted(name->text) + " are judged by other rights: " + std::string(held),
            "grant those by hand where they are needed");
      }
      draft_.grant_syscall(draft_.common, name->text, name->position);
    }
  }

  // Does the entry hold on some machines or with some capabilities only? Docker asks for capabilities, architectures and
  // the kernel's version ("5.10", the oldest of ours). Calls that a machine lacks are left out there in any case.
  // `without`: only for who lacks certain capabilities.
  bool depends(const Value& value, std::string_view key, bool& without) {
    Object condition(value, std::string(key), diagnostics_);
    const std::string_view version = condition.text("minKernel");
    const bool kernel = !version.empty() && (key == "excludes" || !of_every_kernel(version));
    const bool capabilities = !condition.list("caps").empty();
    without |= key == "excludes" && capabilities;
    bool architectures = false;
    for (const Value* arch : condition.list("arches")) {
      const bool ours = arch->text == "amd64" || arch->text == "x86" || arch->text == "x32" || arch->text == "arm64";
      architectures |= key == "includes" ? false : ours;
    }
    const std::vector<const Value*> included = condition.list("arches");
    if (key == "includes" && !included.empty())
      architectures = std::none_of(included.begin(), included.end(), [](const Value* arch) {
        return arch->text == "amd64" || arch->text == "arm64" || arch->text == "x32" || arch->text == "x86";
      });
    condition.finish();
    return kernel || architectures || (key == "includes" && capabilities);
  }

  Draft& draft_;
  Diagnostics& diagnostics_;
};

}  // namespace

void ask_architectures(const std::vector<const Value*>& named, Diagnostics& diagnostics) {
  struct Known {
    std::string_view scmp, go, word;
  };
  constexpr Known kKnown[] = {{"SCMP_ARCH_X86_64", "amd64", "x86_64"},
                              {"SCMP_ARCH_X86", "386", "x86"},
                              {"SCMP_ARCH_X32", "x32", "x32"},
                              {"SCMP_ARCH_AARCH64", "arm64", "aarch64"}};
  std::string words;
  size_t found = 0;
  for (const Known& known : kKnown)
    if (std::any_of(named.begin(), named.end(), [&](const Value* one) { return one->text == known.scmp || one->text == known.go; }))
      words += (found++ == 0 ? "" : ",") + std::string(known.word);
  if (!named.empty() && found != std::size(kKnown))
    diagnostics.note(named[0]->position, "import-question",
                     "the calls are allowed on certain architectures only, which a profile does not say",
                     found == 0 ? "none of them is one that a filter is made for" : "compile with --seccomp-arch " + words);
}

void ask_disabled(Object& spec, Diagnostics& diagnostics) {
  if (spec.flag("disabled"))
    diagnostics.note(spec.position(), "import-question", "the source is disabled: the operator puts it into force nowhere",
                     "run the draft in the mode monitor first");
}

std::optional<ir::Policy> read_docker_seccomp(const Source& source, const Options& options, Diagnostics& diagnostics) {
  if (source.documents.empty()) return std::nullopt;
  if (source.documents.size() > 1)
    diagnostics.warning(source.documents[1].position, "not-carried", "what stands behind the first filter",
                        "import each by itself and merge the two");
  Draft draft(diagnostics);
  Object root(source.documents[0], "the filter", diagnostics);
  if (!SeccompReader(draft, diagnostics).filter(root)) return std::nullopt;
  root.finish();
  add_programs(draft, options);
  return std::move(draft).finish(options.name.empty() ? "seccomp" : options.name);
}

std::optional<ir::Policy> read_spo_seccomp(const Source& source, const Options& options, Diagnostics& diagnostics) {
  Draft draft(diagnostics);
  std::string name = options.name;
  bool good = true;
  for (const Value& document : source.documents) {
    Object root(document, "the profile", diagnostics);
    root.ignore({"apiVersion", "kind", "metadata", "status"});
    const Value* spec_value = root.get("spec");
    // Before v1beta1 some fields stood beside the metadata.
    Object spec(spec_value != nullptr ? *spec_value : document, "spec", diagnostics);
    ask_disabled(spec, diagnostics);
    spec.ignore({"targetWorkload", "state", "apiVersion", "kind", "metadata", "status"});
    spec.refuse("baseProfileName", "calls of another profile, which is not in this file",
                "import that one as well and merge the two");
    if (!SeccompReader(draft, diagnostics).filter(spec)) {
      good = false;
      continue;  // what it says further was not looked at
    }
    spec.finish();
    if (spec_value != nullptr) root.finish();
    if (name.empty()) name = name_of(document);
  }
  if (!good) return std::nullopt;
  add_programs(draft, options);
  return std::move(draft).finish(name);
}

}  // namespace treeline::import_
