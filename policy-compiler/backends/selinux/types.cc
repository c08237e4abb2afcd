// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/selinux/types.h"

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"

namespace treeline::backends::selinux {
namespace {

struct Ports {
  std::string_view type;
  bool tcp, udp;
  uint16_t first, last;
};

// Of the services that containers run most. More specific than the ranges below.
constexpr Ports kPorts[] = {
    {"ftp_port_t", true, false, 21, 21},
    {"ssh_port_t", true, false, 22, 22},
    {"telnetd_port_t", true, false, 23, 23},
    {"smtp_port_t", true, false, 25, 25},
    {"smtp_port_t", true, false, 465, 465},
    {"smtp_port_t", true, false, 587, 587},
    {"dns_port_t", true, true, 53, 53},
    {"dns_port_t", true, true, 853, 853},
    {"http_port_t", true, false, 80, 81},
    {"http_port_t", true, false, 443, 443},
    {"http_port_t", true, false, 488, 488},
    {"http_port_t", true, false, 8008, 8009},
    {"http_port_t", true, false, 8443, 8443},
    {"http_port_t", true, false, 9000, 9000},
    {"kerberos_port_t", true, true, 88, 88},
    {"ntp_port_t", false, true, 123, 123},
    {"snmp_port_t", true, true, 161, 162},
    {"ldap_port_t", true, true, 389, 389},
    {"ldap_port_t", true, true, 636, 636},
    {"syslogd_port_t", true, true, 514, 514},
    {"syslog_tls_port_t", true, true, 6514, 6514},
    {"mssql_port_t", true, false, 1433, 1434},
    {"mysqld_port_t", true, false, 1186, 1186},
    {"mysqld_port_t", true, false, 3306, 3306},
    {"postgresql_port_t", true, false, 5432, 5432},
    {"postgresql_port_t", true, false, 9898, 9898},
    {"amqp_port_t", true, true, 5671, 5672},
    {"redis_port_t", true, false, 6379, 6379},
    {"http_cache_port_t", true, false, 8080, 8080},
    {"http_cache_port_t", true, false, 8118, 8118},
    {"http_cache_port_t", true, false, 8123, 8123},
    {"http_cache_port_t", true, false, 10001, 10010},
    {"memcache_port_t", true, true, 11211, 11211},
    {"mongod_port_t", true, false, 27017, 27019},
};

// What every other port has, by its number.
constexpr Ports kRanges[] = {
    {"reserved_port_t", true, true, 1, 511},         {"hi_reserved_port_t", true, true, 512, 1023},
    {"unreserved_port_t", true, true, 1024, 32767},  {"ephemeral_port_t", true, true, 32768, 60999},
    {"unreserved_port_t", true, true, 61000, 65535},
};

struct Path {
  std::string_view path, type;
};

// The longest that begins a path counts.
constexpr Path kPaths[] = {
    {"/etc", "etc_t"},         {"/etc/pki", "cert_t"},
    {"/etc/ssl", "cert_t"},    {"/home", "user_home_t"},
    {"/opt", "usr_t"},         {"/root", "admin_home_t"},
    {"/run", "var_run_t"},     {"/srv", "var_t"},
    {"/tmp", "tmp_t"},         {"/usr", "usr_t"},
    {"/usr/bin", "bin_t"},     {"/usr/lib", "lib_t"},
    {"/usr/sbin", "bin_t"},    {"/usr/share", "usr_t"},
    {"/var", "var_t"},         {"/var/cache", "var_t"},
    {"/var/lib", "var_lib_t"}, {"/var/log", "var_log_t"},
    {"/var/run", "var_run_t"}, {"/var/spool", "var_spool_t"},
    {"/var/tmp", "tmp_t"},     {"/var/www", "httpd_sys_content_t"},
};

bool meets(const Ports& ports, ir::Protocol protocol, ir::PortRange range) {
  if (protocol == ir::Protocol::kTcp && !ports.tcp) return false;
  if (protocol == ir::Protocol::kUdp && !ports.udp) return false;
  // Types of sctp ports are few and differ: only the ranges are certain.
  if (protocol == ir::Protocol::kSctp && std::find_if(std::begin(kRanges), std::end(kRanges), [&](const Ports& one) {
                                           return one.first == ports.first && one.last == ports.last;
                                         }) == std::end(kRanges))
    return false;
  return ports.first <= range.last && range.first <= ports.last;
}

bool named(ir::Protocol protocol, uint32_t port) {
  const auto one = static_cast<uint16_t>(port);
  return std::any_of(std::begin(kPorts), std::end(kPorts), [&](const Ports& ports) {
    return meets(ports, protocol, {one, one});
  });
}

std::string text(const Ports& ports) { return ir::names::port_text({ports.first, ports.last}); }

}  // namespace

std::vector<PortType> port_types(ir::Protocol protocol, ir::PortRange range) {
  std::vector<PortType> out;
  const auto add = [&](std::string_view type, const std::string& others) {
    for (PortType& known : out)
      if (known.type == type) return;
    out.push_back({type, others});
  };
  for (const Ports& ports : kPorts) {
    if (!meets(ports, protocol, range)) continue;
    std::string others;
    for (const Ports& same : kPorts)
      if (same.type == ports.type && (same.first < range.first || same.last > range.last))
        others += (others.empty() ? "" : ", ") + text(same);
    add(ports.type, others);
  }
  for (const Ports& ports : kRanges) {
    if (!meets(ports, protocol, range)) continue;
    const uint32_t first = std::max(ports.first, range.first), last = std::min(ports.last, range.last);
    bool needed = false;
    for (uint32_t port = first; port <= last && !needed; ++port) needed = !named(protocol, port);
    if (needed)
      add(ports.type, range.first <= ports.first && ports.last <= range.last
                          ? ""
                          : "every port of " + text(ports) + " without a type of its own");
  }
  return out;
}

std::string_view path_type(std::string_view path) {
  std::string_view best, type;
  for (const Path& known : kPaths) {
    const bool begins = path.substr(0, known.path.size()) == known.path &&
                        (path.size() == known.path.size() || path[known.path.size()] == '/');
    if (begins && known.path.size() > best.size()) {
      best = known.path;
      type = known.type;
    }
  }
  return type;
}

std::string_view netlink_class(uint32_t protocol) {
  switch (protocol) {
    case 0:
      return "netlink_route_socket";
    case 4:
      return "netlink_tcpdiag_socket";
    case 5:
      return "netlink_nflog_socket";
    case 6:
      return "netlink_xfrm_socket";
    case 7:
      return "netlink_selinux_socket";
    case 8:
      return "netlink_iscsi_socket";
    case 9:
      return "netlink_audit_socket";
    case 10:
      return "netlink_fib_lookup_socket";
    case 11:
      return "netlink_connector_socket";
    case 12:
      return "netlink_netfilter_socket";
    case 15:
      return "netlink_kobject_uevent_socket";
    case 16:
      return "netlink_generic_socket";
    case 18:
      return "netlink_scsitransport_socket";
    case 20:
      return "netlink_rdma_socket";
    case 21:
      return "netlink_crypto_socket";
    default:
      return "netlink_socket";
  }
}

std::string_view socket_class(uint32_t kind) {
  switch (kind) {
    case TL_SOCK_INET_STREAM:
      return "tcp_socket";
    case TL_SOCK_INET_DGRAM:
      return "udp_socket";
    case TL_SOCK_INET_RAW:
      return "rawip_socket";
    case TL_SOCK_INET_PING:
      return "icmp_socket";
    case TL_SOCK_INET_SCTP:
      return "sctp_socket";
    case TL_SOCK_UNIX_STREAM:
    case TL_SOCK_UNIX_SEQPACKET:
      return "unix_stream_socket";
    case TL_SOCK_UNIX_DGRAM:
      return "unix_dgram_socket";
    case TL_SOCK_PACKET:
      return "packet_socket";
    case TL_SOCK_VSOCK:
      return "vsock_socket";
    case TL_SOCK_ALG:
      return "alg_socket";
    case TL_SOCK_XDP:
      return "xdp_socket";
    default:
      return {};
  }
}

std::string_view capability_class(uint32_t capability) { return capability < 32 ? "capability" : "capability2"; }

}  // namespace treeline::backends::selinux
