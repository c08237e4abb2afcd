// SPDX-License-Identifier: Apache-2.0
//
// Mounts by the other ways: in a mount namespace of the victim's own, or in none.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/scene.h"

namespace victim {
namespace {

bool own_mounts() {
  if (unshare(CLONE_NEWNS) != 0) return false;
  (void)!mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return true;
}

// A file system that is mounted nowhere: a place to keep a file that no path names.
void detached_new(const Scene&) {
  const int context = static_cast<int>(syscall(SYS_fsopen, "tmpfs", 0));
  if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return tell(false, "fsopen");
  const int made = static_cast<int>(syscall(SYS_fsmount, context, 0, 0));
  const int fd = made < 0 ? -1 : openat(made, "x", O_RDWR | O_CREAT | O_CLOEXEC, 0755);
  tell(fd >= 0 && write(fd, "x", 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 && reads_fd(fd),
       "a file in a mount of no namespace");
}

// What is said to a file system that is being made, or is there: no hook but the option's own is asked before it is mounted somewhere.
int made_with(const char* option, const char* value) {
  const int context = static_cast<int>(syscall(SYS_fsopen, "tmpfs", 0));
  if (context < 0 || (option && syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, option, value, 0) != 0) ||
      syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return -1;
  return static_cast<int>(syscall(SYS_fsmount, context, 0, 0));
}
void option_of_new(const Scene&) {
  struct stat status {};
  const int made = made_with("mode", "0751");
  tell(made >= 0 && fstat(made, &status) == 0 && (status.st_mode & 0777) == 0751, "an option of a file system that is made");
}
void option_of_old(const Scene&) {
  struct statfs status {};
  const int made = made_with(nullptr, nullptr), picked = static_cast<int>(syscall(SYS_fspick, made, "", FSPICK_EMPTY_PATH));
  if (made < 0 || picked < 0) return tell(false, "a file system, picked");
  tell(syscall(SYS_fsconfig, picked, FSCONFIG_SET_STRING, "nr_inodes", "77", 0) == 0 &&
           syscall(SYS_fsconfig, picked, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == 0 && fstatfs(made, &status) == 0 && status.f_files == 77,
       "an option of a file system that was there");
}

void old_remount(const Scene&) {
  if (!own_mounts()) return tell(false, "unshare");
  tell(mount(nullptr, "/dev/shm", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0 && read_only("/dev/shm"),
       "a mount made read-only");
}

void stacked(const Scene& s) {
  if (!own_mounts()) return tell(false, "unshare");
  const std::string place = s.file("ok/place"), layers = "lowerdir=" + s.file("private") + ":" + s.file("only");
  tell(mount("overlay", place.c_str(), "overlay", 0, layers.c_str()) == 0 && reads(place + "/secret"),
       "a secret by an overlay");
}

void moved_tree(const Scene& s) {
  if (!own_mounts()) return tell(false, "unshare");
  const int tree = static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, s.file("private").c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  const std::string place = s.file("ok/place");
  tell(tree >= 0 && syscall(SYS_move_mount, tree, "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0 &&
           reads(place + "/secret"),
       "a secret by a tree that was cloned and mounted");
}

void new_procfs(const Scene& s) {
  if (!own_mounts()) return tell(false, "unshare");
  tell(mount("proc", s.file("ok/place").c_str(), "proc", 0, nullptr) == 0 && reads(s.file("ok/place/1/environ")),
       "another process by a procfs of its own");
}

// There is no hook: what the capability holds.
void attributes(const Scene&) {
  struct {
    uint64_t set = MOUNT_ATTR_RDONLY, clear = 0, propagation = 0, userns = 0;
  } wanted;
  if (unshare(CLONE_NEWNS) != 0) return tell(false, "unshare");
  tell(syscall(SYS_mount_setattr, AT_FDCWD, "/dev/shm", 0, &wanted, sizeof wanted) == 0 && read_only("/dev/shm"),
       "a mount made read-only by mount_setattr");
}

void over_pins(const Scene&) {
  if (!own_mounts()) return tell(false, "unshare");
  const dev_t before = device_of("/sys/fs/bpf");
  tell(mount("none", "/sys/fs/bpf", "tmpfs", 0, nullptr) == 0 && device_of("/sys/fs/bpf") != before,
       "a mount over Treeline's pins");
}

}  // namespace

std::vector<Act> mount_acts() {
  return {{"detached-new", "fsmount, then a file in it", detached_new},
          {"option-of-new", "fsopen, fsconfig", option_of_new},
          {"option-of-old", "fspick of a tmpfs of its own, fsconfig", option_of_old},
          {"old-remount", "MS_REMOUNT|MS_BIND", old_remount},
          {"stacked", "an overlay over a forbidden directory", stacked},
          {"moved-tree", "open_tree(OPEN_TREE_CLONE), move_mount", moved_tree},
          {"new-procfs", "mounts a procfs of its own", new_procfs},
          {"mount-attributes", "mount_setattr", attributes},
          {"over-pins", "mounts over /sys/fs/bpf", over_pins}};
}

}  // namespace victim
