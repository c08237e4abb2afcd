// SPDX-License-Identifier: Apache-2.0
//
// The name of a policy is a directory and an argument: who takes one asks here first.
#pragma once

#include <string_view>

namespace treeline {

constexpr char kPolicyNames[] = "1 to 63 of [a-z0-9._-], the first a letter, a digit or '_'";

constexpr bool valid_policy_name(std::string_view name) {
  if (name.empty() || name.size() > 63 || name[0] == '.' || name[0] == '-') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

}  // namespace treeline
