// SPDX-License-Identifier: Apache-2.0
#include "enforcer/events/words.h"

#include <iterator>

#include "bpf/lsm/abi.h"

namespace treeline::events {
namespace {

constexpr std::string_view kHooks[] = {
    "none",          "task_alloc",     "task_free",      "bprm_check_security", "bprm_committing_creds",
    "file_open",     "mmap_file",      "file_mprotect",  "path_unlink",         "path_rmdir",
    "path_mkdir",    "path_mknod",     "path_symlink",   "path_link",           "path_rename",
    "path_truncate", "file_truncate",  "path_chmod",     "path_chown",          "socket_create",
    "socket_bind",   "socket_listen",  "socket_connect", "socket_sendmsg",      "unix_stream_connect",
    "unix_may_send", "capable",        "sys_enter",
    "ptrace_access_check", "ptrace_traceme", "task_kill", "task_setnice", "task_setioprio", "task_setscheduler", "task_movememory",
    "task_prlimit", "task_fix_setuid", "task_prctl", "bprm_creds_from_file", "sb_mount", "sb_umount", "sb_pivotroot", "sb_remount",
    "move_mount", "userns_create", "bpf", "bpf_map", "bpf_prog", "perf_event_open", "key_alloc", "key_permission",
    "kernel_module_request", "kernel_load_data", "kernel_read_file", "syslog",
    "inode_init_security_anon", "file_receive", "file_ioctl", "file_ioctl_compat", "file_fcntl", "inode_setxattr",
    "inode_removexattr", "inode_set_acl", "inode_remove_acl", "inet_conn_request", "socket_sock_rcv_skb",
    "socket_setsockopt", "inode_follow_link", "shm_shmat",
    "fs_context_parse_param", "path_notify", "socket_getsockopt", "inode_file_setattr", "file_send_sigiotask",
    "file_lock",
};
static_assert(std::size(kHooks) == TL_HOOK_LAST + 1);

struct Reason {
  uint32_t number;
  std::string_view word, sentence;
};
constexpr Reason kReasons[] = {
    {TL_REASON_NONE, "none", ""},
    {TL_REASON_NOT_IN_TREE, "not-in-tree", "not in the tree"},
    {TL_REASON_ACCESS, "access", "no rule of this node allows it"},
    {TL_REASON_CAPABILITY, "capability", "capability not granted"},
    {TL_REASON_OPERATION, "operation", "operation not granted"},
    {TL_REASON_SOCKET_KIND, "socket-kind", "kind of socket not granted"},
    {TL_REASON_NETWORK, "network", "peer or port not granted"},
    {TL_REASON_USER, "user", "runs as a user that is not listed"},
    {TL_REASON_INHERITED_FD, "inherited-fd", "inherited an open file it may not have"},
    {TL_REASON_MOVE, "move", "the new name would grant more than the old one"},
    {TL_REASON_INTERPRETER, "interpreter", "not the script's interpreter"},
    {TL_REASON_FOREIGN, "foreign", "reached through another mount namespace"},
    {TL_REASON_OUTSIDE, "outside", "outside the tree since an exec"},
    {TL_REASON_WX, "write-and-execute", "written by this container, or open for writing: not to be executed"},
    {TL_REASON_PROTECTED, "protected", "Treeline's own objects are out of reach, whatever the policy grants"},
    {TL_REASON_NO_TAG, "doubt-no-tag", "in doubt: the subject could not be read"},
    {TL_REASON_NO_POLICY, "doubt-no-policy", "in doubt: the policy is off or missing"},
    {TL_REASON_ORPHAN, "doubt-orphan", "in doubt: the policy no longer holds this node"},
    {TL_REASON_UNREADABLE, "doubt-unreadable", "in doubt: the path cannot be read (too long, unreachable, or renamed all the while)"},
    {TL_REASON_NO_PENDING, "doubt-no-pending", "in doubt: an exec without its check"},
    {TL_REASON_TOO_MANY_FDS, "doubt-too-many-fds", "in doubt: too many open files at exec"},
    {TL_REASON_BAD_ADDRESS, "doubt-bad-address", "in doubt: the socket address cannot be read"},
    {TL_REASON_NO_MEMORY, "doubt-no-memory", "in doubt: a table of the kernel side is full"},
};

constexpr std::string_view kVerdicts[] = {"allow", "would-deny", "deny", "kill"};
constexpr std::string_view kModes[] = {"off", "learn", "monitor", "enforce"};
constexpr std::string_view kLosses[] = {"events", "scratch", "learned", "counts", "syscalls"};
static_assert(std::size(kVerdicts) == TL_VERDICT_KILL + 1 && std::size(kModes) == TL_MODE_ENFORCE + 1 &&
              std::size(kLosses) == TL_LOSS_SYSCALLS + 1);

}  // namespace

std::string hook_word(uint32_t hook) {
  return hook < std::size(kHooks) ? std::string(kHooks[hook]) : "hook-" + std::to_string(hook);
}

uint32_t hook_of_word(std::string_view word) {
  for (uint32_t i = 1; i < std::size(kHooks); ++i)
    if (kHooks[i] == word) return i;
  return TL_HOOK_NONE;
}

std::string reason_word(uint32_t reason) {
  for (const Reason& r : kReasons)
    if (r.number == reason) return std::string(r.word);
  return (reason >= TL_REASON_DOUBT ? "doubt-" : "reason-") + std::to_string(reason);
}

std::string_view reason_sentence(uint32_t reason) {
  for (const Reason& r : kReasons)
    if (r.number == reason) return r.sentence;
  return reason >= TL_REASON_DOUBT ? "in doubt" : "refused";
}

std::string_view verdict_word(uint32_t verdict) { return verdict < std::size(kVerdicts) ? kVerdicts[verdict] : "unknown"; }
std::string_view mode_word(uint32_t mode) { return mode < std::size(kModes) ? kModes[mode] : "unknown"; }
std::string_view loss_word(uint32_t loss) { return loss < std::size(kLosses) ? kLosses[loss] : ""; }

int mode_of_word(std::string_view word) {
  for (size_t i = 0; i < std::size(kModes); ++i)
    if (kModes[i] == word) return static_cast<int>(i);
  return -1;
}

}  // namespace treeline::events
