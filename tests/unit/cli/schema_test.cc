// SPDX-License-Identifier: Apache-2.0
// The schema's keys are those that the front end takes: asked of the front end itself, by a key that nobody knows.
#include <gmock/gmock.h>

#include <set>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/frontend/profile.h"

namespace treeline::cli {
namespace {

Json print_schema() {
  testing::internal::CaptureStdout();
  EXPECT_EQ(schema({}), 0);
  return Json::parse(testing::internal::GetCapturedStdout());
}

// "it may have: a, b" of the mapping that holds `zzzzzzzz`.
std::set<std::string> taken(const std::string& profile) {
  Diagnostics diagnostics;
  (void)frontend::read_profile(profile, diagnostics);
  std::set<std::string> keys;
  for (const Diagnostic& d : diagnostics.list()) {
    const std::string begin = "it may have: ";
    if (d.code != "unknown-key" || d.remedy.substr(0, begin.size()) != begin) continue;
    std::string rest = d.remedy.substr(begin.size());
    for (size_t at = 0; at != std::string::npos;) {
      const size_t comma = rest.find(", ", at);
      keys.insert(rest.substr(at, comma == std::string::npos ? comma : comma - at));
      at = comma == std::string::npos ? comma : comma + 2;
    }
  }
  return keys;
}

std::set<std::string> properties(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, unused] : object.at("properties").items()) keys.insert(key);
  return keys;
}

TEST(Schema, KeysAreThoseOfTheFrontEnd) {
  const Json all = print_schema();
  const Json& definitions = all["$defs"];
  const std::string top = "treeline: 1\nname: x\n", node = top + "entry:\n  - exec: /a\n";
  EXPECT_EQ(properties(all), taken(node + "zzzzzzzz: 1\n"));
  std::set<std::string> of_node = taken(node + "    zzzzzzzz: 1\n");
  of_node.erase("back_to");
  EXPECT_EQ(properties(definitions["node"]), of_node);
  EXPECT_EQ(properties(definitions["group"]), taken(top + "groups: {g: {zzzzzzzz: 1}}\nentry: [{exec: /a}]\n"));
  EXPECT_EQ(properties(definitions["network_rule"]), taken(node + "    network: [{zzzzzzzz: 1}]\n"));
  EXPECT_EQ(properties(definitions["node"]["properties"]["files"]["additionalProperties"]["anyOf"][1]),
            taken(node + "    files: {/a: {zzzzzzzz: 1}}\n"));
}

TEST(Schema, ANamespaceHasALabelAtLeast) {
  const Json all = print_schema();
  for (const Json& kind : all["$defs"]["network_rule"]["properties"]["peer"]["anyOf"]) {
    if (!kind.contains("properties")) continue;
    EXPECT_EQ(kind["properties"]["namespace"].at("minProperties"), 1);
    EXPECT_FALSE(kind["properties"]["pods"].contains("minProperties"));
    return;
  }
  ADD_FAILURE() << "no peer of pods";
}

TEST(Schema, ItsVersionIsThatOfTheLanguage) {
  SchemaOptions options;
  options.version = true;
  testing::internal::CaptureStdout();
  EXPECT_EQ(schema(options), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), std::to_string(frontend::kLanguage) + "\n");
}

}  // namespace
}  // namespace treeline::cli
