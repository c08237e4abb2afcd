// SPDX-License-Identifier: Apache-2.0
//
// Rights of another node: through an exec that fails, through files left open for it, through its environment.
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/scene.h"

extern char** environ;

namespace victim {
namespace {

void run(const std::string& path) {
  const char* arguments[] = {path.c_str(), nullptr};
  execve(path.c_str(), const_cast<char**>(arguments), environ);
}

// The tree holds this exec, but the file is no program: the kernel refuses it after the policy's check.
void after_no_format(const Scene& s) {
  run(s.file("bin/broken"));
  tell(reads(s.file("only/broken")), "a file of the node whose exec failed (no format)");
}

void after_no_interpreter(const Scene& s) {
  run(s.file("bin/script"));
  tell(reads(s.file("only/script")), "a file of the node whose exec failed (no interpreter)");
}

// The header is right, and the loader that it names does not exist.
void after_no_loader(const Scene& s) {
  run(s.file("bin/torn"));
  tell(reads(s.file("only/torn")), "a file of the node whose exec failed (no loader)");
}

// More words than a stack holds fail before anybody is asked. These fit, till the interpreter's name comes before them: then the script has
// been let pass. The largest number of bytes at which it is the missing interpreter that ends the exec, and one more.
int fails_with(const std::string& path, size_t bytes) {
  const std::string half(bytes / 2, 'x'), rest(bytes - bytes / 2, 'x');
  const char *arguments[] = {"", half.c_str(), rest.c_str(), nullptr}, *nothing[] = {nullptr};
  execve(path.c_str(), const_cast<char**>(arguments), const_cast<char**>(nothing));
  return errno;
}
void after_too_much(const Scene& s) {
  rlimit stack{};
  getrlimit(RLIMIT_STACK, &stack);
  stack.rlim_cur = 1 << 18;  // the words may have a fourth of it, or 128 KiB (bprm_stack_limits)
  setrlimit(RLIMIT_STACK, &stack);
  const std::string path = s.file("bin/script");
  size_t fits = 1 << 16, beyond = 1 << 18;
  if (fails_with(path, fits) != ENOENT || fails_with(path, beyond) != E2BIG) return tell(false, "an exec that ends for want of its interpreter, or of room");
  while (beyond - fits > 1) (fails_with(path, (fits + beyond) / 2) == ENOENT ? fits : beyond) = (fits + beyond) / 2;
  if (fails_with(path, beyond) != E2BIG) return tell(false, "an exec that ends for want of room");
  tell(reads(s.file("only/script")), "a file of the script's node whose exec failed (no room for the interpreter's name)");
}

// The child shares memory with its parent, which waits: not its node.
void after_vfork(const Scene& s) {
  const std::string path = s.file("bin/broken");
  const pid_t pid = vfork();
  if (pid == 0) {
    execl(path.c_str(), path.c_str(), nullptr);
    _exit(0);
  }
  waitpid(pid, nullptr, 0);
  tell(reads(s.file("only/broken")), "a file of the node that a child by vfork failed to become");
}

void* fail_for_ever(void* scene) {
  for (;;) run(static_cast<const Scene*>(scene)->file("bin/broken"));
}

// While one thread execs and fails, another one reads.
void beside_failing(const Scene& s) {
  pthread_t thread;
  pthread_create(&thread, nullptr, fail_for_ever, const_cast<Scene*>(&s));
  bool got = false;
  for (int i = 0; i < 300 && !got; ++i) got = reads(s.file("only/broken"));
  tell(got, "a file of the node that a sibling thread fails to become");
}

void* fail_script_for_ever(void* scene) {
  for (;;) run(static_cast<const Scene*>(scene)->file("bin/script"));
}
void beside_failing_script(const Scene& s) {
  pthread_t thread;
  pthread_create(&thread, nullptr, fail_script_for_ever, const_cast<Scene*>(&s));
  bool got = false;
  for (int i = 0; i < 300 && !got; ++i) got = reads(s.file("only/script"));
  tell(got, "a file of the script's node that a sibling thread fails to become");
}

void in_child(const Scene& s, const char* act, const std::string& argument, const char* environment) {
  const std::string path = s.file("bin/child");
  const char* arguments[] = {path.c_str(), s.base.c_str(), act, argument.c_str(), nullptr};
  const char* settings[] = {environment, nullptr};
  execve(path.c_str(), const_cast<char**>(arguments), const_cast<char**>(settings));
  tell(false, "the child did not start");
}

// The child's node may not read the page; its parent may, and leaves it open.
void inherit(const Scene& s) {
  const int wanted = s.number(0), fd = open(s.file("page.html").c_str(), O_RDONLY);
  if (fd < 0 || (fd != wanted && dup2(fd, wanted) < 0)) return tell(false, "opening the page");
  if (fd != wanted) close(fd);
  in_child(s, "read-fd", s.argument(0), nullptr);
}

// A sibling thread puts the page on a number and takes it off again while the exec is under way.
void* put_for_ever(void* page) {
  for (;;) {
    dup2(*static_cast<int*>(page), 500);
    close(500);
  }
}
void inherit_racing(const Scene& s) {
  bool got = false;
  for (int i = 0; i < 40 && !got; ++i)
    got = exits_with(kTinyStatus, [&] {
      static int page;
      page = open(s.file("page.html").c_str(), O_RDONLY | O_CLOEXEC);
      pthread_t thread;
      pthread_create(&thread, nullptr, put_for_ever, &page);
      usleep(static_cast<useconds_t>(100 * (i % 10)));
      in_child(s, "exit-reading", "500", nullptr);
    });
  errno = 0;
  tell(got, "a descriptor put in place by a sibling thread");
}
void exit_reading(const Scene& s) { _exit(reads_fd(s.number(0)) ? kTinyStatus : 0); }

void read_fd(const Scene& s) { tell(reads_fd(s.number(0)), "descriptor " + s.argument(0) + ", left open by another node"); }

void child(const Scene& s) { in_child(s, "read-own", "", nullptr); }
void read_own(const Scene& s) { tell(reads(s.file("only/child")), "the child's own file"); }
void read_page(const Scene& s) { tell(reads(s.file("page.html")), "a file of the parent's node"); }
void child_reads_page(const Scene& s) { in_child(s, "read-page", "", nullptr); }

// A library that it wrote where it may write, loaded into a program that it may start.
void load_into_host(const Scene& s, const char* variable) {
  const std::string library = s.file("out/evil.so"), host = s.file("bin/host"), setting = variable + ("=" + library);
  const int from = open(s.file("ok/evil.so").c_str(), O_RDONLY | O_CLOEXEC), to = open(library.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  char buffer[65536];
  ssize_t n = 0;
  if (from < 0 || to < 0) return tell(false, "writing the library");
  while ((n = read(from, buffer, sizeof(buffer))) > 0) (void)!write(to, buffer, static_cast<size_t>(n));
  close(from);
  close(to);
  const char* arguments[] = {host.c_str(), nullptr};
  const char* settings[] = {setting.c_str(), nullptr};
  execve(host.c_str(), const_cast<char**>(arguments), const_cast<char**>(settings));
  tell(false, "the host did not start");
}
void preload(const Scene& s) { load_into_host(s, "LD_PRELOAD"); }
void audit(const Scene& s) { load_into_host(s, "LD_AUDIT"); }

}  // namespace

std::vector<Act> borrow_acts() {
  return {{"failed-exec", "exec of a file of no known format, then the other node's file", after_no_format},
          {"failed-script", "exec of a script without interpreter, then the other node's file", after_no_interpreter},
          {"failed-exec-loader", "exec of a file whose loader does not exist, then the other node's file", after_no_loader},
          {"failed-exec-words", "exec of a script with as many words as fit without its interpreter, then the script's file", after_too_much},
          {"failed-exec-vfork", "exec that fails in a child by vfork, then the other node's file", after_vfork},
          {"failed-script-thread", "a script's exec that fails in a sibling thread", beside_failing_script},
          {"failed-exec-thread", "the same from a sibling thread", beside_failing},
          {"inherit", "N: a file left open as N for a node that may not read it", inherit},
          {"inherit-racing", "a file that a sibling thread puts on a number while the exec is under way", inherit_racing},
          {"exit-reading", "(the child of `inherit-racing`)", exit_reading},
          {"read-fd", "(the child of `inherit`)", read_fd},
          {"child", "exec of a program that the tree holds", child},
          {"read-own", "(the child of `child`)", read_own},
          {"child-reads-page", "the child reads what only its parent may", child_reads_page},
          {"read-page", "reads the page", read_page},
          {"preload", "LD_PRELOAD of a written library into an allowed program", preload},
          {"audit", "the same by LD_AUDIT", audit}};
}

}  // namespace victim
