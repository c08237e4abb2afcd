// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "policy-compiler/passes/dfa.h"

namespace treeline::passes {
namespace {

// A state's signature under a partition: a sum over all 255 bytes of weight(byte) * image(block of the next state).
// Being a sum, it does not depend on which target the row calls its default; the dead block's image is 0, so a literal
// row costs one term. Two independent 64-bit sums: a chance collision among millions of rows is less likely than a
// flipped bit in memory.
struct Signature {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Signature&, const Signature&) = default;
  friend bool operator<(const Signature& a, const Signature& b) {
    return a.low != b.low ? a.low < b.low : a.high < b.high;
  }
};

constexpr uint64_t kLowSeed = 0x243f6a8885a308d3ull;  // digits of pi
constexpr uint64_t kHighSeed = 0x13198a2e03707344ull;

class Weights {
 public:
  Weights() {
    for (unsigned byte = 1; byte < 256; ++byte) {
      of_byte_[byte] = {tl_mix(kLowSeed + byte) | 1, tl_mix(kHighSeed + byte) | 1};
      all_.low += of_byte_[byte].low;
      all_.high += of_byte_[byte].high;
    }
  }
  const Signature& of(uint8_t byte) const { return of_byte_[byte]; }
  const Signature& all() const { return all_; }

 private:
  std::array<Signature, 256> of_byte_{};
  Signature all_;
};

Signature image(uint32_t block) {
  if (block == 0) return {};
  return {tl_mix(kHighSeed ^ (uint64_t{block} << 17)), tl_mix(kLowSeed + block)};
}

// The blocks of states that are judged once: open addressing, as there are up to as many as states.
class Tails {
 public:
  explicit Tails(size_t states) : slots_(std::bit_ceil(2 * states + 2), 0) {}

  // Numbers from 1 on: 0 is the dead state's.
  uint32_t block_of(const Signature& signature, uint32_t of_class) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = (signature.low ^ tl_mix(of_class)) & mask;; at = (at + 1) & mask) {
      uint32_t& slot = slots_[at];
      if (slot == 0) {
        made_.push_back({signature, of_class});
        return slot = static_cast<uint32_t>(made_.size());
      }
      if (made_[slot - 1] == Tail{signature, of_class}) return slot;
    }
  }
  uint32_t blocks() const { return 1 + static_cast<uint32_t>(made_.size()); }

 private:
  struct Tail {
    Signature signature;
    uint32_t of_class;
    friend bool operator==(const Tail&, const Tail&) = default;
  };
  std::vector<uint32_t> slots_;  // 0: free
  std::vector<Tail> made_;
};

class Minimiser {
 public:
  Minimiser(const Dfa& dfa, const std::vector<uint32_t>& class_of_set) : dfa_(dfa), class_of_set_(class_of_set) {
    collect_predecessors();
    block_of_.resize(dfa.states.size());
    const uint32_t tails = number_tails();
    lay_out(tails + number_classes(tails));
    for (uint32_t b = tails; b < blocks_.size(); ++b) work_.push_back(b);
  }

  // Block of each state; block 0 holds the dead state alone.
  std::vector<uint32_t> run() {
    while (!work_.empty()) {
      const uint32_t block = work_.back();
      work_.pop_back();
      refine(block);
    }
    return std::move(block_of_);
  }

  uint32_t blocks() const { return static_cast<uint32_t>(blocks_.size()); }

 private:
  // order_[begin..end) are the block's states; those from `dirty` on have a successor whose block changed.
  struct Block {
    uint32_t begin, dirty, end;
  };

  static constexpr uint32_t kUnset = UINT32_MAX;

  uint32_t class_of(uint32_t state) const { return class_of_set_[dfa_.states[state].label]; }

