// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/names.h"

#include "policy-compiler/support/text.h"

namespace treeline::backends::apparmor {
namespace {

constexpr size_t kMostOfName = 40, kKeyDigits = 16;

std::string last_name(const std::string& pattern) {
  std::string out;
  for (const char c : pattern.substr(pattern.rfind('/') + 1)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    out += good && (c != '.' || !out.empty()) ? c : '_';
  }
  return out.substr(0, kMostOfName);
}

// An id that looks like a name that is made here.
bool ends_in_key(const std::string& id) {
  return id.size() > kKeyDigits && id[id.size() - kKeyDigits - 1] == '-' &&
         id.find_first_not_of("0123456789abcdef", id.size() - kKeyDigits) == std::string::npos;
}

}  // namespace

std::string flat_name(const ir::Policy& policy) {
  std::string name = "treeline.";
  for (const char c : policy.name) name += c == '.' ? std::string("..") : std::string(1, c);
  return name;
}

std::string roots_name(const ir::Policy& policy) { return flat_name(policy) + ".-roots"; }

std::string shared_name(const ir::Policy& policy, uint64_t key) { return flat_name(policy) + ".-shared-" + text::hex64(key).substr(2); }

std::vector<std::string> node_names(const ir::Policy& policy) {
  std::vector<std::string> names;
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    const ir::Node& node = policy.nodes[n];
    std::string label = node.id;
    if (label.empty() || ends_in_key(label)) {
      if (label.empty()) label = last_name(node.executable.text);
      label += "-" + text::hex64(ir::node_key(ir::canonical_path(policy, n))).substr(2);
    }
    names.push_back(flat_name(policy) + "." + label);
  }
  return names;
}

}  // namespace treeline::backends::apparmor
