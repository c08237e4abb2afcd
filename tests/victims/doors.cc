// SPDX-License-Identifier: Apache-2.0
//
// Other processes, the kernel, treelined's socket. These acts are run by programs whose profile grants every capability that the kernel
// asks for (`door`), or capabilities and operations beside (`tracer`): nothing but the hook is in their way. What would change the machine is done in a
// namespace of the victim's own, undone at once, or ends one step before.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "tests/victims/scene.h"

namespace victim {
namespace {

// ------------------------------------------------------------------------------------------------------- other processes
// A child that waits till it is told to go, or for three seconds.
struct Waiting {
  pid_t pid = -1;
  int go = -1;
  Waiting() {
    int pair[2];
    if (pipe(pair) != 0) return;
    pid = fork();
    if (pid == 0) {
      close(pair[1]);
      pollfd told{pair[0], POLLIN, 0};
      poll(&told, 1, 3000);
      _exit(0);
    }
    close(pair[0]);
    go = pair[1];
  }
  int end() {  // its status
    close(go);
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }
};

// The instruction that it is at: its addresses are not known here.
bool reads_code_of(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return false;
  errno = 0;
  bool got = ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == 0 && waitpid(pid, nullptr, __WALL) == pid;
  const long at = got ? ptrace(PTRACE_PEEKUSER, pid, offsetof(user_regs_struct, rip), nullptr) : 0;
  if (got) (void)ptrace(PTRACE_PEEKTEXT, pid, at, nullptr), got = errno == 0;
  const int error = errno;
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  errno = error;
  return got;
}

void read_memory(const Scene& s) {
  char byte = 0;
  const iovec here{&byte, 1};
  bool got = false;
  static char there = 'x';
  const iovec remote{&there, 1};
  if (s.argument(0).empty()) {
    Waiting child;
    got = process_vm_readv(child.pid, &here, 1, &remote, 1, 0) == 1 && byte == there;
    const int error = errno;
    child.end();
    errno = error;
  } else if (s.argument(0) == "beside") {
    got = process_vm_readv(beside(), &here, 1, &remote, 1, 0) == 1 && byte == there;
  } else {
    got = reads_code_of(s.number(0));
  }
  tell(got, "another process's memory");
}

// It asks to be traced, then runs a program with other rights: whoever traces has them.
void traced_exec(const Scene& s) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(errno & 0x7f);
    const std::string program = s.file("bin/child");
    execl(program.c_str(), "child", s.base.c_str(), "here", nullptr);
    _exit(100);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const bool stopped = WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
  if (stopped) kill(child, SIGKILL), waitpid(child, &status, 0);
  else tell_killed(status);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  tell(stopped, "another node's program under trace");
}

void take_descriptor(const Scene& s) {
#ifdef SYS_pidfd_getfd
  const int process = static_cast<int>(syscall(SYS_pidfd_open, s.process(0), 0));
  const int fd = process < 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_getfd, process, 0, 0));
  tell(usable(fd), "a descriptor of another process");
#else
  tell(false, "no pidfd_getfd here");
#endif
}

void signal_other(const Scene& s) {
  const pid_t pid = s.process(0);
  const bool sent = kill(pid, SIGSTOP) == 0;
  const int error = errno;
  const bool stopped = sent && is_stopped(pid);
  if (sent) kill(pid, SIGCONT);
  errno = error;
  tell(stopped, "another process stopped by a signal");
}

void signal_child(const Scene&) {
  Waiting child;
  kill(child.pid, SIGTERM);
  const int error = errno, status = child.end();
  errno = error;
  tell(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "a signal to a child");
}

// The kernel sends it for whoever owns the descriptor.
void signal_by_owner(const Scene&) {
  Waiting child;
  int pair[2] = {-1, -1};
  (void)!pipe(pair);
  const int owned = fcntl(pair[0], F_SETOWN, child.pid), error = errno;
  fcntl(pair[0], F_SETSIG, SIGTERM);
  fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  (void)!write(pair[1], "x", 1);
  usleep(50000);
  const int status = child.end();
  errno = owned == 0 ? 0 : error;
  tell(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "a signal by a descriptor's owner");
}

