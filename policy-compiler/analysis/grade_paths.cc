// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/grade.h"
#include "policy-compiler/analysis/pattern_kinds.h"
#include "policy-compiler/analysis/reach.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/process_name.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

// Above it the patterns one by one are faster.
constexpr uint32_t kMostTogether = 1'000'000;

constexpr ir::AccessSet kMaking = TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK;

struct Finding {
  Grade grade;
  ir::AccessSet words = 0;
  std::string example;
};

// How many names stand before the first that is not spelled out, and whether `**` follows.
struct Breadth {
  size_t literal = 0;
  bool any_depth = false;
  bool wild = false;
};
Breadth breadth(const passes::Pattern& pattern) {
  Breadth out;
  for (const passes::Component& component : pattern.components) {
    if (component.kind == passes::Component::Kind::kAnyDepth) out.any_depth = true;
    const bool literal = component.kind == passes::Component::Kind::kName &&
                         std::all_of(component.name.begin(), component.name.end(), [](const passes::Element& e) {
                           return e.kind == passes::Element::Kind::kBytes;
                         });
    // {own} and the like are written, never matched by chance.
    const bool written = literal || (component.kind != passes::Component::Kind::kName && !out.any_depth);
    if (!written) out.wild = true;
    if (!out.wild) ++out.literal;
  }
  return out;
}

class PathGrader {
 public:
  PathGrader(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics, uint32_t most)
      : policy_(policy), paths_(paths), out_(diagnostics), reach_(reach_from_network(policy)), most_(most), most_of_one_(most / 8) {}

  void run() {
    const passes::Dfa* automata[] = {&paths_.dfa, &sensitive_places(), &sensitive_names()};
    const passes::Meetings found = passes::meetings(automata, 1, std::min(most_, kMostTogether));
    always_.assign(paths_.patterns.size(), static_cast<SensitiveSet>(~SensitiveSet{0}));
    if (found.complete)
      look_at_all(found, paths_.dfa.sets);
    else
      look_at_each();
    for (uint32_t number = 0; number < paths_.patterns.size(); ++number) look_at_devices(number);
    for (const auto& [key, finding] : sensitive_) report_sensitive(*key.second, paths_.patterns[key.first].text, finding);
    for (const auto& [key, example] : shells_) report_shell(*key.second, example);
    for (const auto& [key, found_here] : interpreters_)
      report_interpreter(*key.second, paths_.patterns[key.first].text, found_here.example, found_here.shell && shells_.count(key) != 0);
    for (const passes::PathPattern& pattern : paths_.patterns) look_for_breadth(pattern);
    look_for_scripts();
  }

 private:
  // `sets`: the numbers of the patterns behind a label of the first automaton.
  void look_at_all(const passes::Meetings& found, const std::vector<std::vector<uint32_t>>& sets) {
    for (const passes::Meeting& m : found.list)
      for (const uint32_t number : sets[m.labels[0]])
        always_[number] = static_cast<SensitiveSet>(always_[number] & kinds_of(m.labels[1], m.labels[2]));
    for (const passes::Meeting& m : found.list)
      if (const SensitiveSet kinds = kinds_of(m.labels[1], m.labels[2]); kinds != 0) look_at(sets[m.labels[0]], kinds, m.text);
  }

  // Together they are too many combinations. Each by itself, so that an ugly pattern hides nothing but what it meets itself; those with fewer
  // wildcards first, so that what is left for all goes a long way.
  void look_at_each() {
    const auto wildcards = [&](uint32_t number) {
      const std::string& text = paths_.patterns[number].text;
      return std::count_if(text.begin(), text.end(), [](char c) { return c == '*' || c == '?' || c == '[' || c == '{'; });
    };
    std::vector<uint32_t> plain_first(paths_.patterns.size());
    std::iota(plain_first.begin(), plain_first.end(), 0u);
    std::stable_sort(plain_first.begin(), plain_first.end(), [&](uint32_t a, uint32_t b) { return wildcards(a) < wildcards(b); });
    PatternKinds kinds(most_of_one_, uint64_t{4} * most_);
    std::vector<const passes::PathPattern*> skipped;
    for (const uint32_t number : plain_first) {
      const passes::PathPattern& pattern = paths_.patterns[number];
      if (pattern.reserved_class != 0) continue;
      const bool spent = kinds.spent();
      const PatternKinds::Found found = kinds.of(pattern.text);
      always_[number] = found.always();
      for (const PatternKinds::Met& met : found.list)
        if (met.kinds != 0) look_at({number}, met.kinds, met.text);
      if (found.complete) continue;
      if (spent)
        skipped.push_back(&pattern);
      else
        report_unknown(pattern);
    }
    if (!skipped.empty()) report_skipped(skipped);
  }

