// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/image.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

struct Descriptor {
  int fd = -1;
  explicit Descriptor(int value) : fd(value) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

bool is_absent(int error) { return error == ENOENT || error == ENOTDIR; }

bool holds(int root, const std::string& path) {
  const std::vector<std::string> components = split(path);
  auto at = std::make_unique<Descriptor>(dup(root));
  for (size_t i = 0; i < components.size(); i++) {
    if (at->fd < 0) return true;  // in doubt
    struct stat found;
    if (fstatat(at->fd, components[i].c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return !is_absent(errno);
    if (i + 1 == components.size()) return true;
    if (!S_ISDIR(found.st_mode)) return false;
    at = std::make_unique<Descriptor>(
        openat(at->fd, components[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  return true;
}

std::optional<std::vector<std::string>> names(int root, const std::string& directory) {
  std::vector<std::string> out;
  auto at = std::make_unique<Descriptor>(dup(root));
  std::vector<std::string> components = split(directory);
  components.push_back(".");
  for (const std::string& component : components) {
    const int flags = component == "." ? O_RDONLY : O_PATH;
    const int next = openat(at->fd, component.c_str(), flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) return is_absent(errno) || errno == ELOOP ? std::optional(out) : std::nullopt;
    at = std::make_unique<Descriptor>(next);
  }
  DIR* const stream = fdopendir(at->fd);
  if (stream == nullptr) return std::nullopt;
  at->fd = -1;  // the stream's
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  const bool whole = errno == 0;
  closedir(stream);
  return whole ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

Result<ImageHolds> image_directory(const std::string& directory) {
  auto root = std::make_shared<Descriptor>(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root->fd < 0) {
    return Error{"cannot open the image's directory " + text::quoted(directory) + ": " + std::strerror(errno) +
                     "; give the root file system as it was before the workload ran",
                 errno};
  }
  return ImageHolds{[root](const std::string& path) { return holds(root->fd, path); },
                    [root](const std::string& path) { return names(root->fd, path); }};
}

}  // namespace treeline::learn
