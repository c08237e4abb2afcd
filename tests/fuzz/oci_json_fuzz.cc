// SPDX-License-Identifier: Apache-2.0
// links: treeline_oci
//
// Any bytes as config.json and as a filter: the parser returns; what it accepts another parser accepts too; an edit
// changes the named place and nothing before or behind it; a value is the same as itself; a filter that was merged with
// the closing one is not changed by merging again.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "enforcer/oci/closing.h"
#include "enforcer/oci/config.h"
#include "enforcer/oci/json_text.h"
#include "enforcer/oci/seccomp.h"

using namespace treeline::oci;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto value = json::parse(text);
  const auto other = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value) return 0;
  // A number beyond a double's range is no value there; here it is text.
  if (other.is_discarded() && text.find_first_of("eE123456789") == std::string::npos) std::abort();
  if (!seccomp_difference(*value, *value).empty()) std::abort();
  if (const auto set = json::set_member(text, {"linux", "seccomp"}, "{\"treeline\":true}")) {
    const auto again = json::parse(*set);
    if (!again || !again->at({"linux", "seccomp", "treeline"})) std::abort();
    if (set->compare(0, value->begin, text, 0, value->begin) != 0) std::abort();
    if (set->substr(again->end) != text.substr(value->end)) std::abort();
  }
  if (const auto added = json::add_element(text, {"hooks", "createRuntime"}, "7", json::Place::kFirst)) {
    const auto again = json::parse(*added);
    if (!again || again->at({"hooks", "createRuntime"})->elements.at(0).scalar != "7") std::abort();
  }
  static const treeline::confine::Closing kClosing{
      "{}", {}, {{"clone3", 38, {}}, {"userfaultfd", 1, {}}, {"clone", 1, treeline::confine::Condition{0, 0x10000000}}}};
  if (const auto merged = merge_closing(text, kClosing); merged && text != "null") {
    const auto again = merge_closing(*merged, kClosing);
    if (!again || *again != *merged) std::abort();
  }
  if (auto config = Config::of_text(text, "config.json")) {
    if (config->text() != text) std::abort();
    if (config->add_hook("createRuntime", "/usr/bin/treeline-oci", {"treeline-oci", "hook"}, 60)) {
      const std::string once = config->text();
      if (!config->add_hook("createRuntime", "/usr/bin/treeline-oci", {"treeline-oci", "hook"}, 60) ||
          config->text() != once)
        std::abort();
    }
  }
  return 0;
}
