// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/options.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "enforcer/base/policy_name.h"
#include "enforcer/oci/settings.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {

Result<Options> take_options(std::span<const std::string> args) {
  Options options;
  options.conf = kDefaultConf;
  const std::pair<std::string, std::string*> known[] = {
      {"--runtime", &options.runtime}, {"--conf", &options.conf}, {"--policy", &options.policy}};
  while (!args.empty()) {
    if (args[0] == "--without-filter") {
      options.without_filter = true;
      args = args.subspan(1);
      continue;
    }
    const auto* option = std::find_if(std::begin(known), std::end(known), [&](const auto& each) {
      return args[0] == each.first || args[0].rfind(each.first + "=", 0) == 0;
    });
    if (option == std::end(known)) break;
    const auto& [name, value] = *option;
    const bool apart = args[0] == name;
    if (apart && args.size() < 2) return Error{name + " wants a value", EINVAL};
    *value = apart ? args[1] : args[0].substr(name.size() + 1);
    if (value->empty()) return Error{name + " wants a value", EINVAL};
    args = args.subspan(apart ? 2 : 1);
  }
  options.rest = args;
  return options;
}

Result<void> check_policy_name(const Options& options) {
  if (options.policy.empty() || valid_policy_name(options.policy)) return {};
  return Error{"--policy " + text::quoted(options.policy) + " is no name of a policy: " + kPolicyNames, EINVAL};
}

}  // namespace treeline::oci
