// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>
#include <string>
#include <unordered_map>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/frontend/source.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

constexpr std::string_view kQuoteRemedy =
    "check indentation and quotes here and just before; text that starts with one of {*?[!&%@`|>'\"# or holds ': ' or "
    "' #' stands in double quotes";

constexpr std::string_view kNoAliases = "aliases ('*name') are not part of the language";
constexpr std::string_view kAliasRemedy =
    "write the value out, or use a group; text that starts with '*' stands in quotes";

constexpr size_t kMaxKey = 1024;  // bytes, of a key before its ':' (YAML 1.2, 7.4.2)

// The text at `at` is a key, in quotes or without, that is longer than YAML reads.
bool long_key(std::string_view line, size_t at) {
  const std::string_view text = line.substr(std::min(at, line.size()));
  if (text.size() <= kMaxKey) return false;
  size_t end = std::min(text.find(": "), text.size());
  if (text[0] == '"' || text[0] == '\'')
    for (end = 1; end < text.size() && text[end] != text[0]; ++end)
      if (text[0] == '"' && text[end] == '\\') ++end;
  return end > kMaxKey;
}

void report_long_key(Position position, Diagnostics& diagnostics) {
  diagnostics.error(
      position, "syntax",
      "a key is longer than " + std::to_string(kMaxKey) + " bytes, which no reader of YAML takes before its ':'",
      "write it behind a question mark, outside of braces: '? KEY' on a line of its own, and ': VALUE' on the next");
}

// Thrown by the handlers below, through yaml-cpp, to the one catch in parse_document.
struct Stop {};

class Builder final : public YAML::EventHandler {
 public:
  // `masked`: the text holds Source::kMask where something was reported.
  Builder(const Source& source, bool masked, Diagnostics& diagnostics)
      : source_(source), masked_(masked), diagnostics_(diagnostics) {}

  // After a mistake that ended the text: what is open is closed as it is.
  void unwind() {
    while (!stack_.empty()) {
      stack_.back().value.complete = false;
      close();
    }
  }

  std::optional<Value> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    diagnostics_.error(at(mark), "second-document", "a second document starts here",
                       "a profile is one document: remove the line '---', or make it a file of its own");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Value value;
    value.position = at(mark);
    check_properties(value, "", anchor);
    if (wants_key() && mark.column >= 0 &&
        long_key(source_.line(value.position.line), static_cast<size_t>(mark.column))) {
      report_long_key(value.position, diagnostics_);
      throw Stop{};
    }
    put(std::move(value));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Value value;
    value.kind = Value::Kind::kRefused;
    value.position = at(mark);
    diagnostics_.error(value.position, "alias", std::string(kNoAliases), std::string(kAliasRemedy));
    put(std::move(value));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value;
    value.kind = Value::Kind::kScalar;
    value.position = at(mark);
    value.text = text;
    value.quoted = tag == "!";
    check_properties(value, tag == "!" ? "" : tag, anchor);
    // Reported; but of a key the value is still to be looked at.
    if (masked_ && !wants_key() && text.find(Source::kMask) != std::string::npos) value.kind = Value::Kind::kRefused;
    put(std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::kSequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::kMapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Value value;
    bool has_key = false;  // mapping: the key came, its value is next
    Entry entry;
    bool drop = false;                                // the value belongs to a key that was refused
    std::unordered_map<std::string, uint32_t> lines;  // of the keys so far
  };

  bool wants_key() const {
    return !stack_.empty() && stack_.back().value.kind == Value::Kind::kMapping && !stack_.back().has_key;
  }

  Position at(const YAML::Mark& mark) {
    return source_.position(mark.line < 0 ? 0 : static_cast<size_t>(mark.line),
                            mark.column < 0 ? 0 : static_cast<size_t>(mark.column));
  }

  void check_properties(Value& value, const std::string& tag, YAML::anchor_t anchor) {
    if (++values_ > kMaxValues) {
      diagnostics_.error(value.position, "too-large", "more than " + std::to_string(kMaxValues) + " values",
                         "split the profile by workload, or let patterns stand for lists of names");
      throw Stop{};
    }
    if (anchor != 0)
      diagnostics_.error(value.position, "anchor", "anchors ('&name') are not part of the language",
                         "remove it; text that starts with '&' stands in quotes");
    if (!tag.empty() && tag != "?") {
      diagnostics_.error(value.position, "tag", "tags (" + text::quoted(tag) + ") are not part of the language",
                         "remove it; text that starts with '!' stands in quotes");
      value.kind = Value::Kind::kRefused;
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Value::Kind kind) {
    Level level;
    level.value.kind = kind;
    level.value.position = at(mark);
    check_properties(level.value, tag, anchor);
    if (stack_.size() >= kMaxDepth) {
      diagnostics_.error(level.value.position, "too-deep",
                         "more than " + std::to_string(kMaxDepth) + " lists and mappings inside one another",
                         "fold recursion of the process tree into 'back_to'");
      throw Stop{};
    }
    // A refused collection is still filled, as what it looks like, and then put as refused.
    stack_.push_back(std::move(level));
  }

  void close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    put(std::move(level.value));
  }

