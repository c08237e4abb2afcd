// SPDX-License-Identifier: Apache-2.0
#include "tests/cases/apparmor_residual.h"

#include <algorithm>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::cases {
namespace {

namespace apparmor = backends::apparmor;
using Kind = cli::Question::Kind;

constexpr const char* kGeneral = "AppArmor does not judge what no rule grants either";
constexpr const char* kItself = "lets each program read and map itself";
constexpr const char* kConnections = "does not judge connections to unix sockets";

// The operations that a profile has rules for.
bool judged(uint32_t operation) {
  switch (operation) {
    case TL_OP_SIGNAL:
    case TL_OP_PTRACE:
    case TL_OP_PTRACE_WORKLOAD:
    case TL_OP_PTRACE_DESCENDANT:
    case TL_OP_MOUNT:
      return true;
    default:  // signal-descendant, signal-workload: within a node they count as those to oneself
      return false;
  }
}

// The words that a rule's letters let pass, by its residual.
ir::AccessSet passed(const ir::FileRule& rule, const std::string& residual) {
  constexpr int kWrites =
      TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_LINK | TL_RENAME_IN | TL_SETATTR | TL_MKDIR | TL_MKNOD;
  int words = rule.access;
  if (residual.find("AppArmor's w is") != std::string::npos) words |= kWrites;
  if (residual.find("wants r as well") != std::string::npos) words |= TL_READ | TL_LIST;
  return static_cast<ir::AccessSet>(words);
}

// Does the rule speak of the object, or of its neighbours where AppArmor's pattern is wider than the rule's?
bool concerns(const ir::FileRule& rule, const std::string& path, bool wider_pattern) {
  std::vector<passes::PatternError> errors;
  const std::optional<passes::Pattern> pattern = passes::parse_pattern(rule.path.text, errors);
  if (!pattern) return false;
  if (passes::matches(*pattern, path)) return true;
  return wider_pattern && rule.path.text[0] == '/' &&
         path.starts_with(rule.path.text.substr(0, rule.path.text.find_first_of("*?[{\\")));
}

}  // namespace

ApparmorResiduals::ApparmorResiduals(const ir::Policy& policy, backends::apparmor::Lowered lowered)
    : policy_(policy), lowered_(std::move(lowered)), evaluator_(policy) {}

std::string ApparmorResiduals::of(const Case& c) {
  if (c.allowed) return "";
  if (c.act == "syscall") return holding("AppArmor does not judge system calls");
  const Result<cli::Question> question = cli::read_question(policy_, c.node, c.act, c.object);
  if (!question || question->row < TL_ROW_FIRST) return "";
  const std::vector<uint32_t> nodes = sharing(question->row - TL_ROW_FIRST);
  if (std::string why = of_profile(*question, nodes); !why.empty()) return why;
  switch (question->kind) {
    case Kind::kAccess:
      return of_object(*question, nodes);
    case Kind::kConnect:
    case Kind::kAccept:
    case Kind::kListen:
      return of_node(nodes, {"no address and no port"});
    case Kind::kSocket:
      return of_node(nodes, {question->number == TL_SOCK_NETLINK ? "does not judge netlink protocols"
                                                                 : "the type, not the protocol",
                             "a socket that is inherited is judged like one that is made"});
    case Kind::kUser:
      return holding(kGeneral);
    case Kind::kOperation:
      return judged(question->number) ? of_node(nodes, {"cannot tell descendants"}) : holding(kGeneral);
    default:
      return "";
  }
}

// Another node that shares the profile holds it, and the back end says so where that node's rule stands, or of every rule: what it says of other nodes
// that share another profile excuses nothing.
std::string ApparmorResiduals::of_profile(const cli::Question& question, const std::vector<uint32_t>& nodes) {
  cli::Question other = question;
  for (const uint32_t node : nodes) {
    other.row = passes::row_of_node(node);
    const passes::Verdict verdict = cli::evaluate(evaluator_, other);
    if (!verdict.allowed) continue;
    std::set<ir::Position> places = {{}};
    for (const passes::RuleReference& rule : verdict.rules) places.insert(rule.position);
    if (verdict.rules.empty()) places.insert(policy_.nodes[node].executable.position);
    for (const apparmor::Residual& residual : lowered_.residuals)
      if (places.contains(residual.position) && (residual.message.find("one profile holds the rights of all") != std::string::npos ||
                                                 residual.message.find("they share one profile") != std::string::npos))
        return residual.message;
  }
  return "";
}

