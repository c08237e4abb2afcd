// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy-compiler/passes/dfa.h"

namespace treeline::passes {
namespace {

using Members = std::vector<uint32_t>;  // ascending, closed, only states that matter

uint64_t hash_of(const uint32_t* first, size_t count) {
  uint64_t hash = count;
  for (size_t i = 0; i < count; ++i) hash = tl_mix(hash ^ first[i]) + 0x9e3779b97f4a7c15ull;
  return hash;
}

// Subsets, each stored once; their numbers are the states of the automaton. Number 0 is the empty subset.
class Subsets {
 public:
  Subsets() : offsets_{0, 0}, table_(1024, 0) {}

  uint32_t size() const { return static_cast<uint32_t>(offsets_.size() - 1); }
  uint64_t members() const { return pool_.size(); }
  const uint32_t* begin(uint32_t id) const { return pool_.data() + offsets_[id]; }
  uint32_t count(uint32_t id) const { return static_cast<uint32_t>(offsets_[id + 1] - offsets_[id]); }

  uint32_t intern(const uint32_t* first, size_t count, bool& fresh) {
    fresh = false;
    if (count == 0) return 0;
    if (2 * offsets_.size() > table_.size()) grow();
    size_t slot = hash_of(first, count) & (table_.size() - 1);
    for (; table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1)) {
      const uint32_t id = table_[slot];
      if (this->count(id) == count && std::equal(first, first + count, begin(id))) return id;
    }
    fresh = true;
    const uint32_t id = size();
    table_[slot] = id;
    pool_.insert(pool_.end(), first, first + count);
    offsets_.push_back(pool_.size());
    return id;
  }

 private:
  void grow() {
    table_.assign(table_.size() * 4, 0);
    for (uint32_t id = 1; id < size(); ++id) {
      size_t slot = hash_of(begin(id), count(id)) & (table_.size() - 1);
      while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
      table_[slot] = id;
    }
  }

  std::vector<uint64_t> offsets_;
  std::vector<uint32_t> pool_;
  std::vector<uint32_t> table_;
};

class AcceptSets {
 public:
  explicit AcceptSets(std::vector<std::vector<uint32_t>>& sets) : sets_(sets), table_(1024, 0) { sets_.emplace_back(); }

  uint32_t intern(std::vector<uint32_t>& numbers) {
    if (numbers.empty()) return 0;
    std::sort(numbers.begin(), numbers.end());
    if (2 * sets_.size() > table_.size()) grow();
    size_t slot = hash_of(numbers.data(), numbers.size()) & (table_.size() - 1);
    for (; table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1)) {
      if (sets_[table_[slot]] == numbers) return table_[slot];
    }
    table_[slot] = static_cast<uint32_t>(sets_.size());
    sets_.push_back(numbers);
    return table_[slot];
  }

 private:
  void grow() {
    table_.assign(table_.size() * 4, 0);
    for (uint32_t id = 1; id < sets_.size(); ++id) {
      size_t slot = hash_of(sets_[id].data(), sets_[id].size()) & (table_.size() - 1);
      while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
      table_[slot] = id;
    }
  }

  std::vector<std::vector<uint32_t>>& sets_;
  std::vector<uint32_t> table_;
};

class Determiniser {
 public:
  Determiniser(const Nfa& nfa, const Budget& budget)
      : nfa_(nfa), budget_(budget), accept_sets_(dfa_.sets), single_(nfa.size(), 0) {}

  DeterminiseResult run() {
    DeterminiseResult result;
    dfa_.states.resize(1);  // dead
    const Nfa::Span start = nfa_.closure(0);
    if (state_of(start.first, static_cast<size_t>(start.last - start.first)) == 0)
      dfa_.states.resize(2);  // no pattern at all
    for (uint32_t state = 1; state < subsets_.size(); ++state) {
      row(state);
      if (over_budget(result.excess)) {
        result.states = subsets_.size();
        result.cost = costs();
        return result;
      }
    }
    result.states = static_cast<uint32_t>(dfa_.states.size());
    result.dfa = std::move(dfa_);
    return result;
  }

 private:
  // Target 0 is the start, which no edge leads to.
  static constexpr uint32_t kNoTarget = 0;
  struct Move {
    uint8_t byte;
    uint32_t target;
    friend bool operator<(const Move& a, const Move& b) {
      return a.byte != b.byte ? a.byte < b.byte : a.target < b.target;
    }
    friend bool operator==(const Move&, const Move&) = default;
  };

  bool over_budget(std::string& excess) const {
    if (subsets_.size() > budget_.states)
      excess = "more than " + std::to_string(budget_.states) + " states";
    else if (dfa_.bytes.size() > budget_.transitions)
      excess = "more than " + std::to_string(budget_.transitions) + " transitions";
    else if (subsets_.members() > budget_.members)
      excess = "more than " + std::to_string(budget_.members) + " overlapping positions";
    else if (effort_ > budget_.effort)
      excess = "too many overlapping wildcards (" + std::to_string(subsets_.size()) + " states so far)";
    return !excess.empty();
  }

