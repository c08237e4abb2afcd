// SPDX-License-Identifier: Apache-2.0
//
// Policy: two random versions of a tree: steps, back edges, interpreters, users, operations, capabilities, network rules. Act: every chain of execs that
// leads to a node in both, and every act there, asked of both by evaluate(). Outcome: the diff says that something is newly allowed, or newly
// denied, exactly where some act is.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/unit/analysis/versions.h"

namespace treeline::analysis {
namespace {

namespace names = ir::names;

// Patterns are sets of these letters and names one letter, so each combination of rules that some name meets is met by one that is asked. 'd' is in
// no pattern but '*'.
constexpr std::string_view kLetters = "abcd";
constexpr uint32_t kSets = 8;  // of a, b, c

std::string of_set(const std::string& directory, uint32_t set) {
  std::string letters;
  for (uint32_t i = 0; i < 3; ++i)
    if ((set >> i & 1) != 0) letters += kLetters[i];
  return directory + (letters.size() == 1 ? letters : "[" + letters + "]");
}

constexpr ir::AccessSet kWords[] = {TL_READ, TL_WRITE, TL_APPEND, TL_DELETE, TL_LIST};
constexpr uint32_t kOperations[] = {TL_OP_PTRACE, TL_OP_PTRACE_WORKLOAD, TL_OP_PTRACE_DESCENDANT, TL_OP_LDT};
constexpr uint32_t kCapabilities[] = {0, 5, 7};
constexpr uint32_t kUsers[] = {1, 2, 3};
constexpr ir::Protocol kProtocols[] = {ir::Protocol::kTcp, ir::Protocol::kUdp};
constexpr uint16_t kPorts[] = {0, 79, 80, 81, 90, 91, 443, 65535};
constexpr ir::PortRange kRanges[] = {{80, 80}, {80, 90}, {0, 65535}, {1, 65535}, {0, 79}, {81, 65535}, {443, 443}};

ir::Cidr block(std::array<uint8_t, 4> address, uint8_t prefix) {
  ir::Cidr out;
  std::copy(address.begin(), address.end(), out.address.begin());
  out.prefix = prefix;
  return out;
}
ir::Cidr block6(std::array<uint8_t, 2> first, uint8_t last, uint8_t prefix) {
  ir::Cidr out;
  out.v6 = true;
  out.address[0] = first[0];
  out.address[1] = first[1];
  out.address[15] = last;
  out.prefix = prefix;
  return out;
}

const std::vector<ir::Peer>& peers() {
  static const std::vector<ir::Peer> all = {
      {ir::PeerKind::kAny, {}, {}}, {ir::PeerKind::kLocalhost, {}, {}}, {ir::PeerKind::kInternal, {}, {}}, {ir::PeerKind::kExternal, {}, {}},
      {ir::PeerKind::kBlocks, {block({10, 0, 0, 0}, 8)}, {}}, {ir::PeerKind::kBlocks, {block({10, 128, 0, 0}, 9)}, {}},
      {ir::PeerKind::kBlocks, {block({10, 0, 0, 0}, 9), block({10, 128, 0, 0}, 9)}, {}}, {ir::PeerKind::kBlocks, {block({0, 0, 0, 0}, 0)}, {}},
      {ir::PeerKind::kBlocks, {block({0, 0, 0, 0}, 1), block({128, 0, 0, 0}, 1)}, {}}, {ir::PeerKind::kBlocks, {block6({0, 0}, 0, 0)}, {}},
      {ir::PeerKind::kBlocks, {block6({0xfc, 0}, 0, 7)}, {}}, {ir::PeerKind::kBlocks, {block({169, 254, 169, 254}, 32)}, {}},
      {ir::PeerKind::kBlocks, {block({127, 0, 0, 0}, 8)}, {}}, {ir::PeerKind::kBlocks, {block6({0, 0}, 1, 128)}, {}}};
  return all;
}

const std::vector<passes::Address>& addresses() {
  static const std::vector<passes::Address> all = [] {
    std::vector<passes::Address> out;
    for (const auto& bytes : {std::array<uint8_t, 4>{127, 0, 0, 1}, {10, 0, 0, 1}, {10, 128, 0, 0}, {8, 8, 8, 8}, {169, 254, 169, 254}, {169, 254, 1, 1}, {192, 168, 1, 1},
                              {224, 0, 0, 1}, {0, 0, 0, 0}, {255, 255, 255, 255}})
      out.push_back({false, block(bytes, 32).address});
    for (const auto& [first, last] : {std::pair(std::array<uint8_t, 2>{0, 0}, uint8_t{1}), {{0, 0}, 0}, {{0xfc, 0}, 1}, {{0xfe, 0x80}, 1}, {{0x20, 0x01}, 1}, {{0xff, 0x02}, 1}})
      out.push_back({true, block6(first, last, 128).address});
    return out;
  }();
  return all;
}

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_()) % n; }

  ir::Policy policy() {
    ir::Policy out;
    out.name = "random";
    children(out, ir::kNoNode, out.entry, 0);
    if (out.entry.empty()) out.entry.push_back(node(out, ir::kNoNode, 1, 0));
    if (below(3) == 0) children(out, ir::kNoNode, out.join, 1);
    return out;
  }

  // One thing of one node is another one.
  void change(ir::Policy& policy) {
    ir::Node& node = policy.nodes[below(static_cast<uint32_t>(policy.nodes.size()))];
    switch (below(6)) {
      case 0:
        return users(node);
      case 1:
        return files(node);
      case 2:
        return network(node);
      case 3:
        return numbers(node);
      case 4:
        return interpreter(node);
      default:
        if (node.back_edges.empty())
          network(node);
        else
          node.back_edges.pop_back();
    }
  }

 private:
  // Disjoint sets, so that no exec leads to two nodes.
  void children(ir::Policy& policy, uint32_t parent, std::vector<uint32_t>& list, uint32_t depth) {
    std::vector<uint32_t> made;
    uint32_t used = 0;
    for (uint32_t n = 1 + below(2); n > 0; --n) {
      const uint32_t set = below(kSets) & ~used;
      if (set == 0) continue;
      used |= set;
      if (parent != ir::kNoNode && below(4) == 0) {
        uint32_t target = parent;
        while (below(2) == 0 && policy.nodes[target].parent != ir::kNoNode) target = policy.nodes[target].parent;
        policy.nodes[parent].back_edges.push_back({{of_set("/x/", set), place()}, target});
        continue;
      }
      made.push_back(node(policy, parent, set, depth));
    }
    list = made;
  }

  uint32_t node(ir::Policy& policy, uint32_t parent, uint32_t set, uint32_t depth) {
    const auto index = static_cast<uint32_t>(policy.nodes.size());
    ir::Node made;
    made.position = place();
    made.executable = {of_set("/x/", set), place()};
    made.parent = parent;
    users(made);
    files(made);
    network(made);
    numbers(made);
    interpreter(made);
    policy.nodes.push_back(std::move(made));
    if (depth < 2) {
      std::vector<uint32_t> list;
      children(policy, index, list, depth + 1);
      policy.nodes[index].children = list;
    }
    return index;
  }

  void users(ir::Node& node) {
    node.users.clear();
    const uint32_t set = below(4);  // none: any
    for (uint32_t i = 0; i < 2; ++i)
      if ((set >> i & 1) != 0) node.users.push_back({kUsers[i], place()});
  }
  void files(ir::Node& node) {
    node.files.clear();
    for (uint32_t n = below(3); n > 0; --n) {
      ir::FileRule rule;
      const uint32_t set = below(kSets);
      rule.path = {set == 0 ? "/f/*" : of_set("/f/", set), place()};
      rule.access = static_cast<ir::AccessSet>(kWords[below(std::size(kWords))] | kWords[below(std::size(kWords))]);
      if (std::none_of(node.files.begin(), node.files.end(), [&](const ir::FileRule& r) { return r.path.text == rule.path.text; })) node.files.push_back(rule);
    }
  }
  void network(ir::Node& node) {
    node.network.clear();
    for (uint32_t n = below(3); n > 0; --n) {
      ir::NetworkRule rule;
      rule.direction = below(2) == 0 ? ir::Direction::kIn : ir::Direction::kOut;
      rule.protocol = kProtocols[below(std::size(kProtocols))];
      rule.peer = peers()[below(static_cast<uint32_t>(peers().size()))];
      rule.ports = {kRanges[below(std::size(kRanges))]};
      rule.position = place();
      node.network.push_back(rule);
    }
  }
  void numbers(ir::Node& node) {
    const auto some = [&](std::vector<ir::NumberRule>& list, const auto& of) {
      list.clear();
      for (const uint32_t value : of)
        if (below(3) == 0) list.push_back({value, place()});
    };
    some(node.capabilities, kCapabilities);
    some(node.operations, kOperations);
  }
  void interpreter(ir::Node& node) {
    node.interpreter.reset();
    if (const uint32_t set = below(kSets * 2); set != 0 && set < kSets) node.interpreter = {of_set("/i/", set), place()};
  }
  Position place() { return {++line_, 1}; }

  std::mt19937 random_;
  uint32_t line_ = 0;
};

