// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "enforcer/cli/profiles.h"

namespace treeline::cli {
namespace {

struct PolicyOptions {
  std::string bundle, name, mode, on_violation, orphans, reason;
  bool without_filter = false;
};

std::string policy_line(const Json& p) {
  std::string line = padded(text_at(p, "name"), 24) + " " + padded(text_at(p, "mode"), 8) + " generation " + padded(std::to_string(number_at(p, "generation")), 5) +
                     " bound " + padded(std::to_string(number_at(p, "bound")), 4);
  if (text_at(p, "on_violation") != "profile") line += " violation: " + text_at(p, "on_violation");
  if (std::string why = text_at(p, "why_weaker"); !why.empty()) line += " (asked for " + text_at(p, "asked") + ": " + why + ")";
  if (std::string why = text_at(p, "why_not_enforced"); !why.empty()) line += " NOT ENFORCED: " + why;
  if (std::string why = text_at(p, "unsaved"); !why.empty()) line += " NOT ON DISK, so only until treelined is started again (the write is tried again by itself): " + why;
  const std::string signature = signature_note(p);
  return signature.empty() ? line : line + " " + signature;
}

int status_of(const Json& policy) {
  if (text_at(policy, "asked") == "enforce" || policy.contains("why_not_enforced")) return kNotEnforced;
  return policy.contains("unsaved") ? kFinding : kYes;
}

std::optional<Json> as_listed(const Context& context, const std::string& name) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "policy.list"}}, status);
  if (answer)
    for (const Json& each : (*answer)["policies"])
      if (text_at(each, "name") == name) return each;
  return std::nullopt;
}

// Requests whose answer is the policy as it is now.
int change(const Context& context, Json request, const PolicyOptions& o, const std::string& next) {
  for (auto [key, value] : {std::pair("name", &o.name), {"mode", &o.mode}, {"on_violation", &o.on_violation}, {"orphans", &o.orphans}, {"reason", &o.reason}})
    if (!value->empty()) request[key] = *value;
  if (o.without_filter) request["without_filter"] = true;
  int status = 0;
  std::optional<Json> answer = ask(context, request, status);
  if (!answer) return status;
  Json policy = answer->contains("policy") ? (*answer)["policy"] : Json::object();
  const int held = hold_profiles(context, text_at(policy, "name"));
  if (text_at(policy, "mode") == "enforce") policy = as_listed(context, text_at(policy, "name")).value_or(policy);  // its AppArmor profile is loaded only now
  if (context.json) print_line(to_line({{"schema", 1}, {"policy", policy}}));
  else print_line(policy_line(policy));
  if (const int64_t filtered = number_at(policy, "filtered"); filtered && text_at(policy, "mode") == "monitor")
    say(std::to_string(filtered) + (filtered == 1 ? " container keeps" : " containers keep") +
        " the system call filter (and AppArmor profile) of the start until started again; what those refuse makes no event");
  if (!next.empty()) say(next + text_at(policy, "name"));
  return std::max(status_of(policy), held);
}

int list(const Context& context) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "policy.list"}}, status);
  if (!answer) return status;
  const Json& policies = (*answer)["policies"];
  const Json left_out = answer->value("not_in_force", Json::array());
  if (context.json) {
    print_line(to_line({{"schema", 1}, {"policies", policies}, {"not_in_force", left_out}}));
  } else if (policies.empty() && left_out.empty()) {
    say("no policy is loaded; treeline policy load BUNDLE");
  }
  for (const Json& policy : policies) {
    if (!context.json) print_line(policy_line(policy));
    status = std::max(status, status_of(policy));
  }
  for (const Json& each : left_out) {
    if (!context.json) print_line(not_in_force_line(each));
    status = std::max(status, text_at(each, "mode") == "monitor" ? kFinding : kNotEnforced);
  }
  return status;
}

// Of all policies, as after a boot.
int profiles(const Context& context) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "policy.list"}}, status);
  if (!answer) return status;
  for (const Json& policy : (*answer)["policies"]) status = std::max(status, hold_profiles(context, text_at(policy, "name")));
  return status;
}

int show(const Context& context, const PolicyOptions& o) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "policy.show"}, {"name", o.name}}, status);
  if (!answer) return status;
  const Json& p = (*answer)["policy"];
  if (context.json) {
    print_line(to_line({{"schema", 1}, {"policy", p}}));
    return status_of(p);
  }
  print_line(policy_line(p));
  print_line("bundle    " + text_at(p, "directory") + "  sha256 " + text_at(p, "digest"));
  if (const auto signature = p.find("signature"); signature != p.end() && !text_at(*signature, "key").empty())
    print_line("signature " + text_at(*signature, "state") + ", generation " + std::to_string(number_at(*signature, "generation")) + ", key " +
               text_at(*signature, "key") + (signature->contains("expires") ? ", until " + text_at(*signature, "expires") : ""));
  print_line("compiler  " + text_at(p, "compiler") + ", changed " + text_at(p, "changed"));
  print_line("tree      node, line of its profile, tasks on it now");
  for (const Json& node : p["tree"])
    print_line("  " + padded(text_at(node, "path"), 70) + " " + padded(std::to_string(number_at(node, "line")), 5) + " " + std::to_string(number_at(node, "tasks")));
  if (number_at(p, "tasks_outside")) print_line("  " + padded("outside the tree", 70) + "       " + std::to_string(number_at(p, "tasks_outside")));
  for (const Json& residual : p["residual_rules"])
    print_line("residual  line " + std::to_string(number_at(residual, "line")) + ", " + text_at(residual, "backend") + ": " + text_at(residual, "message"));
  return status_of(p);
}

