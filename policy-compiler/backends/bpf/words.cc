// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/words.h"

#include <bit>
#include <cstring>
#include <string>
#include <unordered_set>

#include "policy-compiler/passes/pattern.h"

namespace treeline::backends::bpf {
namespace {

struct Step {
  uint64_t word;
  uint32_t state, next;
};

class Collector {
 public:
  explicit Collector(const Comb& comb) : comb_(comb) {}

  void add(const passes::Pattern& pattern) {
    uint32_t state = TL_DFA_START;
    for (const passes::Component& component : pattern.components) {
      if (component.kind != passes::Component::Kind::kName || component.name.size() != 1 ||
          component.name[0].kind != passes::Element::Kind::kBytes) {
        return;
      }
      const std::string text = "/" + component.name[0].bytes;
      for (size_t at = 0; at < text.size(); at += sizeof(uint64_t)) {
        uint64_t word = 0;
        std::memcpy(&word, text.data() + at, std::min(sizeof word, text.size() - at));
        const uint32_t next = run(state, word);
        if (seen_.insert(tl_mix(word) ^ state).second) steps_.push_back({word, state, next});
        state = next;
      }
    }
  }

  const std::vector<Step>& steps() const { return steps_; }

 private:
  uint32_t run(uint32_t state, uint64_t word) const {
    for (; word != 0; word >>= 8) {
      tl_dfa_entry entry = comb_.slots[state + (word & 0xff)];
      if (entry.check != state) entry = comb_.slots[state];
      state = entry.next;
    }
    return state;
  }

  const Comb& comb_;
  std::vector<Step> steps_;
  std::unordered_set<uint64_t> seen_;  // of (state, word); two that share a number cost the second its shortcut
};

}  // namespace

Words make_words(const std::vector<passes::PathPattern>& patterns, const Comb& comb) {
  Collector collector(comb);
  std::vector<passes::PatternError> errors;
  for (const passes::PathPattern& pattern : patterns) {
    if (pattern.reserved_class != 0) continue;
    if (const std::optional<passes::Pattern> parsed = passes::parse_pattern(pattern.text, errors)) collector.add(*parsed);
  }
  Words words;
  const uint64_t buckets = std::bit_ceil(std::max<uint64_t>(collector.steps().size(), 2));
  words.shift = static_cast<uint32_t>(64 - std::countr_zero(buckets));
  words.table.assign(buckets * TL_WORD_WAYS, tl_word{});
  for (const Step& step : collector.steps()) {
    tl_word* bucket = &words.table[uint64_t{tl_hash_step(step.state, step.word, words.shift)} * TL_WORD_WAYS];
    for (int way = 0; way < TL_WORD_WAYS; ++way) {
      if (bucket[way].word != 0) continue;
      bucket[way] = {step.word, step.state, step.next};
      ++words.used;
      break;
    }
  }
  return words;
}

}  // namespace treeline::backends::bpf