void tune(const Scene& s) {
  const auto other = static_cast<id_t>(s.process(0));
  const int wanted = getpriority(PRIO_PROCESS, other) == 5 ? 6 : 5;  // who ran before may have left it
  tell(setpriority(PRIO_PROCESS, other, wanted) == 0 && getpriority(PRIO_PROCESS, other) == wanted, "another process's priority");
}
// One of its processors, then all of them again. With one processor there is nothing to see beside the call's answer.
void affinity(const Scene& s) {
  const pid_t other = s.process(0);
  cpu_set_t had, one, has;
  CPU_ZERO(&one);
  if (sched_getaffinity(other, sizeof had, &had) != 0) return tell(false, "its processors");
  int first = 0;
  while (!CPU_ISSET(first, &had)) ++first;
  CPU_SET(first, &one);
  const bool set = sched_setaffinity(other, sizeof one, &one) == 0;
  const int error = errno;
  const bool seen = set && sched_getaffinity(other, sizeof has, &has) == 0 && CPU_EQUAL(&has, &one);
  if (set) sched_setaffinity(other, sizeof had, &had);
  errno = error;
  tell(seen, "another process's processors");
}
// The soft limit alone: who lowers the other one cannot raise it again.
void limit(const Scene& s) {
  const pid_t other = s.process(0);
  rlimit had{}, has{};
  if (prlimit(other, RLIMIT_CORE, nullptr, &had) != 0) return tell(false, "its limits");
  const rlimit wanted{had.rlim_cur == 4096 ? 8192u : 4096u, had.rlim_max};
  tell(prlimit(other, RLIMIT_CORE, &wanted, nullptr) == 0 && prlimit(other, RLIMIT_CORE, nullptr, &has) == 0 && has.rlim_cur == wanted.rlim_cur,
       "another process's limits");
}

void here(const Scene&) { tell(true, "the program ran"); }

// As root, an exec gives back what was laid down.
void regain(const Scene& s) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (syscall(SYS_capget, &header, sets) != 0) return tell(false, "capget");
  const uint32_t down = ~(1u << CAP_SYS_NICE);
  sets[0].permitted &= down;
  sets[0].effective &= down;
  sets[0].inheritable &= down;
  if (syscall(SYS_capset, &header, sets) != 0) return tell(false, "capset");
  const std::string program = s.file("bin/child");
  execl(program.c_str(), "child", s.base.c_str(), "here", nullptr);
  tell(false, "a capability back by an exec");
}

void secure_bits(const Scene&) {
  const int wanted = prctl(PR_GET_SECUREBITS) | 1 << 4;  // SECBIT_KEEP_CAPS, gone with the next exec
  tell(prctl(PR_SET_SECUREBITS, wanted) == 0 && prctl(PR_GET_SECUREBITS) == wanted, "other securebits");
}

// Another file as the task's program: what it maps of that would count as its own.
void other_program(const Scene& s) {
  const int fd = open(s.file("bin/door").c_str(), O_RDONLY | O_CLOEXEC);
  // EBUSY: it was let to the question whether the old program is still mapped. One step before: there is nothing else to see.
  const bool asked = prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0) == 0 || errno == EBUSY;
  tell(asked, "another program of the task");
}

// ------------------------------------------------------------------------------------------------------------ mounts
bool own_mounts() {
  if (unshare(CLONE_NEWNS) != 0) return false;
  (void)!mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return true;
}

