// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/decide/differential.h"

#include <algorithm>
#include <cstring>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/unit/decide/constructs.h"
#include "tests/unit/decide/random_policy.h"

namespace treeline::decide_test {
namespace {

constexpr std::pair<uint32_t, ir::ViolationKind> kKinds[] = {
    {TL_REASON_NOT_IN_TREE, ir::ViolationKind::kExec},   {TL_REASON_INTERPRETER, ir::ViolationKind::kExec},
    {TL_REASON_ACCESS, ir::ViolationKind::kFiles},       {TL_REASON_INHERITED_FD, ir::ViolationKind::kFiles},
    {TL_REASON_MOVE, ir::ViolationKind::kFiles},         {TL_REASON_WX, ir::ViolationKind::kWritten},
    {TL_REASON_NETWORK, ir::ViolationKind::kNetwork},    {TL_REASON_SOCKET_KIND, ir::ViolationKind::kNetwork},
    {TL_REASON_CAPABILITY, ir::ViolationKind::kCapabilities}, {TL_REASON_OPERATION, ir::ViolationKind::kOperations},
    {TL_REASON_USER, ir::ViolationKind::kUsers},
};

uint32_t number_of(ir::OnViolation cost) {
  switch (cost) {
    case ir::OnViolation::kDeny: return TL_COST_DENY;
    case ir::OnViolation::kKill: return TL_COST_KILL;
    case ir::OnViolation::kFreezeContainer: return TL_COST_FREEZE_CONTAINER;
    case ir::OnViolation::kKillContainer: return TL_COST_KILL_CONTAINER;
  }
  return UINT32_MAX;
}

using passes::Object;
using passes::Verdict;

size_t longest_name(std::string_view path) {
  size_t longest = 0, start = 0;
  for (size_t i = 0; i <= path.size(); ++i) {
    if (i != path.size() && path[i] != '/') continue;
    longest = std::max(longest, i - start);
    start = i + 1;
  }
  return longest;
}

class Comparison {
 public:
  Comparison(const decisions& decide, const Options& options, Report& report)
      : decide_(decide), options_(options), report_(report), random_(options.seed) {}

  void run() {
    while (report_.pairs < options_.pairs && !enough()) {
      policy_ = random_policy(random_);
      Diagnostics diagnostics;
      std::optional<passes::Paths> paths = passes::compile_paths(policy_, diagnostics);
      if (!paths || !passes::check_paths(policy_, *paths, diagnostics)) {
        ++report_.discarded;
        if (report_.discarded > 20 + 4 * report_.policies) {
          report_.differences.push_back("the generator's policies are refused: " +
                                        (diagnostics.list().empty() ? "" : diagnostics.list()[0].message));
          return;
        }
        continue;
      }
      std::optional<backends::bpf::Lowered> lowered = backends::bpf::lower(policy_, std::move(*paths), diagnostics);
      if (!lowered) {
        report_.differences.push_back("not lowered: " + diagnostics.list()[0].message);
        return;
      }
      if (const Result<void> valid = backends::bpf::validate(lowered->image); !valid) {
        report_.differences.push_back(valid.error().message);
        return;
      }
      ++report_.policies;
      judge(*lowered);
    }
  }

 private:
  bool enough() const { return report_.differences.size() >= options_.most_differences; }

  void judge(const backends::bpf::Lowered& lowered) {
    image_ = {reinterpret_cast<const unsigned char*>(lowered.image.data()), lowered.image.size()};
    passes::Evaluator evaluator(policy_);
    evaluator_ = &evaluator;
    patterns_ = passes::collect_patterns(policy_);
    parsed_.clear();
    kinds_.clear();
    std::vector<passes::PatternError> errors;
    for (const passes::PathPattern& pattern : patterns_) {
      parsed_.push_back(*passes::parse_pattern(pattern.text, errors));
      kinds_.push_back(pattern_constructs(parsed_.back(), pattern.text));
    }
    rows_ = passes::row_of_node(static_cast<uint32_t>(policy_.nodes.size()));
    check_rows(lowered);
    for (uint32_t i = 0; i < 150 && !enough() && report_.pairs < options_.pairs; ++i) {
      about_object();
      about_numbers();
      about_network();
    }
  }

