// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/draft.h"

#include <algorithm>
#include <functional>
#include <map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/seccomp/program.h"
#include "policy-compiler/import/flags.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kWrittenOrders = 3;   // programs that may start each other and are written out: 15 nodes; four are 64
constexpr size_t kReadableNodes = 64;  // of a tree that is written in full
constexpr size_t kMostNodes = 2'000;
constexpr size_t kMostDepth = 40;  // of programs below one another

size_t rules_of(const ir::Node& node) {
  return node.files.size() + node.network.size() + node.sockets.size() + node.netlink.size() +
         node.capabilities.size() + node.operations.size() + node.syscalls.size() + 1;
}

void append(ir::Node& to, const ir::Node& from) {
  const auto all = [](auto& a, const auto& b) { a.insert(a.end(), b.begin(), b.end()); };
  all(to.files, from.files);
  all(to.network, from.network);
  all(to.sockets, from.sockets);
  all(to.netlink, from.netlink);
  all(to.capabilities, from.capabilities);
  all(to.operations, from.operations);
  all(to.syscalls, from.syscalls);
}

void normalise(std::vector<ir::NumberRule>& list) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  list.erase(std::unique(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.value == b.value; }),
             list.end());
}

std::string network_key(const ir::NetworkRule& rule) {
  std::string key = std::to_string(static_cast<int>(rule.direction)) + std::to_string(static_cast<int>(rule.protocol)) +
                    ir::names::peer_text(rule.peer);
  for (const ir::PortRange& range : rule.ports) key += " " + ir::names::port_text(range);
  return key;
}

void normalise(std::vector<ir::NetworkRule>& rules) {
  std::map<std::string, ir::NetworkRule> sorted;
  for (ir::NetworkRule& rule : rules) sorted.emplace(network_key(rule), std::move(rule));
  rules.clear();
  for (auto& [key, rule] : sorted) rules.push_back(std::move(rule));
}

}  // namespace

std::optional<uint32_t> capability_number(std::string_view name) {
  std::string bare;
  for (const char c : name) bare += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (bare.substr(0, 4) == "cap_") bare = bare.substr(4);
  return ir::names::capabilities().find(bare);
}

void add_number(std::vector<ir::NumberRule>& list, uint32_t value, Position position) {
  const bool there = std::any_of(list.begin(), list.end(), [&](const auto& rule) { return rule.value == value; });
  if (!there) list.push_back({value, position});
}

void normalise(ir::Node& node) {
  std::stable_sort(node.files.begin(), node.files.end(),
                   [](const ir::FileRule& a, const ir::FileRule& b) { return a.path.text < b.path.text; });
  std::vector<ir::FileRule> files;
  for (ir::FileRule& rule : node.files) {
    if (!files.empty() && files.back().path.text == rule.path.text)
      files.back().access = static_cast<ir::AccessSet>(files.back().access | rule.access);
    else
      files.push_back(std::move(rule));
  }
  node.files = std::move(files);
  normalise(node.network);
  normalise(node.sockets);
  normalise(node.netlink);
  normalise(node.capabilities);
  normalise(node.operations);
  std::stable_sort(node.syscalls.begin(), node.syscalls.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  node.syscalls.erase(std::unique(node.syscalls.begin(), node.syscalls.end(),
                                  [](const auto& a, const auto& b) { return a.name == b.name; }),
                      node.syscalls.end());
}

std::string label_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.size() == 63) break;
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (word || (!out.empty() && (c == '.' || c == '-')))
      out += c;
    else if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  return out.empty() ? "imported" : out;
}

size_t Draft::program(std::string_view pattern, Position position) {
  for (size_t i = 0; i < programs.size(); ++i)
    if (programs[i].executable.text == pattern) {
      programs[i].places.push_back(position);
      return i;
    }
  if (programs.size() >= kMostNodes) {
    if (!too_many_)
      diagnostics_.error(position, "import-limit", "more than " + std::to_string(kMostNodes) + " programs",
                         "import a source of one workload");
    too_many_ = true;
    return 0;
  }
  programs.push_back({{std::string(pattern), position}, {}, false, false, {}, {position}});
  return programs.size() - 1;
}

