// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"
#include "enforcer/base/own_path.h"
#include "enforcer/daemon/protocol.h"
#include "enforcer/kernel/probe.h"

namespace treeline::cli {
namespace {

constexpr int kStartSeconds = 300;

// Beside this executable, else where it is installed.
Result<std::string> find_daemon() {
  std::vector<std::string> places = {"/usr/sbin/treelined", "/usr/local/sbin/treelined"};
  if (Result<std::string> own = own_path(); own) {
    const std::string directory = own->substr(0, own->rfind('/'));
    places.insert(places.begin(), {directory + "/treelined", directory + "/../sbin/treelined"});
  }
  for (const std::string& path : places) {
    Result<void> good = check_executable(path);
    if (good) return path;
    if (good.error().code != ENOENT) return good.error();
  }
  return Error{"treelined is not installed beside this command", ENOENT};
}

// Where this machine or this user namespace lacks something, that is the reason, and the failed step only its consequence.
Error why_not(Error failed) { return kernel::why_not_load(kernel::probe()).value_or(failed); }

// Its programs end with it: where memory is short, the tree that it holds goes first.
void never_for_memory() {
  UniqueFd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  (void)!write(score.get(), "-1000", 5);
}

}  // namespace

Result<std::string> launch_daemon(unsigned arena_mib) {
  if (geteuid() != 0) return why_not(Error{"only root can load BPF programs: run it with sudo", ENOTSUP});
  Result<std::string> found = find_daemon();
  if (!found) return found.error();
  const std::string& program = *found;
  if (Result<void> made = make_directories("/run/treeline", 0755); !made) return why_not(made.error());
  std::string runtime = "/run/treeline/one-XXXXXX";
  if (!mkdtemp(runtime.data())) return why_not(system_error("cannot make a directory in /run/treeline", errno));
  int pair[2];
  if (pipe2(pair, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  UniqueFd ready(pair[0]), told(pair[1]);

  const std::string fd_text = std::to_string(told.get()), arena_text = std::to_string(arena_mib);
  pid_t child = fork();
  if (child < 0) return system_error("cannot fork", errno);
  if (child == 0) {
    // Twice: the daemon is nobody's child to wait for, in a session of its own, so that ^C at the terminal is the command's affair.
    if (fork() != 0) _exit(0);
    setsid();
    fcntl(told.get(), F_SETFD, 0);
    never_for_memory();
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    const char* arguments[] = {program.c_str(), "--ephemeral", "--runtime", runtime.c_str(), "--ready-fd", fd_text.c_str(), "--arena-mib", arena_text.c_str(), nullptr};
    execv(program.c_str(), const_cast<char**>(arguments));
    _exit(127);
  }
  told.reset();
  waitpid(child, nullptr, 0);
  std::string text;
  for (;;) {
    pollfd waiting{ready.get(), POLLIN, 0};
    int n = poll(&waiting, 1, kStartSeconds * 1000);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return Error{"the private treelined did not start in " + std::to_string(kStartSeconds) + " s", ETIMEDOUT};
    char chunk[4096];
    ssize_t got = read(ready.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(chunk, static_cast<size_t>(got));
  }
  if (text == "ok") return runtime + "/" + daemon::kSocketName;
  std::error_code ignored;
  std::filesystem::remove_all(runtime, ignored);
  return Error{text.empty() ? "the private treelined ended before it was ready" : text, ENOTSUP};
}

}  // namespace treeline::cli