  // One question's outcome on both sides. `what` says it to a person, and is only made when it is needed.
  template <typename What>
  void expect(const std::string& kind, uint32_t expected, uint32_t actual, bool allowed, What what) {
    ++report_.pairs;
    report_.allowed += allowed;
    ++report_.asked[kind];
    report_.granted[kind] += allowed;
    if (expected == actual || enough()) return;
    report_.differences.push_back(kind + " of policy " + std::to_string(report_.policies) + " (seed " +
                                  std::to_string(options_.seed) + "): " + what() + ": evaluate says " +
                                  std::to_string(expected) + ", decide.h " + std::to_string(actual));
  }

  void check_rows(const backends::bpf::Lowered& lowered) {
    for (const backends::bpf::RowInfo& info : lowered.rows) {
      const ir::Node& node = policy_.nodes[info.node];
      expect("key", info.row, decide_.row_of_key(&image_, info.key), true, [&] { return info.path; });
      expect("key", 0, decide_.row_of_key(&image_, info.key ^ 1), false,
             [&] { return info.path + " with another key"; });
      for (const auto& [reason, kind] : kKinds)
        expect("cost of a reason", number_of(ir::cost_of(policy_, info.node, kind)), decide_.cost_of_reason(&image_, info.row, reason), true,
               [&] { return info.path + " reason " + std::to_string(reason); });
      for (const uint32_t reason : {uint32_t{TL_REASON_ORPHAN}, uint32_t{TL_REASON_UNREADABLE}, uint32_t{TL_REASON_NO_MEMORY}})
        expect("cost of a reason", number_of(ir::cost_of_any(policy_, info.node)), decide_.cost_of_reason(&image_, info.row, reason), true,
               [&] { return info.path + " reason " + std::to_string(reason); });
      const auto has = [&](uint32_t operation) {
        return std::any_of(node.operations.begin(), node.operations.end(),
                           [&](const ir::NumberRule& r) { return r.value == operation; });
      };
      const uint32_t flags = decide_.row_flags(&image_, info.row);
      expect("flags", has(TL_OP_JIT), (flags & TL_ROW_WX_MEMORY) != 0, true, [&] { return info.path + " jit"; });
    }
    const std::pair<uint64_t, uint32_t> fixed[] = {
        {TL_KEY_ENTRY, TL_ROW_ENTRY}, {TL_KEY_JOIN, TL_ROW_JOIN}, {TL_KEY_OUTSIDE, TL_ROW_OUTSIDE}, {0, 0}};
    for (const auto& [key, row] : fixed)
      expect("key", row, decide_.row_of_key(&image_, key), row != 0, [] { return std::string("fixed"); });
  }

  Object random_object() {
    const uint32_t number = random_.below(static_cast<uint32_t>(patterns_.size()));
    about_ = &patterns_[number];
    if (random_.one_in(25)) return Object::without_path(1 + random_.below(TL_CLASS_FIRST - 1));
    if (parsed_[number].reserved_class != 0) return Object::without_path(parsed_[number].reserved_class);
    std::string path = sample(parsed_[number], random_);
    for (uint32_t n = random_.one_in(3) ? 1 + random_.below(2) : 0; n > 0 && !path.empty(); --n)
      path = bend(std::move(path), random_);
    return Object::at(std::move(path));
  }

  // The path as the walk feeds it, component by component in words of eight bytes; or in random pieces. Rubbish behind the last byte.
  uint32_t class_of(const Object& object) {
    if (object.reserved_class != 0) return object.reserved_class;
    const bool pieces = random_.one_in(2);
    uint32_t state = TL_DFA_START;
    for (size_t at = 0; at < object.path.size();) {
      size_t left = object.path.size() - at;
      if (!pieces) left = std::min(left, object.path.find('/', at + 1) - at);
      const size_t n = std::min<size_t>(left, pieces ? random_.below(9) : 8);
      uint64_t word = random_.bits();
      std::memcpy(&word, object.path.data() + at, n);
      state = (pieces ? decide_.feed : decide_.step)(&image_, state, word, static_cast<uint32_t>(n));
      at += n;
    }
    return decide_.class_of(&image_, state);
  }

  uint32_t random_row() {
    if (!random_.one_in(3) && !about_->uses.empty()) return random_.pick(about_->uses).row;
    return random_.below(rows_);
  }

  ir::AccessSet random_words(uint32_t row) {
    if (!random_.one_in(3)) {
      for (const passes::Use& use : about_->uses) {
        if (use.row != row) continue;
        if (use.kind == passes::UseKind::kStep) return TL_EXECUTE;
        const ir::AccessSet part = static_cast<ir::AccessSet>(use.access & random_.bits());
        if (random_.one_in(6) && (use.access & TL_WRITE) != 0) return TL_APPEND;
        return part != 0 ? part : use.access;
      }
    }
    if (random_.one_in(10)) return static_cast<ir::AccessSet>(1u << random_.below(14) | 1u << random_.below(14));
    return static_cast<ir::AccessSet>(1u << random_.below(14));
  }

