// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/inclusion.h"

#include <algorithm>
#include <cassert>

#include "policy-compiler/passes/flat_map.h"

namespace treeline::passes {
namespace {

using Tuple = std::array<uint32_t, kMostFactors>;

// Numbers of tuples of so many factors, in the order in which they are first named: of their pairs, of these with the third, and so on.
class Numbering {
 public:
  explicit Numbering(size_t factors) : maps_(std::max<size_t>(factors, 2) - 1), counts_(maps_.size(), 0) {}

  uint32_t of(const Tuple& tuple, bool& fresh) {
    uint32_t number = tuple[0];
    bool found = false;
    for (size_t i = 0; i < maps_.size(); ++i) {
      uint32_t& known = maps_[i].at((uint64_t{number} << 32) | tuple[i + 1], found);
      if (!found) known = counts_[i]++;
      number = known;
    }
    fresh = !found;
    return number;
  }

 private:
  std::vector<FlatMap> maps_;
  std::vector<uint32_t> counts_;
};

// A byte of none of the rows' exceptions (`taken`, ascending), one that people can read where there is one; 0: none is left.
uint8_t free_byte(const std::vector<uint8_t>& taken) {
  constexpr std::string_view kPreferred = "xabcdefghijklmnopqrstuvwyz0123456789_-.ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto is_free = [&](uint8_t byte) { return !std::binary_search(taken.begin(), taken.end(), byte); };
  for (const char c : kPreferred)
    if (is_free(static_cast<uint8_t>(c))) return static_cast<uint8_t>(c);
  for (unsigned byte = 1; byte < 256; ++byte)
    if (is_free(static_cast<uint8_t>(byte))) return static_cast<uint8_t>(byte);
  return 0;
}

class Product {
 public:
  Product(std::span<const Dfa* const> automata, size_t decisive, uint32_t most)
      : automata_(automata), decisive_(decisive), most_(most), states_(automata.size()), labels_(automata.size()) {}

  Meetings run() {
    Tuple start{};
    for (size_t i = 0; i < automata_.size(); ++i) start[i] = Dfa::kStart;
    visit(start, 0, 0);
    for (uint32_t at = 0; at < tuples_.size() && found_.complete; ++at) {
      look_at(at);
      follow(at);
    }
    found_.combinations = static_cast<uint32_t>(tuples_.size());
    return std::move(found_);
  }

 private:
  struct Step {
    uint32_t from;
    uint8_t byte;
  };

  void visit(const Tuple& tuple, uint32_t from, uint8_t byte) {
    const auto end = tuple.begin() + static_cast<std::ptrdiff_t>(decisive_);
    if (std::all_of(tuple.begin(), end, [](uint32_t state) { return state == Dfa::kDead; })) return;
    bool fresh = false;
    (void)states_.of(tuple, fresh);
    if (!fresh) return;
    if (tuples_.size() >= most_) {
      found_.complete = false;
      return;
    }
    tuples_.push_back(tuple);
    steps_.push_back({from, byte});
  }

  void look_at(uint32_t at) {
    Tuple labels{};
    bool ends = false;
    for (size_t i = 0; i < automata_.size(); ++i) {
      labels[i] = automata_[i]->states[tuples_[at][i]].label;
      ends = ends || (i < decisive_ && labels[i] != 0);
    }
    bool fresh = false;
    if (ends) (void)labels_.of(labels, fresh);
    if (fresh) found_.list.push_back({labels, text(at)});
  }

  std::string text(uint32_t at) const {
    std::string out;
    for (; at != 0; at = steps_[at].from) out.push_back(static_cast<char>(steps_[at].byte));
    std::reverse(out.begin(), out.end());
    return out;
  }

  void follow(uint32_t at) {
    const Tuple tuple = tuples_[at];  // a copy: the vector grows
    taken_.clear();
    for (size_t i = 0; i < automata_.size(); ++i) {
      const Dfa::State& row = automata_[i]->states[tuple[i]];
      const auto first = automata_[i]->bytes.begin() + row.first;
      taken_.insert(taken_.end(), first, first + row.count);
    }
    std::sort(taken_.begin(), taken_.end());
    taken_.erase(std::unique(taken_.begin(), taken_.end()), taken_.end());
    Tuple next{};
    const auto go = [&](uint8_t byte) {
      for (size_t i = 0; i < automata_.size(); ++i) next[i] = automata_[i]->next(tuple[i], byte);
      visit(next, at, byte);
    };
    // '.' last: of texts that are equally long one is found that is no "." or "..", which no path holds.
    for (const uint8_t byte : taken_)
      if (byte != '.') go(byte);
    // All bytes that are left lead to one place: one of them stands for them.
    if (const uint8_t byte = free_byte(taken_); byte != 0) go(byte);
    if (std::binary_search(taken_.begin(), taken_.end(), uint8_t{'.'})) go('.');
  }

  std::span<const Dfa* const> automata_;
  size_t decisive_;
  uint32_t most_;
  Numbering states_, labels_;
  std::vector<Tuple> tuples_;
  std::vector<Step> steps_;
  std::vector<uint8_t> taken_;
  Meetings found_;
};

}  // namespace

Meetings meetings(std::span<const Dfa* const> automata, size_t decisive, uint32_t most) {
  assert(!automata.empty() && automata.size() <= kMostFactors && decisive <= automata.size());
  return Product(automata, decisive, most).run();
}

}  // namespace treeline::passes
