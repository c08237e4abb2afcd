// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/replay_calls.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/backends/seccomp/rule.h"

namespace treeline::analysis {
namespace {

namespace seccomp = backends::seccomp;
using Json = nlohmann::json;

Error wrong(std::string_view artifact, const std::string& what) {
  return Error{"the bundle's " + std::string(artifact) + " is no filter of system calls: " + what + "; compile the profile again"};
}

const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

bool is_texts(const Json& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_string(); });
}

// "" where the word is not known.
std::string_view oci_name(std::string_view architecture) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"x86_64", "SCMP_ARCH_X86_64"},
                                                                      {"i386", "SCMP_ARCH_X86"},
                                                                      {"x32", "SCMP_ARCH_X32"},
                                                                      {"arm64", "SCMP_ARCH_AARCH64"},
                                                                      {"arm", "SCMP_ARCH_ARM"}};
  const auto* known = std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& name) { return name.first == architecture; });
  return known == std::end(kNames) ? std::string_view() : known->second;
}

// Calls whose conditions (arguments.h) are about acts that a trace holds as acts.
bool seen_as_acts(std::string_view call) {
  constexpr std::string_view kCalls[] = {"clone", "ioctl", "socket", "socketpair", "unshare"};
  return std::find(std::begin(kCalls), std::end(kCalls), call) != std::end(kCalls);
}

}  // namespace

Result<CallFilters::Filter> CallFilters::read_one(std::string_view text, std::string_view name) {
  Filter filter;
  if (text.empty()) return filter;
  const Json whole = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!whole.is_object()) return wrong(name, "it is no JSON object");
  const Json &otherwise = member(whole, "defaultAction"), &architectures = member(whole, "architectures"), &entries = member(whole, "syscalls");
  if (otherwise != "SCMP_ACT_ALLOW" && otherwise != "SCMP_ACT_ERRNO") return wrong(name, "defaultAction");
  if (!is_texts(architectures) || !entries.is_array()) return wrong(name, "architectures and syscalls are lists");
  filter.passes_others = otherwise == "SCMP_ACT_ALLOW";
  for (const Json& architecture : architectures) filter.architectures.insert(architecture.get<std::string>());
  for (const Json& entry : entries) {
    if (!entry.is_object() || !is_texts(member(entry, "names"))) return wrong(name, "an entry of syscalls has names");
    const Json& action = member(entry, "action");
    if (action != "SCMP_ACT_ALLOW" && action != "SCMP_ACT_ERRNO") return wrong(name, "an entry's action");
    for (const Json& call : member(entry, "names")) {
      Rules& rules = filter.calls[call.get<std::string>()];
      if (entry.contains("args")) continue;
      rules.passes |= action == "SCMP_ACT_ALLOW";
      rules.refused |= action == "SCMP_ACT_ERRNO";
      rules.absent |= action == "SCMP_ACT_ERRNO" && member(entry, "errnoRet") == seccomp::kEnosys;
    }
  }
  return filter;
}

Result<CallFilters> CallFilters::read(std::string_view closing, std::string_view listed) {
  Result<Filter> first = read_one(closing, seccomp::kArtifact), second = read_one(listed, seccomp::kCallsOci);
  if (!first) return first.error();
  if (!second) return second.error();
  CallFilters filters;
  filters.closing_ = std::move(*first);
  filters.listed_ = std::move(*second);
  return filters;
}

CallAnswer CallFilters::ask_one(const Filter& filter, std::string_view architecture, const std::string& call) {
  if (filter.passes_others && filter.calls.empty()) return CallAnswer::kPasses;  // nothing is installed
  // Killed at its first call.
  const std::string_view named = oci_name(architecture);
  if (!named.empty() && !filter.architectures.contains(named)) return CallAnswer::kRefused;
  const auto found = filter.calls.find(call);
  if (found == filter.calls.end()) {
    // The first argument says which of the listed calls it is.
    const bool several = architecture == "i386" && (call == "socketcall" || call == "ipc");
    return filter.passes_others ? CallAnswer::kPasses : several ? CallAnswer::kByArguments : CallAnswer::kRefused;
  }
  const Rules& rules = found->second;
  if (rules.passes) return CallAnswer::kPasses;
  if (rules.absent && call == "clone3") return ask_one(filter, architecture, "clone");
  if (rules.refused) return CallAnswer::kRefused;
  return seen_as_acts(call) ? CallAnswer::kPasses : CallAnswer::kByArguments;
}

CallAnswer CallFilters::ask(std::string_view architecture, const std::string& call) const {
  return std::max(ask_one(closing_, architecture, call), ask_one(listed_, architecture, call));
}

}  // namespace treeline::analysis
