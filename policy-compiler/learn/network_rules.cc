// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/network_rules.h"

#include <algorithm>
#include <tuple>

#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/fold_paths.h"

namespace treeline::learn {
namespace {

// The clouds' metadata services hand out credentials.
bool is_metadata(const NetUse& net) {
  return std::any_of(ir::metadata_addresses().begin(), ir::metadata_addresses().end(), [&](const ir::Cidr& known) {
    return known.v6 == net.v6 && std::equal(known.address.begin(), known.address.begin() + (net.v6 ? 16 : 4), net.address.begin());
  });
}

std::string endpoint_text(const NetUse& net) {
  const std::string address = ir::names::cidr_text({net.v6, net.address, static_cast<uint8_t>(net.v6 ? 128 : 32)});
  return std::string(ir::names::protocols().name(static_cast<uint32_t>(net.protocol))) + " " +
         address.substr(0, address.find('/')) + " port " + std::to_string(net.port);
}

}  // namespace

bool is_loopback(bool v6, const std::array<uint8_t, 16>& address) {
  if (!v6) return address[0] == 127;
  return address[15] == 1 && std::all_of(address.begin(), address.begin() + 15, [](uint8_t b) { return b == 0; });
}

std::vector<LearnedNet> network_rules(const std::map<NetUse, Use>& nets, uint32_t starts, const std::string& path,
                                      std::vector<Question>& questions) {
  // One rule for each (direction, protocol, port, kind of peer).
  std::map<std::tuple<ir::Direction, ir::Protocol, uint16_t, ir::PeerKind>, LearnedNet> rules;
  std::map<std::pair<ir::Protocol, uint16_t>, std::vector<std::string>> varying;  // peers that were not in every start
  for (const auto& [net, use] : nets) {
    const bool in = net.direction == ir::Direction::kIn;
    if (in && net.port >= kEphemeralFirst && net.port <= kEphemeralLast &&
        (use.episodes.size() < starts || starts < 2)) {
      questions.push_back({QuestionKind::kLeftOut,
                           "ephemeral-listener",
                           path,
                           "listened on " + endpoint_text(net) + ", a port that the kernel chose",
                           "give the program a port of its own, or write the rule",
                           {}});
      continue;
    }
    if (!in && is_metadata(net)) {
      questions.push_back({QuestionKind::kReview,
                           "metadata-service",
                           path,
                           "connected to " + endpoint_text(net) + ", which hands out the machine's credentials",
                           "remove the rule unless the workload needs them",
                           {}});
    }
    const ir::PeerKind kind = is_loopback(net.v6, net.address) ? ir::PeerKind::kLocalhost
                              : in             ? ir::PeerKind::kAny
                                               : ir::PeerKind::kBlocks;
    LearnedNet& learned = rules[{net.direction, net.protocol, net.port, kind}];
    learned.rule.direction = net.direction;
    learned.rule.protocol = net.protocol;
    learned.rule.ports = {{net.port, net.port}};
    learned.rule.peer.kind = kind;
    if (kind == ir::PeerKind::kBlocks) {
      learned.rule.peer.blocks.push_back({net.v6, net.address, static_cast<uint8_t>(net.v6 ? 128 : 32)});
      if (starts > 1 && use.episodes.size() < starts) varying[{net.protocol, net.port}].push_back(endpoint_text(net));
    }
    learned.use.add(use);
    learned.pairs++;
  }
  for (auto& [key, peers] : varying) {
    const std::string count = std::to_string(peers.size());
    if (peers.size() > kMostExamples) peers.resize(kMostExamples);
    questions.push_back({QuestionKind::kLiteral,
                         "varying-peers",
                         path,
                         count + (count == "1" ? " peer was" : " peers were") + " not in every start: what is reached by a name has other addresses next time, and they are refused",
                         "write its published block, 'internal' or 'external' in the place of the addresses",
                         std::move(peers)});
  }
  std::vector<LearnedNet> out;
  for (auto& [key, learned] : rules) {
    // A listener open to all is open to localhost.
    const auto& [direction, protocol, port, kind] = key;
    if (direction == ir::Direction::kIn && kind == ir::PeerKind::kLocalhost &&
        rules.contains({direction, protocol, port, ir::PeerKind::kAny}))
      continue;
    out.push_back(std::move(learned));
  }
  return out;
}

}  // namespace treeline::learn
