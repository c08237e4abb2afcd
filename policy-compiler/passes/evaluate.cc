// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/evaluate.h"

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/match.h"

namespace treeline::passes {
namespace {

Verdict of_number(const std::vector<ir::NumberRule>& rules, uint32_t value, std::string_view word) {
  Verdict verdict;
  for (const ir::NumberRule& rule : rules) {
    if (rule.value != value) continue;
    verdict.allowed = true;
    verdict.rules.push_back({std::string(word), rule.position});
  }
  return verdict;
}

template <typename Peers>
Verdict of_network(const ir::Node* node, ir::Direction direction, ir::Protocol protocol, uint32_t port, Peers holds) {
  Verdict verdict;
  if (node == nullptr) return verdict;
  for (const ir::NetworkRule& rule : node->network) {
    if (rule.direction != direction || rule.protocol != protocol || !ports_contain(rule, port) || !holds(rule.peer))
      continue;
    verdict.allowed = true;
    verdict.rules.push_back({direction == ir::Direction::kOut ? "network out" : "network in", rule.position});
  }
  return verdict;
}

ir::AccessSet with_implied(ir::AccessSet words) {
  return (words & TL_WRITE) != 0 ? static_cast<ir::AccessSet>(words | TL_APPEND) : words;
}

}  // namespace

Evaluator::Evaluator(const ir::Policy& policy)
    : policy_(policy), patterns_(collect_patterns(policy)), uses_(TL_ROW_FIRST + policy.nodes.size()) {
  std::vector<PatternError> errors;
  for (uint32_t number = 0; number < patterns_.size(); ++number) {
    std::optional<Pattern> parsed = parse_pattern(patterns_[number].text, errors);
    well_formed_.push_back(parsed.has_value());
    parsed_.push_back(parsed ? std::move(*parsed) : Pattern());
    for (const Use& use : patterns_[number].uses) uses_[use.row].push_back({number, use});
  }
  matched_.assign(patterns_.size(), false);
}

const ir::Node* Evaluator::node(uint32_t row) const {
  if (row < TL_ROW_FIRST || row - TL_ROW_FIRST >= policy_.nodes.size()) return nullptr;
  return &policy_.nodes[row - TL_ROW_FIRST];
}

void Evaluator::look_at(const Object& object) {
  if (object == looked_at_) return;
  looked_at_ = object;
  for (uint32_t number = 0; number < patterns_.size(); ++number) {
    matched_[number] =
        well_formed_[number] && (object.reserved_class != 0 ? parsed_[number].reserved_class == object.reserved_class
                                                            : matches(parsed_[number], object.path));
  }
}

ir::AccessSet Evaluator::held(uint32_t row) {
  ir::AccessSet words = 0;
  if (row >= uses_.size()) return words;
  for (const OwnUse& own : uses_[row]) {
    if (!matched_[own.pattern]) continue;
    if (own.use.kind == UseKind::kFile) words = static_cast<ir::AccessSet>(words | own.use.access);
    if (own.use.unsafe) words = static_cast<ir::AccessSet>(words | TL_UNSAFE);
    if (own.use.kind == UseKind::kStep) words = static_cast<ir::AccessSet>(words | TL_EXECUTE);
  }
  return with_implied(words);
}

std::vector<uint32_t> Evaluator::steps(uint32_t row) {
  std::vector<uint32_t> next;
  if (row >= uses_.size()) return next;
  for (const OwnUse& own : uses_[row]) {
    if (own.use.kind == UseKind::kStep && matched_[own.pattern]) next.push_back(own.use.next);
  }
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
  return next;
}

bool Evaluator::interprets(uint32_t row) {
  if (row >= uses_.size()) return false;
  return std::any_of(uses_[row].begin(), uses_[row].end(),
                     [&](const OwnUse& own) { return own.use.kind == UseKind::kInterpreter && matched_[own.pattern]; });
}

Verdict Evaluator::access(uint32_t row, const Object& object, ir::AccessSet words) {
  look_at(object);
  Verdict verdict;
  verdict.missing = static_cast<ir::AccessSet>(words & ~held(row));
  verdict.allowed = verdict.missing == 0;
  if (row >= uses_.size()) return verdict;
  for (const OwnUse& own : uses_[row]) {
    if (!matched_[own.pattern] || own.use.kind == UseKind::kInterpreter) continue;
    const ir::AccessSet granted =
        own.use.kind == UseKind::kStep ? ir::AccessSet{TL_EXECUTE} : with_implied(own.use.access);
    if ((granted & words) != 0) verdict.rules.push_back({patterns_[own.pattern].text, own.use.position});
  }
  return verdict;
}

std::optional<ir::OnViolation> Evaluator::path_cost(uint32_t row, const Object& object) {
  look_at(object);
  if (row >= uses_.size()) row = TL_ROW_NONE;
  for (const uint32_t whose : {row, uint32_t{TL_ROW_NONE}}) {
    std::optional<ir::OnViolation> dearest;
    for (uint32_t number = 0; number < patterns_.size(); ++number)
      for (const PathCost& cost : patterns_[number].costs)
        if (matched_[number] && cost.row == whose && (!dearest || ir::dearer(cost.cost, *dearest))) dearest = cost.cost;
    if (dearest) return dearest;
  }
  return std::nullopt;
}

Verdict Evaluator::exec(uint32_t row, const Object& object) {
  look_at(object);
  Verdict verdict;
  const std::vector<uint32_t> next = steps(row);
  if (next.size() != 1) return verdict;  // two: check_paths() refused the policy
  verdict.allowed = true;
  verdict.next = next[0];
  for (const OwnUse& own : uses_[row]) {
    if (own.use.kind == UseKind::kStep && matched_[own.pattern])
      verdict.rules.push_back({patterns_[own.pattern].text, own.use.position});
  }
  return verdict;
}

Verdict Evaluator::interpreter(uint32_t row, const Object& object) {
  look_at(object);
  Verdict verdict;
  verdict.allowed = interprets(row);
  if (verdict.allowed) {
    verdict.next = row;
    verdict.rules.push_back({node(row)->interpreter->text, node(row)->interpreter->position});
  }
  return verdict;
}

Verdict Evaluator::move(const Object& from, const Object& to) {
  struct Standing {
    ir::AccessSet words;
    std::vector<uint32_t> steps;
    bool interprets;
  };
  const auto standing = [&](const Object& object) {
    look_at(object);
    std::vector<Standing> of_row;
    for (uint32_t row = 0; row < uses_.size(); ++row) of_row.push_back({held(row), steps(row), interprets(row)});
    return of_row;
  };
  const std::vector<Standing> before = standing(from);
  const std::vector<Standing> after = standing(to);
  Verdict verdict;
  verdict.allowed = true;
  for (uint32_t row = 0; row < uses_.size(); ++row) {
    const bool words = (after[row].words & ~before[row].words) == 0;
    const bool exec = after[row].steps.empty() || after[row].steps == before[row].steps;
    const bool interpreter = !after[row].interprets || before[row].interprets;
    if (!words || !exec || !interpreter) verdict.allowed = false;
  }
  return verdict;
}

Verdict Evaluator::user(uint32_t row, uint32_t uid) const {
  Verdict verdict;
  if (row == TL_ROW_ENTRY || row == TL_ROW_JOIN) verdict.allowed = true;  // the runtime runs as whom it likes
  const ir::Node* subject = node(row);
  if (subject == nullptr) return verdict;
  if (!subject->users.empty()) return of_number(subject->users, uid, "users");
  verdict.allowed = true;
  return verdict;
}

Verdict Evaluator::capability(uint32_t row, uint32_t capability) const {
  const ir::Node* subject = node(row);
  return subject == nullptr ? Verdict()
                            : of_number(subject->capabilities, capability, ir::names::capabilities().name(capability));
}

Verdict Evaluator::operation(uint32_t row, uint32_t operation) const {
  // What is done to other processes, from descendants to any: each holds those before it.
  static const std::vector<std::vector<uint32_t>> kRelations = {{TL_OP_PTRACE_DESCENDANT, TL_OP_PTRACE_WORKLOAD, TL_OP_PTRACE},
                                                                {TL_OP_SIGNAL_DESCENDANT, TL_OP_SIGNAL_WORKLOAD, TL_OP_SIGNAL},
                                                                {TL_OP_TUNE_WORKLOAD, TL_OP_TUNE}};
  const ir::Node* subject = node(row);
  if (subject == nullptr) return {};
  std::vector<uint32_t> granting = {operation};
  for (const std::vector<uint32_t>& relations : kRelations)
    if (const auto at = std::find(relations.begin(), relations.end(), operation); at != relations.end())
      granting.assign(at, relations.end());
  Verdict verdict;
  for (const ir::NumberRule& rule : subject->operations) {
    if (std::find(granting.begin(), granting.end(), rule.value) == granting.end()) continue;
    verdict.allowed = true;
    verdict.rules.push_back({std::string(ir::names::operations().name(rule.value)), rule.position});
  }
  return verdict;
}

Verdict Evaluator::socket(uint32_t row, uint32_t kind, uint32_t netlink) const {
  const ir::Node* subject = node(row);
  if (subject == nullptr) return {};
  Verdict verdict = of_number(subject->sockets, kind, ir::names::socket_kinds().name(kind));
  if (!verdict.allowed || kind != TL_SOCK_NETLINK) return verdict;
  return of_number(subject->netlink, netlink, "netlink");
}

Verdict Evaluator::syscall(uint32_t row, const std::string& call) const {
  Verdict verdict;
  verdict.allowed = std::all_of(policy_.nodes.begin(), policy_.nodes.end(), [](const ir::Node& n) { return n.syscalls.empty(); });
  const ir::Node* subject = node(row);
  if (subject == nullptr) return verdict;
  for (const ir::SyscallRule& rule : subject->syscalls) {
    if (rule.name != call) continue;
    verdict.allowed = true;
    verdict.rules.push_back({rule.name, rule.position});
  }
  return verdict;
}

Verdict Evaluator::connect(uint32_t row, ir::Protocol protocol, const Address& peer, uint32_t port) const {
  return of_network(node(row), ir::Direction::kOut, protocol, port,
                    [&](const ir::Peer& of_rule) { return peer_contains(of_rule, peer); });
}

Verdict Evaluator::accept(uint32_t row, ir::Protocol protocol, const Address& peer, uint32_t port) const {
  return of_network(node(row), ir::Direction::kIn, protocol, port,
                    [&](const ir::Peer& of_rule) { return peer_contains(of_rule, peer); });
}

Verdict Evaluator::listen(uint32_t row, ir::Protocol protocol, uint32_t port) const {
  return of_network(node(row), ir::Direction::kIn, protocol, port, [](const ir::Peer&) { return true; });
}

}  // namespace treeline::passes