  // A state from which every way ends in the dead one is judged after its successors, once and for all, as in a trie (Revuz 1992): no state from which a
  // way goes on for ever equals it. Most states of literal paths are such. Returns the number of blocks, the dead state's included.
  uint32_t number_tails() {
    const uint32_t n = static_cast<uint32_t>(dfa_.states.size());
    std::fill(block_of_.begin(), block_of_.end(), kUnset);
    block_of_[Dfa::kDead] = 0;
    std::vector<uint32_t> waits(n, 0), ready;  // for so many successors
    for (uint32_t s = 1; s < n; ++s) {
      each_successor(s, [&](uint32_t) { ++waits[s]; });
      if (waits[s] == 0) ready.push_back(s);
    }
    Tails known(n);
    while (!ready.empty()) {
      const uint32_t state = ready.back();
      ready.pop_back();
      block_of_[state] = known.block_of(signature(state), class_of(state));
      for (uint32_t i = first_predecessor_[state]; i < first_predecessor_[state + 1]; ++i)
        if (--waits[predecessors_[i]] == 0) ready.push_back(predecessors_[i]);
    }
    return known.blocks();
  }

  // The others begin as one block a class, numbered from `first` on. Returns how many.
  uint32_t number_classes(uint32_t first) {
    std::vector<uint32_t> block_of_class(1 + *std::max_element(class_of_set_.begin(), class_of_set_.end()), kUnset);
    uint32_t made = 0;
    for (uint32_t s = 0; s < block_of_.size(); ++s) {
      if (block_of_[s] != kUnset) continue;
      uint32_t& block = block_of_class[class_of(s)];
      if (block == kUnset) block = first + made++;
      block_of_[s] = block;
    }
    return made;
  }

  // Each block's states side by side in order_.
  void lay_out(uint32_t blocks) {
    const uint32_t n = static_cast<uint32_t>(block_of_.size());
    blocks_.assign(blocks, {0, 0, 0});
    order_.resize(n);
    place_.resize(n);
    for (const uint32_t b : block_of_) ++blocks_[b].end;
    uint32_t sum = 0;
    for (Block& block : blocks_) {
      const uint32_t size = block.end;
      block = {sum, sum, sum};
      sum += size;
    }
    for (uint32_t s = 0; s < n; ++s) {
      place_[s] = blocks_[block_of_[s]].end++;
      order_[place_[s]] = s;
    }
  }

  template <typename Use>
  void each_successor(uint32_t state, Use use) const {
    const Dfa::State& row = dfa_.states[state];
    if (row.otherwise != Dfa::kDead && row.count < 255) use(row.otherwise);
    for (uint32_t i = row.first; i < row.first + row.count; ++i) {
      if (dfa_.nexts[i] != Dfa::kDead) use(dfa_.nexts[i]);
    }
  }

  void collect_predecessors() {
    const uint32_t n = static_cast<uint32_t>(dfa_.states.size());
    first_predecessor_.assign(n + 1, 0);
    for (uint32_t s = 1; s < n; ++s) each_successor(s, [&](uint32_t to) { ++first_predecessor_[to]; });
    uint32_t sum = 0;
    for (uint32_t& first : first_predecessor_) {
      sum += first;
      first = sum;
    }
    predecessors_.resize(sum);
    for (uint32_t s = 1; s < n; ++s)
      each_successor(s, [&](uint32_t to) { predecessors_[--first_predecessor_[to]] = s; });
  }

  Signature signature(uint32_t state) const {
    const Dfa::State& row = dfa_.states[state];
    Signature sum;
    Signature rest = weights_.all();
    for (uint32_t i = row.first; i < row.first + row.count; ++i) {
      const Signature& weight = weights_.of(dfa_.bytes[i]);
      const Signature to = image(block_of_[dfa_.nexts[i]]);
      sum.low += weight.low * to.low;
      sum.high += weight.high * to.high;
      rest.low -= weight.low;
      rest.high -= weight.high;
    }
    const Signature to = image(block_of_[row.otherwise]);
    sum.low += rest.low * to.low;
    sum.high += rest.high * to.high;
    return sum;
  }

