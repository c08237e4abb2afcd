// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/decide/random_policy.h"

#include <algorithm>
#include <set>

#include "bpf/lsm/abi.h"

namespace treeline::decide_test {
namespace {

constexpr const char* kWords[] = {"a", "ab", "conf", "x", "log", "data1", "libc", "page", "\\xc3\\xa9", "x\\xff"};
// Parts of names: each construct of the language within a name.
constexpr const char* kParts[] = {"*",        "?",      "[a-c]",   "[!x]",     "{a,b}",    "{conf,log{1,2}}",
                                  "{,x}",     "{uuid}", "{hex:4}", "{hex:64}", "{digits}", "{digits:3}",
                                  "{rand:6}", "{date}"};

class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  ir::Policy run() {
    policy_.name = "random" + std::to_string(random_.below(1000));
    policy_.on_violation = random_.one_in(3) ? ir::OnViolation::kKill : ir::OnViolation::kDeny;
    shared_ = rules(2 + random_.below(4));
    for (uint32_t n = 1 + random_.below(2); n > 0; --n) policy_.entry.push_back(tree(ir::kNoNode, 0));
    for (uint32_t n = random_.below(3); n > 0; --n) policy_.join.push_back(tree(ir::kNoNode, 2));
    if (random_.one_in(2)) costs(policy_.violation_costs);
    return std::move(policy_);
  }

 private:
  std::string literal_name() {
    if (random_.one_in(40)) return std::string(random_.one_in(2) ? 255 : 32 + random_.below(224), 'n');
    std::string name = random_.pick(kWords);
    if (random_.one_in(3)) name += std::string(random_.one_in(2) ? "." : "-") + random_.pick(kWords);
    return name;
  }
  std::string name() {
    if (random_.one_in(2)) return literal_name();
    std::string out;
    if (random_.one_in(2)) out += random_.pick(kWords);
    std::string part = random_.pick(kParts);
    out += part;
    if (random_.one_in(3))
      out += random_.pick(kParts) == std::string("*") ? "." : std::string(".") + random_.pick(kWords);
    return out == "{,x}" ? "*" : out;
  }
  std::string below_directory(std::string path) {
    if (random_.one_in(6)) path += "/" + name();
    switch (random_.below(8)) {
      case 0:
        return path + "/**";
      case 1:
        return path + "/**/" + name();
      case 2:
        return path + "/" + name() + "/" + name();
      default:
        return path + "/" + name();
    }
  }

  ir::AccessSet some_of(ir::AccessSet words) {
    ir::AccessSet out = 0;
    for (unsigned bit = 0; bit < 14; ++bit) {
      if (((words >> bit) & 1) != 0 && random_.one_in(2)) out = static_cast<ir::AccessSet>(out | (1u << bit));
    }
    return out == 0 ? static_cast<ir::AccessSet>(words & -words) : out;
  }

  // Directories of three kinds: written, executed, neither; words that do neither go anywhere.
  ir::FileRule rule() {
    constexpr ir::AccessSet kPlain = TL_READ | TL_DELETE | TL_SETATTR | TL_LIST | TL_MKDIR;
    constexpr ir::AccessSet kWriting = TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK;
    constexpr const char* kWritten[] = {"/var/log", "/tmp", "/data"};
    constexpr const char* kExecuted[] = {"/lib", "/opt"};
    constexpr const char* kNeither[] = {"/etc", "/srv", "", "/proc"};
    constexpr const char* kRelations[] = {"{own}", "{descendant}", "{workload}", "{other}"};
    ir::FileRule rule;
    rule.path.position = {++line_, 1};
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
        rule.path.text = below_directory(random_.pick(kWritten));
        rule.access = some_of(kPlain | kWriting);
        break;
      case 4:
      case 5:
        rule.path.text = below_directory(random_.pick(kExecuted));
        rule.access = some_of(kPlain | TL_MAP);
        break;
      case 6:
      case 7:
        rule.path.text = below_directory(random_.pick(kNeither));
        rule.access = some_of(kPlain);
        break;
      case 8:
        rule.path.text = std::string(random_.one_in(2)   ? "/proc/"
                                     : random_.one_in(2) ? "/"
                                                         : "/**/") +
                         random_.pick(kRelations);
        if (!random_.one_in(4))
          rule.path.text = random_.one_in(3) ? rule.path.text + "/**" : rule.path.text + "/" + name();
        rule.access = some_of(kPlain | TL_WRITE | TL_APPEND);
        break;
      case 9:
        rule.path.text = std::string(random_.one_in(3) ? "/tmp/**" : "/tmp") + "/{tmpfile}";
        rule.access = some_of(kPlain | kWriting);
        break;
      case 10:
        rule.path.text = std::string("{abstract}/") + (random_.one_in(4) ? "/tmp/" : "") + name();
        rule.access = TL_CONNECT;
        break;
      case 11:
        rule.path.text = "/run/" + name();
        rule.access = some_of(TL_CONNECT | TL_READ | TL_CREATE | TL_MKNOD);
        break;
      case 12: {
        // A signed exception: a program that may be written.
        rule.path.text = "/opt/" + name();
        rule.access = some_of(kWriting);
        rule.unsafe_write_and_execute = true;
        break;
      }
      default: {
        do {
          rule.path.text = passes::reserved_class_name(1 + random_.below(TL_CLASS_FIRST - 1));
        } while (rule.path.text.empty());
        rule.access = some_of(random_.one_in(4) ? TL_READ | TL_MAP : kPlain | TL_WRITE | TL_APPEND);
        break;
      }
    }
    if (random_.one_in(60)) {
      rule.path.text = "/";
      rule.access = TL_LIST;
      rule.unsafe_write_and_execute = false;
    }
    return rule;
  }

