// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/validate.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/comb.h"
#include "policy-compiler/backends/bpf/network.h"

namespace treeline::backends::bpf {
namespace {

constexpr uint32_t kRowReach = 256;  // slots that a state's lookups read

bool power_of_two(uint32_t n) { return n != 0 && (n & (n - 1)) == 0; }

class Validator {
 public:
  explicit Validator(std::string_view image)
      : image_(image), view_{reinterpret_cast<const unsigned char*>(image.data()), image.size()} {}

  Result<void> run() {
    const bool good = header() && sections() && automaton() && words() && rows() && keys() && matrix() && edges() && moves() &&
                      path_costs() && ranges() && users();
    if (good) return {};
    return Error{"the policy image is damaged: " + problem_ + "; compile the profile again", EBADMSG};
  }

 private:
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool fail(const char* section, uint64_t entry, const char* problem) {
    return fail(std::string(section) + "[" + std::to_string(entry) + "] " + problem);
  }

  template <typename Entry>
  Entry at(const tl_section& section, uint64_t index) const {
    Entry entry;
    std::memcpy(&entry, image_.data() + section.offset + index * sizeof(Entry), sizeof(Entry));
    return entry;
  }

  bool header() {
    if (image_.size() < TL_DFA_OFFSET) return fail("it is shorter than its header");
    std::memcpy(&h_, image_.data(), sizeof h_);
    if (h_.magic != TL_IMAGE_MAGIC) return fail("it does not begin as an image");
    if (h_.abi != TL_ABI_IMAGE)
      return fail("it has format " + std::to_string(h_.abi) + " instead of " + std::to_string(TL_ABI_IMAGE));
    if (h_.size != image_.size() || h_.size > TL_IMAGE_MAX || h_.size % TL_IMAGE_ALIGN != 0) {
      return fail("its header says " + std::to_string(h_.size) + " bytes, there are " + std::to_string(image_.size()));
    }
    if (h_.flags != 0) return fail("unknown flags");
    if (h_.zero != 0) return fail("the searches would not start at their first entry");
    if (h_.reserved != 0) return fail("reserved words of the header are set");
    for (size_t i = sizeof h_; i < TL_DFA_OFFSET; ++i) {
      if (image_[i] != 0) return fail("bytes behind the header are set");
    }
    if (h_.classes < TL_CLASS_FIRST) return fail("fewer classes than reserved ones");
    if (h_.peer_classes == 0 || h_.port_classes == 0) return fail("no peer or port classes");
    return true;
  }

  // In the order of the header, without overlap, each entry whole in an element.
  bool sections() {
    struct Part {
      const char* name;
      const tl_section* section;
      uint32_t entry;
      bool table;
    };
    const Part parts[] = {
        {"dfa", &h_.dfa, sizeof(tl_dfa_entry), false},
        {"words", &h_.words, sizeof(tl_word), true},
        {"keys", &h_.keys, sizeof(tl_key), true},
        {"rows", &h_.rows, sizeof(tl_row), false},
        {"block_index", &h_.block_index, sizeof(uint32_t), false},
        {"blocks", &h_.blocks, TL_BLOCK * sizeof(uint16_t), false},
        {"edges", &h_.edges, sizeof(tl_edge), true},
        {"moves", &h_.moves, sizeof(tl_move), true},
        {"peers4", &h_.peers4, sizeof(tl_range4), false},
        {"peers6", &h_.peers6, sizeof(tl_range6), false},
        {"ports", &h_.ports, sizeof(tl_port_range), false},
        {"nets", &h_.nets, sizeof(uint64_t), false},
        {"users", &h_.users, sizeof(uint32_t), false},
        {"path_costs", &h_.path_costs, sizeof(tl_path_cost), true},
    };
    if (h_.dfa.offset != TL_DFA_OFFSET) return fail("the automaton is not in its place");
    uint64_t end = TL_DFA_OFFSET;
    for (const Part& part : parts) {
      const uint64_t align = part.entry > TL_IMAGE_ALIGN ? part.entry : TL_IMAGE_ALIGN;
      if (part.section->offset < end || part.section->offset % align != 0)
        return fail(std::string(part.name) + " is not in its place");
      end = part.section->offset + uint64_t{part.section->count} * part.entry;
      if (end > h_.size) return fail(std::string(part.name) + " reaches beyond the end");
      if (part.section->count == 0) return fail(std::string(part.name) + " is empty");
      if (part.table && !power_of_two(part.section->count))
        return fail(std::string(part.name) + " is no table of a power of two");
    }
    return true;
  }

