// SPDX-License-Identifier: Apache-2.0
//
// Is this an image whose every offset, index and table is what abi.h says? Asked by the enforcer before an image is
// published. Total: any bytes, no crash, time linear in the size (beside the size of its hash chains, which are
// bounded).
//
// It proves shape, not meaning: every lookup of decide.h stays inside its section and inside one element, every state
// leads to states, every row, key, edge and class that is named exists, the reserved classes that are never granted are
// not granted. Who can write a bundle can still write a policy that allows too much: that is what the store's owner and
// the bundle's digests are for.
#pragma once

#include <string_view>

#include "policy-compiler/support/result.h"

namespace treeline::backends::bpf {

// The message names the section, the entry and what is wrong with it.
Result<void> validate(std::string_view image);

}  // namespace treeline::backends::bpf
