// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a command line that CLI11 refused, in one line:
//
//   there is no command 'cheek' (did you mean 'check'?); see treelinec --help
//   not expected: '--ouput'; --output is required; see treelinec compile --help
//
// CLI11 by itself names neither an unknown command nor what it left over where something else is wrong as well.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/text.h"

namespace treeline::support {

// `program`: its name, whatever it was called by.
inline std::string usage_error(const CLI::App& app, const CLI::ParseError& error, const std::string& program) {
  const CLI::App* at = &app;  // the command that was meant
  std::string path;           // its name, with a space behind it
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += at->get_name() + " ";
  }
  std::vector<std::string> extra = app.remaining(/*recurse=*/true);
  std::erase(extra, "--");

  std::string out;
  const auto say = [&](const std::string& words) { out += words + "; "; };
  const bool no_command = at->get_require_subcommand_min() != 0;
  const auto word = std::find_if(extra.begin(), extra.end(), [](const std::string& one) { return one.empty() || one[0] != '-'; });
  if (no_command && word != extra.end()) {
    std::vector<std::string_view> names;
    for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
    const std::string guess = text::did_you_mean(text::closest(*word, names));
    say("there is no command " + text::quoted(path + *word) + (guess.empty() ? "" : " (" + guess + ")"));
  } else if (!extra.empty()) {
    std::string list;
    for (const std::string& one : extra) list += (list.empty() ? "" : ", ") + text::quoted(one);
    say("not expected: " + list);
  } else if (no_command) {
    say("a command is missing");
  }
  // By the code: the name of an ExtrasError is now and then the command's.
  const auto is = [&](CLI::ExitCodes code) { return error.get_exit_code() == static_cast<int>(code); };
  if (!is(CLI::ExitCodes::ExtrasError) && !(no_command && is(CLI::ExitCodes::RequiredError))) say(text::printable(error.what(), 400));
  return out + "see " + program + " " + path + "--help";
}

}  // namespace treeline::support
