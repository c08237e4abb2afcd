// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/programs.h"

#include <algorithm>
#include <iterator>

namespace treeline::learn {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool names_shell(std::string_view path) {
  constexpr std::string_view kShells[] = {"sh",   "dash", "bash", "rbash", "ash",     "zsh",   "ksh",
                                          "mksh", "fish", "csh",  "tcsh",  "busybox", "toybox"};
  return std::find(std::begin(kShells), std::end(kShells), base_name(path)) != std::end(kShells);
}

}  // namespace

bool is_shell(const Step& step) { return names_shell(step.executable) || names_shell(step.interpreter); }

bool is_interpreter(const Step& step) {
  constexpr std::string_view kInterpreters[] = {"python", "perl", "ruby",  "node", "nodejs", "php",    "lua",
                                                "luajit", "awk",  "gawk",  "mawk", "tclsh",  "expect", "java",
                                                "env",    "pwsh", "guile", "deno", "bun",    "Rscript"};
  if (!step.interpreter.empty()) return false;
  const std::string_view program = base_name(step.executable);
  const size_t end = program.find_first_of("0123456789.-");
  const std::string_view bare = end == 0 ? program : program.substr(0, end);
  return std::find(std::begin(kInterpreters), std::end(kInterpreters), bare) != std::end(kInterpreters);
}

}  // namespace treeline::learn
