// SPDX-License-Identifier: Apache-2.0
//
// case_list FILE: the table as one JSON object, for executors that are not C++ (tests/kernel/cases). With a denied case
// stands why AppArmor may let it pass, in the words of its back end. Exit 1 and the mistakes on standard error where it
// has some.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/files.h"
#include "tests/cases/apparmor_residual.h"
#include "tests/cases/table.h"

int main(int argc, char** argv) {
  using namespace treeline;
  if (argc != 2) {
    std::fputs("usage: case_list FILE\n", stderr);
    return 2;
  }
  const Result<std::string> text = files::read_file(argv[1], 8 << 20);
  if (!text) {
    std::fprintf(stderr, "case_list: %s\n", text.error().message.c_str());
    return 3;
  }
  Diagnostics diagnostics(argv[1]);
  const std::optional<cases::Table> table = cases::read_table(*text, diagnostics);
  for (const Diagnostic& d : diagnostics.list()) std::fputs(cli::render(d, "", false).c_str(), stderr);
  if (!table) return 1;
  Diagnostics profile(argv[1]);
  const ir::Policy policy = frontend::read_profile(table->profile, profile);
  for (const Diagnostic& d : profile.list()) std::fputs(cli::render(d, "", false).c_str(), stderr);
  if (profile.has_errors()) return 1;
  const backends::apparmor::Lowered apparmor = backends::apparmor::lower(policy, {});
  cases::ApparmorResiduals residuals(policy, apparmor);
  nlohmann::json list = nlohmann::json::array();
  for (const cases::Case& c : table->cases)
    list.push_back({{"node", c.node},
                    {"act", c.act},
                    {"object", c.object},
                    {"outcome", c.allowed ? "allow" : "deny"},
                    {"not_live", c.not_live},
                    {"apparmor", residuals.of(c)},
                    {"line", c.position.line}});
  // How a process comes to each node: the executables from the entry on, and who may run them.
  nlohmann::json nodes = nlohmann::json::object();
  for (uint32_t i = 0; i < policy.nodes.size(); ++i) {
    nlohmann::json steps = nlohmann::json::array();
    for (uint32_t n = i; n != ir::kNoNode; n = policy.nodes[n].parent) {
      nlohmann::json users = nlohmann::json::array();
      for (const ir::NumberRule& user : policy.nodes[n].users) users.push_back(user.value);
      // A value of its own: insert() would take a braced list for several values.
      const nlohmann::json step = {
          {"exec", policy.nodes[n].executable.text},
          {"interpreter", policy.nodes[n].interpreter ? policy.nodes[n].interpreter->text : ""},
          {"users", users}};
      steps.insert(steps.begin(), step);
    }
    nodes[policy.nodes[i].id.empty() ? ir::canonical_path(policy, i) : policy.nodes[i].id] = steps;
  }
  const nlohmann::json out = {
      {"schema", 1}, {"policy", table->profile}, {"profile", apparmor.entry}, {"nodes", nodes}, {"cases", list}};
  std::puts(out.dump(1).c_str());
  return std::fflush(stdout) == 0 ? 0 : 3;
}
