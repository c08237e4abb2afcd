// SPDX-License-Identifier: Apache-2.0
//
// The OCI hooks: `treeline-oci hook` at createRuntime, `treeline-oci poststop` at poststop, each with the container's
// state on standard input.
//
// createRuntime: the container's first process exists, in its cgroup and its mount namespace, and has run none of the
// container's code. Here config.json is compared with what the policy's bundle says, and treelined binds the container.
// Exit status 0, or the runtime starts nothing; why stands in one line on stderr, and in the
// system's log, since crun gives hooks no stderr. All of it ends within kAnswerWithin,
// a silent daemon and a standard input that nobody closes included.
//
// poststop tells treelined that the container is gone. It only speeds up what treelined sees by itself, an empty
// cgroup.
#pragma once

#include <span>
#include <string>

#include "enforcer/base/boot.h"

namespace treeline::oci {

// Both exit 0 where the machine was booted with treeline=off (by the file `command_line`): nothing can be bound.
int run_hook(std::span<const std::string> args, const std::string& command_line = kCommandLine);
int run_poststop(std::span<const std::string> args, const std::string& command_line = kCommandLine);

}  // namespace treeline::oci
