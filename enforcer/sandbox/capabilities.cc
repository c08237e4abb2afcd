// SPDX-License-Identifier: Apache-2.0
#include "enforcer/sandbox/capabilities.h"

#include <cap-ng.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <sstream>

#include "enforcer/base/files.h"

namespace treeline::sandbox {
namespace {

std::string name_of(unsigned capability) {
  const char* name = capng_capability_to_name(capability);
  std::string text = "CAP_" + (name ? std::string(name) : std::to_string(capability));
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

Result<void> keep_only(std::span<const unsigned> kept) {
  if (capng_get_caps_process() != 0) return system_error("the process's capabilities cannot be read", errno);
  const uint64_t held = mask_of(kept, last_capability()) & sets_now().permitted;
  capng_clear(CAPNG_SELECT_ALL);
  for (unsigned capability = 0; capability < 64; ++capability)
    if (held >> capability & 1)
      if (capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET), capability) != 0)
        return system_error("cannot keep " + name_of(capability), EINVAL);
  if (const int code = capng_apply(CAPNG_SELECT_ALL); code != 0)
    return Error{"capabilities cannot be laid down (libcap-ng: " + std::to_string(code) + "): treelined has to be started with CAP_SETPCAP", EPERM};
  return {};
}

Sets sets_in(const std::string& status) {
  Sets sets;
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);)
    for (auto [key, set] : {std::pair("CapInh:", &sets.inheritable), std::pair("CapPrm:", &sets.permitted), std::pair("CapEff:", &sets.effective),
                            std::pair("CapBnd:", &sets.bounding), std::pair("CapAmb:", &sets.ambient)})
      if (line.rfind(key, 0) == 0) *set = std::strtoull(line.c_str() + std::string_view(key).size(), nullptr, 16);
  return sets;
}

Sets sets_now() { return sets_in(read_file_or_empty("/proc/self/status")); }

uint64_t mask_of(std::span<const unsigned> capabilities, unsigned last) {
  uint64_t mask = 0;
  for (unsigned capability : capabilities) mask |= uint64_t{1} << (capability <= last ? capability : unsigned{CAP_SYS_ADMIN});
  return mask;
}

unsigned last_capability() {
  const std::string text = trim(read_file_or_empty("/proc/sys/kernel/cap_last_cap"));
  return text.empty() ? unsigned{CAP_LAST_CAP} : static_cast<unsigned>(std::strtoul(text.c_str(), nullptr, 10));
}

std::vector<std::string> names_of(uint64_t mask) {
  std::vector<std::string> found;
  for (unsigned capability = 0; capability < 64; ++capability)
    if (mask >> capability & 1) found.push_back(name_of(capability));
  return found;
}

}  // namespace treeline::sandbox
