// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"

namespace treeline::workload {
namespace {

Result<std::vector<std::string>> list_directories(const std::string& path) {
  std::vector<std::string> names;
  DIR* dir = opendir(path.c_str());
  if (!dir) return system_error("cannot look into " + path, errno);
  errno = 0;
  while (dirent* entry = readdir(dir))
    if (entry->d_type == DT_DIR && std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
      names.emplace_back(entry->d_name);
  const int code = errno;
  closedir(dir);
  if (code) return system_error("cannot look into " + path, code);
  return names;
}

std::vector<std::string> directories_in(const std::string& path) {
  Result<std::vector<std::string>> names = list_directories(path);
  return names ? *names : std::vector<std::string>();
}

Result<void> write_control(const std::string& path, const std::string& text) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || write(fd.get(), text.data(), text.size()) < 0) return system_error("cannot write " + path, errno);
  return {};
}

}  // namespace

bool is_at_or_below(const std::string& path, const std::string& above) {
  if (above == "/") return true;
  return path.rfind(above, 0) == 0 && (path.size() == above.size() || path[above.size()] == '/');
}

Result<std::string> Cgroups::of(pid_t pid) {
  const std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
  Result<std::string> content = read_file(file);
  if (!content) return content.error();
  std::istringstream lines(*content);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.rfind("0::", 0) != 0) continue;
    std::string path = line.substr(3);
    // A process may sit in a removed cgroup, and one above ours reads as "/../x" through a cgroup namespace.
    constexpr std::string_view kDeleted = " (deleted)";
    if (path.size() >= kDeleted.size() && path.compare(path.size() - kDeleted.size(), kDeleted.size(), kDeleted) == 0) return Error{"process " + std::to_string(pid) + " is in a removed cgroup", ENOENT};
    if (path.empty() || path[0] != '/' || path.find("/..") == 0)
      return Error{"the cgroup of process " + std::to_string(pid) + " lies outside the daemon's cgroup namespace; run treelined on the host", EXDEV};
    return path;
  }
  return Error{"process " + std::to_string(pid) + " has no cgroup v2; boot with systemd.unified_cgroup_hierarchy=1", ENOTSUP};
}

Result<uint64_t> Cgroups::id(const std::string& path) const {
  struct stat st {};
  if (stat((mount_ + path).c_str(), &st) != 0) return system_error("cannot look at cgroup " + path, errno);
  if (!S_ISDIR(st.st_mode)) return Error{path + " is no cgroup", ENOTDIR};
  return static_cast<uint64_t>(st.st_ino);  // 64 bit: the inode number of a kernfs directory is its node's id
}

Result<std::string> Cgroups::find(uint64_t id) const {
  if (access((mount_ + "/cgroup.controllers").c_str(), F_OK) != 0) return system_error("no cgroup v2 hierarchy at " + mount_, errno);
  return find_below("", id);
}

Result<std::string> Cgroups::find_below(const std::string& path, uint64_t wanted) const {
  Result<std::vector<std::string>> children = list_directories(mount_ + path);
  if (!children && children.error().code == ENOENT && !path.empty()) return std::string();  // ended meanwhile
  if (!children) return children.error();
  for (const std::string& child : *children) {
    const std::string below = path + "/" + child;
    Result<uint64_t> found = id(below);
    if (found && *found == wanted) return below;
    if (!found && found.error().code != ENOENT) return found.error();
    Result<std::string> deeper = find_below(below, wanted);
    if (!deeper || !deeper->empty()) return deeper;
  }
  return std::string();
}

Result<void> Cgroups::create(const std::string& path) const { return make_directories(mount_ + path, 0755); }

Result<bool> Cgroups::claim(const std::string& path) const {
  const std::string parent = path.substr(0, path.rfind('/'));
  for (int round = 0; round < 10; ++round) {  // an ending treelined may remove the parent in between
    if (Result<void> made = create(parent); !made) return made.error();
    if (mkdir((mount_ + path).c_str(), 0755) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != ENOENT) break;
  }
  return system_error("cannot make cgroup " + path, errno);
}

Result<void> Cgroups::enter(const std::string& path, pid_t pid) const {
  return write_control(mount_ + path + "/cgroup.procs", std::to_string(pid));
}

bool Cgroups::exists(const std::string& path) const { return access((mount_ + path).c_str(), F_OK) == 0; }

