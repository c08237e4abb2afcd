// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/rootless.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "enforcer/base/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {

bool is_initial_user_namespace(std::string_view uid_map) {
  const std::string line = trim(uid_map);
  if (line.find('\n') != std::string::npos) return false;
  const std::vector<std::string_view> words = text::words(line);
  return words.size() == 3 && words[0] == "0" && words[1] == "0" && words[2] == "4294967295";
}

Result<void> check_not_rootless() {
  if (geteuid() == 0 && is_initial_user_namespace(read_file_or_empty("/proc/self/uid_map"))) return {};
  return Error{"this runtime is rootless (uid " + std::to_string(geteuid()) +
                   (geteuid() == 0 ? " of a user namespace" : "") +
                   "): Treeline binds containers that root starts; run the container engine as root",
               ENOTSUP};
}

}  // namespace treeline::oci
