// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/glob.h"

#include <array>
#include <cstdio>
#include <optional>
#include <string_view>

#include "policy-compiler/passes/match.h"

namespace treeline::backends::apparmor {
namespace {

using passes::ByteSet;
using passes::Component;
using passes::Element;
using passes::Pattern;
using passes::Sequence;

constexpr char kProcesses[] = "AppArmor cannot tell whose process a directory of /proc is";

// Within quotes a character that has a meaning in a glob has a backslash (and no other, which would be a warning); a control
// character is given by its number, and so is the backslash: of two the parser's automaton wants two in the path (3.0.8).
std::string literal(uint8_t byte) {
  if (byte == '"') return "\\\"";
  if (byte < ' ' || byte == 0x7f || byte == '\\') {
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "\\%03o", byte);
    return octal.data();
  }
  constexpr std::string_view kMeaning = "*?[]{}^,";
  const bool meaning = kMeaning.find(static_cast<char>(byte)) != std::string_view::npos;
  return std::string(meaning ? "\\" : "") + static_cast<char>(byte);
}

bool is_any(const Element& element) {
  return element.kind == Element::Kind::kSet && element.set == ByteSet::name() && element.max == passes::kUnlimited;
}

class Writer {
 public:
  std::string why;

  std::string sequence(const Sequence& sequence) {
    std::string out;
    for (const Element& element : sequence) {
      std::string text = this->element(element);
      if (text == "*" && !out.empty() && out.back() == '*' && !escaped_star(out)) continue;  // two would cross a '/'
      out += text;
    }
    return out;
  }

 private:
  static bool escaped_star(const std::string& text) { return text.size() > 1 && text[text.size() - 2] == '\\'; }

  std::string element(const Element& element) {
    switch (element.kind) {
      case Element::Kind::kBytes: {
        std::string out;
        for (const char c : element.bytes) out += literal(static_cast<uint8_t>(c));
        return out;
      }
      case Element::Kind::kAlternatives: {
        std::string out;
        for (const Sequence& branch : element.branches) out += (out.empty() ? "{" : ",") + sequence(branch);
        return out + "}";
      }
      case Element::Kind::kSet:
        break;
    }
    if (is_any(element)) return repeated("?", element.min) + "*";
    const std::string one = set(element.set);
    if (element.max == passes::kUnlimited) {
      why = "AppArmor has no repetition of a set of characters";
      return repeated(one, element.min) + "*";
    }
    return repeated(one, element.min) + repeated("{," + one + "}", element.max - element.min);
  }

  static std::string repeated(const std::string& text, uint32_t count) {
    std::string out;
    for (uint32_t i = 0; i < count; ++i) out += text;
    return out;
  }

  // What may stand in brackets without a meaning of its own there.
  static bool in_brackets(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' ||
           byte == '.' || byte == ':' || byte == '+' || byte == '%' || byte == '~';
  }

  static std::optional<std::string> members(const ByteSet& set) {
    std::string out;
    for (unsigned byte = 1; byte < 256; ++byte) {
      if (!set.contains(static_cast<uint8_t>(byte))) continue;
      if (!in_brackets(static_cast<uint8_t>(byte))) return std::nullopt;
      unsigned last = byte;
      while (last < 255 && set.contains(static_cast<uint8_t>(last + 1)) && in_brackets(static_cast<uint8_t>(last + 1))) ++last;
      out += static_cast<char>(byte);
      if (last > byte + 1) out += '-';
      if (last > byte) out += static_cast<char>(last);
      byte = last;
    }
    return out;
  }

