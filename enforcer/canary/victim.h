// SPDX-License-Identifier: Apache-2.0
//
// The canary's victim: a process that is bound to the canary's policy and tries, hook by hook, one act that this policy forbids. Each act
// is harmless where it succeeds: it works on files made for it, on the loopback address, on its own memory.
//
// Fds: 0 a scratch file opened for reading and writing, 1 a pipe. One line an act to fd 1: "HOOK ERRNO", 0 meaning that it succeeded.
#pragma once

#include <string>
#include <vector>

#include "enforcer/base/fd.h"

namespace treeline::canary {

constexpr char kVictimOption[] = "--canary-victim";
constexpr char kHeirOption[] = "--canary-heir";

// Hooks that the victim has an act for, by their kernel names.
std::vector<std::string> victim_hooks();
// Files and sockets that the acts need, in a directory that exists. The sockets stay open in the caller.
bool prepare_victim(const std::string& directory, std::vector<UniqueFd>& sockets);
// Never returns. `self`: the executable's path.
[[noreturn]] void run_victim(const std::string& directory, const std::string& self);
// What the victim's child runs, if it is let: says that it ran.
[[noreturn]] void run_heir();

}  // namespace treeline::canary
