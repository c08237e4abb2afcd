// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/lower.h"

#include <linux/capability.h>

#include <algorithm>
#include <map>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/columns.h"
#include "policy-compiler/backends/bpf/comb.h"
#include "policy-compiler/backends/bpf/hash_table.h"
#include "policy-compiler/backends/bpf/image_writer.h"
#include "policy-compiler/backends/bpf/matrix.h"
#include "policy-compiler/backends/bpf/network.h"
#include "policy-compiler/backends/bpf/words.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::bpf {
namespace {

std::optional<ir::ViolationKind> kind_of(uint32_t reason) {
  switch (reason) {
    case TL_REASON_NOT_IN_TREE:
    case TL_REASON_INTERPRETER: return ir::ViolationKind::kExec;
    case TL_REASON_ACCESS:
    case TL_REASON_INHERITED_FD:
    case TL_REASON_MOVE:
    case TL_REASON_FOREIGN: return ir::ViolationKind::kFiles;
    case TL_REASON_WX: return ir::ViolationKind::kWritten;
    case TL_REASON_SOCKET_KIND:
    case TL_REASON_NETWORK: return ir::ViolationKind::kNetwork;
    case TL_REASON_CAPABILITY: return ir::ViolationKind::kCapabilities;
    case TL_REASON_OPERATION: return ir::ViolationKind::kOperations;
    case TL_REASON_USER: return ir::ViolationKind::kUsers;
    default: return std::nullopt;
  }
}

// tl_row.costs.
uint64_t costs_of(const ir::Policy& policy, uint32_t node) {
  uint64_t costs = 0;
  for (uint32_t reason = 0; reason < 32; ++reason) {
    const std::optional<ir::ViolationKind> kind = kind_of(reason);
    const ir::OnViolation cost = kind ? ir::cost_of(policy, node, *kind) : ir::cost_of_any(policy, node);
    costs |= uint64_t{image_cost(cost)} << (2 * reason);
  }
  return costs;
}

// Bits of the words that a node lists; what has no bit is an error (the front end knows the names; this is the layout's
// own bound).
uint64_t bits(const std::vector<ir::NumberRule>& rules, uint32_t count, const char* what, Diagnostics& diagnostics) {
  uint64_t word = 0;
  for (const ir::NumberRule& rule : rules) {
    if (rule.value >= count) {
      diagnostics.error(rule.position, "number-range",
                        std::string(what) + " " + std::to_string(rule.value) + " does not exist in an image",
                        "use one below " + std::to_string(count));
      continue;
    }
    word |= uint64_t{1} << rule.value;
  }
  return word;
}

class Lowering {
 public:
  Lowering(const ir::Policy& policy, passes::Paths paths, Diagnostics& diagnostics)
      : policy_(policy),
        paths_(std::move(paths)),
        diagnostics_(diagnostics),
        count_(TL_ROW_FIRST + static_cast<uint32_t>(policy.nodes.size())) {}

  std::optional<Lowered> run() {
    const size_t errors = diagnostics_.errors();
    out_.policy = policy_hash(policy_.name);
    make_rows();
    const std::optional<Network> network = make_network(policy_, diagnostics_);
    const std::optional<Classes> classes = make_classes(paths_);
    if (!classes) {
      diagnostics_.error({}, "ambiguous-step",
                         "two steps of a node match the same executable and lead to different nodes",
                         "make their patterns disjoint");
    }
    if (!network || !classes || diagnostics_.errors() != errors) return std::nullopt;
    fill_network(*network);
    fill_rights(*classes);
    make_edges(*classes);
    make_move_entries(*classes);
    passes::minimise(paths_.dfa, classes->class_of_set);
    std::optional<Comb> comb = pack(paths_.dfa);
    if (!comb) return too_large();
    writer_.header().classes = static_cast<uint32_t>(classes->columns.size());
    const Words words = make_words(paths_.patterns, *comb);
    note_figures(*comb, *classes);
    out_.figures.words = words.used;
    if (!write(*comb, words, *network)) return too_large();
    if (diagnostics_.errors() != errors) return std::nullopt;
    out_.image = writer_.finish();
    return std::move(out_);
  }

