// SPDX-License-Identifier: Apache-2.0
//
// Network rules: direction, protocol, peer, ports.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::frontend {

// "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". nullopt: `problem` and `remedy` say why.
std::optional<ir::Cidr> parse_cidr(std::string_view text, std::string& problem, std::string& remedy);

// "80", "8000-8999".
std::optional<ir::PortRange> parse_ports(std::string_view text);

// One item of a node's `network`; nullopt: reported.
std::optional<ir::NetworkRule> read_network_rule(const Value& value, Diagnostics& diagnostics);

}  // namespace treeline::frontend
