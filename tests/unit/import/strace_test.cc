// SPDX-License-Identifier: Apache-2.0
//
// Whose act a line of strace is, where threads execute or ends are missing; and what is done by a descriptor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "tests/unit/import/taken.h"

namespace treeline::import_ {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kOld = "1999 execve(\"/usr/bin/old\", [\"old\"], 0x7ffd /* 10 vars */) = 0\n";
const std::string kThread =
    kOld + "1999 clone(child_stack=0x7f12, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 2000\n";
const std::string kShadow = "1999 openat(AT_FDCWD, \"/etc/shadow\", O_RDONLY) = 3\n";

// The words of each file, by node: "/usr/bin/old: /a=read; /usr/bin/new: ".
std::string rights(const Outcome& out) {
  std::string text;
  if (!out.imported) return "no draft";
  for (const ir::Node& node : out.imported->policy.nodes) {
    text += (text.empty() ? "" : "; ") + node.executable.text + ":";
    for (const ir::FileRule& rule : node.files) text += " " + rule.path.text + "=" + std::to_string(rule.access);
  }
  return text;
}

std::string word(uint32_t access) { return "=" + std::to_string(access); }

TEST(Strace, ExecveOfAThread_Imported_IsThatOfItsProcess) {
  const std::string changed =
      "2000 execve(\"/usr/bin/new\", [\"new\"], 0x7ffd /* 10 vars */ <pid changed to 1999 ...>\n";
  const std::string begun = "2000 execve(\"/usr/bin/new\", [\"new\"], 0x7ffd /* 10 vars */ <unfinished ...>\n";
  const std::string futex = "1999 futex(0x7f12, FUTEX_WAIT, 2000, NULL <unfinished ...>\n";
  const std::string woken = "1999 <... futex resumed> <unfinished ...>) = ?\n";
  const std::string over = "1999 +++ superseded by execve in pid 2000 +++\n",
                    end = "1999 <... execve resumed>)             = 0\n";
  for (const std::string& middle :
       {futex + changed + woken + over, changed + over, changed, futex + begun + woken + over}) {
    const Outcome out = take(kThread + middle + end + kShadow);
    EXPECT_EQ(rights(out), "/usr/bin/old:; /usr/bin/new: /etc/shadow" + word(TL_READ)) << middle;
    EXPECT_FALSE(out.says("not-carried")) << middle;
    EXPECT_FALSE(out.says("narrower")) << middle;
  }
}

// strace prints no number where one process is left.
TEST(Strace, ExecveOfAThreadWithoutANumber_Imported_IsThatOfItsProcess) {
  const Outcome out = take(
      "execve(\"/usr/bin/old\", [\"old\"], 0x1) = 0\nclone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 2000\n"
      "strace: Process 2000 attached\n[pid  2000] execve(\"/usr/bin/new\", [\"new\"], 0x1 <pid changed to 1999 ...>\n"
      "+++ superseded by execve in pid 2000 +++\n<... execve resumed>) = 0\nopenat(AT_FDCWD, \"/etc/shadow\", "
      "O_RDONLY) = 3\n");
  EXPECT_EQ(rights(out), "/usr/bin/old:; /usr/bin/new: /etc/shadow" + word(TL_READ));
}

TEST(Strace, ExecveThatTheLogDoesNotShowAsAWhole_Imported_GrantsNothingMore) {
  for (const char* lines : {
           "1999 <... execve resumed>) = 0\n",                                 // without a begin
           "1999 <... execve resumed>) = \n",                                  // cut
           "1999 execve(\"/usr/bin/new\", [\"ne\n",                            // cut
           "1999 execve(\"/usr/bin/new\", [\"new\"], 0x1 <unfinished ...>\n",  // without an end
           "1999 +++ superseded by execve in pid 7 +++\n",                     // of a thread that is not known
           "1999 clone(flags=CLONE_VM|SIGCHLD) = 7\n7 execve(\"/b\", [], 0x1 <pid changed to 1999 ...>\n"
           "1999 <... execve resumed>) = 0\n",  // of what is no thread
       }) {
    const Outcome out = take(kOld + lines + kShadow);
    EXPECT_THAT(rights(out), Not(HasSubstr("shadow"))) << lines;
    EXPECT_TRUE(out.says("not-carried")) << lines;
  }
  const Outcome failed = take(kOld + "1999 <... execve resumed>) = -1 ENOENT (No such file or directory)\n" + kShadow);
  EXPECT_THAT(rights(failed), HasSubstr("/etc/shadow"));
}

TEST(Strace, LineWithoutANumberAfterTheFirstIsGone_Imported_IsOfWhoIsLeft) {
  const std::string start =
      "execve(\"/bin/sh\", [\"sh\"], 0x1) = 0\nclone(flags=SIGCHLD) = 12\n[pid 12] execve(\"/b\", [\"b\"], 0x1) = 0\n";
  const std::string gone = "[pid 11] exit_group(0) = ?\n[pid 11] +++ exited with 0 +++\n";
  const std::string shadow = "openat(AT_FDCWD, \"/etc/shadow\", O_RDONLY) = 3\n";
  EXPECT_EQ(rights(take(start + gone + shadow)), "/bin/sh:; /b: /etc/shadow" + word(TL_READ));
  const Outcome several = take(start + "[pid 12] clone(flags=SIGCHLD) = 13\n" + gone + shadow);
  EXPECT_EQ(rights(several), "/bin/sh:; /b:");
  EXPECT_TRUE(several.says("not-carried", 7));
}

// The calls of each node: "/a: read write; /b:".
std::string calls(const std::string& log) {
  Options options;
  options.syscalls = true;
  const Outcome out = take(log, options);
  if (!out.imported) return "no draft";
  std::string text;
  for (const ir::Node& node : out.imported->policy.nodes) {
    text += (text.empty() ? "" : "; ") + node.executable.text + ":";
    for (const ir::SyscallRule& call : node.syscalls) text += " " + call.name;
  }
  return text;
}

TEST(Strace, CallsOfALog_Imported_AreEachListedByItsOwnName) {
  const std::string start = "1 execve(\"/a\", [\"a\"], 0x1) = 0\n";
  EXPECT_EQ(calls(start + "1 fork() = 2\n1 vfork() = 3\n1 clone3({flags=CLONE_VM}, 88) = 4\n1 exit_group(0) = ?\n"),
            "/a: clone3 execve exit_group fork vfork");
  EXPECT_EQ(calls(start + "1 fork() = -1 EAGAIN (Resource temporarily unavailable)\n1 vfork( <unfinished ...>\n"
                          "2 exit(0) = ?\n1 <... vfork resumed>) = 2\n"),
            "/a: execve exit fork vfork");
  EXPECT_EQ(calls(start + "1 read(0,  <unfinished ...>\n1 +++ killed by SIGKILL +++\n"), "/a: execve read");
  EXPECT_EQ(calls(start + "1 <... poll resumed>) = ?\n1 pause() = ? ERESTARTNOHAND (To be restarted)\n"),
            "/a: execve pause poll");
  EXPECT_EQ(calls(start + "1 execveat(3</b>, \"\", [\"b\"], 0x1, AT_EMPTY_PATH) = 0\n1 getpid() = 1\n"),
            "/a: execve execveat; /b: execveat getpid");
  EXPECT_EQ(calls(start + "1 execveat(3, \"c\", [], 0x1, 0) = -1 ENOENT (No such file or directory)\n"),
            "/a: execve execveat");
  EXPECT_EQ(calls(start + "1 printed(\"by the program\")\n"), "/a: execve");
}

std::string done(const std::string& lines) {
  return rights(take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 openat(AT_FDCWD, \"/srv/f\", O_RDONLY) = 3\n" + lines));
}

TEST(Strace, FileThatIsChangedByADescriptor_Imported_IsGrantedByItsName) {
  const std::string read = "/a: /srv/f" + word(TL_READ), setattr = "/a: /srv/f" + word(TL_READ | TL_SETATTR);
  for (const char* call :
       {"fchmod(3, 0644)", "fchown(3, 0, 0)", "fsetxattr(3, \"user.a\", \"b\", 1, 0)", "fremovexattr(3, \"user.a\")",
        "fchownat(3, \"\", 0, 0, AT_EMPTY_PATH)", "fchmodat2(3, \"\", 0600, AT_EMPTY_PATH)", "fchmod(9</srv/f>, 0644)",
        "ioctl(3, FS_IOC_SETFLAGS, [FS_NODUMP_FL])"})
    EXPECT_EQ(done("1 " + std::string(call) + " = 0\n"), setattr) << call;
  EXPECT_EQ(done("1 ftruncate(3, 0) = 0\n"), "/a: /srv/f" + word(TL_READ | TL_WRITE));
  for (const char* call : {"flock(3, LOCK_EX)", "fcntl(3, F_SETLK, {l_type=F_WRLCK})", "fchdir(3)",
                           "fallocate(3, FALLOC_FL_PUNCH_HOLE, 0, 1)"})
    EXPECT_EQ(done("1 " + std::string(call) + " = 0\n"), read) << call;
}

TEST(Strace, DescriptorThatIsNotKnown_Imported_IsListed) {
  for (const char* call :
       {"fchmod(9, 0644)", "fchown(9, 0, 0)", "fremovexattr(9, \"a\")", "fchownat(9, \"\", 0, 0, AT_EMPTY_PATH)",
        "fchmod(9</tmp/x (deleted)>, 0600)", "fchmod(9</tmp/x>(deleted), 0600)",
        "execveat(9, \"\", [\"b\"], 0x1, AT_EMPTY_PATH)", "linkat(9, \"\", AT_FDCWD, \"/new\", AT_EMPTY_PATH)",
        "pidfd_send_signal(9, SIGTERM, NULL, 0)", "kexec_file_load(9, 8, 1, \"\", 0)", "pidfd_getfd(9, 1, 0)",
        "recvmsg(9, {msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[3]}]}, 0)",
        "open_by_handle_at(9, {f_handle=0x1}, O_RDONLY)", "ioctl(9, TIOCSTI, \"x\")", "fcntl(9, F_SETOWN, 7)"})
    EXPECT_TRUE(take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 " + std::string(call) + " = 0\n").says("not-carried", 2))
        << call;
}

TEST(Strace, AddressThatTheLogDoesNotShow_Imported_IsListed) {
  const auto listed = [](const std::string& lines, unsigned line) { return take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n" + lines).says("not-carried", line); };
  const std::string made = "1 socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 3\n";
  for (const char* call : {"bind(9, 0x7ffe12, 16)", "connect(9, 0x7ffe12, 16)", "sendto(9, \"x\", 1, 0, 0x7ffe12, 16)", "sendmsg(9, 0x7ffe12, 0)",
                           "sendmsg(9, {msg_name=0x7ffe12, msg_namelen=16, msg_iov=[]}, 0)", "bind(9, {sa_family=AF_INET6, sin6_port=htons(80)}, 28)",
                           "bind(9, {sa_family=AF_INET, sa_data=\"a\"}, 16)"}) {
    std::string known = call;
    known[known.find('9')] = '3';
    EXPECT_TRUE(listed("1 " + std::string(call) + " = 0\n", 2)) << call;
    EXPECT_TRUE(listed(made + "1 " + known + " = 0\n", 3)) << known;
  }
  for (const char* call : {"sendto(9, \"x\", 1, 0, NULL, 0)", "sendmsg(9, {msg_name=NULL, msg_namelen=0, msg_iov=[]}, 0)", "connect(9, {sa_family=AF_UNSPEC}, 16)",
                           "bind(9, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12)"})
    EXPECT_FALSE(listed("1 " + std::string(call) + " = 0\n", 2)) << call;
}

TEST(Strace, ProgramThatIsNamedByADescriptor_Executed_IsAStep) {
  const std::string exec =
      "1 execveat(4, \"\", [\"b\"], 0x1, AT_EMPTY_PATH) = 0\n1 openat(AT_FDCWD, \"/x\", O_RDONLY) = 5\n";
  EXPECT_THAT(done("1 openat(AT_FDCWD, \"/bin/b\", O_RDONLY|O_PATH|O_CLOEXEC) = 4\n" + exec), HasSubstr("; /bin/b:"));
  EXPECT_EQ(done("1 memfd_create(\"m\", MFD_CLOEXEC) = 4\n" + exec), "/a: /srv/f" + word(TL_READ));
}

TEST(Strace, FileThatGetsItsFirstName_Imported_IsMade) {
  const std::string unnamed = "1 openat(AT_FDCWD, \"/tmp\", O_WRONLY|O_TMPFILE, 0600) = 4\n";
  for (const char* link : {"linkat(4, \"\", AT_FDCWD, \"/tmp/n\", AT_EMPTY_PATH)",
                           "linkat(AT_FDCWD, \"/proc/self/fd/4\", AT_FDCWD, \"/tmp/n\", AT_SYMLINK_FOLLOW)"})
    EXPECT_THAT(done(unnamed + "1 " + link + " = 0\n"), HasSubstr("/tmp/n" + word(TL_LINK | TL_CREATE))) << link;
  EXPECT_THAT(done("1 linkat(3, \"\", AT_FDCWD, \"/tmp/n\", AT_EMPTY_PATH) = 0\n"),
              HasSubstr("/tmp/n" + word(TL_LINK)));
}

TEST(Strace, NamesThatChangePlaces_Imported_AreBothTaken) {
  const Outcome out = take(
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 renameat2(AT_FDCWD, \"/x\", AT_FDCWD, \"/y\", RENAME_EXCHANGE) = 0\n");
  const std::string both = word(TL_DELETE | TL_RENAME_IN);
  EXPECT_EQ(rights(out), "/a: /x" + both + " /y" + both);
  EXPECT_FALSE(out.says("not-carried"));
}

TEST(Strace, FileThatMknodMakes_Imported_IsNoDevice) {
  EXPECT_THAT(done("1 mknod(\"/x\", S_IFREG|0600) = 0\n"), HasSubstr("/x" + word(TL_CREATE)));
  EXPECT_THAT(done("1 mknod(\"/x\", S_IFIFO|0600) = 0\n"), HasSubstr("/x" + word(TL_MKNOD)));
}

TEST(Strace, AppendThatIsWrittenElsewhere_Imported_IsAWrite) {
  const std::string log = "1 openat(AT_FDCWD, \"/log\", O_WRONLY|O_APPEND) = 4\n";
  EXPECT_THAT(done(log + "1 fallocate(4, 0, 0, 10) = 0\n"), HasSubstr("/log" + word(TL_APPEND)));
  for (const char* call : {"fallocate(4, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 10) = 0",
                           "fcntl(4, F_SETFL, O_WRONLY) = 0", "mmap(NULL, 1, PROT_READ, MAP_SHARED, 4, 0) = 0x7f12"})
    EXPECT_THAT(done(log + "1 " + call + "\n"), HasSubstr("/log" + word(TL_APPEND | TL_WRITE))) << call;
}

// What is closed is no right of the next program.
TEST(Strace, DescriptorsThatAreClosed_AtExec_AreNotInherited) {
  for (const char* call : {"close_range(3, 4294967295, 0)", "close_range(0, 3, CLOSE_RANGE_CLOEXEC)",
                           "ioctl(3, FIOCLEX)", "dup3(9, 3, O_CLOEXEC)", "epoll_create1(0)"})
    EXPECT_THAT(done("1 " + std::string(call) + " = " + (call[0] == 'd' || call[0] == 'e' ? "3" : "0") +
                     "\n1 execve(\"/b\", [\"b\"], 0x1) = 0\n"),
                testing::EndsWith("; /b:"))
        << call;
  EXPECT_THAT(done("1 fcntl(3, F_SETFD, FD_CLOEXEC) = 0\n1 dup2(3, 3) = 3\n1 execve(\"/b\", [\"b\"], 0x1) = 0\n"),
              testing::EndsWith("; /b:"));
  EXPECT_THAT(done("1 close_range(9, 3, 0) = 0\n1 execve(\"/b\", [\"b\"], 0x1) = 0\n"), HasSubstr("; /b: /srv/f"));
}

// The first line that is not carried, and what is to be added for it.
std::string listed(const std::string& lines) {
  const Outcome out = take("7 execve(\"/a\", [\"a\"], 0x1) = 0\n7 clone(flags=CLONE_VM|CLONE_THREAD) = 8\n7 clone(flags=SIGCHLD) = 9\n" + lines);
  for (const Diagnostic& d : out.findings.list())
    if (d.code == "not-carried") return d.remedy;
  return "";
}

TEST(Strace, GraveCall_Imported_IsNamedWithItsOperation) {
  struct {
    const char *call, *operation;
  } const kCalls[] = {
      {"prlimit64(9, RLIMIT_NOFILE, {rlim_cur=1, rlim_max=1}, NULL) = 0", "'tune'"},
      {"setpriority(PRIO_PROCESS, 9, 5) = 0", "'tune-workload'"},
      {"setpriority(PRIO_PGRP, 0, 5) = 0", "'tune-workload'"},
      {"ioprio_set(IOPRIO_WHO_PROCESS, 9, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)) = 0", "'tune-workload'"},
      {"ioprio_set(1, 9, 0) = 0", "'tune-workload'"},
      {"sched_setscheduler(9, SCHED_FIFO, [1]) = 0", "'tune-workload'"},
      {"sched_setparam(9, [1]) = 0", "'tune-workload'"},
      {"sched_setattr(9, {size=56, sched_policy=SCHED_OTHER}, 0) = 0", "'tune-workload'"},
      {"sched_setaffinity(9, 8, [0]) = 0", "'tune-workload'"},
      {"migrate_pages(9, 1, [1], [2]) = 0", "'tune-workload'"},
      {"move_pages(9, 1, [0x1], [0], [0], MPOL_MF_MOVE) = 0", "'tune-workload'"},
      {"request_key(\"user\", \"x\", NULL, KEY_SPEC_SESSION_KEYRING) = 1", "'keyring'"},
      {"keyctl(KEYCTL_READ, 1, 0x1, 1) = 1", "'keyring'"},
      {"kill(9, SIGTERM) = 0", "'signal-descendant'"},
      {"kill(0, SIGTERM) = 0", "'signal-descendant'"},
      {"rt_sigqueueinfo(9, SIGUSR1, {si_signo=SIGUSR1}) = 0", "'signal-descendant'"},
      {"rt_tgsigqueueinfo(9, 9, SIGUSR1, {si_signo=SIGUSR1}) = 0", "'signal-descendant'"},
      {"pidfd_send_signal(5, SIGTERM, NULL, 0) = 0", "'signal-descendant'"},
      {"seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, {len=1, filter=0x1}) = 5", "'seccomp-listener'"},
      {"prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, 3, 0, 0) = 0", "'ptrace'"},
      {"personality(PER_LINUX|READ_IMPLIES_EXEC) = 0", "'stack-exec'"},
      {"shmat(1, NULL, SHM_EXEC) = 0x7f12", "'{sysv-shm}'"},
      {"umount(\"/mnt\") = 0", "'mount'"},
      {"move_mount(9, \"\", AT_FDCWD, \"/mnt\", MOVE_MOUNT_F_EMPTY_PATH) = 0", "'mount'"},
      {"process_vm_readv(9, [], 1, [], 1, 0) = 1", "'ptrace-descendant'"},
      {"fcntl(3, F_SETOWN, 9) = 0", "'signal'"},
      {"fcntl(3, F_SETOWN_EX, {type=F_OWNER_PID, pid=9}) = 0", "'signal'"},
  };
  for (const auto& [call, operation] : kCalls) {
    EXPECT_THAT(listed("7 " + std::string(call) + "\n"), HasSubstr(operation)) << call;
    const std::string refused = std::string(call).substr(0, std::string(call).rfind(" = ")) + " = -1 EPERM (Operation not permitted)";
    EXPECT_EQ(listed("7 " + refused + "\n"), "") << refused;
  }
}

// A process may do so to itself, of whichever of its threads; and of some calls no hook asks.
TEST(Strace, CallThatNoHookRefuses_Imported_IsNotNamed) {
  for (const char* call :
       {"prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1, rlim_max=1}, NULL)", "prlimit64(9, RLIMIT_NOFILE, NULL, {rlim_cur=1, rlim_max=1})",
        "setpriority(PRIO_PROCESS, 0, 5)", "sched_setaffinity(8, 8, [0])", "sched_setscheduler(7, SCHED_FIFO, [1])", "ioprio_set(IOPRIO_WHO_PROCESS, 7, 0)",
        "move_pages(0, 1, [0x1], [0], [0], MPOL_MF_MOVE)", "tgkill(7, 8, SIGURG)", "tkill(8, SIGURG)", "kill(9, 0)", "rt_sigqueueinfo(9, 0, {})",
        "seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=1, filter=0x1})", "prctl(PR_SET_MM, PR_SET_MM_ARG_START, 0x7f12, 0, 0)", "prctl(PR_SET_NAME, \"x\")",
        "personality(PER_LINUX)", "shmget(0x1, 4096, IPC_CREAT|0600)", "mount_setattr(-1, \"/mnt\", 0, {attr_set=MOUNT_ATTR_RDONLY}, 32)",
        "open_tree(AT_FDCWD, \"/mnt\", OPEN_TREE_CLONE)", "fsmount(9, 0, 0)", "process_vm_readv(7, [], 1, [], 1, 0)", "fcntl(3, F_SETOWN, 7)"})
    EXPECT_EQ(listed("7 " + std::string(call) + " = 0\n"), "") << call;
  EXPECT_NE(listed("8 exit(0) = ?\n8 +++ exited with 0 +++\n7 clone(flags=SIGCHLD) = 8\n7 kill(8, SIGTERM) = 0\n"), "")
      << "the number of a thread that is gone";
}

TEST(Strace, MemoryAndQueuesOfSystemV_Imported_AreTheirKinds) {
  EXPECT_THAT(done("1 shmat(1, NULL, SHM_RDONLY) = 0x7f12\n"), HasSubstr("{sysv-shm}" + word(TL_READ)));
  EXPECT_THAT(done("1 shmat(1, NULL, 0) = 0x7f12\n"), HasSubstr("{sysv-shm}" + word(TL_READ | TL_WRITE)));
  EXPECT_THAT(done("1 mq_open(\"q\", O_WRONLY|O_CREAT, 0600, NULL) = 4\n"), HasSubstr("{anon:other}" + word(TL_WRITE)));
}

TEST(Strace, SocketPair_Imported_IsAKindOfSocket) {
  for (const auto& [type, kind] : {std::pair("SOCK_STREAM|SOCK_CLOEXEC", TL_SOCK_UNIX_STREAM), {"SOCK_DGRAM", TL_SOCK_UNIX_DGRAM},
                                   {"SOCK_SEQPACKET", TL_SOCK_UNIX_SEQPACKET}, {"SOCK_RAW", TL_SOCK_UNIX_DGRAM}}) {
    const Outcome out = take(kOld + "1999 socketpair(AF_UNIX, " + type + ", 0, [3, 4]) = 0\n");
    ASSERT_TRUE(out.imported);
    ASSERT_EQ(out.imported->policy.nodes[0].sockets.size(), 1u) << type;
    EXPECT_EQ(out.imported->policy.nodes[0].sockets[0].value, static_cast<uint32_t>(kind)) << type;
  }
}

// To who inherits or maps it, what has lost its name is {unlinked}; by a descriptor it is changed as by the last name.
TEST(Strace, FileThatHasLostItsName_Imported_IsNoFileOfThatName) {
  const std::string made = "1 openat(AT_FDCWD, \"/tmp/u\", O_RDWR|O_CREAT, 0600) = 4\n", gone = made + "1 unlink(\"/tmp/u\") = 0\n";
  const std::string replaced = made + "1 rename(\"/tmp/v\", \"/tmp/u\") = 0\n", exec = "1 execve(\"/b\", [\"b\"], 0x1) = 0\n";
  const std::string read_write = word(TL_READ | TL_WRITE);
  EXPECT_THAT(done(made + exec), HasSubstr("; /b: /srv/f" + word(TL_READ) + " /tmp/u" + read_write)) << "to make it is no right of who inherits it";
  for (const std::string& before : {gone, replaced}) {
    EXPECT_THAT(done(before + exec), HasSubstr("; /b: /srv/f" + word(TL_READ) + " {unlinked}" + read_write)) << before;
    EXPECT_THAT(done(before + made + exec), HasSubstr(" /tmp/u" + read_write)) << "another one";
  }
  const std::string words = "/tmp/u" + word(TL_READ | TL_WRITE | TL_CREATE | TL_DELETE);
  for (const char* file : {"4", "4</tmp/u (deleted)>", "4</tmp/u>(deleted)"}) {
    const std::string map = "1 mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, " + std::string(file) + ", 0) = 0x7f12\n";
    EXPECT_THAT(done(gone + map), testing::EndsWith(words)) << file;
    EXPECT_THAT(listed("7" + made.substr(1) + "7 unlink(\"/tmp/u\") = 0\n7" + map.substr(1)), HasSubstr("'{unlinked}'")) << file;
    EXPECT_THAT(done(gone + "1 fchmod(" + file + ", 0600) = 0\n"), HasSubstr("/tmp/u" + word(TL_READ | TL_WRITE | TL_CREATE | TL_DELETE | TL_SETATTR))) << file;
  }
  EXPECT_THAT(done("1 openat(AT_FDCWD, \"/proc/self/fd/4\", O_RDONLY) = 5</tmp/u (deleted)>\n"), testing::EndsWith(" {unlinked}" + word(TL_READ)));
  EXPECT_THAT(done("1 openat(AT_FDCWD, \"/proc/self/fd/4\", O_RDONLY) = 5</memfd:m>(deleted)\n"), testing::EndsWith(" {memfd}" + word(TL_READ)));
  const std::string unnamed = "1 openat(AT_FDCWD, \"/tmp\", O_RDWR|O_TMPFILE, 0600) = 4</tmp/#12 (deleted)>\n";
  EXPECT_THAT(done(unnamed + "1 mmap(NULL, 1, PROT_EXEC, MAP_PRIVATE, 4</tmp/#12 (deleted)>, 0) = 0x7f12\n"),
              HasSubstr("/tmp/{tmpfile}" + word(TL_READ | TL_WRITE | TL_MAP)));
}

TEST(Strace, DirectoryThatHasLostItsName_Imported_IsNoPlaceToStartFrom) {
  for (const char* call : {"openat(4</tmp/d (deleted)>, \".\", O_RDONLY|O_DIRECTORY) = 5</tmp/d (deleted)>",
                           "openat(AT_FDCWD</tmp/d>(deleted), \".\", O_RDONLY|O_DIRECTORY) = 5</tmp/d>(deleted)"}) {
    EXPECT_THAT(done("1 " + std::string(call) + "\n"), Not(HasSubstr("deleted"))) << call;
    EXPECT_NE(listed("7 " + std::string(call) + "\n"), "") << call;
  }
  EXPECT_THAT(done("1 fchdir(4</tmp/d (deleted)>) = 0\n1 openat(AT_FDCWD, \".\", O_RDONLY|O_DIRECTORY) = 5\n"), Not(HasSubstr("deleted")));
}

TEST(Strace, DeviceThatYyShows_Imported_IsTheFileOfThatName) {
  const Outcome out = take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 openat(AT_FDCWD</srv>, \"/dev/null\", O_RDWR|O_CLOEXEC) = 3</dev/null<char 1:3>>\n"
                           "1 fchmod(4</dev/pts/0<char 136:0>>, 0620) = 0\n1 dup2(3</dev/null<char 1:3>>, 1</dev/pts/0<char 136:0>>) = 1</dev/null<char 1:3>>\n");
  ASSERT_TRUE(out.imported);
  EXPECT_THAT(out.profile(), HasSubstr("/dev/null: read write"));
  EXPECT_THAT(out.profile(), HasSubstr("/dev/pts/0: setattr"));
  EXPECT_THAT(out.profile(), Not(HasSubstr("char")));
}

}  // namespace
}  // namespace treeline::import_
