// SPDX-License-Identifier: Apache-2.0
//
// What an upgrade has to know before its programs are attached: hooks read an image by offsets and ask for no format, so images that an older version placed
// would be read as something else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bpf/lsm/abi.h"
#include "enforcer/kernel/pins.h"
#include "policy-compiler/support/result.h"

namespace treeline::kernel {

// The format of a published image that is not TL_ABI_IMAGE (0 where it lies outside of the arena or is no image); nothing: all are.
std::optional<uint32_t> foreign_format(std::span<const tl_slot> slots, std::span<const std::byte> arena);
// The same for the maps that are pinned; an Error says how to drain.
Result<void> check_pinned_images(const Pins& pins);

}  // namespace treeline::kernel