  // The state of a closed subset.
  uint32_t state_of(const uint32_t* first, size_t count) {
    effort_ += count;
    bool fresh = false;
    const uint32_t state = subsets_.intern(first, count, fresh);
    if (!fresh) return state;
    accepted_.clear();
    for (size_t i = 0; i < count; ++i) {
      if (nfa_.accepts(first[i])) nfa_.accepted(first[i], accepted_);
    }
    dfa_.states.resize(subsets_.size());
    dfa_.states[state].label = accept_sets_.intern(accepted_);
    return state;
  }

  // The state of one position's closure; most rows of a literal path need no more.
  uint32_t state_of(uint32_t position) {
    if (single_[position] == 0) {
      const Nfa::Span closure = nfa_.closure(position);
      single_[position] = state_of(closure.first, static_cast<size_t>(closure.last - closure.first));
    }
    return single_[position];
  }

  void close(Members& members, const uint32_t* targets, size_t count) {
    members.clear();
    for (size_t i = 0; i < count; ++i) {
      const Nfa::Span closure = nfa_.closure(targets[i]);
      members.insert(members.end(), closure.begin(), closure.end());
    }
    effort_ += members.size();
    if (count > 1) {
      std::sort(members.begin(), members.end());
      members.erase(std::unique(members.begin(), members.end()), members.end());
    }
  }

  // The row's edges: moves_ by byte, wide_ for those of (nearly) every byte of a name. `holes_` are the bytes that some
  // wide edge lacks; each is a move of its own, made of all its targets.
  void collect(uint32_t state) {
    moves_.clear();
    wide_.clear();
    partial_.clear();
    const uint32_t count = subsets_.count(state);
    for (uint32_t i = 0; i < count; ++i) {
      for (uint32_t at = nfa_.first_edge(subsets_.begin(state)[i]); at != Nfa::kNone; at = nfa_.edge(at).next) {
        const Nfa::Edge& edge = nfa_.edge(at);
        if (edge.label < Nfa::kFirstSet) {
          moves_.push_back({static_cast<uint8_t>(edge.label), edge.target});
        } else if (edge.label == Nfa::kNameSet) {
          wide_.push_back(edge.target);
        } else if (nfa_.set(edge.label).size() > 127) {
          wide_.push_back(edge.target);
          partial_.push_back(edge);
        } else {
          const ByteSet& set = nfa_.set(edge.label);
          for (unsigned byte = 1; byte < 256; ++byte) {
            if (set.contains(static_cast<uint8_t>(byte))) moves_.push_back({static_cast<uint8_t>(byte), edge.target});
          }
        }
      }
    }
    if (!partial_.empty()) collect_holes(state);
    std::sort(moves_.begin(), moves_.end());
    moves_.erase(std::unique(moves_.begin(), moves_.end()), moves_.end());
    effort_ += moves_.size();
  }

  void collect_holes(uint32_t state) {
    holes_ = ByteSet();
    for (const Nfa::Edge& edge : partial_) {
      const ByteSet lacking = nfa_.set(edge.label).complement();
      for (unsigned byte = 1; byte < 256; ++byte) {
        if (lacking.contains(static_cast<uint8_t>(byte))) holes_.add(static_cast<uint8_t>(byte));
      }
    }
    const uint32_t count = subsets_.count(state);
    for (uint32_t i = 0; i < count; ++i) {
      for (uint32_t at = nfa_.first_edge(subsets_.begin(state)[i]); at != Nfa::kNone; at = nfa_.edge(at).next) {
        const Nfa::Edge& edge = nfa_.edge(at);
        if (edge.label < Nfa::kFirstSet || nfa_.set(edge.label).size() <= 127) continue;
        for (unsigned byte = 1; byte < 256; ++byte) {
          const uint8_t b = static_cast<uint8_t>(byte);
          if (holes_.contains(b) && nfa_.set(edge.label).contains(b)) moves_.push_back({b, edge.target});
        }
      }
    }
  }

  // A hole without any target is an exception too: it leads to the dead state. Marked by a target that sorts first.
  void add_dead_holes() {
    for (unsigned byte = 1; byte < 256; ++byte) {
      if (holes_.contains(static_cast<uint8_t>(byte))) moves_.push_back({static_cast<uint8_t>(byte), kNoTarget});
    }
    std::sort(moves_.begin(), moves_.end());
  }

  bool is_hole(uint8_t byte) const { return !partial_.empty() && holes_.contains(byte); }

