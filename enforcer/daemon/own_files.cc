// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/own_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"
#include "enforcer/base/mounts.h"
#include "enforcer/base/own_path.h"

namespace treeline::daemon {
namespace {

namespace fs = std::filesystem;

// Of its superblock: btrfs and overlay show stat(2) another one.
uint64_t device_of(int fd, const struct stat& status, const std::vector<Mount>& mounts) {
  if (const uint64_t device = device_of_mount(mounts, parse_fdinfo(read_file_or_empty("/proc/self/fdinfo/" + std::to_string(fd))).mount_id)) return device;
  return kernel_device(major(status.st_dev), minor(status.st_dev));
}

class Table {
 public:
  // nullopt: it is not there.
  std::optional<fs::path> add(const std::string& path, tl_own_kind kind) {
    std::error_code missing;
    fs::path real = fs::canonical(path, missing);
    if (missing) return std::nullopt;
    UniqueFd fd(open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!fd || fstat(fd.get(), &status) != 0 || (kind != TL_OWN_FILE) != S_ISDIR(status.st_mode)) return std::nullopt;
    long generation = 0;
    if (ioctl(fd.get(), FS_IOC_GETVERSION, &generation) != 0) generation = 0;
    tl_own own{};
    own.inode = status.st_ino;
    own.generation = static_cast<uint32_t>(generation);
    own.device = static_cast<uint32_t>(device_of(fd.get(), status, mounts_));
    own.kind = kind;
    const auto same = [&](const tl_own& other) { return other.inode == own.inode && other.device == own.device; };
    if (auto known = std::find_if(found_.begin(), found_.end(), same); known != found_.end()) known->kind |= kind;
    else found_.push_back(own);
    return real;
  }

  [[nodiscard]] const std::vector<tl_own>& found() const { return found_; }

 private:
  std::vector<Mount> mounts_ = parse_mountinfo(read_file_or_empty("/proc/self/mountinfo", 16 << 20));
  std::vector<tl_own> found_;
};

}  // namespace

std::vector<std::string> own_programs() {
  Result<std::string> self = own_path();
  if (!self) return {};
  std::vector<std::string> programs{*self};
  const fs::path directory = fs::path(*self).parent_path();
  for (const fs::path& beside : {directory, directory.parent_path() / "bin", directory.parent_path() / "sbin"})
    for (const char* name : {"treelined", "treeline", "treeline-oci", "treelinec"}) programs.push_back((beside / name).string());
  return programs;
}

Result<std::vector<tl_own>> find_own(const OwnFiles& files) {
  Table trees, others;
  std::vector<fs::path> real;
  for (const std::string& path : files.trees)
    if (std::optional<fs::path> there = trees.add(path, TL_OWN_TREE)) real.push_back(*there);
  for (const std::string& path : files.files)
    if (std::optional<fs::path> there = others.add(path, TL_OWN_FILE)) real.push_back(*there);
  for (const fs::path& path : real)
    for (fs::path way = path.parent_path(); way != way.root_path(); way = way.parent_path()) (void)others.add(way.string(), TL_OWN_WAY);
  std::vector<tl_own> table = trees.found();
  table.insert(table.end(), others.found().begin(), others.found().end());
  if (trees.found().size() > TL_OWN_TREES || table.size() > TL_OWN_MAX || devices_of(table).size() > TL_OWN_DEVICES)
    return Error{"treelined's directories and programs lie in too many places to be kept from bound processes (" + std::to_string(trees.found().size()) + " and " +
                     std::to_string(others.found().size()) + "): name fewer directories in treeline.conf",
                 E2BIG};
  return table;
}

std::vector<uint32_t> devices_of(const std::vector<tl_own>& table) {
  std::vector<uint32_t> devices;
  for (const tl_own& own : table)
    if (std::find(devices.begin(), devices.end(), own.device) == devices.end()) devices.push_back(own.device);
  return devices;
}

}  // namespace treeline::daemon
