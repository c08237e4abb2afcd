// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/choice.h"

#include <cerrno>

#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

std::string text_of(const json::Value& annotations, std::string_view key) {
  const json::Value* value = annotations.find(key);
  return value && value->is(json::Kind::kString) ? value->scalar : "";
}

}  // namespace

bool valid_policy_name(std::string_view name) {
  if (name.empty() || name.size() > 63 || name[0] == '.' || name[0] == '-') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

Result<std::string> policy_asked_for(const json::Value* annotations) {
  if (!annotations || annotations->is(json::Kind::kNull)) return std::string();
  if (!annotations->is(json::Kind::kObject)) return Error{"annotations is not an object", EINVAL};
  std::string key = "treeline.policy";
  if (text_of(*annotations, "io.kubernetes.cri.container-type") == "sandbox")
    key = "treeline.sandbox-policy";
  else if (std::string name = text_of(*annotations, "io.kubernetes.cri.container-name");
           annotations->find(key + "." + name))
    key += "." + name;
  const json::Value* asked = annotations->find(key);
  if (!asked) return std::string();
  if (!asked->is(json::Kind::kString)) return Error{"annotation " + text::quoted(key) + " is not a string", EINVAL};
  if (!valid_policy_name(asked->scalar))
    return Error{"annotation " + text::quoted(key) + " is " + text::quoted(asked->scalar) +
                     ", which is no name of a policy: 1 to 63 of [a-z0-9._-], the first a letter, a digit or '_'",
                 EINVAL};
  return asked->scalar;
}

}  // namespace treeline::oci
