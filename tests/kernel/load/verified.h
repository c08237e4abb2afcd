// SPDX-License-Identifier: Apache-2.0
//
// What the verifier said about a program that it accepted.
//
//   Verified v = read_verified(log, bpf_program__insns(p), bpf_program__insn_cnt(p));
//
// The kernel bounds both figures per program: a million instructions walked, 512 bytes of stack along any chain of calls.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <string>

namespace treeline::test {

struct Verified {
  bool known = false;         // the log held both figures
  unsigned instructions = 0;  // walked by the verifier, over all states
  unsigned stack = 0;         // bytes: the deepest chain of calls, each frame rounded up as the verifier does
  unsigned frames = 0;        // of that chain
};

// `log` is of log level 4 (statistics). `code` is the whole program as loaded, its subprograms behind it.
Verified read_verified(const std::string& log, const bpf_insn* code, size_t count);

}  // namespace treeline::test
