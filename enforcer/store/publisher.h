// SPDX-License-Identifier: Apache-2.0
//
// From bytes to what the hooks read: place an image in the arena, publish it by one 64-bit store, retire the old one after an RCU
// grace period. Works on memory that is handed in, so that a test needs no kernel.
//
//   Publisher publisher({maps.slots(), maps.arena_bytes(), [&] { return grace.wait(); }});
//   Result<uint32_t> base = publisher.place(image);            // nobody reads it yet
//   publisher.publish(slot, {generation, TL_MODE_ENFORCE, *base, flags});   // from here on the hooks decide by it
//   publisher.retire(old_base);                                // waits until no hook can still read it
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "bpf/lsm/abi.h"
#include "enforcer/store/arena.h"
#include "policy-compiler/support/result.h"

namespace treeline::store {

struct Published {
  uint32_t generation = 0;  // of the slot, 28 bits; 0: never published
  uint32_t mode = TL_MODE_OFF;
  uint32_t base = 0;        // 0: no image (learn)
  uint32_t flags = 0;       // enum tl_slot_flag
};

// The generation behind `generation`: 28 bits, and never 0.
uint32_t next_generation(uint32_t generation);

class Publisher {
 public:
  struct Memory {
    std::span<tl_slot> slots;
    std::span<std::byte> arena;
    std::function<Result<void>()> grace;
  };
  // What the slots point at is held from the start: an earlier daemon placed it, and hooks read it now.
  explicit Publisher(Memory memory);

  // Copies a checked image into free arena space.
  Result<uint32_t> place(std::string_view image);
  // The bytes of a placed image.
  Result<std::string_view> image_at(uint32_t base) const;

  [[nodiscard]] Published read(uint32_t slot) const;
  void publish(uint32_t slot, Published what);
  // Gives the space back once nothing reads it. On an error the space stays taken: a leak, never a reuse too early.
  Result<void> retire(uint32_t base);

  [[nodiscard]] const ArenaSpace& space() const { return space_; }

 private:
  Memory memory_;
  ArenaSpace space_;
};

}  // namespace treeline::store