  // What is not known is not clean.
  void report_unknown(const passes::PathPattern& pattern) {
    for (const passes::Use& use : pattern.uses)
      out_.finding(Severity::kWarning, use.position, "not-graded",
                   text::quoted(pattern.text) + " matches names in more ways than can be looked at: it may meet any sensitive one",
                   "write fewer wildcards, or a named class instead of '*'", risk_name(Risk::kCritical));
  }

  // Without a place: no node's `accept` takes it for all the others.
  void report_skipped(const std::vector<const passes::PathPattern*>& skipped) {
    out_.finding(Severity::kWarning, {}, "not-graded",
                 text::quoted(skipped[0]->text) + (skipped.size() == 1 ? "" : " and " + std::to_string(skipped.size() - 1) + " other patterns") +
                     " were not looked at: the wildcards of this profile match names in more ways than can be looked at in all",
                 "write fewer wildcards, or a named class instead of '*'", risk_name(Risk::kCritical));
  }

  void look_at(const std::vector<uint32_t>& numbers, SensitiveSet kinds, const std::string& name) {
    for (const uint32_t number : numbers) {
      for (const passes::Use& use : paths_.patterns[number].uses) {
        if (use.kind == passes::UseKind::kStep) look_at_program(use, number, either(kinds), name);
        if (use.kind != passes::UseKind::kFile) continue;
        // Written and executed: check_paths() said so already.
        const Grade grade = grade_file(words_of(use.access, node_of(use)), here(kinds, always_[number]), false);
        // Without a reason it is what every profile is made of.
        if (grade.risk < Risk::kMedium || grade.why.empty()) continue;
        Finding& known = sensitive_[{number, &use}];
        if (!known.example.empty() && grade.risk <= known.grade.risk) continue;
        known = {grade, use.access, name};
      }
    }
  }

  // A device, whatever its name is.
  void look_at_devices(uint32_t number) {
    if (paths_.patterns[number].reserved_class != 0) return;
    for (const passes::Use& use : paths_.patterns[number].uses) {
      if (use.kind != passes::UseKind::kFile || (words_of(use.access, node_of(use)) & TL_MKNOD) == 0) continue;
      const Grade grade = grade_file(TL_MKNOD, 0, false);
      Finding& known = sensitive_[{number, &use}];
      if (known.words == 0 || grade.risk > known.grade.risk) known = {grade, use.access, ""};
    }
  }

  const ir::Node* node_of(const passes::Use& use) const { return use.row < TL_ROW_FIRST ? nullptr : &policy_.nodes[use.row - TL_ROW_FIRST]; }

  // A shell counts wherever the network reaches it, also where it listens itself; an interpreter once, and not that of a script.
  void look_at_program(const passes::Use& use, uint32_t number, SensitiveSet kinds, const std::string& name) {
    const bool shell = holds(kinds, Sensitive::kShell);
    if (shell && behind_network(use.next)) shells_.try_emplace({number, &use}, name);
    if ((!shell && !holds(kinds, Sensitive::kInterpreter)) || use.next < TL_ROW_FIRST) return;
    const ir::Node& node = policy_.nodes[use.next - TL_ROW_FIRST];
    if (node.interpreter || node.executable.position != use.position) return;
    if (faces_network(node)) listening_interpreters_.insert(use.next);
    // One that is no shell is told apart: what was accepted of the shell is not accepted of it.
    const auto [known, fresh] = interpreters_.try_emplace({number, &use}, Interpreter{name, shell});
    if (!fresh && known->second.shell && !shell) known->second = {name, false};
  }

  static Severity severity(Risk risk) { return risk >= Risk::kHigh ? Severity::kWarning : Severity::kNote; }

  bool behind_network(uint32_t row) const { return row >= TL_ROW_FIRST && reach_.reached(row - TL_ROW_FIRST); }

  std::string program(uint32_t row) const {
    return row < TL_ROW_FIRST ? "the runtime" : text::quoted(policy_.nodes[row - TL_ROW_FIRST].executable.text);
  }

