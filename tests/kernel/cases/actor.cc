// SPDX-License-Identifier: Apache-2.0
//
// actor [[uid=N] PATH...]: goes to a node of a process tree and performs there what it is asked.
//
// Started as the first program of a tree, it executes the first PATH (as user N) with the others behind it, and so on;
// where none is left it is on the node, says "ready", and reads lines "ACT OBJECT" from standard input. Each act is
// performed in a child, and answered by one line: "allow", "deny ERRNO", or "cannot TEXT" where something else than a
// refusal was in the way. Static: no file is read, nothing is mapped.
//
// A denial is EACCES or EPERM of the one call that the act is; what comes behind the hook (no route, nobody listens,
// there is no such key) means that the hook let it pass.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

// What an act comes to: 0 it passed the hooks, > 0 the errno of a refusal, kCannot with a reason.
constexpr int kCannot = -1;
const char* reason = "";

int cannot(const char* why) {
  reason = why;
  return kCannot;
}

int refused(long result) { return result < 0 && (errno == EACCES || errno == EPERM) ? errno : 0; }

// Of acts that must succeed to have an effect: another failure is no answer.
int answer(long result) {
  if (result >= 0) return 0;
  return refused(result) != 0 ? errno : cannot(std::strerror(errno));
}

int read_file(const char* path) { return answer(open(path, O_RDONLY | O_CLOEXEC)); }
int write_file(const char* path) { return answer(open(path, O_WRONLY | O_CLOEXEC)); }
int append_file(const char* path) { return answer(open(path, O_WRONLY | O_APPEND | O_CLOEXEC)); }
int create_file(const char* path) { return answer(mknod(path, S_IFREG | 0600, 0)); }
int make_fifo(const char* path) { return answer(mknod(path, S_IFIFO | 0600, 0)); }
int make_directory(const char* path) { return answer(mkdir(path, 0700)); }
int make_link(const char* path) { return answer(symlink("/nowhere", path)); }
int set_attributes(const char* path) { return answer(chmod(path, 0600)); }
int list(const char* path) { return answer(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

int remove(const char* path) {
  const int result = unlink(path);
  return answer(result != 0 && errno == EISDIR ? rmdir(path) : result);
}

int map(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot("it cannot be opened for reading");
  return answer(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
}

int connect_unix(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) return cannot("the path is too long for a socket");
  std::strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return refused(-1) != 0 ? errno : cannot("no socket");
  return refused(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

// What is executed is this program again: with nothing to read it ends at once, in a way that nothing else does.
int execute(const char* path) {
  char* const arguments[] = {const_cast<char*>(path), nullptr};
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return cannot("no pipe");
  close(in[1]);
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execve(path, arguments, nullptr);
    _exit(errno == EACCES || errno == EPERM ? errno : 100);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 42) return 0;  // main: nothing to read
  if (WIFEXITED(status) && (WEXITSTATUS(status) == EACCES || WEXITSTATUS(status) == EPERM)) return WEXITSTATUS(status);
  return cannot(WIFSIGNALED(status) ? "it was killed" : "it could not be executed");
}

struct Endpoint {
  int type = SOCK_STREAM, family = AF_INET;
  sockaddr_storage address{};
  socklen_t size = 0;
};

// "tcp:10.0.0.1:80", "udp:[::1]:53", "tcp:80" (any address of IPv4).
bool parse(std::string text, Endpoint& e) {
  const size_t colon = text.find(':');
  const std::string protocol = text.substr(0, colon);
  if (colon == std::string::npos || (protocol != "tcp" && protocol != "udp")) return false;
  e.type = protocol == "tcp" ? SOCK_STREAM : SOCK_DGRAM;
  text = text.substr(colon + 1);
  const size_t last = text.rfind(':');
  std::string host = last == std::string::npos ? "0.0.0.0" : text.substr(0, last);
  const auto port = static_cast<uint16_t>(std::atoi(text.c_str() + (last == std::string::npos ? 0 : last + 1)));
  if (host.size() > 2 && host[0] == '[') {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&e.address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    e.family = AF_INET6;
    e.size = sizeof *v6;
    return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) == 1;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&e.address);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  e.size = sizeof *v4;
  return inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1;
}

int connect_to(const char* object) {
  Endpoint e;
  if (!parse(object, e)) return cannot("no endpoint");
  const int fd = socket(e.family, e.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return cannot("no socket");
  return refused(connect(fd, reinterpret_cast<sockaddr*>(&e.address), e.size));
}

int listen_on(const char* object) {
  Endpoint e;
  if (!parse(object, e)) return cannot("no endpoint");
  const int fd = socket(e.family, e.type | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot("no socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&e.address), e.size) != 0) return answer(-1);
  return e.type == SOCK_STREAM ? answer(listen(fd, 1)) : 0;
}

int make_socket(const char* object) {
  const std::string kind = object;
  if (kind.rfind("netlink:", 0) == 0) {
    static const std::map<std::string, int> kProtocols = {{"route", NETLINK_ROUTE}, {"audit", NETLINK_AUDIT}};
    const auto named = kProtocols.find(kind.substr(8));
    const int protocol = named != kProtocols.end() ? named->second : std::atoi(kind.c_str() + 8);
    return refused(socket(AF_NETLINK, SOCK_RAW, protocol));
  }
  if (kind == "inet-stream") return refused(socket(AF_INET, SOCK_STREAM, 0));
  if (kind == "inet-dgram") return refused(socket(AF_INET, SOCK_DGRAM, 0));
  if (kind == "unix-stream") return refused(socket(AF_UNIX, SOCK_STREAM, 0));
  if (kind == "unix-dgram") return refused(socket(AF_UNIX, SOCK_DGRAM, 0));
  return cannot("the actor does not make such a socket");
}

int use_capability(const char* name) {
  const std::string capability = name;
  if (capability == "sys_chroot") return refused(chroot("/"));
  if (capability == "sys_nice") return refused(setpriority(PRIO_PROCESS, 0, -5));
  if (capability == "sys_admin") return refused(sethostname("cases", 5));
  if (capability == "sys_boot")
    return refused(syscall(SYS_reboot, 0, 0, 0, nullptr));  // asked before the magic is looked at
  if (capability == "setgid") return refused(setgid(7));
  if (capability == "setuid") return refused(setuid(0) == 0 ? setresuid(7, 7, 7) : -1);
  if (capability == "setpcap") return refused(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0));
  if (capability == "sys_time") {
    timeval now{};
    gettimeofday(&now, nullptr);
    return refused(settimeofday(&now, nullptr));
  }
  if (capability == "sys_resource") {
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max = 0;
    setrlimit(RLIMIT_CORE, &limit);
    limit.rlim_max = 1;
    return refused(setrlimit(RLIMIT_CORE, &limit));
  }
  return cannot("the actor has no act that needs it alone");
}

int do_operation(const char* name) {
  const std::string operation = name;
  if (operation == "jit")
    return refused(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                                                  : 0);
  if (operation == "keyring") return refused(syscall(SYS_add_key, "user", "cases", "x", 1, KEY_SPEC_PROCESS_KEYRING));
  if (operation == "userns") return refused(unshare(CLONE_NEWUSER));
  if (operation == "io-uring") {
    char params[120] = {};
    return refused(syscall(SYS_io_uring_setup, 4, params));
  }
  if (operation == "userfaultfd") return refused(syscall(SYS_userfaultfd, O_CLOEXEC));
  if (operation == "signal") return refused(kill(1, SIGURG));
  return cannot("the actor has no such act");
}

int become(const char* id) {
  const auto uid = static_cast<uid_t>(std::strtoul(id, nullptr, 10));
  return refused(setresuid(uid, uid, uid));
}

const std::map<std::string, int (*)(const char*)> kActs = {
    {"read", read_file},
    {"write", write_file},
    {"append", append_file},
    {"create", create_file},
    {"mknod", make_fifo},
    {"mkdir", make_directory},
    {"link", make_link},
    {"setattr", set_attributes},
    {"list", list},
    {"delete", remove},
    {"map", map},
    {"connect", connect_unix},
    {"exec", execute},
    {"out", connect_to},
    {"listen", listen_on},
    {"socket", make_socket},
    {"user", become},
    {"capability", use_capability},
    {"operation", do_operation},
};

void perform(const std::string& act, const std::string& object) {
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
    const int length = outcome == 0         ? std::snprintf(line, sizeof line, "allow")
                       : outcome == kCannot ? std::snprintf(line, sizeof line, "cannot %s", reason)
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
