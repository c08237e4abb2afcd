// SPDX-License-Identifier: Apache-2.0
//
// What is bound: a cgroup, the policy slot it is judged by, and the name the runtime gave it. The hooks adopt by it: who forks or
// execs below a bound cgroup without a tag gets one. Works on memory and functions that are handed in; a test needs no kernel.
//
//   Containers containers(memory, "/run/treeline/containers");    // a file for each, INDEX.json
//   Result<const Container*> bound = containers.bind({.id = "web-1", .cgroup = "/docker/abc", .cgroup_id = id, .slot = 3, ...});
//   containers.unbind(bound->index);
//
// Order: the entry is filled, then `control.bound` is raised, then the binding appears: who finds the binding finds a whole entry.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/result.h"

namespace treeline::workload {

struct Container {
  uint32_t index = 0;
  std::string id;          // the runtime's, or "run-7" for a plain tree
  std::string cgroup;      // path below the hierarchy's mount
  uint64_t cgroup_id = 0;
  uint32_t slot = 0;
  bool plain = false;      // a process tree in the host's mount namespace
  bool own_cgroup = false; // made by us: removed at the end
  std::string bundle;      // OCI bundle directory, "" for plain
  std::string started;     // RFC 3339
  bool enforced_at_start = false;  // so the policy's seccomp filter was asked for; it cannot be put on later
  std::vector<std::string> filter;   // what that refuses, in the words of its owner; empty: an earlier treelined did not keep it
  std::string two_names;             // a directory of it has two names, so that it would not have been started in enforce; "": none has
  std::string workload;              // what its trace is called, where it is being learned; "": by the name of its slot
  bool frozen_by_violation = false;  // and not let go on by us since: an engine that pauses it uses the same freezer
};

struct Binding {
  std::string id;
  std::string cgroup;
  uint64_t cgroup_id = 0;
  uint32_t slot = 0;
  bool plain = false;
  bool own_cgroup = false;
  std::array<tl_file_id, 3> streams{};
  uint32_t mount_ns = 0;   // inode number of its mount namespace; 0 for a plain tree
  std::string bundle;
  bool enforced_at_start = false;
  std::vector<std::string> filter;
  std::string two_names;
  std::string workload;
};

class Containers {
 public:
  struct Memory {
    std::span<tl_container> table;
    std::span<tl_bucket> buckets;  // as many
    tl_control* control = nullptr;
    std::function<Result<void>(uint64_t cgroup, uint32_t index)> insert;  // into `bindings`
    std::function<void(uint64_t cgroup)> erase;
    std::function<std::optional<uint32_t>(uint64_t cgroup)> look_up;
    std::function<bool(uint32_t index)> tagged;  // does some task's tag still name this entry?
  };
  Containers(Memory memory, std::string directory) : memory_(std::move(memory)), directory_(std::move(directory)) {}

  // Takes over what an earlier daemon bound, or had begun to bind. Entries that only the maps know (their file was lost) stay bound, named by their cgroup id.
  Result<void> restore();
  // Those that an earlier daemon had bound and that are not bound now: they have ended, or a detach without a daemon freed them.
  [[nodiscard]] std::vector<Container> freed() const;
  void forget_freed(uint32_t index);
  // Where the cgroup of such an entry was found.
  Result<void> found_at(uint32_t index, const std::string& cgroup);

  Result<const Container*> bind(const Binding& binding);
  Result<void> unbind(uint32_t index);
  // Kept over restarts. Nothing for an entry that is not in use.
  Result<void> set_frozen(uint32_t index, bool by_violation);

  [[nodiscard]] const Container* at(uint32_t index) const;
  [[nodiscard]] const Container* find(const std::string& id) const;
  [[nodiscard]] const std::map<uint32_t, Container>& all() const { return containers_; }
  [[nodiscard]] uint32_t bound_to(uint32_t slot) const;
  // Do the hooks find it by its cgroup?
  [[nodiscard]] bool held(uint32_t index) const;
  // Has the entrypoint begun? (the kernel sets the flag when the entry exec commits)
  [[nodiscard]] bool started(uint32_t index) const;
  // When it was bound, in ns since boot.
  [[nodiscard]] uint64_t bound_at(uint32_t index) const { return index < memory_.table.size() ? memory_.table[index].bound_at : 0; }

 private:
  Result<uint32_t> free_index();
  [[nodiscard]] std::string file_of(uint32_t index) const { return directory_ + "/" + std::to_string(index) + ".json"; }
  Result<void> save(const Container& container) const;
  static bool read_entry(const std::string& file, Container& container);

  Memory memory_;
  std::string directory_;
  std::map<uint32_t, Container> containers_;
  uint32_t last_ = 0;
};

// The cgroup of the container `id` by what a Containers that lives in another process, or did, keeps in `directory`.
std::optional<std::string> cgroup_on_disk(const std::string& directory, const std::string& id);

}  // namespace treeline::workload
