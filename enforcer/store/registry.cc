// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/registry.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "enforcer/base/clock.h"
#include "enforcer/base/fault.h"
#include "enforcer/base/log.h"
#include "enforcer/events/words.h"
#include "enforcer/store/image.h"
#include "policy-compiler/support/text.h"

namespace treeline::store {
namespace {

uint32_t slot_flags(const PolicyState& state) {
  uint32_t flags = 0;
  switch (state.on_violation) {
    case Violation::kProfile: break;
    case Violation::kDeny: flags |= TL_SLOT_DENY; break;
    case Violation::kKill: flags |= TL_SLOT_KILL; break;
    case Violation::kKillContainer: flags |= TL_SLOT_KILL | TL_SLOT_KILL_CONTAINER; break;
    case Violation::kFreezeContainer: flags |= TL_SLOT_FREEZE_CONTAINER; break;
  }
  if (state.orphans_kill) flags |= TL_SLOT_ORPHANS_KILL;
  return flags;
}

// Nothing is refused or killed that was not before.
bool only_weakens(const PolicyState& now, const PolicyState& next) {
  if (next.orphans_kill && !now.orphans_kill) return false;
  if (now.mode == TL_MODE_ENFORCE && next.mode == TL_MODE_MONITOR) return true;
  return next.mode == now.mode && next.on_violation == Violation::kDeny;
}

Error no_such(const std::string& name) {
  return Error{"there is no policy '" + name + "' here; treeline policy list shows those there are", ENOENT};
}

}  // namespace

std::string Policy::node_path(uint64_t key) const {
  switch (key) {
    case TL_KEY_ENTRY: return "entry";
    case TL_KEY_JOIN: return "join";
    case TL_KEY_OUTSIDE: return "outside";
    default: break;
  }
  auto it = nodes.find(key);
  return it == nodes.end() ? "" : it->second.path;
}

uint32_t Policy::node_line(uint64_t key) const {
  auto it = nodes.find(key);
  return it == nodes.end() ? 0 : it->second.line;
}

const bundle::RuleEntry* Policy::nearest_rule(uint64_t key, const std::string& path) const {
  auto it = rules.find(key);
  if (it == rules.end() || path.empty() || path[0] != '/') return nullptr;
  const bundle::RuleEntry* best = nullptr;
  size_t best_length = 1;  // "/" alone is common to all
  for (const bundle::RuleEntry& rule : it->second) {
    if (rule.kind != "file" && rule.kind != "exec") continue;
    size_t same = 0, slash = 0;
    while (same < path.size() && same < rule.pattern.size() && path[same] == rule.pattern[same])
      if (path[same++] == '/') slash = same;
    if (same == path.size() && same == rule.pattern.size()) slash = same + 1;
    if (slash > best_length) best_length = slash, best = &rule;
  }
  return best;
}

Registry::Registry(Publisher& publisher, PolicyStore& kept, PolicyStore& transient, World world)
    : publisher_(publisher), kept_(kept), transient_(transient), world_(std::move(world)) {}

Policy* Registry::find(const std::string& name) {
  for (auto& [slot, policy] : by_slot_)
    if (!policy->learning && policy->state.name == name) return policy.get();
  return nullptr;
}

Policy* Registry::find_learning(const std::string& name) {
  for (auto& [slot, policy] : by_slot_)
    if (policy->learning && !policy->transient && !policy->stopped && policy->state.name == name) return policy.get();
  return nullptr;
}

const Policy* Registry::at(uint32_t slot) const {
  auto it = by_slot_.find(slot);
  return it == by_slot_.end() ? nullptr : it->second.get();
}

std::vector<const Policy*> Registry::all() const {
  std::vector<const Policy*> policies;
  for (auto& [slot, policy] : by_slot_) policies.push_back(policy.get());
  std::sort(policies.begin(), policies.end(), [](const Policy* a, const Policy* b) {
    return std::pair(a->learning, a->state.name) < std::pair(b->learning, b->state.name);
  });
  return policies;
}

// By pid: who forks ahead of a walk of the tags, in which each child may lie before its parent, is met.
bool Registry::has_task(uint32_t slot) const {
  bool found = false;
  if (world_.tasks)
    world_.tasks([&](const tl_task& task) { found |= task.slot == slot; });
  return found;
}

Result<uint32_t> Registry::free_slot() {
  NodeCounts none;
  for (uint32_t i = 0; i < TL_SLOTS - 2; ++i) {
    // 0 is never used: a zeroed tag must not name a policy; the last one is the canary's. Round robin, so that a freed number rests
    // as long as it can.
    const uint32_t slot = 1 + (last_slot_ + i) % (TL_SLOTS - 2);
    if (by_slot_.contains(slot) || publisher_.read(slot).mode != TL_MODE_OFF) continue;
    if (publisher_.read(slot).generation != 0 && (count_nodes(world_.tags, slot) != none || has_task(slot))) continue;
    last_slot_ = slot;
    if (world_.given) world_.given(slot);
    return slot;
  }
  return Error{"all " + std::to_string(TL_SLOTS - 2) + " policy slots are in use, by policies or by processes that one left behind: unload a policy (treeline policy unload NAME), or end those processes "
                   "(treeline ps lists them)",
               ENOSPC};
}

Result<uint32_t> Registry::place_making_room(std::string_view image) {
  for (;;) {
    Result<uint32_t> base = publisher_.place(image);
    if (base || base.error().code != ENOSPC) return base;
    // Images that only a rollback would want go first; it can place them again from disk.
    auto spare = std::find_if(by_slot_.begin(), by_slot_.end(), [](auto& p) { return p.second->previous_base != 0; });
    if (spare == by_slot_.end()) return base;
    const uint32_t old = std::exchange(spare->second->previous_base, 0);
    if (Result<void> retired = publisher_.retire(old); !retired) return retired.error();
  }
}

Result<void> Registry::may_have(uint32_t mode) const {
  if (mode != TL_MODE_ENFORCE) return {};
  if (std::optional<Error> why = world_.why_not_enforce()) return Error{"enforce is refused: " + why->message, ENOTSUP};
  return {};
}

Result<void> Registry::check_orphans(const Policy& policy, std::string_view image, uint32_t mode, Orphans orphans) const {
  if (orphans != Orphans::kRefuse || mode == TL_MODE_LEARN) return {};
  NodeCounts found = find_orphans(count_nodes(world_.tags, policy.slot), image, mode == TL_MODE_ENFORCE);
  if (found.empty()) return {};
  return Error{"running processes would lose their place: " +
                   store::describe(found, [&](uint64_t key) { return policy.node_path(key); }) +
                   "; say what becomes of them: --orphans deny (they may do nothing more) or --orphans kill",
               EBUSY};
}

void Registry::describe(Policy& policy, bundle::Bundle bundle) {
  policy.nodes.clear();
  policy.rules.clear();
  for (const bundle::NodeEntry& node : bundle.nodes) policy.nodes.emplace(node.key, node);
  if (const bundle::Artifact* rules = bundle.find(bundle::kRules))
    if (Result<std::vector<bundle::RuleEntry>> entries = bundle::decode_rules(rules->bytes); entries)
      for (bundle::RuleEntry& rule : *entries) policy.rules[rule.key].push_back(std::move(rule));
  for (bundle::Artifact& artifact : bundle.artifacts)
    if (artifact.name == bundle::kImage) artifact.bytes.clear(), artifact.bytes.shrink_to_fit();  // it lies in the arena
  policy.bundle = std::move(bundle);
}

void Registry::note(PolicyState& state, const Provenance& provenance) {
  // Kept where signatures are not asked for at the moment: who asks again must not find a lower floor.
  if (provenance.checked && provenance.refused.empty()) state.signature = {provenance.generation, provenance.minimum};
}

// No bundle of a workload comes back below what is in force of it, under whatever name.
SignedState Registry::floor_of(const std::string& workload, SignedState before) const {
  for (const auto& [slot, policy] : by_slot_) {
    if (policy->learning || policy->bundle.name != workload) continue;
    before.generation = std::max(before.generation, policy->state.signature.generation);
    before.minimum = std::max(before.minimum, policy->state.signature.minimum);
  }
  return before;
}

void Registry::publish(Policy& policy, uint32_t base) {
  policy.base = base;
  policy.mode = world_.ceiling(policy.state.mode);
  policy.why_weaker = policy.mode == policy.state.mode ? "" : "booted with treeline=monitor";
  publisher_.publish(policy.slot, {policy.state.generation, policy.mode, base, slot_flags(policy.state)});
  fault_point("published");
}

uint32_t Registry::generation_after(const Policy& policy) const {
  return next_generation(std::max(publisher_.read(policy.slot).generation, policy.state.generation));
}

Result<void> Registry::put_in_force(Policy& policy, PolicyState next, uint32_t base, OnDisk disk) {
  next.changed = rfc3339(unix_ns());
  Result<void> written = store_of(policy).write(next);
  if (!written && disk == OnDisk::kFirst) return written;
  policy.unsaved = written ? "" : written.error().message;
  fault_point("state-written");
  policy.state = std::move(next);
  publish(policy, base);
  return {};
}

bool Registry::as_published(const Policy& policy) const {
  const Published now = publisher_.read(policy.slot);
  return now.generation == policy.state.generation && now.mode == world_.ceiling(policy.state.mode) && now.flags == slot_flags(policy.state);
}

Result<Policy*> Registry::load(const bundle::Bundle& bundle, const Change& change) {
  if (!valid_policy_name(change.name))
    return Error{std::string("a policy's name is ") + kPolicyNames, EINVAL};
  const bundle::Artifact* image = bundle.find(bundle::kImage);
  if (!image) return Error{"the bundle holds no policy.img: it was compiled for other back ends only", EINVAL};
  Policy* existing = find(change.name);
  if (existing && existing->transient != change.transient)
    return Error{"a policy '" + change.name + "' is already in use", EEXIST};
  PolicyState before;  // what was said of it stands where it is known, but did not come into force
  if (existing) before = existing->state;
  else if (Result<PolicyState> stored = change.transient ? Result<PolicyState>(Error{}) : kept_.read(change.name); stored) before = *stored;
  Result<Provenance> admitted = world_.admission.admit(bundle, Occasion::kLoad, floor_of(bundle.name, before.signature));
  if (!admitted) return admitted.error();
  std::unique_ptr<Policy> fresh;
  if (!existing && !change.transient) {
    Result<std::unique_ptr<Policy>> replaced = to_replace(change.name, image->bytes, admitted->checked);
    if (!replaced) return replaced.error();
    fresh = std::move(*replaced);
  }
  const Policy* in_force = existing ? existing : fresh.get();
  const uint32_t mode = change.mode ? change.mode : mode_of(change.name);
  if (Result<void> may = may_have(mode); !may) return may.error();
  if (admitted->checked && existing && existing->bundle.name != bundle.name)
    return Error{"the bundle is signed for " + text::quoted(bundle.name) + ", and policy '" + change.name + "' is " + text::quoted(existing->bundle.name) +
                     ": with require_signature = yes one does not take the place of another; load it under a name of its own",
                 EPERM};
  if (in_force)
    if (Result<void> kept = check_orphans(*in_force, image->bytes, mode, change.orphans); !kept) return kept.error();

  if (!in_force) {
    Result<uint32_t> slot = free_slot();
    if (!slot) return slot.error();
    fresh = std::make_unique<Policy>();
    fresh->slot = *slot;
  }
  Policy& policy = existing ? *existing : *fresh;
  if (!existing) {
    policy.transient = change.transient;
    policy.state = before;
    policy.state.name = change.name;
  }
  const uint32_t policy_slot = policy.slot;
  Result<uint32_t> base = place_making_room(image->bytes);
  if (!base) return base.error();
  auto undo = [&](Error error) {
    (void)!publisher_.retire(*base).has_value();
    if (!existing && by_slot_.erase(policy_slot)) (void)!save_slots().has_value();
    return error;
  };
  fault_point("image-placed");
  Result<uint32_t> number = store_of(policy).add_bundle(change.name, bundle);
  if (!number) return undo(number.error());
  fault_point("bundle-written");
  if (!existing) {
    // The slot's owner is on disk before anything can be bound to it.
    by_slot_[policy.slot] = std::move(fresh);
    if (Result<void> saved = save_slots(); !saved) return undo(saved.error());
    fault_point("slot-saved");
  }
  const uint32_t replaced = policy.base, spare = policy.previous_base;
  PolicyState next = policy.state;
  next.previous = policy.state.current;
  next.current = *number;
  next.mode = mode;
  next.orphans_kill = change.orphans == Orphans::kKill;
  next.generation = generation_after(policy);
  if (change.on_violation) next.on_violation = *change.on_violation;
  note(next, *admitted);
  if (Result<void> done = put_in_force(policy, std::move(next), *base); !done) return undo(done.error());
  not_in_force_.erase(change.name);
  lost_.erase(policy_slot);
  policy.provenance = *admitted;
  policy.previous_base = replaced;
  describe(policy, bundle);
  store_of(policy).prune(policy.state);
  // It is in force, whatever becomes of the room that the one before had.
  if (Result<void> retired = publisher_.retire(spare); !retired) log_error("the room of an image that policy '" + change.name + "' had before is not free: " + retired.error().message);
  return &policy;
}

Result<Policy*> Registry::set_mode(const Change& change) {
  Policy* policy = find(change.name);
  if (!policy) return no_such(change.name);
  const uint32_t mode = change.mode ? change.mode : policy->state.mode;
  if (mode != TL_MODE_MONITOR && mode != TL_MODE_ENFORCE)
    return Error{"a loaded policy is in monitor or in enforce; learning: treeline learn start NAME", EINVAL};
  if (Result<void> may = may_have(mode); !may) return may.error();
  Result<std::string_view> image = publisher_.image_at(policy->base);
  if (!image) return image.error();
  if (mode == TL_MODE_ENFORCE)
    if (Result<void> kept = check_orphans(*policy, *image, mode, change.orphans); !kept) return kept.error();
  PolicyState next = policy->state;
  next.mode = mode;
  next.orphans_kill = change.orphans == Orphans::kKill;
  if (change.on_violation) next.on_violation = *change.on_violation;
  const OnDisk disk = only_weakens(policy->state, next) ? OnDisk::kIfItCan : OnDisk::kFirst;
  if (Result<void> done = put_in_force(*policy, std::move(next), policy->base, disk); !done) return done.error();
  return policy;
}

Result<Policy*> Registry::rollback(const Change& change) {
  Policy* policy = find(change.name);
  if (!policy) return no_such(change.name);
  if (policy->state.previous == 0) return Error{"policy '" + change.name + "' has no generation before this one", ENOENT};
  Result<bundle::Bundle> bundle = store_of(*policy).read_bundle(change.name, policy->state.previous);
  if (!bundle) return bundle.error();
  const bundle::Artifact* image = bundle->find(bundle::kImage);
  if (!image) return Error{"the bundle before holds no policy.img", EBADMSG};
  Result<Provenance> admitted = world_.admission.admit(*bundle, Occasion::kRollback, policy->state.signature);
  if (!admitted) return admitted.error();
  if (Result<void> kept = check_orphans(*policy, image->bytes, policy->state.mode, change.orphans); !kept) return kept.error();
  uint32_t base = policy->previous_base;
  if (base == 0) {
    Result<uint32_t> placed = place_making_room(image->bytes);
    if (!placed) return placed.error();
    base = *placed;
  }
  const uint32_t replaced = policy->base;
  const bool fresh = base != policy->previous_base;
  PolicyState next = policy->state;
  std::swap(next.current, next.previous);
  next.orphans_kill = change.orphans == Orphans::kKill;
  next.generation = generation_after(*policy);
  note(next, *admitted);
  if (Result<void> done = put_in_force(*policy, std::move(next), base); !done) {
    if (fresh) (void)!publisher_.retire(base).has_value();
    return done.error();
  }
  policy->previous_base = replaced;
  policy->provenance = *admitted;
  describe(*policy, std::move(*bundle));
  return policy;
}

Result<void> Registry::unload(const std::string& name) {
  Policy* policy = find(name);
  if (!policy && not_in_force_.contains(name) && unmanaged().empty()) {  // else it may be one of those
    if (Result<void> removed = kept_.remove(name); !removed) return removed;
    not_in_force_.erase(name);
    return {};
  }
  if (!policy) return no_such(name);
  if (uint32_t bound = world_.bound(policy->slot))
    return Error{std::to_string(bound) + (bound == 1 ? " container is" : " containers are") + " bound to '" + name +
                     "'; stop them first. (So that it stops nothing meanwhile: treeline policy mode " + name + " monitor --reason TEXT)",
                 EBUSY};
  const uint32_t slot = policy->slot, base = policy->base, previous = policy->previous_base;
  PolicyStore& store = store_of(*policy);
  // From disk first: where that cannot be written all stays as it is. Who dies here is followed by a daemon that takes the slot off (restore_slot).
  if (Result<void> forgotten = store.forget(name); !forgotten) return forgotten;
  fault_point("forgotten");
  publisher_.publish(slot, {publisher_.read(slot).generation, TL_MODE_OFF, 0, 0});
  fault_point("unpublished");
  by_slot_.erase(slot);
  Result<void> retired = publisher_.retire(base);
  if (Result<void> also = publisher_.retire(previous); retired) retired = also;
  (void)!store.remove(name).has_value();  // what may be left has no state, so it is no policy
  fault_point("removed");
  slots_unsaved_ = !save_slots();  // a slot that is off belongs to nobody, whatever the table says
  return retired;
}

bool Registry::ends(const Policy& policy) const {
  return (policy.transient || (policy.learning && policy.stopped)) && world_.bound(policy.slot) == 0;
}

bool Registry::has_ended() const {
  return std::any_of(by_slot_.begin(), by_slot_.end(), [this](auto& p) { return ends(*p.second); });
}

std::vector<uint32_t> Registry::free_ended() {
  std::set<uint32_t> ended;
  for (auto& [slot, policy] : by_slot_)
    if (ends(*policy)) ended.insert(slot);
  if (!ended.empty())
    world_.tags([&](const tl_tag& tag) {
      if (!(tag.flags & TL_TAG_RUNTIME)) ended.erase(tag.slot);
    });
  if (!ended.empty() && world_.tasks)
    world_.tasks([&](const tl_task& task) {
      if (!(task.flags & TL_TAG_RUNTIME)) ended.erase(task.slot);
    });
  for (uint32_t slot : ended) {
    const Policy& policy = *by_slot_.at(slot);
    (void)!(policy.learning ? free_learning(slot) : unload(std::string(policy.state.name))).has_value();
  }
  return {ended.begin(), ended.end()};
}

void Registry::write_again() {
  if (slots_unsaved_) slots_unsaved_ = !save_slots();
  for (auto& [slot, policy] : by_slot_)
    if (!policy->unsaved.empty() && store_of(*policy).write(policy->state)) policy->unsaved.clear();
}

}  // namespace treeline::store
