// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::passes {
namespace {

constexpr ir::AccessSet kWriting = TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK;
constexpr size_t kMostPairs = 10'000;  // of rules that meet; more are counted as one

bool writes(const Use& use) { return use.kind == UseKind::kFile && (use.access & kWriting) != 0; }
bool executes(const Use& use) { return use.kind != UseKind::kFile || (use.access & TL_MAP) != 0; }

std::string how_executed(const Use& use) {
  if (use.kind == UseKind::kStep) return "executed";
  return use.kind == UseKind::kInterpreter ? "run as an interpreter" : "mapped executable";
}

std::string place(ir::Position position) {
  return position.line == 0 ? "" : " (line " + std::to_string(position.line) + ")";
}

// The first use of each kind that a pattern has.
struct Stance {
  const Use* writes = nullptr;
  const Use* writes_unsafe = nullptr;
  const Use* executes = nullptr;
  const Use* executes_unsafe = nullptr;
  bool steps = false;
};

Stance stance_of(const PathPattern& pattern) {
  Stance stance;
  const auto keep = [](const Use*& first, const Use& use) {
    if (first == nullptr) first = &use;
  };
  for (const Use& use : pattern.uses) {
    if (writes(use)) keep(use.unsafe ? stance.writes_unsafe : stance.writes, use);
    if (executes(use)) keep(use.unsafe ? stance.executes_unsafe : stance.executes, use);
    stance.steps = stance.steps || use.kind == UseKind::kStep;
  }
  return stance;
}

class Checker {
 public:
  Checker(const ir::Policy& policy, const Paths& paths, Diagnostics& diagnostics)
      : policy_(policy), paths_(paths), diagnostics_(diagnostics) {
    for (const PathPattern& pattern : paths.patterns) stances_.push_back(stance_of(pattern));
  }

  bool run() {
    find_meetings();
    look_at_memory();
    const std::vector<std::string> texts = witnesses(paths_.dfa, wanted_);
    for (const auto& [pair, meeting] : written_and_executed_) report_pair(pair.first, pair.second, meeting, texts);
    for (const auto& [key, set] : ambiguous_) report_ambiguous(key, witness(texts, set));
    if (written_and_executed_.size() >= kMostPairs) {
      diagnostics_.error({}, "write-and-execute",
                         "more than " + std::to_string(kMostPairs) + " pairs of rules meet; the rest is not listed",
                         "mend the listed ones first");
      good_ = false;
    }
    report_signatures();
    return good_;
  }

 private:
  struct Fork {  // two steps of one row
    uint32_t row;
    const Use* first;
    const Use* second;
    uint32_t first_pattern;
    uint32_t second_pattern;
    auto key() const { return std::tuple(row, first->next, second->next, first_pattern, second_pattern); }
    friend bool operator<(const Fork& a, const Fork& b) { return a.key() < b.key(); }
  };

  struct Meeting {
    uint32_t set = 0;
    bool signed_for = false;
  };
  using SignedWords = std::map<uint32_t, ir::AccessSet>;  // by row

  // An accept set that the start cannot reach does not exist: each was made with a state.
  void find_meetings() {
    const std::vector<std::vector<uint32_t>>& sets = paths_.dfa.sets;
    wanted_.assign(sets.size(), false);
    for (uint32_t set = 1; set < sets.size(); ++set) look_at(sets[set], set);
    for (uint32_t number = 0; number < paths_.patterns.size(); ++number) {
      if (paths_.patterns[number].reserved_class != 0) look_at({number}, 0);
    }
  }

  void look_at(const std::vector<uint32_t>& numbers, uint32_t set) {
    writers_.clear();
    executers_.clear();
    bool steps = false;
    for (uint32_t number : numbers) {
      const Stance& stance = stances_[number];
      if (stance.writes != nullptr || stance.writes_unsafe != nullptr) writers_.push_back(number);
      if (stance.executes != nullptr || stance.executes_unsafe != nullptr) executers_.push_back(number);
      steps = steps || stance.steps;
    }
    if (!writers_.empty() && !executers_.empty()) find_pairs(numbers, set);
    if (steps) find_forks(numbers, set);
  }