  void put(Value value) {
    if (stack_.empty()) {
      if (!root_) root_ = std::move(value);
      return;
    }
    Level& top = stack_.back();
    if (top.value.kind == Value::Kind::kSequence) {
      top.value.items.push_back(std::move(value));
    } else if (top.value.kind == Value::Kind::kMapping) {
      if (top.has_key)
        put_value(top, std::move(value));
      else
        put_key(top, std::move(value));
    }
  }

  void put_key(Level& top, Value key) {
    top.has_key = true;
    top.drop = true;
    top.entry.position = key.position;
    if (key.is_refused()) return;
    if (!key.is_scalar()) {
      diagnostics_.error(key.position, "key-kind", "a key must be text, this is " + std::string(kind_name(key)),
                         "a pattern that starts with '{', '[', '?' or '*' stands in double quotes");
      return;
    }
    if (key.text == "<<" && !key.quoted) {
      diagnostics_.error(key.position, "merge", "merge keys ('<<') are not part of the language",
                         "write the entries out, or use a group");
      return;
    }
    // Read as if what was reported were not there; which of the keys it then is, is open.
    const bool mended = masked_ && std::erase(key.text, Source::kMask) != 0;
    const auto [seen, fresh] = top.lines.emplace(key.text, key.position.line);
    if (!fresh) {
      if (mended) return;
      diagnostics_.error(
          key.position, "duplicate-key",
          "key " + text::quoted(key.text) + " is given a second time, first on line " + std::to_string(seen->second),
          "put both values under one key, or remove one");
      return;
    }
    top.entry.key = std::move(key.text);
    top.drop = false;
  }

  void put_value(Level& top, Value value) {
    top.has_key = false;
    if (top.drop) return;
    top.entry.value = std::move(value);
    top.value.entries.push_back(std::move(top.entry));
    top.entry = Entry{};
  }

  const Source& source_;
  const bool masked_;
  Diagnostics& diagnostics_;
  std::optional<Value> root_;
  std::vector<Level> stack_;
  size_t values_ = 0;
  size_t documents_ = 0;
};

// The text as a stream, without a copy.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

std::string_view kind_name(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kScalar:
      return "text";
    case Value::Kind::kSequence:
      return "a list";
    case Value::Kind::kMapping:
      return "a mapping";
    case Value::Kind::kRefused:
      return "a value that is not part of the language";
  }
  return "nothing";
}

std::optional<Value> parse_document(std::string_view text, Diagnostics& diagnostics, const Whole& whole) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  const Source source(text);
  if (!source.check_size(diagnostics)) return std::nullopt;
  const std::optional<std::string> masked = source.masked(diagnostics);
  ViewBuffer buffer(masked ? std::string_view(*masked) : text);
  std::istream stream(&buffer);
  Builder builder(source, masked.has_value(), diagnostics);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      diagnostics.error({1, 1}, "empty", std::string(whole.what) + " is empty", std::string(whole.begins));
      return std::nullopt;
    }
    parser.HandleNextDocument(builder);
  } catch (const Stop&) {
    builder.unwind();  // reported where it was thrown
  } catch (const YAML::Exception& e) {
    Position position{1, 1};
    if (!e.mark.is_null() && e.mark.line >= 0 && e.mark.column >= 0)
      position = source.position(static_cast<size_t>(e.mark.line), static_cast<size_t>(e.mark.column));
    if (e.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR)
      diagnostics.error(position, "alias", std::string(kNoAliases), std::string(kAliasRemedy));
    else if (e.msg.rfind(YAML::ErrorMsg::INVALID_UNICODE, 0) == 0)
      diagnostics.error(position, "syntax",
                        "not YAML: an escape that is no character by itself (half of a pair of \\u in JSON)",
                        "write the character as it is, or as \\U and eight digits");
    else if (const std::string_view line = source.line(position.line);
             e.msg == YAML::ErrorMsg::MAP_VALUE && long_key(line, line.find_first_not_of(" -")))
      report_long_key({position.line, static_cast<uint32_t>(line.find_first_not_of(" -") + 1)}, diagnostics);
    else
      diagnostics.error(position, "syntax", "not YAML: " + text::printable(e.msg), std::string(kQuoteRemedy));
    builder.unwind();
  } catch (const std::exception& e) {
    diagnostics.error({1, 1}, "syntax", "not YAML: " + text::printable(e.what()), std::string(kQuoteRemedy));
    builder.unwind();
  }
  return builder.take();
}

}  // namespace treeline::frontend
