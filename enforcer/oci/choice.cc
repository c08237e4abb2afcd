// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/choice.h"

#include <strings.h>

#include <cerrno>

#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

std::string text_of(const json::Value& annotations, std::string_view key) {
  const json::Value* value = annotations.find(key);
  return value && value->is(json::Kind::kString) ? value->scalar : "";
}

constexpr std::string_view kPolicy = "treeline.policy", kSandboxPolicy = "treeline.sandbox-policy";

// podman says so of each of its containers. Before 4.5.1 it hands the image's annotations on, so whoever made the image would say what the container is in
// a pod (containers/podman 18542).
bool is_of_podman(const json::Value& annotations) { return text_of(annotations, "io.container.manager") == "libpod"; }

// The names of containerd and of CRI-O.
bool is_sandbox(const json::Value& annotations) {
  constexpr std::string_view kCriO = "io.kubernetes.cri-o.ContainerType";
  return text_of(annotations, annotations.find(kCriO) ? kCriO : "io.kubernetes.cri.container-type") == "sandbox";
}

// In its pod; "" where it is in none. CRI-O: kubelet's label, else what the CRI calls the container's metadata.
std::string container_name(const json::Value& annotations) {
  for (std::string_view key : {"io.kubernetes.cri.container-name", "io.kubernetes.container.name"})
    if (std::string name = text_of(annotations, key); !name.empty()) return name;
  Result<json::Value> metadata = json::parse(text_of(annotations, "io.kubernetes.cri-o.Metadata"));
  return metadata ? text_of(*metadata, "name") : "";
}

// A mistyped key would leave the container to the default, or to the policy of another.
Result<void> check_keys(const json::Value& annotations) {
  constexpr std::string_view kOurs = "treeline", kPolicyOf = "treeline.policy.";
  for (const json::Member& member : annotations.members) {
    const std::string& key = member.name;
    const bool one = key.size() > kPolicyOf.size() && std::string_view(key).substr(0, kPolicyOf.size()) == kPolicyOf;
    if (strncasecmp(key.c_str(), kOurs.data(), kOurs.size()) != 0 || key == kPolicy || key == kSandboxPolicy || one)
      continue;
    return Error{"there is no annotation " + text::quoted(key) +
                     "; there are treeline.policy, treeline.policy.CONTAINER and treeline.sandbox-policy",
                 EINVAL};
  }
  return {};
}

}  // namespace

Result<std::string> policy_asked_for(const json::Value* annotations) {
  if (!annotations || annotations->is(json::Kind::kNull)) return std::string();
  if (!annotations->is(json::Kind::kObject)) return Error{"annotations is not an object", EINVAL};
  if (Result<void> known = check_keys(*annotations); !known) return known.error();
  std::string key(kPolicy);
  if (!is_of_podman(*annotations)) {
    if (is_sandbox(*annotations))
      key = kSandboxPolicy;
    else if (std::string name = container_name(*annotations); annotations->find(key + "." + name))
      key += "." + name;
  }
  const json::Value* asked = annotations->find(key);
  if (!asked) return std::string();
  if (!asked->is(json::Kind::kString)) return Error{"annotation " + text::quoted(key) + " is not a string", EINVAL};
  if (!valid_policy_name(asked->scalar))
    return Error{"annotation " + text::quoted(key) + " is " + text::quoted(asked->scalar) +
                     ", which is no name of a policy: " + kPolicyNames,
                 EINVAL};
  return asked->scalar;
}

}  // namespace treeline::oci
