// SPDX-License-Identifier: Apache-2.0
//
// cgroup v2 directories: what a binding hangs on. Paths are relative to the hierarchy's mount ("/treeline/run-7").
//
//   Cgroups cgroups("/sys/fs/cgroup");
//   Result<std::string> made = cgroups.create("/treeline/run-7");
//   cgroups.enter("/treeline/run-7", pid);
//   Result<uint64_t> id = cgroups.id("/treeline/run-7");      // what the hooks see: the kernfs node's id
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::workload {

class Cgroups {
 public:
  explicit Cgroups(std::string mount) : mount_(std::move(mount)) {}

  [[nodiscard]] const std::string& mount() const { return mount_; }
  // The v2 cgroup of a process, "/" for the root. Errors: ENOTSUP there is no v2 hierarchy, EXDEV it lies above ours, ENOENT the process or its cgroup is gone
  // (or the cgroup's name ends in what a removed one ends in).
  [[nodiscard]] static Result<std::string> of(pid_t pid);
  [[nodiscard]] Result<uint64_t> id(const std::string& path) const;
  [[nodiscard]] Result<std::string> find(uint64_t id) const;  // its path; "": there is none of that id. An Error: not every one could be looked at
  Result<void> create(const std::string& path) const;  // and its parents
  // As create(), for a cgroup that nobody else has: false where it is there already.
  Result<bool> claim(const std::string& path) const;
  Result<void> enter(const std::string& path, pid_t pid) const;
  // A process in it or below; false when it is empty or gone. An Error: it cannot be told (no fd, no memory, something mounted over the hierarchy).
  [[nodiscard]] Result<bool> populated(const std::string& path) const;
  // Known to be empty or gone. In doubt not: who takes the container for ended takes its binding away.
  [[nodiscard]] bool ended(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
  [[nodiscard]] std::vector<pid_t> processes(const std::string& path) const;  // of this one, not of those below
  Result<void> remove(const std::string& path) const;  // with the empty ones below; missing is success
  // SIGKILL to everything in it and below; nothing for the root, or where no path is known. An Error: somebody may be left.
  Result<void> kill_all(const std::string& path) const;
  // Known to be another cgroup than the one of this id, made at the same path after that had ended.
  [[nodiscard]] bool replaced(const std::string& path, uint64_t id) const;
  // CPU time that it and what is below have used, in µs; nothing where that cannot be read.
  [[nodiscard]] std::optional<uint64_t> cpu_time(const std::string& path) const;
  // Stops, or lets go on, everything in it and below (cgroup v2's freezer, 5.2). What is frozen can still be killed.
  Result<void> freeze(const std::string& path, bool frozen) const;
  [[nodiscard]] bool frozen(const std::string& path) const;

 private:
  Result<void> signal_all(const std::string& path, int depth = 0) const;
  Result<void> signal_level(const std::string& path) const;
  [[nodiscard]] Result<std::string> find_below(const std::string& path, uint64_t wanted) const;
  std::string mount_;
};

// Is `path` the same as `above` or below it?
bool is_at_or_below(const std::string& path, const std::string& above);

}  // namespace treeline::workload
