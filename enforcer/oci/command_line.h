// SPDX-License-Identifier: Apache-2.0
//
// The runtime's own command line, as far as it has to be understood to see a container being started: runc's and crun's
// `[GLOBAL OPTIONS] VERB [OPTIONS] ID`. What cannot be told for certain is an Error where it could hide a start, and is
// passed on elsewhere:
//
//   --log F --log-format json create --bundle B --pid-file P ID      verb "create", bundle B, log F in JSON
//   --frobnicate create web                                          Error: an option, or an option and its value?
//   --frobnicate list                                                verb "list"
#pragma once

#include <span>
#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

struct RuntimeCall {
  std::string verb;          // "" when there is none
  std::string bundle = ".";  // of create, run, restore
  std::string id;            // the container's, likewise; "" when there is none
  std::string log;           // file of --log, "" for none
  bool log_json = false;

  [[nodiscard]] bool starts() const { return verb == "create" || verb == "run" || verb == "restore"; }
};

// Fills `call` as far as it came: with an Error too, --log is where it is told.
Result<void> parse_call(std::span<const std::string> args, RuntimeCall& call);

}  // namespace treeline::oci