  void swap_places(uint32_t a, uint32_t b) {
    std::swap(order_[a], order_[b]);
    place_[order_[a]] = a;
    place_[order_[b]] = b;
  }

  void mark_dirty(uint32_t state) {
    const uint32_t number = block_of_[state];
    Block& block = blocks_[number];
    if (place_[state] >= block.dirty) return;
    if (block.end - block.begin == 1) return;  // cannot split
    if (block.dirty == block.end) work_.push_back(number);
    --block.dirty;
    swap_places(place_[state], block.dirty);
  }

  // Splits a block by the signatures of its dirty states. The clean ones have the signature that all had before.
  void refine(uint32_t number) {
    const Block block = blocks_[number];
    blocks_[number].dirty = block.end;
    if (block.end - block.begin == 1) return;
    signed_.clear();
    for (uint32_t i = block.dirty; i < block.end; ++i) signed_.push_back({signature(order_[i]), order_[i]});
    const bool any_clean = block.dirty != block.begin;
    const Signature clean = any_clean ? signature(order_[block.begin]) : Signature{};
    std::sort(signed_.begin(), signed_.end());
    // The dirty ones that equal the clean ones stay beside them.
    if (any_clean) {
      std::stable_partition(signed_.begin(), signed_.end(), [&](const Signed& s) { return s.signature == clean; });
    }
    for (uint32_t i = block.dirty; i < block.end; ++i) {
      order_[i] = signed_[i - block.dirty].state;
      place_[order_[i]] = i;
    }
    // Groups of equal signature, as ranges of order_.
    groups_.clear();
    uint32_t begin = block.begin;
    Signature current = any_clean ? clean : signed_[0].signature;
    for (uint32_t i = block.dirty; i < block.end; ++i) {
      const Signature& of_state = signed_[i - block.dirty].signature;
      if (of_state == current) continue;
      groups_.push_back({begin, i});
      begin = i;
      current = of_state;
    }
    groups_.push_back({begin, block.end});
    if (groups_.size() == 1) return;
    // The largest keeps the number: so a state changes its block at most log n times.
    const auto largest = std::max_element(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
      return a.end - a.begin < b.end - b.begin;
    });
    std::swap(*largest, groups_[0]);
    blocks_[number] = {groups_[0].begin, groups_[0].end, groups_[0].end};
    const uint32_t first_new = blocks();
    for (size_t g = 1; g < groups_.size(); ++g) {
      const uint32_t made = blocks();
      blocks_.push_back({groups_[g].begin, groups_[g].end, groups_[g].end});
      for (uint32_t i = groups_[g].begin; i < groups_[g].end; ++i) block_of_[order_[i]] = made;
    }
    // Marking reorders states within blocks; collected first, so that no range is walked while it moves.
    moved_.clear();
    for (size_t b = first_new; b < blocks_.size(); ++b)
      moved_.insert(moved_.end(), order_.begin() + blocks_[b].begin, order_.begin() + blocks_[b].end);
    for (uint32_t state : moved_) {
      for (uint32_t i = first_predecessor_[state]; i < first_predecessor_[state + 1]; ++i) mark_dirty(predecessors_[i]);
    }
  }

  struct Signed {
    Signature signature;
    uint32_t state;
    friend bool operator<(const Signed& a, const Signed& b) {
      return a.signature == b.signature ? a.state < b.state : a.signature < b.signature;
    }
  };
  struct Group {
    uint32_t begin, end;
  };

  const Dfa& dfa_;
  const std::vector<uint32_t>& class_of_set_;
  const Weights weights_;
  std::vector<Block> blocks_;
  std::vector<uint32_t> order_, place_, block_of_, work_, moved_;
  std::vector<uint32_t> first_predecessor_, predecessors_;
  std::vector<Signed> signed_;
  std::vector<Group> groups_;
};

