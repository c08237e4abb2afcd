// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/image.h"

#include <linux/capability.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "bpf/lsm/abi.h"

namespace treeline::canary {
namespace {

constexpr uint32_t kOther = TL_CLASS_FIRST;       // every other path
constexpr uint32_t kVictim = TL_CLASS_FIRST + 1;  // the executable
constexpr uint32_t kChild = TL_CLASS_FIRST + 2;   // its children's directories in /proc
constexpr uint32_t kClasses = TL_CLASS_FIRST + 3;
constexpr uint32_t kVictimRow = TL_ROW_FIRST, kHeirRow = TL_ROW_FIRST + 1, kRows = TL_ROW_FIRST + 2;
constexpr uint64_t kVictimKey = 0x9a6e7a2d3c4b5f01ull, kHeirKey = 0x9a6e7a2d3c4b5f02ull;  // arbitrary; only this image holds them

constexpr uint32_t kChosenPort = 0, kLowPort = 1, kHighPort = 2, kPorts = 3;

constexpr uint32_t kAnyPeer = 0, kSecondPeer = 1, kPeers = 2, kSomePeer = kPeers;  // kSecondPeer: 127.0.0.2
constexpr uint32_t kNetWords = (uint32_t{TL_NET_DIRECTIONS} * uint32_t{TL_PROTOCOLS} * (kPeers + 1) * kPorts + 63) / 64;

// The tables of all rows: nothing for the others, then the victim's. It serves TCP and UDP where the kernel chooses the port, connects to
// such ports, and sends datagrams to such ports of 127.0.0.2; no peer may connect to it, or send it any.
std::vector<uint64_t> nets() {
  std::vector<uint64_t> words(2 * kNetWords);
  auto grant = [&](uint32_t direction, uint32_t protocol, uint32_t peer, uint32_t port) {  // tl_row.net
    const uint32_t bit = ((direction * TL_PROTOCOLS + protocol) * (kPeers + 1) + peer) * kPorts + port;
    words[kNetWords + bit / 64] |= 1ull << (bit % 64);
  };
  grant(TL_NET_IN, TL_PROTO_TCP, kSomePeer, kChosenPort);
  grant(TL_NET_OUT, TL_PROTO_TCP, kAnyPeer, kHighPort);
  grant(TL_NET_IN, TL_PROTO_UDP, kSomePeer, kChosenPort);
  grant(TL_NET_OUT, TL_PROTO_UDP, kSecondPeer, kHighPort);
  return words;
}

struct Word {
  std::string_view text;
  uint32_t class_id;
  bool prefix;  // what begins with it belongs to the class as well
};

// An automaton that knows these words; every other path ends in a state of its own that is never left.
std::vector<tl_dfa_entry> spell(const std::vector<Word>& words) {
  struct Node {
    std::map<uint8_t, size_t> next;
    uint32_t class_id = kOther;
    bool prefix = false;
  };
  std::vector<Node> nodes(1);
  for (const Word& word : words) {
    size_t at = 0;
    for (const char c : word.text) {
      const size_t to = nodes[at].next.try_emplace(static_cast<uint8_t>(c), nodes.size()).first->second;
      if (to == nodes.size()) nodes.emplace_back();
      at = to;
    }
    nodes[at].class_id = word.class_id;
    nodes[at].prefix = word.prefix;
  }
  std::vector<tl_dfa_entry> slots(TL_DFA_START + 256);
  const auto taken = [&](uint32_t slot) { return slots[slot].check != 0 || slots[slot].next != 0; };
  uint32_t last = TL_DFA_START;
  const auto claim = [&](const Node& node) {  // a row: its head and the entries of its bytes
    for (uint32_t id = last;; ++id) {
      if (slots.size() < id + 512) slots.resize(id + 512);
      if (taken(id) || std::any_of(node.next.begin(), node.next.end(), [&](const auto& step) { return taken(id + step.first); })) continue;
      slots[id].check = TL_DFA_HEAD | node.class_id;
      for (const auto& step : node.next) slots[id + step.first].check = id;
      return last = id;
    }
  };
  std::vector<uint32_t> ids;
  for (const Node& node : nodes) ids.push_back(claim(node));  // the first is TL_DFA_START
  const uint32_t other = claim(Node());
  slots[other].next = other;
  for (size_t i = 0; i < nodes.size(); ++i) {
    slots[ids[i]].next = nodes[i].prefix ? ids[i] : other;
    for (const auto& [byte, to] : nodes[i].next) slots[ids[i] + byte].next = ids[to];
  }
  slots.resize(other + 256);  // each row may be asked for any byte
  return slots;
}

class Builder {
 public:
  Builder() : bytes_(TL_DFA_OFFSET, '\0') {}
  template <typename T>
  tl_section add(const std::vector<T>& entries, size_t alignment) {
    while (bytes_.size() % alignment) bytes_ += '\0';
    tl_section section{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(entries.size())};
    bytes_.append(reinterpret_cast<const char*>(entries.data()), entries.size() * sizeof(T));
    return section;
  }
  std::string finish(tl_image_header header) {
    while (bytes_.size() % TL_IMAGE_ALIGN) bytes_ += '\0';
    header.size = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header, sizeof header);
    return bytes_;
  }

