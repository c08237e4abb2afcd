// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/oci_text.h"

namespace treeline::backends::seccomp {
namespace {

std::string quoted_list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "\"" : ", \"") + word + "\"";
  return "[" + out + "]";
}

// Names need no escapes: the front end takes [a-z0-9_] only.
std::string entry(const std::vector<std::string>& names, const Rule& rule) {
  std::string out = "{\"names\": " + quoted_list(names) + ", \"action\": ";
  out += rule.error == 0 ? "\"SCMP_ACT_ALLOW\"" : R"("SCMP_ACT_ERRNO", "errnoRet": )" + std::to_string(rule.error);
  if (rule.only)
    out += R"(, "args": [{"index": )" + std::to_string(rule.only->index) + R"(, "value": )" +
           std::to_string(rule.only->mask) + R"(, "valueTwo": )" + std::to_string(rule.only->value) +
           R"(, "op": "SCMP_CMP_MASKED_EQ"}])";
  return out + "}";
}

void add_entries(const std::vector<Rule>& rules, std::string& out) {
  const auto add = [&](const std::string& text) { out += (out.empty() ? "\n    " : ",\n    ") + text; };
  std::vector<std::string> free;
  for (const Rule& rule : rules)
    if (rule.error == 0 && !rule.only) free.push_back(rule.call);
  if (!free.empty()) add(entry(free, Rule{}));
  for (const Rule& rule : rules)
    if (rule.error != 0 || rule.only) add(entry({rule.call}, rule));
}

}  // namespace

std::string oci_text(const std::vector<Rule>& listed, const std::vector<Rule>& runtime,
                     const std::vector<Architecture>& architectures) {
  std::vector<std::string> names;
  for (const Architecture architecture : architectures) names.emplace_back(architecture_oci_name(architecture));
  std::string entries;
  add_entries(listed, entries);
  add_entries(runtime, entries);
  return "{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \"architectures\": " + quoted_list(names) +
         ",\n  \"syscalls\": [" + entries + "\n  ]\n}\n";
}

}  // namespace treeline::backends::seccomp
