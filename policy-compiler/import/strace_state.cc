// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/strace_state.h"

#include <algorithm>

#include "policy-compiler/passes/pattern.h"

namespace treeline::import_ {
namespace {

bool number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::string> absolute(const std::string& name, const std::optional<std::string>& base) {
  if (name.empty() || name.find('\0') != std::string::npos) return std::nullopt;
  std::string whole = name;
  if (name[0] != '/') {
    if (!base || base->empty() || (*base)[0] != '/') return std::nullopt;
    whole = *base + "/" + name;
  }
  std::string out;
  for (size_t at = 0; at < whole.size();) {
    const size_t end = std::min(whole.find('/', at), whole.size());
    const std::string component = whole.substr(at, end - at);
    at = end + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") return std::nullopt;
    out += "/" + component;
  }
  return out.empty() ? "/" : out;
}

bool is_deleted(std::string_view path) { return path.ends_with(" (deleted)"); }

std::optional<std::string> pattern_of(const std::string& path, uint32_t pid) {
  constexpr std::string_view kProc = "/proc/";
  if (path.rfind(kProc, 0) != 0) return passes::literal_pattern(path);
  const size_t end = std::min(path.find('/', kProc.size()), path.size());
  const std::string_view first = std::string_view(path).substr(kProc.size(), end - kProc.size());
  if (first == "thread-self") return std::nullopt;
  const bool own = first == "self" || (pid != 0 && first == std::to_string(pid));
  if (!own) {
    if (number(first)) return std::nullopt;
    return passes::literal_pattern(path);
  }
  // Below the own directory, threads and descriptors have numbers too.
  std::string out = "/proc/{own}";
  std::string_view rest = std::string_view(path).substr(end);
  while (!rest.empty()) {
    const size_t next = std::min(rest.find('/', 1), rest.size());
    const std::string_view component = rest.substr(1, next - 1);
    out += "/" + (number(component) ? std::string("{digits}") : passes::literal_pattern(component));
    rest.remove_prefix(next);
  }
  return out;
}

}  // namespace treeline::import_
