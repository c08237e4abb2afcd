// SPDX-License-Identifier: Apache-2.0
//
// What was done and to what, in words: the parts that every encoder of events needs.
#pragma once

#include <string>

#include "enforcer/events/event.h"

namespace treeline::events {

// The act: access words of a file ("read write"), else "exec", "connect", "listen", "capability", "socket", "jit" ...
std::string act_text(const Event& event);
// The object: a path, "{pipe}", "10.2.3.4:4444/tcp", "cap sys_admin". Escaped: safe for a terminal.
std::string object_text(const Event& event);
// "10.2.3.4", "fd00::1"; "" for an event without an address.
std::string address_text(const Event& event);
// The object of a socket event ("netlink route").
std::string socket_text(uint32_t kind, uint32_t netlink);
std::string capability_text(uint32_t capability);  // "sys_admin", "capability-63" for one without a name
std::string operation_text(uint32_t operation);
std::string class_text(uint32_t class_id);         // "{pipe}"; "{class-40}" for a class of an image

}  // namespace treeline::events
