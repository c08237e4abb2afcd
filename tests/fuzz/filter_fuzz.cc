// SPDX-License-Identifier: Apache-2.0
// links: treeline_flags
//
// Whatever the bytes of a seccomp program, the interpreter that judges filters in the tests ends, stays within the program and the call, and gives
// the same answer twice. A call, 64 bytes as struct seccomp_data has them, then the instructions.
#include <cstdlib>
#include <cstring>

#include "tests/unit/backend_seccomp/classic_bpf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace treeline::test;
  seccomp_data one{};
  static_assert(sizeof one == 64);
  if (size < sizeof one || size > sizeof one + sizeof(sock_filter) * BPF_MAXINSNS) return 0;
  std::memcpy(&one, data, sizeof one);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + sizeof one, size - sizeof one);
  const uint32_t answer = run_filter(bytes, one);
  if (run_filter(bytes, one) != answer) std::abort();
  // A program that gives an answer has an instruction that gives it.
  const std::vector<sock_filter> program = instructions_of(bytes);
  bool gives = answer == SECCOMP_RET_KILL_PROCESS;
  for (const sock_filter& i : program) gives = gives || (BPF_CLASS(i.code) == BPF_RET && (BPF_RVAL(i.code) == BPF_A || i.k == answer));
  if (!gives) std::abort();
  // Bytes behind the last whole instruction are none.
  if (bytes.size() % sizeof(sock_filter) != 0 && run_filter(bytes.substr(0, bytes.size() / sizeof(sock_filter) * sizeof(sock_filter)), one) != answer) std::abort();
  return 0;
}
