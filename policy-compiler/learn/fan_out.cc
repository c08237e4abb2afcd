// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/fan_out.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "policy-compiler/learn/object_name.h"

namespace treeline::learn {
namespace {

constexpr size_t kDigestDigits = 24;
constexpr size_t kSiblings = 3;
constexpr size_t kMostLevels = 3;

size_t hex_digits(std::string_view name) { return std::min(name.find_first_not_of("0123456789abcdef"), name.size()); }

bool spreads(std::string_view name) { return !name.empty() && name.size() <= 2 && hex_digits(name) == name.size(); }

std::string_view parent_of(std::string_view path) { return path.substr(0, path.rfind('/')); }
std::string_view last_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

FanOut::FanOut(const Observed& observed) {
  // From the names inwards: a directory counts once something below it has.
  std::set<std::string, std::less<>> proven;
  for (const ObservedNode& node : observed.nodes) {
    for (const auto& [path, words] : node.files) {
      if (!is_path(path) || hex_digits(last_of(path)) < kDigestDigits) continue;
      std::string_view at = parent_of(path);
      for (size_t level = 0; level < kMostLevels && spreads(last_of(at)); level++, at = parent_of(at)) {
        const auto birth = observed.births.find(std::string(at));
        if (birth == observed.births.end() || !birth->second.made || !birth->second.exclusive) break;
        proven.emplace(at);
      }
    }
  }
  std::map<std::string_view, size_t> siblings;
  for (const std::string& directory : proven) siblings[parent_of(directory)]++;
  for (const std::string& directory : proven) {
    if (siblings[parent_of(directory)] >= kSiblings || holds(std::string(parent_of(directory)))) members_.insert(directory);
  }
}

}  // namespace treeline::learn
