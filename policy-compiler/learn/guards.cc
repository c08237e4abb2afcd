// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/guards.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

using std::string_view;

// Directories (and single files) in which every name is written by a person.
constexpr std::array<string_view, 24> kProtectedTrees = {
    "/run/secrets",    "/var/run/secrets", "/etc/passwd", "/etc/group",      "/etc/shadow",        "/etc/gshadow",
    "/etc/ssl",        "/etc/ssh",         "/etc/pki",    "/etc/pam.d",      "/etc/security",      "/etc/sudoers",
    "/etc/sudoers.d",  "/etc/crontab",     "/etc/cron.d", "/var/spool/cron", "/etc/ld.so.preload", "/etc/ld.so.conf.d",
    "/etc/kubernetes", "/etc/apparmor.d",  "/sys",        "/run/treeline",   "/run/containerd",    "/boot"};
constexpr std::array<string_view, 5> kProtectedNames = {".ssh", ".aws", ".kube", ".docker", ".gnupg"};
// Of a repository, what decides which programs are started.
constexpr std::array<string_view, 6> kGitControl = {"hooks", "config", "config.worktree", "info", "modules", "worktrees"};
constexpr std::array<string_view, 6> kRuntimeSockets = {"docker.sock", "containerd.sock",       "crio.sock",
                                                        "podman.sock", "containerd.sock.ttrpc", "treeline.sock"};
constexpr std::array<string_view, 10> kProcSecrets = {"environ",   "mem",     "maps", "smaps", "smaps_rollup",
                                                      "numa_maps", "pagemap", "auxv", "stack", "syscall"};

template <size_t N>
bool any_of(const std::array<string_view, N>& list, string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

struct Descriptor {
  int fd = -1;
  explicit Descriptor(int value) : fd(value) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

bool holds(int root, const std::string& path) {
  const std::vector<std::string> components = split(path);
  auto at = std::make_unique<Descriptor>(dup(root));
  for (size_t i = 0; i < components.size(); i++) {
    if (at->fd < 0) return true;  // in doubt
    struct stat found;
    if (fstatat(at->fd, components[i].c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
      return errno != ENOENT && errno != ENOTDIR;
    if (i + 1 == components.size()) return true;
    // A path that the hooks read has no symbolic link in its middle: one that stands here is replaced at run time.
    if (!S_ISDIR(found.st_mode)) return false;
    at = std::make_unique<Descriptor>(
        openat(at->fd, components[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  return true;
}

}  // namespace

Result<ImageHolds> image_directory(const std::string& directory) {
  auto root = std::make_shared<Descriptor>(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root->fd < 0) {
    return Error{"cannot open the image's directory " + text::quoted(directory) + ": " + std::strerror(errno) +
                     "; give the root file system as it was before the workload ran",
                 errno};
  }
  return ImageHolds([root](const std::string& path) { return holds(root->fd, path); });
}

Guards::Guards(const Observed& observed, ImageHolds image) : observed_(observed), image_(std::move(image)) {
  for (const std::string& file : observed.executed) {
    if (!is_path(file)) continue;
    for (size_t end = file.size(); end != 0 && end != std::string::npos; end = file.rfind('/', end - 1)) {
      if (!above_executed_.insert(file.substr(0, end)).second) break;
    }
  }
}

bool Guards::is_kernel_number(const std::vector<std::string>& path, size_t depth) {
  if (depth < 3 || (path[depth - 2] != "fd" && path[depth - 2] != "fdinfo" && path[depth - 2] != "task")) return false;
  const auto end = path.begin() + static_cast<std::ptrdiff_t>(depth) - 2;
  const std::string& name = path[depth - 1];
  return std::find(path.begin(), end, "/own") != end && !name.empty() && name.size() <= 7 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool Guards::is_protected(const std::vector<std::string>& path, size_t depth) {
  const std::vector<std::string> head(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth));
  const std::string whole = join(head);
  for (const string_view tree : kProtectedTrees) {
    if (whole.starts_with(tree) &&
        (whole.size() == tree.size() || whole[tree.size()] == '/' || whole[tree.size()] == '-'))
      return true;
  }
  // What a program keeps in shared memory is data, in spite of the directory's name; everything else in /dev is a
  // device's.
  if (head.front() == "dev" && !(head.size() > 2 && head[1] == "shm")) return true;
  for (size_t i = 0; i < head.size(); i++) {
    const string_view name = head[i];
    if (any_of(kProtectedNames, name) || name.ends_with(".pem") || name.ends_with(".key") ||
        any_of(kRuntimeSockets, name))
      return true;
    if (name.starts_with("cgroup.")) return true;
    if (name == ".git" && i + 1 < head.size() && any_of(kGitControl, head[i + 1])) return true;
  }
  // Pseudo components: somewhere above is a procfs. Of a thread's directory, too, the memory stays a matter of its own.
  const bool process = std::any_of(head.begin(), head.end(), [](const std::string& name) { return is_pseudo(name); });
  return process && any_of(kProcSecrets, path.back());
}

bool Guards::meets_protected(const PathPattern& pattern) {
  const auto is_above = [&](string_view tree) {
    const std::vector<std::string> names = split(tree);
    if (names.size() > pattern.size()) return false;
    for (size_t i = 0; i < names.size(); i++) {
      if (!pattern[i].matches(names[i])) return false;
    }
    return true;
  };
  if (std::any_of(kProtectedTrees.begin(), kProtectedTrees.end(), is_above)) return true;
  return std::any_of(pattern.begin(), pattern.end(), [](const NamePattern& name) {
    const auto matched = [&](string_view word) { return name.matches(word); };
    return name.folded() && std::any_of(kRuntimeSockets.begin(), kRuntimeSockets.end(), matched);
  });
}

bool Guards::held_by_image(const std::string& path) const {
  if (!image_) return false;
  const auto [at, fresh] = held_.emplace(path, true);
  if (fresh) at->second = image_(path);
  return at->second;
}

bool Guards::born(const std::string& path) const {
  if (image_ && held_by_image(path)) return false;
  for (size_t end = path.size(); end != 0 && end != std::string::npos; end = path.rfind('/', end - 1)) {
    const auto birth = observed_.births.find(path.substr(0, end));
    if (birth != observed_.births.end() && birth->second.made) return true;
  }
  return image_ != nullptr;
}

bool Guards::meets_control(const PathPattern& pattern) {
  for (size_t i = 1; i < pattern.size(); i++) {
    if (!pattern[i].folded() || pattern[i - 1].folded() || !pattern[i - 1].matches(".git")) continue;
    if (std::any_of(kGitControl.begin(), kGitControl.end(), [&](string_view name) { return pattern[i].matches(name); }))
      return true;
  }
  return false;
}

Guards::Answer Guards::ask(const std::vector<std::string>& path, size_t depth) const {
  const std::string& name = path[depth - 1];
  if (is_pseudo(name)) return Answer::kStatic;
  const std::string whole = join({path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth)});
  if (above_executed_.contains(whole)) return Answer::kExecutable;
  if (is_protected(path, depth)) return Answer::kProtected;
  if (is_kernel_number(path, depth)) return Answer::kMayFold;
  if (name.starts_with('.')) return Answer::kHidden;
  return born(whole) ? Answer::kMayFold : Answer::kStatic;
}

}  // namespace treeline::learn