  void report_sensitive(const passes::Use& use, const std::string& pattern, const Finding& finding) {
    const std::string name = finding.example.empty() ? pattern : learn::pattern_text(finding.example);
    std::string message = program(use.row) + " may " + ir::names::access_text(finding.words) + " " + text::quoted(pattern);
    if (name != pattern) message += ", so " + text::quoted(name);
    out_.finding(severity(finding.grade.risk), use.position, "sensitive-file", message + ", which " + finding.grade.why,
                 "name the files that the workload needs, or remove the words that it does not", risk_name(finding.grade.risk));
  }

  void report_shell(const passes::Use& use, const std::string& example) {
    const uint32_t node = use.next - TL_ROW_FIRST, listener = reach_.from[node];
    const std::string shell = "the shell " + text::quoted(learn::pattern_text(example));
    const bool started = behind_network(use.row);
    const bool itself = started && listener == use.row - TL_ROW_FIRST;
    const std::string message =
        !started ? shell + (listener == node ? " listens to the network"
                                             : " is reached from " + text::quoted(policy_.nodes[listener].executable.text) +
                                                   ", which listens to the network")
        : itself ? program(use.row) + ", which listens to the network, may start " + shell
                 : program(use.row) + " may start " + shell + " and is reached from " + text::quoted(policy_.nodes[listener].executable.text) +
                       ", which listens to the network";
    out_.finding(Severity::kWarning, use.position, "shell-behind-network", message,
                 "let the program start what it needs directly; a shell is what every exploit asks for first",
                 risk_name(Risk::kCritical));
  }

  // Below a listener it is the tool of who gets there; the listener itself may well be one.
  void report_interpreter(const passes::Use& use, const std::string& pattern, const std::string& example, bool shell) {
    const std::string name = learn::pattern_text(example);
    const std::string what = text::quoted(pattern) + (name == pattern ? "" : ", so " + text::quoted(name) + ",");
    if (behind_network(use.row) && !shell)
      out_.finding(Severity::kWarning, use.position, "interpreter-behind-network",
                   program(use.row) + ", which the network reaches, may start the interpreter " + text::quoted(name),
                   "let the program do it itself, or start one script by its '#!' line and write 'interpreter:'",
                   risk_name(Risk::kHigh));
    else
      out_.finding(Severity::kNote, use.position, "interpreter-program",
                   what + " runs what it is told to: the kernel sees this program, not the script or the command line",
                   "start the script by its '#!' line and write 'interpreter:', or let this node read nothing but the "
                   "scripts that it needs",
                   risk_name(Risk::kMedium));
  }

  void look_for_breadth(const passes::PathPattern& pattern) {
    if (pattern.reserved_class == TL_CLASS_UNLINKED) return look_at_unlinked(pattern);
    if (pattern.reserved_class != 0) return;
    std::vector<passes::PatternError> unused;
    const auto parsed = passes::parse_pattern(pattern.text, unused);
    if (!parsed) return;
    if (passes::names_processes_only(*parsed)) return report_process(pattern);
    const Breadth wide = breadth(*parsed);
    if (!wide.wild) return;
    for (const passes::Use& use : pattern.uses) {
      const bool runs = use.kind != passes::UseKind::kFile;
      const bool writes = !runs && (use.access & kMaking) != 0;
      // All of the root, or a whole tree directly below it.
      Risk risk = Risk::kLow;
      if (wide.literal == 0 && (wide.any_depth || runs))
        risk = writes || runs ? Risk::kCritical : Risk::kHigh;
      else if (wide.literal == 1 && wide.any_depth && runs)
        risk = Risk::kHigh;
      else if (runs || (wide.literal == 1 && wide.any_depth && writes))
        risk = Risk::kMedium;
      if (risk == Risk::kLow) continue;
      const std::string what = runs ? "execute" : ir::names::access_text(use.access);
      out_.finding(severity(risk), use.position, "broad-pattern",
                   program(use.row) + " may " + what + " all that " + text::quoted(pattern.text) + " matches",
                   runs ? "name each program" : "name the directories, or a class such as {uuid} for names born at run time",
                   risk_name(risk));
    }
  }

  // It looks as if it granted something, and is dead.
  void report_process(const passes::PathPattern& pattern) {
    const auto report = [&](ir::Position position, const char* what) {
      out_.finding(Severity::kWarning, position, "process-by-name",
                   text::quoted(pattern.text) + what + ": the hooks know no process by number, self or thread-self", std::string(passes::kProcessRemedy),
                   risk_name(Risk::kLow));
    };
    for (const passes::Use& use : pattern.uses) report(use.position, " grants nothing");
    for (const passes::PathCost& cost : pattern.costs) report(cost.position, " meets nothing");
  }

