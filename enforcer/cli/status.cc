// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>

#include "enforcer/cli/ask.h"

namespace treeline::cli {
namespace {

std::string red(const std::string& text) { return colour_on(STDOUT_FILENO) ? "\033[31m" + text + "\033[0m" : text; }

void field(const char* name, const std::string& text) { print_line(padded(name, 10) + text); }

const Json& list_at(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : kEmpty;
}

// What treelined laid down for itself once it had started.
std::string confinement_words(const Json& confinement) {
  std::string kept;
  for (const Json& name : list_at(confinement, "capabilities"))
    if (name.is_string()) kept += (kept.empty() ? "" : " ") + name.get<std::string>();
  std::string words = "system calls filtered, holds " + kept;
  words += number_at(confinement, "landlock") > 0 ? ", writes only what is its own" : ", writes are not limited (no Landlock on this kernel)";
  if (const int64_t refused = number_at(confinement, "refused_system_calls")) words += red(", REFUSED " + std::to_string(refused) + " system calls, see its log");
  return words;
}

std::string proof_words(const Json& canary) {
  const Json &hooks = list_at(canary, "hooks"), &untried = list_at(canary, "untried");
  const auto tried = std::count_if(hooks.begin(), hooks.end(), [](const Json& hook) { return !flag_at(hook, "absent"); });
  return "proven: the canary was refused by each of " + std::to_string(tried) + " hooks at " + text_at(canary, "time") +
         (untried.empty() ? "" : "; it does not try " + std::to_string(untried.size()) + " others (treeline doctor)");
}

// Enforced, but started without what its policy's filter refuses, and without its listed calls.
bool lacks_filter(const Json& container) { return text_at(container, "mode") == "enforce" && !flag_at(container, "filter"); }

// Enforced, but by a change of mode: such a start is refused.
bool has_two_names(const Json& container) { return text_at(container, "mode") == "enforce" && !text_at(container, "two_names").empty(); }

// An older treeline-oci does not name the container that it asks for.
std::string who_was_refused(const Json& start) {
  const std::string container = text_at(start, "container"), policy = text_at(start, "policy");
  return !container.empty() ? container : policy.empty() ? "one without a policy" : "one of policy " + policy;
}

bool is_new(const Json& doubt) { return !doubt.contains("new") || flag_at(doubt, "new"); }

int show_status(const Context& context) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "status"}}, status);
  if (!answer) return status;
  Json s = std::move(*answer);
  s.erase("id");
  s.erase("ok");
  const int64_t not_enforced = number_at(s, "not_enforced");
  const Json& confinement = s["confinement"];
  const bool confined = flag_at(confinement, "confined");
  const bool helper_gone = flag_at(confinement.value("helper", Json::object()), "gone");
  const Json &containers = list_at(s, "containers"), &doubts = list_at(s, "doubts");
  const auto unfiltered = std::count_if(containers.begin(), containers.end(), lacks_filter);
  const bool news = std::any_of(doubts.begin(), doubts.end(), is_new);
  const Json& policies = list_at(s, "policies");
  const bool unsaved = std::any_of(policies.begin(), policies.end(), [](const Json& p) { return p.contains("unsaved"); });
  const bool unjudged = std::any_of(containers.begin(), containers.end(), [](const Json& c) { return flag_at(c, "unjudged"); });
  const Json &left_out = list_at(s, "not_in_force"), &learning = list_at(s, "learning");
  // One that is stored in enforce (or in a mode that cannot be read) and did not come into force counts.
  const auto is_enforced = [&](const std::string& name) {
    return std::any_of(policies.begin(), policies.end(), [&](const Json& p) { return text_at(p, "name") == name && text_at(p, "mode") == "enforce"; }) ||
           std::any_of(left_out.begin(), left_out.end(), [&](const Json& p) { return text_at(p, "policy") == name && text_at(p, "mode") != "monitor"; });
  };
  // Started to be learned, it stays refused nothing, also when the learning has been stopped.
  const auto is_free = [&](const Json& c) { return text_at(c, "mode") == "learn" && is_enforced(text_at(c, "policy")); };
  const auto free = std::count_if(containers.begin(), containers.end(), is_free);
  // What starts of an enforced policy while its name is learned is refused nothing.
  const bool free_meanwhile =
      std::any_of(learning.begin(), learning.end(), [&](const Json& l) { return text_at(l, "state") == "recording" && is_enforced(text_at(l, "name")); });
  const bool two_names = std::any_of(containers.begin(), containers.end(), has_two_names);
  const bool degraded = !confined || two_names || !left_out.empty() || free_meanwhile || free || unjudged || unsaved || helper_gone || unfiltered || news || !list_at(s, "unbound").empty() ||
                        !list_at(s, "unmanaged").empty();
  const int result = not_enforced || !flag_at(s, "can_enforce") ? kNotEnforced : degraded ? kFinding : kYes;
  if (context.json) {
    print_line(to_line(s));
    return result;
  }
  const Json& hooks = s["hooks"];
  field("treelined", text_at(s, "version") + ", pid " + std::to_string(number_at(s["daemon"], "pid")) + ", programs " + text_at(s["daemon"], "programs") +
                         ", kernel " + text_at(s, "kernel"));
  field("confined", confined ? confinement_words(confinement) : red("NO: treelined keeps all it may do, " + text_at(confinement, "why_not")));
  if (helper_gone) field("helper", red("GONE: nothing more can be bound or proven; start treelined again (systemctl restart treelined)"));
  field("hooks", std::to_string(number_at(hooks, "attached")) + " of " + std::to_string(number_at(hooks, "wanted")) + " attached");
  for (const Json& hook : list_at(hooks, "not_attached")) field("", text_at(hook, "hook") + ": " + text_at(hook, "note"));
  field("enforce", flag_at(s, "can_enforce") ? proof_words(s["canary"]) : red("NOT ENFORCED: " + text_at(s, "why_not")));
  if (const Json attempt = s["canary"].value("last_attempt", Json::object()); !attempt.empty())
    field("", "a later attempt, at " + text_at(attempt, "time") + ", could not be made: " + text_at(attempt, "error"));
  field("policies", policies.empty() && left_out.empty() ? "none; next: treeline policy load BUNDLE" : "");
  for (const Json& p : policies) {
    const bool bad = p.contains("asked") || p.contains("why_not_enforced");
    std::string line = "  " + padded(text_at(p, "name"), 24) + " " + padded(text_at(p, "mode"), 8) + " generation " + std::to_string(number_at(p, "generation")) +
                       ", bound " + std::to_string(number_at(p, "bound"));
    if (const std::string note = signature_note(p); !note.empty()) line += ", " + note;
    if (p.contains("unsaved")) line += red(", NOT ON DISK, so only until treelined is started again: " + text_at(p, "unsaved"));
    print_line(bad ? red(line + ", not what was asked for: " + text_at(p, "why_weaker", text_at(p, "why_not_enforced"))) : line);
  }
  for (const Json& each : left_out) print_line("  " + red(not_in_force_line(each)));
  for (const Json& u : list_at(s, "unmanaged")) {
    const std::string name = text_at(u, "policy").empty() ? "slot " + std::to_string(number_at(u, "slot")) : text_at(u, "policy");
    print_line(red("  " + padded(name, 24) + " " + padded(text_at(u, "mode"), 8) + " UNMANAGED: in force, but its table or its bundle is lost, so that no command "
                   "reaches it (the log says why). Stop the bound containers, then: treelined --detach --reason repair"));
  }
  for (const Json& l : learning) field("learning", text_at(l, "name") + ", " + text_at(l, "state") + " since " + text_at(l, "since"));
  if (free_meanwhile) field("", red("what starts of an enforced policy while its name is learned is refused nothing: treeline learn stop NAME"));
  field("bound", std::to_string(containers.size()) + " containers");
  for (const Json& c : containers)
    print_line("  " + padded(text_at(c, "container").substr(0, 24), 24) + " " + padded(text_at(c, "mode"), 8) + " " + text_at(c, "policy") +
               (flag_at(c, "unjudged") ? red(", WORKS, but nothing was executed in it under the policy: does its runtime run the payload in its own process?")
                : flag_at(c, "started") ? "" : ", entrypoint not begun") +
               (is_free(c) ? red(", refused nothing: it was started to be learned") : "") + (lacks_filter(c) ? red(", without its filter") : "") +
               (number_at(c, "not_shown") ? ", " + std::to_string(number_at(c, "not_shown")) + " refusals not shown: treeline denials " + text_at(c, "policy") : "") +
               (has_two_names(c) ? red(", may execute what it writes: " + text_at(c, "two_names")) : "") +
               (!flag_at(c, "frozen") ? "" : flag_at(c, "frozen_by_violation") ? red(", frozen by a violation: treeline thaw " + text_at(c, "container")) : ", paused by its engine"));
  if (free)
    field("free", red(std::to_string(free) + " of enforced policies were started to be learned, and are refused nothing until they are started again"));
  if (unfiltered)
    field("filter", red(std::to_string(unfiltered) + " enforced without the system call filter of their policy, which is put on at the start only: start it again"));
  if (!list_at(s, "unbound").empty()) {
    field("unbound", red(std::to_string(list_at(s, "unbound").size()) + " containers run without a policy (default = " + text_at(s, "default") + ")"));
    for (const Json& c : list_at(s, "unbound"))
      print_line("  " + text_at(c, "container") + " since " + text_at(c, "since") +
                 (flag_at(c, "frozen") ? ", frozen: by a violation before a detach (treeline thaw " + text_at(c, "container") + "), or paused by its engine" : ""));
  }
  const Json refused = s.value("refused_starts", Json::object());
  if (const int64_t count = number_at(refused, "count")) {
    field("refused", std::to_string(count) + (count == 1 ? " start of a container" : " starts of containers") + " since this treelined runs");
    const Json& last = list_at(refused, "last");
    for (auto each = last.rbegin(); each != last.rend() && each - last.rbegin() < (context.wide ? 8 : 1); ++each)
      print_line("  " + padded(who_was_refused(*each).substr(0, 24), 24) + " at " + text_at(*each, "time") + ": " + text_at(*each, "why"));
  }
  for (const Json& d : doubts)
    field("in doubt", text_at(d, "hook") + " " + text_at(d, "reason") + " x" + std::to_string(number_at(d, "count")) + (is_new(d) ? ", new" : ""));
  std::string lost;
  for (auto& [what, count] : s["losses"].items())
    if (count.is_number() && count.get<uint64_t>()) lost += (lost.empty() ? "" : ", ") + what + " " + std::to_string(count.get<uint64_t>());
  field("lost", lost.empty() ? "nothing" : lost + "; OPERATING.md, Capacities: what was full");
  if (context.wide) {
    field("tag", text_at(s, "tag"));
    field("events", text_at(s, "events"));
    field("arena", std::to_string(number_at(s["arena"], "used") >> 10) + " of " + std::to_string(number_at(s["arena"], "total") >> 10) + " KiB");
  }
  if (not_enforced) print_line(red("not enforced: " + std::to_string(not_enforced)));
  if (!flag_at(s, "can_enforce") || !confined || helper_gone) say("next: treeline doctor");
  return result;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto* status = app.add_subcommand("status", "one screen: modes in force, what is bound, what was lost (exit 0 healthy, 1 degraded, 4 not enforced)");
  status->footer(
      "Degraded: treelined is not confined, containers run unbound or enforced without their filter, an enforced policy is being learned\n"
      "again or what was started for that still runs, a stored policy is not in force, or doubts are new. A doubt (refused in enforce) is\n"
      "new for an hour after the look that first shows it, then only shown; its count goes back to when the hooks were loaded.\n");
  status->callback([&context] { context.action = [&context] { return show_status(context); }; });
}

}  // namespace treeline::cli
