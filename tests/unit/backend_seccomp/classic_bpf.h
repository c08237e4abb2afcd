// SPDX-License-Identifier: Apache-2.0
//
// Runs a seccomp program as the kernel does (kernel/seccomp.c, net/core/filter.c): classic BPF over struct seccomp_data.
//
//   uint32_t action = test::run_filter(bytes, data);   // SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1, ...
//
// Known are the instructions that libseccomp writes; anything else is SECCOMP_RET_KILL_PROCESS, and so is a jump out of the
// program.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace treeline::test {

inline std::vector<sock_filter> instructions_of(std::string_view bytes) {
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  if (!program.empty()) std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
  return program;
}

inline uint32_t run_filter(std::string_view bytes, const seccomp_data& data) {
  const std::vector<sock_filter> program = instructions_of(bytes);
  uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {};
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    const uint32_t operand = BPF_SRC(i.code) == BPF_X ? x : i.k;
    switch (BPF_CLASS(i.code)) {
      case BPF_LD:
        if (i.code == (BPF_LD | BPF_W | BPF_ABS)) {
          if (i.k % 4 != 0 || i.k > sizeof data - 4) return SECCOMP_RET_KILL_PROCESS;
          std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
        } else if (i.code == (BPF_LD | BPF_MEM) && i.k < BPF_MEMWORDS) {
          a = memory[i.k];
        } else if (i.code == (BPF_LD | BPF_IMM)) {
          a = i.k;
        } else {
          return SECCOMP_RET_KILL_PROCESS;
        }
        break;
      case BPF_ST:
        if (i.k >= BPF_MEMWORDS) return SECCOMP_RET_KILL_PROCESS;
        memory[i.k] = a;
        break;
      case BPF_ALU:
        if (BPF_OP(i.code) != BPF_AND) return SECCOMP_RET_KILL_PROCESS;
        a &= operand;
        break;
      case BPF_JMP: {
        bool taken = false;
        switch (BPF_OP(i.code)) {
          case BPF_JA:
            pc += i.k;
            continue;
          case BPF_JEQ:
            taken = a == operand;
            break;
          case BPF_JGT:
            taken = a > operand;
            break;
          case BPF_JGE:
            taken = a >= operand;
            break;
          case BPF_JSET:
            taken = (a & operand) != 0;
            break;
          default:
            return SECCOMP_RET_KILL_PROCESS;
        }
        pc += taken ? i.jt : i.jf;
        break;
      }
      case BPF_RET:
        return BPF_RVAL(i.code) == BPF_A ? a : i.k;
      default:
        return SECCOMP_RET_KILL_PROCESS;
    }
  }
  return SECCOMP_RET_KILL_PROCESS;
}

inline seccomp_data call(uint32_t arch, int number, std::initializer_list<uint64_t> arguments = {}) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = number;
  size_t i = 0;
  for (const uint64_t argument : arguments) data.args[i++] = argument;
  return data;
}

constexpr int kX32Bit = 0x40000000;

}  // namespace treeline::test
