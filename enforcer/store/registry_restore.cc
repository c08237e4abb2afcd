// SPDX-License-Identifier: Apache-2.0
//
// What a new daemon finds: slots that an earlier one published (the maps are pinned), and policies on disk. The slots stay as they are
// published, so a restart changes no verdict; but where the earlier one died between writing a change to the disk and publishing it, the
// change is finished.
#include <cerrno>

#include "enforcer/base/files.h"
#include "enforcer/base/json.h"
#include "enforcer/events/words.h"
#include "enforcer/store/image.h"
#include "enforcer/store/registry.h"

namespace treeline::store {
namespace {

Error may_be(uint32_t slot) {
  return Error{"slot " + std::to_string(slot) + " is in force and may be this policy's, but nothing says so. Stop the bound containers, then: "
                   "treelined --detach --reason repair; systemctl start treelined",
               EBUSY};
}

}  // namespace

Result<void> Registry::save_slots() const {
  Json json;
  json["schema"] = 1;
  json["slots"] = Json::array();
  const auto add = [&json](uint32_t slot, const Owner& owner) {
    Json row = {{"slot", slot}, {"name", owner.name}, {"transient", owner.transient}, {"learning", owner.learning}, {"stopped", owner.stopped}};
    if (owner.learning) row["since"] = owner.since;
    json["slots"].push_back(std::move(row));
  };
  for (auto& [slot, policy] : by_slot_) add(slot, {policy->state.name, policy->transient, policy->learning, policy->stopped, policy->state.changed});
  for (auto& [slot, lost] : lost_)
    if (!by_slot_.contains(slot) && publisher_.read(slot).mode != TL_MODE_OFF) add(slot, lost);
  const std::string text = to_line(json) + "\n";
  if (read_file_or_empty(world_.slots_file, 16 << 20) == text) return {};  // it is right, also on a file system that is full
  return write_file_atomically(world_.slots_file, text);
}

Result<void> Registry::restore_slot(uint32_t slot, const Owner& owner, std::string& doubt) {
  const std::string& name = owner.name;
  const bool learning = owner.learning;
  if (slot == 0 || slot >= TL_SLOTS || !valid_policy_name(name) || by_slot_.contains(slot)) return Error{"slot table is damaged", EBADMSG};
  if (!learning && find(name)) return Error{"two slots are in force under its name, and commands reach the other", EEXIST};
  const Published now = publisher_.read(slot);
  auto policy = std::make_unique<Policy>();
  policy->slot = slot;
  policy->transient = owner.transient;
  policy->learning = learning;
  policy->stopped = learning && owner.stopped;
  policy->state.name = name;
  policy->state.changed = owner.since;
  policy->state.mode = policy->mode = now.mode;
  policy->state.generation = now.generation;
  policy->base = now.base;
  if (!learning) {
    if (now.base == 0) return Error{"slot " + std::to_string(slot) + " of '" + name + "' holds no image", ENOENT};
    if (Result<std::string_view> image = publisher_.image_at(now.base); !image) return image.error();
    Result<PolicyState> state = store_of(*policy).read(name);
    if (!state && state.error().code == ENOENT && world_.bound(slot) == 0 && count_nodes(world_.tags, slot).empty() && !has_task(slot)) {
      publisher_.publish(slot, {now.generation, TL_MODE_OFF, 0, 0});  // an unload that was interrupted
      return publisher_.retire(now.base);
    }
    if (!state) return state.error();
    policy->state = *state;
    Result<bundle::Bundle> bundle = store_of(*policy).read_bundle(name, state->current);
    if (!bundle) return bundle.error();
    Result<Provenance> admitted = world_.admission.admit(*bundle, Occasion::kRestart, policy->state.signature);
    if (!admitted) {
      doubt = admitted.error().message;
      Provenance refused;
      refused.checked = true;
      refused.refused = doubt;
      admitted = refused;
    }
    note(policy->state, *admitted);
    policy->provenance = *admitted;
    uint32_t base = now.base;
    if (now.generation != state->generation) {
      const bundle::Artifact* image = bundle->find(bundle::kImage);
      if (!image) return Error{"its bundle holds no policy.img", EBADMSG};
      Result<uint32_t> placed = place_making_room(image->bytes);
      if (!placed) return placed.error();
      base = *placed;
    }
    describe(*policy, std::move(*bundle));
    // Not as the disk says: a change that was not finished, or a boot parameter that allows less. A generation is never published twice: what a task
    // keeps of an image is told apart by it.
    if (now.generation > state->generation) {
      PolicyState next = policy->state;
      next.generation = generation_after(*policy);
      (void)put_in_force(*policy, std::move(next), base, OnDisk::kIfItCan).has_value();
    } else if (!as_published(*policy)) {
      publish(*policy, base);
    }
    if (base != now.base)
      if (Result<void> retired = publisher_.retire(now.base); !retired) return retired;
  }
  by_slot_[slot] = std::move(policy);
  return {};
}

std::vector<Unmanaged> Registry::unmanaged() const {
  std::vector<Unmanaged> found;
  for (uint32_t slot = 1; slot + 1 < TL_SLOTS; ++slot) {  // the last one is the canary's
    const uint32_t mode = publisher_.read(slot).mode;
    if (mode == TL_MODE_OFF || by_slot_.contains(slot)) continue;
    auto lost = lost_.find(slot);
    found.push_back({slot, mode, lost == lost_.end() ? "" : lost->second.name});
  }
  return found;
}

std::optional<Unmanaged> Registry::unmanaged(const std::string& name) const {
  for (const Unmanaged& u : unmanaged()) {
    auto lost = lost_.find(u.slot);
    if (u.name == name && lost != lost_.end() && !lost->second.transient && !lost->second.learning) return u;
  }
  return std::nullopt;
}

uint32_t Registry::mode_of(const std::string& name) const {
  for (const auto& [slot, policy] : by_slot_)
    if (!policy->learning && policy->state.name == name) return policy->state.mode;
  if (Result<PolicyState> stored = kept_.read(name); stored && stored->current) return stored->mode;
  const std::optional<Unmanaged> lost = unmanaged(name);
  return lost ? lost->mode : uint32_t{TL_MODE_MONITOR};
}

Result<std::unique_ptr<Policy>> Registry::to_replace(const std::string& name, std::string_view image, bool same_workload) const {
  Result<ImageIdentity> identity = identify_image(image);
  if (!identity) return identity.error();
  const auto of_this_profile = [&](uint32_t slot) {
    Result<std::string_view> published = publisher_.image_at(publisher_.read(slot).base);
    return published && identify_image(*published)->policy == identity->policy;
  };
  if (std::optional<Unmanaged> lost = unmanaged(name)) {
    if (same_workload && !of_this_profile(lost->slot))
      return Error{"what is in force as '" + name + "' is another workload's, and with require_signature = yes one does not take the place of another; load it under a name of its own", EPERM};
    const Published now = publisher_.read(lost->slot);
    auto policy = std::make_unique<Policy>();
    policy->slot = lost->slot;
    policy->mode = now.mode;
    policy->base = now.base;
    return policy;
  }
  for (const Unmanaged& u : unmanaged())
    if (u.name.empty() && of_this_profile(u.slot)) return may_be(u.slot);
  return std::unique_ptr<Policy>();
}

Result<bool> Registry::adopt(const std::string& name, std::string& doubt) {
  const std::vector<Unmanaged> without_owner = unmanaged();
  if (without_owner.empty()) return false;
  Result<PolicyState> state = kept_.read(name);
  if (!state) return state.error();
  Result<bundle::Bundle> bundle = kept_.read_bundle(name, state->current);
  if (!bundle) return bundle.error();
  const bundle::Artifact* image = bundle->find(bundle::kImage);
  Result<ImageIdentity> identity = identify_image(image ? image->bytes : std::string_view());
  if (!identity) return identity.error();
  std::vector<uint32_t> alike;
  bool same = false;
  for (const Unmanaged& u : without_owner) {
    Result<std::string_view> published = publisher_.image_at(publisher_.read(u.slot).base);
    const bool of_this_profile = published && identify_image(*published)->policy == identity->policy;
    if (u.name != name && !(u.name.empty() && of_this_profile)) continue;
    alike.push_back(u.slot);
    same = u.name.empty() && *published == image->bytes;
  }
  if (alike.empty()) return false;
  if (alike.size() == 1 && same) {
    Result<void> restored = restore_slot(alike[0], {name}, doubt);
    if (!restored) return restored.error();
    return true;
  }
  return may_be(alike[0]);
}

Result<Policy*> Registry::publish_stored(const std::string& name) {
  Result<PolicyState> state = kept_.read(name);
  if (!state) return state.error();
  Result<bundle::Bundle> bundle = kept_.read_bundle(name, state->current);
  if (!bundle) return bundle.error();
  const bundle::Artifact* image = bundle->find(bundle::kImage);
  if (!image) return Error{"its bundle holds no policy.img", EBADMSG};
  Result<Provenance> admitted = world_.admission.admit(*bundle, Occasion::kRestart, state->signature);
  if (!admitted) return admitted.error();
  Result<uint32_t> slot = free_slot();
  if (!slot) return slot.error();
  Result<uint32_t> base = place_making_room(image->bytes);
  if (!base) return base.error();
  auto policy = std::make_unique<Policy>();
  policy->slot = *slot;
  policy->state = *state;
  note(policy->state, *admitted);
  policy->provenance = *admitted;
  describe(*policy, std::move(*bundle));
  Policy* made = policy.get();
  by_slot_[*slot] = std::move(policy);
  (void)!save_slots().has_value();  // restore() says so
  // The disk names this bundle in this mode already; only the generation is new.
  PolicyState next = made->state;
  next.generation = generation_after(*made);
  (void)!put_in_force(*made, std::move(next), *base, OnDisk::kIfItCan).has_value();
  return made;
}

void Registry::leave_out(const std::string& name, const std::string& what, const Error& why, std::vector<std::string>& complaints) {
  complaints.push_back("policy '" + name + "' " + what + ": " + why.message);
  const Result<PolicyState> state = kept_.read(name);
  not_in_force_[name] = {name, what + ": " + why.message, state ? state->mode : 0};
}

Result<void> Registry::restore(std::vector<std::string>& complaints) {
  Result<std::string> content = read_file(world_.slots_file, 16 << 20);
  if (!content && content.error().code != ENOENT) return content.error();
  if (std::optional<Json> json = parse_json(content ? *content : ""); json && json->contains("slots") && (*json)["slots"].is_array()) {
    for (const Json& entry : (*json)["slots"]) {
      if (!entry.is_object()) continue;
      const int64_t slot = number_at(entry, "slot");
      const std::string name = text_at(entry, "name");
      if (slot <= 0 || slot >= TL_SLOTS) continue;
      if (publisher_.read(static_cast<uint32_t>(slot)).mode == TL_MODE_OFF) continue;  // the maps are new: nothing to take over
      std::string doubt;
      Owner owner{name, flag_at(entry, "transient"), flag_at(entry, "learning"), flag_at(entry, "stopped"), text_at(entry, "since")};
      Result<void> restored = restore_slot(static_cast<uint32_t>(slot), owner, doubt);
      if (!doubt.empty()) complaints.push_back("policy '" + name + "' stays in force as published, but would not be admitted now: " + doubt);
      if (!restored) {
        lost_[static_cast<uint32_t>(slot)] = std::move(owner);
        complaints.push_back("policy '" + name + "' stays in force as published, but cannot be managed: " + restored.error().message);
      }
    }
  }
  Result<std::vector<std::string>> stored = kept_.names();
  if (!stored) {
    not_in_force_[""] = {"", "is not in force, as the store cannot be read: " + stored.error().message, 0};
    complaints.push_back("policies that are not in force already are not put in force: the store cannot be read: " + stored.error().message + "; mend it, then: systemctl restart treelined");
  }
  for (const std::string& name : stored ? *stored : std::vector<std::string>()) {
    if (find(name)) continue;
    std::string doubt;
    Result<bool> adopted = adopt(name, doubt);
    if (!doubt.empty()) complaints.push_back("policy '" + name + "' stays in force as published, but would not be admitted now: " + doubt);
    if (!adopted) leave_out(name, "is not managed here", adopted.error(), complaints);
    if (!adopted || *adopted) continue;
    Result<Policy*> published = publish_stored(name);
    if (!published) leave_out(name, "is not in force", published.error(), complaints);
    else if (!(*published)->unsaved.empty()) complaints.push_back("policy '" + name + "' is in force, which could not be written (it is tried again): " + (*published)->unsaved);
  }
  for (const Unmanaged& u : unmanaged())
    if (u.name.empty()) complaints.push_back("slot " + std::to_string(u.slot) + " is in force, and no table says which policy it is: treeline status lists it");
  // What is published is right; only the table is an old one.
  if (Result<void> saved = save_slots(); !saved) {
    slots_unsaved_ = true;
    complaints.push_back("the table of slots is not written (it is tried again): " + saved.error().message);
  }
  return {};
}

}  // namespace treeline::store
