// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/calls.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy-compiler/backends/seccomp/arguments.h"
#include "policy-compiler/backends/seccomp/oci_text.h"
#include "policy-compiler/backends/seccomp/program.h"
#include "policy-compiler/backends/seccomp/runtime_calls.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::seccomp {
namespace {

// Each call of the profile and the first place that names it.
using Places = std::map<std::string, ir::Position>;

Places listed_calls(const ir::Policy& policy) {
  Places places;
  for (const ir::Node& node : policy.nodes)
    for (const ir::SyscallRule& call : node.syscalls) places.try_emplace(call.name, call.position);
  return places;
}

void report_absent(const Places& places, const std::vector<Architecture>& architectures, Diagnostics& diagnostics) {
  std::string words;
  for (const Architecture architecture : architectures)
    words += (words.empty() ? "" : ", ") + std::string(architecture_word(architecture));
  for (const auto& [call, position] : places)
    if (!call_exists(call, architectures))
      diagnostics.warning(position, "syscall-absent", text::quoted(call) + " is a system call of none of " + words,
                          "remove it; a program of this machine cannot make it");
}

// Nodes that list nothing beside nodes that do: who wrote the profile may not have meant that.
void report_unlisted(const ir::Policy& policy, Diagnostics& diagnostics) {
  for (const ir::Node& node : policy.nodes)
    if (node.syscalls.empty())
      diagnostics.warning(node.position, "syscalls-missing",
                          text::quoted(node.executable.text) + " lists no system calls, and other nodes do: it may make theirs "
                          "and no other",
                          "list what it calls, or remove 'syscalls' from all nodes");
}

// What the list says and the filter does not let pass.
void report_refused(const Places& places, const Held& held, Diagnostics& diagnostics) {
  for (const auto& [call, position] : places) {
    if (may_pass(call, held)) continue;
    if (call == "clone3")
      diagnostics.note(position, "syscall-unseen",
                       "clone3 is listed, and the filter answers it with ENOSYS: its flags lie in memory, where it cannot see which namespaces are made",
                       "nothing: a libc calls clone then, which passes without new namespaces; clone3 itself passes with " + opened_by(call));
    else
      diagnostics.warning(position, "syscall-refused",
                          text::quoted(call) + " is listed, and refused without " + opened_by(call) + ", which no node holds",
                          "add that to the node that makes the call, or remove the call");
  }
}

std::vector<Rule> rules_of(const std::set<std::string>& calls, const Held& held) {
  std::vector<Rule> rules;
  for (const std::string& call : calls) {
    std::vector<Rule> of_call = rules_of_call(call, held);
    rules.insert(rules.end(), of_call.begin(), of_call.end());
  }
  return rules;
}

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Lines of at most 100 columns behind "# ".
std::string comment(const std::string& text) {
  std::string out, line;
  for (const std::string_view word : text::words(text)) {
    if (!line.empty() && line.size() + 1 + word.size() > 98) {
      out += "# " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  return line.empty() ? out : out + "# " + line + "\n";
}

std::string heading(const ir::Policy& policy, const std::set<std::string>& listed, const std::set<std::string>& refused) {
  std::string out = comment("The system calls of policy " + policy.name + ", by libseccomp " + libseccomp_version() + ".");
  out += comment("Of the profile: " + joined(listed));
  if (!refused.empty()) out += comment("Of these refused, for what no node holds: " + joined(refused));
  for (const RuntimeCalls& runtime : runtime_calls()) {
    std::set<std::string> calls;
    for (const std::string_view call : runtime.calls)
      if (!listed.contains(std::string(call))) calls.insert(std::string(call));
    if (!calls.empty())
      out += comment("For " + std::string(runtime.who) + ", before the entrypoint: " + joined(calls));
  }
  return out;
}

void note_residuals(const ir::Policy& policy, const std::set<std::string>& listed, size_t refused,
                    const std::set<std::string>& runtime, const std::vector<Architecture>& architectures,
                    std::vector<CallResidual>& residuals) {
  std::vector<ir::Position> lists;  // a group's stands in several nodes
  bool differ = false;
  for (const ir::Node& node : policy.nodes) {
    if (!node.syscalls.empty() && std::find(lists.begin(), lists.end(), node.syscalls[0].position) == lists.end()) lists.push_back(node.syscalls[0].position);
    std::set<std::string> own;
    for (const ir::SyscallRule& call : node.syscalls) own.insert(call.name);
    differ |= own != listed;
  }
  const ir::Position first = lists.front();
  for (const ir::Position where : differ || !runtime.empty() ? lists : std::vector<ir::Position>())
    residuals.push_back({where,
                         "system calls are held for the workload as a whole: each process may make " +
                             (refused == 0 ? "the " : std::to_string(listed.size() - refused) + " of the ") +
                             std::to_string(listed.size()) + " that its nodes list together, and " +
                             std::to_string(runtime.size()) +
                             " more that the container runtime makes before the entrypoint",
                         false});
  if (listed.contains("socket") || listed.contains("socketpair"))
    for (const ir::Node& node : policy.nodes) {
      if (node.sockets.empty()) continue;
      residuals.push_back({node.sockets[0].position, "of a socket the filter sees the family alone: each type and protocol of it passes", true});
      break;
    }
  residuals.push_back({first,
                       "a filter sees numbers, not what they stand for: the hooks alone hold paths, addresses and ports, users, capabilities, whose "
                       "process it is, the operations jit, stack-exec, setuid, signal, tune and autoload-module, and one whose call is "
                       "listed without it",
                       true});
  const bool compat = std::find(architectures.begin(), architectures.end(), Architecture::kX86) != architectures.end();
  if (compat && (listed.contains("socket") || listed.contains("socketpair")))
    residuals.push_back({first, "on 32-bit x86 socketcall(2) hides the address family: there the hooks alone hold it", true});
}

}  // namespace

bool lists_calls(const ir::Policy& policy) {
  return std::any_of(policy.nodes.begin(), policy.nodes.end(),
                     [](const ir::Node& node) { return !node.syscalls.empty(); });
}

void report_unknown_calls(const ir::Policy& policy, Diagnostics& diagnostics) {
  std::set<std::pair<ir::Position, std::string>> said;  // a group's calls stand once and count for many nodes
  for (const ir::Node& node : policy.nodes)
    for (const ir::SyscallRule& call : node.syscalls) {
      if (call_known(call.name) || !said.insert({call.position, call.name}).second) continue;
      const std::string guess = text::did_you_mean(closest_call(call.name));
      diagnostics.error(call.position, "syscall-unknown",
                        text::quoted(call.name) + " is no system call that libseccomp " + libseccomp_version() + " knows",
                        guess.empty() ? "remove it, or compile where libseccomp is newer" : guess);
    }
}

std::optional<CallFilter> lower_calls(const ir::Policy& policy, const CallOptions& options, Diagnostics& diagnostics) {
  if (!lists_calls(policy)) return std::nullopt;
  const size_t errors = diagnostics.errors();
  report_unknown_calls(policy, diagnostics);
  if (diagnostics.errors() != errors) return std::nullopt;
  const Places places = listed_calls(policy);
  report_absent(places, options.architectures, diagnostics);
  report_unlisted(policy, diagnostics);

  std::set<std::string> listed, runtime;
  for (const auto& [call, position] : places) listed.insert(call);
  for (const RuntimeCalls& group : runtime_calls())
    for (const std::string_view call : group.calls)
      if (!listed.contains(std::string(call))) runtime.insert(std::string(call));

  const Held held = held_by_any(policy);
  report_refused(places, held, diagnostics);
  std::set<std::string> refused;
  for (const std::string& call : listed)
    if (!may_pass(call, held)) refused.insert(call);
  std::vector<Rule> listed_rules = rules_of(listed, held);
  // A libc tries clone3 first: after ENOSYS it calls clone, after EPERM it starts no thread.
  if (!listed.contains("clone3")) listed_rules.push_back({"clone3", kEnosys, {}});
  const std::vector<Rule> runtime_rules = rules_of(runtime, held);
  std::vector<Rule> all = listed_rules;
  all.insert(all.end(), runtime_rules.begin(), runtime_rules.end());
  Result<Program> program = make_program(all, options.architectures);
  if (!program) {
    ir::Position first;
    for (const auto& [call, position] : places)
      if (first.line == 0 || position < first) first = position;
    diagnostics.error(first, "seccomp-program", program.error().message, "list fewer calls, or name fewer architectures");
    return std::nullopt;
  }

  CallFilter filter;
  filter.oci = oci_text(listed_rules, runtime_rules, options.architectures);
  filter.bpf = std::move(program->bpf);
  filter.pfc = heading(policy, listed, refused) + program->pfc;
  note_residuals(policy, listed, refused.size(), runtime, options.architectures, filter.residuals);
  filter.listed = listed.size();
  filter.runtime = runtime.size();
  return filter;
}

}  // namespace treeline::backends::seccomp
