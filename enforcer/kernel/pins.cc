// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/pins.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "enforcer/base/files.h"

namespace treeline::kernel {
namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* dir = opendir(directory.c_str());
  if (!dir) return names;
  while (dirent* entry = readdir(dir)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  closedir(dir);
  return names;
}

std::string marked(const std::string& root, const std::string& prefix) {
  for (const std::string& name : names_in(root))
    if (name.rfind(prefix, 0) == 0) return name.substr(prefix.size());
  return "";
}

}  // namespace

Result<UniqueFd> Pins::lock() const {
  const std::string parent = root_.substr(0, root_.rfind('/'));
  UniqueFd fd(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error("cannot open " + parent, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return system_error("cannot lock " + parent, errno);
  return Error{"another treelined manages " + root_ + ", perhaps with another runtime directory; stop it first: systemctl stop treelined", EADDRINUSE};
}

bool Pins::exist() const { return access(root_.c_str(), F_OK) == 0; }
int Pins::layout() const { return std::atoi(marked(root_, "layout-").c_str()); }
std::string Pins::build() const { return marked(root_, "build-"); }
std::vector<std::string> Pins::links() const { return names_in(root_ + "/links"); }

Result<void> Pins::make(int layout) const {
  for (const std::string& directory : {root_, root_ + "/links", root_ + "/programs", root_ + "/layout-" + std::to_string(layout)})
    if (Result<void> made = make_directories(directory, 0700); !made) return made;
  return {};
}

Result<void> Pins::set_build(const std::string& build) const {
  std::string old = this->build();
  if (old == build) return {};
  if (Result<void> made = make_directories(root_ + "/build-" + build, 0700); !made) return made;
  if (!old.empty()) rmdir((root_ + "/build-" + old).c_str());
  return {};
}

Result<void> Pins::remove_all() const {
  int failed = 0;
  for (const char* part : {"/links", "/programs", ""}) {
    const std::string directory = root_ + part;
    for (const std::string& name : names_in(directory)) {
      const std::string path = directory + "/" + name;
      if (unlink(path.c_str()) != 0 && rmdir(path.c_str()) != 0 && errno != ENOENT) failed = errno;
    }
    if (rmdir(directory.c_str()) != 0 && errno != ENOENT) failed = errno;
  }
  if (failed) return system_error("cannot remove everything below " + root_, failed);
  return {};
}

}  // namespace treeline::kernel