 private:
  std::nullopt_t too_large() {
    diagnostics_.error({}, "image-size", "the policy's image is larger than 1 GiB",
                       "split the policy, or write fewer different rules");
    return std::nullopt;
  }

  void make_rows() {
    rows_.assign(count_, tl_row{});
    // The fixed rows hold steps only. Whom the runtime runs as is not this policy's business.
    for (uint32_t row : {TL_ROW_ENTRY, TL_ROW_JOIN, TL_ROW_OUTSIDE}) {
      rows_[row].flags = row == TL_ROW_OUTSIDE ? 0u : uint32_t{TL_ROW_ANY_USER};
      rows_[row].costs = costs_of(policy_, ir::kNoNode);
    }
    rows_[TL_ROW_ENTRY].key = TL_KEY_ENTRY;
    rows_[TL_ROW_JOIN].key = TL_KEY_JOIN;
    rows_[TL_ROW_OUTSIDE].key = TL_KEY_OUTSIDE;
    keys_ = {{TL_KEY_ENTRY, TL_ROW_ENTRY, 0}, {TL_KEY_JOIN, TL_ROW_JOIN, 0}, {TL_KEY_OUTSIDE, TL_ROW_OUTSIDE, 0}};
    user_lists_ = {0};
    std::map<uint64_t, uint32_t> taken = {{0, 0}, {TL_KEY_ENTRY, 0}, {TL_KEY_JOIN, 0}, {TL_KEY_OUTSIDE, 0}};
    for (uint32_t n = 0; n < policy_.nodes.size(); ++n) {
      const ir::Node& node = policy_.nodes[n];
      RowInfo info = {passes::row_of_node(n), n, 0, ir::canonical_path(policy_, n)};
      info.key = ir::node_key(info.path);
      if (const auto [at, fresh] = taken.try_emplace(info.key, info.row); !fresh) {
        diagnostics_.error(
            node.position, "node-key",
            "node " + text::quoted(info.path) +
                (at->second == 0 ? " has a reserved key"
                                 : " has the key of " + text::quoted(out_.rows[at->second - TL_ROW_FIRST].path)),
            "two nodes in one place of the tree need different executables; if they are different, rename one step");
      }
      rows_[info.row] = row_of(node, info.key);
      rows_[info.row].costs = costs_of(policy_, n);
      keys_.push_back({info.key, info.row, 0});
      out_.rows.push_back(std::move(info));
      note_residuals(node);
    }
    // What one node mounts, all of the container see.
    if (std::any_of(rows_.begin(), rows_.end(), [](const tl_row& row) { return (row.flags & TL_ROW_FOREIGN_MOUNTS) != 0; })) {
      for (uint32_t row = TL_ROW_FIRST; row < count_; ++row) rows_[row].flags |= TL_ROW_FOREIGN_MOUNTS;
    }
    // A parent's row stands before its children's.
    for (uint32_t n = 0; n < policy_.nodes.size(); ++n) {
      const uint32_t parent = policy_.nodes[n].parent;
      const bool joins = std::find(policy_.join.begin(), policy_.join.end(), n) != policy_.join.end();
      rows_[passes::row_of_node(n)].parent = parent != ir::kNoNode ? out_.rows[parent].key
                                             : joins               ? TL_KEY_JOIN
                                                                   : TL_KEY_ENTRY;
    }
  }

