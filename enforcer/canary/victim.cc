// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/victim.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "enforcer/base/fd.h"
#include "enforcer/canary/acts.h"

namespace treeline::canary {

int outcome(long result) { return result < 0 ? errno : 0; }

int exit_status_of_child(int child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL ? EPERM : EINTR;
  return WEXITSTATUS(status) == (kNotHere & 0xff) ? kNotHere : WEXITSTATUS(status);
}

namespace {

constexpr int kHeirRan = 7;
constexpr size_t kPage = 4096;

int open_for_writing(const Props& s) {
  UniqueFd fd(open(s.file("plain").c_str(), O_WRONLY | O_CLOEXEC));
  return fd ? 0 : errno;
}

// The child of a bound process is bound: it is refused what its parent is refused.
int fork_and_write(const Props& s) {
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) _exit(open_for_writing(s));
  return exit_status_of_child(child);
}

int exec_foreign(const Props&) {
  char* arguments[] = {const_cast<char*>("true"), nullptr};
  char* environment[] = {nullptr};
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    execve("/bin/true", arguments, environment);
    _exit(errno);
  }
  return exit_status_of_child(child);
}

// An exec that the tree holds, with a pipe that the next node may not have: killed before its first instruction.
int exec_heir(const Props& s) {
  char* arguments[] = {const_cast<char*>(s.self.c_str()), const_cast<char*>(kHeirOption), nullptr};
  char* environment[] = {nullptr};
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    int inherited[2];  // stays open across the exec; not one of the entry's own streams, which are granted by identity
    if (pipe(inherited) != 0) _exit(255);
    execve(s.self.c_str(), arguments, environment);
    _exit(255);  // the exec itself must not fail
  }
  int status = exit_status_of_child(child);
  return status == kHeirRan ? 0 : status;
}

int map_executable(const Props&) {
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  munmap(memory, kPage);
  return 0;
}

int make_executable(const Props&) {
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return ENOMEM;
  *static_cast<volatile char*>(memory) = 1;
  int error = outcome(mprotect(memory, kPage, PROT_READ | PROT_WRITE | PROT_EXEC));
  munmap(memory, kPage);
  return error;
}

int act_unlink(const Props& s) { return outcome(unlink(s.file("unlink-me").c_str())); }
int act_rmdir(const Props& s) { return outcome(rmdir(s.file("rmdir-me").c_str())); }
int act_mkdir(const Props& s) { return outcome(mkdir(s.file("new-directory").c_str(), 0700)); }
int act_mknod(const Props& s) { return outcome(mknod(s.file("new-fifo").c_str(), S_IFIFO | 0600, 0)); }
int act_symlink(const Props& s) { return outcome(symlink("plain", s.file("new-symlink").c_str())); }
int act_link(const Props& s) { return outcome(link(s.file("plain").c_str(), s.file("new-link").c_str())); }
int act_rename(const Props& s) { return outcome(rename(s.file("plain").c_str(), s.file("renamed").c_str())); }
int act_truncate(const Props& s) { return outcome(truncate(s.file("plain").c_str(), 0)); }
int act_ftruncate(const Props&) { return outcome(ftruncate(0, 1)); }
int act_chmod(const Props& s) { return outcome(chmod(s.file("plain").c_str(), 0600)); }
int act_chown(const Props& s) { return outcome(chown(s.file("plain").c_str(), 0, 0)); }

