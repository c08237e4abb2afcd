// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/runtime_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "enforcer/base/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

constexpr std::string_view kUsualPlaces = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool executable(const std::string& path, struct stat& status) {
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::string> own_path() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof path))
    return system_error("cannot read /proc/self/exe", length < 0 ? errno : ENAMETOOLONG);
  std::string own(path, static_cast<size_t>(length));
  struct stat here {
  }, self{};
  if (stat(own.c_str(), &here) != 0 || stat("/proc/self/exe", &self) != 0 || here.st_ino != self.st_ino ||
      here.st_dev != self.st_dev)
    return Error{own + " is not the file that runs here: it was replaced or is out of reach; try again", ENOENT};
  return own;
}

Result<std::string> find_runtime(const std::string& name) {
  struct stat found {
  }, self{};
  std::string path;
  if (name.find('/') != std::string::npos) {
    if (!executable(name, found))
      return Error{"the runtime " + text::quoted(name) +
                       " is not an executable file; name another one: --runtime, TREELINE_RUNTIME or oci_runtime in "
                       "treeline.conf",
                   ENOENT};
    path = name;
  } else {
    const char* variable = std::getenv("PATH");
    const std::string places =
        (variable && *variable ? std::string(variable) + ":" : std::string()) + std::string(kUsualPlaces);
    for (std::string_view rest = places; path.empty() && !rest.empty();) {
      const size_t colon = rest.find(':');
      const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
      rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
      if (candidate[0] == '/' && executable(candidate, found)) path = candidate;
    }
    if (path.empty())
      return Error{"there is no runtime " + text::quoted(name) + " in " + places + "; install it, or name its path",
                   ENOENT};
  }
  if (stat("/proc/self/exe", &self) == 0 && self.st_ino == found.st_ino && self.st_dev == found.st_dev)
    return Error{"the runtime " + path + " is this wrapper itself; name the real one (runc, crun)", ELOOP};
  return path;
}

}  // namespace treeline::oci
