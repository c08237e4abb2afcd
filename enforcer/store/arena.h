// SPDX-License-Identifier: Apache-2.0
//
// Who holds which bytes of the arena (bpf/lsm/abi.h: elements of TL_ELEMENT bytes, images at multiples of 64). Bookkeeping only:
// it touches no memory, so that it can be tested without a kernel, and rebuilt from what is published after a restart.
//
// Small images share an element (first fit); an image of more than one element takes a run of whole elements, from an element's
// start, and no one else gets the rest of its last one. Address 0 means "no image" in a slot and is never given out.
//
//   ArenaSpace space(16);                         // elements
//   Result<uint32_t> base = space.take(size);     // full: an error that says so, and what to set
//   space.give_back(*base);                       // after an RCU grace period, never before
#pragma once

#include <cstdint>
#include <map>

#include "policy-compiler/support/result.h"

namespace treeline::store {

class ArenaSpace {
 public:
  explicit ArenaSpace(uint32_t elements) : elements_(elements) {}

  Result<uint32_t> take(uint32_t size);
  // Marks what an earlier daemon placed. False: overlaps something that is held, is unaligned or outside: a corrupted slot.
  [[nodiscard]] bool take_at(uint32_t base, uint32_t size);
  // Something lies at `base` whose size nobody can tell: everything from there to the next held image is lost to us, and safe.
  void wall_off(uint32_t base);
  void give_back(uint32_t base);

  [[nodiscard]] uint32_t elements() const { return elements_; }
  [[nodiscard]] uint64_t used() const;   // bytes, what is lost to rounding included
  [[nodiscard]] uint64_t total() const;  // bytes

 private:
  [[nodiscard]] bool is_free(uint64_t first, uint64_t end) const;

  uint32_t elements_;
  std::map<uint64_t, uint64_t> held_;  // base -> end, in bytes
};

}  // namespace treeline::store
