// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/glob_text.h"

#include <algorithm>
#include <optional>

#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMaxNesting = 16;
constexpr size_t kMaxTried = 4 * kMaxAlternatives;  // texts, those with "//" among them

int digit(char c, unsigned base) {
  int value = -1;
  if (c >= '0' && c <= '9') value = c - '0';
  if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
  return value < static_cast<int>(base) ? value : -1;
}

// The byte whose number stands at text[at], behind which `at` then is; nullopt: none does.
std::optional<unsigned> number(std::string_view text, size_t& at, unsigned base, size_t most_digits) {
  const size_t start = at;
  unsigned value = 0;
  while (at < text.size() && at - start < most_digits) {
    const int next = digit(text[at], base);
    if (next < 0 || value * base + static_cast<unsigned>(next) > 255) break;
    value = value * base + static_cast<unsigned>(next);
    ++at;
  }
  if (at == start) return std::nullopt;
  return value;
}

// \157, \x6f, \d111, \n and their like as the byte they stand for: '\' stays before what would mean something in a
// glob. nullopt: NUL, which no path holds.
std::optional<std::string> decode(std::string_view text) {
  constexpr std::string_view kLetters = "aefnrt\"/", kBytes = "\a\033\f\n\r\t\"/", kMeaning = "*?[]{}^,\\";
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at++];
      continue;
    }
    const char kind = text[++at];
    std::optional<unsigned> byte;
    if (kind >= '0' && kind <= '7') {
      byte = number(text, at, 8, 3);
    } else if (const size_t letter = kLetters.find(kind); letter != std::string_view::npos) {
      ++at;
      byte = static_cast<unsigned char>(kBytes[letter]);
    } else if (kind == 'x' || kind == 'd') {
      byte = number(text, ++at, kind == 'x' ? 16 : 10, kind == 'x' ? 2 : 3);
      if (!byte) --at;
    }
    if (!byte) {
      out += {'\\', text[at++]};
      continue;
    }
    if (*byte == 0) return std::nullopt;
    const char c = static_cast<char>(*byte);
    if (kMeaning.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Runs of '/' as one; two at the start stay, and so no path has that text.
std::string collapse(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  return text.substr(0, 2) == "//" && text.substr(0, 3) != "///" ? "/" + out : out;
}

struct Set {   // "[a-z]" from text[at]
  size_t end;  // behind its ']'
  bool negated;
  std::string inside;  // without '^'
};

std::optional<Set> set_at(std::string_view text, size_t at) {
  const size_t end = text.find(']', at + 1);
  if (end == std::string_view::npos) return std::nullopt;
  const bool negated = text[at + 1] == '^';
  return Set{end + 1, negated, std::string(text.substr(at + 1 + negated, end - at - 1 - negated))};
}

bool lists_slash(const Set& set) {
  const std::string& in = set.inside;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool range = i + 2 < in.size() && in[i + 1] == '-';
    if (in[i] == '/' || (range && in[i] <= '/' && in[i + 2] >= '/')) return true;
    if (range) i += 2;
  }
  return false;
}

// The `*` at the end of one and the `*` at the start of the other cross no '/', as "**" would.
std::string beside(std::string text, std::string_view behind) {
  const size_t stars = text.find_last_not_of('*') + 1;
  const size_t backslashes = stars - (text.substr(0, stars).find_last_not_of('\\') + 1);
  const bool one = text.size() - stars == 1 + backslashes % 2;
  if (one && behind.substr(0, 1) == "*" && behind.substr(0, 2) != "**") behind.remove_prefix(1);
  return text.append(behind);
}

class Unfolder {
 public:
  Unfolder(const Variables& variables, Meant meant, Unfolded& out) : variables_(variables), meant_(meant), out_(out) {}

  bool run(std::string_view glob) {
    const auto text = decode(glob);
    if (!text) return fail("it holds a NUL, which no path does");
    return variables(*text, 0);
  }

 private:
  bool fail(std::string why) {
    out_.problem = std::move(why);
    out_.texts.clear();
    return false;
  }

