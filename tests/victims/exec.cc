// SPDX-License-Identifier: Apache-2.0
//
// Programs that the tree does not hold, by every way to start one.
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/scene.h"

extern char** environ;

namespace victim {
namespace {

constexpr int kRan = 7;  // what the shell is told to exit with

[[gnu::noreturn]] void run_shell(const char* path) {
  const char* arguments[] = {"sh", "-c", "exit 7", nullptr};
  execve(path, const_cast<char**>(arguments), environ);
  _exit(errno == ENOENT ? 98 : 97);
}

void shell(const Scene&) {
  tell(exits_with(kRan, [] { run_shell("/bin/sh"); }), "/bin/sh");
}

void curl(const Scene&) {
  const auto run = [] {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    const char* arguments[] = {"curl", "--version", nullptr};
    execve("/usr/bin/curl", const_cast<char**>(arguments), environ);
    _exit(97);
  };
  tell(exits_with(0, run), "/usr/bin/curl");
}

void double_fork(const Scene&) {
  const auto run = [] { _exit(exits_with(kRan, [] { run_shell("/bin/sh"); }) ? kRan : 1); };
  tell(exits_with(kRan, run), "a grandchild's shell");
}

// The child's parent is gone before it execs: its place in the tree may not depend on who its parent is now.
void orphan(const Scene&) {
  int done[2];
  if (pipe(done) != 0) return tell(false, "pipe");
  const auto parent = [&] {
    if (fork() == 0) {
      while (getppid() != 1) usleep(1000);
      const char ran = exits_with(kRan, [] { run_shell("/bin/sh"); }) ? 'y' : 'n';
      (void)!write(done[1], &ran, 1);
    }
    _exit(0);
  };
  exits_with(0, parent);
  close(done[1]);
  char ran = 'n';
  (void)!read(done[0], &ran, 1);
  tell(ran == 'y', "an orphan's shell");
}

void by_vfork(const Scene&) {
  const pid_t pid = vfork();
  if (pid == 0) run_shell("/bin/sh");
  int ended = 0;
  waitpid(pid, &ended, 0);
  tell_killed(ended);
  tell(WIFEXITED(ended) && WEXITSTATUS(ended) == kRan, "a shell by vfork");
}

void* thread_shell(void*) {
  run_shell("/bin/sh");
}

// The thread that execs becomes the leader: another task than the one that was forked.
void by_thread(const Scene&) {
  const auto run = [] {
    pthread_t thread;
    pthread_create(&thread, nullptr, thread_shell, nullptr);
    pthread_join(thread, nullptr);
    _exit(1);
  };
  tell(exits_with(kRan, run), "a shell by a thread that is not the leader");
}

void by_symlink(const Scene& s) {
  tell(exits_with(kRan, [&] { run_shell(s.file("ok/sh").c_str()); }), "a shell by a symbolic link");
}

void by_relative_name(const Scene& s) {
  const auto run = [&] {
    if (chdir(s.file("ok").c_str()) != 0) _exit(96);
    run_shell("./sh");
  };
  tell(exits_with(kRan, run), "a shell by ./sh");
}

void by_path_fd(const Scene&) {
  const auto run = [] {
    const int fd = open("/bin/sh", O_PATH | O_CLOEXEC);
    const char* arguments[] = {"sh", "-c", "exit 7", nullptr};
    syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
  };
  tell(exits_with(kRan, run), "a shell by execveat of an O_PATH descriptor");
}

void by_proc_fd(const Scene&) {
  const auto run = [] {
    const int fd = open("/bin/sh", O_PATH);
    run_shell(("/proc/self/fd/" + std::to_string(fd)).c_str());
  };
  tell(exits_with(kRan, run), "a shell by /proc/self/fd");
}

// A static program has no need of ld.so, so this is the loader used as a program.
void loader(const Scene& s) {
  const std::string host = s.file("bin/host");
  const auto run = [&] {
    const char* arguments[] = {"ld.so", host.c_str(), nullptr};
    execve("/lib64/ld-linux-x86-64.so.2", const_cast<char**>(arguments), environ);
  };
  tell(exits_with(0, run), "a program by way of ld.so");
}

void run_fd(int fd) {
  const char* arguments[] = {"tiny", nullptr};
  syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
}

void memfd(const Scene&) {
  const int fd = memfd_create("tiny", MFD_CLOEXEC);
  if (fd < 0 || write(fd, kTiny, kTinySize) != static_cast<ssize_t>(kTinySize)) return tell(false, "memfd_create");
  tell(exits_with(kTinyStatus, [&] { run_fd(fd); }), "a program in a memfd");
}

void run_written(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (fd < 0 || write(fd, kTiny, kTinySize) != static_cast<ssize_t>(kTinySize)) return tell(false, "writing " + path);
  close(fd);
  const auto run = [&] {
    const char* arguments[] = {"tiny", nullptr};
    execve(path.c_str(), const_cast<char**>(arguments), environ);
  };
  tell(exits_with(kTinyStatus, run), "a program written to " + path);
}

void written(const Scene& s) { run_written(s.file("out/tiny")); }
void in_shm(const Scene&) { run_written("/dev/shm/tl-tiny"); }

void in_tmpfile(const Scene& s) {
  const int fd = open(s.file("out").c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0755);
  if (fd < 0 || write(fd, kTiny, kTinySize) != static_cast<ssize_t>(kTinySize)) return tell(false, "O_TMPFILE");
  const int again = open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_PATH | O_CLOEXEC);
  close(fd);  // a file open for writing is not executed
  tell(exits_with(kTinyStatus, [&] { run_fd(again); }), "a program in an unnamed file");
}

// An unnamed file gets a name, and is executed by that.
void linked(const Scene& s) {
  const std::string name = s.file("out/tiny");
  const int fd = open(s.file("out").c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0755);
  if (fd < 0 || write(fd, kTiny, kTinySize) != static_cast<ssize_t>(kTinySize)) return tell(false, "O_TMPFILE");
  if (linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) return tell(false, "linkat");
  close(fd);
  const auto run = [&] {
    const char* arguments[] = {"tiny", nullptr};
    execve(name.c_str(), const_cast<char**>(arguments), environ);
  };
  tell(exits_with(kTinyStatus, run), "a program in a file that was unnamed");
}

void by_directory_fd(const Scene& s) {
  const auto run = [&] {
    const int directory = open(s.file("ok").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char* arguments[] = {"sh", "-c", "exit 7", nullptr};
    syscall(SYS_execveat, directory, "sh", arguments, environ, 0);
  };
  tell(exits_with(kRan, run), "a shell by execveat of a name below a descriptor");
}

// It may read the shell, and write here: not run what it wrote.
void copied_shell(const Scene& s) {
  const std::string copy = s.file("out/sh");
  const int from = open("/usr/bin/dash", O_RDONLY | O_CLOEXEC), to = open(copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  static char buffer[65536];
  ssize_t n = 0;
  if (from < 0 || to < 0) return tell(false, "copying the shell");
  while ((n = read(from, buffer, sizeof buffer)) > 0) (void)!write(to, buffer, static_cast<size_t>(n));
  close(from);
  close(to);
  tell(exits_with(kRan, [&] { run_shell(copy.c_str()); }), "a shell by a copy of its own");
}

}  // namespace

std::vector<Act> exec_acts() {
  return {{"shell", "fork, exec of /bin/sh", shell},
          {"curl", "fork, exec of /usr/bin/curl", curl},
          {"double-fork", "the shell is a grandchild", double_fork},
          {"orphan", "the shell's parent has exited", orphan},
          {"vfork", "the shell by vfork", by_vfork},
          {"thread", "exec from a thread that is not the leader", by_thread},
          {"symlink-exec", "exec of a symbolic link to the shell", by_symlink},
          {"relative-exec", "exec of ./sh", by_relative_name},
          {"path-fd-exec", "execveat of an O_PATH descriptor", by_path_fd},
          {"proc-fd-exec", "exec of /proc/self/fd/N", by_proc_fd},
          {"loader", "exec of ld.so with a program as its argument", loader},
          {"memfd", "exec of a memfd", memfd},
          {"written-exec", "exec of a file it wrote where it may write", written},
          {"shm-exec", "exec of a file it wrote in /dev/shm", in_shm},
          {"tmpfile-exec", "exec of an unnamed file", in_tmpfile},
          {"linked-exec", "exec of one that got a name by linkat", linked},
          {"directory-exec", "execveat of a name below a descriptor", by_directory_fd},
          {"copied-shell", "exec of its copy of the shell", copied_shell}};
}

}  // namespace victim
