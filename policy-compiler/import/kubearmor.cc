// SPDX-License-Identifier: Apache-2.0
//
// KubeArmorPolicy, KubeArmorClusterPolicy, KubeArmorHostPolicy (security.kubearmor.com/v1). Only `action: Allow`
// grants; Block denies, Audit does neither. An action within a list is nearer than the policy's.
#include <iterator>
#include <map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/denials.h"
#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/glob.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr uint32_t kRead = TL_READ | TL_LIST;
// What `file` without readOnly allows: everything but starting and mapping.
constexpr uint32_t kAll =
    kRead | TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_LINK | TL_RENAME_IN | TL_SETATTR | TL_MKDIR | TL_MKNOD;

enum class Action { kAllow, kAudit, kBlock };

class KubeArmorReader {
 public:
  KubeArmorReader(Draft& draft, Denials& denials, Diagnostics& diagnostics)
      : draft_(draft), denials_(denials), diagnostics_(diagnostics) {}

  void policy(const Value& document) {
    Object root(document, "the policy", diagnostics_);
    root.ignore({"apiVersion", "kind", "metadata", "status"});
    const Value* spec_value = root.get("spec");
    root.finish();
    if (spec_value == nullptr) return;
    Object spec(*spec_value, "spec", diagnostics_);
    spec.ignore({"severity", "tags", "message"});
    for (const char* key : {"selector", "nodeSelector"})
      spec.refuse(key, "for which workload it is, a profile does not say",
                  "bind the profile to that workload; import policies of different ones apart");
    const Action outer = action(spec, Action::kBlock, spec_value->position);
    rules(spec, "process", outer, true);
    rules(spec, "file", outer, false);
    if (const Value* value = spec.get("network")) network(*value, outer);
    if (const Value* value = spec.get("capabilities")) capabilities(*value, outer);
    spec.refuse("syscalls", "KubeArmor reports these calls, it does not allow them", "list the calls under 'syscalls'");
    spec.refuse("presets", "rules that KubeArmor brings itself", "write by hand what of them is meant");
    spec.refuse("device", "devices that are plugged into a node", "hold them there");
    spec.refuse("apparmor", "a profile in the text of the policy", "store it as a file and import it: --from apparmor");
    spec.finish();
  }

 private:
  // KubeArmor's default for a policy without an action is Block.
  Action action(Object& object, Action outer, Position position) {
    const std::string_view word = object.text("action");
    if (word.empty()) return outer;
    if (word == "Allow") return Action::kAllow;
    if (word == "Audit") return Action::kAudit;
    if (word != "Block")
      diagnostics_.warning(position, "not-carried", "action " + text::quoted(word) + " is not known",
                           "use Allow, Audit or Block");
    return word == "Block" ? Action::kBlock : Action::kAudit;
  }

  bool grants(Action action, Position position, std::string_view what) {
    if (action == Action::kAudit)
      diagnostics_.warning(position, "not-carried", text::quoted(what) + " is only reported there (Audit)",
                           "a profile in the mode monitor reports");
    return action == Action::kAllow;
  }

  void rules(Object& spec, std::string_view key, Action outer, bool process) {
    const Value* value = spec.get(key);
    if (value == nullptr) return;
    Object section(*value, std::string(key), diagnostics_);
    section.ignore({"severity", "tags", "message"});
    const Action inner = action(section, outer, value->position);
    for (const Value* item : section.list("matchPaths")) rule(*item, "path", inner, process);
    for (const Value* item : section.list("matchDirectories")) rule(*item, "dir", inner, process);
    for (const Value* item : section.list("matchPatterns")) rule(*item, "pattern", inner, process);
    section.finish();
  }

