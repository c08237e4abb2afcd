// SPDX-License-Identifier: Apache-2.0
//
// Policy: random network rules. Act: random addresses and ports. Outcome: the rules that peer_contains() and ports_contain() name, each once.
#include "policy-compiler/analysis/network_index.h"

#include <gmock/gmock.h>

#include <random>

namespace treeline::analysis {
namespace {

uint32_t next(std::mt19937& random) { return static_cast<uint32_t>(random()); }

// Few different bytes, so that blocks and addresses meet; some of IPv6 are mapped ones of IPv4.
ir::Cidr random_block(std::mt19937& random) {
  ir::Cidr block;
  block.v6 = next(random) % 2 == 0;
  const bool mapped = block.v6 && next(random) % 2 == 0;
  for (size_t i = mapped ? 12 : 0; i < (block.v6 ? 16u : 4u); ++i) block.address[i] = next(random) % 8 == 0 ? 10 : 0;
  if (mapped) block.address[10] = block.address[11] = 0xff;
  block.prefix = static_cast<uint8_t>(mapped ? 90 + next(random) % 39 : next(random) % (block.v6 ? 129 : 33));
  for (unsigned bit = block.prefix; bit < (block.v6 ? 128u : 32u); ++bit)
    block.address[bit / 8] = static_cast<uint8_t>(block.address[bit / 8] & ~(0x80u >> bit % 8));
  return block;
}

ir::NetworkRule random_rule(std::mt19937& random) {
  ir::NetworkRule rule;
  rule.direction = next(random) % 4 == 0 ? ir::Direction::kIn : ir::Direction::kOut;
  rule.protocol = next(random) % 4 == 0 ? ir::Protocol::kUdp : ir::Protocol::kTcp;
  rule.peer.kind = next(random) % 4 == 0 ? ir::PeerKind::kInternal : ir::PeerKind::kBlocks;
  for (uint32_t n = next(random) % 4; rule.peer.kind == ir::PeerKind::kBlocks && n > 0; --n) rule.peer.blocks.push_back(random_block(random));
  for (uint32_t n = 1 + next(random) % 3; n > 0; --n) {
    const auto first = static_cast<uint16_t>(next(random) % 20);
    rule.ports.push_back({first, static_cast<uint16_t>(first + next(random) % 5)});
  }
  return rule;
}

TEST(NetworkIndex, NamesTheRulesThatGrantTheActOnce) {
  std::mt19937 random(3);
  size_t named = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<ir::NetworkRule> rules;
    for (uint32_t n = next(random) % 8; n > 0; --n) rules.push_back(random_rule(random));
    std::set<const ir::NetworkRule*> left;
    for (const ir::NetworkRule& rule : rules) left.insert(&rule);
    NetworkIndex index(rules);
    for (int act = 0; act < 30; ++act) {
      const ir::Cidr of = random_block(random);
      const passes::Address address{of.v6, of.address};
      const uint32_t port = next(random) % 25;
      const auto direction = next(random) % 4 == 0 ? ir::Direction::kIn : ir::Direction::kOut;
      std::set<const ir::NetworkRule*> expected;
      for (const ir::NetworkRule* rule : left)
        if (rule->direction == direction && rule->protocol == ir::Protocol::kTcp && passes::ports_contain(*rule, port) &&
            (direction == ir::Direction::kIn || passes::peer_contains(rule->peer, address)))
          expected.insert(rule);
      const std::vector<const ir::NetworkRule*> taken = index.take(direction, ir::Protocol::kTcp, address, port);
      EXPECT_THAT(taken, testing::UnorderedElementsAreArray(expected));
      named += taken.size();
      for (const ir::NetworkRule* rule : taken) left.erase(rule);
    }
  }
  EXPECT_GT(named, 300u);
}

}  // namespace
}  // namespace treeline::analysis
