// SPDX-License-Identifier: Apache-2.0
#include "enforcer/events/json_encoder.h"

#include "bpf/lsm/abi.h"
#include "enforcer/base/bytes.h"
#include "enforcer/base/clock.h"
#include "enforcer/events/object_text.h"
#include "enforcer/events/words.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::events {
namespace {

Json node_json(uint64_t key, const std::string& path, uint32_t line) {
  Json node;
  node["key"] = text::hex64(key);
  if (!path.empty()) node["path"] = escape_bytes(path);
  if (line) node["line"] = line;
  return node;
}

Json object_json(const Event& event) {
  Json object;
  switch (event.object_type) {
    case TL_OBJECT_PATH:
      object["type"] = "path";
      object["path"] = readable_path(event.text, false);
      if (!event.text2.empty()) object["second_path"] = readable_path(event.text2, false);
      if (event.flags & TL_EVENT_TRUNCATED) object["truncated"] = true;
      break;
    case TL_OBJECT_CLASS:
      object["type"] = "class";
      object["class"] = class_text(event.class_id);
      break;
    case TL_OBJECT_NET:
      object["type"] = "net";
      object["direction"] = ir::names::directions().name(event.direction);
      object["protocol"] = ir::names::protocols().name(event.protocol);
      if (event.family) object["address"] = address_text(event);
      object["port"] = event.port;
      break;
    case TL_OBJECT_NUMBER:
      object["type"] = act_text(event);
      object["name"] = object_text(event);
      object["number"] = event.number;
      break;
    default:
      object["type"] = "none";
  }
  return object;
}

}  // namespace

Json to_json(const Event& event, const Named& named) {
  const char* type = event.type == TL_EVENT_DENIAL ? "denial" : event.type == TL_EVENT_LEARNED ? "learned" : "life";
  Json out;
  out["schema"] = 1;
  out["type"] = type;
  out["id"] = event.id();
  out["time"] = rfc3339(unix_ns_of_boot(event.time));
  out["mode"] = mode_word(event.mode);
  out["verdict"] = verdict_word(event.verdict);
  out["stopped"] = event.verdict >= TL_VERDICT_DENY;
  if (event.verdict == TL_VERDICT_WOULD_DENY) out["would_have_been"] = "denied";
  out["policy"] = named.policy;
  out["generation"] = event.generation;
  out["container"] = escape_bytes(named.container);
  out["node"] = node_json(event.node, named.node_path, named.node_line);
  if (event.next_node) out["next_node"] = node_json(event.next_node, named.next_path, 0);
  out["hook"] = hook_word(event.hook);
  out["act"] = act_text(event);
  out["object"] = object_json(event);
  out["reason"] = reason_word(event.reason);
  out["in_doubt"] = event.in_doubt();
  if (named.nearest_line) out["nearest"] = {{"pattern", named.nearest}, {"line", named.nearest_line}};
  if (event.count) out["count"] = event.count;  // 0: this behaviour had no room in the table of those
  if (event.flags & TL_EVENT_JOINED) out["joined"] = true;
  if (event.flags & TL_EVENT_KILL_CONTAINER) out["reaction"] = "kill-container";
  else if (event.flags & TL_EVENT_FREEZE_CONTAINER) out["reaction"] = "freeze-container";
  out["process"] = {{"pid", event.tgid}, {"thread", event.pid}, {"parent", event.ppid},
                    {"uid", event.uid},  {"gid", event.gid},    {"comm", escape_bytes(event.comm)}};
  return out;
}

Json loss_to_json(std::string_view what, uint64_t count) {
  Json out;
  out["schema"] = 1;
  out["type"] = "loss";
  out["time"] = rfc3339(unix_ns());
  out["what"] = what;
  out["count"] = count;
  return out;
}

Json not_shown_to_json(const std::string& policy, const std::string& container, uint64_t count) {
  Json out = loss_to_json("refusals", count);
  out["policy"] = policy;
  out["container"] = escape_bytes(container);
  return out;
}

}  // namespace treeline::events
