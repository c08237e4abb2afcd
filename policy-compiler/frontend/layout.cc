// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/layout.h"

#include <algorithm>

#include "policy-compiler/frontend/comments.h"

namespace treeline::frontend {
namespace {

constexpr size_t kNone = SIZE_MAX;

struct Slot {
  size_t offset;
  Item* item;
  Block* within;
  size_t parent;  // the slot that owns `within`; kNone: the root does
};

class LayoutBuilder {
 public:
  LayoutBuilder(std::string_view text, const Value& root) : text_(text), offsets_(text) { copy(root, layout_.root); }

  std::optional<Layout> run() {
    std::optional<Lexed> lexed = lex_comments(text_, offsets_, scalars_);
    if (!lexed) return std::nullopt;
    note(layout_.root, kNone, lexed->brackets);
    size_t next = 0;
    for (const Comment& comment : lexed->comments) {
      for (; next < slots_.size() && slots_[next].offset < comment.offset; ++next) add_blank(next);
      attach(comment, next);
    }
    for (; next < slots_.size(); ++next) add_blank(next);
    return std::move(layout_);
  }

 private:
  // The places of values are asked for in the order of the text.
  void copy(const Value& value, Block& block) {
    block.kind = value.kind;
    block.offset = offsets_.of(value.position);
    block.quoted = value.quoted;
    if (value.is_scalar()) {
      block.text = value.text;
      scalars_.push_back({block.offset, value.text});
    }
    block.items.resize(value.items.size() + value.entries.size());
    size_t at = 0;
    for (const Value& item : value.items) copy(item, block.items[at++].value);
    for (const Entry& entry : value.entries) {
      Item& item = block.items[at++];
      item.key = entry.key;
      key_offsets_.push_back(offsets_.of(entry.position));
      scalars_.push_back({key_offsets_.back(), entry.key});
      copy(entry.value, item.value);
    }
  }

  // The nodes no longer move: slots point to them.
  void note(Block& block, size_t parent, const std::unordered_map<size_t, size_t>& brackets) {
    const auto bracket = brackets.find(block.offset);
    if (block.kind != Value::Kind::kScalar && bracket != brackets.end()) {
      block.flow = true;
      block.end = bracket->second;
    }
    block.first_slot = slots_.size();
    for (Item& item : block.items) {
      const size_t slot = slots_.size();
      const size_t offset = block.kind == Value::Kind::kMapping ? key_offsets_[keys_++] : item.value.offset;
      if (&item == &block.items.front()) {
        const size_t line = offsets_.line_start(offsets_.line(offset));
        block.column = block.kind == Value::Kind::kMapping ? offset - line : offsets_.indent(offset);
      }
      slots_.push_back({offset, &item, &block, parent});
      note(item.value, slot, brackets);
    }
    block.last_slot = slots_.size();
  }

  // Of those that begin at one place, the outermost has the empty line.
  void add_blank(size_t slot) {
    const Slot& at = slots_[slot];
    if (at.within->flow || (slot != 0 && slots_[slot - 1].offset == at.offset)) return;
    if (offsets_.blank_above(at.offset)) (slot == 0 ? layout_.head : at.item->above).push_back("");
  }

  static void put(Lines& lines, const Comment& comment) {
    if (comment.blank_above) lines.push_back("");
    lines.emplace_back(comment.text);
  }

  // `next`: the first slot behind the comment.
  void attach(const Comment& comment, size_t next) {
    if (next == 0) return put(layout_.head, comment);
    if (comment.beside) return attach_beside(comment, next - 1);
    Lines& place = comment.within ? within_brackets(*comment.within, next) : by_column(comment, next);
    put(place, comment);
  }

  // Up to the owner of the outermost pair of brackets that closed before the comment.
  void attach_beside(const Comment& comment, size_t slot) {
    size_t owner = slot;
    for (size_t at = slot; at != kNone; at = slots_[at].parent) {
      // An empty pair of brackets has no slot within: its owner is `slot` already.
      const Block& within = *slots_[at].within;
      if (within.flow && within.end < comment.offset) owner = slots_[at].parent;
    }
    Lines& place = owner == kNone ? layout_.root.below : slots_[owner].item->beside;
    place.emplace_back(comment.text);
  }

  Lines& above(size_t slot) { return slot < slots_.size() ? slots_[slot].item->above : layout_.root.below; }

  Lines& within_brackets(size_t bracket, size_t next) {
    // The block that these brackets are: an ancestor of the last slot, or its value.
    Block* block = &slots_[next - 1].item->value;
    for (size_t at = next - 1; block->offset != bracket || !block->flow; at = slots_[at].parent) {
      block = slots_[at].within;
      if (slots_[at].parent == kNone) break;
    }
    if (next >= block->first_slot && next < block->last_slot) return above(next);
    return block->below;
  }

  Lines& by_column(const Comment& comment, size_t next) {
    if (gap_ != next) {
      gap_ = next;
      floor_ = nullptr;
      gap_above_ = false;
    }
    if (gap_above_) return above(next);
    const size_t indent = next < slots_.size() ? offsets_.indent(slots_[next].offset) : 0;
    bool allowed = floor_ == nullptr;  // comments keep their order: never deeper than the one before
    if (next >= slots_.size() || comment.column > indent) {
      for (size_t at = next - 1; at != kNone; at = slots_[at].parent) {
        Block& block = *slots_[at].within;
        if (next < block.last_slot) break;  // what comes next is in it as well
        allowed = allowed || floor_ == &block;
        if (block.flow || !allowed || block.column > comment.column) continue;
        floor_ = &block;
        return block.below;
      }
    }
    gap_above_ = true;
    return above(next);
  }

  std::string_view text_;
  Offsets offsets_;
  Layout layout_;
  std::vector<Scalar> scalars_;
  std::vector<size_t> key_offsets_;
  size_t keys_ = 0;
  std::vector<Slot> slots_;
  size_t gap_ = kNone;
  Block* floor_ = nullptr;
  bool gap_above_ = false;
};

}  // namespace

std::optional<Layout> lay_out(std::string_view text, const Value& root) {
  LayoutBuilder builder(text, root);
  return builder.run();
}

}  // namespace treeline::frontend