void Draft::grant_file(ir::Node& node, std::string_view pattern, ir::AccessSet access, Position position) {
  if (access == 0) return;
  std::vector<passes::PatternError> errors;
  if (pattern.size() > TL_PATH_MAX || !passes::parse_pattern(pattern, errors)) {
    diagnostics_.warning(
        position, "not-carried",
        text::quoted(pattern) + " is no pattern of the language" + (errors.empty() ? "" : ": " + errors[0].message),
        errors.empty() || errors[0].remedy.empty() ? "write the rule by hand" : errors[0].remedy);
    return;
  }
  node.files.push_back({{std::string(pattern), position}, access, false});
}

void Draft::grant_capability(ir::Node& node, std::string_view name, Position position) {
  if (const auto number = capability_number(name))
    add_number(node.capabilities, *number, position);
  else
    diagnostics_.warning(position, "not-carried", text::quoted(name) + " is no capability that is known",
                         "write the name of capabilities(7)");
}

void Draft::grant_syscall(ir::Node& node, std::string_view name, Position position) {
  const bool form = !name.empty() && name.size() <= 63 && (name[0] < '0' || name[0] > '9') &&
                    std::all_of(name.begin(), name.end(),
                                [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  const bool known = form && backends::seccomp::call_known(std::string(name));
  if (known)
    node.syscalls.push_back({std::string(name), position});
  else
    diagnostics_.warning(position, "not-carried",
                         text::quoted(name) + (form ? " is no system call that libseccomp " + backends::seccomp::libseccomp_version() + " knows"
                                                    : " is no name of a system call"),
                         form ? "list it where libseccomp is newer, if it is one" : "use a name of syscalls(2)");
}

void Draft::grant_protocol(ir::Node& node, std::string_view name, Position position, const ir::Peer& peer) {
  struct Known {
    std::string_view name;
    ir::Protocol protocol;
    uint32_t socket;
  };
  constexpr Known kKnown[] = {{"tcp", ir::Protocol::kTcp, TL_SOCK_INET_STREAM},
                              {"udp", ir::Protocol::kUdp, TL_SOCK_INET_DGRAM},
                              {"sctp", ir::Protocol::kSctp, TL_SOCK_INET_SCTP},
                              {"icmp", ir::Protocol::kIcmp, TL_SOCK_INET_PING},
                              {"raw", ir::Protocol::kRaw, TL_SOCK_INET_RAW}};
  std::string lower;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const Known& known : kKnown) {
    if (known.name != lower) continue;
    for (const ir::Direction direction : {ir::Direction::kOut, ir::Direction::kIn})
      node.network.push_back({direction, known.protocol, peer, {{0, 65535}}, position});
    add_number(node.sockets, known.socket, position);
    return;
  }
  diagnostics_.warning(position, "not-carried", "protocol " + text::quoted(name),
                       "write the rule by hand: protocols are tcp, udp, sctp, icmp, raw");
}

// Builds the tree of a draft, depth first.
struct Draft::Tree {
  const Draft* draft;
  ir::Policy policy;
  bool every_order = false;
  size_t most_depth = kMostDepth, most_nodes = kMostNodes;
  bool cut = false;
  bool shallow = false;  // something is started below the last step that is written
  size_t rules = 0;
  std::vector<std::pair<size_t, uint32_t>> above;  // (program, node), root first

  std::vector<size_t> started_by(size_t program) const {
    std::vector<size_t> out = draft->programs[program].starts;
    if (every_order)
      for (size_t i = 0; i < draft->programs.size(); ++i)
        if (draft->programs[i].anywhere) out.push_back(i);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  bool add(size_t program, uint32_t parent) {
    const uint32_t index = static_cast<uint32_t>(policy.nodes.size());
    ir::Node node;
    node.executable = draft->programs[program].executable;
    node.position = node.executable.position;
    node.parent = parent;
    append(node, draft->common);
    append(node, draft->programs[program].own);
    normalise(node);
    rules += rules_of(node);
    if (rules > kMaxRules || policy.nodes.size() >= most_nodes) {
      cut = true;
      return false;
    }
    policy.nodes.push_back(std::move(node));
    if (parent == ir::kNoNode)
      policy.entry.push_back(index);
    else
      policy.nodes[parent].children.push_back(index);
    above.push_back({program, index});
    if (above.size() < most_depth) {
      for (const size_t child : started_by(program)) {
        const auto known =
            std::find_if(above.begin(), above.end(), [&](const auto& step) { return step.first == child; });
        if (known == above.end()) {
          if (!add(child, index)) return false;
          continue;
        }
        ir::Node& target = policy.nodes[known->second];
        if (target.id.empty()) target.id = "n" + std::to_string(known->second);
        policy.nodes[index].back_edges.push_back({draft->programs[child].executable, known->second});
      }
    }
    shallow |= above.size() >= most_depth && !started_by(program).empty();
    above.pop_back();
    return true;
  }
};

void Draft::list_unreached() const {
  std::vector<bool> reached(programs.size());
  std::vector<size_t> next;
  const auto reach = [&](size_t program) {
    if (!reached[program]) next.push_back(program);
    reached[program] = true;
  };
  for (size_t i = 0; i < programs.size(); ++i)
    if (programs[i].anywhere || programs[i].root) reach(i);
  while (!next.empty()) {
    const size_t program = next.back();
    next.pop_back();
    for (const size_t child : programs[program].starts) reach(child);
  }
  for (size_t i = 0; i < programs.size(); ++i)
    for (const Position place : reached[i] ? std::vector<Position>() : programs[i].places)
      diagnostics_.warning(
          place, "not-carried",
          text::quoted(programs[i].executable.text) +
              ": nothing that the source lets start leads to it, so what is said of it here is left out",
          "name it with --exec if the container starts it, or write it below who does");
}

std::optional<ir::Policy> Draft::finish(std::string_view name) && {
  list_unreached();
  if (std::none_of(programs.begin(), programs.end(), [](const Program& p) { return p.anywhere || p.root; })) {
    diagnostics_.error({}, "no-program", "the source names no program that may be started",
                       "say whose rules these are: --exec /path/of/the/program, as often as needed");
    return std::nullopt;
  }
  normalise(common);
  const auto anywhere =
      static_cast<size_t>(std::count_if(programs.begin(), programs.end(), [](const Program& p) { return p.anywhere; }));
  const auto grow = [&](size_t most_depth, size_t most_nodes) {
    Tree tree{this, {}, anywhere <= kWrittenOrders, most_depth, most_nodes, false, false, 0, {}};
    for (size_t i = 0; i < programs.size(); ++i)
      if (programs[i].anywhere || programs[i].root)
        if (!tree.add(i, ir::kNoNode)) break;
    return tree;
  };
  Tree tree = grow(kMostDepth, kReadableNodes);
  if (tree.cut) tree = grow(2, kMostNodes);
  if (tree.shallow)
    diagnostics_.note({}, "narrower",
                      "programs that start each other in many orders are written to step " +
                          std::to_string(tree.most_depth) + " only",
                      "add below 'children' what those start in turn");
  tree.policy.name = label_of(name);
  if (tree.cut) {
    diagnostics_.error({}, "import-limit",
                       "the draft would have more than " + std::to_string(kMaxRules) + " rules or " +
                           std::to_string(kMostNodes) + " nodes",
                       "import a source of one workload, or fewer programs of it");
    return std::nullopt;
  }
  if (!tree.every_order)
    diagnostics_.note({}, "import-question",
                      std::to_string(anywhere) + " programs, and the source does not say which of them starts which",
                      "put those that others start below them as 'children'; each stands under 'entry' now");
  return std::move(tree.policy);
}

}  // namespace treeline::import_