struct Seen {
  bool allowed = false, denied = false;
  void say(bool was, bool is) {
    allowed = allowed || (is && !was);
    denied = denied || (was && !is);
  }
};

class Enumeration {
 public:
  Enumeration(const ir::Policy& before, const ir::Policy& after) : before_(before), after_(after) {}

  Seen run() {
    reach(TL_ROW_ENTRY, TL_ROW_ENTRY);
    reach(TL_ROW_JOIN, TL_ROW_JOIN);
    for (size_t at = 0; at < queue_.size(); ++at) look_at(queue_[at].first, queue_[at].second);
    return seen_;
  }

 private:
  void reach(uint32_t was, uint32_t is) {
    if (known_.emplace(was, is).second) queue_.emplace_back(was, is);
  }

  void look_at(uint32_t was, uint32_t is) {
    for (const char letter : kLetters) {
      const auto object = passes::Object::at(std::string("/x/") + letter);
      const passes::Verdict old_step = before_.exec(was, object), new_step = after_.exec(is, object);
      seen_.say(old_step.allowed, new_step.allowed);
      if (old_step.allowed && new_step.allowed) reach(old_step.next, new_step.next);
    }
    if (was < TL_ROW_FIRST) return;
    const auto both = [&](const auto& ask) { seen_.say(ask(before_, was), ask(after_, is)); };
    for (const char letter : kLetters) {
      const auto file = passes::Object::at(std::string("/f/") + letter), interpreter = passes::Object::at(std::string("/i/") + letter);
      for (const ir::AccessSet word : kWords) both([&](passes::Evaluator& of, uint32_t row) { return of.access(row, file, word).allowed; });
      both([&](passes::Evaluator& of, uint32_t row) { return of.interpreter(row, interpreter).allowed; });
    }
    for (const uint32_t user : kUsers) both([&](passes::Evaluator& of, uint32_t row) { return of.user(row, user).allowed; });
    for (const uint32_t number : kCapabilities) both([&](passes::Evaluator& of, uint32_t row) { return of.capability(row, number).allowed; });
    for (const uint32_t number : kOperations) both([&](passes::Evaluator& of, uint32_t row) { return of.operation(row, number).allowed; });
    for (const ir::Protocol protocol : kProtocols)
      for (const uint16_t port : kPorts)
        for (const passes::Address& peer : addresses()) {
          both([&](passes::Evaluator& of, uint32_t row) { return of.connect(row, protocol, peer, port).allowed; });
          both([&](passes::Evaluator& of, uint32_t row) { return of.accept(row, protocol, peer, port).allowed; });
        }
  }

