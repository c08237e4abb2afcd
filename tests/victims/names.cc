// SPDX-License-Identifier: Apache-2.0
//
// Names: made, removed, moved, linked; and what lies in the inode beside the contents.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/victims/scene.h"

namespace victim {
namespace {

void remove_page(const Scene& s) { tell(unlink(s.file("page.html").c_str()) == 0 && !there(s.file("page.html")), "the web page removed"); }
void remove_directory(const Scene& s) { tell(rmdir(s.file("ok/place").c_str()) == 0 && !there(s.file("ok/place")), "a directory removed"); }
void make_directory(const Scene& s) { tell(mkdir(s.file("new").c_str(), 0755) == 0 && there(s.file("new")), "a directory made"); }
void make_fifo(const Scene& s) { tell(mknod(s.file("new").c_str(), S_IFIFO | 0644, 0) == 0 && there(s.file("new")), "a fifo made"); }
void make_device(const Scene& s) { tell(mknod(s.file("out/null").c_str(), S_IFCHR | 0644, 0x103) == 0 && there(s.file("out/null")), "a device made"); }
void make_symlink(const Scene& s) { tell(symlink("secret", s.file("new").c_str()) == 0 && there(s.file("new")), "a symbolic link made"); }

// A hard link is a second name: here one under which the contents could be read.
void hard_link(const Scene& s) {
  const std::string name = s.file("out/linked");
  tell(link(s.file("secret").c_str(), name.c_str()) == 0 && reads(name), "a secret by a hard link");
}
void move_secret(const Scene& s) {
  const std::string name = s.file("out/moved");
  tell(rename(s.file("secret").c_str(), name.c_str()) == 0 && reads(name), "a secret by a new name");
}
void move_page(const Scene& s) { tell(rename(s.file("page.html").c_str(), s.file("out/page").c_str()) == 0 && !there(s.file("page.html")), "the web page moved away"); }
void replace_page(const Scene& s) {
  const std::string mine = s.file("out/mine");
  tell(writes(mine, O_CREAT) && rename(mine.c_str(), s.file("page.html").c_str()) == 0 && !there(mine), "the web page replaced");
}
void replace_binary(const Scene& s) {
  const std::string mine = s.file("out/mine");
  tell(writes(mine, O_CREAT) && rename(mine.c_str(), s.file("bin/child").c_str()) == 0 && !there(mine), "a program replaced");
}
void exchange(const Scene& s) {
  const std::string mine = s.file("out/mine");
  tell(writes(mine, O_CREAT) && syscall(SYS_renameat2, AT_FDCWD, mine.c_str(), AT_FDCWD, s.file("secret").c_str(), RENAME_EXCHANGE) == 0 && reads(mine),
       "a secret exchanged with a file of its own");
}
// The files below get new names at once, without being named.
void move_directory(const Scene& s) {
  const std::string name = s.file("out/moved");
  tell(rename(s.file("private").c_str(), name.c_str()) == 0 && there(name + "/secret"), "a directory moved to where it may read");
}
// As an installer does it. What may be done below is the same under both names, or more under the new one.
void rename_filled(const Scene& s, const char* from, const char* to, bool read) {
  const std::string made = s.file(from), name = s.file(to);
  if (mkdir(made.c_str(), 0755) != 0 || !writes(made + "/file", O_CREAT)) return tell(false, "a directory with a file");
  tell(rename(made.c_str(), name.c_str()) == 0 && (!read || reads(name + "/file")), "a directory with its file under another name");
}
void rename_directory(const Scene& s) { rename_filled(s, "out/stage.new", "out/stage", true); }
void rename_to_more(const Scene& s) { rename_filled(s, "out/shelf.new", "out/shelf", false); }
void exchange_directory(const Scene& s) {
  const std::string mine = s.file("out/stage");
  tell(mkdir(mine.c_str(), 0755) == 0 && syscall(SYS_renameat2, AT_FDCWD, mine.c_str(), AT_FDCWD, s.file("private").c_str(), RENAME_EXCHANGE) == 0 &&
           reads(mine + "/secret"),
       "a secret by a directory exchanged with one of its own");
}
// By an O_PATH descriptor, for which no file is opened.
void link_by_descriptor(const Scene& s) {
  const std::string name = s.file("out/linked");
  const int fd = open(s.file("secret").c_str(), O_PATH | O_CLOEXEC);
  tell(linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 && reads(name),
       "a secret by a hard link to a descriptor");
}
// Character device 0:0, for which the kernel wants no capability: what hides a file of a lower layer of an overlay.
void make_whiteout(const Scene& s) { tell(mknod(s.file("out/white").c_str(), S_IFCHR, 0) == 0 && there(s.file("out/white")), "a whiteout made"); }
bool has_mode(const Scene& s, mode_t wanted) {
  struct stat status {};
  return lstat(s.file("page.html").c_str(), &status) == 0 && (status.st_mode & 07777) == wanted;
}
bool is_owned(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && status.st_uid == 1000 && status.st_gid == 1000;
}
void mode(const Scene& s) { tell(chmod(s.file("page.html").c_str(), 0666) == 0 && has_mode(s, 0666), "the web page's mode"); }
void owner(const Scene& s) { tell(chown(s.file("page.html").c_str(), 1000, 1000) == 0 && is_owned(s.file("page.html")), "the web page's owner"); }
int page_of(const Scene& s) { return open(s.file("page.html").c_str(), O_RDONLY | O_CLOEXEC); }
void mode_by_descriptor(const Scene& s) { tell(fchmod(page_of(s), 0666) == 0 && has_mode(s, 0666), "the web page's mode by a descriptor"); }
void mode_at(const Scene& s) {
  constexpr long kFchmodat2 = 452;  // 6.6
  tell(syscall(kFchmodat2, AT_FDCWD, s.file("page.html").c_str(), 0666, AT_SYMLINK_NOFOLLOW) == 0 && has_mode(s, 0666), "the web page's mode by fchmodat2");
}
int unnamed_in(const std::string& directory) { return open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600); }
bool changes_unnamed(const std::string& directory) {
  struct stat status {};
  const int fd = unnamed_in(directory);
  return fd >= 0 && fchmod(fd, 0644) == 0 && fstat(fd, &status) == 0 && (status.st_mode & 07777) == 0644;
}
void mode_unnamed(const Scene& s) { tell(changes_unnamed(s.file("out")), "an unnamed file's mode"); }
void mode_unnamed_allowed(const Scene& s) { tell(changes_unnamed(s.file("drop")), "an unnamed file's mode, where it may"); }
bool describes_unnamed(const std::string& directory) {
  const int fd = unnamed_in(directory);
  return fd >= 0 && fsetxattr(fd, "user.tl", "x", 1, 0) == 0 && fgetxattr(fd, "user.tl", nullptr, 0) == 1;
}
void attribute_unnamed(const Scene& s) { tell(describes_unnamed(s.file("out")), "an unnamed file's attribute"); }
void attribute_unnamed_allowed(const Scene& s) { tell(describes_unnamed(s.file("drop")), "an unnamed file's attribute, where it may"); }
void owner_unnamed(const Scene& s) {
  struct stat status {};
  const int fd = unnamed_in(s.file("out"));
  tell(fd >= 0 && fchown(fd, 1000, 1000) == 0 && fstat(fd, &status) == 0 && status.st_uid == 1000, "an unnamed file's owner");
}
void owner_by_descriptor(const Scene& s) { tell(fchown(page_of(s), 1000, 1000) == 0 && is_owned(s.file("page.html")), "the web page's owner by a descriptor"); }
void owner_of_link(const Scene& s) { tell(lchown(s.file("ok/to-secret").c_str(), 1000, 1000) == 0 && is_owned(s.file("ok/to-secret")), "a symbolic link's owner"); }

}  // namespace

