// SPDX-License-Identifier: Apache-2.0
//
// The text of AppArmor profiles (apparmor.d(5)) as statements and blocks. What a rule means: apparmor.cc.
//
//   profile web /usr/sbin/web flags=(complain) {     Profile{name "web", attachment "/usr/sbin/web"}
//     #include <abstractions/base>                   includes: its text is not here
//     deny /etc/shadow r,                            Statement{words "deny", "/etc/shadow", "r"}
//     audit { /etc/x r, }                            Statement{words "audit", "/etc/x", "r"}
//     ^hat { ... }   profile child { ... }           children
//   }
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/import/glob.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::import_ {

constexpr size_t kMaxStatements = 100'000;
constexpr size_t kMaxBlocks = 16;  // inside one another

struct Statement {
  std::vector<std::string> words;  // quotes removed, '\\' kept; "(send, receive)" is one word
  Position position;
  bool conditional = false;  // it stands in a block of 'if' or 'else'
};

struct Profile {
  std::string name;        // as written; of "/usr/bin/x {" that path
  std::string attachment;  // the path it is attached to, "" where there is none
  bool hat = false;
  bool complain = false;
  std::string_view open;  // the flag by which all is allowed that no rule denies: "unconfined", "default_allow"
  bool conditional = false;
  Position position;
  std::vector<Statement> statements;
  std::vector<Statement> includes;
  std::vector<Profile> children;
};

struct ProfileFile {
  std::vector<Profile> profiles;
  // Set in the file, and the usual @{PROC}, @{pid}, @{sys}, @{run}. One that the file only adds to has other values in
  // what is included: it is not here.
  Variables variables;
};

// Is this word a path? It may begin with a variable.
inline bool path_like(std::string_view word) { return !word.empty() && (word[0] == '/' || word.substr(0, 2) == "@{"); }

// False: the text is no profile, or over a bound: reported.
bool parse_apparmor(std::string_view text, ProfileFile& out, Diagnostics& diagnostics);

}  // namespace treeline::import_
