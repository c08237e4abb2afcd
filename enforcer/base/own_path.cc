// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/own_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "enforcer/base/files.h"

namespace treeline {

Result<std::string> own_path() {
  std::array<char, 4097> buffer{};
  const ssize_t length = readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (length <= 0 || length == static_cast<ssize_t>(buffer.size())) return system_error("cannot read /proc/self/exe", length < 0 ? errno : ENAMETOOLONG);
  std::string own(buffer.data(), static_cast<size_t>(length));
  struct stat here {}, self{};
  if (stat(own.c_str(), &here) != 0 || stat("/proc/self/exe", &self) != 0 || here.st_ino != self.st_ino || here.st_dev != self.st_dev)
    return Error{own + " is not the file that runs here: it was replaced or is out of reach; start it again from where it is installed", ENOENT};
  return own;
}

Result<void> check_executable(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return system_error("cannot look at " + path, errno);
  if (!S_ISREG(status.st_mode) || access(path.c_str(), X_OK) != 0) return Error{path + " is not an executable file", EACCES};
  if (geteuid() == 0 && (status.st_uid != 0 || (status.st_mode & 022)))
    return Error{path + " can be written by others than root, so root does not execute it; mend it with: chown root " + path + " && chmod go-w " + path, EPERM};
  return {};
}

}  // namespace treeline