  // Any file that has lost its name. The proof that nothing is both written and executed is about paths, and this has none: of what the workload wrote and
  // removed the kernel knows by its mark alone, which goes with the inode and which a descriptor from outside does not set (SECURITY.md). Not refused:
  // a package manager that replaces a running program makes one of that program.
  void look_at_unlinked(const passes::PathPattern& pattern) {
    const Risk risk = somebody_writes() ? Risk::kHigh : Risk::kMedium;
    for (const passes::Use& use : pattern.uses) {
      const bool maps = use.kind == passes::UseKind::kFile;
      if (use.unsafe || (maps && (use.access & TL_MAP) == 0)) continue;
      out_.finding(severity(risk), use.position, "broad-pattern",
                   program(use.row) + " may " + (maps ? "map" : "execute") + " any file that has lost its name" +
                       (risk == Risk::kHigh ? ", and the workload writes files: that it wrote one the kernel alone knows, while it keeps the inode" : ""),
                   "remove it where the workload runs without it: programs are replaced when an image is built", risk_name(risk));
    }
  }

  bool somebody_writes() const {
    return std::any_of(policy_.nodes.begin(), policy_.nodes.end(), [](const ir::Node& node) {
      return std::any_of(node.files.begin(), node.files.end(), [](const ir::FileRule& rule) { return (rule.access & kMaking) != 0; });
    });
  }

  // What an interpreter reads is what it runs, and no hook tells a script from data: so a listening one that writes what it reads is as good as one that
  // writes what it executes.
  void look_for_scripts() {
    std::set<std::pair<uint32_t, const passes::Use*>, ByPattern> written;
    for (const std::vector<uint32_t>& set : paths_.dfa.sets) {
      std::map<uint32_t, ir::AccessSet> words;
      each_script(set, [&](uint32_t, const passes::Use& use) { words[use.row] = static_cast<ir::AccessSet>(words[use.row] | use.access); });
      each_script(set, [&](uint32_t number, const passes::Use& use) {
        if ((use.access & kMaking) != 0 && (words[use.row] & TL_READ) != 0) written.emplace(number, &use);
      });
    }
    for (const auto& [number, use] : written)
      out_.finding(Severity::kNote, use->position, "written-scripts",
                   "the interpreter " + program(use->row) + ", which listens to the network, reads and changes " + text::quoted(paths_.patterns[number].text) +
                       ": a script that it writes there is code that it runs",
                   "keep its scripts where it may not write, and name the files of data", risk_name(Risk::kMedium));
  }

  // Rules for files of nodes that are interpreters and listen. Devices and processes hold no scripts.
  template <typename Do>
  void each_script(const std::vector<uint32_t>& set, Do act) const {
    for (const uint32_t number : set) {
      const std::string& text = paths_.patterns[number].text;
      if (text.starts_with("/dev/") || text.starts_with("/proc/") || text.starts_with("/sys/")) continue;
      for (const passes::Use& use : paths_.patterns[number].uses)
        if (use.kind == passes::UseKind::kFile && listening_interpreters_.contains(use.row)) act(number, use);
    }
  }

  // By pattern number first: the order of the policy, not of addresses.
  struct ByPattern {
    bool operator()(const std::pair<uint32_t, const passes::Use*>& a, const std::pair<uint32_t, const passes::Use*>& b) const {
      return a.first != b.first ? a.first < b.first : std::less<>()(a.second, b.second);  // uses of one pattern lie in one vector
    }
  };

  const ir::Policy& policy_;
  const passes::Paths& paths_;
  Diagnostics& out_;
  Reach reach_;
  uint32_t most_, most_of_one_;  // combinations (of one pattern: states as well)
  std::vector<SensitiveSet> always_;  // by pattern: at each name that it matches
  std::map<std::pair<uint32_t, const passes::Use*>, Finding, ByPattern> sensitive_;
  struct Interpreter {
    std::string example;
    bool shell = false;
  };
  std::map<std::pair<uint32_t, const passes::Use*>, std::string, ByPattern> shells_;
  std::map<std::pair<uint32_t, const passes::Use*>, Interpreter, ByPattern> interpreters_;
  std::set<uint32_t> listening_interpreters_;  // rows
};

}  // namespace

void grade_paths(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics, uint32_t most) {
  PathGrader(policy, paths, diagnostics, most != 0 ? most : passes::most_combinations(paths.dfa.states.size())).run();
}

}  // namespace treeline::analysis
