// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "enforcer/cli/ask.h"

namespace treeline::cli {
namespace {

std::vector<std::string> row(const Json& d) {
  return {text_at(d, "policy"), std::to_string(number_at(d, "stopped")), std::to_string(number_at(d, "would")), std::to_string(number_at(d, "objects")), text_at(d, "hook"),
          text_at(d, "reason"), text_at(d, "last").substr(0, 19) + "Z", text_at(d, "node")};
}

int show_denials(const Context& context, const std::string& policy) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "denials"}, {"policy", policy}}, status, kCannotAsk);  // 1 is an answer here
  if (!answer) return status;
  const Json& denials = (*answer)["denials"];
  const bool any = !denials.empty() || number_at(*answer, "uncounted") != 0;
  if (context.json) {
    Json all = {{"schema", 1}, {"denials", denials}};
    for (const char* number : {"stopped", "would", "total", "uncounted"}) all[number] = number_at(*answer, number);
    print_line(to_line(all));
    return any ? kFinding : kYes;
  }
  if (!any) {
    print_line("nothing was refused, nor would have been");
    return kYes;
  }
  std::vector<std::vector<std::string>> rows = {{"policy", "stopped", "would", "objects", "hook", "reason", "last", "node"}};
  for (const Json& d : denials) rows.push_back(row(d));
  print_table(rows);
  print_line(std::to_string(number_at(*answer, "stopped")) + " stopped, " + std::to_string(number_at(*answer, "would")) + " in monitor would have been");
  if (const int64_t uncounted = number_at(*answer, "uncounted"))
    print_line(std::to_string(uncounted) + " more were refused and could not be counted by node, hook and reason: the table of the kernel side was full");
  return kFinding;
}

}  // namespace

void add_denials(CLI::App& app, Context& context) {
  auto* sub = app.add_subcommand("denials", "what was refused (in monitor: would have been), counted exactly by the hooks, events lost or not; from the "
                                            "policy's load, the boot or the last detach on "
                                            "(exit 0 nothing, 1 something, 3 no such policy)");
  auto policy = std::make_shared<std::string>();
  sub->add_option("POLICY", *policy, "only of this policy");
  sub->callback([&context, policy] { context.action = [&context, policy] { return show_denials(context, *policy); }; });
}

}  // namespace treeline::cli
