// SPDX-License-Identifier: Apache-2.0
//
// The machine enforces a bundle's policy.img and what stands beside it, people and commands read its profile.yaml: what is said of one must be true
// of the other. Digests do not say so, whoever writes the bundle writes them too. Lowering gives the same bytes everywhere, so the profile is
// lowered again, with the options that the manifest notes.
//
//   if (Result<void> same = belongs_together(loaded); !same) return same.error();      // EBADMSG
//
// Compared is all: each artifact, that there is none besides, and the manifest with its nodes and residuals. Refused as well, and to be compiled again: a
// bundle of schema 1, which notes no options, and one of which another compiler version, or another libseccomp, wrote other bytes.
#pragma once

#include "policy-compiler/cli/load.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

// `loaded`: of a bundle that was read (it has a digest), and good().
Result<void> belongs_together(const Loaded& loaded);

// Can this program write the bytes of this bundle? "", or who wrote them.
std::string other_writer(const bundle::Bundle& bundle);

}  // namespace treeline::cli
