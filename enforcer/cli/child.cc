// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/child.h"

#include <fcntl.h>
#include <sys/apparmor.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace treeline::cli {

bool Child::start(const std::vector<std::string>& command, const Confinement& confinement) {
  int go[2], failed[2];
  if (pipe2(go, O_CLOEXEC) != 0 || pipe2(failed, O_CLOEXEC) != 0) return false;
  pid_ = fork();
  if (pid_ < 0) return false;
  if (pid_ == 0) become(command, confinement, go, failed);
  close(go[0]);
  close(failed[1]);
  go_ = UniqueFd(go[1]);
  failed_ = UniqueFd(failed[0]);
  return true;
}

void Child::release(Word word) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // where it was killed meanwhile, its status tells
  (void)!write(go_.get(), &word, 1);
  std::signal(SIGPIPE, before);
  go_.reset();
}

void Child::abandon() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Child::Failure Child::failure() {
  Failure failure;
  ssize_t n;
  do n = read(failed_.get(), &failure, sizeof failure);
  while (n < 0 && errno == EINTR);
  return n == sizeof failure ? failure : Failure{};
}

void Child::become(const std::vector<std::string>& command, const Confinement& confinement, int* go, int* failed) {
  close(go[1]);
  close(failed[0]);
  Word word{};
  ssize_t n;
  do n = read(go[0], &word, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) _exit(kNotExecuted);  // the parent is gone: nothing runs unbound
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  Failure failure;
  using Step = Failure::Step;
  // The profile first: a filter may not let its file be written.
  if (word != kUnconfined && confinement.apparmor && aa_change_onexec(confinement.apparmor->name.c_str()) != 0) failure = {errno, Step::kAppArmor};
  if (word != kUnconfined && !failure.code)
    if (const int code = (word == kBesideHooks ? confinement.beside_hooks : confinement.whole).install(); code != 0) failure = {code, Step::kFilter};
  if (!failure.code) {
    execvp(arguments[0], arguments.data());
    failure.code = errno;
  }
  (void)!write(failed[1], &failure, sizeof failure);
  _exit(failure.code == ENOENT && failure.step == Step::kExec ? kNotFound : kNotExecuted);
}

}  // namespace treeline::cli
