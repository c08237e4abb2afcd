// SPDX-License-Identifier: Apache-2.0
//
// A policy image (bpf/lsm/abi.h) as the enforcer looks at it: is it whole, and which nodes does it hold? What the rows mean is
// decide.h's business. Whole means: the compiler's own validation of every offset and table passes (backends/bpf); the hooks do not
// depend on it, since decide.h reads nothing outside an image, but a damaged image would refuse what it should allow.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy-compiler/support/result.h"

namespace treeline::store {

// Everything that is checked before an image is placed.
Result<void> check_image(std::string_view image);
// Size and name hash from the header of what lies at `image` (which may be longer); an error when no header is there.
struct ImageIdentity {
  uint32_t size = 0;
  uint64_t policy = 0;
};
Result<ImageIdentity> identify_image(std::string_view image);
// Does the image have a row for this node?
bool image_holds(std::string_view image, uint64_t node);

}  // namespace treeline::store
