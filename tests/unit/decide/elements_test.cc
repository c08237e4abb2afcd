// SPDX-License-Identifier: Apache-2.0
// decide.h as the hooks compile it: an image read element by element out of an arena. An image that spans elements
// gives the answers of the same image in one piece, wherever it is placed.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/passes/paths.h"
#include "tests/bench/compile/policies.h"
#include "tests/unit/decide/decisions.h"

// What bpf/lsm/arena.bpf.h defines for the kernel, over elements of their own in memory: what lies beside one is not
// the next.
namespace {

struct Element {
  unsigned char bytes[TL_ELEMENT];
};
std::vector<std::unique_ptr<Element>> arena;

using u32 = __u32;
using u64 = __u64;
using tl_img = u32;
using tl_elem = const unsigned char*;

tl_elem tl_element(u32 address) {
  const u32 index = address >> TL_ELEMENT_SHIFT;
  return index < arena.size() && arena[index] ? arena[index]->bytes : nullptr;
}

u64 tl_element_load64(tl_elem elem, u32 address) {
  u64 value = 0;
  if (elem != nullptr) std::memcpy(&value, elem + (address & (TL_ELEMENT - 8)), sizeof value);
  return value;
}

u32 tl_element_first_slot(u32 img, u32 address) {
  return static_cast<u32>(static_cast<__s32>((address & ~(TL_ELEMENT - 1)) - (img + TL_DFA_OFFSET)) >> 3);
}

#define TL_ELEM(img, off) tl_element((img) + (off))
#define TL_AT64(elem, img, off) tl_element_load64(elem, (img) + (off))
#define TL_ELEM_SLOTS (TL_ELEMENT / 8)
#define TL_ELEM_FIRST_SLOT(img, s) tl_element_first_slot(img, (img) + TL_DFA_OFFSET + 8u * (s))
#define __bpf__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "bpf/lsm/decide.h"
#pragma GCC diagnostic pop
#undef __bpf__

// As the enforcer places it: bytes at `base`, the rest of the arena is somebody else's.
void place(const std::string& image, u32 base, size_t elements) {
  arena.clear();
  for (size_t i = 0; i < elements; ++i) {
    arena.push_back(std::make_unique<Element>());
    std::memset(arena.back()->bytes, 0xa5, sizeof arena.back()->bytes);
  }
  for (size_t at = 0; at < image.size();) {
    const u32 address = base + static_cast<u32>(at);
    const size_t n = std::min<size_t>(image.size() - at, TL_ELEMENT - address % TL_ELEMENT);
    std::memcpy(arena[address >> TL_ELEMENT_SHIFT]->bytes + address % TL_ELEMENT, image.data() + at, n);
    at += n;
  }
}

u32 walk(u32 base, const std::string& path) {
  u32 state = TL_DFA_START;
  for (size_t at = 0, n; at < path.size(); at += n) {
    u64 word = 0;
    n = std::min({size_t{8}, path.size() - at, path.find('/', at + 1) - at});
    std::memcpy(&word, path.data() + at, n);
    state = tl_dfa_step(base, tl_words(base), state, word, static_cast<u32>(n));
  }
  return state;
}

}  // namespace

namespace treeline::decide_test {
// tl_image of user space, which decisions.c knows and this file must not: the same two words.
struct Range {
  const unsigned char* bytes;
  uint64_t size;
};

namespace {

void compare_in_arena(uint32_t rules, u32 base, size_t elements) {
  const ir::Policy policy = bench::large_policy(rules, 12, true, 9);
  Diagnostics diagnostics;
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  ASSERT_TRUE(paths.has_value());
  const std::optional<backends::bpf::Lowered> lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
  ASSERT_TRUE(lowered.has_value());
  place(lowered->image, base, elements);
  const Range whole = {reinterpret_cast<const unsigned char*>(lowered->image.data()), lowered->image.size()};
  const auto* image = reinterpret_cast<const tl_image*>(&whole);
  std::mt19937_64 random(3);
  size_t allowed = 0, pairs = 0;
  for (const ir::Node& node : policy.nodes) {
    for (const ir::FileRule& rule : node.files) {
      if (random() % 4 != 0) continue;
      std::string path = rule.path.text;
      if (random() % 5 == 0) path[random() % path.size()] = 'q';
      u32 state = TL_DFA_START;
      for (char c : path) state = treeline_decisions.feed(image, state, static_cast<uint8_t>(c), 1);
      ASSERT_EQ(walk(base, path), state) << path;
      const u32 class_id = tl_dfa_class(base, state);
      ASSERT_EQ(class_id, treeline_decisions.class_of(image, state)) << path;
      for (const backends::bpf::RowInfo& info : lowered->rows) {
        const u32 missing = tl_missing_access(base, info.row, class_id, rule.access);
        ASSERT_EQ(missing, treeline_decisions.missing_access(image, info.row, class_id, rule.access)) << path;
        ASSERT_EQ(tl_row_of_key(base, info.key), info.row);
        ASSERT_EQ(tl_exec_edge(base, info.row, class_id, 0),
                  treeline_decisions.exec_edge(image, info.row, class_id, 0));
        allowed += missing == 0;
        ++pairs;
      }
    }
  }
  EXPECT_GT(allowed, 0u);
  EXPECT_GT(pairs, rules / 2);
}

TEST(Elements, AnImageThatSpansThemAnswersAsInOnePiece) { compare_in_arena(14'000, 2 * TL_ELEMENT, 6); }
TEST(Elements, ASmallImageAnswersAnywhereInItsElement) {
  compare_in_arena(500, TL_IMAGE_ALIGN, 1);
  compare_in_arena(500, TL_ELEMENT + 1024 * TL_IMAGE_ALIGN, 2);
}

}  // namespace
}  // namespace treeline::decide_test
