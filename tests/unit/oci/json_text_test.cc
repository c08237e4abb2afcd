// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace treeline::oci::json {
namespace {

using testing::HasSubstr;

std::string set(const std::string& text, std::initializer_list<std::string_view> path, std::string_view value) {
  Result<std::string> changed = set_member(text, path, value);
  return changed ? *changed : "error: " + changed.error().message;
}
std::string add(const std::string& text, std::initializer_list<std::string_view> path, std::string_view value,
                Place place) {
  Result<std::string> changed = add_element(text, path, value, place);
  return changed ? *changed : "error: " + changed.error().message;
}
std::string why_not(std::string_view text) {
  Result<Value> value = parse(text);
  return value ? "accepted" : value.error().message;
}

TEST(JsonParse, decodes_what_is_written) {
  Result<Value> value = parse(R"( {"a":[1,-0.50e+3,true,null],"b":{"c":"x\u0041\ud83d\ude00\n\"\\\/"}} )");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(value->at({"b", "c"})->scalar, "xA\xF0\x9F\x98\x80\n\"\\/");
  EXPECT_EQ(value->find("a")->elements[1].scalar, "-0.50e+3");
  EXPECT_EQ(value->at({"b", "nothing", "at", "all"}), nullptr);
  EXPECT_EQ(value->find("a")->find("not an object"), nullptr);
}

TEST(JsonParse, refuses_with_the_place) {
  EXPECT_THAT(why_not(""), HasSubstr("line 1, column 1: the text ends"));
  EXPECT_THAT(why_not("{\n \"a\": 1,\n \"a\": 2}"),
              HasSubstr("line 3, column 9: the object that ends here holds 'a' twice"));
  EXPECT_THAT(why_not(R"({"\u0061":1,"a":2})"), HasSubstr("twice"));
  EXPECT_THAT(why_not(R"({"a":1)"), HasSubstr("ends inside an object"));
  EXPECT_THAT(why_not(R"([1,2)"), HasSubstr("ends inside an array"));
  EXPECT_THAT(why_not(R"({"a":"b)"), HasSubstr("ends inside a string"));
  EXPECT_THAT(why_not("{} {}"), HasSubstr("something follows"));
  for (const char* text : {"{'a':1}",
                           "[1,]",
                           "{\"a\":1,}",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[+1]",
                           "[1e]",
                           "[NaN]",
                           "[tru]",
                           "[\"\\x\"]",
                           "[\"\\u12g4\"]",
                           "[\"\\ud800\"]",
                           "[\"\\udc00\"]",
                           "[\"\\ud800\\u0041\"]",
                           "[\"\t\"]",
                           "// c\n{}",
                           "\xEF\xBB\xBF{}",
                           "[\"\xC0\xAF\"]",
                           "[\"\xED\xA0\x80\"]",
                           "[\"\xFF\"]",
                           "[-]",
                           "-"})
    EXPECT_NE(why_not(text), "accepted") << text;
}

TEST(JsonParse, bounds_depth_and_count) {
  EXPECT_EQ(why_not(std::string(64, '[') + std::string(64, ']')), "accepted");
  EXPECT_THAT(why_not(std::string(65, '[') + std::string(65, ']')), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(why_not(std::string(1 << 22, '[')), HasSubstr("nested deeper"));
  std::string many = "[0";
  for (size_t i = 0; i < kMaxValues; ++i) many += ",0";
  EXPECT_THAT(why_not(many + "]"), HasSubstr("more than 262144 values"));
}

TEST(JsonEdit, changes_only_the_named_place) {
  const std::string text =
      "{ \"n\" : 18446744073709551616.10, \"linux\":{\"x\": 1e2 , \"seccomp\":{\"old\":1} }, \"u\":\"\\u00e9\" }\n";
  EXPECT_EQ(
      set(text, {"linux", "seccomp"}, "{\"new\":2}"),
      "{ \"n\" : 18446744073709551616.10, \"linux\":{\"x\": 1e2 , \"seccomp\":{\"new\":2} }, \"u\":\"\\u00e9\" }\n");
}

TEST(JsonEdit, makes_what_is_missing_on_the_way) {
  EXPECT_EQ(set("{}", {"linux", "seccomp"}, "1"), R"({"linux":{"seccomp":1}})");
  EXPECT_EQ(set(R"({"a":0})", {"linux", "seccomp"}, "1"), R"({"linux":{"seccomp":1},"a":0})");
  EXPECT_EQ(set(R"({"linux":null})", {"linux", "seccomp"}, "1"), R"({"linux":{"seccomp":1}})");
  EXPECT_EQ(set(R"({"linux":{}})", {"linux", "seccomp"}, "1"), R"({"linux":{"seccomp":1}})");
  EXPECT_EQ(set(R"({"linux":{"seccomp":null}})", {"linux", "seccomp"}, "1"), R"({"linux":{"seccomp":1}})");
  EXPECT_EQ(set(R"({"linux":[]})", {"linux", "seccomp"}, "1"), "error: linux is not an object");
}

TEST(JsonEdit, adds_to_arrays) {
  EXPECT_EQ(add("{}", {"hooks", "poststop"}, "1", Place::kFirst), R"({"hooks":{"poststop":[1]}})");
  EXPECT_EQ(add(R"({"hooks":{"poststop":null}})", {"hooks", "poststop"}, "1", Place::kFirst),
            R"({"hooks":{"poststop":[1]}})");
  EXPECT_EQ(add(R"({"h":[]})", {"h"}, "1", Place::kLast), R"({"h":[1]})");
  EXPECT_EQ(add(R"({"h":[ 5 ]})", {"h"}, "1", Place::kFirst), R"({"h":[1, 5 ]})");
  EXPECT_EQ(add(R"({"h":[ 5 ]})", {"h"}, "1", Place::kLast), R"({"h":[ 5 ,1]})");
  EXPECT_EQ(add(R"({"h":{}})", {"h"}, "1", Place::kLast), "error: h is not an array");
}

TEST(JsonEdit, what_is_put_in_is_json_too) {
  EXPECT_THAT(set("{}", {"a"}, "1}"), HasSubstr("error: after the change"));
  EXPECT_EQ(quote("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
}

TEST(JsonLookalike, finds_what_another_reader_would_take) {
  Result<Value> value = parse("{\"Seccomp\":1,\"lin\\u00fcx\":2,\"hoo\u212as\":3,\"\\u017feccomp\":4,\"hooks\":5}");
  ASSERT_TRUE(value);
  EXPECT_NE(lookalike(*value, "seccomp"), nullptr);
  EXPECT_NE(lookalike(*value, "hooks"), nullptr);
  EXPECT_EQ(lookalike(*value, "linux"), nullptr);
}

}  // namespace
}  // namespace treeline::oci::json
