// SPDX-License-Identifier: Apache-2.0
//
// A process whose threads do, over and over and from a seed, what they may and what they may not, and count both kinds of wrong answers. The soak
// (tests/kernel/enforce/soak) disturbs everything around it meanwhile.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <map>
#include <random>
#include <thread>

#include "tests/victims/scene.h"

namespace victim {
namespace {

bool opens(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

bool connects(const char* host, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const bool done = fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) close(fd);
  return done;
}

bool runs(const std::string& program, const char* base) {
  const pid_t child = fork();
  if (child == 0) {
    close(1);  // what it says is not for our reader
    execl(program.c_str(), "child", base, "here", nullptr);
    _exit(126);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool makes_code() {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) munmap(memory, 4096);
  return memory != MAP_FAILED;
}

volatile sig_atomic_t g_ended = 0;

// By a thread that is there for this act alone.
bool by_a_thread(const std::function<bool()>& act) {
  bool happened = false;
  std::thread([&] { happened = act(); }).join();
  return happened;
}

struct Answers {
  unsigned long done[2] = {}, escapes = 0, false_denials = 0;  // done: forbidden, allowed
  std::map<std::string, unsigned long> wrong;                  // act and error -> how often
};

// What one thread does till the end. Its files are its own, so that no other thread's act is in the way of an allowed one.
Answers acts_of(const Scene& s, int number, time_t end) {
  std::mt19937 random(static_cast<unsigned>(s.number(1)) * 100U + static_cast<unsigned>(number));
  const std::string mine = s.file("out/" + std::to_string(getpid()) + "-" + std::to_string(number)), moved = mine + "-moved";
  const int port = s.number(2), other = s.number(3);
  struct Act {
    const char* name;
    bool allowed;
    std::function<bool()> run;
  };
  const std::vector<Act> acts = {
      {"reads the page", true, [&] { return opens(s.file("page.html"), O_RDONLY); }},
      {"makes and removes", true, [&] { return opens(mine, O_WRONLY | O_CREAT) && unlink(mine.c_str()) == 0; }},
      {"makes, renames, removes", true, [&] { return opens(mine, O_WRONLY | O_CREAT) && rename(mine.c_str(), moved.c_str()) == 0 && unlink(moved.c_str()) == 0; }},
      {"connects", true, [&] { return connects("127.0.0.1", port); }},
      {"runs the child", true, [&] { return runs(s.file("bin/child"), s.base.c_str()); }},
      {"reads by a thread", true, [&] { return by_a_thread([&] { return opens(s.file("page.html"), O_RDONLY); }); }},
      {"reads a secret", false, [&] { return opens(s.file("secret"), O_RDONLY); }},
      {"reads a private secret", false, [&] { return opens(s.file("private/secret"), O_RDONLY); }},
      {"writes the page", false, [&] { return opens(s.file("page.html"), O_WRONLY); }},
      {"makes a file", false, [&] { return opens(s.file("new"), O_WRONLY | O_CREAT); }},
      {"connects to a stranger", false, [&] { return connects("127.0.0.2", port); }},
      {"runs true", false, [&] { return runs("/bin/true", s.base.c_str()); }},
      {"makes code", false, [&] { return makes_code(); }},
      {"signals another", false, [&] { return kill(other, SIGCONT) == 0; }},
      {"changes a mode", false, [&] { return chmod(s.file("page.html").c_str(), 0600) == 0; }},
      {"reads a secret by a thread", false, [&] { return by_a_thread([&] { return opens(s.file("secret"), O_RDONLY); }); }},
  };
  Answers answers;
  while (!g_ended && (time(nullptr) < end || !answers.done[0] || !answers.done[1])) {  // none goes without an act of each kind
    const Act& act = acts[random() % acts.size()];
    errno = 0;
    const bool happened = act.run();
    if (g_ended && errno == EINTR) break;
    answers.done[act.allowed]++;
    answers.escapes += happened && !act.allowed;
    answers.false_denials += !happened && act.allowed;
    if (happened != act.allowed) answers.wrong[std::string(act.name) + " (" + std::to_string(errno) + ")"]++;
  }
  return answers;
}

// loop SECONDS SEED OPEN-PORT PID [THREADS]: ends by itself, or by SIGTERM from outside.
void loop(const Scene& s) {
  signal(SIGTERM, [](int) { g_ended = 1; });
  const time_t end = time(nullptr) + s.number(0);
  std::vector<Answers> answers(static_cast<size_t>(std::max(1, s.number(4))));
  std::vector<std::thread> others;
  for (size_t i = 1; i < answers.size(); ++i) others.emplace_back([&, i] { answers[i] = acts_of(s, static_cast<int>(i), end); });
  answers[0] = acts_of(s, 0, end);
  for (std::thread& each : others) each.join();
  Answers all;
  unsigned long fewest = ULONG_MAX;
  for (const Answers& each : answers) {
    for (int kind : {0, 1}) all.done[kind] += each.done[kind], fewest = std::min(fewest, each.done[kind]);
    all.escapes += each.escapes, all.false_denials += each.false_denials;
    for (const auto& [what, count] : each.wrong) all.wrong[what] += count;
  }
  std::string wrong;
  for (const auto& [what, count] : all.wrong) wrong += (wrong.empty() ? "; wrong: " : ", ") + what + " x" + std::to_string(count);
  errno = 0;
  tell(all.escapes || all.false_denials,
       std::to_string(all.escapes) + " escapes, " + std::to_string(all.false_denials) + " false denials, of " + std::to_string(all.done[0]) + " forbidden and " +
           std::to_string(all.done[1]) + " allowed acts of " + std::to_string(answers.size()) + " threads, each of which did " + std::to_string(fewest) + " of a kind or more" + wrong);
}

void* wait_for_ever(void*) {
  for (;;) pause();
}

// threads N: as many tasks as it may have, up to N; with all of them there, what is allowed and what is not. One block of memory holds
// all stacks, since mappings are bounded too.
void threads(const Scene& s) {
  const size_t wanted = static_cast<size_t>(s.number(0)), stack = 16384;
  char* stacks = static_cast<char*>(mmap(nullptr, wanted * stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (stacks == MAP_FAILED) return tell(false, "memory for stacks");
  size_t made = 0;
  int error = 0;
  for (; made < wanted && error == 0; ++made) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stacks + made * stack, stack);
    pthread_t thread;
    error = pthread_create(&thread, &attributes, wait_for_ever, nullptr);
    if (error != 0) break;
  }
  const bool allowed = opens(s.file("page.html"), O_RDONLY), forbidden = opens(s.file("secret"), O_RDONLY);
  errno = error;
  tell(forbidden, std::to_string(made) + " threads, then error " + std::to_string(error) + "; allowed " + (allowed ? "yes" : "no"));
  fflush(stdout);
  _exit(0);
}

}  // namespace

std::vector<Act> loop_acts() {
  return {{"loop", "all kinds of acts at random: yes where one answer was wrong", loop},
          {"threads", "as many tasks as there may be; then a forbidden act", threads}};
}

}  // namespace victim
