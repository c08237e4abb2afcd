// SPDX-License-Identifier: Apache-2.0
//
// Contents: reading, writing, truncating what the node may not, under every name a file can be given.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/scene.h"

namespace victim {
namespace {

void shadow(const Scene&) { tell(reads("/etc/shadow"), "/etc/shadow"); }
void secret(const Scene& s) { tell(reads(s.file("secret")), "a secret"); }
// O_WRONLY | O_RDWR: a descriptor that neither reads nor writes, but for ioctl (open(2)).
void open_nothing(const Scene& s) {
  const int fd = open(s.file("secret").c_str(), O_WRONLY | O_RDWR | O_CLOEXEC);
  int size = 0;
  tell(fd >= 0 && ioctl(fd, 2UL /* FIGETBSZ, linux/fs.h */, &size) == 0, "an ioctl on a secret");
}
void write_page(const Scene& s) { tell(writes(s.file("page.html")), "the web page"); }
void append_page(const Scene& s) { tell(writes(s.file("page.html"), O_APPEND), "the web page's end"); }
void write_binary(const Scene& s) { tell(writes(s.file("bin/child")), "a program"); }
void write_usr_bin(const Scene&) { tell(writes("/usr/bin/yes"), "/usr/bin/yes"); }
void new_file(const Scene& s) { tell(writes(s.file("new"), O_CREAT | O_EXCL), "a new file"); }

// O_TRUNC empties a file that was opened for reading.
void truncate_by_reading(const Scene& s) {
  const int fd = open(s.file("page.html").c_str(), O_RDONLY | O_TRUNC);
  tell(fd >= 0 && lseek(fd, 0, SEEK_END) == 0, "the web page emptied by O_RDONLY|O_TRUNC");
}
void truncate_page(const Scene& s) {
  struct stat status {};
  const std::string page = s.file("page.html");
  tell(truncate(page.c_str(), 0) == 0 && stat(page.c_str(), &status) == 0 && status.st_size == 0, "the web page emptied by truncate");
}

void by_symlink(const Scene& s) { tell(reads(s.file("ok/to-secret")), "a secret by a symbolic link"); }
void by_dotdot(const Scene& s) { tell(reads(s.file("ok/../secret")), "a secret by .."); }
void by_directory_fd(const Scene& s) {
  const int directory = open(s.base.c_str(), O_PATH | O_DIRECTORY);
  const int fd = openat(directory, "secret", O_RDONLY);
  tell(fd >= 0 && reads_fd(fd), "a secret by openat");
}
void by_working_directory(const Scene& s) {
  tell(chdir(s.file("ok").c_str()) == 0 && reads("../secret"), "a secret by the working directory");
}
void by_proc_fd(const Scene& s) {
  const int fd = open(s.file("secret").c_str(), O_PATH);
  tell(reads("/proc/self/fd/" + std::to_string(fd)), "a secret by /proc/self/fd");
}
void by_proc_root(const Scene& s) { tell(reads("/proc/self/root" + s.file("secret")), "a secret by /proc/self/root"); }

// What the kernel lets it do of the preparation, it does; the read is what counts.
void by_chroot(const Scene& s) {
  if (chroot(s.base.c_str()) == 0) return tell(reads("/secret"), "a secret, chrooted");
  tell(false, "chroot");
}
void by_namespace(const Scene& s) {
  (void)!unshare(CLONE_NEWUSER | CLONE_NEWNS);
  errno = 0;
  tell(reads(s.file("secret")), "a secret, after unshare");
}
void by_bind_mount(const Scene& s) {
  if (unshare(CLONE_NEWNS) != 0) return tell(false, "unshare");
  (void)!mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (mount(s.file("private").c_str(), s.file("ok/place").c_str(), nullptr, MS_BIND, nullptr) != 0) return tell(false, "mount");
  tell(reads(s.file("ok/place/secret")), "a secret by a bind mount");
}

std::string deep(const Scene& s, const char* top) {
  std::string path = s.file(top);
  for (int i = 0; i < s.number(0); ++i) path += "/d";
  return path + "/file";
}
void read_deep(const Scene& s) { tell(reads(deep(s, "private")), s.argument(0) + " components deep"); }
void read_deep_allowed(const Scene& s) { tell(reads(deep(s, "ok")), s.argument(0) + " components deep, allowed"); }

// A name of more than 4,096 bytes can be reached step by step; what cannot be read whole is not granted, whatever pattern it would meet.
void too_long(const Scene& s) {
  if (chdir(s.file("ok").c_str()) != 0) return tell(false, "chdir");
  const std::string component(255, 'l');
  for (int i = 0; i < 20; ++i)
    if (chdir(component.c_str()) != 0) return tell(false, "chdir");
  tell(reads("file"), "a file whose name is longer than 4,096 bytes");
}

void unnamed(const Scene& s) {
  const int fd = open(s.file("private").c_str(), O_TMPFILE | O_RDWR, 0644);
  tell(fd >= 0 && write(fd, "x", 1) == 1, "an unnamed file in a forbidden directory");
}

void other_environment(const Scene& s) { tell(reads("/proc/" + std::to_string(s.process(0)) + "/environ"), "the environment of another process"); }
void other_memory_map(const Scene& s) { tell(reads("/proc/" + std::to_string(s.process(0)) + "/maps"), "the memory map of another process"); }
void other_root(const Scene& s) {  // there the scene may have another name
  tell(reads("/proc/" + std::to_string(s.process(0)) + "/root" + (s.argument(1).empty() ? s.base : s.argument(1)) + "/secret"), "a secret by another process's root");
}

// Names that a rule, an event or a hand-written walk could read as another: deleted, long, line, byte.
std::string odd_name(const std::string& kind) {
  return kind == "deleted" ? "x (deleted)" : kind == "long" ? std::string(255, 'n') : kind == "line" ? "a\nb" : "\xff";
}
void odd(const Scene& s) { tell(reads(s.file("private/" + odd_name(s.argument(0)))), "a file of an odd name: " + s.argument(0)); }
void odd_allowed(const Scene& s) { tell(reads(s.file("ok/" + odd_name(s.argument(0)))), "a file of an odd name, allowed: " + s.argument(0)); }

void list_directory(const Scene& s) { tell(lists(open(s.file("private").c_str(), O_RDONLY | O_DIRECTORY)), "the names in a forbidden directory"); }

void read_allowed(const Scene& s) { tell(reads(s.file("page.html")) && reads(s.file("ok/file")), "the page and a file"); }
void write_allowed(const Scene& s) {
  const std::string path = s.file("out/new");
  bool good = writes(path, O_CREAT | O_EXCL) && writes(path, O_APPEND) && reads(path);
  good = good && rename(path.c_str(), s.file("out/newer").c_str()) == 0 && unlink(s.file("out/newer").c_str()) == 0;
  tell(good, "a file made, written, renamed, removed");
}

}  // namespace

std::vector<Act> file_acts() {
  return {{"read-shadow", "reads /etc/shadow", shadow},
          {"open-nothing", "opens it with access mode 3, for ioctl", open_nothing},
          {"read-secret", "reads a file beside the allowed ones", secret},
          {"write-page", "writes the web page", write_page},
          {"append-page", "appends to the web page", append_page},
          {"write-binary", "writes a program that it may start", write_binary},
          {"write-usr-bin", "writes a program of the system", write_usr_bin},
          {"new-file", "makes a file", new_file},
          {"truncate-reading", "O_RDONLY|O_TRUNC", truncate_by_reading},
          {"truncate", "truncate(2)", truncate_page},
          {"by-symlink", "reads through a symbolic link", by_symlink},
          {"by-dotdot", "reads through ..", by_dotdot},
          {"by-directory-fd", "reads by openat", by_directory_fd},
          {"by-cwd", "reads by a relative name", by_working_directory},
          {"by-proc-fd", "reads by /proc/self/fd of an O_PATH descriptor", by_proc_fd},
          {"by-proc-root", "reads by /proc/self/root", by_proc_root},
          {"by-chroot", "chroot, then reads by the new name", by_chroot},
          {"by-namespace", "unshare of user and mount namespace, then reads", by_namespace},
          {"by-bind-mount", "a mount namespace of its own, a bind mount to an allowed name, then reads", by_bind_mount},
          {"deep", "N: reads a file N components down", read_deep},
          {"deep-allowed", "N: the same where it may", read_deep_allowed},
          {"too-long", "reads a file whose name is longer than 4,096 bytes", too_long},
          {"unnamed", "O_TMPFILE in a forbidden directory", unnamed},
          {"other-environ", "PID: reads /proc/PID/environ", other_environment},
          {"other-maps", "PID: reads /proc/PID/maps", other_memory_map},
          {"other-root", "PID: reads through /proc/PID/root", other_root},
          {"strange-name", "deleted|long|line|byte: reads a file whose name ends in \" (deleted)\", is long, has a line's end or no character", odd},
          {"strange-name-allowed", "the same where it may", odd_allowed},
          {"list", "lists a forbidden directory", list_directory},
          {"read-allowed", "reads what it may", read_allowed},
          {"write-allowed", "makes, writes, renames, removes where it may", write_allowed}};
}

}  // namespace victim
