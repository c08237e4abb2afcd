// SPDX-License-Identifier: Apache-2.0
//
// `peer`: who is at the other end, by addresses, and in Kubernetes by the labels of pods.
#include <algorithm>

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/frontend/network.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

constexpr std::string_view kLabelForm =
    "a label's name and value are at most 63 of letters, digits, '-', '_' and '.', with a letter or digit at both "
    "ends; "
    "before the name may stand a domain and '/'";

constexpr std::string_view kNamespaceForm =
    "write the labels of the namespaces, as {kubernetes.io/metadata.name: data}, or remove 'namespace' for the own one";

std::optional<ir::Cidr> read_block(const Value& value, Diagnostics& diagnostics) {
  if (!expect_text(value, "an address block", kPeerForm, diagnostics)) return std::nullopt;
  std::string problem, remedy;
  std::optional<ir::Cidr> cidr = parse_cidr(value.text, problem, remedy);
  if (!cidr) diagnostics.error(value.position, "peer", problem, remedy);
  return cidr;
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_label_word(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_domain(std::string_view text) {
  return !text.empty() && text.size() <= 253 && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

bool read_labels(const Value& value, std::string_view what, std::string_view remedy, std::vector<ir::Label>& out,
                 Diagnostics& diagnostics) {
  if (!value.is_mapping()) {
    if (!value.is_refused())
      diagnostics.error(value.position, "kind",
                        std::string(what) + " is a mapping of labels, not " + std::string(kind_name(value)),
                        std::string(remedy));
    return false;
  }
  bool good = true;
  for (const Entry& entry : value.entries) {
    if (!is_label_key(entry.key)) {
      diagnostics.error(entry.position, "peer", text::quoted(entry.key) + " is no key of a label",
                        std::string(kLabelForm));
      good = false;
    }
    if (!entry.value.is_scalar() || !is_label_value(entry.value.text)) {
      diagnostics.error(entry.value.position, "peer",
                        text::quoted(entry.value.is_scalar() ? entry.value.text : entry.key) + " has no label's value",
                        std::string(kLabelForm));
      good = false;
      continue;
    }
    out.push_back({entry.key, entry.value.text});
  }
  std::sort(out.begin(), out.end(), [](const ir::Label& a, const ir::Label& b) { return a.key < b.key; });
  return good;
}

// {pods: {app: db}, namespace: {team: data}, addresses: internal, target_port: 8080}
std::optional<ir::Peer> read_pods(const Value& value, Diagnostics& diagnostics) {
  Fields fields(value, "a peer of pods", diagnostics);
  if (!fields.ok()) return std::nullopt;
  const Entry* pods = fields.need("pods", "write 'pods: {app: db}', or 'pods: {}' for every pod of the namespace");
  const Entry* name_space = fields.take("namespace");
  const Entry* addresses = fields.take("addresses");
  const Entry* target = fields.take("target_port");
  fields.finish();
  bool good = pods != nullptr;
  ir::Peer peer;
  // What pods and Services have as addresses, unless the profile knows better.
  peer.kind = ir::PeerKind::kInternal;
  ir::PodSelector selector;
  if (addresses != nullptr) {
    if (addresses->value.is_mapping()) {
      diagnostics.error(addresses->value.position, "peer", "'addresses' is itself a peer of pods",
                        std::string(kPeerForm));
      good = false;
    } else if (auto read = read_peer(addresses->value, diagnostics)) {
      peer = std::move(*read);
    } else {
      good = false;
    }
  }
  if (pods != nullptr)
    good &= read_labels(pods->value, "'pods'", "write {app: db}, or {} for all of them", selector.pods, diagnostics);
  if (name_space != nullptr) {
    good &= read_labels(name_space->value, "'namespace'", kNamespaceForm, selector.name_space, diagnostics);
    // Kubernetes takes an empty selector for every namespace; here, no label would be the own one.
    if (name_space->value.is_mapping() && name_space->value.entries.empty() && name_space->value.complete) {
      diagnostics.error(name_space->value.position, "empty-list", "'namespace' is without labels",
                        std::string(kNamespaceForm));
      good = false;
    }
  }
  if (target != nullptr) {
    if (auto read = read_ports(target->value, diagnostics))
      selector.target_ports = std::move(*read);
    else
      good = false;
  }
  if (!good) return std::nullopt;
  peer.selector = std::move(selector);
  return peer;
}

}  // namespace

bool is_label_key(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_label_word(text);
  return is_domain(text.substr(0, slash)) && is_label_word(text.substr(slash + 1));
}

bool is_label_value(std::string_view text) { return text.empty() || is_label_word(text); }

std::optional<ir::Peer> read_peer(const Value& value, Diagnostics& diagnostics) {
  ir::Peer peer;
  if (value.is_scalar()) {
    if (const auto kind = ir::names::peer_kinds().find(value.text)) {
      peer.kind = static_cast<ir::PeerKind>(*kind);
      return peer;
    }
    const std::string_view guess = ir::names::peer_kinds().closest(value.text);
    if (!guess.empty()) {
      diagnostics.error(value.position, "peer", text::quoted(value.text) + " is no kind of peer",
                        text::did_you_mean(guess));
      return std::nullopt;
    }
    const auto block = read_block(value, diagnostics);
    if (!block) return std::nullopt;
    peer.kind = ir::PeerKind::kBlocks;
    peer.blocks.push_back(*block);
    return peer;
  }
  if (value.is_mapping()) return read_pods(value, diagnostics);
  if (!expect_list(value, "'peer'", kPeerForm, diagnostics)) return std::nullopt;
  peer.kind = ir::PeerKind::kBlocks;
  bool good = true;
  for (const Value& item : value.items) {
    if (item.is_scalar() && ir::names::peer_kinds().find(item.text)) {
      diagnostics.error(item.position, "peer", text::quoted(item.text) + " cannot stand in a list of blocks",
                        "write a rule of its own for it");
      good = false;
      continue;
    }
    const auto block = read_block(item, diagnostics);
    if (block)
      peer.blocks.push_back(*block);
    else
      good = false;
  }
  if (value.items.empty() && value.complete) {
    diagnostics.error(value.position, "empty-list", "'peer' is an empty list", std::string(kPeerForm));
    good = false;
  }
  if (!good) return std::nullopt;
  return peer;
}

}  // namespace treeline::frontend
