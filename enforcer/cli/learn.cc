// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/ask.h"
#include "policy-compiler/support/files.h"

namespace treeline::cli {
namespace {

struct Start {
  std::string name, reason;
  bool discard = false;
};

int start(const Context& context, const Start& asked) {
  const std::string& name = asked.name;
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "learn.start"}, {"name", name}, {"reason", asked.reason}, {"discard", asked.discard}}, status);
  if (!answer) return status;
  if (context.json) {
    answer->erase("id");
    answer->erase("ok");
    (*answer)["schema"] = 1;
    print_line(to_line(*answer));
    return status;
  }
  say("ready: containers that name '" + name + "' are now recorded from their first instruction, and refused nothing");
  std::string blind;
  for (const Json& what : (*answer)["cannot_see"]) blind += (blind.empty() ? "" : ", ") + what.get<std::string>();
  say("not seen: " + blind);
  say("next: start the container (again), exercise it, stop it; then treeline learn stop " + name + " -o trace.jsonl");
  return status;
}

int stop(const Context& context, const std::string& name, const std::string& output) {
  int status = 0;
  if (const std::string why = why_not_writable(output); !why.empty()) return say(why + "; nothing was stopped"), kCannotAsk;
  const std::string again = "; treelined keeps the traces: treeline learn stop " + name + " -o FILE writes them";
  std::optional<daemon::Client> client = connect(context, status);
  if (!client) return status;
  Result<Json> answer = client->request({{"do", "learn.stop"}, {"name", name}});
  if (!answer) {
    say(answer.error().message);
    return status_of_refusal(*client);
  }
  const auto traces = static_cast<size_t>(number_at(*answer, "traces"));
  std::string names;
  bool incomplete = false;
  for (size_t i = 1; i <= traces; ++i) {
    std::string text, last;
    if (!read_trace(*client, text, last)) {
      say("trace " + std::to_string(i) + " of " + std::to_string(traces) + " did not arrive whole" + again);
      return kCannotAsk;
    }
    const std::string path = numbered(output, i);
    if (Result<void> written = files::write_file(path, text); !written) {
      say(written.error().message + again);
      return kCannotAsk;
    }
    std::optional<Json> end = parse_json(last);
    if (end && flag_at(*end, "incomplete")) incomplete = true, say(path + " is incomplete: its `loss` lines say what was not kept");
    if (!is_one_file(path)) continue;
    names += " " + path;
    if (context.json) print_line(to_line({{"schema", 1}, {"trace", path}, {"incomplete", end && flag_at(*end, "incomplete")}}));
    else print_line(path);
  }
  if (Result<Json> collected = client->request({{"do", "learn.collected"}, {"name", name}}); !collected)
    say("treelined keeps its copies of the traces: " + collected.error().message);
  const int64_t lost = number_at(*answer, "lost");
  if (lost) say(std::to_string(lost) + (lost == 1 ? " container's trace was" : " containers' traces were") + " lost; treelined's log says why");
  if (number_at(*answer, "still_running"))
    say(std::to_string(number_at(*answer, "still_running")) + " of its containers still run, unrecorded and unrestricted: restart them to bind them to a policy");
  if (traces == 0 && !lost) {
    say("no container named '" + name + "' while it was on: nothing was recorded");
    return kFinding;
  }
  if (!context.json && !names.empty()) say("next: treelinec learn" + names + " -o profile.yaml");
  return incomplete || lost ? kFinding : kYes;
}

int show_recordings(const Context& context) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "learn.status"}}, status);
  if (!answer) return status;
  const Json& learning = (*answer)["learning"];
  if (context.json) {
    print_line(to_line({{"schema", 1}, {"learning", learning}}));
    return kYes;
  }
  if (learning.empty()) say("nothing is being learned; treeline learn start NAME");
  for (const Json& entry : learning) {
    print_line(text_at(entry, "name") + ": " + text_at(entry, "state") + " since " + text_at(entry, "since") + ", " +
               std::to_string(number_at(entry, "finished")) + " finished, " + std::to_string(entry["running"].size()) + " running");
    for (const Json& one : entry["running"])
      print_line("  " + text_at(one, "container") + ": " + std::to_string(number_at(one, "behaviours")) + " behaviours" +
                 (flag_at(one, "started") ? "" : ", its entrypoint has not begun"));
  }
  return kYes;
}

}  // namespace

void add_learn(CLI::App& app, Context& context) {
  auto* learn = app.add_subcommand("learn", "record containers by the name of their policy");
  learn->require_subcommand(1);
  learn->footer(
      "Each container that is started meanwhile gives a trace of its own; more than one start makes a better profile.\n\n"
      "  treeline learn start nginx       then start nginx's container, send it traffic, stop it; twice is better\n"
      "  treeline learn stop nginx -o nginx.jsonl\n"
      "  treelinec learn nginx.jsonl nginx.2.jsonl -o profile.yaml\n");
  auto name = std::make_shared<std::string>(), output = std::make_shared<std::string>("trace.jsonl");
  auto asked = std::make_shared<Start>();
  auto* start_command = learn->add_subcommand("start", "from now on, containers that name NAME are recorded, and refused nothing");
  start_command->add_option("name", asked->name, "the name that containers ask for")->required();
  start_command->add_option("--reason", asked->reason, "why, for the log; demanded where a policy of that name is enforced");
  start_command->add_flag("--discard", asked->discard, "remove the traces of an earlier learning that were never written out");
  start_command->callback([&context, asked] { context.action = [&context, asked] { return start(context, *asked); }; });
  auto* stop_command = learn->add_subcommand("stop", "stop recording and write the traces (exit 1: none, incomplete ones, or some lost)");
  stop_command->add_option("name", *name, "as in start; again, where its traces could not be written")->required();
  stop_command->add_option("-o,--output", *output, "the first trace; the others are numbered: trace.2.jsonl")->capture_default_str();
  stop_command->callback([&context, name, output] { context.action = [&context, name, output] { return stop(context, *name, *output); }; });
  learn->add_subcommand("status", "what is being recorded")->callback([&context] { context.action = [&context] { return show_recordings(context); }; });
}

}  // namespace treeline::cli
