// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/match.h"

#include <optional>

namespace treeline::passes {
namespace {

struct Part {
  Component::Kind kind;
  std::string_view name;  // kName
};

// A path's text cut into its components; nullopt if no walk produces it.
std::optional<std::vector<Part>> split(std::string_view path) {
  std::vector<Part> parts;
  if (path == "/") return parts;
  if (path.empty()) return std::nullopt;
  bool abstract = false;
  for (size_t at = 0; at < path.size();) {
    if (path[at] != '/') return std::nullopt;
    ++at;
    const bool pseudo = !abstract && at < path.size() && path[at] == '/';
    const size_t end = std::min(path.find('/', at + (pseudo ? 1 : 0)), path.size());
    const std::string_view text = path.substr(at, end - at);
    at = end;
    if (!pseudo) {
      if (text.empty() && !abstract) return std::nullopt;
      parts.push_back({Component::Kind::kName, text});
      continue;
    }
    Component::Kind kind;
    if (text == "/own") {
      kind = Component::Kind::kOwn;
    } else if (text == "/descendant") {
      kind = Component::Kind::kDescendant;
    } else if (text == "/workload") {
      kind = Component::Kind::kWorkload;
    } else if (text == "/other") {
      kind = Component::Kind::kOther;
    } else if (text == "/tmpfile") {
      kind = Component::Kind::kTmpfile;
    } else if (text == "/abstract" && parts.empty()) {
      kind = Component::Kind::kAbstract;
      abstract = true;
    } else {
      return std::nullopt;
    }
    parts.push_back({kind, {}});
  }
  return parts;
}

// A set of positions 0..name.size(): where a match of the elements so far may have ended.
using Positions = std::vector<bool>;

Positions advance(const Sequence& sequence, std::string_view name, Positions from);

Positions advance(const Element& element, std::string_view name, const Positions& from) {
  Positions to(name.size() + 1, false);
  switch (element.kind) {
    case Element::Kind::kBytes:
      for (size_t at = 0; at < from.size(); ++at) {
        if (from[at] && name.substr(at).starts_with(element.bytes)) to[at + element.bytes.size()] = true;
      }
      break;
    case Element::Kind::kSet:
      for (size_t at = 0; at < from.size(); ++at) {
        if (!from[at]) continue;
        for (uint32_t n = 0; n <= element.max; ++n) {
          if (n >= element.min) to[at + n] = true;
          if (at + n >= name.size() || !element.set.contains(static_cast<uint8_t>(name[at + n]))) break;
        }
      }
      break;
    case Element::Kind::kAlternatives:
      for (const Sequence& branch : element.branches) {
        const Positions of_branch = advance(branch, name, from);
        for (size_t at = 0; at < to.size(); ++at) to[at] = to[at] || of_branch[at];
      }
      break;
  }
  return to;
}

Positions advance(const Sequence& sequence, std::string_view name, Positions from) {
  for (const Element& element : sequence) from = advance(element, name, from);
  return from;
}

bool matches_name(const Sequence& sequence, std::string_view name) {
  Positions from(name.size() + 1, false);
  from[0] = true;
  return advance(sequence, name, from)[name.size()];
}

bool matches_part(const Component& component, const Part& part) {
  if (component.kind != part.kind) return false;
  if (component.kind != Component::Kind::kName) return true;
  // An empty name (an abstract socket's) is matched only where the pattern's component is written empty.
  if (part.name.empty() || component.name.empty()) return part.name.empty() && component.name.empty();
  return matches_name(component.name, part.name);
}

bool plain(const Part& part) { return part.kind == Component::Kind::kName && !part.name.empty(); }

}  // namespace

bool matches(const Pattern& pattern, std::string_view path) {
  if (pattern.reserved_class != 0) return false;
  const std::optional<std::vector<Part>> parts = split(path);
  if (!parts) return false;
  // can[p]: the components read so far match the first p parts.
  std::vector<bool> can(parts->size() + 1, false);
  can[0] = true;
  for (size_t c = 0; c < pattern.components.size(); ++c) {
    const Component& component = pattern.components[c];
    std::vector<bool> next(parts->size() + 1, false);
    for (size_t p = 0; p <= parts->size(); ++p) {
      if (!can[p]) continue;
      if (component.kind != Component::Kind::kAnyDepth) {
        if (p < parts->size() && matches_part(component, (*parts)[p])) next[p + 1] = true;
        continue;
      }
      const bool last = c + 1 == pattern.components.size();
      if (!last) next[p] = true;
      for (size_t q = p; q < parts->size() && plain((*parts)[q]); ++q) next[q + 1] = true;
    }
    can = std::move(next);
  }
  return can[parts->size()];
}

}  // namespace treeline::passes
