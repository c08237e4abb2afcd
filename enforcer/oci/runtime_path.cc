// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/runtime_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "enforcer/base/files.h"
#include "enforcer/base/own_path.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

constexpr std::string_view kUsualPlaces = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace

Result<std::string> find_runtime(const std::string& name) {
  std::string path;
  if (name.find('/') != std::string::npos) {
    if (Result<void> good = check_executable(name); !good)
      return Error{"the runtime " + text::quoted(name) + ": " + good.error().message +
                       "; or name another one: --runtime, TREELINE_RUNTIME or oci_runtime in treeline.conf",
                   good.error().code == EPERM ? EPERM : ENOENT};
    path = name;
  } else {
    const char* variable = std::getenv("PATH");
    const std::string places =
        (variable && *variable ? std::string(variable) + ":" : std::string()) + std::string(kUsualPlaces);
    for (std::string_view rest = places; path.empty() && !rest.empty();) {
      const size_t colon = rest.find(':');
      const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
      rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
      if (candidate[0] != '/') continue;
      Result<void> good = check_executable(candidate);
      if (good) path = candidate;
      else if (good.error().code == EPERM) return good.error();  // the first hit counts: another one would not be what the engine means
    }
    if (path.empty())
      return Error{"there is no runtime " + text::quoted(name) + " in " + places + "; install it, or name its path",
                   ENOENT};
  }
  struct stat found {}, self{};
  if (stat(path.c_str(), &found) != 0) return system_error("cannot look at the runtime " + path, errno);
  if (stat("/proc/self/exe", &self) == 0 && self.st_ino == found.st_ino && self.st_dev == found.st_dev)
    return Error{"the runtime " + path + " is this wrapper itself; name the real one (runc, crun)", ELOOP};
  return path;
}

}  // namespace treeline::oci