std::vector<Act> name_acts() {
  return {{"remove-page", "unlink", remove_page},
          {"remove-directory", "rmdir", remove_directory},
          {"make-directory", "mkdir", make_directory},
          {"make-fifo", "mknod of a fifo", make_fifo},
          {"make-device", "mknod of a device where it may make files", make_device},
          {"make-symlink", "symlink", make_symlink},
          {"hard-link", "links a secret to where it may read", hard_link},
          {"move-secret", "renames a secret to where it may read", move_secret},
          {"move-page", "renames the web page away", move_page},
          {"replace-page", "renames its own file over the web page", replace_page},
          {"replace-binary", "renames its own file over a program", replace_binary},
          {"exchange", "exchanges a secret with its own file", exchange},
          {"move-directory", "renames a directory of secrets to where it may read", move_directory},
          {"rename-directory", "renames a directory of its own where it may", rename_directory},
          {"rename-to-more", "renames a directory of its own to where it may do more below", rename_to_more},
          {"exchange-directory", "exchanges a directory of secrets with its own", exchange_directory},
          {"link-by-descriptor", "linkat of /proc/self/fd/N, of an O_PATH descriptor", link_by_descriptor},
          {"make-whiteout", "mknod of device 0:0 where it may make files", make_whiteout},
          {"mode", "chmod", mode},
          {"mode-by-descriptor", "fchmod", mode_by_descriptor},
          {"mode-at", "fchmodat2", mode_at},
          {"mode-unnamed", "fchmod of an unnamed file (O_TMPFILE)", mode_unnamed},
          {"mode-unnamed-allowed", "the same where it may", mode_unnamed_allowed},
          {"attribute-unnamed", "fsetxattr of an unnamed file", attribute_unnamed},
          {"attribute-unnamed-allowed", "the same where it may", attribute_unnamed_allowed},
          {"owner-unnamed", "fchown of an unnamed file", owner_unnamed},
          {"owner", "chown", owner},
          {"owner-by-descriptor", "fchown", owner_by_descriptor},
          {"owner-of-link", "lchown", owner_of_link}};
}

}  // namespace victim