  void rule(const Value& value, std::string_view key, Action outer, bool process) {
    Object item(value, "a rule", diagnostics_);
    item.ignore({"severity", "tags", "message"});
    const Action act = action(item, outer, value.position);
    std::string glob(item.text(key));
    const bool by_arguments = !item.list("allowedArgs").empty(), off_terminals = not_on_terminals(item);
    const bool recursive = item.flag("recursive"), read_only = item.flag("readOnly"), owner = item.flag("ownerOnly");
    const std::string named(act == Action::kBlock && process ? item.text("execname") : std::string_view());
    if (named.empty()) item.refuse("execname", "a program by its name without a directory", "write its path");
    std::vector<std::string> sources;  // paths
    bool unsaid = false;  // a source that no path names
    for (const Value* source : item.list("fromSource")) {
      Object from(*source, "fromSource", diagnostics_);
      from.refuse("dir", "a directory of sources", "name the programs");
      if (const auto path = from.text("path"); !path.empty())
        sources.emplace_back(path);
      else if (unsaid = true; member(*source, "dir") == nullptr)
        diagnostics_.warning(source->position, "not-carried", "a source without a path", "write the rule by hand");
      from.finish();
    }
    const bool limited = item.get("fromSource") != nullptr;
    item.finish();
    if (act == Action::kBlock && unsaid) sources.clear();  // it holds for any then
    if (glob.empty() && !named.empty()) {
      block({{"/**/" + passes::literal_pattern(named), false}}, TL_EXECUTE, sources, value.position);
      return;
    }
    if (glob.empty()) {
      diagnostics_.warning(value.position, "not-carried", "a rule without '" + std::string(key) + "'", "give it one");
      if (act == Action::kBlock) block({{"/", true}, {"/**", false}}, process ? uint32_t{TL_EXECUTE} : kAll, {}, value.position);
      return;
    }
    if (limited && sources.empty() && act == Action::kAllow) {
      diagnostics_.warning(value.position, "not-carried", text::quoted(glob) + " is for sources that cannot be said",
                           "write the rule by hand");
      return;
    }
    const Translation translated = translate(glob, key, recursive, process, act);
    if (!translated.problem.empty()) {
      diagnostics_.warning(value.position, "not-carried", text::quoted(glob) + ": " + translated.problem,
                           "write the rule by hand");
      // A denial that cannot be said would leave grants that it limits.
      if (act == Action::kBlock) block({{"/", true}, {"/**", false}}, process ? uint32_t{TL_EXECUTE} : kAll, {}, value.position);
      return;
    }
    if (act == Action::kBlock) {
      const uint32_t words = process ? uint32_t{TL_EXECUTE} : read_only ? (kAll & ~kRead) : (kAll | TL_MAP);
      block(translated.patterns, words, sources, value.position);
      return;
    }
    if (!grants(act, value.position, glob)) return;
    if (by_arguments || off_terminals) {
      diagnostics_.warning(value.position, "not-carried",
                           text::quoted(glob) + " is allowed " +
                               (by_arguments ? "with certain arguments only" : "away from terminals only") +
                               ", which the language cannot say",
                           "write the rule by hand if it may be allowed without that");
      return;
    }
    if (owner) {
      diagnostics_.warning(value.position, "not-carried",
                           text::quoted(glob) + " is for the owner of the file only, which the language cannot say",
                           "write the rule by hand, with 'users' at the node");
      return;
    }
    if (!translated.narrower.empty())
      diagnostics_.note(value.position, "narrower", translated.narrower, "add the rest by hand");
    for (const Translated& pattern : translated.patterns) {
      if (process) {
        const size_t program = draft_.program(pattern.pattern, value.position);
        if (sources.empty()) draft_.programs[program].anywhere = true;
        for (const std::string& source : sources) {
          const size_t parent = draft_.program(passes::literal_pattern(source), value.position);
          draft_.programs[parent].starts.push_back(program);
        }
        continue;
      }
      const ir::AccessSet words = glob_access(read_only ? "r" : "rwl", pattern);
      if (sources.empty()) draft_.grant_file(draft_.common, pattern.pattern, words, value.position);
      for (const std::string& source : sources) {
        const size_t program = draft_.program(passes::literal_pattern(source), value.position);
        draft_.grant_file(draft_.programs[program].own, pattern.pattern, words, value.position);
      }
    }
  }

