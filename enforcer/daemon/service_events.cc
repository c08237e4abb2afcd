// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bpf/lsm/abi.h"
#include "enforcer/base/bytes.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/json_encoder.h"
#include "enforcer/events/words.h"

namespace treeline::daemon {

events::Named Service::name(const events::Event& event) const {
  events::Named named;
  named.container = container_of(event);
  const store::Policy* policy = registry_->at(event.slot);
  if (!policy) return named;
  named.policy = policy->shown_name();
  named.node_path = policy->node_path(event.node);
  named.node_line = policy->node_line(event.node);
  if (event.next_node) named.next_path = policy->node_path(event.next_node);
  if (event.object_type == TL_OBJECT_PATH) {
    if (const bundle::RuleEntry* rule = policy->nearest_rule(event.node, readable_path(event.text, false))) {
      named.nearest = rule->pattern;
      named.nearest_line = rule->position.line;
    }
  }
  return named;
}

std::string Service::container_of(const events::Event& event) const {
  if (const workload::Container* container = containers_->at(event.container); container && containers_->bound_at(event.container) <= event.time) return container->id;
  const auto ended = std::find_if(ended_.rbegin(), ended_.rend(), [&](const Ended& e) { return e.index == event.container && e.bound_at <= event.time; });
  return ended == ended_.rend() ? "" : ended->id;
}

void Service::on_record(const void* record, size_t size) {
  Result<events::Event> event = events::decode(record, size);
  if (!event) {
    ++undecodable_;
    return;
  }
  if (event->slot == canary::kSlot) return;
  if (event->flags & (TL_EVENT_KILL_CONTAINER | TL_EVENT_FREEZE_CONTAINER)) respond();
  const bool learned = event->type == TL_EVENT_LEARNED;
  if (learned)
    if (auto session = sessions_.find(event->container); session != sessions_.end()) session->second.recorder->see(*event);
  bool wanted = !learned;
  for (auto& [peer, all] : subscribers_) wanted |= all;
  if (!wanted) return;
  broadcast(to_line(events::to_json(*event, name(*event))), learned, event->container);
}

void Service::broadcast(const std::string& line, bool learned, uint32_t container) {
  if (!learned) backlog_.add(container, line);
  for (auto& [id, all] : subscribers_)
    if (!learned || all)
      if (Peer* peer = server_ ? server_->find(id) : nullptr) peer->event_line(line);
}

Service::Answer Service::subscribe(Peer& peer, const Json& request) {
  source_->consume();
  int64_t backlog = number_at(request, "backlog", -1);
  const size_t shown = backlog < 0 || static_cast<size_t>(backlog) > backlog_.size() ? backlog_.size() : static_cast<size_t>(backlog);
  Json answer;
  answer["backlog"] = shown;
  peer.reply(request, std::move(answer));
  for (size_t i = backlog_.size() - shown; i < backlog_.size(); ++i) peer.event_line(backlog_.at(i));
  if (flag_at(request, "follow")) subscribers_[peer.id()] = flag_at(request, "learned");
  else peer.tell_dropped(), peer.line(R"({"type":"end"})");
  return Json::object();
}

std::map<std::string, uint64_t> Service::losses() const {
  std::map<std::string, uint64_t> all;
  for (uint32_t what = 0; what < TL_LOSSES; ++what)
    if (std::string_view word = events::loss_word(what); !word.empty())
      all[std::string(word)] = kernel::sum_over_cpus(engine_->maps().losses.get(), what);
  // The perf buffer's own count is not added: bpf_perf_event_output told the program, which counted it.
  if (undecodable_) all["undecodable"] = undecodable_;
  return all;
}

void Service::report_losses() {
  std::map<std::string, uint64_t> now = losses();
  for (auto& [what, count] : now) {
    const uint64_t before = losses_told_[what];
    if (count > before) broadcast(to_line(events::loss_to_json(what, count - before)), false);
  }
  losses_told_ = std::move(now);
  for (const auto& [index, container] : containers_->all()) report_not_shown(container);
}

}  // namespace treeline::daemon
