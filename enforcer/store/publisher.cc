// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/publisher.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "enforcer/base/fault.h"
#include "enforcer/store/image.h"

namespace treeline::store {

uint32_t next_generation(uint32_t generation) {
  uint32_t next = (generation + 1) & 0x0fffffff;
  return next ? next : 1;
}

Publisher::Publisher(Memory memory)
    : memory_(std::move(memory)), space_(static_cast<uint32_t>(memory_.arena.size() >> TL_ELEMENT_SHIFT)) {
  std::vector<uint32_t> unreadable;
  for (uint32_t slot = 0; slot < memory_.slots.size(); ++slot) {
    const Published now = read(slot);
    if (now.mode == TL_MODE_OFF || now.base == 0) continue;
    Result<std::string_view> image = image_at(now.base);
    if (!image || !space_.take_at(now.base, static_cast<uint32_t>(image->size()))) unreadable.push_back(now.base);
  }
  for (uint32_t base : unreadable) space_.wall_off(base);
}

Result<uint32_t> Publisher::place(std::string_view image) {
  if (Result<void> whole = check_image(image); !whole) return whole.error();
  Result<uint32_t> base = space_.take(static_cast<uint32_t>(image.size()));
  if (!base) return base.error();
  std::memcpy(memory_.arena.data() + *base, image.data(), image.size());
  return *base;
}

Result<std::string_view> Publisher::image_at(uint32_t base) const {
  if (base == 0 || base >= memory_.arena.size()) return Error{"no image lies at arena address " + std::to_string(base), EINVAL};
  std::string_view rest(reinterpret_cast<const char*>(memory_.arena.data()) + base, memory_.arena.size() - base);
  Result<ImageIdentity> identity = identify_image(rest);
  if (!identity) return identity.error();
  return rest.substr(0, identity->size);
}

Published Publisher::read(uint32_t slot) const {
  const tl_slot& s = memory_.slots[slot];
  const uint64_t published = __atomic_load_n(&s.published, __ATOMIC_ACQUIRE);
  return {TL_PUBLISHED_GENERATION(published), TL_PUBLISHED_MODE(published), TL_PUBLISHED_BASE(published),
          __atomic_load_n(&s.flags[TL_PUBLISHED_WHICH(published)], __ATOMIC_RELAXED)};
}

void Publisher::publish(uint32_t slot, Published what) {
  tl_slot& s = memory_.slots[slot];
  // What a violation costs goes with the image: the flags beside those in force, then one store for both.
  const uint32_t which = !TL_PUBLISHED_WHICH(s.published);
  __atomic_store_n(&s.flags[which], what.flags, __ATOMIC_RELAXED);
  fault_point("flags-stored");
  __atomic_store_n(&s.published, TL_PUBLISH(what.generation, what.mode, which, what.base), __ATOMIC_RELEASE);
}

Result<void> Publisher::retire(uint32_t base) {
  if (base == 0) return {};
  if (Result<void> waited = memory_.grace(); !waited) return waited;
  if (Result<std::string_view> image = image_at(base); image) {
    // An old image must not look like one to an adoption.
    std::memset(memory_.arena.data() + base, 0, sizeof(tl_image_header));
  }
  space_.give_back(base);
  return {};
}

}  // namespace treeline::store
