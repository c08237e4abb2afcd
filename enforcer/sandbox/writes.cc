// SPDX-License-Identifier: Apache-2.0
#include "enforcer/sandbox/writes.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"

namespace treeline::sandbox {
namespace {

// linux/landlock.h of 6.12; the header that this is built with may be older. Version 2 (5.19) has REFER, 3 (6.2) TRUNCATE, 4 (6.7) TCP, 5 (6.10) IOCTL_DEV.
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kRemoveDirectory = 1 << 4, kRemoveFile = 1 << 5, kMakeCharacter = 1 << 6,
                   kMakeDirectory = 1 << 7, kMakeRegular = 1 << 8, kMakeSocket = 1 << 9, kMakeFifo = 1 << 10, kMakeBlock = 1 << 11, kMakeSymlink = 1 << 12,
                   kRefer = 1 << 13, kTruncate = 1 << 14, kIoctlDevice = 1 << 15;
constexpr uint64_t kBindTcp = 1 << 0, kConnectTcp = 1 << 1;
struct RulesetAttributes {
  uint64_t files, network;
};

uint64_t handled(int version) {
  uint64_t rights = kExecute | kWriteFile | kRemoveDirectory | kRemoveFile | kMakeCharacter | kMakeDirectory | kMakeRegular | kMakeSocket | kMakeFifo |
                    kMakeBlock | kMakeSymlink;
  if (version >= 2) rights |= kRefer;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kIoctlDevice;
  return rights;
}

uint64_t rights_of(Writes what) {
  switch (what) {
    case Writes::kFiles: return kWriteFile | kTruncate | kMakeRegular | kMakeDirectory | kRemoveFile | kRemoveDirectory;
    case Writes::kControls: return kWriteFile | kMakeDirectory | kRemoveDirectory;
    case Writes::kRemoval: return kRemoveFile | kRemoveDirectory;
    case Writes::kEmptied: return kRemoveDirectory;
  }
  return 0;
}

Result<void> allow(int ruleset, const Place& place, uint64_t known) {
  const UniqueFd directory(open(place.path.c_str(), O_PATH | O_CLOEXEC | O_DIRECTORY));
  if (!directory && errno == ENOENT) return {};
  if (!directory) return system_error("cannot open " + place.path, errno);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights_of(place.what) & known;
  rule.parent_fd = directory.get();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) return system_error("Landlock does not take " + place.path, errno);
  return {};
}

}  // namespace

Result<int> limit_writes(std::span<const Place> places) {
  const auto version = static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return 0;  // ENOSYS: not in the kernel; EOPNOTSUPP: not in force
  const uint64_t known = handled(version);
  const RulesetAttributes attributes{known, version >= 4 ? kBindTcp | kConnectTcp : 0};
  const UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, version >= 4 ? sizeof attributes : sizeof attributes.files, 0)));
  if (!ruleset) return system_error("cannot make a Landlock ruleset", errno);
  for (const Place& place : places)
    if (Result<void> allowed = allow(ruleset.get(), place, known); !allowed) return allowed.error();
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return system_error("cannot put Landlock's ruleset in force", errno);
  return version;
}

}  // namespace treeline::sandbox
