// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "enforcer/base/bytes.h"
#include "enforcer/base/clock.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/words.h"

namespace treeline::daemon {
namespace {

const char* opened_word(kernel::Opened how) {
  return how == kernel::Opened::kFresh ? "fresh" : how == kernel::Opened::kTakenOver ? "taken over" : "upgraded";
}

// Before 6.0 chown is judged by inode_setattr, which reports as path_chown.
std::string answering(const std::string& hook) { return hook == "inode_setattr" ? "path_chown" : hook; }

}  // namespace

void Service::prove() {
  // A private treelined may run beside the one whose programs are pinned: each has a cgroup of its own for its canary.
  const std::string cgroup = "/treeline/canary" + (options_.ephemeral ? "-" + std::to_string(getpid()) : "");
  const uint64_t began = boot_ns();
  const std::string before = proof_.why();
  canary::CanaryReport report = canary::run_canary({engine_->maps(), *publisher_, canary_image_, cgroups_, helper_, cgroup, [this](const std::string& hook) {
                                  bool known = false;
                                  for (const kernel::ProgramState& program : engine_->programs()) {
                                    const bool answers = answering(program.hook) == hook;
                                    known |= answers;
                                    if (answers && program.attached) return true;
                                  }
                                  return !known;  // a hook without a program is one that nothing enforces: let it fail
                                },
                                options_.canary_cannot_act});
  proof_.take(std::move(report), began, boot_ns());
  if (proof_.failed_attempt()) log_warning("the canary could not be tried now: " + proof_.failed_attempt()->error + "; what that of " + proof_.report().time + " has shown stands");
  else if (proof_.passed()) log_info("canary refused by every hook");
  else if (proof_.why() != before) log_error("not enforced: " + proof_.why());
}

// No proof for want of an attempt would refuse each start until somebody asked the doctor.
void Service::prove_again() {
  if (!proof_.is_due(boot_ns())) return;
  prove();
  if (proof_.passed()) log_notice("enforced now: the canary could be tried");
}

Json Service::canary_json() const {
  const canary::CanaryReport& report = proof_.report();
  Json json;
  json["passed"] = report.passed();
  json["time"] = report.time;
  if (!report.error.empty()) json["error"] = report.error;
  if (const auto& failed = proof_.failed_attempt()) json["last_attempt"] = {{"time", failed->time}, {"error", failed->error}};
  json["hooks"] = Json::array();
  for (const canary::HookProof& proof : report.hooks) {
    Json hook = {{"hook", proof.hook}, {"refused", proof.refused && proof.counted}};
    if (!proof.wanted) hook["absent"] = true;
    if (!proof.detail.empty()) hook["detail"] = proof.detail;
    json["hooks"].push_back(std::move(hook));
  }
  json["untried"] = untried_hooks();
  return json;
}

// Attached, and no act of the canary asks them: those that give no verdict, and a few that one process alone does not reach.
std::set<std::string> Service::untried_hooks() const {
  std::set<std::string> untried;
  for (const kernel::ProgramState& program : engine_->programs())
    if (program.attached) untried.insert(answering(program.hook));
  for (const canary::HookProof& proof : proof_.report().hooks) untried.erase(proof.hook);
  return untried;
}

// As the kernel tells it, not as it was asked for.
Json Service::confinement_json() const {
  const sandbox::State now = sandbox::observe();
  Json json = {{"confined", now.confined()},     {"system_call_filter", now.filter}, {"capabilities_dropped", now.capabilities_dropped},
               {"capabilities", now.capabilities}, {"landlock", now.landlock},         {"refused_system_calls", now.refused},
               {"helper", {{"pid", helper_.pid()}, {"gone", helper_.gone()}}}};
  if (sandbox::instrumented()) json["why_not"] = "this build is instrumented (AddressSanitizer)";
  else if (!now.confined()) json["why_not"] = "it was started with --unconfined";
  return json;
}

Service::Answer Service::containers() const {
  Json list = Json::array(), unbound = Json::array();
  std::map<uint32_t, std::vector<std::string>> wanted;  // by slot
  for (const store::Policy* policy : registry_->all())
    if (!policy->learning) wanted[policy->slot] = filter_words(policy->bundle);
  for (auto& [index, c] : containers_->all()) {
    const store::Policy* policy = registry_->at(c.slot);
    list.push_back({{"container", escape_bytes(c.id)},
                    {"policy", policy ? policy->state.name : ""},
                    {"mode", events::mode_word(publisher_->read(c.slot).mode)},
                    {"cgroup", escape_bytes(c.cgroup)},
                    {"plain", c.plain},
                    {"started", containers_->started(index)},
                    {"since", c.started},
                    {"unjudged", unbegun_.contains(index) && unbegun_.at(index).works && !containers_->started(index)},
                    {"frozen", cgroups_.frozen(c.cgroup)},
                    {"frozen_by_violation", c.frozen_by_violation},
                    {"filter", holds_filter(c, wanted[c.slot])},
                    {"two_names", escape_bytes(c.two_names)},
                    {"not_shown", not_shown(index)}});
  }
  for (const auto& [number, u] : unbound_.all())
    unbound.push_back({{"container", escape_bytes(u.id)}, {"cgroup", escape_bytes(u.cgroup)}, {"since", u.since}, {"frozen", cgroups_.frozen(u.cgroup)}});
  return Json{{"containers", list}, {"unbound", unbound}};
}

Service::Answer Service::status() const {
  const kernel::Maps& maps = engine_->maps();
  Json json;
  json["schema"] = 1;
  json["version"] = TREELINE_VERSION;
  json["daemon"] = {{"pid", getpid()}, {"ephemeral", options_.ephemeral}, {"programs", opened_word(engine_->how())}};
  json["confinement"] = confinement_json();
  json["kernel"] = facts_.release;
  std::optional<Error> why = why_not_enforce();
  json["can_enforce"] = !why;
  if (why) json["why_not"] = why->message;
  json["canary"] = canary_json();

  Json hooks = Json::array();
  size_t attached = 0, wanted = 0;
  for (const kernel::ProgramState& program : engine_->programs()) {
    attached += program.attached;
    wanted += program.attached || program.note.empty();
    if (!program.attached) hooks.push_back({{"hook", program.hook}, {"note", program.note}});
  }
  json["hooks"] = {{"attached", attached}, {"wanted", wanted}, {"not_attached", hooks}};
  json["tag"] = maps.tags ? "task storage" : "hash by task";
  json["events"] = source_->name();
  json["arena"] = {{"used", publisher_->space().used()}, {"total", publisher_->space().total()}};
  json["default"] = default_word(conf_);

  Json policies = Json::array();
  size_t not_enforced = 0;
  for (const store::Policy* policy : registry_->all()) {
    if (policy->learning) continue;
    policies.push_back(policy_json(*policy));
    if (policy->state.mode == TL_MODE_ENFORCE && !flag_at(policies.back(), "enforced")) ++not_enforced;
  }
  json["policies"] = std::move(policies);
  json["not_in_force"] = not_in_force_json();
  for (const auto& [name, left_out] : registry_->not_in_force()) not_enforced += left_out.mode != TL_MODE_MONITOR;
  json["unmanaged"] = Json::array();
  for (const store::Unmanaged& u : registry_->unmanaged()) json["unmanaged"].push_back({{"slot", u.slot}, {"mode", events::mode_word(u.mode)}, {"policy", u.name}});
  json["not_enforced"] = not_enforced;
  if (Answer learning = learn_status(); learning) json["learning"] = (*learning)["learning"];
  if (Answer bound = containers(); bound) {
    json["containers"] = (*bound)["containers"];
    json["unbound"] = (*bound)["unbound"];
  }
  Json refused = Json::array();
  for (const RefusedStart& each : refused_starts_.last())
    refused.push_back({{"container", each.container}, {"policy", each.policy}, {"time", each.time}, {"why", each.why}});
  json["refused_starts"] = {{"count", refused_starts_.count()}, {"last", std::move(refused)}};
  json["doubts"] = Json::array();
  for (uint32_t hook = 0; hook < TL_HOOKS; ++hook)
    for (uint32_t reason = TL_REASON_DOUBT; reason < TL_REASONS; ++reason)
      if (uint64_t count = kernel::sum_over_cpus(maps.doubts.get(), hook * TL_REASONS + reason))
        json["doubts"].push_back({{"hook", events::hook_word(hook)},
                                  {"reason", events::reason_word(reason)},
                                  {"count", count},
                                  {"new", doubts_.is_new(hook * TL_REASONS + reason, count, boot_ns())}});
  json["losses"] = Json::object();
  for (auto& [what, count] : losses()) json["losses"][what] = count;
  if (lost_traces_) json["losses"]["traces"] = lost_traces_;
  return json;
}

Service::Answer Service::doctor() {
  prove();
  Json list = Json::array();
  for (const kernel::Prerequisite& p : kernel::judge(facts_))
    list.push_back({{"name", p.name}, {"state", p.state == kernel::State::kOk ? "ok" : p.state == kernel::State::kNote ? "note" : "missing"},
                    {"found", p.found}, {"remedy", p.remedy}});
  std::optional<Error> why = why_not_enforce();
  if (!why && proof_.failed_attempt())
    why = Error{"the canary could not be tried now: " + proof_.failed_attempt()->error + ". That of " + proof_.report().time + " was refused by every hook, so containers are still started in enforce"};
  Json json;
  json["prerequisites"] = std::move(list);
  json["canary"] = canary_json();
  json["confinement"] = confinement_json();
  json["can_enforce"] = !why;
  if (why) json["why_not"] = why->message;
  return json;
}

}  // namespace treeline::daemon
