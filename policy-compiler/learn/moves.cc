// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/moves.h"

#include <bit>
#include <map>
#include <set>
#include <string>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/fold_tree.h"
#include "policy-compiler/learn/object_name.h"

namespace treeline::learn {
namespace {

constexpr ir::AccessSet kNeverImplied = TL_EXECUTE | TL_MAP;
constexpr ir::AccessSet kMadeAndWritten = TL_CREATE | TL_WRITE;
constexpr int kMaxRounds = 8;  // a file renamed twice takes two

// One node's rules, to be asked for a name: the literal one by its text, the folded ones by the directory in which their first class stands.
class Rules {
 public:
  explicit Rules(std::vector<LearnedFile> files) {
    for (LearnedFile& file : files) insert(std::move(file));
  }
  LearnedFile& insert(LearnedFile file) {  // NOLINT(performance-unnecessary-value-param): it is moved
    if (file.folded) folded_[literal_above(file.path)].insert(file.pattern);
    std::string text = file.pattern;
    return by_text_.try_emplace(std::move(text), std::move(file)).first->second;
  }
  std::vector<LearnedFile> take() {
    std::vector<LearnedFile> out;
    for (auto& [text, file] : by_text_) out.push_back(std::move(file));
    return out;
  }
  template <typename Each>
  void covering(const std::vector<std::string>& name, Each each) const {
    if (const auto literal = by_text_.find(pattern_text(join(name))); literal != by_text_.end()) each(literal->second);
    std::string above;
    for (const std::string& component : name) {
      if (const auto here = folded_.find(above); here != folded_.end()) {
        for (const std::string& text : here->second) {
          if (const LearnedFile& file = by_text_.at(text); matches(file.path, name)) each(file);
        }
      }
      above += "/" + pattern_component(component);
    }
  }
  // The rule by which one of `words` is granted on this name: a folded one first, the pattern that later names of its
  // kind will meet.
  const LearnedFile* granting(const std::vector<std::string>& name, ir::AccessSet words) const {
    const LearnedFile* found = nullptr;
    covering(name, [&](const LearnedFile& file) {
      if ((file.access() & words) != 0 && (found == nullptr || (file.folded && !found->folded))) found = &file;
    });
    return found;
  }
  ir::AccessSet rights(const std::vector<std::string>& name) const {
    ir::AccessSet out = 0;
    covering(name, [&](const LearnedFile& file) { out = static_cast<ir::AccessSet>(out | file.access()); });
    return out;
  }

 private:
  static std::string literal_above(const PathPattern& path) {
    std::string out;
    for (const NamePattern& name : path) {
      if (name.folded()) break;
      out += "/" + name.text();
    }
    return out;
  }

  std::map<std::string, LearnedFile> by_text_;
  std::map<std::string, std::set<std::string>> folded_;
};

struct Pair {
  std::vector<std::string> from, to;
  LearnedFile as, onto;  // the rules of the two names without their words, for nodes that have none
  std::set<uint32_t> movers = {};
};

LearnedFile without_words(LearnedFile rule) {
  rule.words.clear();
  rule.implied = 0;
  return rule;
}

// In the draft: what was written as well is executed and mapped by no node of it.
bool is_executed(const Observed& observed, const std::string& name) {
  return observed.executed.contains(name) && !observed.written.contains(name);
}

void ask(const Observed& observed, uint32_t node, const std::set<std::string>& ends, std::vector<Question>& questions) {
  std::vector<std::string> examples(ends.begin(), ends.end());
  if (examples.size() > kMostExamples) examples.resize(kMostExamples);
  questions.push_back({QuestionKind::kLeftOut, "renamed-and-executed", observed_path(observed, node),
                       std::to_string(ends.size()) + (ends.size() == 1 ? " file that is executed or mapped was" : " files that are executed or mapped were") +
                           " renamed: refused, as who puts a name in place may write it",
                       "put the new version into the image; renaming what is executed takes a person's signature in the profile",
                       std::move(examples)});
}

}  // namespace

uint64_t close_over_moves(const Observed& observed, std::vector<std::vector<LearnedFile>>& files, std::vector<Question>& questions) {
  std::vector<Rules> nodes;
  for (auto& list : files) nodes.emplace_back(std::move(list));
  // One pair of names stands for all that met the same two patterns.
  std::map<std::pair<std::string, std::string>, Pair> pairs;
  std::map<uint32_t, std::set<std::string>> left_out;
  for (const Move& move : observed.moves) {
    if (!is_path(move.from) || !is_path(move.to) || move.from == move.to) continue;
    const uint32_t who = current_node(observed, move.node);
    const Rules& rules = nodes[who];
    std::vector<std::string> from = split(move.from), to = split(move.to);
    const LearnedFile* old_rule = rules.granting(from, TL_DELETE);
    const LearnedFile* new_rule = rules.granting(to, TL_RENAME_IN | TL_CREATE | TL_LINK);
    if (old_rule == nullptr || new_rule == nullptr || old_rule == new_rule) continue;
    // Who may put a name in place may write it, and W and X never meet. No class matches what is executed: the rule is the name's own.
    if (is_executed(observed, move.from)) {
      left_out[who].insert(pattern_text(move.from) + " -> " + pattern_text(move.to));
      continue;
    }
    Pair pair{std::move(from), std::move(to), without_words(*old_rule), without_words(*new_rule)};
    pairs.try_emplace({old_rule->pattern, new_rule->pattern}, std::move(pair)).first->second.movers.insert(who);
  }
  for (const auto& [node, ends] : left_out) ask(observed, node, ends, questions);
  uint64_t added = 0;
  for (int round = 0; round < kMaxRounds; round++) {
    bool changed = false;
    for (const auto& [patterns, pair] : pairs) {
      for (Rules& rules : nodes) {
        const ir::AccessSet held = rules.rights(pair.from);
        auto missing = static_cast<ir::AccessSet>(rules.rights(pair.to) & ~held & ~kNeverImplied);
        if ((held & TL_WRITE) != 0) missing = static_cast<ir::AccessSet>(missing & ~TL_APPEND);
        if (missing == 0) continue;
        LearnedFile& rule = rules.insert(pair.as);
        rule.implied = static_cast<ir::AccessSet>(rule.implied | missing);
        added += static_cast<uint64_t>(std::popcount(missing));
        changed = true;
      }
    }
    if (!changed) break;
  }
  // What is written under one name and put under the other replaces, the next time, what lies there by then.
  for (const auto& [patterns, pair] : pairs)
    for (const uint32_t who : pair.movers) {
      const ir::AccessSet held = nodes[who].rights(pair.from);
      if ((held & kMadeAndWritten) != kMadeAndWritten || (nodes[who].rights(pair.to) & (TL_RENAME_IN | TL_DELETE)) != TL_RENAME_IN) continue;
      LearnedFile& rule = nodes[who].insert(pair.onto);
      rule.implied = static_cast<ir::AccessSet>(rule.implied | TL_DELETE);
      ++added;
    }
  for (size_t i = 0; i < files.size(); i++) files[i] = nodes[i].take();
  return added;
}

}  // namespace treeline::learn
