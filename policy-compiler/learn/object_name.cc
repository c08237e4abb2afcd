// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/object_name.h"

#include <algorithm>
#include <array>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

constexpr std::string_view kMeta = "\\{}*?[]";
constexpr std::string_view kAbstractWalked = "//abstract/";
constexpr std::string_view kAbstractText = "{abstract}/";
constexpr std::array<std::string_view, 5> kPseudo = {"own", "descendant", "workload", "other", "tmpfile"};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes \xHH back to bytes. What the recorder always escapes is refused where it is not: it would be a pattern by
// accident.
bool unescape(std::string_view text, std::string& out, std::string& why) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\\') {
      const int high = i + 3 < text.size() && text[i + 1] == 'x' ? hex_digit(text[i + 2]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 3]) : -1;
      const int byte = low >= 0 ? high * 16 + low : 0;
      if (byte == 0 || byte == '/') {
        why = "has a '\\' that does not begin \\xHH with the byte of a name";
        return false;
      }
      out += static_cast<char>(byte);
      i += 4;
      continue;
    }
    const size_t length =
        c < 0x20 || c == 0x7f || kMeta.find(text[i]) != std::string_view::npos ? 0 : text::utf8_length(text, i);
    if (length == 0) {
      why = "has a byte that must be written \\xHH at offset " + std::to_string(i);
      return false;
    }
    out.append(text.substr(i, length));
    i += length;
  }
  return true;
}

std::optional<std::string> pseudo_name(std::string_view component) {
  if (component.size() < 3 || component.front() != '{' || component.back() != '}') return std::nullopt;
  const std::string_view word = component.substr(1, component.size() - 2);
  if (std::find(kPseudo.begin(), kPseudo.end(), word) == kPseudo.end()) return std::nullopt;
  return "/" + std::string(word);
}

}  // namespace

std::optional<std::string> walked_from_trace(std::string_view text, std::string& why) {
  std::string out;
  if (text.starts_with(kAbstractText)) {
    out = kAbstractWalked;
    // '/' is an ordinary byte of an abstract name, an empty "component" too.
    if (!unescape(text.substr(kAbstractText.size()), out, why)) return std::nullopt;
    if (out.size() == kAbstractWalked.size()) return why = "names no abstract socket", std::nullopt;
  } else if (text.starts_with('{')) {
    if (text.back() != '}' || !ir::names::reserved_classes().find(text.substr(1, text.size() - 2))) {
      return why = "is no kind of object without a path", std::nullopt;
    }
    return std::string(text);
  } else if (text == "/") {
    return std::string("/");
  } else {
    if (!text.starts_with('/')) return why = "is not absolute", std::nullopt;
    for (size_t at = 1; at <= text.size();) {
      const size_t end = std::min(text.find('/', at), text.size());
      const std::string_view component = text.substr(at, end - at);
      if (component.empty() || component == "." || component == "..") {
        return why = "has an empty component, '.' or '..'", std::nullopt;
      }
      out += '/';
      if (const auto pseudo = pseudo_name(component)) {
        if (*pseudo == "/tmpfile" && end != text.size()) return why = "has {tmpfile} before its end", std::nullopt;
        out += *pseudo;
      } else if (!unescape(component, out, why)) {
        return std::nullopt;
      }
      at = end + 1;
    }
  }
  if (out.size() > TL_PATH_MAX) return why = "is longer than " + std::to_string(TL_PATH_MAX) + " bytes", std::nullopt;
  return out;
}

bool is_path(std::string_view walked) { return walked.starts_with('/') && !walked.starts_with(kAbstractWalked); }

bool is_pseudo(std::string_view component) { return component.starts_with('/'); }

std::vector<std::string> split(std::string_view walked) {
  std::vector<std::string> out;
  for (size_t at = 1; at < walked.size();) {
    const size_t end = std::min(walked.find('/', walked[at] == '/' ? at + 1 : at), walked.size());
    out.emplace_back(walked.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string join(const std::vector<std::string>& components) {
  std::string out;
  for (const std::string& component : components) out += "/" + component;
  return out.empty() ? "/" : out;
}

std::string escaped(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size();) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool plain = c >= 0x20 && c != 0x7f && kMeta.find(name[i]) == std::string_view::npos;
    const size_t length = plain ? text::utf8_length(name, i) : 0;
    if (length == 0) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += {'\\', 'x', kDigits[c >> 4], kDigits[c & 15]};
      i++;
    } else {
      out.append(name.substr(i, length));
      i += length;
    }
  }
  return out;
}

std::string pattern_component(std::string_view component) {
  return is_pseudo(component) ? "{" + std::string(component.substr(1)) + "}" : escaped(component);
}

std::string pattern_text(std::string_view walked) {
  if (!walked.starts_with('/')) return std::string(walked);
  if (walked.starts_with(kAbstractWalked)) {
    return std::string(kAbstractText) + escaped(walked.substr(kAbstractWalked.size()));
  }
  std::string out;
  for (const std::string& component : split(walked)) out += "/" + pattern_component(component);
  return out.empty() ? "/" : out;
}

}  // namespace treeline::learn