  // Paths and directories are literal; patterns are globs.
  static Translation translate(std::string glob, std::string_view key, bool recursive, bool process, Action act) {
    const Meant meant = act == Action::kBlock ? Meant::kDenied : Meant::kGranted;
    if (key == "pattern") return translate_glob(glob, {}, meant);
    while (!glob.empty() && glob.back() == '/') glob.pop_back();
    glob = literal_glob(glob);
    if (key != "dir") return translate_glob(glob.empty() ? "/" : glob, {}, meant);
    Translation out = translate_glob(glob + (recursive ? "/**" : "/*"), {}, meant);
    if (process || !out.problem.empty()) return out;
    Translation itself = translate_glob(glob + "/", {}, meant);
    std::move(itself.patterns.begin(), itself.patterns.end(), std::back_inserter(out.patterns));
    if (out.problem.empty()) out.problem = itself.problem;
    return out;
  }

  // `pts: false`: not for a process with a pseudo terminal.
  static bool not_on_terminals(Object& rule) { return rule.get("pts") != nullptr && !rule.flag("pts"); }

  void block(const std::vector<Translated>& patterns, uint32_t words, const std::vector<std::string>& sources,
             Position position) {
    for (const Translated& pattern : patterns) {
      if (sources.empty()) denials_.add(pattern.pattern, static_cast<ir::AccessSet>(words), position);
      for (const std::string& source : sources)
        of_sources_.push_back({pattern.pattern, static_cast<ir::AccessSet>(words), position, source});
    }
  }

  // Of which programs a source is one: its own, and those of a pattern that matches it.
  void block_sources() {
    std::vector<std::pair<const Program*, passes::Pattern>> patterns;
    for (const Program& program : draft_.programs) {
      std::vector<passes::PatternError> errors;
      auto pattern = passes::parse_pattern(program.executable.text, errors);
      if (pattern && !pattern->literal) patterns.emplace_back(&program, std::move(*pattern));
    }
    for (const OfSource& block : of_sources_) {
      denials_.add(block.pattern, block.words, block.position, passes::literal_pattern(block.source));
      for (const auto& [program, pattern] : patterns)
        if (passes::matches(pattern, block.source))
          denials_.add(block.pattern, block.words, block.position, program->executable.text);
    }
  }

  // The node that a list of `fromSource` means; the common one without.
  template <typename Grant>
  void for_sources(Object& item, Position position, Grant grant) {
    const std::vector<const Value*> sources = item.list("fromSource");
    if (sources.empty()) grant(draft_.common);
    for (const Value* source : sources) {
      const Value* path = member(*source, "path");
      if (path == nullptr || !path->is_scalar()) {
        diagnostics_.warning(source->position, "not-carried", "a source without a path", "write the rule by hand");
        continue;
      }
      grant(draft_.programs[draft_.program(passes::literal_pattern(path->text), position)].own);
    }
  }

  void network(const Value& value, Action outer) {
    Object section(value, "network", diagnostics_);
    section.ignore({"severity", "tags", "message"});
    const Action inner = action(section, outer, value.position);
    for (const Value* item : section.list("matchProtocols")) {
      Object rule(*item, "a protocol", diagnostics_);
      const Action act = action(rule, inner, item->position);
      const std::string protocol(rule.text("protocol"));
      rule.ignore({"severity", "tags", "message"});
      const bool off_terminals = not_on_terminals(rule);
      if (act == Action::kBlock) blocked_.push_back({protocol, item->position, false});  // whoever its source is
      if (act != Action::kAllow || off_terminals) rule.ignore({"fromSource"});
      if (act == Action::kAllow && off_terminals)
        diagnostics_.warning(
            item->position, "not-carried",
            text::quoted(protocol) + " is allowed away from terminals only, which the language cannot say",
            "write the rule by hand if it may be allowed without that");
      else if (grants(act, item->position, protocol))
        for_sources(rule, item->position,
                    [&](ir::Node& node) { draft_.grant_protocol(node, protocol, item->position); });
      rule.finish();
    }
    for (const Value* item : section.list("matchDNSQueries")) query(*item, inner);
    section.finish();
  }

