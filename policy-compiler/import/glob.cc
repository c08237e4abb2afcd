// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/glob.h"

#include <algorithm>
#include <optional>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/glob_text.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

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
  std::string out, plain;
  const auto flush = [&] {
    out += passes::literal_pattern(plain);
    plain.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '[') {
      flush();
      at = set(text, at, out);
      if (at == std::string_view::npos) return std::nullopt;
      continue;
    }
    if (c == '*' || c == '?') {
      flush();
      out += c;
      ++at;
      continue;
    }
    if (c == '\\' && ++at == text.size()) return std::nullopt;
    plain += text[at++];
  }
  flush();
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

bool any_of(std::string_view name, const char* characters) { return name.find_first_of(characters) != name.npos; }

// A name of the glob that is a process's directory in /proc: nothing else there is named so.
bool relation(std::string_view name) { return name == "self" || name == "*" || name == "[0-9]*" || name == "[1-9]*"; }

// May this be the number of a process, by a wildcard?
bool may_be_number(std::string_view name) {
  return any_of(name, "*?[") && (any_of(name.substr(0, 1), "*?[") || text::is_digit(name[0]));
}

// The patterns of one glob without variables and alternatives, component by component.
class Translator {
 public:
  Translator(Meant meant, Translation& out) : meant_(meant), out_(out) {}

  bool translate(std::string_view text) {
    if (text.empty() || text[0] != '/') return fail("it does not start at the root");
    const bool directory = text.back() == '/';
    std::vector<std::string> patterns = {""};
    bool both = false;
    size_t number = 0;
    for (size_t at = 0; at < text.size(); ++number) {
      const size_t start = at + 1;
      const size_t end = std::min(text.find('/', start), text.size());
      const std::string_view name = text.substr(start, end - start);
      at = end;
      if (name.empty()) break;  // the slash at the end
      const bool last = end + 1 >= text.size();
      const std::vector<std::string> choices = component_of(name, number, last, directory);
      if (choices.empty())
        return fail(unnamed_.empty() ? "component " + text::quoted(name) + " cannot be said in the language" : unnamed_);
      std::vector<std::string> longer;
      for (const std::string& pattern : patterns)
        for (const std::string& choice : choices) longer.push_back(pattern + "/" + choice);
      patterns = std::move(longer);
      both = name.ends_with("**");
    }
    for (std::string& pattern : patterns) {
      std::vector<passes::PatternError> errors;
      if (pattern.empty()) pattern = "/";
      if (meant_ == Meant::kDenied && !passes::parse_pattern(pattern, errors))
        return fail(text::quoted(pattern) + " is no pattern of the language");
      out_.patterns.push_back({std::move(pattern), directory, both && !directory});
    }
    return out_.patterns.size() <= 4 * kMaxAlternatives || fail("it stands for too many patterns");
  }

 private:
  bool fail(std::string why) {
    out_.problem = std::move(why);
    out_.patterns.clear();
    return false;
  }

  // What the component may be; nothing: it cannot be said.
  std::vector<std::string> component_of(std::string_view name, size_t number, bool last, bool directory) {
    const bool crosses = name.find("**") != std::string_view::npos;
    std::vector<std::string> choices;
    // Who reads it is not known: the hooks know a process by its relation to who asks.
    if (literal_proc_ && number == 1 && meant_ == Meant::kGranted && std::all_of(name.begin(), name.end(), text::is_digit)) {
      unnamed_ = "a process by its number (1 is the entry's), which is {own} to itself and {descendant}, {workload} or {other} to who asks";
      return {};
    }
    if (literal_proc_ && number == 1 && name == "thread-self") return {"{own}/task/{digits}"};
    if (literal_proc_ && number == 1 && relation(name) && (meant_ == Meant::kGranted || name == "self")) {
      if (name != "self") out_.narrower = "of /proc only the own process is granted, by {own}";
      return {"{own}"};
    }
    if (crosses)
      choices = deep(name, last);
    else if (auto one = component(name))
      choices = {*one};
    if (number == 0) proc_ = std::any_of(choices.begin(), choices.end(), may_be_proc);
    // A wildcard of the language crosses no directory of a process; AppArmor's do, who see a number.
    const bool below = !last || directory || crosses;
    if (proc_ && ((number == 0 && crosses) || (number == 1 && may_be_number(name) && (below || literal_proc_))))
      out_.narrower = "of /proc only files outside the directories of processes are granted";
    if (number == 0) literal_proc_ = name == "proc";
    return choices;
  }

  static bool may_be_proc(const std::string& choice) {
    if (choice.substr(0, 2) == "**" || choice.substr(0, 2) == "*/") return true;
    std::vector<passes::PatternError> errors;
    const auto pattern = passes::parse_pattern("/" + choice.substr(0, choice.find('/')), errors);
    return pattern && passes::matches(*pattern, "/proc");
  }

  Meant meant_;
  Translation& out_;
  std::string unnamed_;        // why a component cannot be said
  bool proc_ = false;          // the first component may be
  bool literal_proc_ = false;  // and is nothing else
};

}  // namespace

Variables usual_variables() {
  return {{"PROC", {"/proc/"}}, {"sys", {"/sys/"}},   {"run", {"/run/", "/var/run/"}},
          {"pid", {"[0-9]*"}},  {"pids", {"[0-9]*"}}, {"tid", {"[0-9]*"}}};
}

std::string literal_glob(std::string_view path) {
  std::string out;
  for (const char c : path) out += std::string(std::string_view("*?[]{}^,\\@").find(c) == std::string_view::npos ? "" : "\\") + c;
  return out;
}

Translation translate_glob(std::string_view glob, const Variables& variables, Meant meant) {
  const Unfolded unfolded = unfold_glob(glob, variables, meant);
  Translation out;
  out.problem = unfolded.problem;
  out.narrower = unfolded.narrower;
  for (const std::string& text : unfolded.texts)
    if (!Translator(meant, out).translate(text)) break;
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
  const bool both = pattern.both || pattern.pattern.ends_with("/**");
  return static_cast<ir::AccessSet>(access & (pattern.directory ? kDirectory : both ? kFile | kDirectory : kFile));
}

}  // namespace treeline::import_
