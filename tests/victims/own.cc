// SPDX-License-Identifier: Apache-2.0
//
// Treeline by its files: the store, the tables of what is bound, its programs. The profile grants all of it, so that only Treeline itself is in the way.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "tests/victims/scene.h"

namespace victim {
namespace {

// What the act leaves is taken back, and the error stays that of the act.
template <typename Undo>
void tell_undone(bool happened, const std::string& detail, Undo&& undo) {
  const int error = errno;
  if (happened) undo();
  errno = error;
  tell(happened, detail);
}

// One step before: treelined reads what would be written.
void open_own(const Scene& s) { tell(usable(open(s.argument(0).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)), "open to write: " + s.argument(0)); }

void create_own(const Scene& s) {
  const std::string name = s.argument(0) + "/victim";
  tell_undone(open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0 && there(name), "made: " + name, [&] { unlink(name.c_str()); });
}

void directory_own(const Scene& s) {
  const std::string name = s.argument(0) + "/victim";
  tell_undone(mkdir(name.c_str(), 0700) == 0 && there(name), "made: " + name, [&] { rmdir(name.c_str()); });
}

void symlink_own(const Scene& s) {
  const std::string name = s.argument(0) + "/victim";
  tell_undone(symlink("x", name.c_str()) == 0 && there(name), "made: " + name, [&] { unlink(name.c_str()); });
}

void fifo_own(const Scene& s) {
  const std::string name = s.argument(0) + "/victim";
  tell_undone(mkfifo(name.c_str(), 0600) == 0 && there(name), "made: " + name, [&] { unlink(name.c_str()); });
}

void link_own(const Scene& s) {
  const std::string name = s.argument(1);
  tell_undone(link(s.argument(0).c_str(), name.c_str()) == 0 && there(name), "another name of " + s.argument(0), [&] { unlink(name.c_str()); });
}

void move_own(const Scene& s) {
  const std::string away = s.argument(0) + ".victim";
  tell_undone(rename(s.argument(0).c_str(), away.c_str()) == 0 && there(away) && !there(s.argument(0)), "moved away: " + s.argument(0), [&] { rename(away.c_str(), s.argument(0).c_str()); });
}

void move_in(const Scene& s) {
  const std::string from = s.argument(1), to = s.argument(0) + "/victim";
  const int made = open(from.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (made < 0) return tell(false, "a file to move");
  tell_undone(rename(from.c_str(), to.c_str()) == 0 && there(to), "moved in: " + to, [&] { unlink(to.c_str()); });
}

// To the mode that it has, as treelined needs it: the call's answer is all there is.
void mode_own(const Scene& s) {
  struct stat status {};
  if (stat(s.argument(0).c_str(), &status) != 0) return tell(false, "stat " + s.argument(0));
  tell(chmod(s.argument(0).c_str(), status.st_mode & 07777) == 0, "chmod " + s.argument(0));
}

// No write access is asked for. What is free is taken; of what treelined holds (the bpffs' root) the kernel says so, and that it may be waited for.
void lock_own(const Scene& s) {
  const int fd = open(s.argument(0).c_str(), O_RDONLY | O_CLOEXEC);
  const bool taken = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
  tell(taken || errno == EWOULDBLOCK, "a lock of " + s.argument(0));
}

void lease_own(const Scene& s) {
  const int fd = open(s.argument(0).c_str(), O_RDONLY | O_CLOEXEC);
  tell(fd >= 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0 && fcntl(fd, F_GETLEASE) == F_RDLCK, "a lease of " + s.argument(0));
}

// Whoever opens it waits for this process's answer. The mark goes with the descriptor.
void hold_up(const Scene& s) {
  const int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
  const bool marked = fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, s.argument(0).c_str()) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  tell(marked, "opens of " + s.argument(0) + " held up");
}

// One step before: the kernel asks whether it may, and then finds that it is not empty.
void remove_own(const Scene& s) { tell(rmdir(s.argument(0).c_str()) != 0 && errno == ENOTEMPTY, "rmdir " + s.argument(0)); }

}  // namespace

std::vector<Act> own_acts() {
  return {{"own-open", "FILE: opens it to write", open_own},
          {"own-create", "DIRECTORY: makes a file in it", create_own},
          {"own-directory", "DIRECTORY: mkdir in it", directory_own},
          {"own-symlink", "DIRECTORY: symlink in it", symlink_own},
          {"own-fifo", "DIRECTORY: mkfifo in it", fifo_own},
          {"own-link", "FILE NAME: another name for it", link_own},
          {"own-move", "NAME: renames it", move_own},
          {"own-move-in", "DIRECTORY NAME: renames something into it", move_in},
          {"own-mode", "NAME: chmod to the mode that it has", mode_own},
          {"own-lock", "NAME: flock", lock_own},
          {"own-lease", "FILE: F_SETLEASE", lease_own},
          {"hold-up", "NAME: a fanotify mark with permission events", hold_up},
          {"own-remove", "DIRECTORY: rmdir", remove_own}};
}

}  // namespace victim
