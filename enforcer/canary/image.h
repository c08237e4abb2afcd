// SPDX-License-Identifier: Apache-2.0
//
// The canary's policy, built by hand so that the enforcer can prove itself before any policy is loaded:
//
//   entry > VICTIM            may read and map every file, use pipes, make plain sockets; nothing else
//   entry > VICTIM > VICTIM   may not even have the pipe that its parent hands down
//
// VICTIM is the literal path of an executable; every other path is one class, "other".
#pragma once

#include <string>
#include <string_view>

namespace treeline::canary {

// Bytes of an image (bpf/lsm/abi.h). `executable`: absolute path, at most 4,096 bytes.
std::string build_image(std::string_view executable);

}  // namespace treeline::canary
