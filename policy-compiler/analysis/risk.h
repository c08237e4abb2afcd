// SPDX-License-Identifier: Apache-2.0
//
// How much a grant is worth to who took over the process that holds it. One table for `diff` (what is newly allowed) and `check` (what is
// allowed): the same grant never has two grades. policy-compiler/README.md holds the rules in words.
//
//   critical   one step from the container's or the machine's whole authority: a shell behind the network, a file that is written and
//              executed, sys_admin, a runtime's socket, what the kernel or later programs are steered by
//   high       a door that attackers look for: another program, secrets, raw sockets, tracing, any peer outside, another user
//   medium     changes something: files written, peers, ordinary capabilities
//   low        looks at something
//
// What is newly denied has a grade too: the chance to stop the workload, not to harm it. A program that it may no longer start is medium, the
// rest low.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/analysis/sensitive.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::analysis {

enum class Risk : uint8_t { kLow, kMedium, kHigh, kCritical };

std::string_view risk_name(Risk risk);  // "low" ...
std::optional<Risk> risk_of_name(std::string_view name);

struct Grade {
  Risk risk = Risk::kLow;
  std::string why;  // "" where the kind of grant says it
};
// The graver of two; of equal ones the first.
Grade graver(Grade a, Grade b);

// `words` on a name of these kinds; `executed`: some node of the policy executes, maps or interprets by it.
Grade grade_file(ir::AccessSet words, SensitiveSet name, bool executed);
// The words as they count for who has them: without the capability `mknod` makes fifos and sockets alone, which is making files.
ir::AccessSet words_of(ir::AccessSet words, const ir::Node* node);
// A step to a program; `from_network`: who controls what arrives from the network may get here.
Grade grade_exec(SensitiveSet name, bool from_network);
Grade grade_capability(uint32_t capability);
Grade grade_operation(uint32_t operation);
Grade grade_socket(uint32_t kind);
Grade grade_netlink(uint32_t protocol);
Grade grade_user(std::optional<uint32_t> user);  // nullopt: any
// What a rule reaches, or a part of one (network_set.h).
struct NetworkReach {
  bool outside = false;      // some address that is not the site's own
  bool any_address = false;  // as good as all of the outside
  bool any_port = false;     // as good as all ports
  bool metadata = false;     // the cloud's metadata service, where it answers
};
Grade grade_network(ir::Direction direction, ir::Protocol protocol, const NetworkReach& reach);

}  // namespace treeline::analysis
