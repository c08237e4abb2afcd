// SPDX-License-Identifier: Apache-2.0
//
// The live policies: which name has which slot, image and mode, and the acts that change that. Every change checks first, places,
// writes the state, publishes by one store and retires what was replaced; on an error before the store nothing has changed in force, and a
// crash between the two leaves a state that the next start publishes. Only what weakens is published also where it cannot be written:
// a full disk must not keep a policy from being let off.
//
//   registry.load(bundle, {.name = "nginx", .mode = TL_MODE_MONITOR});
//   registry.set_mode({.name = "nginx", .mode = TL_MODE_ENFORCE, .orphans = Orphans::kDeny});
//   registry.rollback({.name = "nginx"});      // the image of the generation before is still placed: one write
//
// Every bundle passes the admission (admission.h) first. What a restart finds in force stays so even where its signature is refused now
// (taking it off would free its containers): that is a complaint, and part of its status.
//
// Two policies never share a slot, and a slot gets a new owner only when no task's tag holds its number any more.
// Transient policies (`treeline run`) live in a store of their own that is emptied with the run; learning ones have no image.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "enforcer/store/orphans.h"
#include "enforcer/store/policy_store.h"
#include "enforcer/store/publisher.h"

namespace treeline::store {

enum class Orphans { kRefuse, kDeny, kKill };

struct Policy {
  PolicyState state;
  uint32_t slot = 0;
  bool transient = false;
  bool learning = false;
  bool stopped = false;         // learning: nothing new binds to it; it goes with its last container
  uint32_t mode = 0;            // published
  Provenance provenance;        // of the bundle in force
  std::string unsaved;          // why the disk still says what was before: this holds until treelined is started again, or it can be written
  std::string why_weaker;       // set when `mode` is not what state.mode asks for
  uint32_t base = 0;            // arena address of the current image
  uint32_t previous_base = 0;   // of the generation before, kept while there is room; 0: not placed
  bundle::Bundle bundle;        // without the image's bytes: manifest, nodes, residuals
  std::unordered_map<uint64_t, bundle::NodeEntry> nodes;
  std::unordered_map<uint64_t, std::vector<bundle::RuleEntry>> rules;  // by node

  // For people: of a `treeline run` under a policy the bundle's ("run-7" is its container already).
  [[nodiscard]] const std::string& shown_name() const { return transient && !learning ? bundle.name : state.name; }
  [[nodiscard]] std::string node_path(uint64_t key) const;
  [[nodiscard]] uint32_t node_line(uint64_t key) const;
  // The rule of this node whose pattern is most like `path` (longest common prefix up to a '/'); nullptr: none is.
  [[nodiscard]] const bundle::RuleEntry* nearest_rule(uint64_t key, const std::string& path) const;
};

struct Change {
  std::string name;
  uint32_t mode = 0;                        // 0: as it is (load of a new name: monitor)
  std::optional<Violation> on_violation;    // unset: as it is
  Orphans orphans = Orphans::kRefuse;
  bool transient = false;
};

// A slot that is in force and that no policy here owns: its table was lost, or it cannot be read. It stays as it is published.
struct Unmanaged {
  uint32_t slot = 0;
  uint32_t mode = 0;  // published
  std::string name;   // "": no table names it
};

// A policy of the store that did not come into force when treelined started. Its containers are refused.
struct NotInForce {
  std::string name;   // "": whichever there are; the store cannot be read
  std::string why;
  uint32_t mode = 0;  // that it is to be in; 0: its state cannot be read
};

class Registry {
 public:
  struct World {
    TagWalk tags;                                            // every tag of every task
    std::function<std::optional<Error>()> why_not_enforce;   // nothing: enforce can be asked for
    std::function<uint32_t(uint32_t mode)> ceiling;          // what may be published of what was asked for (boot parameter)
    std::function<uint32_t(uint32_t slot)> bound;            // containers that are bound to a slot
    std::string slots_file;                                  // which name has which slot, while the maps are pinned
    Admission admission = {};                                // which bundles may come into force
    std::function<void(uint32_t slot)> given = {};           // a slot is given to a new owner: what is left of another one must not be taken for its own
    TaskWalk tasks = {};                                     // every task with a tag, by its pid; none where the kernel cannot list them
  };
  Registry(Publisher& publisher, PolicyStore& kept, PolicyStore& transient, World world);

  // Takes over the slots of an earlier daemon and publishes what the store holds beside them. What cannot be read is reported by
  // name in `complaints`, and stays as it is published; what of the store cannot be published is kept in not_in_force(). A policy is never published
  // a second time beside a slot that may be its own: its containers would be bound to the one, and commands would reach the other. An Error: the
  // table of slots is there and cannot be read; nothing was changed.
  Result<void> restore(std::vector<std::string>& complaints);

