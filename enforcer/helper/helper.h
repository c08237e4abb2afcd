// SPDX-License-Identifier: Apache-2.0
//
// The helper: a process that treelined forks before it lays its capabilities down (enforcer/sandbox), because two things need what the daemon is better
// off without:
//   - the canary's victim has to be able to try each act up to Treeline's own hooks (CAP_SYS_ADMIN, CAP_SYS_MODULE, fork, exec, mount, ...);
//   - standard streams and mount namespace of a process that is to be bound are shown to who may trace it (CAP_SYS_PTRACE), who may also write its memory.
//
//   Result<std::unique_ptr<Helper>> helper = Helper::start(runtime + "/canary", closed_fds, confined);   // before there are maps, peers, or secrets to inherit
//   Result<workload::Look> look = (*helper)->look_at(pid);
//
// It answers the five questions of wire.h, one after the other, and ends when its socket does. An Error with EPIPE: it is gone, or did not answer in time;
// it stays gone, and who asks has to refuse what it asked for.
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>
#include <string>

#include "enforcer/base/fd.h"
#include "enforcer/canary/performance.h"
#include "enforcer/helper/wire.h"
#include "enforcer/workload/process.h"

namespace treeline::helper {

class Helper final : public canary::VictimHost {
 public:
  // `victim_directory`: for the files of the victim, nobody else's. `closed`: fds that the helper is not to hold open. `confined`: it ends if it cannot lay
  // down the capabilities that it does not need.
  static Result<std::unique_ptr<Helper>> start(const std::string& victim_directory, std::span<const int> closed, bool confined);

  Result<std::string> cgroup_of(pid_t pid);
  Result<workload::Look> look_at(pid_t pid);
  Result<canary::StoppedVictim> start_victim() override;
  Result<canary::Performance> perform() override;
  void abandon() override;

  [[nodiscard]] int fd() const { return fd_.get(); }  // readable outside of a question: it has ended
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool gone() const { return gone_; }
  void give_up();  // from here on each question is refused

 private:
  struct Told {
    Answer answer{};
    std::string text;
  };
  Result<Told> ask(Ask ask, pid_t pid, int seconds);

  UniqueFd fd_;
  pid_t pid_ = -1;
  bool gone_ = false;
};

// The other end. Never returns.
[[noreturn]] void serve(int fd, const std::string& victim_directory, bool confined);

}  // namespace treeline::helper