 private:
  std::string bytes_;
};

std::vector<tl_key> key_table(const std::vector<tl_row>& rows) {
  std::vector<tl_key> table(16);
  for (uint32_t row = TL_ROW_ENTRY; row < rows.size(); ++row)
    for (uint32_t at = tl_hash_key(rows[row].key);; ++at)
      if (tl_key& entry = table[at % table.size()]; entry.key == 0) {
        entry = {rows[row].key, row, 0};
        break;
      }
  return table;
}

std::vector<tl_edge> edge_table(const std::vector<tl_edge>& edges) {
  std::vector<tl_edge> table(8);
  for (const tl_edge& edge : edges)
    for (uint32_t at = tl_hash_pair(edge.row, edge.class_id);; ++at)
      if (tl_edge& entry = table[at % table.size()]; entry.row == 0) {
        entry = edge;
        break;
      }
  return table;
}

}  // namespace

std::string build_image(std::string_view executable) {
  std::vector<tl_row> rows(kRows);
  const uint64_t keys[kRows] = {0, TL_KEY_ENTRY, TL_KEY_JOIN, TL_KEY_OUTSIDE, kVictimKey, kHeirKey};
  for (uint32_t row = 1; row < kRows; ++row) {
    rows[row].key = keys[row];
    rows[row].flags = TL_ROW_ANY_USER;
  }
  rows[kVictimRow].sockets = (1u << TL_SOCK_INET_STREAM) | (1u << TL_SOCK_INET_DGRAM) | (1u << TL_SOCK_UNIX_STREAM) | (1u << TL_SOCK_UNIX_DGRAM) |
                             (1u << TL_SOCK_OTHER);
  // What the kernel asks for before the hooks that are to be proven.
  rows[kVictimRow].flags = TL_ROW_FOREIGN_MOUNTS;  // users: the list at 0, root alone
  rows[kVictimRow].capabilities = (1ull << CAP_SETUID) | (1ull << CAP_SYS_MODULE) | (1ull << CAP_SYS_ADMIN) | (1ull << CAP_SYSLOG);
  rows[kVictimRow].operations = 1ull << TL_OP_BPF;
  rows[kVictimRow].net = kNetWords;
  rows[kVictimRow].rights = 1;
  rows[kVictimRow].parent = TL_KEY_ENTRY;
  rows[kHeirRow].rights = 2;
  rows[kHeirRow].parent = kVictimKey;

  rows[TL_ROW_ENTRY].rights = 3;
  std::vector<uint16_t> blocks(4 * TL_BLOCK);  // 0: nothing; 1: the victim; 2: its heir; 3: the runtime, which starts it
  blocks[3 * TL_BLOCK + kVictim] = TL_EXECUTE;
  for (uint32_t block : {1u, 2u}) {
    blocks[block * TL_BLOCK + kOther] = TL_READ | TL_LIST | TL_MAP;
    blocks[block * TL_BLOCK + kVictim] = TL_READ | TL_MAP;
  }
  blocks[1 * TL_BLOCK + kVictim] |= TL_EXECUTE;
  for (uint32_t plain : {TL_CLASS_PIPE, TL_CLASS_SOCKET}) blocks[1 * TL_BLOCK + plain] = TL_READ | TL_WRITE;

  Builder builder;
  tl_image_header header{};
  header.magic = TL_IMAGE_MAGIC;
  header.abi = TL_ABI_IMAGE;
  header.policy = tl_hash_word(0, 0x7972616e6163ull);  // "canary"
  header.dfa = builder.add(spell({{executable, kVictim, false}, {"/proc//descendant", kChild, true}}), 8);
  header.words = builder.add(std::vector<tl_word>(2 * TL_WORD_WAYS), 64);  // no shortcuts
  header.word_shift = 63;
  header.keys = builder.add(key_table(rows), 64);
  header.rows = builder.add(rows, 128);
  header.block_index = builder.add(std::vector<uint32_t>{0, 1, 2, 3}, 64);
  header.blocks = builder.add(blocks, 128);
  header.blocks.count /= TL_BLOCK;  // counted in blocks
  header.edges = builder.add(edge_table({{TL_ROW_ENTRY, kVictim, kVictimRow, 0}, {kVictimRow, kVictim, kHeirRow, 0}}), 64);
  header.moves = builder.add(std::vector<tl_move>(8), 64);
  header.peers4 = builder.add(std::vector<tl_range4>{{0, kAnyPeer}, {0x7f000002, kSecondPeer}, {0x7f000003, kAnyPeer}}, 64);
  header.peers6 = builder.add(std::vector<tl_range6>(1), 64);
  header.ports = builder.add(std::vector<tl_port_range>{{0, kChosenPort}, {1, kLowPort}, {1024, kHighPort}}, 64);
  header.nets = builder.add(nets(), 64);
  header.users = builder.add(std::vector<uint32_t>{1, 0}, 64);
  header.path_costs = builder.add(std::vector<tl_path_cost>(2), 64);
  header.classes = kClasses;
  header.peer_classes = kPeers;
  header.port_classes = kPorts;
  return builder.finish(header);
}

}  // namespace treeline::canary