  // From now on; what is in force stays.
  void admit_by(Admission admission) { world_.admission = std::move(admission); }

  Result<Policy*> load(const bundle::Bundle& bundle, const Change& change);
  Result<Policy*> set_mode(const Change& change);
  Result<Policy*> rollback(const Change& change);
  Result<void> unload(const std::string& name);
  // A slot in learn mode, without an image. Several may have the same name as a policy: they are told apart by their slot. `transient`: of one
  // `treeline run`, so that no container can ask for it by its name.
  Result<Policy*> start_learning(const std::string& name, bool transient = false);
  Result<void> stop_learning(uint32_t slot);       // nothing new binds to it, also after a restart; an error: it goes on
  Result<void> free_learning(uint32_t slot);       // no container is bound to it any more
  // What is to go with its last container: learnings that were stopped, and what a `treeline run` brought. It goes when no task stands on it either: one
  // that left its cgroup (a login session of a daemon that was learned) would be denied everything. Returns the slots that became free.
  std::vector<uint32_t> free_ended();
  [[nodiscard]] bool has_ended() const;            // there are some
  // What could not be written when it came into force. To be called now and then.
  void write_again();

  [[nodiscard]] Policy* find(const std::string& name);           // never a learning one
  [[nodiscard]] Policy* find_learning(const std::string& name);   // one that containers may ask for: not stopped, no `treeline run`'s
  [[nodiscard]] const Policy* at(uint32_t slot) const;
  [[nodiscard]] std::vector<const Policy*> all() const;           // by name, learning ones last
  [[nodiscard]] std::vector<Unmanaged> unmanaged() const;
  // That of this name, if the table names one: a load takes its place, in its slot.
  [[nodiscard]] std::optional<Unmanaged> unmanaged(const std::string& name) const;
  // The mode in which a load that says none puts this policy: what is kept of it, else of the slot that is its own; monitor, where it is new.
  [[nodiscard]] uint32_t mode_of(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, NotInForce>& not_in_force() const { return not_in_force_; }  // by name

 private:
  // Whose a slot is, as the table on disk has it.
  struct Owner {
    std::string name;
    bool transient = false, learning = false, stopped = false;
    std::string since = {};  // of a learning: RFC 3339
  };
  PolicyStore& store_of(const Policy& policy) { return policy.transient ? transient_ : kept_; }
  [[nodiscard]] bool has_task(uint32_t slot) const;
  Result<uint32_t> free_slot();
  Result<uint32_t> place_making_room(std::string_view image);
  Result<void> check_orphans(const Policy& policy, std::string_view image, uint32_t mode, Orphans orphans) const;
  Result<void> may_have(uint32_t mode) const;
  void publish(Policy& policy, uint32_t base);
  // kFirst: on disk, then in force: who dies in between is followed by a daemon that finishes it (restore). An error: nothing has changed.
  enum class OnDisk { kFirst, kIfItCan };
  Result<void> put_in_force(Policy& policy, PolicyState next, uint32_t base, OnDisk disk = OnDisk::kFirst);
  [[nodiscard]] bool ends(const Policy& policy) const;
  [[nodiscard]] uint32_t generation_after(const Policy& policy) const;
  [[nodiscard]] bool as_published(const Policy& policy) const;  // is in force what its state says?
  void describe(Policy& policy, bundle::Bundle bundle);
  static void note(PolicyState& state, const Provenance& provenance);
  [[nodiscard]] SignedState floor_of(const std::string& workload, SignedState before) const;
  void leave_out(const std::string& name, const std::string& what, const Error& why, std::vector<std::string>& complaints);
  // `doubt`: what is wrong with a policy that is in force all the same.
  Result<void> restore_slot(uint32_t slot, const Owner& owner, std::string& doubt);
  // True: an unmanaged slot holds just this policy, and is managed again. An Error: one may hold it.
  Result<bool> adopt(const std::string& name, std::string& doubt);
  // Of a load under a name that no policy here has: what is in force under it, to be replaced; nullptr: nothing is. An Error: some slot may be it.
  Result<std::unique_ptr<Policy>> to_replace(const std::string& name, std::string_view image, bool same_workload) const;
  Result<Policy*> publish_stored(const std::string& name);
  Result<void> save_slots() const;

  Publisher& publisher_;
  PolicyStore& kept_;
  PolicyStore& transient_;
  World world_;
  std::map<uint32_t, std::unique_ptr<Policy>> by_slot_;
  std::map<uint32_t, Owner> lost_;  // of the table, but not to be restored: kept for the next start
  std::map<std::string, NotInForce> not_in_force_;
  uint32_t last_slot_ = 0;
  bool slots_unsaved_ = false;
};

}  // namespace treeline::store
