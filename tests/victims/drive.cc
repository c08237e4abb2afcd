// SPDX-License-Identifier: Apache-2.0
//
// Runs many victims, one after another: a container's first program, or a plain tree's (tests/kernel/enforce/driven.py). Each line of stdin
// is a program and its arguments, between tabs; when that has ended, "END STATUS" is a line of stdout.
// With a user's number behind it, it becomes that user first.
// The line "mark" has a child open BASE/marker, then says "MARKED": the event of that comes behind all that a victim caused.
#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>

#include "tests/victims/scene.h"

namespace victim {
namespace {

bool next_line(std::string& line) {
  static std::string read_ahead;
  size_t end = 0;
  while ((end = read_ahead.find('\n')) == std::string::npos) {
    char buffer[8192];
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
    if (n <= 0) return false;
    read_ahead.append(buffer, static_cast<size_t>(n));
  }
  line = read_ahead.substr(0, end);
  read_ahead.erase(0, end + 1);
  return true;
}

void say(const std::string& line) { (void)!write(STDOUT_FILENO, line.data(), line.size()); }

// As a shell gives it. A first process has orphans to bury, too.
int status_of(const std::function<void()>& child) {
  const pid_t pid = fork();
  if (pid == 0) {
    child();
    _exit(127);
  }
  for (int status = 0;;) {
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == pid) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (ended < 0 && errno != EINTR) return 126;
  }
}

void run(const std::string& line) {
  // No way back: what a victim reads must not be what the next one is told. Stdio is the container's, so every node may have it.
  dup2(STDERR_FILENO, STDIN_FILENO);
  std::vector<std::string> words;
  for (size_t at = 0, tab = 0; tab != std::string::npos; at = tab + 1) {
    tab = line.find('\t', at);
    words.push_back(line.substr(at, tab == std::string::npos ? tab : tab - at));
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  std::perror(arguments[0]);
}

void drive(const Scene& s) {
  const auto user = static_cast<uid_t>(s.number(0));
  if (user != 0 && (setgroups(0, nullptr) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)) return;
  for (std::string line; next_line(line);) {
    if (line == "mark") {
      status_of([&] { open(s.file("marker").c_str(), O_RDONLY | O_CLOEXEC), _exit(0); });
      say("MARKED\n");
    } else {
      say("\nEND " + std::to_string(status_of([&] { run(line); })) + "\n");
    }
  }
}

}  // namespace

std::vector<Act> drive_acts() { return {{"drive", "[USER]: (starts the programs that stdin names, one after another)", drive}}; }

}  // namespace victim
