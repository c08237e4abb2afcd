// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/apparmor_text.h"

#include <algorithm>
#include <set>

#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr std::string_view kPriority = "priority=";

// Words that hold for each rule of the block behind them; a block may have none.
bool qualifier(std::string_view word) {
  constexpr std::string_view kWords[] = {"audit", "allow", "owner", "quiet", "deny"};
  return word.starts_with(kPriority) || std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

// Each once: what is nested does not grow.
void qualify(Statement& statement, const std::vector<std::string>& words) {
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    bool there = false;
    for (size_t i = 0; i < statement.words.size() && qualifier(statement.words[i]) && !there; ++i)
      there =
          statement.words[i] == *word || (word->starts_with(kPriority) && statement.words[i].starts_with(kPriority));
    if (!there) statement.words.insert(statement.words.begin(), *word);
  }
}

class Parser {
 public:
  Parser(std::string_view text, ProfileFile& out, Diagnostics& diagnostics)
      : text_(text), out_(out), diagnostics_(diagnostics) {}

  bool run() {
    Profile top;
    if (!block(top, 0)) return false;
    for (const Statement& statement : top.statements)
      if (statement.words[0] != "abi")
        diagnostics_.warning(statement.position, "not-carried",
                             text::quoted(statement.words[0]) + " outside of a profile",
                             "write by hand what it changes");
    for (const Statement& include : top.includes) {
      const bool tunables = include.words.size() > 1 && include.words[1].find("tunables/") != std::string::npos;
      if (!tunables)
        diagnostics_.warning(include.position, "not-carried", "the text of an included file is not read",
                             "put its rules into this file");
    }
    out_.profiles = std::move(top.children);
    if (!out_.profiles.empty()) return true;
    diagnostics_.error({1, 1}, "import-format", "there is no profile in this text",
                       "a profile is 'profile NAME /path { rules }' or '/path { rules }'");
    return false;
  }

 private:
  bool fail(Position position, std::string what, std::string remedy) {
    diagnostics_.error(position, "import-syntax", std::move(what), std::move(remedy));
    return false;
  }

  Position here() const { return {line_, static_cast<uint32_t>(at_ - line_start_ + 1)}; }

  void next() {
    if (text_[at_] == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    }
    ++at_;
  }

  // Blanks and comments; "#include" is none.
  void skip() {
    while (at_ < text_.size()) {
      if (blank(text_[at_])) {
        next();
      } else if (text_[at_] == '#' && text_.substr(at_, 8) != "#include") {
        while (at_ < text_.size() && text_[at_] != '\n') next();
      } else {
        return;
      }
    }
  }

