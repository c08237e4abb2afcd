// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/network_set.h"

#include <algorithm>
#include <bit>

#include "policy-compiler/backends/bpf/network.h"
#include "policy-compiler/ir/names.h"

namespace treeline::analysis {
namespace {

using backends::bpf::Interval;
using backends::bpf::Intervals;
using backends::bpf::PeerSet;
using backends::bpf::Wide;

constexpr Wide kLast6 = {UINT64_MAX, UINT64_MAX};
const Intervals kGlobal6 = {{{0x2000ull << 48, 0}, {0x3fffffffffffffffull, UINT64_MAX}}};  // 2000::/3: all that is given out
constexpr size_t kMostBlocks = 6;  // shown of one part
constexpr uint32_t kAllPorts = 65536;
constexpr uint16_t kMetadataPort = 80;  // they are asked over HTTP

bool has_ports(ir::Protocol protocol) {
  return protocol == ir::Protocol::kTcp || protocol == ir::Protocol::kUdp || protocol == ir::Protocol::kSctp;
}
bool all(const Ports& ports) { return ports.size() == 1 && ports[0].first == 0 && ports[0].last == 65535; }

// Sorted, overlapping and touching ones joined.
Intervals joined(Intervals set) {
  std::sort(set.begin(), set.end(), [](const Interval& a, const Interval& b) { return a.first < b.first; });
  Intervals out;
  for (const Interval& next : set) {
    if (!out.empty() && (next.first <= out.back().last || next.first == out.back().last.next())) {
      out.back().last = std::max(out.back().last, next.last);
    } else {
      out.push_back(next);
    }
  }
  return out;
}

Ports joined(Ports set) {
  std::sort(set.begin(), set.end(), [](ir::PortRange a, ir::PortRange b) { return a.first < b.first; });
  Ports out;
  for (const ir::PortRange next : set) {
    if (!out.empty() && next.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, next.last);
    } else {
      out.push_back(next);
    }
  }
  return out;
}

// Both ascending and disjoint.
Ports without(const Ports& from, const Ports& holes) {
  Ports out;
  for (const ir::PortRange range : from) {
    uint32_t first = range.first;
    for (const ir::PortRange hole : holes) {
      if (hole.last < first || hole.first > range.last) continue;
      if (hole.first > first) out.push_back({static_cast<uint16_t>(first), static_cast<uint16_t>(hole.first - 1)});
      first = uint32_t{hole.last} + 1;
    }
    if (first <= range.last) out.push_back({static_cast<uint16_t>(first), range.last});
  }
  return out;
}

bool equal(const Ports& a, const Ports& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](ir::PortRange x, ir::PortRange y) { return x.first == y.first && x.last == y.last; });
}
bool equal(const Intervals& a, const Intervals& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Interval& x, const Interval& y) { return x.first == y.first && x.last == y.last; });
}

struct Box {
  Interval addresses;
  const Ports* ports;
};

// What of `own` x `ports` no box holds, piece by piece: a sweep over the places where a box begins or has ended.
template <typename Emit>
void sweep(const Intervals& own, const Ports& ports, std::vector<Box> boxes, Emit emit) {
  std::sort(boxes.begin(), boxes.end(),
            [](const Box& a, const Box& b) { return a.addresses.first < b.addresses.first; });
  std::vector<Wide> cuts;
  for (const Box& box : boxes) {
    cuts.push_back(box.addresses.first);
    if (box.addresses.last < kLast6) cuts.push_back(box.addresses.last.next());
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  size_t next_box = 0;
  std::vector<Box> active;
  for (const Interval& interval : own) {
    auto cut = std::upper_bound(cuts.begin(), cuts.end(), interval.first);
    for (Wide first = interval.first;;) {
      const bool last_piece = cut == cuts.end() || interval.last < *cut;
      const Wide last = last_piece ? interval.last : cut->previous();
      for (; next_box < boxes.size() && boxes[next_box].addresses.first <= first; ++next_box)
        active.push_back(boxes[next_box]);
      std::erase_if(active, [&](const Box& box) { return box.addresses.last < first; });
      Ports taken;
      for (const Box& box : active) taken.insert(taken.end(), box.ports->begin(), box.ports->end());
      Ports left = without(ports, joined(std::move(taken)));
      if (!left.empty()) emit(Interval{first, last}, std::move(left));
      if (last_piece) break;
      first = *cut++;
    }
  }
}

uint32_t low_zeros(Wide value, uint32_t width) {
  const uint32_t zeros = value.low != 0 ? static_cast<uint32_t>(std::countr_zero(value.low))
                                        : 64 + static_cast<uint32_t>(std::countr_zero(value.high));
  return std::min(zeros, width);
}

Wide plus_block(Wide first, uint32_t bits) {  // the last address of the block
  if (bits >= 128) return kLast6;
  if (bits >= 64) return {first.high | ((uint64_t{1} << (bits - 64)) - 1), UINT64_MAX};
  return {first.high, first.low | ((uint64_t{1} << bits) - 1)};
}

// An interval as address blocks, the largest that fit; stops behind `most`, and `more` says so.
void blocks_of(Interval interval, bool v6, size_t most, std::vector<std::string>& out, bool& more) {
  const uint32_t width = v6 ? 128 : 32;
  for (Wide first = interval.first;;) {
    uint32_t bits = low_zeros(first, width);
    while (interval.last < plus_block(first, bits)) --bits;
    if (out.size() == most) {
      more = true;
      return;
    }
    ir::Cidr cidr;
    cidr.v6 = v6;
    cidr.prefix = static_cast<uint8_t>(width - bits);
    for (size_t i = 0; i < width / 8; ++i) {
      const uint32_t shift = 8 * static_cast<uint32_t>(width / 8 - 1 - i);
      cidr.address[i] = static_cast<uint8_t>(shift >= 64 ? first.high >> (shift - 64) : first.low >> shift);
    }
    out.push_back(ir::names::cidr_text(cidr));
    const Wide last = plus_block(first, bits);
    if (!(last < interval.last)) return;
    first = last.next();
  }
}

const NetworkPart& addresses_of(ir::PeerKind kind) {
  static const auto made = [] {
    std::vector<NetworkPart> parts;
    for (const ir::PeerKind k :
         {ir::PeerKind::kAny, ir::PeerKind::kLocalhost, ir::PeerKind::kInternal, ir::PeerKind::kExternal}) {
      const PeerSet set = backends::bpf::peer_set({k, {}, {}});
      parts.push_back({joined(set.v4), joined(set.v6), {}});
    }
    return parts;
  }();
  return made[static_cast<size_t>(kind)];
}

bool meets(const Intervals& a, const Intervals& b) {
  return std::any_of(a.begin(), a.end(), [&](const Interval& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const Interval& y) { return x.first <= y.last && y.first <= x.last; });
  });
}

