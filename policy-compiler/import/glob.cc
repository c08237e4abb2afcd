// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/glob.h"

#include <algorithm>
#include <optional>

#include "bpf/lsm/abi.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMaxGlob = 4096;
constexpr size_t kMaxNesting = 16;

// Texts with every variable and alternation unfolded. False: `problem` says why.
class Unfolder {
 public:
  Unfolder(const Variables& variables, std::string& problem) : variables_(variables), problem_(problem) {}

  bool unfold(std::string_view text, size_t depth, std::vector<std::string>& out) {
    if (depth > kMaxNesting) return fail("its alternatives and variables are nested too deeply");
    const size_t at = next(text);
    if (at == std::string_view::npos) {
      if (text.size() > kMaxGlob || out.size() >= kMaxAlternatives)
        return fail("it stands for more than " + std::to_string(kMaxAlternatives) + " patterns");
      out.emplace_back(text);
      return true;
    }
    std::vector<std::string> branches;
    size_t end = 0;
    if (text[at] == '@') {
      end = text.find('}', at);
      if (end == std::string_view::npos) return fail("a variable has no '}'");
      const std::string_view name = text.substr(at + 2, end - at - 2);
      const auto known = variables_.find(name);
      if (known == variables_.end()) return fail("variable " + text::quoted(name) + " is not set in this file");
      branches = known->second;
    } else {
      end = split(text, at, branches);
      if (end == std::string_view::npos) return fail("'{' has no '}'");
    }
    for (const std::string& branch : branches) {
      if (text.size() + branch.size() > kMaxGlob) return fail("it is longer than a path can be");
      if (!unfold(std::string(text.substr(0, at)) + branch + std::string(text.substr(end + 1)), depth + 1, out))
        return false;
    }
    return true;
  }

 private:
  bool fail(std::string why) {
    problem_ = std::move(why);
    return false;
  }

  // The first '{' or "@{", outside sets and not escaped.
  static size_t next(std::string_view text) {
    bool set = false;
    for (size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\\') {
        ++at;
        continue;
      }
      if (text[at] == '[') set = true;
      if (text[at] == ']') set = false;
      if (set) continue;
      if (text[at] == '{' || (text[at] == '@' && at + 1 < text.size() && text[at + 1] == '{')) return at;
    }
    return std::string_view::npos;
  }

  // The branches between text[at] == '{' and its '}', whose place is returned.
  static size_t split(std::string_view text, size_t at, std::vector<std::string>& branches) {
    size_t depth = 0, from = at + 1;
    for (size_t i = at; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
        continue;
      }
      if (text[i] == '{') ++depth;
      if (text[i] == ',' && depth == 1) {
        branches.emplace_back(text.substr(from, i - from));
        from = i + 1;
      }
      if (text[i] == '}' && --depth == 0) {
        branches.emplace_back(text.substr(from, i - from));
        return i;
      }
    }
    return std::string_view::npos;
  }

  const Variables& variables_;
  std::string& problem_;
};

// "[a-z]", "[^a]" from text[at] == '['; appended to `out`; the place behind it, npos when it cannot be said.
size_t set(std::string_view text, size_t at, std::string& out) {
  const size_t end = text.find(']', at + 2);
  if (end == std::string_view::npos) return end;
  std::string_view inner = text.substr(at + 1, end - at - 1);
  if (inner.find_first_of("/\\[") != std::string_view::npos) return std::string_view::npos;
  out += '[';
  if (inner[0] == '^') {
    out += '!';
    inner.remove_prefix(1);
  } else if (inner[0] == '!') {  // no negation there: '!' or what follows
    out += "\\!";
    inner.remove_prefix(1);
  }
  out += std::string(inner) + "]";
  return end + 1;
}

// One component without its slashes. nullopt: it cannot be said.
std::optional<std::string> component(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '[') {
      at = set(text, at, out);
      if (at == std::string_view::npos) return std::nullopt;
      continue;
    }
    if (c == '*' || c == '?') {
      out += c;
      ++at;
      continue;
    }
    if (c == '\\' && ++at == text.size()) return std::nullopt;
    out += passes::literal_pattern(text.substr(at, 1));
    ++at;
  }
  return out;
}

