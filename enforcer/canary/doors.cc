// SPDX-License-Identifier: Apache-2.0
//
// Acts on other processes and on the kernel. The victim's row holds the capabilities that the kernel asks for before its hooks (CAP_SYS_ADMIN,
// CAP_SYS_MODULE, CAP_SYSLOG, CAP_SETUID) and bpf(); each act is one that does nothing where it succeeds.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "enforcer/base/fd.h"
#include "enforcer/canary/acts.h"
#include "enforcer/canary/victim.h"

namespace treeline::canary {
namespace {

constexpr uint32_t kNoId = 0xffffffff;

// First character of a small file of the kernel's; 0 where there is none.
char setting(const char* path) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char byte = 0;
  return fd && read(fd.get(), &byte, 1) == 1 ? byte : '\0';
}

// Runs `act` in a child of its own, which it may spoil.
template <typename F>
int in_child(F act) {
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) _exit(act());
  return exit_status_of_child(child);
}

// Runs `act` on a child that waits for nothing else.
template <typename F>
int on_child(F act) {
  int go[2];
  if (pipe(go) != 0) return ENOSYS;
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    close(go[1]);
    char byte;
    (void)!read(go[0], &byte, 1);  // till the parent closes its end
    _exit(0);
  }
  close(go[0]);
  const int error = act(child);
  close(go[1]);
  exit_status_of_child(child);
  return error;
}

int act_read_memory(const Props&) {
  return on_child([](pid_t child) {
    static char there = 'x';
    char here = 0;
    const iovec local{&here, 1}, remote{&there, 1};
    return outcome(process_vm_readv(child, &local, 1, &remote, 1, 0));
  });
}
int act_be_traced(const Props&) {
  return in_child([] { return outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); });
}
int act_signal(const Props&) {
  return on_child([](pid_t child) { return outcome(kill(child, SIGCONT)); });
}
int act_nice(const Props&) {
  return on_child([](pid_t child) { return outcome(setpriority(PRIO_PROCESS, static_cast<id_t>(child), 1)); });
}
int act_io_priority(const Props&) {
  return on_child([](pid_t child) { return outcome(syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, child, 2 << 13 | 7)); });
}
int act_affinity(const Props&) {
  return on_child([](pid_t child) {
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return ENOSYS;
    return outcome(sched_setaffinity(child, sizeof cpus, &cpus));
  });
}
int act_move_memory(const Props&) {
  return on_child([](pid_t child) {
    const int error = outcome(syscall(SYS_move_pages, child, 0L, nullptr, nullptr, nullptr, 0));
    return error == ENOSYS ? kNotHere : error;  // a kernel without NUMA
  });
}
int act_limit(const Props&) {
  return on_child([](pid_t child) {
    rlimit limit{};
    if (getrlimit(RLIMIT_CORE, &limit) != 0) return ENOSYS;
    return outcome(prlimit(child, RLIMIT_CORE, &limit, nullptr));
  });
}
int act_set_user(const Props&) {
  return in_child([] { return outcome(syscall(SYS_setuid, 65534)); });
}
int act_secure_bits(const Props&) {
  return in_child([] {
    const int now = prctl(PR_GET_SECUREBITS);
    return now < 0 ? ENOSYS : outcome(prctl(PR_SET_SECUREBITS, now));
  });
}

// As root, an exec gives back a capability that was laid down: rights gained by an exec.
int act_gain(const Props& s) {
  return in_child([&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2]{};
    if (syscall(SYS_capget, &header, sets) != 0) return ENOSYS;
    const uint32_t laid_down = 1u << CAP_SYS_NICE;
    if (!(sets[0].permitted & laid_down)) return kNotHere & 0xff;
    sets[0].permitted &= ~laid_down;
    sets[0].effective &= ~laid_down;
    sets[0].inheritable &= ~laid_down;
    if (syscall(SYS_capset, &header, sets) != 0) return ENOSYS;
    char* arguments[] = {const_cast<char*>(s.self.c_str()), const_cast<char*>(kHeirOption), nullptr};
    char* environment[] = {nullptr};
    execve(s.self.c_str(), arguments, environment);
    return errno;
  });
}

