// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/writer.h"

#include <algorithm>
#include <iterator>

#include "policy-compiler/frontend/format.h"
#include "policy-compiler/frontend/scalar.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

// What a value is in the language: which of its keys come first, and what its items are.
enum class Role : uint8_t {
  kProfile,
  kGroups,
  kRules,
  kNodes,
  kNode,
  kFiles,
  kFileRule,
  kNetwork,
  kNetworkRule,
  kPeer,
  kOther
};

// Of a profile, a node (a group has some of its keys), a network rule, a file rule. Others keep their order, behind.
constexpr std::string_view kProfileKeys[] = {"treeline", "name", "on_violation", "groups", "entry", "join"};
constexpr std::string_view kNodeKeys[] = {"exec",         "back_to",    "interpreter", "id",      "digest",  "users",
                                          "on_violation", "use",        "files",       "network", "sockets", "netlink",
                                          "capabilities", "operations", "syscalls",    "accept",  "children"};
constexpr std::string_view kNetworkKeys[] = {"direction", "protocol", "peer", "port"};
constexpr std::string_view kPeerKeys[] = {"pods", "namespace", "addresses", "target_port"};
constexpr std::string_view kFileKeys[] = {"access", "unsafe_write_and_execute"};

std::span<const std::string_view> order(Role role) {
  switch (role) {
    case Role::kProfile:
      return kProfileKeys;
    case Role::kRules:
    case Role::kNode:
      return kNodeKeys;
    case Role::kNetworkRule:
      return kNetworkKeys;
    case Role::kFileRule:
      return kFileKeys;
    case Role::kPeer:
      return kPeerKeys;
    default:
      return {};
  }
}

Role role_within(Role role, std::string_view key) {
  switch (role) {
    case Role::kProfile:
      return key == "groups" ? Role::kGroups : key == "entry" || key == "join" ? Role::kNodes : Role::kOther;
    case Role::kGroups:
      return Role::kRules;
    case Role::kRules:
    case Role::kNode:
      return key == "files"      ? Role::kFiles
             : key == "network"  ? Role::kNetwork
             : key == "children" ? Role::kNodes
                                 : Role::kOther;
    case Role::kNodes:
      return Role::kNode;
    case Role::kFiles:
      return Role::kFileRule;
    case Role::kNetwork:
      return Role::kNetworkRule;
    case Role::kNetworkRule:
      return key == "peer" ? Role::kPeer : Role::kOther;
    default:
      return Role::kOther;
  }
}

// May stand in brackets on one line.
bool may_be_inline(Role role) {
  return role == Role::kFileRule || role == Role::kNetworkRule || role == Role::kPeer || role == Role::kOther;
}

bool any_comment(const Lines& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const std::string& line) { return !line.empty(); });
}

bool any_comment_within(const Block& block) {
  return any_comment(block.below) || std::any_of(block.items.begin(), block.items.end(), [](const Item& item) {
           return any_comment(item.above) || any_comment(item.beside) || any_comment_within(item.value);
         });
}

void append(Lines& to, Lines& from) {
  for (std::string& line : from)
    if (!line.empty()) to.push_back(std::move(line));
  from.clear();
}

// Takes all comments out of a value.
void hoist(Block& block, Lines& to) {
  for (Item& item : block.items) {
    append(to, item.above);
    append(to, item.beside);
    hoist(item.value, to);
  }
  append(to, block.below);
}

// The words of a file rule, each once, in the order of their bits. Text that holds anything else stays.
std::string access(const std::string& text) {
  ir::AccessSet set = 0;
  for (const std::string_view word : text::words(text)) {
    const auto bit = ir::names::access_words().find(word);
    if (!bit) return text;
    set = static_cast<ir::AccessSet>(set | *bit);
  }
  return set == 0 ? text : ir::names::access_text(set);
}

// Lower-case words with one space between them: access words. No reader sees anything else in them.
bool is_words(std::string_view text) {
  if (text.empty() || text.front() < 'a' || text.front() > 'z' || text.back() == ' ' || is_typed(text)) return false;
  return text.find("  ") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == ' ' || c == '-'; });
}

std::string scalar_of(const Block& block, bool flow) {
  return is_words(block.text) ? block.text : scalar(block.text, flow, !block.quoted);
}