// A component that holds "**": "**" itself, "**SUFFIX" (any depth, then a name that ends so), "PREFIX**" (such a name,
// and everything below).
std::vector<std::string> deep(std::string_view text, bool last) {
  const size_t at = text.find("**");
  size_t end = at;
  while (end < text.size() && text[end] == '*') ++end;
  const std::string_view before = text.substr(0, at), behind = text.substr(end);
  if (behind.find("**") != std::string_view::npos) return {};
  const auto prefix = component(before), suffix = component(behind);
  if (!prefix || !suffix) return {};
  // Between two slashes it is one name at least: no path holds "//".
  if (before.empty() && behind.empty()) return {last ? "**" : "*/**"};
  if (!last) return {};
  if (before.empty()) return {"**/*" + *suffix};
  if (behind.empty()) return {*prefix + "*", *prefix + "*/**"};
  return {};
}

bool relation(std::string_view name) {
  return name == "self" || name == "*" || name == "[0-9]*" || name == "[1-9]*" || name == "@{pid}" || name == "@{pids}";
}

}  // namespace

Variables usual_variables() {
  return {{"PROC", {"/proc/"}}, {"sys", {"/sys/"}},   {"run", {"/run/", "/var/run/"}},
          {"pid", {"[0-9]*"}},  {"pids", {"[0-9]*"}}, {"tid", {"[0-9]*"}}};
}

Translation translate_glob(std::string_view glob, const Variables& variables) {
  Translation out;
  if (glob.empty() || glob.size() > kMaxGlob) {
    out.problem = glob.empty() ? "it is empty" : "it is longer than a path can be";
    return out;
  }
  std::vector<std::string> texts;
  if (!Unfolder(variables, out.problem).unfold(glob, 0, texts)) return out;
  for (std::string& text : texts) {
    if (text.empty() || text[0] != '/') {
      out.problem = "it does not start at the root";
      return out;
    }
    const bool directory = text.size() > 1 && text.back() == '/';
    std::vector<std::string> patterns = {""};
    size_t number = 0;
    bool proc = false;
    for (size_t at = 0; at < text.size();) {
      const size_t start = at + 1;
      const size_t end = std::min(text.find('/', start), text.size());
      std::string_view name = std::string_view(text).substr(start, end - start);
      at = end;
      if (name.empty()) continue;  // "//" and the slash at the end
      const bool last = end + 1 >= text.size();
      if (number == 0) proc = name == "proc";
      std::vector<std::string> choices;
      if (proc && number == 1 && relation(name)) {
        choices = {"{own}"};
        if (name != "self") out.narrower = "of /proc only the own process is granted, by {own}";
      } else if (proc && number == 1 && name.find('*') != std::string_view::npos) {
        out.narrower = "of /proc only files outside the directories of processes are granted";
      }
      if (choices.empty()) {
        if (name.find("**") != std::string_view::npos)
          choices = deep(name, last);
        else if (auto one = component(name))
          choices = {*one};
      }
      if (choices.empty()) {
        out.problem = "component " + text::quoted(name) + " cannot be said in the language";
        out.patterns.clear();
        return out;
      }
      std::vector<std::string> longer;
      for (const std::string& pattern : patterns)
        for (const std::string& choice : choices) longer.push_back(pattern + "/" + choice);
      patterns = std::move(longer);
      ++number;
    }
    for (std::string& pattern : patterns)
      out.patterns.push_back({pattern.empty() ? "/" : std::move(pattern), directory});
    if (out.patterns.size() > 4 * kMaxAlternatives) {
      out.problem = "it stands for too many patterns";
      out.patterns.clear();
      return out;
    }
  }
  return out;
}

ir::AccessSet glob_access(std::string_view permissions, const Translated& pattern) {
  constexpr uint32_t kDirectory = TL_LIST | TL_MKDIR | TL_DELETE | TL_RENAME_IN | TL_SETATTR;
  constexpr uint32_t kFile = TL_READ | TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_LINK | TL_RENAME_IN |
                             TL_SETATTR | TL_MKNOD | TL_MAP | TL_CONNECT;
  const auto holds = [&](char c) { return permissions.find(c) != std::string_view::npos; };
  uint32_t access = 0;
  if (holds('r')) access |= TL_READ | TL_LIST;
  if (holds('w'))
    access |= TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_RENAME_IN | TL_SETATTR | TL_MKDIR | TL_MKNOD;
  if (holds('a')) access |= TL_APPEND;
  if (holds('m')) access |= TL_MAP;
  if (holds('l')) access |= TL_LINK;
  if (holds('r') && holds('w')) access |= TL_CONNECT;
  const std::string_view text = pattern.pattern;
  const bool below = text.size() >= 3 && text.substr(text.size() - 3) == "/**";
  return static_cast<ir::AccessSet>(access & (pattern.directory ? kDirectory : below ? kFile | kDirectory : kFile));
}

}  // namespace treeline::import_
