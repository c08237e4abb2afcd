// SPDX-License-Identifier: Apache-2.0
//
// Names that mean more than others, whatever the workload: what hands out secrets, starts programs, steers the kernel or the host. As an
// automaton, so that "may this pattern match such a name?" is decided and not guessed from the pattern's text: `/etc/*` reads /etc/shadow.
//
//   const passes::Dfa* two[] = {&paths.dfa, &sensitive_names()};
//   for (const passes::Meeting& m : passes::meetings(two, 1).list)
//     if (holds(kinds_of(m.labels[1]), Sensitive::kSecret)) ...   // m.text is such a name
//
// A table of names that are known everywhere, not a guard: a workload's own secrets have other names. Facts: hier(7), proc(5), sysfs(5), the
// documentation of the named daemons.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy-compiler/passes/dfa.h"

namespace treeline::analysis {

enum class Sensitive : uint8_t {
  kShell,          // a program that runs what it is told to, as an executable
  kSecret,         // keys, tokens, hashes of passwords
  kStartup,        // decides who may do what, or which programs run later: accounts, cron, preloaded libraries
  kProgram,        // directories of the image's programs and libraries
  kKernel,         // host pseudo files: sysctl, sysfs, kernel memory
  kProcess,        // another process's memory and environment in procfs
  kDevice,         // disks and memory as devices
  kRuntimeSocket,  // starts containers, so whoever connects is root of the node
};
constexpr uint8_t kSensitiveKinds = 8;

using SensitiveSet = uint8_t;  // bit n: the kind of number n
constexpr bool holds(SensitiveSet set, Sensitive kind) { return ((set >> static_cast<uint8_t>(kind)) & 1) != 0; }

// What such a name is, for messages: "hands out secrets".
std::string_view sensitive_text(Sensitive kind);

// Made once, on first use. Labels are accept sets: kinds_of() reads them.
const passes::Dfa& sensitive_names();
SensitiveSet kinds_of(uint32_t label);

}  // namespace treeline::analysis
