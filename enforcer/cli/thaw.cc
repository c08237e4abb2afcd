// SPDX-License-Identifier: Apache-2.0
//
// treeline thaw: asks the treelined that knows the container; that may be the private one of a `treeline run`. Where none is there any more, what it
// froze is let go on by its cgroup, as root.
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "enforcer/cli/ask.h"
#include "enforcer/cli/frozen.h"
#include "enforcer/daemon/protocol.h"
#include "enforcer/kernel/probe.h"
#include "enforcer/workload/cgroup.h"

namespace treeline::cli {
namespace {

int told(const Context& context, const Json& answer) {
  if (context.json) {
    Json line = {{"schema", 1}, {"container", text_at(answer, "container")}, {"was_frozen", flag_at(answer, "was_frozen")}};
    if (answer.contains("cgroup")) line["cgroup"] = answer["cgroup"];
    print_line(to_line(line));
  } else {
    print_line(text_at(answer, "container") + (flag_at(answer, "was_frozen") ? " goes on" : " was not frozen"));
  }
  return kYes;
}

int refused(const std::string& why, int status) {
  say(why);
  return status;
}

int thaw_by_cgroup(const Context& context, const std::string& runtime, const std::string& container) {
  const workload::Cgroups cgroups(kernel::cgroup2_mount());
  const std::optional<std::string> cgroup = cgroup_of_container(runtime, cgroups.mount(), container);
  if (!cgroup || !cgroups.exists(*cgroup))
    return refused("no treelined knows a container " + container + ", and none has left its name behind; treeline status lists those that are bound", kFinding);
  const bool was = cgroups.frozen(*cgroup);
  if (Result<void> gone_on = cgroups.freeze(*cgroup, false); !gone_on) return refused(gone_on.error().message, kCannotAsk);
  say("no treelined knows " + container + " now: let it go on by its cgroup, " + *cgroup);
  return told(context, {{"container", container}, {"was_frozen", was}, {"cgroup", *cgroup}});
}

int thaw(const Context& context, const std::string& container) {
  if (geteuid() != 0) return refused("only root may let a container go on: run it with sudo", kCannotAsk);
  const std::string runtime = context.socket.substr(0, context.socket.rfind('/'));
  std::vector<std::string> sockets = private_sockets(runtime);
  sockets.insert(sockets.begin(), context.socket);
  for (const std::string& socket : sockets) {
    Result<daemon::Client> client = daemon::Client::connect(socket, patience(socket));
    if (!client && (client.error().code == ENOENT || client.error().code == ECONNREFUSED)) continue;
    if (!client) return refused(client.error().message, kCannotAsk);
    Result<Json> answer = client->request({{"do", "thaw"}, {"container", container}});
    if (answer) return told(context, *answer);
    if (client->reply_code() == daemon::kCodeNotFound) continue;
    return refused(answer.error().message, status_of_refusal(*client));
  }
  return thaw_by_cgroup(context, runtime, container);
}

}  // namespace

void add_thaw(CLI::App& app, Context& context) {
  auto* sub = app.add_subcommand("thaw", "let a container go on that a violation froze (on_violation: freeze-container)");
  auto container = std::make_shared<std::string>();
  sub->add_option("CONTAINER", *container, "as treeline status lists it, or treeline run names it (run-1)")->required();
  sub->footer(
      "Also where no treelined runs that knows it: the private one of a `treeline run` is asked, and where that is gone, its cgroup is let go on.\n"
      "Exit 1: there is no such container.\n");
  sub->callback([&context, container] { context.action = [&context, container] { return thaw(context, *container); }; });
}

}  // namespace treeline::cli