int act_mount(const Props&) { return outcome(mount("none", "/", "treeline-none", MS_NOSUID, nullptr)); }
int act_unmount(const Props&) { return outcome(umount2("/", MNT_EXPIRE)); }  // EINVAL: it is the caller's root
int act_pivot(const Props&) { return outcome(syscall(SYS_pivot_root, "/", "/")); }  // EBUSY: both are the same
int act_move_mount(const Props&) { return outcome(syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/", 0)); }  // EINVAL: into itself
int act_remount(const Props&) {
  UniqueFd context(static_cast<int>(syscall(SYS_fspick, AT_FDCWD, "/", 0)));
  if (!context) return errno;
  return outcome(syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0));  // no option is named: none changes
}
int act_user_namespace(const Props&) {
  return in_child([] { return outcome(unshare(CLONE_NEWUSER)); });
}

int bpf(int command, union bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}
int act_bpf_link(const Props&) {
  bpf_attr attributes{};
  attributes.link_id = kNoId;
  return outcome(bpf(BPF_LINK_GET_FD_BY_ID, attributes));
}
// Opens all that there are: Treeline's are among them.
int open_all(int next, int open_by_id) {
  bpf_attr ids{};
  for (int i = 0; i < 1 << 16; ++i) {
    if (bpf(next, ids) != 0) return errno == ENOENT ? 0 : errno;
    const uint32_t id = ids.next_id;
    bpf_attr which{};
    which.map_id = id;
    UniqueFd fd(bpf(open_by_id, which));
    if (!fd && errno != ENOENT) return errno;
    ids = {};
    ids.start_id = id;
  }
  return 0;
}
int act_bpf_map(const Props&) { return open_all(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID); }
int act_bpf_prog(const Props&) { return open_all(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID); }

int act_perf(const Props&) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.disabled = 1;
  UniqueFd fd(static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0)));
  return fd ? 0 : errno == ENOSYS ? kNotHere : errno;
}
int without_keys(int error) { return error == ENOSYS ? kNotHere : error; }
int act_key_new(const Props&) {
  return in_child([] { return without_keys(outcome(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr))) & 0xff; });
}
int act_key_ask(const Props&) { return without_keys(outcome(syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, nullptr, 0))); }

// A family that no kernel has any more: it would ask for the module net-pf-19. What it says is EAFNOSUPPORT either way; the count is the proof.
int act_autoload(const Props&) {
  if (const char first = setting("/proc/sys/kernel/modprobe"); first == '\n' || first == '\0') return kNotHere;  // it never loads by itself
  UniqueFd fd(socket(19, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return fd ? 0 : errno == EAFNOSUPPORT ? EACCES : errno;
}
// Only what is said counts: a setting that cannot be read is no reason to leave a hook unproven.
bool modules_off() { return setting("/proc/sys/kernel/modules_disabled") == '1'; }
int without_modules(int error) { return error == ENOSYS ? kNotHere : error; }
int act_load_data(const Props&) {
  if (modules_off()) return kNotHere;
  static char zeroes[4096];
  return without_modules(outcome(syscall(SYS_init_module, zeroes, sizeof zeroes, "")));  // ENOEXEC
}
int act_load_file(const Props& s) {
  if (modules_off()) return kNotHere;
  UniqueFd fd(open(s.self.c_str(), O_RDONLY | O_CLOEXEC));
  return fd ? without_modules(outcome(syscall(SYS_finit_module, fd.get(), "", 0))) : EBADF;  // ENOEXEC: no module
}
int act_kernel_log(const Props&) {
  const int error = outcome(klogctl(10 /* SYSLOG_ACTION_SIZE_BUFFER */, nullptr, 0));
  return error == ENOSYS ? kNotHere : error;
}
int act_fault_handler(const Props&) {
  UniqueFd fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */)));
  return fd ? 0 : errno == ENOSYS ? kNotHere : errno;
}

