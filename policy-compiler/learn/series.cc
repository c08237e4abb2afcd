// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/series.h"

#include <algorithm>
#include <map>
#include <optional>

#include "policy-compiler/learn/guards.h"
#include "policy-compiler/learn/name_shape.h"
#include "policy-compiler/learn/object_name.h"

namespace treeline::learn {
namespace {

// The number of a name that has just one, of fixed width.
struct Numbered {
  std::string shape, value;
};
std::optional<Numbered> numbered(const std::string& name) {
  Numbered out;
  size_t numbers = 0;
  for (const Token& token : cut_name(name, Cut::kWide)) {
    out.shape += '/';
    if (token.kind == Token::Kind::kText) {
      out.shape += token.text;
      continue;
    }
    const bool padded = token.kind == Token::Kind::kDigits && token.text.size() > 1 && token.text[0] == '0';
    if (++numbers > 1 || (token.kind != Token::Kind::kHex && !padded)) return std::nullopt;
    out.shape += "/" + std::to_string(token.text.size());
    out.value = token.text;
  }
  if (numbers != 1) return std::nullopt;
  return out;
}

struct Found {
  std::vector<std::string> born, before;  // values
  std::vector<std::string> paths;
};

}  // namespace

Series::Series(const Observed& observed, const Guards& guards) {
  std::map<std::pair<std::string, std::string>, Found> all;  // directory, shape
  std::set<std::string> seen;
  const auto look_at = [&](const std::string& path) {
    const size_t slash = path.rfind('/');
    if (!is_path(path) || slash == 0 || path.size() == slash + 1 || path[slash - 1] == '/') return;
    const auto number = numbered(path.substr(slash + 1));
    if (!number || !seen.insert(path).second) return;
    Found& found = all[{path.substr(0, slash), number->shape}];
    (guards.born(path) ? found.born : found.before).push_back(number->value);
    found.paths.push_back(path);
    unsigned& letters = letters_[{path.substr(0, slash), number->shape}];
    if (number->value.find_first_of("abcdef") != std::string::npos) letters |= kLower;
    if (number->value.find_first_of("ABCDEF") != std::string::npos) letters |= kUpper;
  };
  for (const ObservedNode& node : observed.nodes) {
    for (const auto& [path, words] : node.files) look_at(path);
  }
  for (auto& [key, found] : all) {
    if (found.born.size() < 2 || found.before.empty()) continue;
    // Equal lengths, one case: as text is as number.
    if (*std::min_element(found.born.begin(), found.born.end()) <=
        *std::max_element(found.before.begin(), found.before.end()))
      continue;
    members_.insert(found.paths.begin(), found.paths.end());
  }
}

unsigned Series::letters(const std::string& path) const {
  const size_t slash = path.rfind('/');
  const auto number = numbered(path.substr(slash + 1));
  if (!number) return kNone;
  const auto at = letters_.find({path.substr(0, slash), number->shape});
  return at == letters_.end() ? unsigned{kNone} : at->second;
}

}  // namespace treeline::learn
