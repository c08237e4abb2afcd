// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/ir/names.h"

namespace treeline::analysis {
namespace {

// Access words, and above them the right to interpret the script that the row is, and a signature: what the container wrote may be executed.
using Words = uint32_t;
constexpr Words kInterpret = 1u << 16;
constexpr Words kUnsafe = 1u << 17;

Words granted_by(const passes::Use& use) {
  if (use.kind == passes::UseKind::kInterpreter) return kInterpret;
  if (use.kind == passes::UseKind::kStep) return 0;  // compare_steps
  const Words words = (use.access & TL_WRITE) != 0 ? use.access | Words{TL_APPEND} : Words{use.access};
  return use.unsafe ? words | kUnsafe : words;
}

// What each row of one version holds at the spot that is looked at.
class Held {
 public:
  explicit Held(const Version& version) : version_(version), words_(TL_ROW_FIRST + version.policy->nodes.size(), 0) {}

  void look_at(const std::vector<uint32_t>& numbers) {
    for (const uint32_t row : rows_) words_[row] = 0;
    rows_.clear();
    executed_ = false;
    for (const uint32_t number : numbers) {
      for (const passes::Use& use : version_.paths->patterns[number].uses) {
        executed_ = executed_ || use.kind != passes::UseKind::kFile || (use.access & TL_MAP) != 0;
        const Words words = granted_by(use);
        if (words == 0) continue;
        if (words_[use.row] == 0) rows_.push_back(use.row);
        words_[use.row] |= words;
      }
    }
  }
  Words of(uint32_t row) const { return words_[row]; }
  const std::vector<uint32_t>& rows() const { return rows_; }
  bool executed() const { return executed_; }  // by any node

 private:
  const Version& version_;
  std::vector<Words> words_;
  std::vector<uint32_t> rows_;
  bool executed_ = false;
};

class Files {
 public:
  explicit Files(const Comparison& comparison)
      : in_(comparison), before_(comparison.before), after_(comparison.after) {
    of_before_.resize(TL_ROW_FIRST + comparison.before.policy->nodes.size());
    of_after_.resize(TL_ROW_FIRST + comparison.after.policy->nodes.size());
    for (uint32_t i = 0; i < in_.tree.pairs.size(); ++i) {
      of_before_[in_.tree.pairs[i].before].push_back(i);
      of_after_[in_.tree.pairs[i].after].push_back(i);
    }
    differs_.assign(in_.tree.pairs.size(), false);
    for (const passes::PathPattern& pattern : in_.after.paths->patterns)
      for (const passes::Use& use : pattern.uses) signed_anywhere_ = signed_anywhere_ || use.unsafe;
  }

  void find(std::vector<Differs>& differing) {
    for (uint32_t s = 0; s < differing.size(); ++s)
      each_difference(in_.spots.list()[s], [&](uint32_t, Words gained, Words) {
        differing[s] = std::max(differing[s], gained != 0 ? Differs::kMore : Differs::kLess);
      });
  }

  void run(Changes& changes) {
    for (const Sight& sight : in_.spots.sights())
      each_difference(in_.spots.list()[sight.spot], [&](uint32_t pair, Words gained, Words lost) {
        blame(sight, pair, gained, true);
        blame(sight, pair, lost, false);
      });
    if (entries_.empty()) return;
    for (const Spot& spot : in_.spots.list()) look_for_kept(spot);
    for (auto& [key, entry] : entries_) changes[key.pair].push_back(change(key, entry));
  }

 private:
  struct Key {
    uint32_t pair;
    bool gained;
    uint32_t pattern;
    uint32_t use;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Entry {
    Words words = 0;
    bool whole = true;
    const Sight* example = nullptr;
    Grade grade;
  };

  template <typename Each>
  void each_difference(const Spot& spot, Each each) {
    before_.look_at(*spot.before);
    after_.look_at(*spot.after);
    const auto compare = [&](uint32_t pair) {
      const Words old_words = before_.of(in_.tree.pairs[pair].before), new_words = after_.of(in_.tree.pairs[pair].after);
      if (old_words != new_words) each(pair, new_words & ~old_words, old_words & ~new_words);
    };
    for (const uint32_t row : before_.rows())
      for (const uint32_t pair : of_before_[row]) compare(pair);
    for (const uint32_t row : after_.rows())
      for (const uint32_t pair : of_after_[row])
        if (before_.of(in_.tree.pairs[pair].before) == 0) compare(pair);
  }

