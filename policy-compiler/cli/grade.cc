// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Programs whose behaviour is in a file or an argument that no exec hook sees. "python3.11" counts as "python".
bool is_interpreter(std::string_view program) {
  constexpr std::string_view kNames[] = {"sh",     "bash",   "dash",    "ash",  "ksh",  "zsh",    "busybox",
                                         "toybox", "python", "perl",    "ruby", "node", "nodejs", "php",
                                         "lua",    "luajit", "awk",     "gawk", "mawk", "tclsh",  "java",
                                         "env",    "guile",  "Rscript", "deno", "bun"};
  const size_t end = program.find_first_of("0123456789.-");
  const std::string_view bare = end == 0 ? program : program.substr(0, end);
  return std::find(std::begin(kNames), std::end(kNames), bare) != std::end(kNames);
}

}  // namespace

void grade(const ir::Policy& policy, Diagnostics& diagnostics) {
  for (const ir::Node& node : policy.nodes) {
    if (!node.interpreter && is_interpreter(base_name(node.executable.text)))
      diagnostics.note(
          node.executable.position, "interpreter-program",
          text::quoted(node.executable.text) + " runs what it is told to: the kernel sees this program, not the script",
          "start the script by its '#!' line and write 'interpreter:', or let this node read nothing but the "
          "scripts that it needs");
    if (node.users.empty())
      diagnostics.note(node.position, "any-user", text::quoted(node.executable.text) + " may run as any user",
                       "list the ids under 'users'");
    for (const ir::NetworkRule& rule : node.network) {
      const bool any_port = rule.ports.size() == 1 && rule.ports[0].first == 0 && rule.ports[0].last == 65535;
      if (rule.direction == ir::Direction::kOut && any_port &&
          (rule.peer.kind == ir::PeerKind::kAny || rule.peer.kind == ir::PeerKind::kExternal))
        diagnostics.warning(rule.position, "any-egress",
                            text::quoted(node.executable.text) + " may send to any port of the outside",
                            "name the peers or the ports: what is stolen leaves by a rule like this");
    }
  }
}

}  // namespace treeline::cli
