// SPDX-License-Identifier: Apache-2.0
//
// Profiles as text for apparmor_parser(8). The features are those of abi 3.0, whatever kernel loads it: the parser would
// take its own newest ones else, or relax with a warning.
#pragma once

#include <string>

#include "policy-compiler/backends/apparmor/shape.h"

namespace treeline::backends::apparmor {

// `workload`: flat_name(); the profiles of the workload are each other's peers by it.
std::string write(const Shape& shape, const std::string& workload, bool complain);

}  // namespace treeline::backends::apparmor
