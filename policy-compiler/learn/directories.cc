// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/directories.h"

#include "bpf/lsm/abi.h"

namespace treeline::learn {

void Directories::saw(const std::string& name, ir::AccessSet words) {
  if ((words & (TL_MKDIR | TL_LIST)) != 0) names_.insert(name);
  for (size_t slash = name.rfind('/'); slash != std::string::npos && slash != 0; slash = name.rfind('/', slash - 1))
    if (!names_.insert(name.substr(0, slash)).second) break;  // with all above it
}

}  // namespace treeline::learn