  void row(uint32_t state) {
    collect(state);
    const uint32_t first = static_cast<uint32_t>(dfa_.bytes.size());
    uint32_t otherwise = 0;
    if (!wide_.empty()) {
      close(wide_members_, wide_.data(), wide_.size());
      otherwise = state_of(wide_members_.data(), wide_members_.size());
    }
    if (!partial_.empty()) add_dead_holes();
    bool slash = false;
    last_targets_.clear();
    for (size_t i = 0; i < moves_.size();) {
      const uint8_t byte = moves_[i].byte;
      targets_.clear();
      for (; i < moves_.size() && moves_[i].byte == byte; ++i) targets_.push_back(moves_[i].target);
      if (targets_[0] == kNoTarget) targets_.erase(targets_.begin());
      if (byte == '/') {
        slash = true;
        close(members_, targets_.data(), targets_.size());
        add(byte, state_of(members_.data(), members_.size()), otherwise);
        last_targets_.clear();
        continue;
      }
      if (!slash && byte > '/' && otherwise != 0) {
        add('/', 0, otherwise);
        slash = true;
      }
      if (is_hole(byte)) {
        close(members_, targets_.data(), targets_.size());
        add(byte, state_of(members_.data(), members_.size()), otherwise);
        last_targets_.clear();
        continue;
      }
      if (targets_ != last_targets_) {
        last_next_ = successor(otherwise);
        last_targets_ = targets_;
      }
      add(byte, last_next_, otherwise);
    }
    if (!slash && otherwise != 0) add('/', 0, otherwise);
    Dfa::State& row = dfa_.states[state];
    row.first = first;
    row.count = static_cast<uint32_t>(dfa_.bytes.size()) - first;
    row.otherwise = otherwise;
  }

  // The state behind a byte of a name: its own targets, and those of the wildcards.
  uint32_t successor(uint32_t otherwise) {
    if (otherwise == 0) {
      if (targets_.size() == 1) return state_of(targets_[0]);
      close(members_, targets_.data(), targets_.size());
      return state_of(members_.data(), members_.size());
    }
    close(members_, targets_.data(), targets_.size());
    merged_.clear();
    std::set_union(members_.begin(), members_.end(), wide_members_.begin(), wide_members_.end(),
                   std::back_inserter(merged_));
    return state_of(merged_.data(), merged_.size());
  }

  void add(uint8_t byte, uint32_t next, uint32_t otherwise) {
    if (next == otherwise) return;
    dfa_.bytes.push_back(byte);
    dfa_.nexts.push_back(next);
  }

  // Where patterns begin alike they share their wildcards, and the fixed places behind these are what multiplies (/**/*a?b?c).
  std::vector<uint32_t> costs() const {
    std::vector<uint32_t> of_loops = costs([this](uint32_t position) { return nfa_.looping_owner(position); });
    return of_loops.empty() ? costs([this](uint32_t position) { return nfa_.owner(position); }) : of_loops;
  }

  template <typename Owner>
  std::vector<uint32_t> costs(Owner owner_of) const {
    std::vector<uint32_t> cost, last;
    for (uint32_t state = 1; state < subsets_.size(); ++state) {
      for (uint32_t i = 0; i < subsets_.count(state); ++i) {
        const uint32_t owner = owner_of(subsets_.begin(state)[i]);
        if (owner >= UINT32_MAX - 1) continue;
        if (owner >= cost.size()) {
          cost.resize(owner + 1, 0);
          last.resize(owner + 1, 0);
        }
        if (last[owner] == state) continue;
        last[owner] = state;
        ++cost[owner];
      }
    }
    return cost;
  }

  const Nfa& nfa_;
  const Budget budget_;
  Dfa dfa_;
  Subsets subsets_;
  AcceptSets accept_sets_;
  std::vector<uint32_t> single_;
  std::vector<Move> moves_;
  std::vector<Nfa::Edge> partial_;
  ByteSet holes_;
  std::vector<uint32_t> wide_, targets_, last_targets_, accepted_;
  Members wide_members_, members_, merged_;
  uint32_t last_next_ = 0;
  uint64_t effort_ = 0;
};

}  // namespace

DeterminiseResult determinise(const Nfa& nfa, const Budget& budget) { return Determiniser(nfa, budget).run(); }

uint32_t Dfa::next(uint32_t state, uint8_t byte) const {
  const State& row = states[state];
  const auto first = bytes.begin() + row.first;
  const auto at = std::lower_bound(first, first + row.count, byte);
  if (at == first + row.count || *at != byte) return row.otherwise;
  return nexts[static_cast<size_t>(at - bytes.begin())];
}

uint32_t Dfa::run(std::string_view text) const {
  uint32_t state = kStart;
  for (char c : text) state = next(state, static_cast<uint8_t>(c));
  return state;
}

}  // namespace treeline::passes
