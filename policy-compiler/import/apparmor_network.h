// SPDX-License-Identifier: Apache-2.0
//
// Network rules of AppArmor: network [FAMILY] [TYPE | PROTOCOL], and behind it what AppArmor 4 says of addresses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/import/draft.h"

namespace treeline::import_ {

struct NotCarried {
  std::string why, remedy;
};

// Grants what the words, the first of which is "network", allow; nullopt, or why that cannot be.
std::optional<NotCarried> grant_network(const std::vector<std::string>& words, Position position, Draft& draft,
                                        ir::Node& node, Diagnostics& diagnostics);

}  // namespace treeline::import_
