// SPDX-License-Identifier: Apache-2.0
// Of a node that several profiles have: files, network, back edges, and what was accepted.
#include <algorithm>

#include "policy-compiler/cli/unite.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

// All that the rule says, as one text.
std::string meaning(const ir::NetworkRule& rule) {
  std::string out = std::to_string(static_cast<int>(rule.direction)) + " " +
                    std::to_string(static_cast<int>(rule.protocol)) + " " + ir::names::peer_text(rule.peer);
  for (const ir::PortRange& range : rule.ports) out += " " + ir::names::port_text(range);
  return out;
}

}  // namespace

// What one thing was accepted for stays so. An acceptance of a whole code would take in what the other profile brings.
void Union::unite_accepted(const ir::Node& from, uint32_t into, bool fresh, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[into];
  if (fresh) {
    node.accepted = from.accepted;
    return;
  }
  const auto has = [](const std::vector<ir::Accepted>& list, const ir::Accepted& one) {
    return std::any_of(list.begin(), list.end(), [&](const ir::Accepted& a) { return a.code == one.code && a.about == one.about; });
  };
  const auto whole = [&](const ir::Accepted& one) {
    diagnostics.warning(from.position, "merge-accept",
                        text::quoted(from.executable.text) + " accepts all findings of " + text::quoted(one.code) +
                            " in one profile only, here or at " + places_[into].node + "; in the result none",
                        "name what is accepted, or write it into both");
  };
  std::erase_if(node.accepted, [&](const ir::Accepted& ours) {
    if (!ours.about.empty() || has(from.accepted, ours)) return false;
    whole(ours);
    return true;
  });
  for (const ir::Accepted& theirs : from.accepted) {
    if (has(node.accepted, theirs)) continue;
    if (theirs.about.empty())
      whole(theirs);
    else
      node.accepted.push_back(theirs);
  }
}

void Union::unite_files(const ir::Node& from, uint32_t into, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[into];
  Places& places = places_[into];
  for (const ir::FileRule& rule : from.files) {
    const auto [at, fresh] = places.file_index.emplace(rule.path.text, node.files.size());
    if (fresh) {
      node.files.push_back(rule);
      places.files.push_back(place(rule.path.position));
      continue;
    }
    ir::FileRule& held = node.files[at->second];
    if (held.unsafe_write_and_execute != rule.unsafe_write_and_execute) {
      // A signature holds for the words beside it: it may take in what the other profile says of them, and no more.
      const bool here = rule.unsafe_write_and_execute;
      const auto beyond = static_cast<ir::AccessSet>(here ? held.access & ~rule.access : rule.access & ~held.access);
      if (beyond != 0)
        diagnostics.error(rule.path.position, "merge-exemption",
                          text::quoted(rule.path.text) + (here ? " has" : " has no") +
                              " 'unsafe_write_and_execute' here, unlike at " + places.files[at->second] +
                              ", and nobody signed for " + text::quoted(ir::names::access_text(beyond)),
                          "write all the words into the line with the exemption: it must not spread to words that nobody "
                          "signed for");
      held.unsafe_write_and_execute = true;
    }
    held.access = static_cast<ir::AccessSet>(held.access | rule.access);
    places.files[at->second] += ", " + place(rule.path.position);
  }
}

void Union::unite_network(const ir::Node& from, uint32_t into) {
  Places& places = places_[into];
  for (const ir::NetworkRule& rule : from.network) {
    const auto [at, fresh] = places.network_index.emplace(meaning(rule), all_.nodes[into].network.size());
    if (fresh) {
      all_.nodes[into].network.push_back(rule);
      places.network.push_back(place(rule.position));
    } else {
      places.network[at->second] += ", " + place(rule.position);
    }
  }
}

void Union::unite_back_edges(uint32_t from, Diagnostics& diagnostics) {
  ir::Node& node = all_.nodes[became_[from]];
  Places& places = places_[became_[from]];
  for (const ir::Node::BackEdge& edge : from_->nodes[from].back_edges) {
    const uint32_t target = became_[edge.target];
    const std::string what = text::quoted(edge.executable.text);
    const auto child = steps_.find({became_[from], edge.executable.text});
    if (child != steps_.end()) {
      diagnostics.error(edge.executable.position, "merge-step",
                        what + " leads back to an ancestor here and is a node of its own at " + places_[child->second[0]].node,
                        "decide for one of the two in both profiles");
      continue;
    }
    const auto [same, fresh] = places.back_edge_index.emplace(edge.executable.text, node.back_edges.size());
    if (fresh) {
      node.back_edges.push_back({edge.executable, target});
      places.back_edges.push_back(place(edge.executable.position));
    } else if (node.back_edges[same->second].target != target) {
      diagnostics.error(edge.executable.position, "merge-step",
                        what + " leads back to another ancestor than at " + places.back_edges[same->second],
                        "decide for one of the two in both profiles");
    }
  }
}

}  // namespace treeline::cli