  // A question for a name. Of the network the language knows addresses: who may not ask for each name may not ask.
  void query(const Value& value, Action outer) {
    Object rule(value, "a query", diagnostics_);
    rule.ignore({"severity", "tags", "message", "fromSource"});
    const Action act = action(rule, outer, value.position);
    const std::string domain(rule.text("domain"));
    rule.finish();
    if (act == Action::kAudit) {
      grants(act, value.position, domain);
      return;
    }
    diagnostics_.warning(value.position, "not-carried",
                         text::quoted(domain) + ": names of hosts are not part of the language, so udp is not granted",
                         "write by hand which resolver may be asked, as a peer of protocol udp");
    blocked_.push_back({"udp", value.position, false});
  }

  void capabilities(const Value& value, Action outer) {
    Object section(value, "capabilities", diagnostics_);
    section.ignore({"severity", "tags", "message"});
    const Action inner = action(section, outer, value.position);
    for (const Value* item : section.list("matchCapabilities")) {
      Object rule(*item, "a capability", diagnostics_);
      const Action act = action(rule, inner, item->position);
      const std::string capability(rule.text("capability"));
      rule.ignore({"severity", "tags", "message"});
      if (act == Action::kBlock) blocked_.push_back({capability, item->position, true});  // whoever its source is
      if (act != Action::kAllow) rule.ignore({"fromSource"});
      if (grants(act, item->position, capability))
        for_sources(rule, item->position,
                    [&](ir::Node& node) { draft_.grant_capability(node, capability, item->position); });
      rule.finish();
    }
    section.finish();
  }

 public:
  // Blocked protocols and capabilities win over grants of the same name; one that is not known may be any.
  void finish() {
    block_sources();
    const auto drop = [&](ir::Node& node) {
      for (const Blocked& blocked : blocked_) {
        const size_t before = node.network.size() + node.sockets.size() + node.capabilities.size();
        if (blocked.capability) {
          const auto number = capability_number(blocked.name);
          std::erase_if(node.capabilities,
                        [&](const ir::NumberRule& rule) { return !number || rule.value == *number; });
        } else {
          take_protocol(node, blocked.name);
        }
        if (node.network.size() + node.sockets.size() + node.capabilities.size() != before)
          diagnostics_.warning(blocked.position, "not-carried",
                               text::quoted(blocked.name) + " is blocked here and allowed elsewhere",
                               "what is blocked is not granted; write by hand what is meant");
      }
    };
    drop(draft_.common);
    for (Program& program : draft_.programs) drop(program.own);
  }

 private:
  Draft& draft_;
  Denials& denials_;
  Diagnostics& diagnostics_;
  struct Blocked {
    std::string name;
    Position position;
    bool capability;
  };
  std::vector<Blocked> blocked_;
  struct OfSource {
    std::string pattern;
    ir::AccessSet words;
    Position position;
    std::string source;
  };
  std::vector<OfSource> of_sources_;  // denials
};

}  // namespace

std::optional<ir::Policy> read_kubearmor(const Source& source, const Options& options, Diagnostics& diagnostics) {
  Draft draft(diagnostics);
  Denials denials;
  KubeArmorReader reader(draft, denials, diagnostics);
  std::string name = options.name;
  for (const Value& document : source.documents) {
    const Value* kind = member(document, "kind");
    if (kind == nullptr || kind->text.rfind("KubeArmor", 0) != 0) {
      diagnostics.warning(document.position, "not-carried", "a document that is no KubeArmor policy",
                          "import it by itself");
      continue;
    }
    if (kind->text == "KubeArmorNetworkPolicy") {
      diagnostics.warning(kind->position, "not-carried",
                          "a KubeArmorNetworkPolicy is not read: what it denies, the draft may allow",
                          "write its rules by hand under 'network'");
      continue;
    }
    if (kind->text == "KubeArmorHostPolicy")
      diagnostics.warning(kind->position, "not-carried",
                          "a KubeArmorHostPolicy is for all processes of a node, and the draft for one workload",
                          "remove from the draft what that workload does not need");
    reader.policy(document);
    if (name.empty()) name = name_of(document);
  }
  reader.finish();
  add_programs(draft, options);
  auto policy = std::move(draft).finish(name);
  if (!policy) return std::nullopt;
  denials.apply(*policy, diagnostics);
  diagnostics.note({}, "import-question", "the source does not say which files are mapped as code", "add 'map' to the shared libraries");
  return policy;
}

}  // namespace treeline::import_
