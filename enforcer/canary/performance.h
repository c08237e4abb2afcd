// SPDX-License-Identifier: Apache-2.0
//
// The victim as a process: forked, stopped until it is bound, then let go, read and reaped. For whoever keeps the capabilities that the acts need
// (enforcer/helper); the judge (canary.h) reaches it as a VictimHost.
//
//   Result<Victim> victim = fork_victim(directory);      // stopped, its standard streams in place
//   ... it is put into the canary's cgroup, which is bound ...
//   Performance done = perform(*victim);                 // at most kLimitSeconds; the victim is reaped
#pragma once

#include <linux/capability.h>
#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/base/fd.h"
#include "policy-compiler/support/result.h"

namespace treeline::canary {

constexpr int kLimitSeconds = 30;
constexpr size_t kMaxReport = 16 << 10;  // bytes

// What the kernel asks for before it asks the hooks: without one of these an act is refused, but proves nothing.
constexpr unsigned kCapabilities[] = {CAP_SETPCAP, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_MODULE, CAP_SYS_NICE, CAP_SYSLOG, CAP_BPF};

struct StoppedVictim {
  pid_t pid = 0;
  std::array<tl_file_id, 3> streams{};  // fds 0-2, workload::standard_streams
};

struct Performance {
  bool complete = false;  // it ended by itself, in time
  int status = 0;         // wait(2)
  std::string report;     // its lines, at most kMaxReport bytes
};

class VictimHost {
 public:
  virtual ~VictimHost() = default;
  virtual Result<StoppedVictim> start_victim() = 0;
  virtual Result<Performance> perform() = 0;
  virtual void abandon() = 0;  // what was started is not to be performed
};

struct Victim {
  pid_t pid = -1;                 // -1: none
  UniqueFd report;                // end to read
  std::string directory;          // of its props, which go with it
  std::vector<UniqueFd> sockets;  // that it tries to connect to
};
// `directory`: nobody else's; made anew.
Result<Victim> fork_victim(const std::string& directory);
Performance perform(Victim& victim);
void abandon(Victim& victim);

}  // namespace treeline::canary