// Writes the row of `state` under `number_of` with the most frequent target as its default.
class RowWriter {
 public:
  RowWriter(const Dfa& from, Dfa& to) : from_(from), to_(to) {}

  template <typename Number>
  void write(uint32_t state, uint32_t label, Number number) {
    const Dfa::State& old = from_.states[state];
    const uint32_t otherwise = number(old.otherwise);
    scratch_.clear();
    for (uint32_t i = old.first; i < old.first + old.count; ++i)
      scratch_.push_back({from_.bytes[i], number(from_.nexts[i])});
    uint32_t best = otherwise;
    if (2 * scratch_.size() >= 127) best = most_frequent(otherwise);
    Dfa::State row;
    row.first = static_cast<uint32_t>(to_.bytes.size());
    row.label = label;
    row.otherwise = best;
    if (best == otherwise) {
      for (const auto& [byte, next] : scratch_) add(byte, next, best);
    } else {
      size_t i = 0;
      for (unsigned byte = 1; byte < 256; ++byte) {
        const bool own = i < scratch_.size() && scratch_[i].first == byte;
        add(static_cast<uint8_t>(byte), own ? scratch_[i].second : otherwise, best);
        if (own) ++i;
      }
    }
    row.count = static_cast<uint32_t>(to_.bytes.size()) - row.first;
    to_.states.push_back(row);
  }

 private:
  void add(uint8_t byte, uint32_t next, uint32_t otherwise) {
    if (next == otherwise) return;
    to_.bytes.push_back(byte);
    to_.nexts.push_back(next);
  }

  uint32_t most_frequent(uint32_t otherwise) {
    counted_.clear();
    for (const auto& [byte, next] : scratch_) counted_.push_back(next);
    counted_.resize(255, otherwise);
    std::sort(counted_.begin(), counted_.end());
    uint32_t best = otherwise;
    size_t most = 0;
    for (size_t i = 0; i < counted_.size();) {
      size_t j = i;
      while (j < counted_.size() && counted_[j] == counted_[i]) ++j;
      if (j - i > most) {
        most = j - i;
        best = counted_[i];
      }
      i = j;
    }
    return best;
  }

  const Dfa& from_;
  Dfa& to_;
  std::vector<std::pair<uint8_t, uint32_t>> scratch_;
  std::vector<uint32_t> counted_;
};

// Breadth first from the start, bytes ascending: the numbering depends on the language alone. The default's place in a
// row is that of the smallest byte that takes it.
std::vector<uint32_t> breadth_first(const Dfa& dfa) {
  std::vector<uint32_t> order = {Dfa::kStart};
  std::vector<bool> seen(dfa.states.size(), false);
  seen[Dfa::kDead] = seen[Dfa::kStart] = true;
  const auto visit = [&](uint32_t state) {
    if (seen[state]) return;
    seen[state] = true;
    order.push_back(state);
  };
  for (size_t i = 0; i < order.size(); ++i) {
    const Dfa::State& row = dfa.states[order[i]];
    bool otherwise = false;
    unsigned expected = 1;
    for (uint32_t e = row.first; e < row.first + row.count; ++e, ++expected) {
      if (!otherwise && dfa.bytes[e] != expected) {
        visit(row.otherwise);
        otherwise = true;
      }
      visit(dfa.nexts[e]);
    }
    if (!otherwise) visit(row.otherwise);
  }
  return order;
}

}  // namespace

