// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/diff_fences.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/backends/seccomp/calls.h"

namespace treeline::analysis {
namespace {

namespace apparmor = backends::apparmor;
namespace seccomp = backends::seccomp;
using Json = nlohmann::json;

Change change(Effect effect, const char* kind, std::string what, std::string why) {
  Change out;
  out.effect = effect;
  if (effect == Effect::kAllowed) out.risk = Risk::kHigh;  // as the end of the filter in diff_rules.cc
  out.kind = kind;
  out.what = std::move(what);
  if (effect == Effect::kAllowed) out.why = std::move(why);
  return out;
}

// ------------------------------------------------------------------------------------------------ system calls
struct CallRules {
  std::set<std::string> architectures;
  std::map<std::string, std::set<std::string>> of_call;  // its entries, without names
};

Result<CallRules> call_rules(std::string_view text) {
  const Error wrong{"the bundle's " + std::string(seccomp::kCallsOci) + " is no filter of system calls; compile the profile again"};
  const Json whole = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!whole.is_object() || !whole.contains("architectures") || !whole.contains("syscalls")) return wrong;
  CallRules rules;
  for (const Json& architecture : whole["architectures"]) {
    if (!architecture.is_string()) return wrong;
    rules.architectures.insert(architecture.get<std::string>());
  }
  for (Json entry : whole["syscalls"]) {
    if (!entry.is_object() || !entry.contains("names") || !entry["names"].is_array()) return wrong;
    const Json called = entry["names"];
    entry.erase("names");
    for (const Json& name : called) {
      if (!name.is_string()) return wrong;
      rules.of_call[name.get<std::string>()].insert(entry.dump());
    }
  }
  return rules;
}

std::set<std::string> listed(const ir::Policy& policy) {
  std::set<std::string> names;
  for (const ir::Node& node : policy.nodes)
    for (const ir::SyscallRule& call : node.syscalls) names.insert(call.name);
  return names;
}

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::set<std::string> without(const std::set<std::string>& all, const std::set<std::string>& some) {
  std::set<std::string> out;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::inserter(out, out.end()));
  return out;
}

// Rules that only one of the filters has, of calls that a node of both versions lists, or of neither.
Result<void> compare_filters(const Fences& before, const Fences& after, std::vector<Change>& out) {
  const Result<CallRules> was = call_rules(before.calls), is = call_rules(after.calls);
  if (!was) return was.error();
  if (!is) return is.error();
  const char* kWhy = "the filter has other options, or another compiler made it";
  if (const auto more = without(is->architectures, was->architectures); !more.empty())
    out.push_back(change(Effect::kAllowed, "filter", "architectures " + joined(more), "whose callers were killed"));
  if (const auto fewer = without(was->architectures, is->architectures); !fewer.empty())
    out.push_back(change(Effect::kDenied, "filter", "architectures " + joined(fewer), ""));
  const std::set<std::string> listed_before = listed(*before.policy), listed_after = listed(*after.policy);
  std::set<std::string> allowed, denied;
  const auto rules_of = [](const CallRules& rules, const std::string& call) {
    const auto at = rules.of_call.find(call);
    return at == rules.of_call.end() ? std::set<std::string>() : at->second;
  };
  std::set<std::string> calls;
  for (const CallRules* rules : {&*was, &*is})
    for (const auto& [call, entries] : rules->of_call) calls.insert(call);
  for (const std::string& call : calls) {
    if (listed_before.contains(call) != listed_after.contains(call)) continue;
    const auto rules_before = rules_of(*was, call), rules_after = rules_of(*is, call);
    if (rules_before == rules_after) continue;
    // Which of two conditions on arguments is the wider one is not decided here: another one is a wider one.
    (rules_after.empty() ? denied : allowed).insert(call);
  }
  if (!allowed.empty()) out.push_back(change(Effect::kAllowed, "filter", joined(allowed), kWhy));
  if (!denied.empty()) out.push_back(change(Effect::kDenied, "filter", joined(denied), ""));
  return {};
}

Result<void> compare_calls(const Fences& before, const Fences& after, std::vector<Change>& out) {
  if (!before.calls.empty() && !after.calls.empty()) return compare_filters(before, after, out);
  // Where no node lists calls any more, or does now, compare() says so.
  if (!before.calls.empty() && seccomp::lists_calls(*after.policy))
    out.push_back(change(Effect::kAllowed, "filter", "any system call", "the new bundle was compiled without the filter of listed calls: nothing filters them"));
  if (!after.calls.empty() && seccomp::lists_calls(*before.policy))
    out.push_back(change(Effect::kDenied, "filter", "any system call but the listed", ""));
  return {};
}

// ------------------------------------------------------------------------------------------------ AppArmor
// With which options the policy becomes this text; nullopt: another compiler made it.
std::optional<apparmor::Options> options_of(const ir::Policy& policy, std::string_view text) {
  for (const bool flat : {false, true})
    for (const bool complain : {false, true}) {
      const apparmor::Options options{.no_new_privs = flat, .complain = complain};
      if (apparmor::lower(policy, options).text == text) return options;
    }
  return std::nullopt;
}

void compare_profiles(const Fences& before, const Fences& after, std::vector<Change>& out) {
  if (before.profiles == after.profiles) return;
  if (after.profiles.empty())
    return out.push_back(change(Effect::kAllowed, "apparmor", "no profile", "the new bundle was compiled without AppArmor profiles: they hold nothing any more"));
  if (before.profiles.empty()) return out.push_back(change(Effect::kDenied, "apparmor", "what no profile allows", ""));
  const auto was = options_of(*before.policy, before.profiles), is = options_of(*after.policy, after.profiles);
  if (!was || !is)
    return out.push_back(change(Effect::kAllowed, "apparmor", "other profiles", "another compiler made them: what they hold is not known; compile both versions by one"));
  if (is->complain && !was->complain)
    out.push_back(change(Effect::kAllowed, "apparmor", "complain", "the profiles only report what they would refuse (--complain)"));
  if (was->complain && !is->complain) out.push_back(change(Effect::kDenied, "apparmor", "what no profile allows", ""));
  // The flat shape may be that of the tree; then the texts are equal, and the first option was found.
  if (is->no_new_privs && !was->no_new_privs)
    out.push_back(change(Effect::kAllowed, "apparmor", "one profile for all nodes", "each may there what any of them may (--no-new-privs)"));
  if (was->no_new_privs && !is->no_new_privs) out.push_back(change(Effect::kDenied, "apparmor", "what the node's own profile does not allow", ""));
}

}  // namespace

Result<std::vector<Change>> compare_fences(const Fences& before, const Fences& after) {
  std::vector<Change> out;
  if (Result<void> read = compare_calls(before, after, out); !read) return read.error();
  compare_profiles(before, after, out);
  return out;
}

void add_fences(std::vector<Change> changes, Diff& diff) {
  if (changes.empty()) return;
  if (diff.nodes.empty() || diff.nodes[0].node != "entry") {
    NodeDiff entry;
    entry.node = "entry";
    diff.nodes.insert(diff.nodes.begin(), std::move(entry));
  }
  std::vector<Change>& all = diff.nodes[0].changes;
  all.insert(all.end(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
  sort_changes(all);
}

}  // namespace treeline::analysis
