// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

constexpr std::string_view kPortForm = "write a number from 0 to 65535, \"8000-8999\", a list of these, or any";

bool has_ports(ir::Protocol protocol) {
  return protocol == ir::Protocol::kTcp || protocol == ir::Protocol::kUdp || protocol == ir::Protocol::kSctp;
}

// Bits of the address behind the prefix that are set; cleared in `cidr`.
bool clear_host_bits(ir::Cidr& cidr) {
  const size_t bits = cidr.v6 ? 128 : 32;
  bool any = false;
  for (size_t bit = cidr.prefix; bit < bits; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    if (cidr.address[bit / 8] & mask) any = true;
    cidr.address[bit / 8] = static_cast<uint8_t>(cidr.address[bit / 8] & ~mask);
  }
  return any;
}

std::optional<ir::PortRange> read_range(const Value& value, Diagnostics& diagnostics) {
  if (!expect_text(value, "a port", kPortForm, diagnostics)) return std::nullopt;
  const auto range = parse_ports(value.text);
  if (!range)
    diagnostics.error(value.position, "port", text::quoted(value.text) + " is no port", std::string(kPortForm));
  return range;
}

}  // namespace

std::optional<std::vector<ir::PortRange>> read_ports(const Value& value, Diagnostics& diagnostics) {
  std::vector<ir::PortRange> ports;
  if (value.is_scalar()) {
    if (value.text == "any") return std::vector<ir::PortRange>{{0, 65535}};
    const auto range = read_range(value, diagnostics);
    if (!range) return std::nullopt;
    ports.push_back(*range);
    return ports;
  }
  if (!expect_list(value, "'port'", kPortForm, diagnostics)) return std::nullopt;
  bool good = true;
  for (const Value& item : value.items) {
    const auto range = read_range(item, diagnostics);
    if (range)
      ports.push_back(*range);
    else
      good = false;
  }
  if (value.items.empty() && value.complete) {
    diagnostics.error(value.position, "empty-list", "'port' is an empty list", std::string(kPortForm));
    good = false;
  }
  if (!good) return std::nullopt;
  return ports;
}

std::optional<ir::Cidr> parse_cidr(std::string_view text, std::string& problem, std::string& remedy) {
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  ir::Cidr cidr;
  if (inet_pton(AF_INET, address.c_str(), cidr.address.data()) == 1) {
    cidr.v6 = false;
  } else if (inet_pton(AF_INET6, address.c_str(), cidr.address.data()) == 1) {
    cidr.v6 = true;
  } else {
    problem = text::quoted(text) + " is neither a kind of peer nor an address block";
    remedy = std::string(kPeerForm) + "; names of hosts are not part of the language";
    return std::nullopt;
  }
  // An embedded NUL would end the text for inet_pton, not for us.
  if (address.find('\0') != std::string::npos) {
    problem = text::quoted(text) + " is no address block";
    remedy = kPeerForm;
    return std::nullopt;
  }
  const uint64_t most = cidr.v6 ? 128 : 32;
  uint64_t prefix = most;
  if (slash != std::string_view::npos) {
    const auto number = text::decimal(text.substr(slash + 1), most);
    if (!number) {
      problem = text::quoted(text) + ": the prefix length must be a number from 0 to " + std::to_string(most);
      remedy = "write " + address + "/" + std::to_string(most) + " for this one address";
      return std::nullopt;
    }
    prefix = *number;
  }
  cidr.prefix = static_cast<uint8_t>(prefix);
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (cidr.v6 && prefix >= 96 && std::equal(kMapped.begin(), kMapped.end(), cidr.address.begin())) {
    problem = text::quoted(text) + " is an IPv4-mapped block";
    remedy = "write it as IPv4: the hooks judge such a connection by its IPv4 address";
    return std::nullopt;
  }
  if (clear_host_bits(cidr)) {
    problem = text::quoted(text) + " has bits set behind its prefix";
    remedy = "write " + ir::names::cidr_text(cidr);
    return std::nullopt;
  }
  return cidr;
}

std::optional<ir::PortRange> parse_ports(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = text::decimal(text.substr(0, dash), 65535);
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos)
    return ir::PortRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*first)};
  const auto last = text::decimal(text.substr(dash + 1), 65535);
  if (!last || *last < *first) return std::nullopt;
  return ir::PortRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
}

std::optional<ir::NetworkRule> read_network_rule(const Value& value, Diagnostics& diagnostics) {
  Fields fields(value, "a network rule", diagnostics);
  if (!fields.ok()) return std::nullopt;
  const Entry* direction = fields.need("direction", "write 'direction: out' (connect, send) or 'in' (bind, accept)");
  const Entry* protocol = fields.need("protocol", "one of: " + ir::names::protocols().list());
  const Entry* peer = fields.take("peer");
  const Entry* port = fields.take("port");
  fields.finish();

  ir::NetworkRule rule;
  rule.position = value.position;
  bool good = direction != nullptr && protocol != nullptr;
  if (direction != nullptr) {
    const auto number = read_name(direction->value, "'direction'", ir::names::directions(), diagnostics);
    if (number)
      rule.direction = static_cast<ir::Direction>(*number);
    else
      good = false;
  }
  if (protocol != nullptr) {
    const auto number = read_name(protocol->value, "'protocol'", ir::names::protocols(), diagnostics);
    if (number)
      rule.protocol = static_cast<ir::Protocol>(*number);
    else
      good = false;
  }
  if (peer != nullptr) {
    auto read = read_peer(peer->value, diagnostics);
    if (read)
      rule.peer = std::move(*read);
    else
      good = false;
  }
  if (port != nullptr) {
    auto read = read_ports(port->value, diagnostics);
    if (read)
      rule.ports = std::move(*read);
    else
      good = false;
  }
  if (!good) return std::nullopt;

  if (peer != nullptr && rule.peer.selector && !rule.peer.selector->target_ports.empty()) {
    const bool in = rule.direction == ir::Direction::kIn;
    if (in || !has_ports(rule.protocol)) {
      diagnostics.error(peer->value.position, "port",
                        in ? "'target_port' is a port of the peer, and 'in' is about the own one"
                           : "'target_port' means nothing for this protocol",
                        in ? "remove it; 'port' is the one that the program listens on" : "remove it");
      return std::nullopt;
    }
  }
  const std::string protocol_name(ir::names::protocols().name(static_cast<uint32_t>(rule.protocol)));
  if (peer == nullptr && rule.direction == ir::Direction::kOut &&
      fields.missing("peer", kPeerForm, " for direction out"))
    good = false;
  if (has_ports(rule.protocol)) {
    if (port == nullptr && fields.missing("port", kPortForm, " for " + protocol_name)) good = false;
  } else {
    if (port != nullptr) {
      diagnostics.error(port->position, "port", "'port' means nothing for " + protocol_name, "remove it");
      good = false;
    }
    rule.ports = {{0, 65535}};
  }
  if (!good || rule.ports.empty()) return std::nullopt;
  return rule;
}

}  // namespace treeline::frontend
