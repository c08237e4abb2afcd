// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "policy-compiler/bundle/form.h"
#include "policy-compiler/support/text.h"

namespace treeline::bundle {
namespace {

constexpr size_t kMaxRules = 4u << 20;
constexpr size_t kMaxPattern = 1u << 20;

}  // namespace

Result<std::string> encode_rules(std::vector<RuleEntry> rules) {
  const auto key = [](const RuleEntry& rule) {
    return std::tie(rule.row, rule.position, rule.kind, rule.pattern, rule.words);
  };
  std::sort(rules.begin(), rules.end(), [&](const RuleEntry& a, const RuleEntry& b) { return key(a) < key(b); });
  std::string out = "[";
  for (const RuleEntry& rule : rules) {
    const Json json = {{"row", rule.row},
                       {"key", text::hex64(rule.key)},
                       {"kind", rule.kind},
                       {"words", rule.words},
                       {"pattern", rule.pattern},
                       {"line", rule.position.line},
                       {"column", rule.position.column}};
    out += out.size() == 1 ? "\n" : ",\n";
    try {
      out += json.dump();
    } catch (const Json::exception&) {
      return Error{"cannot write rules.json: " + text::quoted(rule.pattern) + " is not UTF-8"};
    }
  }
  return out + "\n]\n";
}

Result<std::vector<RuleEntry>> decode_rules(std::string_view json) {
  try {
    const Json list = parse(json);
    if (!list.is_array() || list.size() > kMaxRules) throw BadField{"a list of rules was expected"};
    std::vector<RuleEntry> rules;
    rules.reserve(list.size());
    for (const Json& item : list) {
      RuleEntry rule;
      rule.row = static_cast<uint32_t>(number_field(item, "row", UINT32_MAX));
      rule.key = hex_field(item, "key");
      rule.kind = text_field(item, "kind", 31);
      rule.words = text_field(item, "words", 1023);
      rule.pattern = text_field(item, "pattern", kMaxPattern);
      rule.position = {static_cast<uint32_t>(number_field(item, "line", UINT32_MAX)),
                       static_cast<uint32_t>(number_field(item, "column", UINT32_MAX))};
      rules.push_back(std::move(rule));
    }
    return rules;
  } catch (const BadField& bad) {
    return Error{std::string(kRules) + ": " + bad.message};
  }
}

}  // namespace treeline::bundle