int act_socket(const Props&) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  return fd ? 0 : errno;
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int with_inet(int type, int (*act)(int fd, const sockaddr* address, socklen_t length)) {
  UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  if (!fd) return ENOSYS;  // making it is granted: this is no refusal that proves the hook
  sockaddr_in address = loopback(9);
  return act(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

int act_bind(const Props&) {
  return with_inet(SOCK_STREAM, [](int fd, const sockaddr* a, socklen_t n) { return outcome(bind(fd, a, n)); });
}
// Of a kind that nobody can listen on, where the kernel has chosen the port (connect does that): on TCP it may, see act_be_connected.
int act_listen(const Props&) {
  return with_inet(SOCK_DGRAM, [](int fd, const sockaddr*, socklen_t) {
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(1025);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    if (connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) return ENOSYS;
    return outcome(listen(fd, 1));
  });
}
int act_connect(const Props&) {
  return with_inet(SOCK_STREAM, [](int fd, const sockaddr* a, socklen_t n) { return outcome(connect(fd, a, n)); });
}
int act_send(const Props&) {
  return with_inet(SOCK_DGRAM, [](int fd, const sockaddr* a, socklen_t n) { return outcome(sendto(fd, "x", 1, 0, a, n)); });
}

bool unix_address(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

int act_unix_connect(const Props& s) {
  sockaddr_un address;
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || !unix_address(s.file("stream"), address)) return ENOSYS;
  return outcome(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
}

int act_unix_send(const Props& s) {
  sockaddr_un address;
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || !unix_address(s.file("datagram"), address)) return ENOSYS;
  return outcome(sendto(fd.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

int act_chroot(const Props&) { return outcome(chroot("/")); }

constexpr Act kActs[] = {
    {"task_alloc", fork_and_write},
    {"bprm_check_security", exec_foreign},
    {"bprm_committing_creds", exec_heir},
    {"file_open", open_for_writing},
    {"mmap_file", map_executable},
    {"file_mprotect", make_executable},
    {"path_unlink", act_unlink},
    {"path_rmdir", act_rmdir},
    {"path_mkdir", act_mkdir},
    {"path_mknod", act_mknod},
    {"path_symlink", act_symlink},
    {"path_link", act_link},
    {"path_rename", act_rename},
    {"path_truncate", act_truncate},
    {"file_truncate", act_ftruncate},
    {"path_chmod", act_chmod},
    {"path_chown", act_chown},
    {"socket_create", act_socket},
    {"socket_bind", act_bind},
    {"socket_listen", act_listen},
    {"socket_connect", act_connect},
    {"socket_sendmsg", act_send},
    {"unix_stream_connect", act_unix_connect},
    {"unix_may_send", act_unix_send},
    {"capable", act_chroot},
};

}  // namespace

namespace {

std::vector<Act> all_acts() {
  std::vector<Act> all(std::begin(kActs), std::end(kActs));
  all.insert(all.end(), door_acts().begin(), door_acts().end());
  return all;
}

}  // namespace

std::vector<std::string> victim_hooks() {
  std::vector<std::string> hooks;
  for (const Act& act : all_acts()) hooks.emplace_back(act.hook);
  return hooks;
}

bool prepare_victim(const std::string& directory, std::vector<UniqueFd>& sockets) {
  for (const char* name : {"/plain", "/unlink-me", "/scratch"}) {
    UniqueFd fd(open((directory + name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return false;
  }
  if (mkdir((directory + "/rmdir-me").c_str(), 0700) != 0) return false;
  for (auto [name, type] : {std::pair("/stream", SOCK_STREAM), std::pair("/datagram", SOCK_DGRAM)}) {
    sockaddr_un address;
    const int fd = sockets.emplace_back(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)).get();
    if (fd < 0) return false;
    if (!unix_address(directory + name, address) || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    if (type == SOCK_STREAM && listen(fd, 1) != 0) return false;
  }
  return true;
}

void run_victim(const std::string& directory, const std::string& self) {
  const Props props{directory, self};
  for (const Act& act : all_acts()) {
    char line[64];
    int n = snprintf(line, sizeof line, "%s %d\n", act.hook, act.run(props));
    if (write(1, line, static_cast<size_t>(n)) != n) _exit(1);
  }
  _exit(0);  // not exit: a leak checker would want to trace
}

void run_heir() { _exit(kHeirRan); }

}  // namespace treeline::canary
