// SPDX-License-Identifier: Apache-2.0
#include "enforcer/helper/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"

namespace treeline::helper {
namespace {

constexpr int kLookSeconds = 20;  // it reads some files of procfs; on a machine that swaps that may take its time
constexpr int kPerformSeconds = canary::kLimitSeconds + kLookSeconds;

Error loss(const std::string& how) {
  return Error{"treelined's helper process " + how + ": nothing can be bound or proven without it; start treelined again (systemctl restart treelined)", EPIPE};
}

bool readable_within(int fd, int seconds) {
  const uint64_t end = boot_ns() + static_cast<uint64_t>(seconds) * 1'000'000'000;
  for (uint64_t now; (now = boot_ns()) < end;) {
    pollfd waiting{fd, POLLIN, 0};
    if (const int n = poll(&waiting, 1, static_cast<int>((end - now) / 1'000'000) + 1); n > 0) return true;
    else if (n < 0 && errno != EINTR) return false;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Helper>> Helper::start(const std::string& victim_directory, std::span<const int> closed, bool confined) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return system_error("cannot make the helper's socket", errno);
  auto helper = std::make_unique<Helper>();
  helper->fd_ = UniqueFd(ends[0]);
  UniqueFd other(ends[1]);
  helper->pid_ = fork();
  if (helper->pid_ < 0) return system_error("cannot fork the helper", errno);
  if (helper->pid_ == 0) {
    helper->fd_.reset();
    for (int fd : closed)
      if (fd >= 0) close(fd);
    serve(other.release(), victim_directory, confined);
  }
  return helper;
}

// The other end reads the end of its socket and goes; this one stays readable, for who watches it.
void Helper::give_up() {
  gone_ = true;
  shutdown(fd_.get(), SHUT_RDWR);
}

Result<Helper::Told> Helper::ask(Ask ask, pid_t pid, int seconds) {
  if (gone_) return loss("is gone");
  const Question question{ask, pid};
  Told told;
  told.text.resize(kMaxText);
  ssize_t n = send(fd_.get(), &question, sizeof question, MSG_NOSIGNAL);
  if (n == sizeof question && !readable_within(fd_.get(), seconds)) {
    give_up();  // a late answer must not be taken for the next question's
    return loss("did not answer in " + std::to_string(seconds) + " s");
  }
  if (n == sizeof question) {
    iovec parts[2] = {{&told.answer, sizeof told.answer}, {told.text.data(), told.text.size()}};
    do n = readv(fd_.get(), parts, 2);
    while (n < 0 && errno == EINTR);
  }
  if (n < static_cast<ssize_t>(sizeof told.answer)) {
    give_up();
    return loss("has ended");
  }
  told.text.resize(static_cast<size_t>(n) - sizeof told.answer);
  if (told.answer.error) return Error{told.text, told.answer.error};
  return told;
}

Result<std::string> Helper::cgroup_of(pid_t pid) {
  Result<Told> told = ask(Ask::kCgroup, pid, kLookSeconds);
  if (!told) return told.error();
  return std::move(told->text);
}

Result<workload::Look> Helper::look_at(pid_t pid) {
  Result<Told> told = ask(Ask::kLook, pid, kLookSeconds);
  if (!told) return told.error();
  workload::Look look;
  look.start_time = told->answer.start_time;
  look.mount_ns = told->answer.mount_ns;
  std::copy(std::begin(told->answer.streams), std::end(told->answer.streams), look.streams.begin());
  look.cgroup = std::move(told->text);
  return look;
}

Result<canary::StoppedVictim> Helper::start_victim() {
  Result<Told> told = ask(Ask::kVictim, 0, kLookSeconds);
  if (!told) return told.error();
  canary::StoppedVictim victim;
  victim.pid = told->answer.pid;
  std::copy(std::begin(told->answer.streams), std::end(told->answer.streams), victim.streams.begin());
  return victim;
}

Result<canary::Performance> Helper::perform() {
  Result<Told> told = ask(Ask::kPerform, 0, kPerformSeconds);
  if (!told) return told.error();
  return canary::Performance{told->answer.complete != 0, told->answer.status, std::move(told->text)};
}

void Helper::abandon() { (void)!ask(Ask::kAbandon, 0, kLookSeconds).has_value(); }

}  // namespace treeline::helper