  tl_row row_of(const ir::Node& node, uint64_t key) {
    tl_row row{};
    row.key = key;
    row.capabilities = bits(node.capabilities, 64, "capability", diagnostics_);
    row.operations = bits(node.operations, TL_OP_COUNT, "operation", diagnostics_);
    row.sockets = bits(node.sockets, TL_SOCK_KINDS, "socket kind", diagnostics_);
    row.netlink = bits(node.netlink, 64, "netlink protocol", diagnostics_);
    const auto may = [&](uint32_t operation) { return ((row.operations >> operation) & 1) != 0; };
    if (std::any_of(node.files.begin(), node.files.end(), [](const ir::FileRule& rule) { return rule.unsafe_write_and_execute; }))
      row.flags |= TL_ROW_UNSAFE;
    if (may(TL_OP_JIT)) row.flags |= TL_ROW_WX_MEMORY;
    // CAP_SYS_ADMIN mounts too, where the container may.
    if (may(TL_OP_MOUNT) || may(TL_OP_USERNS) || ((row.capabilities >> CAP_SYS_ADMIN) & 1) != 0)
      row.flags |= TL_ROW_FOREIGN_MOUNTS;
    if (node.users.empty()) {
      row.flags |= TL_ROW_ANY_USER;
    } else {
      row.users = user_list(node);
    }
    return row;
  }

  uint32_t user_list(const ir::Node& node) {
    std::vector<uint32_t> users;
    for (const ir::NumberRule& rule : node.users) users.push_back(rule.value);
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    if (users.size() > TL_USERS_MAX) {
      diagnostics_.error(
          node.users[0].position, "too-many-users", "a node with " + std::to_string(users.size()) + " users",
          "at most " + std::to_string(TL_USERS_MAX) + " can be listed: remove some, or leave `users` out for any");
      return 0;
    }
    const auto [at, fresh] = user_places_.try_emplace(users, static_cast<uint32_t>(user_lists_.size()));
    if (fresh) {
      user_lists_.push_back(static_cast<uint32_t>(users.size()));
      user_lists_.insert(user_lists_.end(), users.begin(), users.end());
    }
    return at->second;
  }

  void note_residuals(const ir::Node& node) {
    if (!node.digest.empty()) {
      out_.residuals.push_back({node.executable.position, "the image names the executable " +
                                                              text::quoted(node.executable.text) +
                                                              " by its path; its digest is not checked at exec",
                                Residual::Rule::kDigest});
    }
    for (const ir::NetworkRule& rule : node.network)
      if (rule.peer.selector)
        out_.residuals.push_back({rule.position,
                                  "the image holds the addresses of " + text::quoted(ir::names::peer_text(rule.peer)) +
                                      ", not which pods have them; that is for a network policy",
                                  Residual::Rule::kSelector});
    if (!node.syscalls.empty()) {
      out_.residuals.push_back({node.syscalls[0].position, "the image does not limit system calls (" +
                                                               std::to_string(node.syscalls.size()) +
                                                               " listed); that is for a seccomp filter",
                                Residual::Rule::kSyscalls});
    }
  }

  void fill_network(const Network& network) {
    for (uint32_t row = 0; row < count_; ++row) {
      rows_[row].net = row < TL_ROW_FIRST ? network.none : network.net[row - TL_ROW_FIRST];
    }
    writer_.header().peer_classes = network.peer_classes;
    writer_.header().port_classes = network.port_classes;
  }

  void fill_rights(const Classes& classes) {
    matrix_ = make_matrix(classes, count_);
    for (uint32_t row = 0; row < count_; ++row) rows_[row].rights = matrix_.rights[row];
  }

  // The hash tables by (row, class): steps and costs.
  void make_edges(const Classes& classes) {
    for (uint32_t class_id = 1; class_id < classes.columns.size(); ++class_id) {
      for (const Cell& cell : classes.columns[class_id]) {
        if (cell.next != 0) edges_.push_back({cell.row, class_id, cell.next, 0});
        if (cell.interpreter) edges_.push_back({cell.row, class_id, cell.row, TL_EDGE_INTERPRETER});
        if (cell.cost != 0) path_costs_.push_back({cell.row, class_id, cell.cost - 1, 0});
      }
    }
  }

