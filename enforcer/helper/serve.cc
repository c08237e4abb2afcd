// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "enforcer/base/log.h"
#include "enforcer/helper/helper.h"
#include "enforcer/sandbox/capabilities.h"
#include "enforcer/workload/cgroup.h"

namespace treeline::helper {
namespace {

constexpr char kName[] = "treelined-help";  // as ps shows it, 15 characters at most

struct Reply {
  Answer answer{};
  std::string text;
  void refuse(const Error& error) {
    answer.error = error.code ? error.code : EIO;
    text = error.message;
  }
};

void start_victim(const std::string& directory, canary::Victim& victim, Reply& reply) {
  Result<canary::Victim> forked = canary::fork_victim(directory);
  if (!forked) return reply.refuse(forked.error());
  victim = std::move(*forked);
  reply.answer.pid = victim.pid;
  const std::array<tl_file_id, 3> streams = workload::standard_streams(victim.pid);
  std::copy(streams.begin(), streams.end(), std::begin(reply.answer.streams));
}

void look_at(pid_t pid, Reply& reply) {
  Result<workload::Look> look = workload::look_at(pid);
  if (!look) return reply.refuse(look.error());
  reply.answer.start_time = look->start_time;
  reply.answer.mount_ns = look->mount_ns;
  std::copy(look->streams.begin(), look->streams.end(), std::begin(reply.answer.streams));
  reply.text = std::move(look->cgroup);
}

Reply answer(const Question& question, const std::string& directory, canary::Victim& victim) {
  Reply reply;
  if (question.ask != Ask::kPerform) canary::abandon(victim);
  switch (question.ask) {
    case Ask::kCgroup:
      if (Result<std::string> cgroup = workload::Cgroups::of(question.pid); cgroup) reply.text = std::move(*cgroup);
      else reply.refuse(cgroup.error());
      return reply;
    case Ask::kLook: look_at(question.pid, reply); return reply;
    case Ask::kVictim: start_victim(directory, victim, reply); return reply;
    case Ask::kPerform: {
      if (victim.pid <= 0) {
        reply.refuse(Error{"there is no victim", EINVAL});
        return reply;
      }
      canary::Performance done = canary::perform(victim);
      reply.answer.complete = done.complete;
      reply.answer.status = done.status;
      reply.text = std::move(done.report);
      return reply;
    }
    case Ask::kAbandon: return reply;
  }
  reply.refuse(Error{"no such question", EINVAL});
  return reply;
}

}  // namespace

void serve(int fd, const std::string& victim_directory, bool confined) {
  prctl(PR_SET_NAME, kName);
  // It goes with treelined, at once (the next one's canary uses the same names), but not when somebody tells the whole control group to end.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) signal(number, SIG_IGN);
  if (Result<void> kept = sandbox::keep_only(sandbox::kHelperKeeps); !kept) {
    log_error("treelined's helper keeps all capabilities" + std::string(confined ? ", so it ends: " : ": ") + kept.error().message);
    if (confined) _exit(1);
  }
  canary::Victim victim;
  for (;;) {
    Question question{};
    const ssize_t n = recv(fd, &question, sizeof question, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n != sizeof question) break;
    Reply reply = answer(question, victim_directory, victim);
    if (reply.text.size() > kMaxText) reply.text.resize(kMaxText);
    iovec parts[2] = {{&reply.answer, sizeof reply.answer}, {reply.text.data(), reply.text.size()}};
    if (writev(fd, parts, 2) < 0) break;
  }
  canary::abandon(victim);
  _exit(0);
}

}  // namespace treeline::helper
