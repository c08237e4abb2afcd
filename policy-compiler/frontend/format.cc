// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/format.h"

#include <algorithm>
#include <map>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/frontend/layout.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/frontend/writer.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

bool same(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size() || a.entries.size() != b.entries.size()) return false;
  if (a.is_scalar()) {
    if (a.text == b.text) return true;
    std::vector<std::string_view> left = text::words(a.text), right = text::words(b.text);
    std::sort(left.begin(), left.end());
    std::sort(right.begin(), right.end());
    return left == right;
  }
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  std::map<std::string_view, const Value*> entries;
  for (const Entry& entry : a.entries) entries[entry.key] = &entry.value;
  return std::all_of(b.entries.begin(), b.entries.end(), [&](const Entry& entry) {
    const auto at = entries.find(entry.key);
    return at != entries.end() && same(*at->second, entry.value);
  });
}

void collect(const Block& block, Lines& all) {
  for (const Item& item : block.items) {
    for (const Lines* lines : {&item.above, &item.beside}) all.insert(all.end(), lines->begin(), lines->end());
    collect(item.value, all);
  }
  all.insert(all.end(), block.below.begin(), block.below.end());
}

Lines comments_of(const Layout& layout) {
  Lines all = layout.head;
  collect(layout.root, all);
  std::erase(all, "");
  std::sort(all.begin(), all.end());
  return all;
}

struct Parsed {
  Value root;
  Layout layout;
};

std::optional<Parsed> parse(std::string_view text) {
  Diagnostics ignored;
  std::optional<Value> root = parse_document(text, ignored);
  if (!root || ignored.has_errors()) return std::nullopt;
  std::optional<Layout> layout = lay_out(text, *root);
  if (!layout) return std::nullopt;
  return Parsed{std::move(*root), std::move(*layout)};
}

// Nothing but the layout may differ, in what it means and in what a person said.
bool proven(const Parsed& before, const ir::Policy& policy, const Lines& comments, const std::string& text) {
  const std::optional<Parsed> after = parse(text);
  if (!after || !same(before.root, after->root) || comments_of(after->layout) != comments) return false;
  Diagnostics again;
  const ir::Policy reread = read_profile(text, again);
  return !again.has_errors() && emit_profile(policy) == emit_profile(reread) && write_layout(after->layout) == text;
}

}  // namespace

std::optional<std::string> format_profile(std::string_view text, Diagnostics& diagnostics) {
  const ir::Policy policy = read_profile(text, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  std::optional<Parsed> parsed = parse(text);
  if (parsed) {
    const Lines comments = comments_of(parsed->layout);
    std::string out = write_layout(parsed->layout);
    if (proven(*parsed, policy, comments, out)) return out;
  }
  diagnostics.error({}, "internal", "this text cannot be laid out anew without a change",
                    "write block scalars ('|', '>') as text in quotes; else report this as a bug of treelinec");
  return std::nullopt;
}

std::string laid_out(std::string text) {
  Diagnostics ignored;
  std::optional<std::string> better = format_profile(text, ignored);
  return better ? std::move(*better) : std::move(text);
}

}  // namespace treeline::frontend
