// SPDX-License-Identifier: Apache-2.0
//
// actor [[uid=N] PATH...]: goes to a node of a process tree and performs there what it is asked.
//
// Started as the first program of a tree, it executes the first PATH (as user N) with the others behind it, and so on;
// where none is left it is on the node, says "ready", and reads lines "ACT OBJECT" from standard input. Each act
// (acts.h) is performed in a child, and answered by one line: "allow", "deny ERRNO", or "cannot TEXT". Static: no file
// is read, nothing is mapped.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "acts.h"

namespace {

actor::Acts all_acts() {
  actor::Acts all = actor::file_acts();
  for (actor::Acts more : {actor::network_acts(), actor::right_acts(), actor::operation_acts()}) all.merge(more);
  return all;
}

void perform(const std::string& act, const std::string& object) {
  static const actor::Acts kActs = all_acts();
  const auto found = kActs.find(act);
  int out[2];
  if (found == kActs.end() || pipe2(out, O_CLOEXEC) != 0) {
    std::printf("cannot there is no such act\n");
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    errno = 0;
    const int outcome = found->second(object.c_str());
    char line[256];
    const int length = outcome == 0                ? std::snprintf(line, sizeof line, "allow")
                       : outcome == actor::kCannot ? std::snprintf(line, sizeof line, "cannot %s", actor::reason)
                                                   : std::snprintf(line, sizeof line, "deny %d", outcome);
    _exit(write(out[1], line, static_cast<size_t>(length)) == length ? 0 : 1);
  }
  close(out[1]);
  char line[257];
  const ssize_t length = read(out[0], line, sizeof line - 1);
  close(out[0]);
  waitpid(child, nullptr, 0);
  line[length < 0 ? 0 : length] = '\0';
  std::printf("%s\n", length > 0 ? line : "cannot the child said nothing");
}

// Names may hold line feeds: a '\' and two hex digits stand for a byte.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtoul(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  // As the interpreter of a script: its name comes first.
  const size_t length = std::strlen(argv[0]);
  if (argc > 1 && length > 3 && std::strcmp(argv[0] + length - 3, "/sh") == 0) --argc, ++argv;
  if (argc > 1 && std::strncmp(argv[1], "uid=", 4) == 0) {
    const auto uid = static_cast<uid_t>(std::strtoul(argv[1] + 4, nullptr, 10));
    if (setresuid(uid, uid, uid) != 0) std::fprintf(stderr, "actor: %s: %s\n", argv[1], std::strerror(errno));
    --argc, ++argv;
  }
  if (argc > 1) {
    execv(argv[1], argv + 1);
    std::fprintf(stderr, "actor: %s: %s\n", argv[1], std::strerror(errno));
    return 1;
  }
  char line[8192];
  std::printf("ready\n");
  std::fflush(stdout);
  bool asked = false;
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    asked = true;
    line[std::strcspn(line, "\n")] = '\0';
    char* object = std::strchr(line, ' ');
    if (object != nullptr) *object++ = '\0';
    perform(line, object == nullptr ? "" : unescape(object));
    std::fflush(stdout);
  }
  return asked ? 0 : 42;
}
