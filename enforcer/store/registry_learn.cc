// SPDX-License-Identifier: Apache-2.0
//
// Slots in learn mode: an own slot each, no image, nothing on disk but the line in the table of slots.
#include <cerrno>

#include "enforcer/base/clock.h"
#include "enforcer/store/registry.h"

namespace treeline::store {

Result<Policy*> Registry::start_learning(const std::string& name, bool transient) {
  if (!transient && find_learning(name)) return Error{"'" + name + "' is already being learned; treeline learn status shows it", EEXIST};
  Result<uint32_t> slot = free_slot();
  if (!slot) return slot.error();
  auto policy = std::make_unique<Policy>();
  policy->slot = *slot;
  policy->learning = true;
  policy->transient = transient;
  policy->state.name = name;
  policy->state.mode = TL_MODE_LEARN;
  policy->state.changed = rfc3339(unix_ns());
  Policy* made = policy.get();
  by_slot_[*slot] = std::move(policy);
  if (Result<void> saved = save_slots(); !saved) {
    by_slot_.erase(*slot);
    return saved.error();
  }
  made->state.generation = generation_after(*made);
  publish(*made, 0);
  return made;
}

Result<void> Registry::stop_learning(uint32_t slot) {
  auto it = by_slot_.find(slot);
  if (it == by_slot_.end() || !it->second->learning) return Error{"nothing is being learned there", ENOENT};
  it->second->stopped = true;
  // On disk, or not at all: a daemon that starts later must not bind anything new to it.
  if (Result<void> saved = save_slots(); !saved) {
    it->second->stopped = false;
    slots_unsaved_ = true;  // its directory may be all that could not be flushed: then the table says 'stopped'
    return saved;
  }
  return {};
}

Result<void> Registry::free_learning(uint32_t slot) {
  auto it = by_slot_.find(slot);
  if (it == by_slot_.end() || !it->second->learning) return Error{"nothing is being learned there", ENOENT};
  publisher_.publish(slot, {publisher_.read(slot).generation, TL_MODE_OFF, 0, 0});
  by_slot_.erase(it);
  slots_unsaved_ = !save_slots();  // a slot that is off belongs to nobody, whatever the table says
  return {};
}

}  // namespace treeline::store