// How many addresses; exact enough to compare shares.
double size_of(const Intervals& set) {
  double size = 0;
  for (const Interval& interval : set)
    size += static_cast<double>(interval.last.high - interval.first.high) * 0x1p64 + static_cast<double>(interval.last.low) -
            static_cast<double>(interval.first.low) + 1;
  return size;
}

bool most_of(const Intervals& all, const Intervals& held) {
  Intervals left = all;
  for (const Interval& interval : held) left = backends::bpf::without(left, interval);
  return size_of(left) < size_of(all) * 3 / 4;
}

uint32_t size_of(const Ports& ports) {
  uint32_t size = 0;
  for (const ir::PortRange range : ports) size += uint32_t{range.last} - range.first + 1;
  return size;
}

// Of `all` addresses more than a quarter have more than a quarter of the ports in these boxes together.
bool most_with_most_ports(const Intervals& all, std::vector<Box> boxes) {
  Intervals closed;
  sweep(all, {{0, 65535}}, std::move(boxes), [&](Interval piece, const Ports& left) {
    if (size_of(left) >= kAllPorts * 3 / 4) closed.push_back(piece);
  });
  return size_of(closed) < size_of(all) * 3 / 4;
}

std::string address_text(const NetworkPart& part) {
  for (const ir::PeerKind kind :
       {ir::PeerKind::kAny, ir::PeerKind::kLocalhost, ir::PeerKind::kInternal, ir::PeerKind::kExternal}) {
    const NetworkPart& known = addresses_of(kind);
    if (equal(known.v4, part.v4) && equal(known.v6, part.v6)) return ir::names::peer_text({kind, {}, {}});
  }
  std::vector<std::string> blocks;
  bool more = false;
  for (const Interval& interval : part.v4) blocks_of(interval, false, kMostBlocks, blocks, more);
  for (const Interval& interval : part.v6) blocks_of(interval, true, kMostBlocks, blocks, more);
  std::string out;
  for (const std::string& block : blocks) out += (out.empty() ? "" : ",") + block;
  return more ? out + ",..." : out;
}

bool holds_all(const std::vector<ir::Label>& held, const std::vector<ir::Label>& needed) {
  return std::all_of(needed.begin(), needed.end(), [&](const ir::Label& label) {
    return std::any_of(held.begin(), held.end(), [&](const ir::Label& have) { return have.key == label.key && have.value == label.value; });
  });
}

// Is every pod that `inner` can mean one that `outer` means? Fewer labels mean more pods; no namespace is the own one, not every one. A block
// covers no pods: in a network policy it may match none. `internal` and `any` hold every pod there, by the Service's port.
bool covers(const ir::Peer& of_outer, const ir::Peer& of_inner) {
  const std::optional<ir::PodSelector>&outer = of_outer.selector, &inner = of_inner.selector;
  if (!inner) return !outer;
  if (!outer)
    return inner->target_ports.empty() && (of_outer.kind == ir::PeerKind::kAny || of_outer.kind == ir::PeerKind::kInternal);
  return holds_all(inner->pods, outer->pods) && outer->name_space.empty() == inner->name_space.empty() &&
         holds_all(inner->name_space, outer->name_space) && equal(joined(outer->target_ports), joined(inner->target_ports));
}

}  // namespace

bool NetworkSet::any_port() const {
  return std::any_of(parts.begin(), parts.end(), [](const NetworkPart& part) { return size_of(part.ports) > kAllPorts / 4; });
}