  passes::Evaluator before_, after_;
  std::set<std::pair<uint32_t, uint32_t>> known_;
  std::vector<std::pair<uint32_t, uint32_t>> queue_;
  Seen seen_;
};

TEST(DiffTrees, TwoVersionsAgainstEnumeration) {
  size_t allowed = 0, denied = 0, same = 0;
  for (uint32_t round = 0; round < 150; ++round) {
    Maker make(round);
    const ir::Policy first = make.policy();
    ir::Policy second = first;
    if (round % 3 == 0)
      second = make.policy();
    else
      make.change(second);
    const test::Checked before = test::checked(first), after = test::checked(second);
    const Diff diff = test::compared(before, after);
    const Seen seen = Enumeration(before.policy, after.policy).run();
    EXPECT_EQ(diff.count(Effect::kAllowed) != 0, seen.allowed) << "round " << round << "\n" << testing::PrintToString(test::lines(diff));
    EXPECT_EQ(diff.count(Effect::kDenied) != 0, seen.denied) << "round " << round << "\n" << testing::PrintToString(test::lines(diff));
    allowed += seen.allowed;
    denied += seen.denied;
    same += !seen.allowed && !seen.denied;
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << frontend::emit_profile(first) << "\n" << frontend::emit_profile(second);
      return;
    }
  }
  EXPECT_GT(allowed, 50u);
  EXPECT_GT(denied, 50u);
  EXPECT_GT(same, 10u);
}

}  // namespace
}  // namespace treeline::analysis
