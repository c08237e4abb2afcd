// SPDX-License-Identifier: Apache-2.0
#include "enforcer/events/object_text.h"

#include <arpa/inet.h>

#include "bpf/lsm/abi.h"
#include "enforcer/base/bytes.h"
#include "policy-compiler/ir/names.h"

namespace treeline::events {
namespace names = ir::names;
namespace {

std::string named_or(std::string_view name, const char* prefix, uint32_t number) {
  return name.empty() ? prefix + std::to_string(number) : std::string(name);
}

}  // namespace

std::string capability_text(uint32_t n) { return named_or(names::capabilities().name(n), "capability-", n); }
std::string operation_text(uint32_t n) { return named_or(names::operations().name(n), "operation-", n); }
std::string class_text(uint32_t n) { return "{" + named_or(names::reserved_classes().name(n), "class-", n) + "}"; }

std::string socket_text(uint32_t kind, uint32_t netlink) {
  std::string text = named_or(names::socket_kinds().name(kind), "socket-", kind);
  if (kind == TL_SOCK_NETLINK) text += " " + names::netlink_text(netlink);
  return text;
}

std::string address_text(const Event& event) {
  char buffer[INET6_ADDRSTRLEN] = "";
  if (event.family == AF_INET || event.family == AF_INET6)
    inet_ntop(event.family, event.address.data(), buffer, sizeof buffer);
  return buffer;
}

std::string act_text(const Event& event) {
  switch (event.kind) {
    case TL_KIND_FILE: return event.access ? names::access_text(event.access) : "use";
    case TL_KIND_EXEC: return "exec";
    case TL_KIND_INTERPRETER: return "interpret";
    case TL_KIND_NET:
      switch (event.hook) {
        case TL_HOOK_SOCKET_BIND: return "bind";
        case TL_HOOK_SOCKET_LISTEN: return "listen";
        case TL_HOOK_SOCKET_SENDMSG: return "send";
        default: return event.direction == TL_NET_IN ? "accept" : "connect";
      }
    case TL_KIND_CAPABILITY: return "capability";
    case TL_KIND_OPERATION: return "operation";
    case TL_KIND_SOCKET: return "socket";
    case TL_KIND_USER: return "user";
    case TL_KIND_FORK: return "fork";
    case TL_KIND_EXIT: return "exit";
    case TL_KIND_LOAD: return "load";
    default: return "act-" + std::to_string(event.kind);
  }
}

std::string object_text(const Event& event) {
  switch (event.object_type) {
    case TL_OBJECT_PATH: {
      std::string text = readable_path(event.text, false);
      if (!event.text2.empty()) text += " -> " + readable_path(event.text2, false);
      if (event.flags & TL_EVENT_TRUNCATED) text += "...";
      return text;
    }
    case TL_OBJECT_CLASS: return class_text(event.class_id);
    case TL_OBJECT_NET: {
      std::string address = address_text(event);
      if (address.empty()) address = "*";
      else if (event.family == AF_INET6) address = "[" + address + "]";
      return address + ":" + std::to_string(event.port) + "/" +
             named_or(names::protocols().name(event.protocol), "protocol-", event.protocol);
    }
    case TL_OBJECT_NUMBER:
      switch (event.kind) {
        case TL_KIND_CAPABILITY: return capability_text(event.number);
        case TL_KIND_OPERATION: return operation_text(event.number);
        case TL_KIND_SOCKET: return socket_text(event.number, event.protocol);
        case TL_KIND_USER: return "uid " + std::to_string(event.number);
        default: return std::to_string(event.number);
      }
    default: return "-";
  }
}

}  // namespace treeline::events
