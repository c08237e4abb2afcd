// SPDX-License-Identifier: Apache-2.0
//
// A manifest as block YAML: keys in the order in which they were set, text in double quotes wherever a reader of YAML
// could see something else in it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace treeline::backends::network {

using Json = nlohmann::ordered_json;

std::string to_yaml(const Json& value);

}  // namespace treeline::backends::network