Result<bool> Cgroups::populated(const std::string& path) const {
  if (path.empty() || path == "/") return Error{"the root cgroup is no container's", EINVAL};
  Result<std::string> events = read_file(mount_ + path + "/cgroup.events");
  if (events) {
    if (events->find("populated 1") != std::string::npos) return true;
    if (events->find("populated 0") != std::string::npos) return false;
    return Error{mount_ + path + "/cgroup.events does not say whether it is populated", EBADMSG};
  }
  const int code = events.error().code;
  if (code == ENODEV) return false;  // removed while it was read
  if (code != ENOENT) return events.error();
  // Gone, if this is the hierarchy still; what is mounted over it has no cgroups either.
  if (access((mount_ + "/cgroup.controllers").c_str(), F_OK) != 0) return system_error("no cgroup v2 hierarchy at " + mount_, errno);
  return false;
}

bool Cgroups::ended(const std::string& path) const {
  Result<bool> somebody = populated(path);
  return somebody && !*somebody;
}

std::vector<pid_t> Cgroups::processes(const std::string& path) const {
  std::vector<pid_t> pids;
  std::istringstream text(read_file_or_empty(mount_ + path + "/cgroup.procs", 16 << 20));
  for (pid_t pid; text >> pid;) pids.push_back(pid);
  return pids;
}

Result<void> Cgroups::remove(const std::string& path) const {
  for (const std::string& child : directories_in(mount_ + path))
    if (Result<void> removed = remove(path + "/" + child); !removed) return removed;
  if (rmdir((mount_ + path).c_str()) != 0 && errno != ENOENT) return system_error("cannot remove cgroup " + path, errno);
  return {};
}

Result<void> Cgroups::freeze(const std::string& path, bool frozen) const {
  return write_control(mount_ + path + "/cgroup.freeze", frozen ? "1" : "0");
}

bool Cgroups::frozen(const std::string& path) const {
  return read_file_or_empty(mount_ + path + "/cgroup.freeze").starts_with('1');
}

Result<void> Cgroups::kill_all(const std::string& path) const {
  if (path.empty() || path == "/") return Error{"the root cgroup is no container's: that would be the whole machine", EINVAL};
  Result<void> killed = write_control(mount_ + path + "/cgroup.kill", "1");  // 5.14
  if (killed || !exists(path)) return {};
  // Nothing forks while it is frozen (5.2), and what is frozen can be killed.
  const bool frozen_by_us = !frozen(path) && freeze(path, true).has_value();
  Result<void> signalled = signal_all(path);
  if (frozen_by_us) (void)!freeze(path, false).has_value();
  return signalled;
}

// Each level before those below it, and past errors: how deep they go, and what they are called, may be the container's to say.
Result<void> Cgroups::signal_all(const std::string& path, int depth) const {
  constexpr int kDeepest = 64;
  Result<void> all = signal_level(path);
  Result<std::vector<std::string>> below = list_directories(mount_ + path);
  if (!below) return below.error().code == ENOENT ? all : Result<void>(below.error());
  if (depth == kDeepest && !below->empty()) return Error{"cgroups more than " + std::to_string(kDeepest) + " levels below are not looked into", ELOOP};
  for (const std::string& child : *below)
    if (Result<void> signalled = signal_all(path + "/" + child, depth + 1); !signalled) all = signalled;
  return all;
}

Result<void> Cgroups::signal_level(const std::string& path) const {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {  // who forks meanwhile is met in the next round
    Result<std::string> text = read_file(mount_ + path + "/cgroup.procs", 16 << 20);
    if (!text) return text.error().code == ENOENT || text.error().code == ENODEV ? Result<void>{} : Result<void>(text.error());
    if (text->empty()) return {};
    std::istringstream pids(*text);
    for (pid_t pid; pids >> pid;)
      if (pid > 0) kill(pid, SIGKILL);
    usleep(1000);
  }
  return Error{"processes in cgroup " + path + " are left after " + std::to_string(kRounds) + " rounds of SIGKILL", EAGAIN};
}

bool Cgroups::replaced(const std::string& path, uint64_t wanted) const {
  Result<uint64_t> now = id(path);
  return now && *now != wanted;
}

std::optional<uint64_t> Cgroups::cpu_time(const std::string& path) const {
  std::istringstream lines(read_file_or_empty(mount_ + path + "/cpu.stat"));
  std::string key;
  for (uint64_t value = 0; lines >> key >> value;)
    if (key == "usage_usec") return value;
  return std::nullopt;
}

}  // namespace treeline::workload
