// SPDX-License-Identifier: Apache-2.0
//
// Treeline's own files, as the hooks know them (struct tl_own): what a bound process changes in no mode, whatever its policy grants and
// by whatever mount it reaches them. What is not there when treelined starts is not among them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/result.h"

namespace treeline::daemon {

struct OwnFiles {
  std::vector<std::string> trees;  // directories, with all below; at most TL_OWN_TREES that are there
  std::vector<std::string> files;
};

// The programs that are installed together with this one, and this one.
std::vector<std::string> own_programs();

// Where this lies in the file systems now, with the directories on the way: trees, files, ways. An Error: more than tl_control holds.
Result<std::vector<tl_own>> find_own(const OwnFiles& files);
// Each once.
std::vector<uint32_t> devices_of(const std::vector<tl_own>& table);

}  // namespace treeline::daemon
