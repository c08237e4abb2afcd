// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/images.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "enforcer/kernel/maps.h"

namespace treeline::kernel {

std::optional<uint32_t> foreign_format(std::span<const tl_slot> slots, std::span<const std::byte> arena) {
  for (const tl_slot& slot : slots) {
    const uint64_t published = __atomic_load_n(&slot.published, __ATOMIC_ACQUIRE);
    const size_t base = TL_PUBLISHED_BASE(published);
    if (TL_PUBLISHED_MODE(published) == TL_MODE_OFF || base == 0) continue;
    tl_image_header header{};
    if (base > arena.size() || arena.size() - base < sizeof header) return 0;
    std::memcpy(&header, arena.data() + base, sizeof header);
    if (header.magic != TL_IMAGE_MAGIC) return 0;
    if (header.abi != TL_ABI_IMAGE) return header.abi;
  }
  return std::nullopt;
}

Result<void> check_pinned_images(const Pins& pins) {
  UniqueFd policies(bpf_obj_get(pins.map("policies").c_str())), arena(bpf_obj_get(pins.map("arena").c_str()));
  // A start that died before it had pinned them attached nothing either: there is nothing in force.
  if (!policies || !arena) {
    const int code = errno;
    Result<std::vector<std::string>> links = pins.links();
    if (!links) return links.error();
    if (code == ENOENT && links->empty()) return {};
    return system_error("cannot open the pinned maps of policies in " + pins.root() + " (afresh: treelined --detach --reason repair)", code);
  }
  bpf_map_info info{};
  uint32_t length = sizeof info;
  if (bpf_obj_get_info_by_fd(arena.get(), &info, &length) != 0) return system_error("cannot ask for the size of the arena", errno);
  Result<MappedArray> slots = MappedArray::map(policies.get(), TL_SLOTS * sizeof(tl_slot), "policies");
  if (!slots) return slots.error();
  Result<MappedArray> images = MappedArray::map(arena.get(), size_t{info.max_entries} * TL_ELEMENT, "arena");
  if (!images) return images.error();
  const std::optional<uint32_t> format = foreign_format(slots->as<tl_slot>().first(TL_SLOTS), images->as<std::byte>());
  if (!format) return {};
  return Error{"a policy image in force has format " + std::to_string(*format) + ", this treelined's programs read " + std::to_string(TL_ABI_IMAGE) +
                   ": stop the bound containers, then: treelined --detach --reason upgrade; and compile the profiles again with this version's treelinec",
               EPROTO};
}

}  // namespace treeline::kernel