void add_without_filter(CLI::App* command, const std::shared_ptr<PolicyOptions>& o) {
  command->add_flag("--without-filter", o->without_filter,
                    "enforce also what was started without the seccomp filter that has to stand in for hooks on this kernel: in monitor, or under a\n"
                    "generation that allowed more");
}

void add_orphans(CLI::App* command, const std::shared_ptr<PolicyOptions>& o) {
  command->add_option("--orphans", o->orphans, "what becomes of running processes that lose their place in the tree (default: refuse to change)")
      ->check(CLI::IsMember({"deny", "kill"}));
  command->add_option("--reason", o->reason, "why, for the log");
}

void add_cost(CLI::App* command, const std::shared_ptr<PolicyOptions>& o) {
  command->add_option("--on-violation", o->on_violation,
                      "instead of what the profile says: refuse the act, and beside it kill the process, kill the container, or freeze it")
      ->check(CLI::IsMember({"profile", "deny", "kill", "kill-container", "freeze-container"}));
  add_without_filter(command, o);
}

}  // namespace

void add_policy(CLI::App& app, Context& context) {
  auto* policy = app.add_subcommand("policy", "load, show and change the policies of this machine");
  policy->require_subcommand(1);
  policy->footer(
      "A policy is published by one write: running processes keep their place, no request is lost. The generation before stays for a rollback.\n\n"
      "  treeline policy load nginx.bundle --mode monitor     then: treeline events -w nginx --would\n"
      "  treeline policy mode nginx enforce\n"
      "  treeline policy rollback nginx --reason \"false denials\"\n");
  auto o = std::make_shared<PolicyOptions>();
  const auto modes = CLI::IsMember({"monitor", "enforce"});

  auto* load = policy->add_subcommand("load", "load a bundle, or a new generation of one (new names start in monitor)");
  load->add_option("bundle", o->bundle, "directory that treelinec compile wrote")->required();
  load->add_option("--name", o->name, "name to bind by, instead of the bundle's own");
  load->add_option("--mode", o->mode, "monitor or enforce (default: as it is, monitor for a new one)")->check(modes);
  add_cost(load, o);
  add_orphans(load, o);
  load->callback([&context, o] {
    context.action = [&context, o] {
      const std::string bundle = absolute_path(o->bundle);
      if (bundle.empty()) return kUsage;
      return change(context, {{"do", "policy.load"}, {"bundle", bundle}}, *o, o->mode == "enforce" ? "" : "next: treeline events -f -w ");
    };
  });

  policy->add_subcommand("list", "all of them, with the mode that is in force")->callback([&context] {
    context.action = [&context] { return list(context); };
  });

  auto* show_one = policy->add_subcommand("show", "one of them: tree, running tasks, what it cannot express");
  show_one->add_option("name", o->name)->required();
  show_one->callback([&context, o] { context.action = [&context, o] { return show(context, *o); }; });

  policy->add_subcommand("profiles", "load the AppArmor profiles of all policies that are enforced, as after a boot")->callback([&context] {
    context.action = [&context] { return profiles(context); };
  });

  auto* mode = policy->add_subcommand("mode", "monitor: report; enforce: stop (refused where it is not proven to work)");
  mode->add_option("name", o->name)->required();
  mode->add_option("mode", o->mode)->required()->check(modes);
  add_cost(mode, o);
  add_orphans(mode, o);
  mode->callback([&context, o] { context.action = [&context, o] { return change(context, {{"do", "policy.mode"}}, *o, ""); }; });

  auto* rollback = policy->add_subcommand("rollback", "back to the bundle of the generation before");
  rollback->add_option("name", o->name)->required();
  add_orphans(rollback, o);
  add_without_filter(rollback, o);
  rollback->callback([&context, o] { context.action = [&context, o] { return change(context, {{"do", "policy.rollback"}}, *o, ""); }; });

  auto* unload = policy->add_subcommand("unload", "remove one that nothing is bound to");
  unload->add_option("name", o->name)->required();
  unload->add_option("--reason", o->reason, "why, for the log");
  unload->callback([&context, o] {
    context.action = [&context, o] {
      int status = 0;
      std::optional<Json> answer = ask(context, {{"do", "policy.unload"}, {"name", o->name}, {"reason", o->reason}}, status);
      if (answer && context.json) print_line(to_line({{"schema", 1}, {"unloaded", o->name}}));
      return status;
    };
  });
}

}  // namespace treeline::cli