  void cover(const Object& object, bool allowed) {
    const auto count = [&](const std::string& kind) {
      ++report_.asked[kind];
      report_.granted[kind] += allowed;
    };
    if (object.reserved_class == 0) {
      const size_t longest = longest_name(object.path);
      if (longest >= 32) count("name of 32 bytes and more");
      if (longest == 255) count("name of 255 bytes");
      if (longest > 255) count("name of more than 255 bytes");
      if (object.path.find('\xff') != std::string::npos) count("byte 255");
      if (object.path.size() > 1024) count("path of more than 1024 bytes");
    }
    const size_t number = static_cast<size_t>(about_ - patterns_.data());
    if (allowed) {
      for (const std::string& kind : kinds_[number]) count(kind);
    }
  }

  void about_object() {
    const Object object = random_object();
    const uint32_t class_id = class_of(object);
    const auto name = [&] {
      return object.reserved_class != 0 ? "class " + std::to_string(object.reserved_class) : "\"" + object.path + "\"";
    };
    for (int i = 0; i < 14; ++i) {
      const uint32_t row = random_row();
      const ir::AccessSet words = random_words(row);
      const Verdict verdict = evaluator_->access(row, object, words);
      expect("access", verdict.missing, decide_.missing_access(&image_, row, class_id, words), verdict.allowed,
             [&] { return "row " + std::to_string(row) + " " + ir::names::access_text(words) + " " + name(); });
      for (unsigned bit = 0; bit < 14; ++bit) {
        if (((words >> bit) & 1) == 0) continue;
        const std::string word = "word " + ir::names::access_text(static_cast<ir::AccessSet>(1u << bit));
        ++report_.asked[word];
        report_.granted[word] += (verdict.missing >> bit & 1) == 0;
      }
      cover(object, verdict.allowed);
    }
    const uint32_t violator = !about_->costs.empty() && random_.one_in(2) ? random_.pick(about_->costs).row : random_row();
    const std::optional<ir::OnViolation> cost = evaluator_->path_cost(violator, object);
    expect("cost of a path", cost ? 1 + number_of(*cost) : 0, decide_.cost_of_class(&image_, violator, class_id), cost.has_value(),
           [&] { return "row " + std::to_string(violator) + " " + name(); });
    const bool executed = std::any_of(about_->uses.begin(), about_->uses.end(),
                                      [](const passes::Use& use) { return use.kind != passes::UseKind::kFile; });
    for (int i = executed ? 3 : random_.one_in(3); i > 0; --i) {
      const uint32_t row = random_row();
      const auto what = [&] { return "row " + std::to_string(row) + " " + name(); };
      const Verdict step = evaluator_->exec(row, object);
      expect("exec", step.next, decide_.exec_edge(&image_, row, class_id, 0), step.allowed, what);
      const Verdict interpreter = evaluator_->interpreter(row, object);
      expect("interpreter", interpreter.next, decide_.exec_edge(&image_, row, class_id, TL_EDGE_INTERPRETER),
             interpreter.allowed, what);
    }
    about_move(object, class_id, name());
  }

  // Only towards names that somebody may give: for others the table is silent, and the words refuse before it is asked.
  void about_move(const Object& from, uint32_t from_class, const std::string& from_name) {
    if (from.reserved_class != 0) return;
    const Object to = random_object();
    const uint32_t to_class = class_of(to);
    bool namable = to_class == from_class;
    for (uint32_t row = 0; row < rows_; ++row) {
      for (ir::AccessSet word : {TL_CREATE, TL_RENAME_IN, TL_LINK})
        namable = namable || evaluator_->access(row, to, word).allowed;
    }
    if (!namable || to.reserved_class != 0) return;
    const bool allowed = evaluator_->move(from, to).allowed;
    expect("move", allowed, decide_.move(&image_, from_class, to_class), allowed,
           [&] { return from_name + " to \"" + to.path + "\""; });
  }

  uint32_t a_number(const std::vector<ir::NumberRule>& rules, uint32_t below) {
    if (rules.empty() || random_.one_in(2)) return random_.below(below);
    return random_.pick(rules).value + (random_.one_in(8) ? 1 : 0);
  }

