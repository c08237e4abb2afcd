// SPDX-License-Identifier: Apache-2.0
//
// AppArmorProfile of the Security Profiles Operator (security-profiles-operator.x-k8s.io, v1alpha1 and v1):
// spec.abstract, what one container may start, read, write and use. Its paths are AppArmor globs.
#include "bpf/lsm/abi.h"
#include "policy-compiler/import/denials.h"
#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/glob.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/import/steps.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr std::string_view kTraces = "relations of processes are said otherwise";
constexpr std::string_view kTracesRemedy = "add an operation: ptrace-descendant, ptrace-workload or ptrace";

// "ptrace (read),": deprecated, and still accepted in each list of paths.
bool is_ptrace_rule(std::string_view text) {
  constexpr std::string_view kWord = "ptrace";
  if (text.substr(0, kWord.size()) != kWord) return false;
  const size_t next = text.find_first_not_of(" \t", kWord.size());
  return next != std::string_view::npos && text[next] == '(';
}

class SpoReader {
 public:
  SpoReader(Draft& draft, Denials& denials, Diagnostics& diagnostics)
      : draft_(draft), denials_(denials), diagnostics_(diagnostics) {}

  void document(const Value& document) {
    Object root(document, "the profile", diagnostics_);
    root.ignore({"apiVersion", "kind", "metadata", "status"});
    const Value* spec_value = root.get("spec");
    root.finish();
    if (spec_value == nullptr) return;
    Object spec(*spec_value, "spec", diagnostics_);
    ask_disabled(spec, diagnostics_);
    spec.ignore({"state"});
    complains_ = spec.text("mode") == "Complain";
    complains_ |= spec.flag("complainMode");
    if (complains_)
      diagnostics_.note(spec.position(), "import-question",
                        "the source only reports (complain), so it may be incomplete",
                        "run the draft in the mode monitor first");
    spec.refuse("policy", "a profile as text", "store it as a file and import it: --from apparmor");
    const Value* abstract_value = spec.get("abstract");
    spec.finish();
    if (abstract_value == nullptr) return;
    Object abstract(*abstract_value, "abstract", diagnostics_);
    if (const Value* value = abstract.get("executable")) executable(*value);
    if (const Value* value = abstract.get("filesystem")) filesystem(*value);
    if (const Value* value = abstract.get("network")) network(*value);
    if (const Value* value = abstract.get("capability")) {
      Object capability(*value, "capability", diagnostics_);
      for (const Value* item : capability.list("allowedCapabilities"))
        draft_.grant_capability(draft_.common, item->text, item->position);
      capability.finish();
    }
    abstract.refuse("ptrace", kTraces, kTracesRemedy);
    abstract.finish();
  }

 private:
  Translation translate(const Value& value) {
    if (is_ptrace_rule(value.text)) {
      diagnostics_.warning(value.position, "not-carried",
                           text::quoted(value.text) + " is a rule among paths: " + std::string(kTraces),
                           std::string(kTracesRemedy));
      return {};
    }
    Translation translated = translate_glob(value.text, usual_variables(), Meant::kGranted);
    if (!translated.problem.empty())
      diagnostics_.warning(value.position, "not-carried", text::quoted(value.text) + ": " + translated.problem,
                           "write the rule by hand");
    if (!translated.narrower.empty())
      diagnostics_.note(value.position, "narrower", translated.narrower, "add the rest by hand");
    return translated;
  }

  // `denied`: "only" is a denial as well, which wins over what the other lists grant; one that cannot be said may meet
  // any of it.
  void grant(const Value& value, std::string_view permissions, uint32_t denied = 0) {
    const Translation translated = translate(value);
    for (const Translated& one : translated.patterns)
      draft_.grant_file(draft_.common, one.pattern, glob_access(permissions, one), value.position);
    if (denied == 0 || complains_) return;
    const Translation refused = translate_glob(value.text, usual_variables(), Meant::kDenied);
    for (const Translated& one : refused.patterns) deny(one.pattern, denied, value.position);
    if (refused.problem.empty() || (value.text[0] != '/' && value.text[0] != '@')) return;
    for (const char* everything : {"/", "/**"}) deny(everything, denied, value.position);
  }

  void deny(const std::string& pattern, uint32_t words, Position position) {
    denials_.add(pattern, static_cast<ir::AccessSet>(words), position);
  }

  void executable(const Value& value) {
    Object section(value, "executable", diagnostics_);
    std::vector<Candidate> programs;
    for (const Value* item : section.list("allowedExecutables"))
      for (const Translated& one : translate(*item).patterns)
        programs.push_back({one.pattern, &draft_.common, item->position});
    const std::vector<bool> stays = disjoint(programs, diagnostics_);
    for (size_t i = 0; i < programs.size(); ++i)
      if (stays[i]) draft_.programs[draft_.program(programs[i].pattern, programs[i].position)].anywhere = true;
    for (const Value* item : section.list("allowedLibraries")) grant(*item, "rm");
    section.finish();
  }

  void filesystem(const Value& value) {
    Object section(value, "filesystem", diagnostics_);
    for (const Value* item : section.list("readOnlyPaths")) grant(*item, "r", TL_WRITE | TL_LINK);
    for (const Value* item : section.list("writeOnlyPaths")) grant(*item, "wl", TL_READ);
    for (const Value* item : section.list("readWritePaths")) grant(*item, "rwl");
    section.finish();
  }

  void network(const Value& value) {
    Object section(value, "network", diagnostics_);
    if (section.flag("allowRaw")) {
      draft_.grant_protocol(draft_.common, "raw", value.position);
      diagnostics_.note(value.position, "narrower", "of raw sockets those of IPv4 and IPv6 are granted",
                        "add 'netlink' and 'packet' to 'sockets' if they are meant too");
    }
    if (const Value* protocols = section.get("allowedProtocols")) {
      Object item(*protocols, "allowedProtocols", diagnostics_);
      if (item.flag("allowTcp")) draft_.grant_protocol(draft_.common, "tcp", protocols->position);
      if (item.flag("allowUdp")) draft_.grant_protocol(draft_.common, "udp", protocols->position);
      item.finish();
    }
    section.finish();
  }

  Draft& draft_;
  Denials& denials_;
  Diagnostics& diagnostics_;
  bool complains_ = false;  // then nothing is denied either
};

}  // namespace

std::optional<ir::Policy> read_spo_apparmor(const Source& source, const Options& options, Diagnostics& diagnostics) {
  Draft draft(diagnostics);
  Denials denials;
  SpoReader reader(draft, denials, diagnostics);
  std::string name = options.name;
  for (const Value& document : source.documents) {
    reader.document(document);
    if (name.empty()) name = name_of(document);
  }
  add_programs(draft, options);
  auto policy = std::move(draft).finish(name);
  if (policy) denials.apply(*policy, diagnostics);
  return policy;
}

}  // namespace treeline::import_
