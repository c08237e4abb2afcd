// SPDX-License-Identifier: Apache-2.0
//
// Containers that run without a policy: those that named none where `default = unbound`, and those that a detach freed. Nothing is bound for them; they are
// remembered, over restarts, so that the status does not turn healthy while they run.
//
//   Unbound unbound("/run/treeline/unbound");    // a file for each, N.json
//   unbound.restore();
//   unbound.add({.id = "web-1", .cgroup = "/docker/abc", .pid = 4711, ...});
//   unbound.forget("/docker/abc");               // a policy is bound there now
//   unbound.sweep(cgroups);                      // those that have ended go
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "enforcer/workload/cgroup.h"
#include "policy-compiler/support/result.h"

namespace treeline::workload {

struct UnboundContainer {
  std::string id;
  std::string cgroup;       // "/" where it has none of its own: then its first process tells whether it runs
  std::string since;        // RFC 3339
  pid_t pid = 0;            // its first process, 0: not known
  uint64_t start_time = 0;  // of that process
  uint64_t cgroup_id = 0;   // a path may be made again for another one; 0: not known
};

class Unbound {
 public:
  explicit Unbound(std::string directory) : directory_(std::move(directory)) {}

  Result<void> restore();
  // It is in the list also where an Error says that a restart will not know it.
  Result<void> add(UnboundContainer container);
  void forget(const std::string& cgroup);  // and what is below it
  void sweep(const Cgroups& cgroups);
  [[nodiscard]] const std::map<uint32_t, UnboundContainer>& all() const { return containers_; }

 private:
  [[nodiscard]] std::string file_of(uint32_t number) const { return directory_ + "/" + std::to_string(number) + ".json"; }
  template <typename Gone>
  void remove_if(Gone gone);

  std::string directory_;
  std::map<uint32_t, UnboundContainer> containers_;  // by the number of its file
};

}  // namespace treeline::workload
