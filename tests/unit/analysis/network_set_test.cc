// SPDX-License-Identifier: Apache-2.0
//
// Policy: random network rules. Act: random addresses and ports, many of them at borders. Outcome: what is left of a rule is what the rule
// holds and no other does, by the definition in network_match.h.
#include "policy-compiler/analysis/network_set.h"

#include <gmock/gmock.h>

#include <random>

#include "policy-compiler/passes/network_match.h"

namespace treeline::analysis {
namespace {

uint32_t next(std::mt19937& random) { return static_cast<uint32_t>(random()); }

using ir::PeerKind;

ir::Cidr cidr4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t prefix) {
  ir::Cidr out;
  out.address = {a, b, c, d};
  out.prefix = prefix;
  for (uint32_t bit = prefix; bit < 32; ++bit) out.address[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
  return out;
}
ir::NetworkRule rule(PeerKind kind, std::vector<ir::Cidr> blocks, std::vector<ir::PortRange> ports) {
  ir::NetworkRule out;
  out.peer = {kind, std::move(blocks), {}};
  out.ports = std::move(ports);
  return out;
}

TEST(NetworkSet, RuleWrittenOtherwiseNothingIsLeft) {
  const ir::NetworkRule whole = rule(PeerKind::kBlocks, {cidr4(10, 0, 0, 0, 8)}, {{80, 90}});
  const std::vector<ir::NetworkRule> halves = {
      rule(PeerKind::kBlocks, {cidr4(10, 0, 0, 0, 9), cidr4(10, 128, 0, 0, 9)}, {{80, 84}}),
      rule(PeerKind::kInternal, {}, {{85, 99}})};
  EXPECT_TRUE(network_left(whole, halves).empty());
}

TEST(NetworkSet, WhatIsLeftIsNamedExactly) {
  const std::vector<ir::NetworkRule> some = {rule(PeerKind::kBlocks, {cidr4(10, 0, 0, 0, 9)}, {{80, 80}})};
  EXPECT_EQ(network_left(rule(PeerKind::kBlocks, {cidr4(10, 0, 0, 0, 8)}, {{80, 80}}), some).text(), "10.128.0.0/9 port 80");
  EXPECT_EQ(network_left(rule(PeerKind::kBlocks, {cidr4(10, 0, 0, 0, 9)}, {{79, 81}}), some).text(), "10.0.0.0/9 port 79,81");
  EXPECT_EQ(network_left(rule(PeerKind::kAny, {}, {{0, 65535}}), {}).text(), "any port any");
  EXPECT_EQ(network_left(rule(PeerKind::kExternal, {}, {{443, 443}}), some).text(), "external port 443");
}

TEST(NetworkSet, PodsAreOfARuleAndTakeAwayTheirOwnOnly) {
  const auto of_pods = [](std::vector<ir::Label> pods, std::vector<ir::Label> name_space = {}, std::vector<ir::PortRange> target = {}) {
    ir::NetworkRule out = rule(PeerKind::kInternal, {}, {{80, 80}});
    out.peer.selector = {std::move(pods), std::move(name_space), std::move(target)};
    return out;
  };
  const ir::Label web{"app", "web"}, front{"tier", "front"}, data{"team", "data"};
  const ir::NetworkRule everybody = rule(PeerKind::kInternal, {}, {{80, 80}});
  EXPECT_EQ(network_left(of_pods({web, front}), {}).text(), "internal pods app=web,tier=front port 80");
  EXPECT_EQ(network_left(of_pods({}, {data}, {{8080, 8080}}), {}).text(), "internal pods any in team=data to 8080 port 80");
  EXPECT_TRUE(network_left(of_pods({web}), {everybody}).empty());
  EXPECT_FALSE(network_left(of_pods({web}, {}, {{8080, 8080}}), {everybody}).empty()) << "another port than the Service's";
  EXPECT_FALSE(network_left(of_pods({web}), {rule(PeerKind::kBlocks, {cidr4(10, 0, 0, 0, 8)}, {{80, 80}})}).empty()) << "a block may match no pod";
  EXPECT_FALSE(network_left(everybody, {of_pods({})}).empty()) << "every pod of one namespace is not every address";
  EXPECT_TRUE(network_left(of_pods({web, front}), {of_pods({web})}).empty());
  EXPECT_FALSE(network_left(of_pods({web}), {of_pods({web, front})}).empty());
  EXPECT_FALSE(network_left(of_pods({web}), {of_pods({{"app", "db"}})}).empty());
  EXPECT_FALSE(network_left(of_pods({web}, {data}), {of_pods({web})}).empty()) << "another namespace than the own one";
  EXPECT_TRUE(network_left(of_pods({web}, {data, front}), {of_pods({web}, {data})}).empty());
  EXPECT_FALSE(network_left(of_pods({web}, {}, {{8080, 8080}}), {of_pods({web})}).empty()) << "another port of the pods";
}

TEST(NetworkSet, InternalAndExternalAndTheRestAreNotAny) {
  const std::vector<ir::NetworkRule> known = {rule(PeerKind::kInternal, {}, {{0, 65535}}), rule(PeerKind::kExternal, {}, {{0, 65535}}),
                                              rule(PeerKind::kLocalhost, {}, {{0, 65535}})};
  const NetworkSet left = network_left(rule(PeerKind::kAny, {}, {{0, 65535}}), known);
  ASSERT_EQ(left.parts.size(), 1u);
  EXPECT_THAT(left.text(), testing::HasSubstr("169.254.169.254/32"));  // the metadata service
  EXPECT_FALSE(left.any_address());
}

TEST(NetworkSet, RandomRulesAgreeWithTheDefinition) {
  std::mt19937 random(3);
  const auto any_rule = [&] {
    std::vector<ir::Cidr> blocks;
    const PeerKind kind = next(random) % 3 != 0 ? PeerKind::kBlocks : static_cast<PeerKind>(next(random) % 4);
    for (uint32_t n = kind == PeerKind::kBlocks ? 1 + next(random) % 3 : 0; n > 0; --n) {
      if (next(random) % 4 == 0) {
        ir::Cidr six;
        six.v6 = true;
        six.address = {0xfd, 0, 0x0e, 0xc2};
        six.prefix = static_cast<uint8_t>(next(random) % 4 == 0 ? 128 : 30 + next(random) % 3);
        for (uint32_t bit = six.prefix; bit < 128; ++bit) six.address[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
        blocks.push_back(six);
      } else {
        blocks.push_back(cidr4(static_cast<uint8_t>(next(random) % 2 == 0 ? 10 : 169), static_cast<uint8_t>(next(random) % 2 == 0 ? 0 : 254),
                               static_cast<uint8_t>(next(random) % 4), static_cast<uint8_t>(next(random) % 8), static_cast<uint8_t>(next(random) % 33)));
      }
    }
    const uint16_t first = static_cast<uint16_t>(next(random) % 6);
    std::vector<ir::PortRange> ports = {{first, static_cast<uint16_t>(first + next(random) % 4)}};
    if (next(random) % 3 == 0) ports.push_back({static_cast<uint16_t>(next(random) % 8), 65535});
    if (ports.back().first > ports.back().last) ports.pop_back();
    return rule(kind, blocks, ports);
  };
  const auto inside = [](const NetworkSet& set, const passes::Address& address, uint32_t port) {
    using backends::bpf::Wide;
    Wide wide;
    for (size_t i = 0; i < (address.v6 ? 16u : 4u); ++i) {
      wide.high = wide.high << 8 | wide.low >> 56;
      wide.low = wide.low << 8 | address.bytes[i];
    }
    for (const NetworkPart& part : set.parts) {
      const auto& list = address.v6 ? part.v6 : part.v4;
      const bool there = std::any_of(list.begin(), list.end(), [&](const auto& i) { return i.first <= wide && wide <= i.last; });
      const bool open = std::any_of(part.ports.begin(), part.ports.end(), [&](auto r) { return r.first <= port && port <= r.last; });
      if (there && open) return true;
    }
    return false;
  };
  size_t yes = 0;
  for (int round = 0; round < 400; ++round) {
    const ir::NetworkRule asked = any_rule();
    std::vector<ir::NetworkRule> others;
    for (uint32_t n = next(random) % 4; n > 0; --n) others.push_back(any_rule());
    const NetworkSet left = network_left(asked, others);
    for (int probe = 0; probe < 200; ++probe) {
      passes::Address address;
      address.v6 = next(random) % 4 == 0;
      if (address.v6) {
        address.bytes = {0xfd, 0, 0x0e, static_cast<uint8_t>(0xc0 + next(random) % 4)};
        if (next(random) % 2 == 0) address.bytes[14] = 2, address.bytes[15] = 0x54;
      } else {
        address.bytes = {static_cast<uint8_t>(next(random) % 3 == 0 ? next(random) : next(random) % 2 == 0 ? 10 : 169),
                         static_cast<uint8_t>(next(random) % 2 == 0 ? 0 : 254), static_cast<uint8_t>(next(random) % 2 == 0 ? 169 : next(random) % 4),
                         static_cast<uint8_t>(next(random) % 2 == 0 ? 254 : next(random) % 8)};
      }
      const uint32_t port = next(random) % 2 == 0 ? next(random) % 10 : 65535;
      bool expected = passes::peer_contains(asked.peer, address) && passes::ports_contain(asked, port);
      for (const ir::NetworkRule& other : others)
        expected = expected && !(passes::peer_contains(other.peer, address) && passes::ports_contain(other, port));
      ASSERT_EQ(inside(left, address, port), expected) << left.text() << " round " << round;
      yes += expected;
    }
  }
  EXPECT_GT(yes, 2000u);
}

}  // namespace
}  // namespace treeline::analysis
