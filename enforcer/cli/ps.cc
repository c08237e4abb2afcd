// SPDX-License-Identifier: Apache-2.0
//
// treeline ps: each process that is bound, and its place in its policy's tree.
#include <algorithm>
#include <memory>

#include "enforcer/cli/ask.h"
#include "enforcer/events/line_encoder.h"

namespace treeline::cli {
namespace {

std::string note(const std::string& state) {
  if (state == "left-cgroup") return "  (outside of its container's cgroup)";
  if (state == "cgroup-unknown") return "  (its cgroup cannot be told)";
  if (state == "container-ended") return "  (its container has ended)";
  if (state == "runtime") return "  (the container runtime, before the entrypoint)";
  return "";
}

std::string node(const Json& process, bool wide) {
  const std::string path = text_at(process, "node");
  if (path.empty()) return text_at(process, "mode") == "learn" ? "-" : "(not in this policy)";
  return wide ? path : events::short_node(path);
}

int show_processes(const Context& context, const std::string& only) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "processes"}, {"only", only}}, status, kCannotAsk);  // 1 is an answer here
  if (!answer) return status;
  const Json& processes = (*answer)["processes"];
  const bool strayed = std::any_of(processes.begin(), processes.end(), [](const Json& p) { return text_at(p, "state") != "bound" && text_at(p, "state") != "runtime"; });
  if (context.json) {
    print_line(to_line({{"schema", 1}, {"processes", processes}}));
    return strayed ? kFinding : kYes;
  }
  if (processes.empty()) {
    print_line("no process is bound");
    return kYes;
  }
  std::vector<std::vector<std::string>> rows = {{"pid", "command", "container", "policy", "mode", "node"}};
  for (const Json& p : processes) {
    rows.push_back({std::to_string(number_at(p, "pid")), text_at(p, "command"), text_at(p, "container"), text_at(p, "policy"), text_at(p, "mode"),
                    node(p, context.wide) + note(text_at(p, "state"))});
  }
  print_table(rows);
  return strayed ? kFinding : kYes;
}

}  // namespace

void add_ps(CLI::App& app, Context& context) {
  auto* sub = app.add_subcommand("ps", "each bound process and its place in the tree (exit 0; 1 one is outside of its container; 3 no such policy or container)");
  auto only = std::make_shared<std::string>();
  sub->add_option("NAME", *only, "only of this policy or container");
  sub->footer("The node is where the process stands in its policy's tree, whatever has become of its parent, its cgroup or its namespaces. -O wide: with whole paths.\n");
  sub->callback([&context, only] { context.action = [&context, only] { return show_processes(context, *only); }; });
}

}  // namespace treeline::cli
