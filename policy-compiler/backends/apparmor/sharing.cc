// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/apparmor/sharing.h"

#include <algorithm>
#include <utility>

#include "policy-compiler/support/text.h"

namespace treeline::backends::apparmor {
namespace {

using Kind = Sharing::Kind;
using At = std::pair<ir::Position, const Sharing*>;

constexpr char kTogether[] = "they share one profile";
constexpr char kTogetherFlat[] = "they share one profile, and every exec from one to another stays in it";
constexpr char kHeld[] = "each of them holds it, they share one profile";

std::string names_of(const ir::Policy& policy, const Nodes& nodes) {
  std::vector<std::string> names;
  for (const uint32_t node : nodes)
    names.push_back(policy.nodes[node].id.empty() ? ir::canonical_path(policy, node) : policy.nodes[node].id);
  return listed(names);
}

// Where the node's rules stand: how it is started, and its steps, among them.
void add_places(const ir::Policy& policy, const Steps& steps, const Sharing& sharing, std::vector<At>& held) {
  for (const uint32_t index : sharing.nodes) {
    const ir::Node& node = policy.nodes[index];
    held.emplace_back(node.executable.position, &sharing);
    for (const ir::FileRule& rule : node.files) held.emplace_back(rule.path.position, &sharing);
    for (const ir::NetworkRule& rule : node.network) held.emplace_back(rule.position, &sharing);
    for (const auto* list : {&node.sockets, &node.netlink, &node.capabilities, &node.operations})
      for (const ir::NumberRule& rule : *list) held.emplace_back(rule.position, &sharing);
    for (const Step& step : steps.of(index)) held.emplace_back(step.executable->position, &sharing);
  }
}

// Residuals of one reason with the names in front. Names are written where they will be read: lower() lists kMostAlike of them and counts the others, and
// a hundred thousand lists of names would be most of the compiler's memory.
template <typename Front>
void add(std::vector<At> places, const char* reason, const Front& front, Shape& shape) {
  std::stable_sort(places.begin(), places.end(), [](const At& a, const At& b) { return a.first < b.first; });
  for (size_t i = 0; i < places.size(); ++i) {
    const std::string names = i < kMostAlike ? front(*places[i].second) + ": " : "";
    shape.residuals.push_back({places[i].first, names + reason, names.size()});
  }
}

}  // namespace

std::string listed(const std::vector<std::string>& texts) {
  constexpr size_t kMost = 4;
  std::string out;
  for (size_t i = 0; i < texts.size() && i < kMost; ++i) out += (i == 0 ? "" : i + 1 == texts.size() ? " and " : ", ") + text::quoted(texts[i], 256);
  return texts.size() > kMost ? out + " and " + std::to_string(texts.size() - kMost) + " more" : out;
}

std::string all_in_one(const ir::Policy& policy, const std::string& why) {
  return "one profile holds the rights of all " + std::to_string(policy.nodes.size()) + " nodes, and every exec of the tree stays in it: " + why;
}

void say(const ir::Policy& policy, const Steps& steps, const std::vector<Sharing>& sharings, Shape& shape) {
  std::vector<At> together, together_flat, held;
  const auto since = [&](const Sharing& sharing) { return names_of(policy, sharing.nodes) + ", since " + sharing.why; };
  for (const Sharing& sharing : sharings) {
    const ir::Position place = policy.nodes[sharing.nodes[1]].position;
    const bool told = shape.merges.size() < kMostAlike;
    shape.shared.push_back(sharing.nodes);
    switch (sharing.kind) {
      case Kind::kAll:  // of no place: each rule of each node is held by all of them
        shape.residuals.push_back({{}, all_in_one(policy, sharing.why)});
        if (told) shape.merges.push_back({policy.nodes[sharing.nodes[0]].position, all_in_one(policy, sharing.why)});
        continue;
      case Kind::kRoots:
        shape.residuals.push_back({place, "AppArmor cannot tell the " + std::to_string(sharing.nodes.size()) +
                                              " programs apart that a runtime may start: they share one profile"});
        if (told) shape.merges.push_back({place, names_of(policy, sharing.nodes) + " share one profile: a runtime names one profile for all that it starts"});
        break;
      case Kind::kStarted:
        together.emplace_back(place, &sharing);
        if (told) shape.merges.push_back({place, since(sharing) + ": " + kTogether});
        break;
      case Kind::kReached:
        together_flat.emplace_back(place, &sharing);
        if (told) shape.merges.push_back({place, since(sharing) + ": " + kTogetherFlat});
        break;
    }
    add_places(policy, steps, sharing, held);
  }
  if (const size_t more = sharings.size() - shape.merges.size(); more > 0)
    shape.merges.push_back({{}, std::to_string(more) + " more groups of nodes share a profile each"});
  add(std::move(together), kTogether, since, shape);
  add(std::move(together_flat), kTogetherFlat, since, shape);
  add(std::move(held), kHeld, [&](const Sharing& sharing) { return names_of(policy, sharing.nodes); }, shape);
}

}  // namespace treeline::backends::apparmor
