// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/common.h"

namespace treeline {

std::string in_sources(std::string_view path) { return std::string(TREELINE_SOURCE_DIR "/").append(path); }

}  // namespace treeline