  bool automaton() {
    const uint32_t count = h_.dfa.count;
    if (count < 2 * kRowReach) return fail("the automaton has no start");
    std::vector<bool> is_state(count, false);
    for (uint32_t slot = 0; slot < count; ++slot) {
      const auto entry = at<tl_dfa_entry>(h_.dfa, slot);
      if (slot < TL_DFA_START) {
        if (entry.check != 0 || entry.next != 0) return fail("dfa", slot, "belongs to the dead state and is not zero");
        continue;
      }
      if ((entry.check & TL_DFA_HEAD) == 0) continue;
      const uint32_t class_id = entry.check & ~TL_DFA_HEAD;
      if (class_id >= h_.classes || (class_id != TL_CLASS_NONE && class_id < TL_CLASS_FIRST))
        return fail("dfa", slot, "has a class that no path has");
      if (count - slot < kRowReach) return fail("dfa", slot, "is a state whose row reaches beyond the section");
      if ((slot + kHeaderSlots) % kElementSlots + kRowReach > kElementSlots)
        return fail("dfa", slot, "is a state whose row crosses an element");
      is_state[slot] = true;
    }
    if (!is_state[TL_DFA_START]) return fail("the automaton has no start");
    for (uint32_t slot = TL_DFA_START; slot < count; ++slot) {
      const auto entry = at<tl_dfa_entry>(h_.dfa, slot);
      if (entry.next != TL_DFA_DEAD && (entry.next >= count || !is_state[entry.next]))
        return fail("dfa", slot, "leads to what is no state");
      if ((entry.check & TL_DFA_HEAD) != 0) continue;
      if (entry.check == 0) {
        if (entry.next != 0) return fail("dfa", slot, "is free and not zero");
        continue;
      }
      if (entry.check >= slot || slot - entry.check >= kRowReach || !is_state[entry.check])
        return fail("dfa", slot, "belongs to what is no state");
    }
    return true;
  }

  // Each shortcut says what the automaton says, and lies where it is looked for.
  bool words() {
    const uint32_t buckets = h_.words.count / TL_WORD_WAYS;
    if (buckets < 2 || h_.word_shift == 0 || h_.word_shift >= 64 || uint64_t{1} << (64 - h_.word_shift) != buckets)
      return fail("words is not as large as its hash");
    for (uint32_t i = 0; i < h_.words.count; ++i) {
      const auto entry = at<tl_word>(h_.words, i);
      if (entry.word == 0) {
        if ((entry.state | entry.next) != 0) return fail("words", i, "is empty and not zero");
        continue;
      }
      if (tl_hash_step(entry.state, entry.word, h_.word_shift) != i / TL_WORD_WAYS)
        return fail("words", i, "is not where it is looked for");
      if (entry.state >= h_.dfa.count || (at<tl_dfa_entry>(h_.dfa, entry.state).check & TL_DFA_HEAD) == 0)
        return fail("words", i, "starts at what is no state");
      uint32_t bytes = 0;
      while (bytes < 8 && entry.word >> (8 * bytes) != 0) ++bytes;
      if (tl_dfa_feed(&view_, entry.state, entry.word, bytes) != entry.next)
        return fail("words", i, "leads elsewhere than the automaton");
    }
    return true;
  }

