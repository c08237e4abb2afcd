// SPDX-License-Identifier: Apache-2.0
//
// Scripts and their interpreters. `scripter` may start scripts of BASE/scripts, and, as programs of their own, its copy
// `sh` of the shell and busybox: those are as wide as their nodes (SECURITY.md), and no wider.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

#include "tests/victims/scene.h"

extern char** environ;

namespace victim {
namespace {

constexpr int kRan = 7;  // what each script exits with

// Execs a program with these words (from argv[0] on), and an input.
bool ran(const std::string& program, std::initializer_list<std::string> words, int status = kRan,
         const std::string& input = "") {
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  arguments.push_back(nullptr);
  int in[2];
  if (pipe(in) != 0 || write(in[1], input.data(), input.size()) != static_cast<ssize_t>(input.size())) return false;
  const bool good = exits_with(status, [&] {
    dup2(in[0], STDIN_FILENO);
    close(in[0]);
    close(in[1]);
    execve(program.c_str(), const_cast<char**>(arguments.data()), environ);
  });
  close(in[0]);
  close(in[1]);
  return good;
}

void shell(const Scene& s) {
  const std::string how = s.argument(0), sh = s.file("scripts/sh");
  bool done = false;
  if (how == "command") done = ran(sh, {"sh", "-c", "exit 7"});
  if (how == "input")
    done = exits_with(kRan, [&] {  // the writing end has to be closed before the shell reads on
      int in[2];
      if (pipe(in) != 0 || write(in[1], "exit 7\n", 7) != 7) _exit(96);
      dup2(in[0], STDIN_FILENO);
      close(in[0]);
      close(in[1]);
      execl(sh.c_str(), "sh", "-s", nullptr);
    });
  if (how == "interactive") done = ran(sh, {"sh", "-i"}, kRan, "exit 7\n");
  if (how == "file") done = ran(sh, {"sh", s.file("scripts/plain")});
  if (how == "secret") done = ran(sh, {"sh", "-c", "read line <" + s.file("secret") + " && exit 7"});
  if (how == "program") done = ran(sh, {"sh", "-c", "/usr/bin/true && exit 7; [ $? = 137 ] && kill -9 $$"});
  tell(done, "a shell: " + how);
}

// The path, what argv[0] says, and the words behind.
void applet(const Scene& s) {
  const std::string how = s.argument(0), secret = s.file("secret");
  bool done = false;
  if (how == "true") done = ran("/usr/bin/busybox", {"true"}, 0);
  if (how == "link") done = ran(s.file("scripts/cat"), {"cat", secret}, 0);
  if (how == "name") done = ran("/usr/bin/busybox", {"cat", secret}, 0);
  if (how == "word") done = ran("/usr/bin/busybox", {"busybox", "cat", secret}, 0);
  tell(done, "an applet of busybox: " + how);
}

void script(const Scene& s) {
  const std::string name = s.argument(0);
  tell(ran(s.file("scripts/" + name), {name}), "the script " + name);
}

void by_env(const Scene& s) {
  tell(ran("/usr/bin/env", {"env", s.file("scripts/sh"), "-c", "exit 7"}), "a shell by env");
}

// A text without a #! line: the C library starts a shell with it. `broken` is one that the tree holds; the shell finds
// no command `this`.
void without_interpreter(const Scene& s) {
  const std::string program = s.file("bin/broken");
  const auto run = [&] {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    execlp(program.c_str(), "broken", nullptr);
  };
  tell(exits_with(127, run), "a shell for a text without an interpreter");
}

}  // namespace

std::vector<Act> script_acts() {
  return {{"sh", "command|input|interactive|file|secret|program: the shell as a program of its own", shell},
          {"applet", "true|link|name|word: busybox", applet},
          {"script", "NAME: exec of BASE/scripts/NAME", script},
          {"by-env", "env sh -c", by_env},
          {"no-interpreter", "execvp of a text without a #! line", without_interpreter}};
}

}  // namespace victim
