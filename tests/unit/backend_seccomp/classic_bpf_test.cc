// SPDX-License-Identifier: Apache-2.0
// The interpreter that judges filters in the tests, against programs whose answers are known.
#include "tests/unit/backend_seccomp/classic_bpf.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace treeline::test {
namespace {

using Program = std::vector<sock_filter>;

constexpr uint32_t kKill = SECCOMP_RET_KILL_PROCESS;

uint32_t run(const Program& program, const seccomp_data& data = {}) {
  return run_filter({reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)}, data);
}
sock_filter load(size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
sock_filter give(uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }
sock_filter jump(uint16_t how, uint32_t value, uint8_t yes, uint8_t no) {
  return BPF_JUMP(static_cast<uint16_t>(BPF_JMP | how | BPF_K), value, yes, no);
}

TEST(ClassicBpf, ReadsEachFieldOfACall) {
  seccomp_data data = call(AUDIT_ARCH_X86_64, 7, {0x1'0000'0002, 3});
  data.instruction_pointer = 0x5'0000'0006;
  const auto field = [&](size_t offset) { return run({load(offset), BPF_STMT(BPF_RET | BPF_A, 0)}, data); };
  EXPECT_EQ(field(offsetof(seccomp_data, nr)), 7u);
  EXPECT_EQ(field(offsetof(seccomp_data, arch)), AUDIT_ARCH_X86_64);
  EXPECT_EQ(field(offsetof(seccomp_data, instruction_pointer)), 6u);
  EXPECT_EQ(field(offsetof(seccomp_data, args)), 2u);
  EXPECT_EQ(field(offsetof(seccomp_data, args) + 4), 1u);
  EXPECT_EQ(field(offsetof(seccomp_data, args) + 8), 3u);
  EXPECT_EQ(field(offsetof(seccomp_data, args) + 44), 0u);
}

TEST(ClassicBpf, JumpsByEachComparison) {
  struct Case {
    uint16_t how;
    uint32_t number, value;
    bool taken;
  } const cases[] = {
      {BPF_JEQ, 5, 5, true},  {BPF_JEQ, 5, 6, false},   {BPF_JGT, 5, 4, true},
      {BPF_JGT, 5, 5, false}, {BPF_JGE, 5, 5, true},    {BPF_JGE, 5, 6, false},
      {BPF_JSET, 5, 4, true}, {BPF_JSET, 5, 10, false}, {BPF_JGT, 0x80000000, 1, true},  // without a sign
  };
  for (const Case& c : cases) {
    const Program program = {load(0), jump(c.how, c.value, 1, 0), give(1), give(2)};
    EXPECT_EQ(run(program, call(0, static_cast<int>(c.number))), c.taken ? 2u : 1u)
        << c.how << " " << c.number << " " << c.value;
  }
  EXPECT_EQ(run({BPF_STMT(BPF_JMP | BPF_JA, 1), give(1), give(2)}), 2u);
}

TEST(ClassicBpf, MasksAndRemembers) {
  EXPECT_EQ(run({load(0), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 9), BPF_STMT(BPF_LD | BPF_MEM, 3),
                 BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 6), BPF_STMT(BPF_RET | BPF_A, 0)},
                call(0, 13)),
            4u);
}

TEST(ClassicBpf, WhatTheKernelWouldNotTakeIsKilled) {
  EXPECT_EQ(run({}), kKill);
  EXPECT_EQ(run({load(0)}), kKill) << "it does not end";
  EXPECT_EQ(run({load(2), give(SECCOMP_RET_ALLOW)}), kKill) << "not aligned";
  EXPECT_EQ(run({load(sizeof(seccomp_data)), give(SECCOMP_RET_ALLOW)}), kKill) << "behind the call's data";
  EXPECT_EQ(run({load(0xfffffffc), give(SECCOMP_RET_ALLOW)}), kKill) << "so far behind that the end has no number";
  EXPECT_EQ(run({jump(BPF_JEQ, 0, 5, 5), give(SECCOMP_RET_ALLOW)}), kKill) << "out of the program";
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), give(SECCOMP_RET_ALLOW)}), kKill) << "a byte";
  EXPECT_EQ(run({BPF_STMT(BPF_ST, BPF_MEMWORDS), give(SECCOMP_RET_ALLOW)}), kKill) << "no such word";
}

}  // namespace
}  // namespace treeline::test