std::string inline_text(const Block& block) {
  if (block.kind == Value::Kind::kScalar) return scalar_of(block, true);
  const bool mapping = block.kind == Value::Kind::kMapping;
  std::string out;
  for (const Item& item : block.items) {
    if (!out.empty()) out += ", ";
    if (mapping) out += scalar(item.key, true) + ": ";
    out += inline_text(item.value);
  }
  return mapping ? "{" + out + "}" : "[" + out + "]";
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

class Writer {
 public:
  std::string run(Layout layout) {
    comments(layout.head, 0);
    fresh_ = false;
    if (layout.root.kind == Value::Kind::kMapping) block(layout.root, Role::kProfile, 0);
    while (out_.size() > 1 && out_.substr(out_.size() - 2) == "\n\n") out_.pop_back();
    return std::move(out_);
  }

 private:
  // At most one, never at the start of the text or of a list.
  void blank() {
    if (!out_.empty() && !fresh_ && (out_.size() < 2 || out_.substr(out_.size() - 2) != "\n\n")) out_ += '\n';
  }

  void line(size_t indent, std::string_view text, const Lines& beside = {}) {
    out_ += std::string(indent, ' ') + std::string(text);
    if (!beside.empty()) out_ += "  " + beside.front();
    out_ += '\n';
    fresh_ = false;
  }

  void comments(const Lines& lines, size_t indent) {
    for (const std::string& text : lines) {
      if (text.empty())
        blank();
      else
        line(indent, text);
    }
  }

  // Only one comment has room beside something.
  static void one_beside(Item& item) {
    for (size_t i = 1; i < item.beside.size(); ++i) item.above.push_back(std::move(item.beside[i]));
    if (item.beside.size() > 1) item.beside.resize(1);
  }

  static void sort_keys(Block& block, Role role) {
    const std::span<const std::string_view> keys = order(role);
    const auto rank = [&](const Item& item) { return std::find(keys.begin(), keys.end(), item.key) - keys.begin(); };
    if (!keys.empty())
      std::stable_sort(block.items.begin(), block.items.end(),
                       [&](const Item& a, const Item& b) { return rank(a) < rank(b); });
  }

  // The value on the line that begins with `start` characters; "" where it does not go there.
  static std::string on_one_line(Block& block, Role role, size_t start) {
    if (block.kind == Value::Kind::kScalar) return scalar_of(block, false);
    if (block.items.empty()) return inline_text(block);
    if (!may_be_inline(role) || any_comment_within(block)) return "";
    for (Item& item : block.items) sort_keys(item.value, role_within(role, item.key));
    sort_keys(block, role);
    std::string text = inline_text(block);
    return start + characters(text) <= kFormatWidth ? text : "";
  }

  // A longer list of words, in brackets over as many lines as it takes, the later ones at `indent`; "" for any other value.
  static std::string filled(const Block& block, Role role, size_t start, size_t indent) {
    if (block.kind != Value::Kind::kSequence || !may_be_inline(role) || any_comment_within(block) ||
        std::any_of(block.items.begin(), block.items.end(), [](const Item& item) { return item.value.kind != Value::Kind::kScalar; }))
      return "";
    std::string text = "[";
    size_t at = start + 1;
    for (const Item& item : block.items) {
      const bool first = &item == &block.items.front(), last = &item == &block.items.back();
      const std::string word = scalar_of(item.value, true) + (last ? "]" : ",");
      const size_t length = characters(word);
      if (!first && at + 1 + length > kFormatWidth) {
        text += '\n' + std::string(indent, ' ');
        at = indent;
      } else if (!first) {
        text += ' ';
        ++at;
      }
      text += word;
      at += length;
    }
    return text;
  }

  // `dash`: the first entry stands behind a "- " that ends at `indent`.
  void block(Block& block, Role role, size_t indent, bool dash = false) {
    sort_keys(block, role);
    for (Item& item : block.items) {
      const bool first = &item == &block.items.front();
      if (block.kind == Value::Kind::kMapping)
        entry(item, role, indent, dash && first);
      else
        list_item(item, role, indent);
    }
    comments(block.below, indent);
  }

  void entry(Item& item, Role role, size_t indent, bool dash) {
    const Role inner = role_within(role, item.key);
    if (role == Role::kFileRule || inner == Role::kFileRule)
      if (item.value.kind == Value::Kind::kScalar && (inner == Role::kFileRule || item.key == "access"))
        item.value.text = access(item.value.text);
    if (inner == Role::kFileRule && item.value.kind == Value::Kind::kMapping)
      for (Item& part : item.value.items)
        if (part.key == "access") part.value.text = access(part.value.text);
    const std::string key = scalar(item.key);
    const bool long_key = key.size() > kSimpleKey;
    if (long_key || item.value.items.empty()) hoist(item.value, item.above);
    one_beside(item);
    if (!dash) {
      if (role == Role::kProfile && (inner == Role::kNodes || inner == Role::kGroups)) blank();
      comments(item.above, indent);
    }
    const std::string lead = std::string(dash ? indent - 2 : indent, ' ') + (dash ? "- " : "");
    if (long_key) {
      line(0, lead + "? " + key);
      line(indent, ": " + inline_text(item.value), item.beside);
      return;
    }
    std::string text = on_one_line(item.value, inner, indent + characters(key) + 2);
    if (text.empty() && item.beside.empty()) text = filled(item.value, inner, indent + characters(key) + 2, indent + 2);
    line(0, lead + key + ":" + (text.empty() ? "" : " " + text), item.beside);
    if (!text.empty()) return;
    fresh_ = true;
    block(item.value, inner, indent + 2);
  }

  void list_item(Item& item, Role role, size_t indent) {
    const Role inner = role_within(role, "");
    if (item.value.items.empty()) hoist(item.value, item.above);
    const std::string text = on_one_line(item.value, inner, indent + 2);
    // What stands beside or above the first entry has to stand beside or above the item.
    if (text.empty() && item.value.kind == Value::Kind::kMapping) {
      sort_keys(item.value, inner);
      Item& first = item.value.items.front();
      if (first.key.size() > kSimpleKey) hoist(first.value, first.above);
      Lines above = std::move(first.above);
      first.above.clear();
      one_beside(item);
      if (first.beside.empty())
        first.beside = std::move(item.beside);
      else
        append(item.above, item.beside);
      one_beside(first);
      append(item.above, above);
      append(item.above, first.above);
      comments(item.above, indent);
      block(item.value, inner, indent + 2, true);
      return;
    }
    one_beside(item);
    comments(item.above, indent);
    if (!text.empty()) return line(indent, "- " + text, item.beside);
    // A list in a list: nothing in the language is one.
    append(item.beside, item.value.below);
    hoist(item.value, item.above);
    line(indent, "- " + inline_text(item.value));
  }

  std::string out_;
  bool fresh_ = true;  // a list or mapping begins here
};

}  // namespace

std::string write_layout(Layout layout) { return Writer().run(std::move(layout)); }

}  // namespace treeline::frontend
