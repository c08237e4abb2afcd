// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace treeline {

// For counts that a file brings along: so many or more, instead of few again.
constexpr uint64_t saturating_add(uint64_t a, uint64_t b) { return b > UINT64_MAX - a ? UINT64_MAX : a + b; }

}  // namespace treeline
