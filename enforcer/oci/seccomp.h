// SPDX-License-Identifier: Apache-2.0
//
// Are two OCI seccomp filters the same? By meaning of the format, not by bytes: container engines decode a filter and
// write it again, which moves names and drops members that are empty ("args": [], "valueTwo": 0). A member that is
// missing is not the same as a zero where zero means something: errnoRet 0 lets a refused call report success, a
// missing one is EPERM.
#pragma once

#include <string>

#include "enforcer/oci/json_text.h"

namespace treeline::oci {

// "" when they are the same, else the first place where `have` differs: "syscalls[3].action is 'SCMP_ACT_ALLOW', not
// 'SCMP_ACT_ERRNO'".
std::string seccomp_difference(const json::Value& have, const json::Value& want);

}  // namespace treeline::oci
