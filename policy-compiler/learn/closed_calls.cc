// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/closed_calls.h"

#include <array>
#include <string_view>
#include <vector>

namespace treeline::learn {

std::set<std::string> closed_calls(const std::set<std::string>& seen) {
  using Family = std::vector<std::string_view>;
  // syscalls(2); glibc's fallbacks by its sources' names (fstatat64.c, faccessat.c, clone-internal.c, epoll_wait.c).
  static const std::array<Family, 6> kFamilies = {{
      {"clone", "clone3"},
      {"open", "openat", "openat2"},
      {"stat", "lstat", "fstat", "newfstatat", "statx"},
      {"epoll_create", "epoll_create1"},
      {"epoll_wait", "epoll_pwait", "epoll_pwait2"},
      {"access", "faccessat", "faccessat2"},
  }};
  std::set<std::string> out = seen;
  for (const Family& family : kFamilies) {
    bool used = false;
    for (const std::string_view call : family) used |= seen.contains(std::string(call));
    if (used) out.insert(family.begin(), family.end());
  }
  out.insert({"exit", "exit_group", "restart_syscall", "rt_sigreturn"});
  return out;
}

}  // namespace treeline::learn