  bool rows() {
    if (h_.rows.count < TL_ROW_FIRST) return fail("the fixed rows are missing");
    constexpr uint32_t kFlags = TL_ROW_ANY_USER | TL_ROW_WX_MEMORY | TL_ROW_FOREIGN_MOUNTS | TL_ROW_UNSAFE;
    constexpr uint64_t kFixed[] = {0, TL_KEY_ENTRY, TL_KEY_JOIN, TL_KEY_OUTSIDE};
    const uint64_t blocks = (uint64_t{h_.classes} + TL_BLOCK - 1) / TL_BLOCK;
    // The widths were chosen by whoever wrote the image: no product may wrap.
    const unsigned __int128 net_bits =
        static_cast<unsigned __int128>(uint64_t{TL_NET_DIRECTIONS} * uint64_t{TL_PROTOCOLS}) *
        (uint64_t{h_.peer_classes} + 1) * h_.port_classes;
    if (net_bits > UINT32_MAX) return fail("more network bits than a row can have");
    const uint64_t net_words = (static_cast<uint64_t>(net_bits) + 63) / 64;
    for (uint32_t r = 0; r < h_.rows.count; ++r) {
      const auto row = at<tl_row>(h_.rows, r);
      if (r < TL_ROW_FIRST ? row.key != kFixed[r] : row.key <= TL_KEY_OUTSIDE)
        return fail("rows", r, "has a wrong key");
      if ((row.flags & ~kFlags) != 0) return fail("rows", r, "has unknown flags");
      if (row.rights + blocks > h_.block_index.count) return fail("rows", r, "has rights beyond the block index");
      if (row.net + net_words > h_.nets.count) return fail("rows", r, "has a network table beyond the section");
      if (row.users >= h_.users.count) return fail("rows", r, "has users beyond the section");
      const uint32_t users = at<uint32_t>(h_.users, row.users);
      if (users > TL_USERS_MAX || uint64_t{row.users} + 1 + users > h_.users.count)
        return fail("rows", r, "has users beyond the section");
      if ((row.operations >> TL_OP_COUNT) != 0 || (row.sockets >> TL_SOCK_KINDS) != 0)
        return fail("rows", r, "has unknown operations or sockets");
      for (uint64_t word : row.reserved) {
        if (word != 0) return fail("rows", r, "has reserved words set");
      }
      if (r < TL_ROW_FIRST && (row.capabilities | row.operations | row.sockets | row.netlink | row.parent) != 0)
        return fail("rows", r, "is fixed and holds rights");
    }
    const auto none = at<tl_row>(h_.rows, TL_ROW_NONE);
    if (none.flags != 0 || none.costs != 0) return fail("rows", 0, "is not a node and has flags or costs");
    return true;
  }

  bool keys() {
    std::vector<bool> found(h_.rows.count, false);
    for (uint32_t i = 0; i < h_.keys.count; ++i) {
      const auto key = at<tl_key>(h_.keys, i);
      if (key.reserved != 0 || (key.key == 0 && key.row != 0)) return fail("keys", i, "is empty and not zero");
      if (key.key == 0) continue;
      if (key.row == TL_ROW_NONE || key.row >= h_.rows.count) return fail("keys", i, "leads to no row");
      if (at<tl_row>(h_.rows, key.row).key != key.key || found[key.row])
        return fail("keys", i, "is not the key of its row");
      found[key.row] = true;
      if (tl_row_of_key(&view_, key.key) != key.row) return fail("keys", i, "is not found where it is looked for");
    }
    for (uint32_t r = 1; r < h_.rows.count; ++r) {
      if (!found[r]) return fail("rows", r, "has a key that the table lacks");
    }
    for (uint32_t r = TL_ROW_FIRST; r < h_.rows.count; ++r) {
      const uint32_t parent = tl_row_of_key(&view_, at<tl_row>(h_.rows, r).parent);
      if (parent == TL_ROW_NONE || parent == TL_ROW_OUTSIDE || parent == r)
        return fail("rows", r, "has no parent in the tree");
    }
    return true;
  }

