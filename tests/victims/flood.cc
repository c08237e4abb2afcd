// SPDX-License-Identifier: Apache-2.0
//
// Floods: one act many thousand times over, to be counted exactly. And acts at which a hook is in doubt, each by itself.
// tests/kernel/enforce/flood and doubts say which, a line each.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/victims/scene.h"

namespace victim {
namespace {

struct Answers {
  unsigned long refused = 0, happened = 0;
};

bool done(int fd) {
  if (fd >= 0) close(fd);
  return fd >= 0;
}

// The same file, by several processes at once.
Answers same(const Scene& s, unsigned long times, int processes) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  for (int p = 0; p < processes; ++p)
    if (fork() == 0) {
      Answers mine;
      for (unsigned long i = 0; i < times / static_cast<unsigned long>(processes); ++i) ++(done(open(s.file("secret").c_str(), O_RDONLY | O_CLOEXEC)) ? mine.happened : mine.refused);
      _exit(write(ends[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
  close(ends[1]);
  Answers all, one;
  while (read(ends[0], &one, sizeof one) == sizeof one) all.refused += one.refused, all.happened += one.happened;
  close(ends[0]);
  while (wait(nullptr) > 0) {
  }
  return all;
}

// Another name each time. None of them is there: what is asked for is to make it.
Answers names(const Scene& s, unsigned long first, unsigned long times) {
  Answers all;
  for (unsigned long i = first; i < first + times; ++i)
    ++(done(open(s.file("private/" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) ? all.happened : all.refused);
  return all;
}

// Another peer each time; to connect a UDP socket sends nothing.
Answers peers(unsigned long times) {
  Answers all;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  for (unsigned long i = 1; i <= times; ++i) {
    address.sin_addr.s_addr = htonl(0x7f000000u + static_cast<uint32_t>(i));
    ++(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? all.happened : all.refused);
  }
  close(fd);
  return all;
}

// flood: for each line of stdin one line, REFUSED HAPPENED. Lines: same TIMES PROCESSES, names FIRST TIMES, peers TIMES 0.
void flood(const Scene& s) {
  char what[16];
  unsigned long a = 0, b = 0;
  setvbuf(stdin, nullptr, _IONBF, 0);  // children share it
  while (scanf("%15s %lu %lu", what, &a, &b) == 3) {
    const std::string act = what;
    const Answers all = act == "same" ? same(s, a, static_cast<int>(b)) : act == "names" ? names(s, a, b) : peers(a);
    const std::string line = std::to_string(all.refused) + " " + std::to_string(all.happened) + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
  }
}

// inherit-many N: execs bin/child with N descriptors of one pipe open beside 0, 1 and 2.
void inherit_many(const Scene& s) {
  int ends[2];
  if (pipe(ends) != 0) return tell(false, "pipe");
  for (int left = s.number(0) - 2; left > 0; --left)
    if (dup(ends[0]) < 0) return tell(false, "dup");
  tell(exits_with(kTinyStatus, [&] { execl(s.file("bin/child").c_str(), "child", s.base.c_str(), "be-tiny", nullptr); }), s.argument(0) + " descriptors inherited");
}

void be_tiny(const Scene&) { _exit(kTinyStatus); }

// held-below DIRECTORY N: opens a file below a directory that it holds, up to N times, till one open is refused. Somebody may move what lies above.
void held_below(const Scene& s) {
  int directory = -1;
  for (int i = 0; i < 100000 && directory < 0; ++i) directory = open(s.argument(0).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return tell(false, "the directory");
  bool opened = true;
  for (int i = s.number(1); i > 0 && opened; --i) opened = done(openat(directory, "file", O_RDONLY | O_CLOEXEC));
  tell(opened, "a file below a directory that it holds, each time");
}

// control-messages N PORT: a datagram to 127.0.0.1 with N control messages, each of them harmless (IP_TTL).
void control_messages(const Scene& s) {
  const int count = s.number(0), fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(s.number(1)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char byte = 'x';
  iovec vector{&byte, 1};
  std::string control(CMSG_SPACE(sizeof(int)) * static_cast<size_t>(count), '\0');
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    const int ttl = 64;
    each->cmsg_level = IPPROTO_IP;
    each->cmsg_type = IP_TTL;
    each->cmsg_len = CMSG_LEN(sizeof ttl);
    std::memcpy(CMSG_DATA(each), &ttl, sizeof ttl);
  }
  tell(sendmsg(fd, &message, 0) == 1, "a datagram with " + s.argument(0) + " control messages");
}

}  // namespace

std::vector<Act> flood_acts() {
  return {{"flood", "one act many times over, as it is told", flood},
          {"inherit-many", "hands so many descriptors to a child", inherit_many},
          {"be-tiny", "nothing", be_tiny},
          {"held-below", "opens a file below a directory, over and over", held_below},
          {"control-messages", "a datagram with so many control messages", control_messages}};
}

}  // namespace victim