int act_receive(const Props&) {
  int pair[2];
  UniqueFd gift(eventfd(0, EFD_CLOEXEC));
  if (!gift || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return ENOSYS;
  UniqueFd from(pair[0]), to(pair[1]);
  char byte = 'x';
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = gift.get();
  std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  if (sendmsg(from.get(), &message, MSG_NOSIGNAL) != 1) return ENOSYS;
  std::memset(room, 0, sizeof room);
  message.msg_controllen = sizeof room;
  if (recvmsg(to.get(), &message, MSG_CMSG_CLOEXEC) != 1) return ENOSYS;
  head = CMSG_FIRSTHDR(&message);
  if (!head || head->cmsg_len < CMSG_LEN(sizeof(int))) return EACCES;  // a refused descriptor is left out in silence
  int received = -1;
  std::memcpy(&received, CMSG_DATA(head), sizeof received);
  close(received);
  return 0;
}

int act_inode_flags(const Props&) {
  int flags = 0;
  return outcome(ioctl(0, FS_IOC_SETFLAGS, &flags));
}
int act_inode_flags_compat(const Props&) {
#ifdef __x86_64__
  return in_child([] {
    signal(SIGSEGV, SIG_DFL);
    long result;
    // ioctl by the 32-bit entry: the flags are read from address 0, which holds none.
    asm volatile("int $0x80" : "=a"(result) : "a"(54L), "b"(0L), "c"(0x40046602L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
    return result == -ENOSYS ? kNotHere & 0xff : result < 0 ? static_cast<int>(-result) : 0;
  });
#else
  return kNotHere;
#endif
}
int act_attributes_by_name(const Props& s) {
  constexpr long kFileSetattr = 469;  // on every architecture (6.17)
  const uint64_t none[3] = {};        // struct file_attr, version 0
  const int error = outcome(static_cast<int>(syscall(kFileSetattr, AT_FDCWD, s.file("plain").c_str(), none, sizeof none, 0)));
  return error == ENOSYS || error == EOPNOTSUPP ? kNotHere : error;  // or the file system has none
}
int act_signal_owner(const Props&) { return outcome(fcntl(0, F_SETOWN, 1)); }

constexpr char kAttribute[] = "user.treeline", kList[] = "system.posix_acl_access";
int act_attribute(const Props& s) { return outcome(setxattr(s.file("plain").c_str(), kAttribute, "1", 1, 0)); }
int act_attribute_gone(const Props& s) { return outcome(removexattr(s.file("plain").c_str(), kAttribute)); }
int act_access_list(const Props& s) {
  // linux/posix_acl_xattr.h, version 2: owner, group, others, who may all read.
  struct {
    uint32_t version = 2;
    struct {
      uint16_t tag, permissions;
      uint32_t id;
    } entries[3] = {{1, 6, kNoId}, {4, 4, kNoId}, {0x20, 4, kNoId}};
  } list;
  const int error = outcome(setxattr(s.file("plain").c_str(), kList, &list, sizeof list, 0));
  return error == EOPNOTSUPP ? kNotHere : error;  // the file system knows none
}
int act_access_list_gone(const Props& s) {
  const int error = outcome(removexattr(s.file("plain").c_str(), kList));
  return error == EOPNOTSUPP ? kNotHere : error;
}

// The victim may listen on a port that the kernel chooses, and connect there; but no peer may connect to it. What is dropped is a
// request without an answer, so the connection does not come about.
int act_be_connected(const Props&) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), caller(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (!listener || !caller || listen(listener.get(), 1) != 0 || getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return ENOSYS;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(caller.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return 0;
  if (errno != EINPROGRESS) return ENOSYS;
  pollfd connected{caller.get(), POLLOUT, 0};
  if (poll(&connected, 1, 200) <= 0) return EACCES;
  int error = 0;
  length = sizeof error;
  getsockopt(caller.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? 0 : EACCES;
}

// The victim may have a UDP socket on a port that the kernel chooses, and send to such ports of 127.0.0.2; but 127.0.0.1, which is where
// its message then comes from, may not send it one. What is refused is dropped.
int act_be_sent(const Props&) {
  UniqueFd receiver(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), sender(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t length = sizeof address;
  if (!receiver || !sender || bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return ENOSYS;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  if (sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address), sizeof address) != 1) return ENOSYS;
  pollfd arrived{receiver.get(), POLLIN, 0};
  return poll(&arrived, 1, 200) == 1 ? 0 : EACCES;
}

// No options at all: it takes none away, as there are none.
int act_route(const Props&) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return fd ? outcome(setsockopt(fd.get(), SOL_IP, IP_OPTIONS, nullptr, 0)) : ENOSYS;
}
int act_follow(const Props&) {
  return on_child([](pid_t child) {
    UniqueFd fd(open(("/proc/" + std::to_string(child) + "/fd/0").c_str(), O_RDONLY | O_CLOEXEC));
    return fd ? 0 : errno;
  });
}
int act_connect_by_question(const Props&) {
  constexpr int kSolSctp = 132, kConnectx3 = 111;  // linux/sctp.h; asked of any socket
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  char value[16] = {};
  socklen_t length = sizeof value;
  return fd ? outcome(getsockopt(fd.get(), kSolSctp, kConnectx3, value, &length)) : ENOSYS;
}
int act_make_file_system(const Props&) {
  constexpr long kFsopen = 430, kFsconfig = 431;  // on every architecture (5.2)
  constexpr int kSetString = 1;                   // FSCONFIG_SET_STRING
  UniqueFd fd(static_cast<int>(syscall(kFsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */)));
  return fd ? outcome(static_cast<int>(syscall(kFsconfig, fd.get(), kSetString, "mode", "0700", 0))) : ENOSYS;
}
int act_watch_file_system(const Props&) {
  UniqueFd fd(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY));
  if (!fd) return errno == ENOSYS ? kNotHere : ENOSYS;
  return outcome(fanotify_mark(fd.get(), FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ACCESS, AT_FDCWD, "/"));
}
int act_share_memory(const Props&) {
  const int id = shmget(IPC_PRIVATE, 1, 0600);
  if (id < 0) return errno == ENOSYS ? kNotHere : ENOSYS;
  void* memory = shmat(id, nullptr, 0);
  const int error = memory == reinterpret_cast<void*>(-1) ? errno : 0;
  if (error == 0) shmdt(memory);
  shmctl(id, IPC_RMID, nullptr);
  return error;
}

}  // namespace

const std::vector<Act>& door_acts() {
  static const std::vector<Act> acts = {
      {"ptrace_access_check", act_read_memory},
      {"ptrace_traceme", act_be_traced},
      {"task_kill", act_signal},
      {"task_setnice", act_nice},
      {"task_setioprio", act_io_priority},
      {"task_setscheduler", act_affinity},
      {"task_movememory", act_move_memory},
      {"task_prlimit", act_limit},
      {"task_fix_setuid", act_set_user},
      {"task_prctl", act_secure_bits},
      {"bprm_creds_from_file", act_gain},
      {"sb_mount", act_mount},
      {"sb_umount", act_unmount},
      {"sb_pivotroot", act_pivot},
      {"sb_remount", act_remount},
      {"move_mount", act_move_mount},
      {"userns_create", act_user_namespace},
      {"bpf", act_bpf_link},
      {"bpf_map", act_bpf_map},
      {"bpf_prog", act_bpf_prog},
      {"perf_event_open", act_perf},
      {"key_alloc", act_key_new},
      {"key_permission", act_key_ask},
      {"kernel_module_request", act_autoload},
      {"kernel_load_data", act_load_data},
      {"kernel_read_file", act_load_file},
      {"syslog", act_kernel_log},
      {"inode_init_security_anon", act_fault_handler},
      {"file_receive", act_receive},
      {"file_ioctl", act_inode_flags},
      {"file_ioctl_compat", act_inode_flags_compat},
      {"inode_file_setattr", act_attributes_by_name},
      {"file_fcntl", act_signal_owner},
      {"inode_setxattr", act_attribute},
      {"inode_removexattr", act_attribute_gone},
      {"inode_set_acl", act_access_list},
      {"inode_remove_acl", act_access_list_gone},
      {"inet_conn_request", act_be_connected},
      {"socket_sock_rcv_skb", act_be_sent},
      {"socket_setsockopt", act_route},
      {"inode_follow_link", act_follow},
      {"shm_shmat", act_share_memory},
      {"fs_context_parse_param", act_make_file_system},
      {"path_notify", act_watch_file_system},
      {"socket_getsockopt", act_connect_by_question},
  };
  return acts;
}

}  // namespace treeline::canary