  bool matrix() {
    for (uint32_t i = 0; i < h_.block_index.count; ++i) {
      if (at<uint32_t>(h_.block_index, i) >= h_.blocks.count) return fail("block_index", i, "names no block");
    }
    for (uint64_t i = 0; i < uint64_t{h_.blocks.count} * TL_BLOCK; ++i) {
      if ((at<uint16_t>(h_.blocks, i) & ~(TL_ACCESS_ALL | TL_UNSAFE)) != 0)
        return fail("blocks", i / TL_BLOCK, "holds unknown words");
    }
    for (uint32_t r = 0; r < h_.rows.count; ++r) {
      for (uint32_t class_id : {uint32_t{TL_CLASS_NONE}, uint32_t{TL_CLASS_DETACHED}, uint32_t{TL_CLASS_UNREADABLE}}) {
        if (tl_rights(&view_, r, class_id) != 0) return fail("rows", r, "has a right that is never granted");
      }
      if (r != TL_ROW_NONE && r != TL_ROW_OUTSIDE) continue;
      for (uint32_t class_id = 0; class_id < h_.classes; ++class_id) {
        if (tl_rights(&view_, r, class_id) != 0) return fail("rows", r, "is no node and has rights");
      }
    }
    return true;
  }

  bool edges() {
    uint64_t steps = 0;
    for (uint32_t i = 0; i < h_.edges.count; ++i) {
      const auto edge = at<tl_edge>(h_.edges, i);
      if (edge.row == 0) {
        if ((edge.class_id | edge.next | edge.flags) != 0) return fail("edges", i, "is empty and not zero");
        continue;
      }
      if (edge.row >= h_.rows.count || edge.row == TL_ROW_OUTSIDE) return fail("edges", i, "starts at no row");
      if (edge.next < TL_ROW_FIRST || edge.next >= h_.rows.count) return fail("edges", i, "leads to no node");
      if (edge.class_id == TL_CLASS_NONE || edge.class_id == TL_CLASS_DETACHED ||
          edge.class_id == TL_CLASS_UNREADABLE || edge.class_id >= h_.classes) {
        return fail("edges", i, "has a class that is never executed");
      }
      if ((edge.flags & ~TL_EDGE_INTERPRETER) != 0) return fail("edges", i, "has unknown flags");
      if ((edge.flags & TL_EDGE_INTERPRETER) != 0 && edge.row != edge.next)
        return fail("edges", i, "lets an interpreter change the node");
      if (edge.flags == 0 && (tl_rights(&view_, edge.row, edge.class_id) & TL_EXECUTE) == 0)
        return fail("edges", i, "is a step without the right to execute");
      if (tl_exec_edge(&view_, edge.row, edge.class_id, edge.flags) != edge.next)
        return fail("edges", i, "is not found where it is looked for");
      if (edge.flags == 0) ++steps;
    }
    return executable(steps);
  }

  // No right to execute without a step, either: counted, and each step was found to have its right and to be alone.
  bool executable(uint64_t steps) {
    std::vector<uint32_t> of_block(h_.blocks.count, 0);
    for (uint64_t i = 0; i < uint64_t{h_.blocks.count} * TL_BLOCK; ++i) {
      if ((at<uint16_t>(h_.blocks, i) & TL_EXECUTE) != 0) ++of_block[i / TL_BLOCK];
    }
    const uint64_t blocks = (uint64_t{h_.classes} + TL_BLOCK - 1) / TL_BLOCK;
    std::vector<uint64_t> before(uint64_t{h_.block_index.count} + 1,
                                 0);  // sums, so that many long rows cost no more than few
    for (uint32_t i = 0; i < h_.block_index.count; ++i)
      before[i + 1] = before[i] + of_block[at<uint32_t>(h_.block_index, i)];
    uint64_t rights = 0;
    for (uint32_t r = 1; r < h_.rows.count; ++r) {
      const auto row = at<tl_row>(h_.rows, r);
      rights += before[row.rights + blocks] - before[row.rights];
    }
    if (rights != steps) return fail("rights to execute and steps of the tree differ in number");
    return true;
  }