  // So that a short run meets each of them too.
  void every_object(std::vector<ir::FileRule>& files) {
    for (uint32_t class_id = 1; class_id < TL_CLASS_FIRST; ++class_id) {
      const std::string name = passes::reserved_class_name(class_id);
      if (!name.empty()) files.push_back({{name, {++line_, 1}}, TL_READ, false});
    }
  }

  std::vector<ir::FileRule> rules(uint32_t count) {
    std::vector<ir::FileRule> out;
    for (; count > 0; --count) out.push_back(rule());
    return out;
  }

  std::vector<ir::NumberRule> numbers(uint32_t below, uint32_t most) {
    std::vector<ir::NumberRule> out;
    for (uint32_t n = random_.below(most + 1); n > 0; --n) out.push_back({random_.below(below), {++line_, 1}});
    return out;
  }

  ir::Cidr block() {
    ir::Cidr block;
    block.v6 = random_.one_in(2);
    static constexpr uint8_t kFirst4[] = {10, 127, 8, 192, 169};
    block.address[0] = block.v6 ? (random_.one_in(2) ? 0x20 : 0xfd) : random_.pick(kFirst4);
    for (size_t i = 1; i < (block.v6 ? 16u : 4u); ++i)
      block.address[i] = random_.one_in(2) ? 0 : static_cast<uint8_t>(random_.below(3) * 127);
    if (block.v6 && random_.one_in(6)) block.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0};
    const uint32_t width = block.v6 ? 128 : 32;
    block.prefix = static_cast<uint8_t>(random_.one_in(3) ? width : random_.below(width + 1));
    for (uint32_t bit = block.prefix; bit < width; ++bit)
      block.address[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
    return block;
  }

  ir::NetworkRule network() {
    ir::NetworkRule rule;
    rule.direction = random_.one_in(2) ? ir::Direction::kIn : ir::Direction::kOut;
    rule.protocol = static_cast<ir::Protocol>(random_.one_in(2) ? 0 : random_.below(TL_PROTOCOLS));
    rule.peer.kind = static_cast<ir::PeerKind>(random_.below(6) % 5);
    if (rule.peer.kind == ir::PeerKind::kBlocks) {
      for (uint32_t n = 1 + random_.below(3); n > 0; --n) rule.peer.blocks.push_back(block());
    }
    for (uint32_t n = 1 + random_.below(2); n > 0; --n) {
      static constexpr uint16_t kPorts[] = {0, 1, 22, 80, 443, 5432, 65535};
      ir::PortRange range;
      range.first = random_.pick(kPorts);
      range.last = random_.one_in(2) ? range.first : std::max(range.first, random_.pick(kPorts));
      if (random_.one_in(5)) range = {};
      rule.ports.push_back(range);
    }
    // The language has no ports for the others.
    if (rule.protocol != ir::Protocol::kTcp && rule.protocol != ir::Protocol::kUdp && rule.protocol != ir::Protocol::kSctp) rule.ports = {{}};
    rule.position = {++line_, 1};
    return rule;
  }

  ir::OnViolation cost() { return static_cast<ir::OnViolation>(random_.below(4)); }

  // Of patterns that rules have too, of executables, and of their own.
  void costs(ir::ViolationCosts& costs) {
    for (auto& kind : costs.kinds)
      if (random_.one_in(4)) kind = cost();
    std::set<std::string> named;
    for (uint32_t n = random_.below(4); n > 0; --n) {
      ir::ViolationCosts::Path path{random_.one_in(2) ? rule().path : executable(random_.below(4)), cost()};
      if (named.insert(path.path.text).second) costs.paths.push_back(std::move(path));
    }
  }

