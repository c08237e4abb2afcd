// SPDX-License-Identifier: Apache-2.0
#include <fnmatch.h>
#include <unistd.h>

#include "enforcer/cli/ask.h"
#include "enforcer/events/line_encoder.h"

namespace treeline::cli {
namespace {

struct EventsOptions {
  bool follow = false, deny = false, would = false, kill = false, learned = false;
  std::string workload, container, node;
  int64_t lines = -1;
};

bool wanted(const EventsOptions& o, const Json& event) {
  const bool loss = text_at(event, "type") == "loss";  // no data must not look like no events: only what another one lost is left out
  if (loss && !event.contains("container")) return true;
  if (!o.workload.empty() && text_at(event, "policy") != o.workload) return false;
  if (!o.container.empty() && text_at(event, "container") != o.container) return false;
  if (loss) return true;
  const std::string verdict = text_at(event, "verdict");
  if ((o.deny || o.would || o.kill) && !((o.deny && verdict == "deny") || (o.would && verdict == "would-deny") || (o.kill && verdict == "kill"))) return false;
  if (!o.node.empty()) {
    auto node = event.find("node");
    const std::string path = node != event.end() && node->is_object() ? text_at(*node, "path") : "";
    if (fnmatch(("*" + o.node + "*").c_str(), path.c_str(), 0) != 0) return false;
  }
  return true;
}

int show(const Context& context, const EventsOptions& options) {
  int status = 0;
  std::optional<daemon::Client> client = connect(context, status);
  if (!client) return status;
  Result<Json> answer =
      client->request({{"do", "events"}, {"follow", options.follow}, {"backlog", options.lines}, {"learned", options.learned}});
  if (!answer) {
    say(answer.error().message);
    return status_of_refusal(*client);
  }
  const bool colour = colour_on(STDOUT_FILENO);
  size_t shown = 0, kept = 0;
  while (std::optional<std::string> line = client->next_line()) {
    std::optional<Json> event = parse_json(*line);
    if (!event) continue;
    if (text_at(*event, "type") == "end") {
      if (shown == 0 && options.lines != 0 && !context.json)
        say(kept == 0 ? "no events are kept, of those since treelined started; treeline events -f waits for the next"
                      : "none of the " + std::to_string(kept) + " events that are kept matches; what was refused is counted, kept or not: treeline denials");
      return kYes;
    }
    ++kept;
    if (!wanted(options, *event)) continue;
    ++shown;
    print_line(context.json ? *line : events::to_text(*event, colour, context.wide));
  }
  say("treelined ended the stream");
  return kCannotAsk;
}

}  // namespace

void add_events(CLI::App& app, Context& context) {
  auto* events = app.add_subcommand("events", "what was stopped, and what would have been");
  auto o = std::make_shared<EventsOptions>();
  events->add_flag("-f,--follow", o->follow, "go on with what happens from now");
  events->add_option("-n,--lines", o->lines, "how many of the past (all that are kept: 1,000)");
  events->add_flag("--deny", o->deny, "only acts that were refused");
  events->add_flag("--would", o->would, "only acts that enforce would have refused");
  events->add_flag("--kill", o->kill, "only acts that killed");
  events->add_flag("--learned", o->learned, "with -f: also what learning sees for the first time");
  events->add_option("-w,--workload", o->workload, "only this policy");
  events->add_option("--container", o->container, "only this container");
  events->add_option("--node", o->node, "only nodes whose path holds this text (shell pattern)");
  events->footer(
      "DENY and KILL were stopped before they happened; WOULD happened, in monitor, and enforce would have stopped it. One line per\n"
      "behaviour: repeats raise its count (x18) and show again at 2, 4, 8, ... MORE says how many refusals of a container are not shown, since they\n"
      "were too many at once; LOST how many lines are missing. The counters are exact all the same: treeline denials.\n");
  events->callback([&context, o] { context.action = [&context, o] { return show(context, *o); }; });
}

}  // namespace treeline::cli
