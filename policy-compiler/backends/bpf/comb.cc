// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/comb.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace treeline::backends::bpf {
namespace {

using passes::Dfa;

constexpr uint32_t kRow = 256;  // slots that a row's lookups reach
constexpr uint32_t kMostSlots = TL_IMAGE_MAX / sizeof(tl_dfa_entry) - kHeaderSlots;
// How far behind the last row of its kind a row looks for a gap. More finds little and costs time.
constexpr uint32_t kLookBack = 2048;
constexpr uint32_t kWide = 8;  // rows with this many exceptions are placed first, widest first

// The slots that are free, one bit each.
class FreeSlots {
 public:
  void take(uint32_t slot) {
    ensure(slot / 64 + 1);
    words_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  }
  // Bits of the slots at..at+63.
  uint64_t window(uint32_t at) {
    ensure(at / 64 + 2);
    const uint32_t shift = at % 64;
    const uint64_t low = words_[at / 64] >> shift;
    return shift == 0 ? low : low | (words_[at / 64 + 1] << (64 - shift));
  }

 private:
  void ensure(size_t words) {
    if (words > words_.size()) words_.resize(std::max(words, words_.size() * 2), ~uint64_t{0});
  }
  std::vector<uint64_t> words_;
};

// May a row start here without its lookups crossing a border?
bool whole(uint32_t slot) { return (slot + kHeaderSlots) % kElementSlots + kRow <= kElementSlots; }

class Packer {
 public:
  explicit Packer(const Dfa& dfa) : dfa_(dfa), place_(dfa.states.size(), 0), last_(kRow + 1, kRow) {
    for (uint32_t slot = 0; slot < kRow; ++slot) free_.take(slot);
  }

  std::optional<Comb> run() {
    place_row(Dfa::kStart);  // the first free slot: TL_DFA_START
    std::vector<uint32_t> order = depth_first();
    std::vector<uint32_t> wide;
    for (uint32_t state : order) {
      if (dfa_.states[state].count >= kWide) wide.push_back(state);
    }
    std::stable_sort(wide.begin(), wide.end(),
                     [&](uint32_t a, uint32_t b) { return dfa_.states[a].count > dfa_.states[b].count; });
    for (uint32_t state : wide) {
      if (!place_row(state)) return std::nullopt;
    }
    for (uint32_t state : order) {
      if (dfa_.states[state].count < kWide && !place_row(state)) return std::nullopt;
    }
    return write();
  }

 private:
  // Without the start, which has its place.
  std::vector<uint32_t> depth_first() const {
    std::vector<uint32_t> order, stack = {Dfa::kStart};
    std::vector<bool> seen(dfa_.states.size(), false);
    seen[Dfa::kDead] = seen[Dfa::kStart] = true;
    const auto push = [&](uint32_t state) {
      if (seen[state]) return;
      seen[state] = true;
      stack.push_back(state);
    };
    while (!stack.empty()) {
      const uint32_t state = stack.back();
      stack.pop_back();
      if (state != Dfa::kStart) order.push_back(state);
      const Dfa::State& row = dfa_.states[state];
      push(row.otherwise);
      for (uint32_t i = row.first + row.count; i > row.first; --i) push(dfa_.nexts[i - 1]);
    }
    return order;
  }

  // First fit, 64 candidates at a time.
  bool place_row(uint32_t state) {
    const Dfa::State& row = dfa_.states[state];
    uint32_t& last = last_[row.count];
    for (uint32_t at = std::max(kRow, last - std::min(last, kLookBack)); at < kMostSlots; at += 64) {
      uint64_t fits = free_.window(at);
      for (uint32_t i = row.first; i < row.first + row.count && fits != 0; ++i)
        fits &= free_.window(at + dfa_.bytes[i]);
      while (fits != 0 && !whole(at + static_cast<uint32_t>(std::countr_zero(fits)))) fits &= fits - 1;
      if (fits == 0) continue;
      const uint32_t slot = at + static_cast<uint32_t>(std::countr_zero(fits));
      if (slot + kRow > kMostSlots) return false;
      place_[state] = slot;
      last = slot;
      end_ = std::max(end_, slot + kRow);
      free_.take(slot);
      for (uint32_t i = row.first; i < row.first + row.count; ++i) free_.take(slot + dfa_.bytes[i]);
      return true;
    }
    return false;
  }

  Comb write() const {
    Comb comb;
    comb.slots.assign(end_, {0, 0});
    for (uint32_t state = Dfa::kStart; state < dfa_.states.size(); ++state) {
      const Dfa::State& row = dfa_.states[state];
      const uint32_t slot = place_[state];
      comb.slots[slot] = {TL_DFA_HEAD | row.label, place_[row.otherwise]};
      for (uint32_t i = row.first; i < row.first + row.count; ++i)
        comb.slots[slot + dfa_.bytes[i]] = {slot, place_[dfa_.nexts[i]]};
      comb.used += 1 + row.count;
    }
    return comb;
  }

  const Dfa& dfa_;
  FreeSlots free_;
  std::vector<uint32_t> place_;  // the dead state's is 0
  std::vector<uint32_t> last_;   // by number of exceptions: where the last such row was placed
  uint32_t end_ = kRow;
};

}  // namespace

std::optional<Comb> pack(const Dfa& dfa) { return Packer(dfa).run(); }

}  // namespace treeline::backends::bpf
