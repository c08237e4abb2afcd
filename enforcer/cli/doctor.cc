// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>

#include "enforcer/cli/ask.h"
#include "enforcer/cli/launch.h"
#include "enforcer/kernel/probe.h"

namespace treeline::cli {
namespace {

Json to_json(const kernel::Prerequisite& p) {
  const char* state = p.state == kernel::State::kOk ? "ok" : p.state == kernel::State::kNote ? "note" : "missing";
  return {{"name", p.name}, {"state", state}, {"found", p.found}, {"remedy", p.remedy}};
}

int show(const Context& context, const Json& report) {
  const bool can = flag_at(report, "can_enforce");
  if (context.json) {
    print_line(to_line(report));
    return can ? kYes : kNotEnforced;
  }
  for (const Json& p : report["prerequisites"]) {
    print_line(padded(text_at(p, "state"), 8) + padded(text_at(p, "name"), 16) + text_at(p, "found"));
    if (std::string remedy = text_at(p, "remedy"); !remedy.empty()) print_line(padded("", 24) + "-> " + remedy);
  }
  if (report.contains("canary")) {
    const Json& canary = report["canary"];
    if (std::string error = text_at(canary, "error"); !error.empty()) print_line("canary  " + error);
    if (const Json attempt = canary.value("last_attempt", Json::object()); !attempt.empty())
      print_line("canary  could not be tried now: " + text_at(attempt, "error") + "; below, that of " + text_at(canary, "time"));
    for (const Json& hook : canary["hooks"])
      print_line(padded(flag_at(hook, "absent") ? "absent" : flag_at(hook, "refused") ? "refused" : "PASSED", 8) + padded(text_at(hook, "hook"), 24) +
                 text_at(hook, "detail"));
    for (const Json& hook : canary.value("untried", Json::array()))
      if (hook.is_string()) print_line(padded("untried", 8) + padded(hook.get<std::string>(), 24) + "attached; no act of the canary asks it");
  }
  if (report.contains("confinement")) {
    const Json& confinement = report["confinement"];
    const bool confined = flag_at(confinement, "confined");
    print_line(padded(confined ? "ok" : "note", 8) + padded("confinement", 16) +
               (confined ? "treelined holds no more capabilities and system calls than it needs" : "treelined is not confined: " + text_at(confinement, "why_not")));
  }
  print_line(can ? "this machine enforces" : "this machine does not enforce: " + text_at(report, "why_not"));
  return can ? kYes : kNotEnforced;
}

int examine(Context& context) {
  Result<daemon::Client> client = daemon::Client::connect(context.socket, patience(context.socket));
  if (!client && client.error().code != ENOENT && client.error().code != ECONNREFUSED && geteuid() == 0) {
    say(client.error().message);
    return kCannotAsk;
  }
  Json report = {{"schema", 1}};
  if (!client) {
    const kernel::Facts facts = kernel::probe();
    report["prerequisites"] = Json::array();
    for (const kernel::Prerequisite& p : kernel::judge(facts)) report["prerequisites"].push_back(to_json(p));
    report["can_enforce"] = false;
    if (std::optional<Error> why = kernel::why_not_load(facts)) {
      report["why_not"] = "what is missing above";
      return show(context, report);
    }
    say("no treelined runs: starting a private one for the canary");
    Result<std::string> socket = launch_daemon(8);
    if (!socket) {
      report["why_not"] = socket.error().message;
      return show(context, report);
    }
    client = daemon::Client::connect(*socket, patience(*socket));
    if (!client) {
      report["why_not"] = client.error().message;
      return show(context, report);
    }
  }
  Result<Json> answer = client->request({{"do", "doctor"}});
  if (!answer) {
    say(answer.error().message);
    return status_of_refusal(*client);
  }
  for (const char* key : {"prerequisites", "canary", "confinement", "can_enforce", "why_not"})
    if (answer->contains(key)) report[key] = (*answer)[key];
  return show(context, report);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto* doctor = app.add_subcommand("doctor", "what this machine lacks, with the setting that mends it; then a canary that every hook must refuse");
  doctor->footer("Exit 0: every prerequisite is there and each hook refused the canary just now. Exit 4: a policy would not be enforced here.\n");
  doctor->callback([&context] { context.action = [&context] { return examine(context); }; });
}

}  // namespace treeline::cli
