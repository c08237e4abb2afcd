// SPDX-License-Identifier: Apache-2.0
//
// By which system calls is the act of a case done? What a filter of system calls can be asked.
//
//   Calls calls = calls_of("operation", *question, "userns");   // unshare(CLONE_NEWUSER), clone(CLONE_NEWUSER), ...
//
// Each way that is listed would do the act; calls are those that every architecture has. None at all: the act is no
// call of its own (using a capability, becoming a target of a module).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy-compiler/cli/question.h"

namespace treeline::cases {

struct Call {
  std::string name;
  std::vector<uint64_t> arguments;  // those that say what the act is; the others are 0
};

struct Calls {
  std::vector<Call> ways;
  bool decide = false;  // who may make the call with these arguments may do the act: there is nothing else to see
};

Calls calls_of(const cli::Question& question);
// `syscall NAME` of the table; the families of sockets are its arguments.
Calls calls_of_syscall(const std::string& name);

// The address family of a kind of socket (enum tl_socket_kind), 0 for those without one.
uint64_t family_of(uint32_t kind);

}  // namespace treeline::cases