  // The first `opens` that is not escaped; a variable is one within a set as well.
  static size_t next(std::string_view text, std::string_view opens) {
    bool set = false;
    for (size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\\') {
        ++at;
        continue;
      }
      if (!set && text.substr(at, opens.size()) == opens) return at;
      if (text[at] == '[') set = opens == "{";
      if (text[at] == ']') set = false;
    }
    return std::string_view::npos;
  }

  // The branches between text[at] == '{' and its '}', whose place is returned.
  static size_t split(std::string_view text, size_t at, std::vector<std::string>& branches) {
    size_t depth = 0, from = at + 1;
    bool set = false;
    for (size_t i = at; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
        continue;
      }
      if (text[i] == '[') set = true;
      if (text[i] == ']') set = false;
      if (set) continue;
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

  // Values come first, and only what they leave is collapsed: a '//' out of an alternative matches nothing.
  bool variables(const std::string& text, size_t depth) {
    if (depth > kMaxNesting) return fail("its alternatives and variables are nested too deeply");
    const size_t at = next(text, "@{");
    if (at == std::string_view::npos) return alternatives(collapse(text), 0);
    const size_t end = text.find('}', at);
    if (end == std::string::npos) return fail("a variable has no '}'");
    const std::string name = text.substr(at + 2, end - at - 2);
    const auto known = variables_.find(name);
    if (known == variables_.end() || known->second.empty())
      return fail("variable " + text::quoted(name) + " is not set in this file");
    for (const std::string& value : known->second) {
      const auto plain = decode(value);
      if (!plain) return fail("it holds a NUL, which no path does");
      if (!joined(text.substr(0, at), *plain, text.substr(end + 1), known->second.size() > 1,
                  [&](const std::string& one) { return variables(one, depth + 1); }))
        return false;
    }
    return true;
  }

  bool alternatives(const std::string& text, size_t depth) {
    if (depth > kMaxNesting) return fail("its alternatives and variables are nested too deeply");
    const size_t at = next(text, "{");
    if (at == std::string_view::npos) return sets(text);
    std::vector<std::string> branches;
    const size_t end = split(text, at, branches);
    if (end == std::string_view::npos) return fail("'{' has no '}'");
    for (const std::string& branch : branches)
      if (!joined(text.substr(0, at), branch, text.substr(end + 1), true,
                  [&](const std::string& one) { return alternatives(one, depth + 1); }))
        return false;
    return true;
  }

  // A `*` between two slashes is one character at least, but not where an alternative is beside it: "/a/{*,b}" and
  // "/a{,/**}" match "/a/".
  template <typename Next>
  bool joined(const std::string& before, const std::string& branch, const std::string& behind, bool one_of_many,
              const Next& next) {
    const std::string begin = one_of_many ? beside(before, branch) : before + branch;
    const std::string text = one_of_many ? beside(begin, behind) : begin + behind;
    if (text.size() > kMaxGlob) return fail("it is longer than a path can be");
    if (!next(text)) return false;
    const size_t stars = text.find_last_not_of('*') + 1;
    const bool edge = stars <= begin.size() && stars < text.size();
    if (!one_of_many || !edge || stars == 0 || text[stars - 1] != '/') return true;
    return next(text.substr(0, stars));
  }

  // A set that leaves characters out holds '/', and so may a range.
  bool sets(const std::string& text) {
    std::vector<std::string> begun = {""};
    for (size_t at = 0; at < text.size();) {
      if (text[at] == '\\' || text[at] != '[') {
        const size_t length = text[at] == '\\' ? 2 : 1;
        for (std::string& one : begun) one += text.substr(at, length);
        at += length;
        continue;
      }
      std::optional<Set> set = set_at(text, at);
      if (!set) return fail("'[' has no ']'");
      // AppArmor replaces the `*` and `?` in a set as anywhere else: what it then matches has little to do with it.
      if (set->inside.empty() || set->inside.find_first_of("*?[\\") != std::string::npos) {
        if (meant_ == Meant::kGranted) return fail("a set of characters that cannot be said in the language");
        for (const std::string& one : begun)
          if (!add(one.substr(0, one.rfind('/') + 1) + "**")) return false;
        return true;
      }
      const bool slash = lists_slash(*set) != set->negated;
      if (set->negated || meant_ == Meant::kDenied) std::erase(set->inside, '/');
      const std::string plain = set->inside.empty() ? "?" : (set->negated ? "[^" : "[") + set->inside + "]";
      const bool nothing_else = set->inside.empty() && !set->negated;
      const bool last = text.find_first_not_of('*', set->end) == std::string::npos;
      const bool alone = at != 0 && text[at - 1] != '/' && text.substr(set->end, 1) != "/";
      std::vector<std::string> more;
      if (slash && alone && meant_ == Meant::kGranted && set->negated)
        out_.narrower = "'/', which a set that leaves characters out holds in AppArmor, is not granted";
      if (slash && alone && meant_ == Meant::kDenied)
        for (const std::string& one : begun) {
          if (one.ends_with('/')) continue;
          more.push_back(one + "/");
          if (last && set->end < text.size() && !add(one + "/")) return false;  // a `*` behind it may be nothing
        }
      if (nothing_else) begun.clear();
      for (std::string& one : begun) one += plain;
      begun.insert(begun.end(), more.begin(), more.end());
      if (begun.size() > kMaxAlternatives) return too_many();
      at = set->end;
    }
    return std::all_of(begun.begin(), begun.end(), [&](const std::string& one) { return add(one); });
  }

  bool too_many() { return fail("it stands for more than " + std::to_string(kMaxAlternatives) + " patterns"); }

  bool add(const std::string& text) {
    if (++tried_ > kMaxTried || out_.texts.size() >= kMaxAlternatives) return too_many();
    const bool known = std::find(out_.texts.begin(), out_.texts.end(), text) != out_.texts.end();
    if (!known && text.find("//") == std::string::npos) out_.texts.push_back(text);
    return true;
  }

  const Variables& variables_;
  Meant meant_;
  Unfolded& out_;
  size_t tried_ = 0;
};

}  // namespace

Unfolded unfold_glob(std::string_view glob, const Variables& variables, Meant meant) {
  Unfolded out;
  if (glob.empty() || glob.size() > kMaxGlob)
    out.problem = glob.empty() ? "it is empty" : "it is longer than a path can be";
  else
    (void)Unfolder(variables, meant, out).run(glob);
  return out;
}

}  // namespace treeline::import_