  void find_pairs(const std::vector<uint32_t>& numbers, uint32_t set) {
    const SignedWords words = signed_words(numbers);
    for (uint32_t writer : writers_) {
      for (uint32_t executer : executers_) {
        if (written_and_executed_.size() >= kMostPairs) return;
        const bool signed_for = all_signed(writer, writes, kWriting, words) || all_signed(executer, executes, TL_MAP, words);
        const auto [at, fresh] = written_and_executed_.try_emplace({writer, executer}, Meeting{set, signed_for});
        if (!fresh && at->second.signed_for && !signed_for) at->second = {set, false};
        wanted_[at->second.set] = at->second.set != 0;
      }
    }
  }

  SignedWords signed_words(const std::vector<uint32_t>& numbers) const {
    SignedWords words;
    for (uint32_t number : numbers)
      for (const Use& use : paths_.patterns[number].uses)
        if (use.unsafe) words[use.row] = static_cast<ir::AccessSet>(words[use.row] | use.access);
    return words;
  }

  void look_at_memory() {
    for (uint32_t number = 0; number < paths_.patterns.size(); ++number) {
      const PathPattern& pattern = paths_.patterns[number];
      const auto meeting = written_and_executed_.find({number, number});
      const bool said = meeting != written_and_executed_.end() && !meeting->second.signed_for;
      if (!made_in_memory(pattern.reserved_class) || said) continue;
      const SignedWords words = signed_words({number});
      for (const Use& use : pattern.uses) {
        if (!executes(use)) continue;
        const auto held = words.find(use.row);
        if (held != words.end() && (use.kind != UseKind::kFile || (held->second & TL_MAP) != 0)) continue;
        good_ = false;
        diagnostics_.error(use.position, "write-and-execute",
                           "what lies in " + text::quoted(pattern.text) + " is written without asking any rule, and may be " + how_executed(use),
                           "remove it; or sign for it: " + text::quoted(pattern.text) + ": {access: map, unsafe_write_and_execute: true} in the node that executes it");
      }
    }
  }

  // A rule that says of these paths no more than what the same node's signed rules say adds nothing to what was signed.
  bool all_signed(uint32_t number, bool (*asked)(const Use&), ir::AccessSet mask, const SignedWords& words) const {
    return std::all_of(paths_.patterns[number].uses.begin(), paths_.patterns[number].uses.end(), [&](const Use& use) {
      if (use.unsafe || !asked(use)) return true;
      const auto held = words.find(use.row);
      return use.kind == UseKind::kFile && held != words.end() && (use.access & mask & ~held->second) == 0;
    });
  }

  void find_forks(const std::vector<uint32_t>& numbers, uint32_t set) {
    std::map<uint32_t, std::pair<const Use*, uint32_t>> taken;  // row -> its step
    for (uint32_t number : numbers) {
      if (!stances_[number].steps) continue;
      for (const Use& use : paths_.patterns[number].uses) {
        if (use.kind != UseKind::kStep) continue;
        const auto [at, fresh] = taken.try_emplace(use.row, std::pair(&use, number));
        if (fresh || at->second.first->next == use.next || ambiguous_.size() >= kMostPairs) continue;
        const Fork fork = {use.row, at->second.first, &use, at->second.second, number};
        if (ambiguous_.try_emplace(fork, set).second) wanted_[set] = set != 0;
      }
    }
  }

  static std::string witness(const std::vector<std::string>& texts, uint32_t set) {
    return set == 0 ? "" : ", for example " + text::quoted(texts[set]);
  }

