// SPDX-License-Identifier: Apache-2.0
//
// The rules that a node and a group have alike: files, network, sockets, netlink, capabilities, operations, syscalls.
#pragma once

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::frontend {

// Takes the fields and appends what they hold to `node` (a group is read into a node of its own). A rule with a mistake
// is reported and left out.
void read_rules(Fields& fields, ir::Node& node, Diagnostics& diagnostics);

// User ids: only nodes have them.
void read_users(const Value& value, std::vector<ir::NumberRule>& users, Diagnostics& diagnostics);

// A pattern's text as written; what it means is read by passes/pattern.h. nullopt: reported.
std::optional<ir::Pattern> read_pattern(const Value& value, std::string_view what, Diagnostics& diagnostics);

}  // namespace treeline::frontend
