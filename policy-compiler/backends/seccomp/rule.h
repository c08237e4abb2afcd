// SPDX-License-Identifier: Apache-2.0
//
// One rule of the filter of listed calls, as plain values: what libseccomp is given and what the OCI text says.
//
// A condition looks at bits of one argument, (argument & mask) == value, and at no more bits than the kernel takes: it
// reads 32 of an `int` that a filter sees with 64, so that "equals 2" would be walked around by 0x100000002 where a rule
// refuses, and would refuse sign-extended numbers where it allows. Rules of one call add up; libseccomp has no order, and
// a rule without condition swallows all others of its call. Therefore nothing is said as "all but": a forbidden value is
// left out by rules that each allow a part of the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace treeline::backends::seccomp {

struct ArgumentBits {
  uint32_t index = 0;  // 0..5
  uint64_t mask = 0;
  uint64_t value = 0;
};

struct Rule {
  std::string call;
  int error = 0;  // 0: the call passes; else it is refused with this errno
  std::optional<ArgumentBits> only;
};

constexpr int kEperm = 1, kEnosys = 38, kEopnotsupp = 95;  // of every architecture named in architecture.h
constexpr int kDefaultError = kEperm;    // of a call that no rule names

}  // namespace treeline::backends::seccomp
