// SPDX-License-Identifier: Apache-2.0
//
// The two settings of /etc/treeline/treeline.conf that matter here: `runtime`, the directory of the control socket, and
// `oci_runtime`, the runtime behind the wrapper. What else stands there is treelined's to judge, which does not start
// when it is wrong; and without treelined nothing starts here.
#pragma once

#include <string>
#include <string_view>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

constexpr char kDefaultConf[] = "/etc/treeline/treeline.conf";

struct Settings {
  std::string socket = "/run/treeline/treeline.sock";
  std::string oci_runtime;  // "": not set
};

Result<Settings> parse_settings(std::string_view text, const std::string& file);
// A missing file is the defaults when it is kDefaultConf; one that others than root can write is refused.
Result<Settings> read_settings(const std::string& path);

}  // namespace treeline::oci
