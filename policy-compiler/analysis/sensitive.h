// SPDX-License-Identifier: Apache-2.0
//
// Names that mean more than others, whatever the workload: what hands out secrets, starts programs, steers the kernel or the host. As an
// automaton, so that "may this pattern match such a name?" is decided and not guessed from the pattern's text: `/etc/*` reads /etc/shadow.
//
//   const passes::Dfa* automata[] = {&paths.dfa, &sensitive_places(), &sensitive_names()};
//   for (const passes::Meeting& m : passes::meetings(automata, 1).list)
//     if (holds(here(kinds_of(m.labels[1], m.labels[2]), always[pattern]), Sensitive::kSecret)) ...   // m.text is such a name
//
// Some names are known by their place (/etc/shadow): a pattern that matches one of them has it. Others lie anywhere (*.key, .ssh): nearly every
// wildcard could match one, so a pattern counts as such only where all that it matches is (/home/*/.ssh/**). Programs are counted either way.
// Places are also those below a mount of the host's root by a usual name (/host); below another one they count as names that lie anywhere.
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
  kDevice,         // disks, memory, keyboards as devices: who reads them has all that is in them
  kOtherDevice,    // any other device of the machine, but those that each container has
  kRuntimeSocket,  // starts containers, so whoever connects is root of the node
  kInterpreter,    // a program that does, or starts, what a file or an argument says
  kSessionSocket,  // starts programs as the user whose session it is, outside of the container
  kMemory,         // the memory of a process of the workload, its own too: who writes it changes what is executed
  kAgentSocket,    // of a user: signs with keys, hands them out, or types into a terminal for who connects
};
constexpr uint8_t kSensitiveKinds = 13;

// Bit n: the kind of number n, by place; bit n + kSensitiveKinds: by a name that may lie anywhere.
using SensitiveSet = uint32_t;
constexpr bool holds(SensitiveSet set, Sensitive kind) { return ((set >> static_cast<uint8_t>(kind)) & 1) != 0; }

// The kinds of a name at which `set` was found, for a rule whose pattern has `always` at each name that it matches.
constexpr SensitiveSet here(SensitiveSet set, SensitiveSet always) {
  return static_cast<SensitiveSet>((set & ((1u << kSensitiveKinds) - 1)) | (always >> kSensitiveKinds));
}
// The kinds of a name itself.
constexpr SensitiveSet either(SensitiveSet set) { return here(set, set); }

// What such a name is, for messages: "hands out secrets".
std::string_view sensitive_text(Sensitive kind);

// Made once, on first use: of the names that are known by their place, and of those that lie anywhere. Two, as in one automaton each place would
// hold all names that lie anywhere once more. Labels are accept sets: kinds_of() reads them.
const passes::Dfa& sensitive_places();
const passes::Dfa& sensitive_names();
SensitiveSet kinds_of(uint32_t label_of_place, uint32_t label_of_name);
SensitiveSet kinds_of_name(std::string_view walked);  // of one name, as the hooks walk it

// Whether a pattern may match a name that is of this kind by its place; in doubt (it is none, or too wide to decide) it may.
bool may_match(std::string_view pattern, Sensitive kind);

}  // namespace treeline::analysis
