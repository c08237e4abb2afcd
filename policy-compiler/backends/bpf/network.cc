// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/network.h"

#include <algorithm>
#include <map>
#include <string>

#include "policy-compiler/backends/bpf/intervals.h"

namespace treeline::backends::bpf {
namespace {

constexpr uint64_t kMostTableBits = 1u << 28;  // of one row: the hooks compute the bit's number in 32 bits
constexpr size_t kMostWords = 1u << 25;        // of all rows: 256 MiB
constexpr Wide kLast4 = {0, UINT32_MAX};
constexpr Wide kLast6 = {UINT64_MAX, UINT64_MAX};
constexpr Wide kLastPort = {0, 65535};

struct Block4 {
  uint8_t a, b, c, d, prefix;
};
constexpr Block4 kLocalhost4[] = {{127, 0, 0, 0, 8}};
constexpr Block4 kInternal4[] = {
    {10, 0, 0, 0, 8}, {100, 64, 0, 0, 10}, {169, 254, 0, 0, 16}, {172, 16, 0, 0, 12}, {192, 168, 0, 0, 16}};
constexpr Block4 kMetadata4[] = {{169, 254, 169, 254, 32}, {169, 254, 170, 2, 32}, {169, 254, 170, 23, 32}, {100, 100, 100, 200, 32}};
// What is neither local nor unicast: "this network" and multicast, reserved, broadcast.
constexpr Block4 kOther4[] = {{0, 0, 0, 0, 8}, {224, 0, 0, 0, 3}};

struct Block6 {
  uint64_t high, low;
  uint8_t prefix;
};
constexpr Block6 kLocalhost6[] = {{0, 1, 128}};
constexpr Block6 kInternal6[] = {{0xfc00ull << 48, 0, 7}, {0xfe80ull << 48, 0, 10}};
constexpr Block6 kMetadata6[] = {{0xfd000ec2ull << 32, 0x254, 128}, {0xfd000ec2ull << 32, 0x23, 128}};
constexpr Block6 kMapped6 = {0, 0xffffull << 32, 96};  // is IPv4: the hooks ask the other table
constexpr Block6 kOther6[] = {{0, 0, 128}, kMapped6, {0xfec0ull << 48, 0, 10}, {0xff00ull << 48, 0, 8}};

Interval interval(const Block4& block) {
  const uint32_t first = uint32_t{block.a} << 24 | uint32_t{block.b} << 16 | uint32_t{block.c} << 8 | block.d;
  const uint32_t rest = block.prefix == 32 ? 0 : UINT32_MAX >> block.prefix;
  return {{0, first & ~rest}, {0, first | rest}};
}

Interval interval(const Block6& block) {
  const uint64_t high = block.prefix >= 64 ? 0 : UINT64_MAX >> block.prefix;
  const uint64_t low = block.prefix <= 64 ? UINT64_MAX : block.prefix == 128 ? 0 : UINT64_MAX >> (block.prefix - 64);
  return {{block.high & ~high, block.low & ~low}, {block.high | high, block.low | low}};
}

template <typename Blocks>
Intervals intervals(const Blocks& blocks) {
  Intervals out;
  for (const auto& block : blocks) out.push_back(interval(block));
  return out;
}

template <typename Blocks>
Intervals without_blocks(Intervals from, const Blocks& blocks) {
  for (const auto& block : blocks) from = without(from, interval(block));
  return from;
}

uint64_t big_endian(const uint8_t* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

PeerSet peer_set(const ir::Peer& peer) {
  PeerSet set;
  switch (peer.kind) {
    case ir::PeerKind::kAny:
      set.v4 = {{{}, kLast4}};
      set.v6 = without({{{}, kLast6}}, interval(kMapped6));
      break;
    case ir::PeerKind::kLocalhost:
      set.v4 = intervals(kLocalhost4);
      set.v6 = intervals(kLocalhost6);
      break;
    case ir::PeerKind::kInternal:
      set.v4 = without_blocks(intervals(kInternal4), kMetadata4);
      set.v6 = without_blocks(intervals(kInternal6), kMetadata6);
      break;
    case ir::PeerKind::kExternal:
      set.v4 = without_blocks(without_blocks(without_blocks({{{}, kLast4}}, kLocalhost4), kInternal4), kOther4);
      set.v6 = without_blocks(without_blocks(without_blocks({{{}, kLast6}}, kLocalhost6), kInternal6), kOther6);
      break;
    case ir::PeerKind::kBlocks:
      for (const ir::Cidr& block : peer.blocks) {
        if (!block.v6) {
          set.v4.push_back(
              interval(Block4{block.address[0], block.address[1], block.address[2], block.address[3], block.prefix}));
          continue;
        }
        const Block6 as6 = {big_endian(block.address.data(), 8), big_endian(block.address.data() + 8, 8), block.prefix};
        if (block.prefix >= 96 && as6.high == 0 && as6.low >> 32 == 0xffff) {
          set.v4.push_back(interval(Block4{block.address[12], block.address[13], block.address[14], block.address[15],
                                           static_cast<uint8_t>(block.prefix - 96)}));
          continue;
        }
        for (const Interval& rest : without({interval(as6)}, interval(kMapped6))) set.v6.push_back(rest);
      }
      break;
  }
  return set;
}

namespace {

// A text that is equal for equal peers; "" for any.
std::string peer_key(const ir::Peer& peer) {
  if (peer.kind == ir::PeerKind::kAny) return "";
  std::string key(1, static_cast<char>('0' + static_cast<int>(peer.kind)));
  if (peer.kind != ir::PeerKind::kBlocks) return key;
  for (const ir::Cidr& block : peer.blocks) {
    key += block.v6 ? '6' : '4';
    key.append(reinterpret_cast<const char*>(block.address.data()), block.address.size());
    key += static_cast<char>(block.prefix);
  }
  return key;
}

bool all_ports(const ir::NetworkRule& rule) {
  return std::any_of(rule.ports.begin(), rule.ports.end(),
                     [](const ir::PortRange& range) { return range.first == 0 && range.last == 65535; });
}

Intervals port_set(const ir::NetworkRule& rule) {
  Intervals set;
  for (const ir::PortRange& range : rule.ports) {
    if (range.first <= range.last) set.push_back({{0, range.first}, {0, range.last}});
  }
  return set;
}

std::string port_key(const ir::NetworkRule& rule) {
  if (all_ports(rule)) return "";
  std::string key = "p";
  for (const ir::PortRange& range : rule.ports)
    key += std::to_string(range.first) + "-" + std::to_string(range.last) + ",";
  return key;
}

class Builder {
 public:
  Builder(const ir::Policy& policy, Diagnostics& diagnostics) : policy_(policy), diagnostics_(diagnostics) {}

  std::optional<Network> run() {
    collect();
    Network out;
    ClassNumbers peer_numbers, port_numbers;
    const std::vector<Range> of_v4 = cut(v4_, kLast4, peer_numbers);
    const std::vector<Range> of_v6 = cut(v6_, kLast6, peer_numbers);
    const std::vector<Range> of_ports = cut(ports_, kLastPort, port_numbers);
    if (of_v4.size() > kMostRanges || of_v6.size() > kMostRanges || of_ports.size() > kMostRanges) {
      diagnostics_.error(
          {}, "network-budget",
          "the network rules cut the addresses into more than " + std::to_string(kMostRanges) + " ranges",
          "write larger blocks, or fewer single addresses");
      return std::nullopt;
    }
    for (const Range& range : of_v4) out.peers4.push_back({static_cast<uint32_t>(range.first.low), range.class_id});
    for (const Range& range : of_v6) out.peers6.push_back({range.first.high, range.first.low, range.class_id, {}});
    for (const Range& range : of_ports) out.ports.push_back({static_cast<uint32_t>(range.first.low), range.class_id});
    out.peer_classes = peer_numbers.size();
    out.port_classes = port_numbers.size();
    classes_of_peer_ = peer_numbers.of_sets(v4_.size());
    classes_of_port_ = port_numbers.of_sets(ports_.size());
    if (!tables(out)) return std::nullopt;
    return out;
  }

 private:
  // Sets that rules name, numbered by first use.
  void collect() {
    for (const ir::Node& node : policy_.nodes) {
      for (const ir::NetworkRule& rule : node.network) {
        const std::string peer = peer_key(rule.peer);
        if (!peer.empty() && peers_.try_emplace(peer, static_cast<uint32_t>(v4_.size())).second) {
          PeerSet set = peer_set(rule.peer);
          v4_.push_back(std::move(set.v4));
          v6_.push_back(std::move(set.v6));
        }
        const std::string port = port_key(rule);
        if (!port.empty() && port_numbers_.try_emplace(port, static_cast<uint32_t>(ports_.size())).second)
          ports_.push_back(port_set(rule));
      }
    }
  }

  bool tables(Network& out) {
    const uint64_t bits = uint64_t{TL_NET_DIRECTIONS} * TL_PROTOCOLS * (out.peer_classes + 1) * out.port_classes;
    if (bits > kMostTableBits) return too_large();
    const std::vector<uint64_t> nothing((bits + 63) / 64, 0);
    std::map<std::vector<uint64_t>, uint32_t> places = {{nothing, 0}};
    out.nets = nothing;
    for (const ir::Node& node : policy_.nodes) {
      std::vector<uint64_t> table = nothing;
      for (const ir::NetworkRule& rule : node.network) set_bits(rule, out, table);
      const auto [at, fresh] = places.try_emplace(table, static_cast<uint32_t>(out.nets.size()));
      if (fresh) out.nets.insert(out.nets.end(), table.begin(), table.end());
      out.net.push_back(at->second);
      if (out.nets.size() > kMostWords) return too_large();
    }
    return true;
  }

  bool too_large() {
    // Of the node that has most of them.
    ir::Position where;
    size_t most = 0;
    for (const ir::Node& node : policy_.nodes)
      if (node.network.size() > most) {
        most = node.network.size();
        where = node.network[0].position;
      }
    diagnostics_.error(where, "network-budget", "the network rules name too many different peers and ports",
                       "write larger blocks and port ranges, or split the policy");
    return false;
  }

  void set_bits(const ir::NetworkRule& rule, const Network& out, std::vector<uint64_t>& table) const {
    const std::string peer = peer_key(rule.peer);
    const std::string port = port_key(rule);
    std::vector<uint32_t> peers = peer.empty() ? everything(out.peer_classes) : classes_of_peer_[peers_.at(peer)];
    const std::vector<uint32_t> ports =
        port.empty() ? everything(out.port_classes) : classes_of_port_[port_numbers_.at(port)];
    peers.push_back(out.peer_classes);  // some peer
    const uint64_t base = static_cast<uint64_t>(rule.direction) * TL_PROTOCOLS + static_cast<uint64_t>(rule.protocol);
    for (uint32_t p : peers) {
      for (uint32_t q : ports) {
        const uint64_t bit = (base * (out.peer_classes + 1) + p) * out.port_classes + q;
        table[bit / 64] |= uint64_t{1} << (bit % 64);
      }
    }
  }

  static std::vector<uint32_t> everything(uint32_t count) {
    std::vector<uint32_t> all(count);
    for (uint32_t i = 0; i < count; ++i) all[i] = i;
    return all;
  }

  const ir::Policy& policy_;
  Diagnostics& diagnostics_;
  std::map<std::string, uint32_t> peers_, port_numbers_;
  std::vector<Intervals> v4_, v6_, ports_;
  std::vector<std::vector<uint32_t>> classes_of_peer_, classes_of_port_;
};

}  // namespace

std::optional<Network> make_network(const ir::Policy& policy, Diagnostics& diagnostics) {
  return Builder(policy, diagnostics).run();
}

}  // namespace treeline::backends::bpf
