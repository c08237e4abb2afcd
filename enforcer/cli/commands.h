// SPDX-License-Identifier: Apache-2.0
//
// The operator's command, one function a verb. Each adds its options to a CLI::App and leaves what to do in `action`; an action
// returns the exit status:
//
//   0 yes, healthy · 1 a finding (would deny, degraded, refused) · 2 usage · 3 cannot ask (daemon, permission) · 4 not enforced
//
// (`run` gives its command's own status.) Facts go to stdout, talk to stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace treeline::cli {

constexpr int kYes = 0, kFinding = 1, kUsage = 2, kCannotAsk = 3, kNotEnforced = 4;

struct Context {
  std::string socket;                 // of the daemon
  bool json = false;
  bool wide = false;
  std::vector<std::string> command;   // what stood behind `--`
  std::function<int()> action;
};

void add_run(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_ps(CLI::App& app, Context& context);
void add_denials(CLI::App& app, Context& context);
void add_events(CLI::App& app, Context& context);
void add_policy(CLI::App& app, Context& context);
void add_learn(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_thaw(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

}  // namespace treeline::cli
