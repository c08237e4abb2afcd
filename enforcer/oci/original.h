// SPDX-License-Identifier: Apache-2.0
//
// What config.json held where the wrapper wrote a policy's filter and profile. It is kept beside it (kOriginalFile), so
// that a bundle which is started again, under another policy, in monitor or unbound, begins with the engine's own and
// not with what an older policy left.
//
//   Result<void> back = put_back(bundle_directory, config);      // nothing where an engine wrote config.json anew
//   const Config before = config;
//   ...                                                          // what the policy wants
//   Result<void> kept = keep(bundle_directory, before, config);  // then config.json is written: a crash loses nothing
//
// A file and no annotation: annotations are the pod's author's to write.
#pragma once

#include <string>

#include "enforcer/oci/config.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

constexpr char kOriginalFile[] = "treeline-original.json";

Result<void> put_back(const std::string& bundle, Config& config);
Result<void> keep(const std::string& bundle, const Config& before, const Config& after);

}  // namespace treeline::oci
