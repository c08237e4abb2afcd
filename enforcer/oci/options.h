// SPDX-License-Identifier: Apache-2.0
//
// Options of treeline-oci itself, in front of the runtime's own words.
#pragma once

#include <span>
#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

struct Options {
  std::string runtime;  // "": the caller's environment or treeline.conf says
  std::string conf;
  std::string policy;                 // of a container that names none by annotation; "": treeline.conf's default
  bool without_filter = false;        // the hook's: let it start without the closing filter where hooks answer for most of it
  std::span<const std::string> rest;  // from the first word that is not ours
};

// EINVAL: a value is missing.
Result<Options> take_options(std::span<const std::string> args);
// Asked only where a policy is needed: a mistake in it must not keep what runs from being stopped.
Result<void> check_policy_name(const Options& options);

}  // namespace treeline::oci