  void report_pair(uint32_t writer, uint32_t executer, Meeting meeting, const std::vector<std::string>& texts) {
    const Stance& w = stances_[writer];
    const Stance& x = stances_[executer];
    // What another pattern's signature covers is said at that pattern.
    if (meeting.signed_for && w.writes_unsafe == nullptr && x.executes_unsafe == nullptr) return;
    const Use& write = *(w.writes != nullptr ? w.writes : w.writes_unsafe);
    const Use& execute = *(x.executes != nullptr ? x.executes : x.executes_unsafe);
    const ir::AccessSet words = static_cast<ir::AccessSet>(write.access & kWriting);
    const std::string what = text::quoted(paths_.patterns[writer].text) + " may be changed (" +
                             ir::names::access_text(words) + "), and what " +
                             text::quoted(paths_.patterns[executer].text) + place(execute.position) +
                             " matches may be " + how_executed(execute) + witness(texts, meeting.set);
    if (meeting.signed_for) {
      said_.insert(write.position);
      diagnostics_.warning(write.position, "unsafe-write-and-execute", what, "signed for by unsafe_write_and_execute");
      return;
    }
    good_ = false;
    diagnostics_.error(
        write.position, "write-and-execute", what,
        "narrow one of the two patterns; or sign for it with `unsafe_write_and_execute: true` on the file rule");
  }

  // The kernel asks the executing node's own signature (bpf/lsm/written.bpf.h), whatever this proof finds: none is silent.
  void report_signatures() {
    std::vector<bool> met(paths_.patterns.size(), false);
    for (const auto& [pair, meeting] : written_and_executed_) met[pair.first] = met[pair.second] = true;
    for (uint32_t number = 0; number < paths_.patterns.size(); ++number)
      if (made_in_memory(paths_.patterns[number].reserved_class) && (stances_[number].executes != nullptr || stances_[number].executes_unsafe != nullptr)) met[number] = true;
    for (uint32_t number = 0; number < paths_.patterns.size(); ++number) {
      for (const Use& use : paths_.patterns[number].uses) {
        if (!use.unsafe || !said_.insert(use.position).second) continue;
        const std::string signature = "signed for by unsafe_write_and_execute";
        diagnostics_.warning(use.position, "unsafe-write-and-execute",
                             "what the container wrote may be executed or mapped as " + text::quoted(paths_.patterns[number].text),
                             met[number] ? signature : signature + "; no two rules write and execute what it matches: remove it");
      }
    }
  }

  std::string subject(uint32_t row) const {
    if (row == TL_ROW_ENTRY) return "the entry";
    if (row == TL_ROW_JOIN) return "what joins";
    return "node " + text::quoted(ir::canonical_path(policy_, row - TL_ROW_FIRST));
  }

  void report_ambiguous(const Fork& fork, const std::string& example) {
    good_ = false;
    const std::string& first = paths_.patterns[fork.first_pattern].text;
    const std::string& second = paths_.patterns[fork.second_pattern].text;
    diagnostics_.error(fork.second->position, "ambiguous-step",
                       "two steps of " + subject(fork.row) + " match the same executable: " + text::quoted(second) +
                           " and " + text::quoted(first) + place(fork.first->position) + example,
                       "make the patterns disjoint, or merge the two nodes");
  }

  const ir::Policy& policy_;
  const Paths& paths_;
  Diagnostics& diagnostics_;
  std::vector<Stance> stances_;
  std::vector<bool> wanted_;
  std::vector<uint32_t> writers_, executers_;
  std::map<std::pair<uint32_t, uint32_t>, Meeting> written_and_executed_;  // (writer, executer)
  std::map<Fork, uint32_t> ambiguous_;
  std::set<ir::Position> said_;  // of rules whose signature was reported
  bool good_ = true;
};

}  // namespace

// Its contents come by a call that no hook asks about: memfd_create(2) and write(2), shmat(2); the memory of a packet socket, a ring, a map or a counter.
bool made_in_memory(uint32_t reserved_class) {
  switch (reserved_class) {
    case TL_CLASS_MEMFD:
    case TL_CLASS_SYSV_SHM:
    case TL_CLASS_SOCKET:
    case TL_CLASS_ANON_OTHER:
    case TL_CLASS_ANON_IO_URING:
    case TL_CLASS_ANON_BPF:
    case TL_CLASS_ANON_PERF:
      return true;
    default:
      return false;
  }
}

bool check_paths(const ir::Policy& policy, const Paths& paths, Diagnostics& diagnostics) {
  return Checker(policy, paths, diagnostics).run();
}

}  // namespace treeline::passes