void minimise(Dfa& dfa, const std::vector<uint32_t>& class_of_set) {
  std::vector<uint32_t> block_of;
  uint32_t blocks = 0;
  {
    Minimiser minimiser(dfa, class_of_set);
    block_of = minimiser.run();
    blocks = minimiser.blocks();
  }
  std::vector<uint32_t> of_block(blocks, UINT32_MAX);  // a state of each block
  for (uint32_t s = 0; s < dfa.states.size(); ++s) {
    if (of_block[block_of[s]] == UINT32_MAX) of_block[block_of[s]] = s;
  }
  // First with the blocks' own numbers, the start's moved to kStart, then renumbered by a walk.
  const uint32_t start = block_of[Dfa::kStart];
  const auto number = [&](uint32_t state) {
    const uint32_t block = block_of[state];
    return block == start ? Dfa::kStart : block == Dfa::kStart ? start : block;
  };
  Dfa merged;
  RowWriter writer(dfa, merged);
  for (uint32_t b = 0; b < blocks; ++b) {
    const uint32_t block = b == Dfa::kStart ? start : b == start ? Dfa::kStart : b;
    const uint32_t state = of_block[block];
    writer.write(state, class_of_set[dfa.states[state].label], number);
  }
  dfa.states = {};
  dfa.bytes = {};
  dfa.nexts = {};
  const std::vector<uint32_t> order = breadth_first(merged);
  std::vector<uint32_t> renumbered(merged.states.size(), Dfa::kDead);
  for (uint32_t i = 0; i < order.size(); ++i) renumbered[order[i]] = i + 1;
  RowWriter last(merged, dfa);
  dfa.states.reserve(order.size() + 1);
  dfa.states.emplace_back();
  for (uint32_t state : order) last.write(state, merged.states[state].label, [&](uint32_t s) { return renumbered[s]; });
}

std::vector<std::string> witnesses(const Dfa& dfa, const std::vector<bool>& wanted) {
  struct Step {
    uint32_t from;
    uint8_t byte;
  };
  std::vector<Step> step(dfa.states.size(), {Dfa::kDead, 0});
  std::vector<std::string> found(wanted.size());
  std::vector<bool> has(wanted.size(), false);
  std::vector<uint32_t> queue = {Dfa::kStart};
  constexpr std::string_view kPreferred = "xabcdefghijklmnopqrstuvwyz0123456789_-.ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (size_t i = 0; i < queue.size(); ++i) {
    const uint32_t state = queue[i];
    const uint32_t label = dfa.states[state].label;
    if (label < wanted.size() && wanted[label] && !has[label]) {
      has[label] = true;
      std::string text;
      for (uint32_t at = state; at != Dfa::kStart; at = step[at].from) text.push_back(static_cast<char>(step[at].byte));
      std::reverse(text.begin(), text.end());
      found[label] = std::move(text);
    }
    const auto visit = [&](uint32_t to, uint8_t byte) {
      if (to == Dfa::kDead || to == Dfa::kStart || step[to].from != Dfa::kDead) return;
      step[to] = {state, byte};
      queue.push_back(to);
    };
    const Dfa::State& row = dfa.states[state];
    // '.' last, as no path holds "." or "..".
    uint32_t dot = Dfa::kDead;
    for (uint32_t e = row.first; e < row.first + row.count; ++e) {
      if (dfa.bytes[e] == '.')
        dot = dfa.nexts[e];
      else
        visit(dfa.nexts[e], dfa.bytes[e]);
    }
    if (row.otherwise == Dfa::kDead) {
      visit(dot, '.');
      continue;
    }
    const auto is_exception = [&](uint8_t byte) {
      return std::binary_search(dfa.bytes.begin() + row.first, dfa.bytes.begin() + row.first + row.count, byte);
    };
    uint8_t free = 0;
    for (char c : kPreferred) {
      if (!is_exception(static_cast<uint8_t>(c))) {
        free = static_cast<uint8_t>(c);
        break;
      }
    }
    for (unsigned byte = 1; byte < 256 && free == 0; ++byte) {
      if (!is_exception(static_cast<uint8_t>(byte))) free = static_cast<uint8_t>(byte);
    }
    if (free != 0) visit(row.otherwise, free);
    visit(dot, '.');
  }
  return found;
}

}  // namespace treeline::passes
