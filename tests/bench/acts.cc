// SPDX-License-Identifier: Apache-2.0
//
// bench_acts OVERLAY TMPFS [-]: what is measured; with - the acts that its input names, one a line. Prints a line "ACT NANOSECONDS TIMES" for each act: the least of several
// batches, per act, and how often it was done in all.
// In a VM whose clock counts instructions (tests/kernel/vm --icount) a nanosecond is an instruction, and the least batch is the one
// that no timer interrupt fell into.
//
// OVERLAY and TMPFS are directories on those file systems that hold `f`, `w`, `library`, `usr-share-nginx/htmls/index.html` and `bin/bench_acts`.
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

namespace {

constexpr char kExit[] = "--exit";
std::string only;  // the one act to measure; "": all

uint64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_acts: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

template <typename Act>
void measure(const std::string& name, int batches, int times, const Act& act) {
  if (!only.empty() && name != only) return;
  for (int i = 0; i < times; ++i) act();  // caches
  uint64_t least = UINT64_MAX;
  for (int batch = 0; batch < batches; ++batch) {
    const uint64_t start = now();
    for (int i = 0; i < times; ++i) act();
    least = std::min(least, (now() - start) / static_cast<uint64_t>(times));
  }
  std::printf("%s %llu %d\n", name.c_str(), static_cast<unsigned long long>(least), (batches + 1) * times);
  std::fflush(stdout);
}

void open_close(const std::string& name, const std::string& path) {
  measure("open-close/" + name, 15, 100, [&] {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(path);
    close(fd);
  });
}

void open_write_close(const std::string& name, const std::string& path) {
  measure("open-write-close/" + name, 15, 100, [&] {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "x", 1) != 1) fail(path);
    close(fd);
  });
}

// As a loader does it.
void map_executable(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  measure("map-executable", 15, 100, [&] {
    void* at = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) fail(path);
    munmap(at, 4096);
  });
  close(fd);
}

// To a child, which takes no notice.
void signal_child() {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0)
    for (;;) pause();
  measure("signal-child", 15, 100, [&] {
    if (kill(child, SIGCONT) != 0) fail("kill");
  });
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

void fork_exec_wait(const std::string& program) {
  measure("fork-exec-wait", 150, 1, [&] {  // one at a time, as a tick falls into every few of them
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
      const char* arguments[] = {program.c_str(), kExit, nullptr};
      const char* environment[] = {nullptr};
      execve(program.c_str(), const_cast<char**>(arguments), const_cast<char**>(environment));
      _exit(127);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) fail("exec " + program);
  });
}

void tcp_connect() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4100);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listener, 64) != 0) fail("listen");
  measure("tcp-connect", 150, 1, [&] {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const linger at_once{1, 0};  // no TIME_WAIT: ports do not run out, tables do not grow
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fail("connect");
    const int accepted = accept(listener, nullptr, nullptr);
    if (accepted < 0) fail("accept");
    close(fd);
    close(accepted);
  });
  close(listener);
}

// A datagram out of one socket and into another one; both judge the peer.
void udp_send_receive() {
  const int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4101);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(receiver, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fail("bind");
  char byte = 'x';
  measure("udp-send-receive", 15, 100, [&] {
    if (sendto(sender, &byte, 1, 0, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 1) fail("sendto");
    if (recv(receiver, &byte, 1, 0) != 1) fail("recv");
  });
  close(receiver);
  close(sender);
}

void measure_all(const std::string& overlay, const std::string& tmpfs) {
  open_close("short/overlay", overlay + "/f");
  open_close("deep/overlay", overlay + "/usr-share-nginx/htmls/index.html");
  open_close("short/tmpfs", tmpfs + "/f");
  open_close("deep/tmpfs", tmpfs + "/usr-share-nginx/htmls/index.html");
  open_write_close("overlay", overlay + "/w");
  open_write_close("tmpfs", tmpfs + "/w");
  map_executable(overlay + "/library");
  signal_child();
  fork_exec_wait(overlay + "/bin/bench_acts");
  tcp_connect();
  udp_send_receive();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && !std::strcmp(argv[1], kExit)) _exit(0);
  const bool asked = argc == 4 && !std::strcmp(argv[3], "-");
  if (argc != 3 && !asked) {
    std::fprintf(stderr, "usage: bench_acts OVERLAY TMPFS [-]\n");
    return 64;
  }
  if (!asked) measure_all(argv[1], argv[2]);
  while (asked && std::getline(std::cin, only)) measure_all(argv[1], argv[2]);
  return 0;
}
