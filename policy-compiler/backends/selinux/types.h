// SPDX-License-Identifier: Apache-2.0
//
// Names of SELinux types and classes for numbers of the policy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::selinux {

struct PortType {
  std::string_view type;
  std::string others;  // ports that the type holds beside those that were asked for; "" none
};

// The types that hold the ports of the range, in order. Every port has one.
std::vector<PortType> port_types(ir::Protocol protocol, ir::PortRange range);

// The usual type of a directory of a host: "/var/log/web" -> "var_log_t"; "" where none is usual.
std::string_view path_type(std::string_view path);

// "netlink_route_socket" for 0.
std::string_view netlink_class(uint32_t protocol);
// Class of a socket kind (enum tl_socket_kind); "" where the kernel has none of its own.
std::string_view socket_class(uint32_t kind);

// "capability" or "capability2", and the permission, for CAP_*.
std::string_view capability_class(uint32_t capability);

}  // namespace treeline::backends::selinux
