// SPDX-License-Identifier: Apache-2.0
//
// /proc/self/mem: writes to read-only memory as a debugger would, past mprotect.
#include <fcntl.h>
#include <unistd.h>

#include "tests/victims/scene.h"

namespace victim {
namespace {

const volatile char g_constant[16] = "unchanged";

void own_memory(const Scene&) {
  const int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  const bool wrote = fd >= 0 && pwrite(fd, "X", 1, reinterpret_cast<off_t>(&g_constant[0])) == 1;
  tell(wrote && g_constant[0] == 'X', "a constant changed by /proc/self/mem");
}

}  // namespace

std::vector<Act> descriptor_acts() { return {{"own-memory", "writes through /proc/self/mem", own_memory}}; }

}  // namespace victim
