// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "bpf/lsm/abi.h"
#include "enforcer/base/clock.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/words.h"
#include "policy-compiler/support/text.h"
#include "policy-compiler/support/utc.h"

namespace treeline::daemon {
namespace {

Json brief(const store::Policy& p) {
  Json json;
  json["name"] = p.state.name;
  json["mode"] = events::mode_word(p.mode);
  if (p.mode != p.state.mode) {
    json["asked"] = events::mode_word(p.state.mode);
    json["why_weaker"] = p.why_weaker;
  }
  json["generation"] = p.state.generation;
  json["on_violation"] = store::violation_word(p.state.on_violation);
  json["slot"] = p.slot;
  json["changed"] = p.state.changed;
  if (!p.unsaved.empty()) json["unsaved"] = p.unsaved;
  if (p.transient) json["transient"] = true;
  if (p.provenance.checked) {
    Json& signature = json["signature"];
    signature["state"] = p.provenance.state(unix_ns() / 1'000'000'000);
    if (p.provenance.refused.empty()) {
      signature["key"] = p.provenance.key;
      signature["generation"] = p.provenance.generation;
      signature["minimum_generation"] = p.provenance.minimum;
      if (p.provenance.expires) signature["expires"] = utc::format(p.provenance.expires);
    } else {
      signature["why"] = p.provenance.refused;
    }
  }
  if (!p.learning) {
    json["can_roll_back"] = p.state.previous != 0;
    json["digest"] = p.bundle.digest;
    json["nodes"] = p.bundle.nodes.size();
    json["residuals"] = p.bundle.residuals.size();
  }
  return json;
}

}  // namespace

std::string Service::directory_of(const store::Policy& p) const {
  return (p.transient ? conf_.runtime : conf_.store) + "/policies/" + p.state.name + "/bundle-" + std::to_string(p.state.current);
}

Json Service::policy_json(const store::Policy& policy) const {
  Json json = brief(policy);
  const size_t bound = containers_->bound_to(policy.slot), unfiltered = without_filter(policy.slot, filter_words(policy.bundle)).size();
  json["bound"] = bound;
  json["filtered"] = bound - unfiltered;  // by the seccomp filter and AppArmor profile of their start, whatever the mode is now
  if (policy.mode == TL_MODE_ENFORCE) {
    std::optional<Error> why = why_not_enforce();
    if (!why) why = why_not_held(policy);
    json["enforced"] = !why;
    if (why) json["why_not_enforced"] = why->message;
  }
  return json;
}

Result<store::Change> Service::change_of(const Json& request) const {
  store::Change change;
  change.name = text_at(request, "name");
  if (std::string word = text_at(request, "mode"); !word.empty()) {
    const int mode = events::mode_of_word(word);
    if (mode != TL_MODE_MONITOR && mode != TL_MODE_ENFORCE) return Error{"a mode is monitor or enforce, not " + text::quoted(word), EINVAL};
    change.mode = static_cast<uint32_t>(mode);
  }
  if (std::string word = text_at(request, "on_violation"); !word.empty()) {
    Result<store::Violation> violation = store::violation_of_word(word);
    if (!violation) return violation.error();
    change.on_violation = *violation;
  }
  if (std::string word = text_at(request, "orphans"); !word.empty()) {
    if (word != "deny" && word != "kill") return Error{"--orphans is deny or kill, not " + text::quoted(word), EINVAL};
    change.orphans = word == "kill" ? store::Orphans::kKill : store::Orphans::kDeny;
  }
  return change;
}

// Out of enforce, by whichever request, only with a reason.
Result<void> Service::may_weaken(const store::Change& change, const Json& request) const {
  if (registry_->mode_of(change.name) != TL_MODE_ENFORCE || change.mode != TL_MODE_MONITOR || !text_at(request, "reason").empty()) return {};
  return Error{"'" + change.name + "' is enforced, and in monitor nothing of it would be stopped any more: say why, with --reason TEXT (it is kept in the log); "
                   "or leave its mode as it is, by a load without --mode",
               EPERM};
}

Service::Answer Service::policy_load(Peer& peer, const Json& request) {
  Result<store::Change> change = change_of(request);
  if (!change) return change.error();
  const std::string directory = text_at(request, "bundle");
  if (directory.empty() || directory[0] != '/') return Error{"the request names no bundle directory by its absolute path", EINVAL};
  Result<bundle::Bundle> bundle = bundle::read(directory);
  if (!bundle) return bundle.error();
  if (change->name.empty()) change->name = bundle->name;
  if (Result<void> may = may_weaken(*change, request); !may) return may.error();
  if (Result<void> its_own = profile_is_its_own(change->name, change->mode, *bundle); !its_own) return its_own.error();
  if (Result<void> filtered = filter_in_place(change->name, change->mode, *bundle, request); !filtered) return filtered.error();
  Result<store::Policy*> policy = registry_->load(*bundle, *change);
  if (!policy) return policy.error();
  tell_again();
  audit(peer, request, "loaded policy " + change->name + " generation " + std::to_string((*policy)->state.generation) + " in " +
                           std::string(events::mode_word((*policy)->mode)));
  return Json{{"policy", policy_json(**policy)}};
}

Service::Answer Service::policy_mode(Peer& peer, const Json& request) {
  Result<store::Change> change = change_of(request);
  if (!change) return change.error();
  if (Result<void> may = may_weaken(*change, request); !may) return may.error();
  if (const store::Policy* policy = registry_->find(change->name)) {
    if (Result<void> its_own = profile_is_its_own(change->name, change->mode, policy->bundle); !its_own) return its_own.error();
    if (Result<void> filtered = filter_in_place(change->name, change->mode, policy->bundle, request); !filtered) return filtered.error();
  }
  Result<store::Policy*> changed = registry_->set_mode(*change);
  if (!changed) return changed.error();
  tell_again();
  audit(peer, request, "set policy " + change->name + " to " + std::string(events::mode_word((*changed)->mode)) +
                           ((*changed)->unsaved.empty() ? "" : " until treelined is started again: " + (*changed)->unsaved));
  return Json{{"policy", policy_json(**changed)}};
}

Service::Answer Service::policy_rollback(Peer& peer, const Json& request) {
  Result<store::Change> change = change_of(request);
  if (!change) return change.error();
  if (const store::Policy* now = registry_->find(change->name); now && now->state.previous != 0) {
    Result<bundle::Bundle> before = (now->transient ? transient_ : kept_).read_bundle(change->name, now->state.previous);
    if (!before) return before.error();
    if (Result<void> its_own = profile_is_its_own(change->name, 0, *before); !its_own) return its_own.error();
    if (Result<void> filtered = filter_in_place(change->name, 0, *before, request); !filtered) return filtered.error();
  }
  Result<store::Policy*> policy = registry_->rollback(*change);
  if (!policy) return policy.error();
  tell_again();
  audit(peer, request, "rolled policy " + change->name + " back, now generation " + std::to_string((*policy)->state.generation));
  return Json{{"policy", policy_json(**policy)}};
}

Service::Answer Service::policy_unload(Peer& peer, const Json& request) {
  const std::string name = text_at(request, "name");
  const store::Policy* policy = registry_->find(name);
  const uint32_t slot = policy ? policy->slot : 0;
  if (Result<void> unloaded = registry_->unload(name); !unloaded) return unloaded.error();
  forget_denials(slot);
  audit(peer, request, "unloaded policy " + name);
  return Json::object();
}

Service::Answer Service::policy_list() const {
  Json list = Json::array();
  for (const store::Policy* policy : registry_->all())
    if (!policy->learning) list.push_back(policy_json(*policy));
  return Json{{"policies", list}, {"not_in_force", not_in_force_json()}};
}

Json Service::not_in_force_json() const {
  Json list = Json::array();
  for (const auto& [name, left_out] : registry_->not_in_force())
    list.push_back({{"policy", name}, {"mode", left_out.mode ? events::mode_word(left_out.mode) : ""}, {"why", left_out.why}});
  return list;
}

Service::Answer Service::policy_show(const Json& request) {
  const store::Policy* policy = registry_->find(text_at(request, "name"));
  if (!policy) return Error{"there is no policy " + text::quoted(text_at(request, "name")) + "; treeline policy list shows those there are", ENOENT};
  Json json = policy_json(*policy);
  json["compiler"] = policy->bundle.compiler;
  json["directory"] = directory_of(*policy);
  // How many tasks stand on each node right now.
  store::NodeCounts standing = store::count_nodes(
      [this](const std::function<void(const tl_tag&)>& use) {
        kernel::for_each<uint64_t, tl_tag>(engine_->maps().tags_by_task.get(), 1 << 20, [&](uint64_t, const tl_tag& tag) { use(tag); });
      },
      policy->slot);
  json["tree"] = Json::array();
  for (const bundle::NodeEntry& node : policy->bundle.nodes) {
    auto here = standing.find(node.key);
    json["tree"].push_back({{"key", text::hex64(node.key)}, {"path", node.path}, {"line", node.line}, {"tasks", here == standing.end() ? 0 : here->second}});
  }
  if (auto outside = standing.find(TL_KEY_OUTSIDE); outside != standing.end()) json["tasks_outside"] = outside->second;
  json["residual_rules"] = Json::array();
  for (const bundle::Residual& residual : policy->bundle.residuals)
    json["residual_rules"].push_back({{"backend", residual.backend}, {"line", residual.line}, {"message", residual.message}});
  return Json{{"policy", json}};
}

}  // namespace treeline::daemon
