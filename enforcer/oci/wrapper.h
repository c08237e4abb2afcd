// SPDX-License-Identifier: Apache-2.0
//
// The runtime wrapper: what a container engine calls instead of runc or crun.
//
//   treeline-oci [--runtime runc|crun|PATH] [--policy NAME] [--conf FILE] RUNTIME'S OWN ARGUMENTS...
//
// The runtime: --runtime, else TREELINE_RUNTIME, else oci_runtime of treeline.conf. Before `create` and `run` it looks
// at the bundle: which policy is asked for, is there one, what does it want in config.json. That and the hooks are
// written, or the runtime is not started. `restore` under a policy is refused: a restored process never passes the exec
// that makes it a node. Everything else is passed on as it is; so is everything where the machine was booted with
// treeline=off, with a line in the system's log: no treelined can be asked then, and the way out must not stop containers. The runtime replaces this process: terminal, signals,
// descriptors and exit status are its own.
#pragma once

#include <span>
#include <string>

#include "enforcer/base/boot.h"

namespace treeline::oci {

constexpr int kHookTimeoutSeconds = 60;  // for the runtime; this program gives up earlier by itself

// `command_line`: file with the kernel's.
int run_wrapper(std::span<const std::string> args, const std::string& command_line = kCommandLine);

}  // namespace treeline::oci
