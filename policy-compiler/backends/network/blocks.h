// SPDX-License-Identifier: Apache-2.0
//
// Address blocks: what `internal` and `external` are, and what is within what.
#pragma once

#include <vector>

#include "policy-compiler/backends/network/flows.h"

namespace treeline::backends::network {

bool within(const ir::Cidr& inner, const ir::Cidr& outer);  // equal counts
bool loopback(const ir::Cidr& block);                       // within 127.0.0.0/8, or ::1

std::vector<Block> internal_blocks();
std::vector<Block> external_blocks();

}  // namespace treeline::backends::network
