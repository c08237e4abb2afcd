// SPDX-License-Identifier: Apache-2.0
//
// Hooks that some kernels lack, and what answers there instead. Any other absence is an error: nothing is silently weaker.
#pragma once

#include <cstring>

namespace treeline::kernel {

struct Substitute {
  const char* hook;
  const char* note;  // since when there is the hook, and what answers before
};

inline constexpr Substitute kSubstitutes[] = {
    {"file_truncate", "before 6.2 ftruncate asks path_truncate"},
    {"path_chown", "before 6.0 a program cannot take structures by value: inode_setattr answers"},
    {"inode_setattr", "path_chown answers"},
    {"userns_create", "before 6.1 there is no hook: the bundle's seccomp filter has to answer"},
    {"inode_init_security_anon", "before 5.12 (for io_uring 5.16) there is no hook: the bundle's seccomp filter has to answer for userfaultfd and io_uring"},
    {"file_ioctl_compat", "file_ioctl answers for 32-bit programs"},
    {"inode_set_acl", "before 6.2 an access list is set as an extended attribute: inode_setxattr answers"},
    {"inode_file_setattr", "before 6.17 there is no file_setattr(2), and file_ioctl answers for chattr"},
    {"inode_remove_acl", "before 6.2 an access list is removed as an extended attribute: inode_removexattr answers"},
};

// nullptr: nothing answers for it.
inline const char* substitute_of(const char* hook) {
  for (const Substitute& s : kSubstitutes)
    if (!std::strcmp(s.hook, hook)) return s.note;
  return nullptr;
}

}  // namespace treeline::kernel