void bind_mount(const Scene& s) {
  if (!own_mounts()) return tell(false, "unshare");
  tell(mount(s.file("private").c_str(), s.file("ok/place").c_str(), nullptr, MS_BIND, nullptr) == 0 && there(s.file("ok/place/secret")),
       "a directory under another name");
}
void unmount(const Scene&) {
  if (!own_mounts()) return tell(false, "unshare");
  const dev_t before = device_of("/dev/shm");
  tell(umount2("/dev/shm", MNT_DETACH) == 0 && device_of("/dev/shm") != before, "a mount less");
}
void pivot(const Scene& s) {
  if (!own_mounts()) return tell(false, "unshare");
  const std::string place = s.file("ok/place");
  (void)!mount("none", place.c_str(), "tmpfs", 0, nullptr);
  const dev_t before = device_of("/");
  tell(chdir(place.c_str()) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && device_of("/") != before, "another root of the namespace");
}
void new_mount(const Scene& s) {
  if (!own_mounts()) return tell(false, "unshare");
  const int context = static_cast<int>(syscall(SYS_fsopen, "tmpfs", 0));
  if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return tell(false, "fsopen");
  const int made = static_cast<int>(syscall(SYS_fsmount, context, 0, 0));
  const std::string place = s.file("ok/place");
  const dev_t before = device_of(place);
  tell(made >= 0 && syscall(SYS_move_mount, made, "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0 && device_of(place) != before,
       "a mount by fsmount");
}
void detached(const Scene& s) {
  const int tree = static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, s.file("private").c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  const int fd = tree < 0 ? -1 : openat(tree, "secret", O_RDONLY);
  tell(fd >= 0 && reads_fd(fd), "a file of a detached mount");
}
void remount(const Scene&) {
  const int picked = static_cast<int>(syscall(SYS_fspick, AT_FDCWD, "/dev/shm", 0));
  const bool done = picked >= 0 && syscall(SYS_fsconfig, picked, FSCONFIG_SET_FLAG, "ro", nullptr, 0) == 0 &&
                    syscall(SYS_fsconfig, picked, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == 0;
  const int error = errno;
  const bool seen = done && read_only("/dev/shm");
  if (done) {
    syscall(SYS_fsconfig, picked, FSCONFIG_SET_FLAG, "rw", nullptr, 0);
    syscall(SYS_fsconfig, picked, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0);
  }
  errno = error;
  tell(seen, "a file system made read-only");
}

// ------------------------------------------------------------------------------------------------------------ the kernel
void user_namespace(const Scene&) {
  const std::string before = namespace_of("self", "user");
  tell(unshare(CLONE_NEWUSER) == 0 && namespace_of("self", "user") != before, "a user namespace");
}

int bpf(int command, bpf_attr& attributes) { return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes)); }
void bpf_map(const Scene&) {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);  // before 5.11 maps count
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  const int map = bpf(BPF_MAP_CREATE, attributes);
  const uint32_t key = 0, put = 42;
  uint32_t got = 0;
  bpf_attr element{};
  element.map_fd = static_cast<uint32_t>(map);
  element.key = reinterpret_cast<uint64_t>(&key);
  element.value = reinterpret_cast<uint64_t>(&put);
  const bool written = map >= 0 && bpf(BPF_MAP_UPDATE_ELEM, element) == 0;
  element.value = reinterpret_cast<uint64_t>(&got);
  tell(written && bpf(BPF_MAP_LOOKUP_ELEM, element) == 0 && got == put, "a number in a BPF map");
}

