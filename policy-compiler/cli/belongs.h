// SPDX-License-Identifier: Apache-2.0
//
// The machine enforces a bundle's policy.img, people and commands read its profile.yaml: what is said of one must be true of the other. Digests do
// not say so, whoever writes the bundle writes them too. Lowering gives the same bytes everywhere, so the profile is lowered again.
//
//   if (Result<void> same = belongs_together(loaded); !same) return same.error();      // EBADMSG
//
// Compared: policy.img, rules.json, closing.json, the name, the nodes, and the residuals of these. Not: the AppArmor profile and the filter of
// listed system calls with their residuals, which depend on options that a bundle does not hold, and are fences behind the image. A bundle of another compiler version is compared as well: it is
// refused where that one wrote other bytes, and has to be compiled again.
#pragma once

#include "policy-compiler/cli/load.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

// `loaded`: of a bundle, and good().
Result<void> belongs_together(const Loaded& loaded);

}  // namespace treeline::cli