  // The rules that grant what differs.
  void blame(const Sight& sight, uint32_t pair, Words words, bool gained) {
    if (words == 0) return;
    const uint32_t row = gained ? in_.tree.pairs[pair].after : in_.tree.pairs[pair].before;
    const Version& version = gained ? in_.after : in_.before;
    const Spot& spot = in_.spots.list()[sight.spot];
    for (const uint32_t number : gained ? *spot.after : *spot.before) {
      const std::vector<passes::Use>& uses = version.paths->patterns[number].uses;
      for (uint32_t u = 0; u < uses.size(); ++u) {
        const Words by_this = uses[u].row == row ? granted_by(uses[u]) & words : 0;
        if (by_this == 0) continue;
        Entry& entry = entries_[{pair, gained, number, u}];
        // Sights come shortest name first, but an alarming one says more.
        const Grade grade_here = gained ? grade(by_this, sight, number, row) : Grade{};
        if (entry.example == nullptr || grade_here.risk > entry.grade.risk) entry.example = &sight;
        entry.grade = graver(std::move(entry.grade), grade_here);
        entry.words |= by_this;
        differs_[pair] = true;
      }
    }
  }

  // Of a pattern of the new version. What all its names are, each of them is: without such a kind here there is none to ask for. nullopt: not known.
  std::optional<SensitiveSet> kinds_here(SensitiveSet kinds, uint32_t number) {
    if (kinds >> kSensitiveKinds == 0) return kinds;
    const auto [at, fresh] = always_.try_emplace(number);
    if (fresh) {
      const PatternKinds::Found found = in_.kinds.of(in_.after.paths->patterns[number].text);
      // One name without it is enough to know that not all have it.
      if (found.complete || found.always() >> kSensitiveKinds == 0) at->second = found.always();
    }
    if (!at->second) return std::nullopt;
    return here(kinds, *at->second);
  }

  // By text, whether a name is executed is not known where a signature lets it be written too.
  Grade grade(Words words, const Sight& sight, uint32_t number, uint32_t row) {
    const bool executed = after_.executed() || (in_.spots.by_text() && signed_anywhere_);
    const std::optional<SensitiveSet> kinds = kinds_here(sight.kinds, number);
    const ir::AccessSet held = words_of(static_cast<ir::AccessSet>(words & 0xffff), node_at(*in_.after.policy, row));
    Grade grade = grade_file(held, kinds.value_or(0), executed);
    if (!sight.known || !kinds) grade = graver(std::move(grade), not_graded());
    if ((words & kInterpret) != 0) grade = graver(std::move(grade), {Risk::kHigh, "runs what the script says"});
    if ((words & kUnsafe) != 0) grade = graver(std::move(grade), {Risk::kCritical, "what the container wrote may be executed here"});
    return grade;
  }

  // Is there a place where the rule holds and nothing differs? Then it is a part of the rule that does.
  void look_for_kept(const Spot& spot) {
    before_.look_at(*spot.before);
    after_.look_at(*spot.after);
    for (const bool gained : {true, false}) {
      const Version& version = gained ? in_.after : in_.before;
      for (const uint32_t number : gained ? *spot.after : *spot.before) {
        const std::vector<passes::Use>& uses = version.paths->patterns[number].uses;
        for (uint32_t u = 0; u < uses.size(); ++u) {
          for (const uint32_t pair : (gained ? of_after_ : of_before_)[uses[u].row]) {
            if (!differs_[pair]) continue;
            const auto at = entries_.find({pair, gained, number, u});
            if (at == entries_.end()) continue;
            const Words other = gained ? before_.of(in_.tree.pairs[pair].before) : after_.of(in_.tree.pairs[pair].after);
            if ((other & at->second.words) != 0) at->second.whole = false;
          }
        }
      }
    }
  }

  Change change(const Key& key, Entry& entry) const {
    const Version& version = key.gained ? in_.after : in_.before;
    const passes::PathPattern& pattern = version.paths->patterns[key.pattern];
    const passes::Use& use = pattern.uses[key.use];
    Change change;
    change.effect = key.gained ? Effect::kAllowed : Effect::kDenied;
    change.risk = entry.grade.risk;
    change.why = std::move(entry.grade.why);
    change.kind = use.kind == passes::UseKind::kInterpreter ? "interpreter" : "file";
    change.words = ir::names::access_text(static_cast<ir::AccessSet>(entry.words & 0xffff));
    if ((entry.words & kUnsafe) != 0) change.words += (change.words.empty() ? "" : " ") + std::string("unsafe_write_and_execute");
    change.what = pattern.text;
    change.example = name_text(*entry.example);
    if (change.example == change.what) change.example.clear();
    change.whole = entry.whole;
    change.position = use.position;
    return change;
  }

  const Comparison& in_;
  Held before_, after_;
  std::vector<std::vector<uint32_t>> of_before_, of_after_;  // by row: its pairs
  std::vector<bool> differs_;                                // by pair
  std::map<uint32_t, std::optional<SensitiveSet>> always_;   // by pattern of the new version: at each name that it matches
  bool signed_anywhere_ = false;                             // in the new version
  std::map<Key, Entry> entries_;
};

}  // namespace

void find_differing_files(const Comparison& comparison, std::vector<Differs>& differing) { Files(comparison).find(differing); }
void compare_files(const Comparison& comparison, Changes& changes) { Files(comparison).run(changes); }

}  // namespace treeline::analysis