  std::string set(const ByteSet& set) {
    if (set == ByteSet::name()) return "?";
    if (set.size() == 1)  // the parser wants two in braces
      for (unsigned byte = 1; byte < 256; ++byte)
        if (set.contains(static_cast<uint8_t>(byte))) return literal(static_cast<uint8_t>(byte));
    if (set.size() <= 128) {
      if (const std::optional<std::string> text = members(set)) return "[" + *text + "]";
      std::string out;
      for (unsigned byte = 1; byte < 256; ++byte)
        if (set.contains(static_cast<uint8_t>(byte))) out += (out.empty() ? "{" : ",") + literal(static_cast<uint8_t>(byte));
      return out + "}";
    }
    if (const std::optional<std::string> text = members(set.complement())) return "[^" + *text + "/]";
    why = "AppArmor cannot leave these characters out of a set";
    return "?";
  }
};

bool may_be_empty(const Sequence& sequence);
bool may_be_empty(const Element& element) {
  switch (element.kind) {
    case Element::Kind::kBytes:
      return element.bytes.empty();
    case Element::Kind::kSet:
      return element.min == 0;
    case Element::Kind::kAlternatives:
      for (const Sequence& branch : element.branches)
        if (may_be_empty(branch)) return true;
  }
  return false;
}
bool may_be_empty(const Sequence& sequence) {
  for (const Element& element : sequence)
    if (!may_be_empty(element)) return false;
  return true;
}

bool can_be(const Component& component, std::string_view name) {
  if (component.kind == Component::Kind::kAnyDepth) return true;
  if (component.kind != Component::Kind::kName) return false;
  Pattern alone;
  alone.components.push_back(component);
  alone.literal = false;
  return passes::matches(alone, "/" + std::string(name));
}

// Which texts of digits alone are among those of a sequence?
struct Digits {
  bool none = false, some = false;  // the empty one; one of a digit or more
};

Digits digits_of(const Sequence& sequence);
Digits digits_of(const Element& element) {
  Digits out;
  switch (element.kind) {
    case Element::Kind::kBytes:
      out.none = element.bytes.empty();
      out.some = !out.none && element.bytes.find_first_not_of("0123456789") == std::string::npos;
      break;
    case Element::Kind::kSet:
      out.none = element.min == 0;
      for (uint8_t digit = '0'; digit <= '9'; ++digit) out.some |= element.max != 0 && element.set.contains(digit);
      break;
    case Element::Kind::kAlternatives:
      for (const Sequence& branch : element.branches) {
        const Digits one = digits_of(branch);
        out.none |= one.none;
        out.some |= one.some;
      }
      break;
  }
  return out;
}
Digits digits_of(const Sequence& sequence) {
  Digits out{true, false};
  for (const Element& element : sequence) {
    const Digits next = digits_of(element);
    out = {out.none && next.none, (out.some && (next.none || next.some)) || (out.none && next.some)};
  }
  return out;
}

// Does the pattern reach into directories of processes? The language keeps these apart, AppArmor sees digits.
bool reaches_processes(const std::vector<Component>& components) {
  if (components.empty() || !can_be(components[0], "proc")) return false;
  if (components[0].kind == Component::Kind::kAnyDepth) return true;
  if (components.size() < 2) return false;
  const Component& second = components[1];
  return second.kind == Component::Kind::kAnyDepth || (second.kind == Component::Kind::kName && digits_of(second.name).some);
}

}  // namespace

Glob make_glob(const Pattern& pattern) {
  Glob glob;
  if (pattern.reserved_class != 0) {
    glob.why = "AppArmor does not judge objects without a path";
    return glob;
  }
  if (pattern.components.empty()) {
    glob.directory = "\"/\"";
    return glob;
  }
  Writer writer;
  std::string text;
  bool deep_end = false;
  for (size_t i = 0; i < pattern.components.size(); ++i) {
    const Component& component = pattern.components[i];
    const bool last = i + 1 == pattern.components.size();
    switch (component.kind) {
      case Component::Kind::kAbstract:
        glob.why = "an abstract socket has no path";
        return glob;
      case Component::Kind::kAnyDepth:
        // In the middle none is enough; AppArmor's "/**/" wants one at least, "{,**/}" does not.
        if (last)
          deep_end = true;
        else if (!text.ends_with("**/}"))
          text += "/{,**/}";
        break;
      case Component::Kind::kOwn:
      case Component::Kind::kDescendant:
      case Component::Kind::kWorkload:
      case Component::Kind::kOther:
        text += (text.ends_with("**/}") ? "[0-9]*" : "/[0-9]*");
        writer.why = kProcesses;
        break;
      case Component::Kind::kTmpfile:
        text += (text.ends_with("**/}") ? "#[0-9]*" : "/#[0-9]*");
        glob.deleted = true;
        writer.why = "AppArmor takes every name that begins so for an unnamed file";
        break;
      case Component::Kind::kName: {
        const bool any = component.name.size() == 1 && is_any(component.name[0]) && component.name[0].min == 0;
        std::string name = writer.sequence(component.name);
        if (!any && may_be_empty(component.name)) writer.why = "AppArmor takes the directory itself for an empty name in it";
        text += (text.ends_with("**/}") ? "" : "/") + (any ? "?*" : name);
        break;
      }
    }
  }
  if (reaches_processes(pattern.components)) writer.why = kProcesses;
  glob.why = writer.why;
  if (deep_end) {
    const std::string below = text.ends_with("**/}") ? text : text + "/";
    glob.file = "\"" + below + "**[^/]\"";
    glob.directory = "\"" + below + "**[^/]/\"";
    if (below == text + "/") glob.both = "\"" + below + "**\"";
  } else {
    glob.file = "\"" + text + "\"";
    glob.directory = "\"" + text + "/\"";
  }
  return glob;
}

}  // namespace treeline::backends::apparmor
