// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/arena.h"

#include <cerrno>
#include <string>

#include "bpf/lsm/abi.h"

namespace treeline::store {
namespace {

uint64_t round_up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit * unit; }

// Bytes that an image of this size keeps others from.
uint64_t extent(uint64_t size) { return size <= TL_ELEMENT ? round_up(size, TL_IMAGE_ALIGN) : round_up(size, TL_ELEMENT); }

}  // namespace

uint64_t ArenaSpace::total() const { return uint64_t{elements_} << TL_ELEMENT_SHIFT; }

uint64_t ArenaSpace::used() const {
  uint64_t sum = 0;
  for (auto [base, end] : held_) sum += end - base;
  return sum;
}

bool ArenaSpace::is_free(uint64_t first, uint64_t end) const {
  auto next = held_.lower_bound(first);
  if (next != held_.end() && next->first < end) return false;
  return next == held_.begin() || std::prev(next)->second <= first;
}

Result<uint32_t> ArenaSpace::take(uint32_t size) {
  if (size == 0 || size > TL_IMAGE_MAX) return Error{"an image of " + std::to_string(size) + " bytes cannot be placed", EINVAL};
  const uint64_t need = extent(size);
  // Candidates: the start of each element, and behind each image that is held.
  auto fits = [&](uint64_t base) {
    if (base == 0 || base + need > total()) return false;
    if (need <= TL_ELEMENT && (base >> TL_ELEMENT_SHIFT) != ((base + need - 1) >> TL_ELEMENT_SHIFT)) return false;
    return is_free(base, base + need);
  };
  for (uint32_t element = 0; element < elements_; ++element) {
    const uint64_t start = uint64_t{element} << TL_ELEMENT_SHIFT;
    uint64_t found = 0;
    if (need > TL_ELEMENT) {
      if (fits(start)) found = start;
    } else if (uint64_t first = start ? start : TL_IMAGE_ALIGN; fits(first)) {
      found = first;
    } else {
      for (auto it = held_.lower_bound(start); !found && it != held_.end() && it->first < start + TL_ELEMENT; ++it)
        if ((it->second >> TL_ELEMENT_SHIFT) == element && fits(it->second)) found = it->second;
    }
    if (!found) continue;
    held_[found] = found + need;
    return static_cast<uint32_t>(found);
  }
  return Error{"the arena is full: the image needs " + std::to_string(need) + " bytes in one piece, " + std::to_string(used()) +
                   " of " + std::to_string(total()) +
                   " are used; unload a policy, or set arena_mib higher in treeline.conf (which counts after a reboot, or after treelined --detach --reason TEXT)",
               ENOSPC};
}

bool ArenaSpace::take_at(uint32_t base, uint32_t size) {
  if (base == 0 || base % TL_IMAGE_ALIGN || size == 0 || size > TL_IMAGE_MAX) return false;
  const uint64_t need = extent(size), end = base + need;
  if (end > total() || (need > TL_ELEMENT && base % TL_ELEMENT) || !is_free(base, end)) return false;
  if (need <= TL_ELEMENT && (base >> TL_ELEMENT_SHIFT) != ((end - 1) >> TL_ELEMENT_SHIFT)) return false;
  held_[base] = end;
  return true;
}

void ArenaSpace::wall_off(uint32_t base) {
  auto next = held_.upper_bound(base);
  held_.emplace(base, next == held_.end() ? total() : next->first);
}

void ArenaSpace::give_back(uint32_t base) { held_.erase(base); }

}  // namespace treeline::store