  bool moves() {
    for (uint32_t i = 0; i < h_.moves.count; ++i) {
      const auto move = at<tl_move>(h_.moves, i);
      if (move.old_class == 0) {
        if (move.new_class != 0) return fail("moves", i, "is empty and not zero");
        continue;
      }
      if (move.old_class >= h_.classes || move.new_class >= h_.classes || move.old_class == move.new_class)
        return fail("moves", i, "names no pair of classes");
      if (!tl_move_allowed(&view_, move.old_class, move.new_class))
        return fail("moves", i, "is not found where it is looked for");
    }
    return true;
  }

  bool path_costs() {
    for (uint32_t i = 0; i < h_.path_costs.count; ++i) {
      const auto entry = at<tl_path_cost>(h_.path_costs, i);
      if (entry.class_id == 0) {
        if ((entry.row | entry.cost | entry.reserved) != 0) return fail("path_costs", i, "is empty and not zero");
        continue;
      }
      if (entry.row >= h_.rows.count || entry.class_id >= h_.classes || entry.cost > TL_COST_KILL_CONTAINER || entry.reserved != 0)
        return fail("path_costs", i, "names no row, no class or no cost");
      if (tl_cost_entry(&view_, h_.path_costs, entry.row, entry.class_id) != 1 + entry.cost)
        return fail("path_costs", i, "is not found where it is looked for");
    }
    return true;
  }

  bool ranges() {
    if (h_.peers4.count > kMostRanges || h_.peers6.count > kMostRanges || h_.ports.count > kMostRanges)
      return fail("more ranges than the search reaches");
    tl_range4 last4{};
    for (uint32_t i = 0; i < h_.peers4.count; ++i) {
      const auto range = at<tl_range4>(h_.peers4, i);
      if (i == 0 ? range.first != 0 : range.first <= last4.first) return fail("peers4", i, "is out of order");
      if (range.peer >= h_.peer_classes) return fail("peers4", i, "has no such class");
      last4 = range;
    }
    tl_range6 last6{};
    for (uint32_t i = 0; i < h_.peers6.count; ++i) {
      const auto range = at<tl_range6>(h_.peers6, i);
      const bool ascending =
          range.first_hi != last6.first_hi ? range.first_hi > last6.first_hi : range.first_lo > last6.first_lo;
      if (i == 0 ? (range.first_hi | range.first_lo) != 0 : !ascending) return fail("peers6", i, "is out of order");
      if (range.peer >= h_.peer_classes || (range.reserved[0] | range.reserved[1] | range.reserved[2]) != 0)
        return fail("peers6", i, "has no such class");
      last6 = range;
    }
    tl_port_range last{};
    for (uint32_t i = 0; i < h_.ports.count; ++i) {
      const auto range = at<tl_port_range>(h_.ports, i);
      if (i == 0 ? range.first != 0 : range.first <= last.first) return fail("ports", i, "is out of order");
      if (range.port >= h_.port_classes || range.first > 65535) return fail("ports", i, "has no such class");
      last = range;
    }
    return true;
  }

  bool users() {
    for (uint32_t r = TL_ROW_FIRST; r < h_.rows.count; ++r) {
      const auto row = at<tl_row>(h_.rows, r);
      const uint32_t count = at<uint32_t>(h_.users, row.users);
      for (uint32_t i = 1; i < count; ++i) {
        if (at<uint32_t>(h_.users, row.users + i) >= at<uint32_t>(h_.users, row.users + i + 1))
          return fail("rows", r, "has users out of order");
      }
    }
    return true;
  }

  std::string_view image_;
  tl_image view_;
  tl_image_header h_{};
  std::string problem_;
};

}  // namespace

Result<void> validate(std::string_view image) { return Validator(image).run(); }

}  // namespace treeline::backends::bpf