bool NetworkSet::any_port_anywhere() const {
  std::vector<Box> v4, v6;
  for (const NetworkPart& part : parts) {
    for (const Interval& interval : part.v4) v4.push_back({interval, &part.ports});
    for (const Interval& interval : part.v6) v6.push_back({interval, &part.ports});
  }
  return most_with_most_ports(addresses_of(ir::PeerKind::kExternal).v4, std::move(v4)) || most_with_most_ports(kGlobal6, std::move(v6));
}

bool NetworkSet::any_address() const {
  const NetworkPart& external = addresses_of(ir::PeerKind::kExternal);
  Intervals v4, v6;
  for (const NetworkPart& part : parts) {
    v4.insert(v4.end(), part.v4.begin(), part.v4.end());
    v6.insert(v6.end(), part.v6.begin(), part.v6.end());
  }
  return most_of(external.v4, joined(std::move(v4))) || most_of(kGlobal6, joined(std::move(v6)));
}

NetworkSet together(const std::vector<NetworkSet>& sets) {
  NetworkSet all;
  for (const NetworkSet& set : sets) {
    all.protocol = set.protocol;
    all.parts.insert(all.parts.end(), set.parts.begin(), set.parts.end());
  }
  return all;
}

bool NetworkSet::outside() const {
  const NetworkPart& external = addresses_of(ir::PeerKind::kExternal);
  return std::any_of(parts.begin(), parts.end(), [&](const NetworkPart& part) {
    return meets(external.v4, part.v4) || meets(external.v6, part.v6);
  });
}

bool NetworkSet::metadata() const {
  return protocol == ir::Protocol::kTcp && std::any_of(ir::metadata_addresses().begin(), ir::metadata_addresses().end(),
                                                       [&](const ir::Cidr& address) { return holds(address, kMetadataPort); });
}

NetworkReach NetworkSet::reach() const { return {outside(), any_address(), any_port(), metadata()}; }

bool NetworkSet::holds(const ir::Cidr& address, uint16_t port) const {
  const PeerSet asked = backends::bpf::peer_set({ir::PeerKind::kBlocks, {address}, {}});
  return std::any_of(parts.begin(), parts.end(), [&](const NetworkPart& part) {
    const bool ports = std::any_of(part.ports.begin(), part.ports.end(),
                                   [&](ir::PortRange range) { return range.first <= port && port <= range.last; });
    return ports && (address.v6 ? meets(asked.v6, part.v6) : meets(asked.v4, part.v4));
  });
}

std::string NetworkSet::text() const {
  // As rules are named elsewhere, in `accept` too: addresses, pods, ports.
  std::string pods;
  if (selector) {
    const std::string peer = ir::names::peer_text({ir::PeerKind::kAny, {}, selector});
    pods = peer.substr(peer.find(' '));
  }
  std::string out;
  for (const NetworkPart& part : parts) {
    out += (out.empty() ? "" : "; ") + address_text(part) + pods;
    if (!has_ports(protocol)) continue;
    std::string ports;
    for (const ir::PortRange range : part.ports) ports += (ports.empty() ? "" : ",") + ir::names::port_text(range);
    out += " port " + (all(part.ports) ? "any" : ports);
  }
  return out;
}

NetworkSet network_left(const ir::NetworkRule& rule, const std::vector<ir::NetworkRule>& others, size_t except) {
  NetworkSet left;
  left.protocol = rule.protocol;
  left.selector = rule.peer.selector;
  std::vector<Ports> ports_of(others.size());
  std::vector<Box> v4, v6;
  for (size_t i = 0; i < others.size(); ++i) {
    const ir::NetworkRule& other = others[i];
    if (i == except || other.direction != rule.direction || other.protocol != rule.protocol || !covers(other.peer, rule.peer)) continue;
    ports_of[i] = joined(other.ports);
    const PeerSet set = backends::bpf::peer_set(other.peer);
    for (const Interval& interval : set.v4) v4.push_back({interval, &ports_of[i]});
    for (const Interval& interval : set.v6) v6.push_back({interval, &ports_of[i]});
  }
  const PeerSet own = backends::bpf::peer_set(rule.peer);
  const Ports ports = joined(rule.ports);
  // Pieces with equal ports are one part.
  const auto part_of = [&](Ports of_piece) -> NetworkPart& {
    for (NetworkPart& part : left.parts)
      if (equal(part.ports, of_piece)) return part;
    left.parts.push_back({{}, {}, std::move(of_piece)});
    return left.parts.back();
  };
  sweep(joined(own.v4), ports, std::move(v4),
        [&](Interval piece, Ports of_piece) { part_of(std::move(of_piece)).v4.push_back(piece); });
  sweep(joined(own.v6), ports, std::move(v6),
        [&](Interval piece, Ports of_piece) { part_of(std::move(of_piece)).v6.push_back(piece); });
  for (NetworkPart& part : left.parts) {
    part.v4 = joined(std::move(part.v4));
    part.v6 = joined(std::move(part.v6));
  }
  return left;
}

}  // namespace treeline::analysis
