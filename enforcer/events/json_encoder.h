// SPDX-License-Identifier: Apache-2.0
//
// An event as one JSON object, schema 1. Fields are only ever added. Example, shortened:
//
//   {"schema":1,"type":"denial","id":"7f3a61c09b2e4d55","time":"2024-05-01T12:04:31.000000123Z","mode":"enforce",
//    "verdict":"deny","stopped":true,"policy":"nginx","generation":3,"container":"web-1",
//    "node":{"key":"0x...","path":"entry > /usr/sbin/nginx","line":12},"hook":"bprm_check_security","act":"exec",
//    "object":{"type":"path","path":"/usr/bin/curl"},"reason":"not-in-tree","in_doubt":false,"count":1,
//    "process":{"pid":4711,"thread":4711,"parent":4700,"uid":101,"gid":101,"comm":"nginx"}}
//
// `stopped` says whether the kernel refused the act. In monitor it is false and "would_have_been" says "denied". Paths are bytes:
// see escape_bytes (enforcer/base/bytes.h); "\\x5c" in JSON text is one escaped byte, and unescaping gives the name back.
// "count" is of this behaviour (policy, node, hook, reason, object), and left out where the table of those is full.
// Losses are lines of the same stream: {"schema":1,"type":"loss","what":"events","count":214}: counters stay exact. What of a container's refusals is
// not told one by one (bpf/lsm/tell.h) is a loss that says whose: {...,"what":"refusals","count":49700,"policy":"web","container":"web-1"}.
#pragma once

#include "enforcer/base/json.h"
#include "enforcer/events/event.h"

namespace treeline::events {

Json to_json(const Event& event, const Named& named);
Json loss_to_json(std::string_view what, uint64_t count);
Json not_shown_to_json(const std::string& policy, const std::string& container, uint64_t count);

}  // namespace treeline::events
