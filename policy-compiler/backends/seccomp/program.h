// SPDX-License-Identifier: Apache-2.0
//
// Rules through libseccomp: the classic BPF program, and the same for people (libseccomp's pseudo filter code).
//
//   Result<Program> program = make_program(rules, all_architectures());
//
// A call that an architecture does not have is left out there. On 32-bit x86 the calls of sockets and of System V IPC are
// parts of socketcall(2) and ipc(2) as well, whose arguments lie in memory: there a condition on the family holds for
// socket(2) and not for socketcall(2), and lower_calls() says so in a residual.
//
// The bytes are struct sock_filter, little endian, as seccomp(2) takes them. They are those of one version of libseccomp:
// the same on every machine that has it. Errors: memory; more than 4,096 instructions (BPF_MAXINSNS).
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/seccomp/architecture.h"
#include "policy-compiler/backends/seccomp/rule.h"
#include "policy-compiler/support/result.h"

namespace treeline::backends::seccomp {

struct Program {
  std::string bpf;
  std::string pfc;
};
Result<Program> make_program(const std::vector<Rule>& rules, const std::vector<Architecture>& architectures);

// Does any of these architectures have it, or is it part of a call that they have? Names are syscalls(2)'s.
bool call_exists(const std::string& call, const std::vector<Architecture>& architectures);
// Does libseccomp know it at all?
bool call_known(const std::string& call);
// The known call that a person who typed this most likely meant, or "".
std::string closest_call(const std::string& call);

std::string libseccomp_version();  // "2.5.4"

}  // namespace treeline::backends::seccomp