  void make_move_entries(const Classes& classes) {
    bool complete = true;
    for (const Move& move : make_moves(classes, complete)) moves_.push_back({move.from, move.to});
    if (!complete) {
      diagnostics_.warning(
          {}, "moves-budget",
          "more than " + std::to_string(kMostMoves) + " pairs of path classes between which files could be renamed",
          "renames between the pairs beyond will be refused: give files that are renamed the same rights under both "
          "names");
    }
  }

  void note_figures(const Comb& comb, const Classes& classes) {
    out_.figures.states = static_cast<uint32_t>(paths_.dfa.states.size());
    out_.figures.slots = static_cast<uint32_t>(comb.slots.size());
    out_.figures.used_slots = comb.used;
    out_.figures.classes = static_cast<uint32_t>(classes.columns.size());
    out_.figures.blocks = static_cast<uint32_t>(matrix_.blocks.size());
    out_.figures.edges = static_cast<uint32_t>(edges_.size());
    out_.figures.moves = static_cast<uint32_t>(moves_.size());
    out_.figures.peer_classes = writer_.header().peer_classes;
    out_.figures.port_classes = writer_.header().port_classes;
  }

  // The largest section first (its place is fixed), then what a decision reads, most often read first.
  bool write(const Comb& comb, const Words& words, const Network& network) {
    const auto keys = make_table(
        keys_, TL_PROBES, [](const tl_key& k) { return tl_hash_key(k.key); },
        [](const tl_key& k) { return k.key == 0; });
    const auto edges = make_table(
        edges_, 2 * TL_PROBES, [](const tl_edge& e) { return tl_hash_pair(e.row, e.class_id); },
        [](const tl_edge& e) { return e.row == 0; });
    const auto moves = make_table(
        moves_, TL_PROBES, [](const tl_move& m) { return tl_hash_pair(m.old_class, m.new_class); },
        [](const tl_move& m) { return m.old_class == 0; });
    const auto path_costs = make_table(
        path_costs_, TL_PROBES, [](const tl_path_cost& c) { return tl_hash_pair(c.row, c.class_id); },
        [](const tl_path_cost& c) { return c.class_id == 0; });
    if (!keys || !edges || !moves || !path_costs) return false;
    tl_image_header& header = writer_.header();
    header.policy = out_.policy;
    header.word_shift = words.shift;
    return writer_.add(header.dfa, comb.slots) && writer_.add(header.words, words.table) && writer_.add(header.keys, *keys) && writer_.add(header.rows, rows_) &&
           writer_.add(header.block_index, matrix_.block_index) && writer_.add(header.blocks, matrix_.blocks) &&
           writer_.add(header.edges, *edges) && writer_.add(header.moves, *moves) &&
           writer_.add(header.peers4, network.peers4) && writer_.add(header.peers6, network.peers6) &&
           writer_.add(header.ports, network.ports) && writer_.add(header.nets, network.nets) &&
           writer_.add(header.users, user_lists_) && writer_.add(header.path_costs, *path_costs);
  }

  const ir::Policy& policy_;
  passes::Paths paths_;
  Diagnostics& diagnostics_;
  const uint32_t count_;  // rows, fixed ones included
  Lowered out_;
  ImageWriter writer_;
  Matrix matrix_;
  std::vector<tl_row> rows_;
  std::vector<tl_key> keys_;
  std::vector<tl_edge> edges_;
  std::vector<tl_path_cost> path_costs_;
  std::vector<tl_move> moves_;
  std::vector<uint32_t> user_lists_;
  std::map<std::vector<uint32_t>, uint32_t> user_places_;
};

}  // namespace

uint64_t policy_hash(const std::string& name) { return ir::node_key(name); }

std::optional<Lowered> lower(const ir::Policy& policy, passes::Paths paths, Diagnostics& diagnostics) {
  return Lowering(policy, std::move(paths), diagnostics).run();
}

}  // namespace treeline::backends::bpf
