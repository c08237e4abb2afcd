// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/boot.h"

#include <sstream>

#include "enforcer/base/files.h"

namespace treeline {

std::string boot_parameter(const std::string& command_line) {
  std::istringstream words(command_line);
  std::string word, value;
  while (words >> word) {
    if (word == "--") break;  // what follows belongs to init
    if (word.rfind("treeline=", 0) == 0) value = word.substr(9);
  }
  return value;
}

bool switched_off(const std::string& file) { return boot_parameter(read_file_or_empty(file)) == "off"; }

}  // namespace treeline