  // One word: up to a blank, or a ',' or '{' that is no part of a glob. False: quotes or parentheses stay open.
  bool word(std::string& out) {
    const Position start = here();
    size_t braces = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '(') {
        const char end = c == '"' ? '"' : ')';
        if (c == '(') out += c;
        next();
        while (at_ < text_.size() && text_[at_] != end) {
          if (text_[at_] == '\\' && c == '"' && at_ + 1 < text_.size()) {  // '\"' ends nothing
            out += text_[at_];
            next();
          }
          out += text_[at_] == '\n' ? ' ' : text_[at_];
          next();
        }
        if (at_ == text_.size())
          return fail(start, "text that starts here has no end", "close it with " + std::string(1, end));
        if (c == '(') out += end;
        next();
        continue;
      }
      if (c == '\\' && at_ + 1 < text_.size()) {
        out += c;
        next();
        out += text_[at_];
        next();
        continue;
      }
      if (blank(c)) break;
      if (braces == 0 && (c == ',' || c == '}')) break;
      if (c == '{') {
        if (out.empty()) break;
        ++braces;
      }
      if (c == '}') --braces;
      out += c;
      next();
    }
    if (braces != 0) return fail(start, "'{' without its '}'", "close the alternatives");
    return true;
  }

  // Words up to the end of the line: includes, variables.
  bool rest_of_line(std::vector<std::string>& words) {
    while (at_ < text_.size() && text_[at_] != '\n') {
      if (blank(text_[at_]) || text_[at_] == ',') {
        next();
        continue;
      }
      if (text_[at_] == '#' && !words.empty()) {
        while (at_ < text_.size() && text_[at_] != '\n') next();
        break;
      }
      std::string one;
      const size_t before = at_;
      if (!word(one)) return false;
      if (at_ == before) {  // a lone brace
        one += text_[at_];
        next();
      }
      words.push_back(std::move(one));
    }
    return true;
  }

  bool count(Position position) {
    return ++statements_ <= kMaxStatements ||
           fail(position, "more than " + std::to_string(kMaxStatements) + " rules", "split the file");
  }

  // Statements up to the '}' of this block, or the end of the text at the top.
  bool block(Profile& profile, size_t depth) {
    for (skip(); at_ < text_.size(); skip()) {
      const Position position = here();
      if (text_[at_] == '}') {
        if (depth == 0) return fail(position, "'}' without its '{'", "remove it");
        next();
        return true;
      }
      if (text_[at_] == ',') {
        next();
        continue;
      }
      if (!count(position)) return false;
      Statement statement;
      statement.position = position;
      const std::string_view rest = text_.substr(at_);
      const bool include = rest.substr(0, 8) == "include " || rest.substr(0, 8) == "#include";
      const bool variable = depth == 0 && (rest[0] == '$' || rest.substr(0, 2) == "@{");
      if (include || variable) {
        if (!rest_of_line(statement.words)) return false;
        // "include if exists <local/x>": its rules are in force where there is such a file.
        if (include && statement.words.size() > 3 && statement.words[1] == "if" && statement.words[2] == "exists")
          statement.words.erase(statement.words.begin() + 1, statement.words.begin() + 3);
        if (include)
          profile.includes.push_back(std::move(statement));
        else if (rest[0] == '@')  // what '$' holds is asked by 'if' only
          set_variable(statement);
        continue;
      }
      if (!statement_or_block(profile, std::move(statement), depth)) return false;
    }
    return depth == 0 || fail(profile.position, "a block without its '}'", "close it");
  }

  bool statement_or_block(Profile& profile, Statement statement, size_t depth) {
    while (true) {
      skip();
      if (at_ == text_.size()) return fail(statement.position, "a rule without its ','", "end each rule with ','");
      const char c = text_[at_];
      if (c == ',') {
        next();
        profile.statements.push_back(std::move(statement));
        return true;
      }
      if (c == '{') {
        next();
        return child(profile, statement, depth + 1);
      }
      if (c == '}') return fail(statement.position, "a rule without its ','", "end each rule with ','");
      std::string one;
      if (!word(one)) return false;
      if (one.empty()) return fail(here(), "a character that cannot stand here", "remove it");
      statement.words.push_back(std::move(one));
    }
  }

  bool child(Profile& profile, const Statement& header, size_t depth) {
    if (depth > kMaxBlocks)
      return fail(header.position, "more than " + std::to_string(kMaxBlocks) + " blocks inside one another",
                  "split the file");
    Profile made;
    made.position = header.position;
    const bool conditional = !header.words.empty() && (header.words[0] == "if" || header.words[0] == "else");
    if (conditional || std::all_of(header.words.begin(), header.words.end(), qualifier))
      return block(made, depth) && merge(profile, std::move(made), header, conditional);
    for (size_t i = 0; i < header.words.size(); ++i) {
      const std::string& word = header.words[i];
      if (i == 0 && (word == "profile" || word == "hat")) {
        made.hat = word == "hat";
        continue;
      }
      if (word.rfind("flags=", 0) == 0 || word[0] == '(' || word[0] == '=') {
        made.complain |= word.find("complain") != std::string::npos;
        for (const std::string_view flag : {"unconfined", "default_allow"})
          if (word.find(flag) != std::string::npos) made.open = flag;
        continue;
      }
      if (word.rfind("xattrs=", 0) == 0) continue;
      if (word[0] == '^') {
        made.hat = true;
        made.name = word.substr(1);
      } else if (made.name.empty()) {
        made.name = word;
        if (path_like(word)) made.attachment = word;
      } else if (path_like(word)) {
        made.attachment = word;
      }
    }
    if (!block(made, depth)) return false;
    profile.children.push_back(std::move(made));
    return true;
  }

  // What stands in a block that is no profile belongs to the one around it.
  static bool merge(Profile& profile, Profile block, const Statement& header, bool conditional) {
    Statement words;
    if (!conditional) qualify(words, header.words);
    for (Statement& statement : block.statements) {
      qualify(statement, words.words);
      statement.conditional |= conditional;
      profile.statements.push_back(std::move(statement));
    }
    for (Profile& child : block.children) {
      child.conditional |= conditional;
      profile.children.push_back(std::move(child));
    }
    std::move(block.includes.begin(), block.includes.end(), std::back_inserter(profile.includes));
    return true;
  }

  // @{HOME}=/home/*/ /root/      @{HOME} += /srv
  void set_variable(const Statement& statement) {
    std::string name = statement.words[0];
    bool more = false;
    size_t from = 1;
    std::vector<std::string> values;
    const size_t equals = name.find('=');
    if (equals != std::string::npos) {
      more = equals != 0 && name[equals - 1] == '+';
      if (equals + 1 < name.size()) values.push_back(name.substr(equals + 1));
      name = name.substr(0, more ? equals - 1 : equals);
    } else if (statement.words.size() > 1 && (statement.words[1] == "=" || statement.words[1] == "+=")) {
      more = statement.words[1] == "+=";
      from = 2;
    }
    if (name.size() < 4 || name.back() != '}') return;
    name = name.substr(2, name.size() - 3);
    for (size_t i = from; i < statement.words.size(); ++i) values.push_back(statement.words[i]);
    if (more && out_.variables.find(name) == out_.variables.end()) elsewhere_.insert(name);
    if (elsewhere_.count(name) != 0) return;
    std::vector<std::string>& known = out_.variables[name];
    if (!more) known.clear();
    for (std::string& value : values)
      if (known.size() <= kMaxAlternatives) known.push_back(std::move(value));  // one too many: no glob may use it
  }

  std::string_view text_;
  ProfileFile& out_;
  Diagnostics& diagnostics_;
  std::set<std::string> elsewhere_;  // variables that an included file sets
  size_t at_ = 0, line_start_ = 0, statements_ = 0;
  uint32_t line_ = 1;
};

}  // namespace

bool parse_apparmor(std::string_view text, ProfileFile& out, Diagnostics& diagnostics) {
  out.variables = usual_variables();
  return Parser(text, out, diagnostics).run();
}

}  // namespace treeline::import_
