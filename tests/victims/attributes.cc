// SPDX-License-Identifier: Apache-2.0
//
// What a file has beside its contents: flags of the inode, extended attributes, an access list. By a program that may have every capability; each is
// taken back at once.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/scene.h"

namespace victim {
namespace {

void inode_flags(const Scene& s) {
  const int fd = open(s.file("page.html").c_str(), O_RDONLY | O_CLOEXEC);
  int flags = 0, had = 0;
  if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &had) != 0) return tell(false, "the flags");
  flags = had | FS_NODUMP_FL;
  const bool set = ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
  const int error = errno;
  int has = 0;
  const bool seen = set && ioctl(fd, FS_IOC_GETFLAGS, &has) == 0 && (has & FS_NODUMP_FL);
  if (set) ioctl(fd, FS_IOC_SETFLAGS, &had);
  errno = error;
  tell(seen, "an inode's flags");
}

// Sets it, looks for it, and takes it back.
bool sets_attribute(const std::string& path, const char* name, const void* value, size_t size) {
  const bool set = setxattr(path.c_str(), name, value, size, 0) == 0;
  const int error = errno;
  const bool seen = set && !attribute_of(path, name).empty();
  if (set) removexattr(path.c_str(), name);
  errno = error;
  return seen;
}

// What gives a program capabilities.
void file_capability(const Scene& s) {
  const struct {
    uint32_t magic = 0x02000001, sets[4] = {1u << CAP_NET_RAW, 0, 0, 0};  // linux/capability.h: struct vfs_cap_data
  } capability;
  tell(sets_attribute(s.file("page.html"), "security.capability", &capability, sizeof capability), "a file's capabilities");
}

constexpr char kNew[] = "trusted.victim", kThere[] = "trusted.there", kList[] = "system.posix_acl_access";
void attribute(const Scene& s) { tell(sets_attribute(s.file("page.html"), kNew, "1", 1), "an attribute"); }
void drop_attribute(const Scene& s) {
  const std::string page = s.file("page.html");
  if (attribute_of(page, kThere).empty()) return tell(false, "no attribute there");
  tell(removexattr(page.c_str(), kThere) == 0 && attribute_of(page, kThere).empty(), "an attribute less");
}
void access_list(const Scene& s) {
  struct {  // linux/posix_acl_xattr.h: owner, user 12345, group, mask, others
    uint32_t version = 2;
    struct {
      uint16_t tag, permissions;
      uint32_t id;
    } entries[5] = {{1, 6, ~0u}, {2, 7, 12345}, {4, 4, ~0u}, {0x10, 7, ~0u}, {0x20, 4, ~0u}};
  } list;
  tell(sets_attribute(s.file("page.html"), kList, &list, sizeof list), "an access list");
}
void drop_access_list(const Scene& s) {
  const std::string listed = s.file("ok/listed");
  if (attribute_of(listed, kList).empty()) return tell(false, "no access list there");
  tell(removexattr(listed.c_str(), kList) == 0 && attribute_of(listed, kList).empty(), "an access list less");
}

}  // namespace

std::vector<Act> attribute_acts() {
  return {{"inode-flags", "FS_IOC_SETFLAGS", inode_flags},
          {"file-capability", "setxattr of security.capability", file_capability},
          {"attribute", "setxattr", attribute},
          {"drop-attribute", "removexattr", drop_attribute},
          {"access-list", "a POSIX access list", access_list},
          {"drop-access-list", "removexattr of one", drop_access_list}};
}

}  // namespace victim
