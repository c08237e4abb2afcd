// SPDX-License-Identifier: Apache-2.0
//
// Network rules: direction, protocol, peer (peer.cc), ports.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::frontend {

// "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". nullopt: `problem` and `remedy` say why.
std::optional<ir::Cidr> parse_cidr(std::string_view text, std::string& problem, std::string& remedy);

// "80", "8000-8999".
std::optional<ir::PortRange> parse_ports(std::string_view text);

constexpr std::string_view kPeerForm =
    "write any, localhost, internal, external, an address block such as 10.0.0.0/8, a list of blocks, or {pods: {app: db}}";

// `peer` and `port` of a rule; nullopt: reported.
std::optional<ir::Peer> read_peer(const Value& value, Diagnostics& diagnostics);
std::optional<std::vector<ir::PortRange>> read_ports(const Value& value, Diagnostics& diagnostics);

// Keys and values of Kubernetes' labels.
bool is_label_key(std::string_view text);
bool is_label_value(std::string_view text);

// One item of a node's `network`; nullopt: reported.
std::optional<ir::NetworkRule> read_network_rule(const Value& value, Diagnostics& diagnostics);

}  // namespace treeline::frontend