std::string ApparmorResiduals::of_object(const cli::Question& question, const std::vector<uint32_t>& nodes) {
  if (question.object.reserved_class != 0) return holding(kGeneral);
  // What no rule grants; beside that the act needs nothing.
  const ir::AccessSet missing = cli::evaluate(evaluator_, question).missing;
  if ((missing & ~(TL_READ | TL_MAP)) == 0 && own_program(question.object.path, nodes)) return holding(kItself);
  if ((question.words & TL_CONNECT) != 0)
    if (std::string why = of_node(nodes, {kConnections}); !why.empty()) return why;
  for (const uint32_t node : nodes)
    for (const ir::FileRule& rule : policy_.nodes[node].files)
      for (const apparmor::Residual& residual : lowered_.residuals) {
        const std::string about = text::quoted(rule.path.text) + ": ";
        if (residual.position != rule.path.position || !residual.message.starts_with(about)) continue;
        if ((missing & ~passed(rule, residual.message)) != 0) continue;
        const bool wider_pattern = !residual.message.substr(about.size()).starts_with("AppArmor's w is");
        if (concerns(rule, question.object.path, wider_pattern)) return residual.message;
      }
  return "";
}

bool ApparmorResiduals::own_program(const std::string& path, const std::vector<uint32_t>& nodes) const {
  const auto is = [&](const ir::Pattern& executable) {
    std::vector<passes::PatternError> errors;
    const std::optional<passes::Pattern> pattern = passes::parse_pattern(executable.text, errors);
    return pattern && passes::matches(*pattern, path);
  };
  return std::any_of(nodes.begin(), nodes.end(), [&](uint32_t node) {
    const ir::Node& n = policy_.nodes[node];
    return is(n.executable) || (n.interpreter && is(*n.interpreter));
  });
}

// A residual at a line of one of the nodes.
std::string ApparmorResiduals::of_node(const std::vector<uint32_t>& nodes,
                                       std::initializer_list<const char*> texts) const {
  const auto at = [&](const apparmor::Residual& residual) {
    const auto here = [&](const auto& rules) {
      return std::any_of(rules.begin(), rules.end(),
                         [&](const auto& rule) { return rule.position == residual.position; });
    };
    return std::any_of(nodes.begin(), nodes.end(), [&](uint32_t index) {
      const ir::Node& node = policy_.nodes[index];
      const bool file = std::any_of(node.files.begin(), node.files.end(),
                                    [&](const ir::FileRule& rule) { return rule.path.position == residual.position; });
      return file || node.position == residual.position || here(node.network) || here(node.sockets) ||
             here(node.netlink) || here(node.operations);
    });
  };
  for (const apparmor::Residual& residual : lowered_.residuals)
    for (const char* text : texts)
      if (residual.message.find(text) != std::string::npos && at(residual)) return residual.message;
  return "";
}

std::string ApparmorResiduals::holding(const std::string& text) const {
  for (const apparmor::Residual& residual : lowered_.residuals)
    if (residual.message.find(text) != std::string::npos) return residual.message;
  return "";
}

// The nodes that share a profile with it, itself among them, as the back end says.
std::vector<uint32_t> ApparmorResiduals::sharing(uint32_t node) const {
  std::set<uint32_t> nodes = {node};
  for (const std::vector<uint32_t>& together : lowered_.shared)
    if (std::find(together.begin(), together.end(), node) != together.end()) nodes.insert(together.begin(), together.end());
  return {nodes.begin(), nodes.end()};
}

}  // namespace treeline::cases
