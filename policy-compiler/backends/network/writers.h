// SPDX-License-Identifier: Apache-2.0
//
// Flows -> the object that each kind of policy is, and what the three have alike.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/network/flows.h"
#include "policy-compiler/backends/network/yaml.h"

namespace treeline::backends::network {

Json kubernetes(const ir::Policy& policy, const Options& options, const std::vector<Flow>& flows);
Json cilium(const ir::Policy& policy, const Options& options, const std::vector<Flow>& flows);
Json calico(const ir::Policy& policy, const Options& options, const std::vector<Flow>& flows);

Json metadata(const ir::Policy& policy, const Options& options);
Json labels(const std::vector<ir::Label>& list);
std::string upper(ir::Protocol protocol);  // "TCP"

}  // namespace treeline::backends::network