void perf(const Scene&) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  const int counter = static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
  uint64_t count = 0;
  tell(counter >= 0 && read(counter, &count, sizeof count) == sizeof count && count > 0, "a performance counter that has counted");
}
void keyring(const Scene&) {
  const long key = syscall(SYS_add_key, "user", "treeline-victim", "x", 1, KEY_SPEC_PROCESS_KEYRING);
  char byte = 0;
  tell(key >= 0 && syscall(SYS_keyctl, KEYCTL_READ, key, &byte, 1) == 1 && byte == 'x', "a key, and what it holds");
}
void session_keyring(const Scene&) {
  const long made = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  tell(made >= 0 && syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) == made, "a session keyring");
}
// One step before: what is given is no module, and the loader says so only where it was reached.
void load_module(const Scene&) {
  static char zeroes[4096];
  tell(syscall(SYS_init_module, zeroes, sizeof zeroes, "") != 0 && errno == ENOEXEC, "the loader of modules");
}
void load_module_file(const Scene& s) {
  const int fd = open(s.file("bin/door").c_str(), O_RDONLY | O_CLOEXEC);
  tell(fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0 && errno == ENOEXEC, "the loader of modules, by a file");
}
// What is there no more cannot be told from what was never there: the call's answer says it.
void other_kernel(const Scene&) { tell(syscall(SYS_kexec_load, 0, 0, nullptr, 0) == 0, "what is kept for kexec"); }
// One step before: the file is read, and is no kernel.
void other_kernel_file(const Scene& s) {
  const int image = open(s.file("page.html").c_str(), O_RDONLY | O_CLOEXEC);
  if (image < 0) return tell(false, "a file");
  const long loaded = syscall(SYS_kexec_file_load, image, -1, 1UL, "", 4UL /* KEXEC_FILE_NO_INITRAMFS */);
  tell(loaded != 0 && errno == ENOEXEC, "a file read for kexec");
}
void kernel_log(const Scene&) {
  static char text[4096];
  tell(klogctl(3, text, sizeof text) > 0 && text[0] != 0, "the kernel's log");
}
void ring(const Scene&) {
  uint32_t parameters[30] = {};  // struct io_uring_params: the kernel says first how many entries there are
  const long made = syscall(SYS_io_uring_setup, 4, parameters);
  tell(made >= 0 && parameters[0] == 4 && usable(static_cast<int>(made)), "a ring");
}
void fault_handler(const Scene&) {
  int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY, 5.11 */));
  if (fd < 0 && errno == EINVAL) fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
  uffdio_api api{};
  api.api = UFFD_API;
  tell(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && api.ioctls != 0, "a handler of page faults");
}
void descriptor_table(const Scene&) {
#ifdef SYS_modify_ldt
  const uint32_t data[4] = {0, 0x1000, 0xfffff, 1u << 0 | 1u << 4 | 1u << 6};  // struct user_desc: a data segment of 32 bits, in pages, usable
  char table[8] = {};
  tell(syscall(SYS_modify_ldt, 0x11, data, sizeof data) == 0 && syscall(SYS_modify_ldt, 0, table, sizeof table) > 0 && table[3] == 0x10,
       "an entry of the LDT");
#else
  tell(false, "no LDT here");
#endif
}

// ------------------------------------------------------------------------------------------- --------- descriptors
bool connected(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

// Somebody hands over a descriptor, of the kind that he is asked for; -1: he did not, or it did not arrive.
int gift_of(const Scene& s, const char* wanted) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!connected(fd, s.argument(0)) || write(fd, wanted, std::strlen(wanted)) < 0) return -1;
  char byte = 0;
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  int gift = -1;
  if (head && head->cmsg_len >= CMSG_LEN(sizeof(int))) std::memcpy(&gift, CMSG_DATA(head), sizeof gift);
  return gift;
}
void receive(const Scene& s) {
  const int gift = gift_of(s, "secret");
  tell(gift >= 0 && reads_fd(gift), "a file that was handed over");
}
void receive_directory(const Scene& s) {
  const int gift = gift_of(s, "directory");
  tell(lists(gift), "the names in a directory that was handed over");
}
// Handed over as a place alone (O_PATH), which is no right: what is opened below it is asked for.
void receive_place(const Scene& s) {
  const int gift = gift_of(s, "place"), fd = openat(gift, "secret", O_RDONLY | O_CLOEXEC);
  tell(gift >= 0 && fd >= 0 && reads_fd(fd), "a secret below a directory that was handed over");
}
void receive_writing(const Scene& s) {
  const int gift = gift_of(s, "writing");
  const bool wrote = gift >= 0 && write(gift, "X", 1) == 1;
  char byte = 0;
  const int page = wrote ? open(s.file("page.html").c_str(), O_RDONLY | O_CLOEXEC) : -1;
  tell(page >= 0 && read(page, &byte, 1) == 1 && byte == 'X', "the web page by a descriptor that was handed over");
}