  void about_numbers() {
    static const ir::Node kNobody;
    const uint32_t row = random_.one_in(10) ? random_.below(rows_) : TL_ROW_FIRST + random_.below(rows_ - TL_ROW_FIRST);
    const ir::Node& node = row < TL_ROW_FIRST ? kNobody : policy_.nodes[row - TL_ROW_FIRST];
    const auto what = [&](uint32_t number) {
      return [=] { return "row " + std::to_string(row) + " number " + std::to_string(number); };
    };
    const uint32_t uid = a_number(node.users, 200);
    const bool user = evaluator_->user(row, uid).allowed;
    expect("user", user, decide_.user(&image_, row, uid), user, what(uid));
    const uint32_t number = a_number(node.capabilities, 70);
    const bool capability = evaluator_->capability(row, number).allowed;
    expect("capability", capability, decide_.capability(&image_, row, number), capability, what(number));
    const uint32_t op = a_number(node.operations, 70);
    const bool operation = evaluator_->operation(row, op).allowed;
    expect("operation", operation, decide_.operation(&image_, row, op), operation, what(op));
    const uint32_t kind = random_.one_in(3) ? uint32_t{TL_SOCK_NETLINK} : a_number(node.sockets, 20);
    const uint32_t netlink = a_number(node.netlink, 70);
    const bool socket = evaluator_->socket(row, kind, netlink).allowed;
    expect("socket", socket, decide_.socket(&image_, row, kind, netlink), socket, what(kind));
  }

  void about_network() {
    const uint32_t row = random_.one_in(10) ? random_.below(rows_) : TL_ROW_FIRST + random_.below(rows_ - TL_ROW_FIRST);
    const passes::Address address = passes::normalised(random_address(policy_, random_));
    uint32_t port = random_port(policy_, random_);
    ir::Protocol protocol = static_cast<ir::Protocol>(random_.one_in(2) ? 0 : random_.below(TL_PROTOCOLS));
    if (row >= TL_ROW_FIRST && !policy_.nodes[row - TL_ROW_FIRST].network.empty() && !random_.one_in(3)) {
      const ir::NetworkRule& rule = random_.pick(policy_.nodes[row - TL_ROW_FIRST].network);
      protocol = rule.protocol;
      const ir::PortRange& range = random_.pick(rule.ports);
      port = range.first + random_.below(range.last - range.first + 1u);
    }
    uint32_t peer = 0;
    if (address.v6) {
      uint64_t high = 0, low = 0;
      for (size_t i = 0; i < 8; ++i) high = high << 8 | address.bytes[i], low = low << 8 | address.bytes[8 + i];
      peer = decide_.peer6(&image_, high, low);
    } else {
      uint32_t host = 0;
      for (size_t i = 0; i < 4; ++i) host = host << 8 | address.bytes[i];
      peer = decide_.peer4(&image_, host);
    }
    const uint32_t port_class = decide_.port(&image_, port);
    const auto ask = [&](uint32_t direction, uint32_t of_peer) {
      return decide_.net(&image_, row, direction, static_cast<uint32_t>(protocol), of_peer, port_class);
    };
    const auto what = [&] {
      std::string text = "row " + std::to_string(row) + " protocol " + std::to_string(static_cast<int>(protocol)) +
                         " port " + std::to_string(port) + (address.v6 ? " v6" : " v4");
      for (size_t i = 0; i < (address.v6 ? 16u : 4u); ++i) text += " " + std::to_string(address.bytes[i]);
      return text;
    };
    const bool connect = evaluator_->connect(row, protocol, address, port).allowed;
    expect("connect", connect, ask(TL_NET_OUT, peer), connect, what);
    const bool accept = evaluator_->accept(row, protocol, address, port).allowed;
    expect("accept", accept, ask(TL_NET_IN, peer), accept, what);
    const bool listen = evaluator_->listen(row, protocol, port).allowed;
    expect("listen", listen, ask(TL_NET_IN, TL_SOME_PEER), listen, what);
  }

  const decisions& decide_;
  const Options& options_;
  Report& report_;
  Random random_;
  ir::Policy policy_;
  tl_image image_{};
  passes::Evaluator* evaluator_ = nullptr;
  std::vector<passes::PathPattern> patterns_;
  std::vector<passes::Pattern> parsed_;
  std::vector<std::vector<std::string>> kinds_;
  const passes::PathPattern* about_ = nullptr;
  uint32_t rows_ = 0;
};

}  // namespace

Report compare(const decisions& decide, const Options& options) {
  Report report;
  Comparison(decide, options, report).run();
  return report;
}

}  // namespace treeline::decide_test
