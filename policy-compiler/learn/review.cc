// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/review.h"

#include <map>
#include <set>
#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/fold_paths.h"
#include "policy-compiler/learn/fold_tree.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/programs.h"

namespace treeline::learn {
namespace {

bool is_grave(const analysis::Grade& grade) { return grade.risk >= analysis::Risk::kHigh; }

class Reviewer {
 public:
  Reviewer(const Observed& observed, uint32_t node, std::vector<Question>& questions)
      : observed_(observed), index_(node), node_(observed.nodes[node]), questions_(questions) {}

  void run() {
    program();
    numbers();
    files();
  }

 private:
  void ask(std::string code, std::string text, std::string remedy, std::vector<std::string> examples = {}) {
    questions_.push_back({QuestionKind::kReview, std::move(code), observed_path(observed_, index_), std::move(text),
                          std::move(remedy), std::move(examples)});
  }
  void grave(const std::string& what) { ask("grave-right", what, "remove it unless the workload needs it"); }

  bool below_server(uint32_t from) const {
    for (uint32_t at = from; at != ir::kNoNode; at = observed_.nodes[at].parent) {
      if (is_network_facing(observed_.nodes[at])) return true;
    }
    return false;
  }

  void program() {
    const bool below = below_server(node_.parent);
    if (is_shell(node_.step) && (below || is_network_facing(node_))) {
      ask("shell-below-server",
          below ? "a shell is started by a program that listens on the network" : "a shell listens on the network",
          "keep it only if the workload needs it: it is what an intruder would start");
    } else if (below && is_interpreter(node_.step)) {
      ask("interpreter-below-server", "an interpreter is started by a program that listens on the network",
          "start its script by the \"#!\" line, or keep it only if the workload needs it: it runs what an intruder "
          "gives it");
    }
  }

  void numbers() {
    std::set<uint32_t> kinds, netlink;
    for (const auto& [kind, use] : node_.sockets) {
      kinds.insert(kind.first);
      if (kind.first == TL_SOCK_NETLINK && kind.second != 0) netlink.insert(kind.second);
    }
    for (const uint32_t protocol : netlink) grave("sockets of netlink " + ir::names::netlink_text(protocol));
    for (const uint32_t kind : kinds) {
      if (is_grave(analysis::grade_socket(kind)))
        grave("sockets of kind " + std::string(ir::names::socket_kinds().name(kind)));
    }
    std::set<ir::Protocol> protocols;
    for (const auto& [net, use] : node_.nets) protocols.insert(net.protocol);
    for (const ir::Protocol protocol : {ir::Protocol::kRaw, ir::Protocol::kOther}) {
      if (protocols.contains(protocol))
        grave("network protocol " + std::string(ir::names::protocols().name(static_cast<uint32_t>(protocol))));
    }
    for (const auto& [capability, use] : node_.capabilities) {
      if (is_grave(analysis::grade_capability(capability))) grave("capability " + std::string(ir::names::capabilities().name(capability)));
    }
    for (const auto& [operation, use] : node_.operations)
      grave("special operation " + std::string(ir::names::operations().name(operation)));
  }

  void files() {
    std::map<std::string, std::set<std::string>> found;  // why, names
    for (const auto& [name, words] : node_.files) {
      ir::AccessSet all = 0;
      for (const auto& [word, use] : words) all = static_cast<ir::AccessSet>(all | word);
      if (std::string why = why_grave(name, all); !why.empty()) found[std::move(why)].insert(pattern_text(name));
    }
    for (const auto& [why, names] : found) {
      std::vector<std::string> examples(names.begin(), names.end());
      if (examples.size() > kMostExamples) examples.resize(kMostExamples);
      ask("grave-file",
          std::string("the program may ") + why + ": " + std::to_string(names.size()) +
              (names.size() == 1 ? " name" : " names"),
          "remove them unless the workload needs them", std::move(examples));
    }
  }

  const Observed& observed_;
  uint32_t index_;
  const ObservedNode& node_;
  std::vector<Question>& questions_;
};

}  // namespace

void review(const Observed& observed, const std::vector<uint32_t>& kept, std::vector<Question>& questions) {
  for (const uint32_t node : kept) Reviewer(observed, node, questions).run();
}

}  // namespace treeline::learn