// A way to send for which the kernel loads a module of its own accord.
void autoload(const Scene&) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char name[16] = {};
  socklen_t size = sizeof name;
  tell(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "hybla", 5) == 0 && getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0 &&
           !std::strcmp(name, "hybla"),
       "a module that the kernel loaded");
}

void daemon_socket(const Scene& s) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un peer{};
  socklen_t size = sizeof peer;
  tell(connected(fd, s.argument(0)) && getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && s.argument(0) == peer.sun_path,
       "a connection to treelined");
}

// What a reader finds there: a line's end, as a terminal gives whole lines.
bool has_input(int terminal) {
  pollfd something{terminal, POLLIN, 0};
  char byte = 0;
  return poll(&something, 1, 1000) == 1 && read(terminal, &byte, 1) == 1 && byte == '\n';
}
void tty_inject(const Scene&) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return tell(false, "a terminal");
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  tell(terminal >= 0 && ioctl(terminal, TIOCSTI, "\n") == 0 && has_input(terminal), "input into a terminal");
}

}  // namespace

std::vector<Act> door_acts() {
  return {{"read-memory", "process_vm_readv of a child; ptrace of a process", read_memory},
          {"traced-exec", "PTRACE_TRACEME, then the exec of another node", traced_exec},
          {"take-descriptor", "pidfd_getfd", take_descriptor},
          {"signal", "kill", signal_other},
          {"signal-child", "kill of a child", signal_child},
          {"signal-by-owner", "F_SETOWN, F_SETSIG", signal_by_owner},
          {"tune", "setpriority of another process", tune},
          {"affinity", "sched_setaffinity of another process", affinity},
          {"limit", "prlimit of another process", limit},
          {"here", "says that it ran", here},
          {"regain", "an exec that gives back a capability", regain},
          {"secure-bits", "PR_SET_SECUREBITS", secure_bits},
          {"other-program", "PR_SET_MM_EXE_FILE", other_program},
          {"bind-mount", "in a namespace of its own", bind_mount},
          {"unmount", "in a namespace of its own", unmount},
          {"pivot", "pivot_root in a namespace of its own", pivot},
          {"new-mount", "fsopen, fsmount, move_mount", new_mount},
          {"detached", "a file by open_tree(OPEN_TREE_CLONE)", detached},
          {"remount", "fspick, fsconfig", remount},
          {"user-namespace", "unshare(CLONE_NEWUSER)", user_namespace},
          {"bpf-map", "BPF_MAP_CREATE", bpf_map},
          {"perf", "perf_event_open", perf},
          {"keyring", "add_key", keyring},
          {"session-keyring", "KEYCTL_JOIN_SESSION_KEYRING", session_keyring},
          {"load-module", "init_module", load_module},
          {"load-module-file", "finit_module", load_module_file},
          {"other-kernel", "kexec_load", other_kernel},
          {"other-kernel-file", "kexec_file_load", other_kernel_file},
          {"kernel-log", "syslog", kernel_log},
          {"ring", "io_uring_setup", ring},
          {"fault-handler", "userfaultfd", fault_handler},
          {"descriptor-table", "modify_ldt", descriptor_table},
          {"receive", "a descriptor by SCM_RIGHTS", receive},
          {"receive-directory", "a directory by SCM_RIGHTS", receive_directory},
          {"receive-place", "an O_PATH descriptor of one", receive_place},
          {"receive-writing", "a file open for writing", receive_writing},
          {"autoload", "a TCP congestion control that is a module", autoload},
          {"daemon-socket", "a connection to treelined", daemon_socket},
          {"tty-inject", "TIOCSTI", tty_inject}};
}

}  // namespace victim