  // A step's executable that no sibling's matches: each starts with a name of its own.
  ir::Pattern executable(uint32_t sibling) {
    static constexpr const char* kShapes[] = {
        "/bin/s#", "/bin/s#", "/bin/s#", "/opt/s#-*", "/opt/s#/{hex:4}/run", "/opt/s#/**/bin", "/bin/s#[0-9]x"};
    std::string text = random_.pick(kShapes);
    text.replace(text.find('#'), 1, std::to_string(sibling));
    return {text, {++line_, 1}};
  }

  uint32_t tree(uint32_t parent, unsigned depth) {
    const uint32_t n = static_cast<uint32_t>(policy_.nodes.size());
    policy_.nodes.emplace_back();
    {
      ir::Node& node = policy_.nodes[n];
      node.parent = parent;
      node.position = {++line_, 1};
      node.executable =
          executable(parent == ir::kNoNode ? n + 50 : static_cast<uint32_t>(policy_.nodes[parent].children.size()));
      if (random_.one_in(4))
        node.interpreter = ir::Pattern{random_.one_in(2) ? "/bin/s0" : "/bin/sh{,2}", {++line_, 1}};
      node.files = rules(1 + random_.below(7));
      if (random_.one_in(2)) node.files.insert(node.files.end(), shared_.begin(), shared_.end());
      if (n == 0 && random_.one_in(3)) every_object(node.files);
      for (uint32_t k = random_.below(4); k > 0; --k) node.network.push_back(network());
      node.capabilities = numbers(41, 5);
      node.operations = numbers(TL_OP_COUNT, 3);
      std::erase_if(node.operations, [](const ir::NumberRule& rule) { return rule.value == TL_OP_SPAWN_WORKLOADS; });  // has no word
      node.sockets = numbers(TL_SOCK_KINDS, 6);
      node.netlink = numbers(22, 3);
      if (random_.one_in(2)) node.users = numbers(12, 5);
      if (random_.one_in(10)) {
        for (uint32_t user = 0; user < TL_MOST_USERS; ++user) node.users.push_back({user * 3, {++line_, 1}});
        node.users.resize(TL_MOST_USERS);
      }
      if (random_.one_in(4)) node.on_violation = static_cast<ir::OnViolation>(random_.below(4));
      if (random_.one_in(3)) costs(node.violation_costs);
    }
    if (depth < 3) {
      for (uint32_t k = random_.below(3); k > 0; --k) {
        const uint32_t child = tree(n, depth + 1);
        policy_.nodes[n].children.push_back(child);
      }
    }
    if (random_.one_in(3)) {
      uint32_t target = n;
      while (policy_.nodes[target].parent != ir::kNoNode && random_.one_in(2)) target = policy_.nodes[target].parent;
      policy_.nodes[n].back_edges.push_back({{"/bin/back{digits:3}", {++line_, 1}}, target});
    }
    return n;
  }

  static constexpr uint32_t TL_MOST_USERS = 64;

  Random& random_;
  ir::Policy policy_;
  std::vector<ir::FileRule> shared_;
  uint32_t line_ = 0;
};

uint8_t member(const passes::ByteSet& set, Random& random) {
  static constexpr std::string_view kUsual = "abcx0123456789.-_Zf\xff\x01";
  for (int attempt = 0; attempt < 20; ++attempt) {
    const uint8_t byte = static_cast<uint8_t>(random.pick(kUsual));
    if (set.contains(byte)) return byte;
  }
  while (true) {
    const uint8_t byte = static_cast<uint8_t>(1 + random.below(255));
    if (set.contains(byte)) return byte;
  }
}

void sample_name(const passes::Sequence& sequence, Random& random, std::string& out) {
  for (const passes::Element& element : sequence) {
    switch (element.kind) {
      case passes::Element::Kind::kBytes:
        out += element.bytes;
        break;
      case passes::Element::Kind::kSet: {
        uint32_t count = element.min;
        if (element.max == passes::kUnlimited) {
          count += random.one_in(12) ? 30 + random.below(220) : random.below(5);
        } else {
          count += random.below(element.max - element.min + 1);
        }
        for (; count > 0; --count) out += static_cast<char>(member(element.set, random));
        break;
      }
      case passes::Element::Kind::kAlternatives:
        sample_name(random.pick(element.branches), random, out);
        break;
    }
  }
}

std::string some_name(Random& random) {
  std::string name;
  for (uint32_t n = random.one_in(20) ? 32 + random.below(224) : 1 + random.below(6); n > 0; --n)
    name += static_cast<char>(member(passes::ByteSet::name(), random));
  return name;
}

}  // namespace

ir::Policy random_policy(Random& random) { return Writer(random).run(); }

