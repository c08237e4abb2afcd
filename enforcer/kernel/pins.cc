// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/pins.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <sstream>

#include "enforcer/base/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::kernel {
namespace {

Result<std::vector<std::string>> names_or_none(const std::string& directory) {
  Result<std::vector<std::string>> names = names_in(directory);
  if (!names && names.error().code == ENOENT) return std::vector<std::string>();
  return names;
}

Result<std::vector<std::string>> marked(const std::string& root, const std::string& prefix) {
  Result<std::vector<std::string>> names = names_or_none(root);
  if (!names) return names;
  std::vector<std::string> marks;
  for (const std::string& name : *names)
    if (name.rfind(prefix, 0) == 0) marks.push_back(name.substr(prefix.size()));
  return marks;
}

}  // namespace

Result<UniqueFd> Pins::lock() const {
  const std::string parent = root_.substr(0, root_.rfind('/'));
  UniqueFd fd(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error("cannot open " + parent, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return system_error("cannot lock " + parent, errno);
  const pid_t whose = holder();
  return Error{"another process " + (whose ? "(pid " + std::to_string(whose) + ") " : std::string()) + "holds the lock on " + parent +
                   ". If it is a treelined, perhaps with another runtime directory, stop it first: systemctl stop treelined. If it is not, end it, and keep others from " + parent +
                   ": mount -o remount,mode=700 " + parent,
               EADDRINUSE};
}

Result<void> detach_pinned(const std::string& root) {
  const Pins pins(root);
  Result<UniqueFd> lock = pins.lock();
  if (!lock) return lock.error();
  return pins.remove_all();
}

pid_t flock_holder(const std::string& locks, unsigned major_number, unsigned minor_number, uint64_t inode) {
  std::istringstream lines(locks);
  for (std::string line; std::getline(lines, line);) {
    unsigned high = 0, low = 0;
    unsigned long long file = 0;
    int pid = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
    if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &high, &low, &file) != 4) continue;
    if (pid > 0 && high == major_number && low == minor_number && file == inode) return pid;
  }
  return 0;
}

pid_t Pins::holder() const {
  struct stat parent {};
  if (stat(root_.substr(0, root_.rfind('/')).c_str(), &parent) != 0) return 0;
  return flock_holder(read_file_or_empty("/proc/locks", 16 << 20), major(parent.st_dev), minor(parent.st_dev), parent.st_ino);
}

Result<bool> Pins::exist() const {
  // Where everybody may write beside it (a bpffs without mode=), somebody else's directory is not taken for ours.
  if (access(root_.c_str(), F_OK) == 0) {
    if (Result<void> ours = require_private_directory(root_, 0700); !ours) return ours.error();
    return true;
  }
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return system_error("cannot look at " + root_, errno);
}

Result<int> Pins::layout() const {
  Result<std::vector<std::string>> marks = marked(root_, "layout-");
  if (!marks) return marks.error();
  return marks->empty() ? 0 : static_cast<int>(text::decimal(marks->front(), 1 << 20).value_or(1 << 20));
}

Result<std::string> Pins::build() const {
  Result<std::vector<std::string>> marks = marked(root_, "build-");
  if (!marks) return marks.error();
  if (marks->size() > 1) return std::string(kUnfinished);  // whoever set the later one died before it had removed the earlier one
  return marks->empty() ? std::string() : marks->front();
}

Result<std::vector<std::string>> Pins::links() const { return names_or_none(root_ + "/links"); }

Result<void> Pins::make(int layout) const {
  for (const std::string& directory : {root_, root_ + "/links", root_ + "/programs", root_ + "/layout-" + std::to_string(layout)})
    if (Result<void> made = make_directories(directory, 0700); !made) return made;
  return {};
}

Result<void> Pins::set_build(const std::string& build) const {
  Result<std::vector<std::string>> old = marked(root_, "build-");
  if (!old) return old.error();
  // The new one first: without any mark everything would be taken for what a first start left, and be removed.
  if (Result<void> made = make_directories(root_ + "/build-" + build, 0700); !made) return made;
  for (const std::string& mark : *old)
    if (mark != build && rmdir((root_ + "/build-" + mark).c_str()) != 0 && errno != ENOENT) return system_error("cannot remove " + root_ + "/build-" + mark, errno);
  return {};
}

Result<void> Pins::remove_all() const {
  int failed = 0;
  for (const char* part : {"/links", "/programs", ""}) {
    const std::string directory = root_ + part;
    Result<std::vector<std::string>> names = names_or_none(directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      const std::string path = directory + "/" + name;
      if (unlink(path.c_str()) != 0 && rmdir(path.c_str()) != 0 && errno != ENOENT) failed = errno;
    }
    if (rmdir(directory.c_str()) != 0 && errno != ENOENT) failed = errno;
  }
  if (failed) return system_error("cannot remove everything below " + root_, failed);
  return {};
}

}  // namespace treeline::kernel
