// SPDX-License-Identifier: Apache-2.0
//
// One request to treelined with a deadline: a container that is being started must not hang because a daemon does. (The
// operator's command waits as long as it takes: enforcer/daemon/client.h.) No answer in time is a refusal like any
// other; so is no treelined, at the end of that time, since a restart of it takes seconds.
//
//   Daemon daemon("/run/treeline/treeline.sock", kAnswerWithin);
//   Result<Json> answer = daemon.ask({{"do", "resolve"}, {"policy", "nginx"}});
//
// Who listens has to be root, and in this pid namespace: the request names a process by its number.
#pragma once

#include <chrono>
#include <string>

#include "enforcer/base/fd.h"
#include "enforcer/base/json.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

constexpr std::chrono::seconds kAnswerWithin{20};

using Deadline = std::chrono::steady_clock::time_point;
// Milliseconds for poll(2), at least 0.
int milliseconds_left(Deadline deadline);

enum class Absent { kWait, kRefuse };

class Daemon {
 public:
  // The time runs from here, for everything that is asked.
  Daemon(std::string socket, std::chrono::milliseconds patience, Absent absent = Absent::kWait)
      : socket_(std::move(socket)), deadline_(std::chrono::steady_clock::now() + patience), absent_(absent) {}

  // Connects at the first request. An Error's code: ECONNREFUSED (it cannot be asked), ETIMEDOUT, ENOTSUP (it answered
  // that this machine cannot enforce), EPERM (it refused).
  Result<Json> ask(Json request);
  // Has treelined count a start that is refused here, for `treeline status`. What it refused itself it has counted; one that cannot be asked at once
  // is not waited for.
  void tell_refused(const std::string& container, const std::string& why) const;

 private:
  Result<void> connect();
  Result<std::string> exchange(const std::string& line);
  // What a treelined that was restarted had not answered is asked of the next one: each request may be made twice.
  Result<std::string> exchange_again(const std::string& line);
  [[nodiscard]] Error too_late(const char* what) const;

  std::string socket_;
  Deadline deadline_;
  Absent absent_;
  bool said_no_ = false;
  UniqueFd fd_;
  int last_id_ = 0;
};

}  // namespace treeline::oci