std::string sample(const passes::Pattern& pattern, Random& random) {
  if (pattern.components.empty()) return "/";
  std::string path;
  for (size_t i = 0; i < pattern.components.size(); ++i) {
    const passes::Component& component = pattern.components[i];
    switch (component.kind) {
      case passes::Component::Kind::kName: {
        std::string name;
        do {
          name.clear();
          sample_name(component.name, random, name);
        } while (name.empty() && !component.name.empty());
        path += "/" + name;
        break;
      }
      case passes::Component::Kind::kAnyDepth: {
        const bool last = i + 1 == pattern.components.size();
        for (uint32_t n = (last ? 1 : 0) + random.below(random.one_in(10) ? 20 : 3); n > 0; --n)
          path += "/" + some_name(random);
        break;
      }
      default:
        path += "/" + std::string(passes::pseudo_text(component.kind));
    }
  }
  return path;
}

std::string bend(std::string path, Random& random) {
  static constexpr const char* kTails[] = {"/",          "/x",      "x", "//own",    "//tmpfile",
                                           "//own/maps", "//other", "0", "/a/b/c/d", "\xff"};
  static constexpr std::string_view kBytes = "ax0/.-*Z\xff";
  const uint32_t at = random.below(static_cast<uint32_t>(path.size()));
  switch (random.below(7)) {
    case 0:
      path[at] = random.pick(kBytes);
      break;
    case 1:
      path.insert(path.begin() + at, random.pick(kBytes));
      break;
    case 2:
      path.erase(at, 1);
      break;
    case 3:
      path += random.pick(kTails);
      break;
    case 4:
      path.resize(at);
      break;
    case 5:
      path = "/" + some_name(random) + path;
      break;
    default:
      if (const size_t own = path.find("//"); own != std::string::npos) {
        path.erase(own, 1);
      } else {
        path += std::string(
            TL_PATH_MAX > path.size() ? random.below(static_cast<uint32_t>(TL_PATH_MAX - path.size())) : 0, 'l');
      }
  }
  return path;
}

passes::Address random_address(const ir::Policy& policy, Random& random) {
  static constexpr passes::Address kSpecial[] = {
      {false, {127, 0, 0, 1}},
      {false, {10, 1, 2, 3}},
      {false, {169, 254, 169, 254}},
      {false, {169, 254, 169, 253}},
      {false, {0, 0, 0, 0}},
      {false, {1, 1, 1, 1}},
      {false, {100, 64, 0, 1}},
      {false, {172, 32, 0, 0}},
      {false, {172, 31, 255, 255}},
      {false, {192, 168, 7, 7}},
      {false, {223, 255, 255, 255}},
      {false, {224, 0, 0, 1}},
      {false, {255, 255, 255, 255}},
      {true, {}},
      {true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
      {true, {0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54}},
      {true, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}},
      {true, {0xfe, 0xc0}},
      {true, {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
      {true, {0x26, 6, 0x47, 0}},
      {true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}},
      {true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 8, 8}},
  };
  std::vector<const ir::Cidr*> blocks;
  for (const ir::Node& node : policy.nodes) {
    for (const ir::NetworkRule& rule : node.network) {
      for (const ir::Cidr& block : rule.peer.blocks) blocks.push_back(&block);
    }
  }
  if (blocks.empty() || random.one_in(2)) {
    if (random.one_in(8)) {
      passes::Address any;
      any.v6 = random.one_in(2);
      for (size_t i = 0; i < (any.v6 ? 16u : 4u); ++i) any.bytes[i] = static_cast<uint8_t>(random.bits());
      return any;
    }
    return random.pick(kSpecial);
  }
  const ir::Cidr& block = *random.pick(blocks);
  passes::Address address{block.v6, block.address};
  const uint32_t width = block.v6 ? 128 : 32;
  const bool last = random.one_in(2);
  for (uint32_t bit = block.prefix; bit < width && last; ++bit)
    address.bytes[bit / 8] |= static_cast<uint8_t>(0x80u >> (bit % 8));
  // One before the first, one behind the last.
  if (random.one_in(2)) {
    for (size_t i = width / 8; i > 0; --i) {
      uint8_t& byte = address.bytes[i - 1];
      byte = static_cast<uint8_t>(last ? byte + 1 : byte - 1);
      if (byte != (last ? 0 : 255)) break;
    }
  }
  return address;
}

uint32_t random_port(const ir::Policy& policy, Random& random) {
  std::vector<uint32_t> ports = {0, 65535, random.below(65536)};
  for (const ir::Node& node : policy.nodes) {
    for (const ir::NetworkRule& rule : node.network) {
      for (const ir::PortRange& range : rule.ports) {
        for (int step = -1; step <= 1; ++step) {
          ports.push_back(static_cast<uint32_t>(range.first + step) & 0xffff);
          ports.push_back(static_cast<uint32_t>(range.last + step) & 0xffff);
        }
      }
    }
  }
  return random.pick(ports);
}

}  // namespace treeline::decide_test
