// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/pattern.h"

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/named_class.h"
#include "policy-compiler/support/text.h"

namespace treeline::passes {
namespace {

constexpr size_t kLongestText = 4 * TL_PATH_MAX;  // every byte of the longest path as \xHH
constexpr uint64_t kLongestName = 255;            // NAME_MAX
constexpr unsigned kDeepest = 16;                 // nested braces

struct PseudoName {
  std::string_view text;
  Component::Kind kind;
};
constexpr PseudoName kPseudo[] = {
    {"{own}", Component::Kind::kOwn},           {"{descendant}", Component::Kind::kDescendant},
    {"{workload}", Component::Kind::kWorkload}, {"{other}", Component::Kind::kOther},
    {"{tmpfile}", Component::Kind::kTmpfile},   {"{abstract}", Component::Kind::kAbstract},
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(uint8_t byte) { return byte < 0x20 || byte == 0x7f; }

// The shortest and the longest text that a sequence matches (kUnlimited for no bound).
struct Length {
  uint64_t shortest = 0;
  uint64_t longest = 0;
};

Length length_of(const Sequence& sequence) {
  Length sum;
  for (const Element& element : sequence) {
    Length length;
    switch (element.kind) {
      case Element::Kind::kBytes:
        length = {element.bytes.size(), element.bytes.size()};
        break;
      case Element::Kind::kSet:
        length = {element.min, element.max};
        break;
      case Element::Kind::kAlternatives:
        length = {kUnlimited, 0};
        for (const Sequence& branch : element.branches) {
          const Length of_branch = length_of(branch);
          length = {std::min(length.shortest, of_branch.shortest), std::max(length.longest, of_branch.longest)};
        }
        break;
    }
    sum.shortest += length.shortest;
    sum.longest = std::min<uint64_t>(kUnlimited, sum.longest + length.longest);
  }
  return sum;
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<PatternError>& errors) : text_(text), errors_(errors) {}

  std::optional<Pattern> run() {
    const size_t before = errors_.size();
    Pattern pattern = parse();
    if (errors_.size() != before) return std::nullopt;
    return pattern;
  }

 private:
  void fail(size_t offset, std::string message, std::string remedy) {
    errors_.push_back({offset, std::move(message), std::move(remedy)});
  }

  Pattern parse() {
    Pattern pattern;
    if (text_.empty()) {
      fail(0, "the pattern is empty", "write an absolute path, or an object such as \"{pipe}\"");
      return pattern;
    }
    if (text_.size() > kLongestText) {
      fail(0, "the pattern is longer than any path", "a path has at most 4095 bytes");
      return pattern;
    }
    if (text_[0] == '{' && !text_.starts_with("{abstract}")) {
      pattern.reserved_class = object_class();
      return pattern;
    }
    if (text_[0] != '/' && text_[0] != '{') {
      fail(0, "\"" + text::printable(text_) + "\" is not an absolute path",
           "start it with \"/\", or with \"{abstract}/\" for an abstract socket");
      return pattern;
    }
    if (text_ == "/") return pattern;
    if (text_[0] == '{') {
      at_ = std::string_view("{abstract}").size();
      pattern.components.push_back({Component::Kind::kAbstract, {}});
      if (at_ == text_.size() || text_[at_] != '/') {
        fail(at_, "{abstract} needs the socket's name", "write {abstract}/NAME");
        return pattern;
      }
    }
    while (at_ < text_.size() && !stop_) {
      ++at_;  // the '/'
      parse_component(pattern);
    }
    if (!stop_) check_components(pattern);
    return pattern;
  }

  uint32_t object_class() {
    for (uint32_t id = 1; id < TL_CLASS_FIRST; ++id) {
      if (text_ == reserved_class_name(id)) return id;
    }
    if (text_ == "{detached}" || text_ == "{unreadable}") {
      fail(0, "\"" + text::printable(text_) + "\" can never be granted",
           "remove the rule: what has no readable path in the workload is always denied");
      return 0;
    }
    std::string known;
    for (uint32_t id = 1; id < TL_CLASS_FIRST; ++id) {
      const std::string name = reserved_class_name(id);
      if (!name.empty()) known += (known.empty() ? "" : " ") + name;
    }
    fail(0, "\"" + text::printable(text_) + "\" is neither a path nor an object without a path",
         "objects are " + known + "; a path starts with \"/\"");
    return 0;
  }

  void parse_component(Pattern& pattern) {
    const size_t start = at_;
    const std::string_view rest = text_.substr(at_);
    const std::string_view whole = rest.substr(0, rest.find('/'));
    const bool abstract = !pattern.components.empty() && pattern.components[0].kind == Component::Kind::kAbstract;
    if (whole == "**") {
      at_ += whole.size();
      pattern.literal = false;
      pattern.components.push_back({Component::Kind::kAnyDepth, {}});
      return;
    }
    for (const PseudoName& pseudo : kPseudo) {
      if (whole != pseudo.text) continue;
      at_ += whole.size();
      check_pseudo(pattern, pseudo.kind, start);
      pattern.components.push_back({pseudo.kind, {}});
      return;
    }
    const size_t before = errors_.size();
    Component component;
    component.name = parse_sequence(0);
    if (stop_) return;
    if (at_ == start && !abstract) {
      if (at_ == text_.size()) {
        fail(start - 1, "a trailing \"/\" names nothing",
             "remove it; \"" + std::string(text_.substr(0, start)) + "**\" is what lies below");
      } else {
        fail(start, "an empty name between two \"/\"", "remove one \"/\"");
      }
    }
    const Length length = length_of(component.name);
    if (at_ != start && length.longest == 0 && errors_.size() == before)
      fail(start, "this name can only be empty", "remove the empty alternatives");
    if (length.shortest > kLongestName && !abstract)
      fail(start, "this name is longer than 255 bytes", "no file has such a name: shorten it");
    const bool literal = std::all_of(component.name.begin(), component.name.end(),
                                     [](const Element& element) { return element.kind == Element::Kind::kBytes; });
    if (!literal) pattern.literal = false;
    if (literal && !abstract && component.name.size() == 1 &&
        (component.name[0].bytes == "." || component.name[0].bytes == "..")) {
      fail(start, "\"" + component.name[0].bytes + "\" is never part of a path that the kernel reports",
           "write the path it leads to");
    }
    pattern.components.push_back(std::move(component));
  }

  void check_pseudo(const Pattern& pattern, Component::Kind kind, size_t offset) {
    if (kind == Component::Kind::kAbstract) {
      fail(offset, "{abstract} stands only at the start", "write {abstract}/NAME, without a \"/\" before it");
      return;
    }
    const bool abstract = !pattern.components.empty() && pattern.components[0].kind == Component::Kind::kAbstract;
    if (abstract) {
      fail(offset, "an abstract socket has no such component", "write the socket's name; a literal brace is \\{");
      return;
    }
    if (kind == Component::Kind::kTmpfile) return;
    for (const Component& component : pattern.components) {
      if (component.kind != Component::Kind::kName && component.kind != Component::Kind::kAnyDepth) {
        fail(offset, "a second process directory in one path",
             "a path enters one procfs: keep one of {own} {descendant} {workload} {other}");
        return;
      }
    }
  }

  void check_components(const Pattern& pattern) {
    uint64_t shortest = 0;
    for (size_t i = 0; i < pattern.components.size(); ++i) {
      const Component& component = pattern.components[i];
      if (component.kind == Component::Kind::kTmpfile && i + 1 != pattern.components.size()) {
        fail(0, "{tmpfile} is not the last component", "an unnamed file has nothing below it: remove what follows");
      }
      shortest += 1 + pseudo_text(component.kind).size() + length_of(component.name).shortest;
    }
    if (shortest >= TL_PATH_MAX)
      fail(0, "every path that this matches is longer than 4095 bytes",
           "such paths are always denied: shorten the pattern");
  }

  // Items up to '/' or the end, or in braces up to ',' or '}' (which the caller eats).
  Sequence parse_sequence(unsigned depth) {
    Sequence sequence;
    while (at_ < text_.size() && !stop_) {
      const char c = text_[at_];
      if (c == '/') {
        if (depth != 0) {
          fail(at_, "\"/\" inside braces", "alternatives hold parts of one name: write two rules");
          stop_ = true;
        }
        break;
      }
      if (depth != 0 && (c == ',' || c == '}')) break;
      parse_item(sequence, depth);
    }
    return sequence;
  }

  void parse_item(Sequence& sequence, unsigned depth) {
    const size_t start = at_;
    const char c = text_[at_];
    switch (c) {
      case '*':
        ++at_;
        if (at_ < text_.size() && text_[at_] == '*') {
          while (at_ < text_.size() && text_[at_] == '*') ++at_;
          fail(start, "\"**\" inside a name", "\"**\" stands alone between two \"/\"; within a name write \"*\"");
        }
        add_set(sequence, ByteSet::name(), 0, kUnlimited);
        return;
      case '?':
        ++at_;
        add_set(sequence, ByteSet::name(), 1, 1);
        return;
      case '[':
        parse_set(sequence);
        return;
      case '{':
        parse_braces(sequence, depth);
        return;
      case ']':
      case '}':
        ++at_;
        fail(start, std::string("\"") + c + "\" without its opening", std::string("a literal one is \\") + c);
        return;
      default:
        if (const std::optional<uint8_t> byte = parse_byte()) add_byte(sequence, *byte);
    }
  }

  // One byte, escaped or plain; an error and nullopt where there is none. Always moves on.
  std::optional<uint8_t> parse_byte() {
    const size_t start = at_;
    const uint8_t byte = static_cast<uint8_t>(text_[at_++]);
    if (byte != '\\') {
      if (is_control(byte)) {
        fail(start, "a control byte in a pattern", "write it as \\xHH");
        return std::nullopt;
      }
      return byte;
    }
    if (at_ == text_.size()) {
      fail(start, "\"\\\" at the end escapes nothing", "a literal backslash is \\\\");
      return std::nullopt;
    }
    const char escaped = text_[at_++];
    if (escaped == 'x') {
      const int high = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
      const int low = at_ + 1 < text_.size() ? hex_digit(text_[at_ + 1]) : -1;
      if (high < 0 || low < 0) {
        fail(start, "\"\\x\" without two hex digits", "write the byte's value, as in \\x0a");
        return std::nullopt;
      }
      at_ += 2;
      const int value = high * 16 + low;
      if (value == 0 || value == '/') {
        fail(start, "no name holds this byte", "remove it; components are separated by a plain \"/\"");
        return std::nullopt;
      }
      return static_cast<uint8_t>(value);
    }
    if (std::string_view("\\*?[]{},-!^ #\"'").find(escaped) == std::string_view::npos) {
      fail(start,
           std::string("\"\\") + (is_control(static_cast<uint8_t>(escaped)) ? '.' : escaped) + "\" escapes nothing",
           "escape only \\ * ? [ ] { } , - ! ^ or write the byte as \\xHH");
      if (escaped == '/') --at_;
      return std::nullopt;
    }
    return static_cast<uint8_t>(escaped);
  }

  void parse_set(Sequence& sequence) {
    const size_t start = at_++;
    const size_t before = errors_.size();
    bool inverted = false;
    if (at_ < text_.size() && text_[at_] == '^') {
      fail(at_, "\"[^\" is not how a class is inverted here", "write [!...]; a literal ^ is \\^");
      ++at_;
    } else if (at_ < text_.size() && text_[at_] == '!') {
      inverted = true;
      ++at_;
    }
    ByteSet set;
    bool any = false;
    while (true) {
      if (at_ == text_.size() || text_[at_] == '/') {
        fail(start, "\"[\" without \"]\"", "close the class; a literal bracket is \\[");
        return;
      }
      if (text_[at_] == ']') {
        ++at_;
        break;
      }
      const size_t member = at_;
      any = true;
      if (text_[at_] == '[' || text_[at_] == '-') {
        fail(member, std::string("\"") + text_[at_] + "\" inside a class", std::string("write \\") + text_[at_]);
        ++at_;
        continue;
      }
      if (static_cast<uint8_t>(text_[at_]) >= 0x80) {
        fail(member, "a character of several bytes in a class",
             "classes hold single bytes: write alternatives, as in {\xc3\xa9,\xc3\xa8}");
        while (at_ < text_.size() && static_cast<uint8_t>(text_[at_]) >= 0x80) ++at_;
        continue;
      }
      const std::optional<uint8_t> first = parse_byte();
      std::optional<uint8_t> last = first;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']' && text_[at_ + 1] != '/') {
        ++at_;
        last = parse_byte();
      }
      if (!first || !last) continue;
      if (*first > *last) {
        fail(member, "a range that runs backwards", "write the smaller byte first");
        continue;
      }
      set.add(*first, *last);
    }
    if (!any) fail(start, "an empty class", "write its bytes; a literal bracket is \\[");
    set.remove('/');
    if (inverted) set = set.complement();
    if (errors_.size() == before && set.empty()) fail(start, "a class that no byte is in", "remove it");
    add_set(sequence, set, 1, 1);
  }

  void parse_braces(Sequence& sequence, unsigned depth) {
    const size_t start = at_;
    if (depth >= kDeepest) {
      fail(start, "braces nested too deeply", "16 levels at most: write several rules");
      stop_ = true;
      return;
    }
    ++at_;
    // A brace without commas holds a name, which is read as plain text.
    const size_t end = text_.find_first_of(",{}/[]\\*?", at_);
    if (end == std::string_view::npos || text_[end] == '/') {
      fail(start, "\"{\" without \"}\"", "close it; a literal brace is \\{");
      stop_ = true;
      return;
    }
    if (text_[end] == '}') {
      parse_named(sequence, start, text_.substr(at_, end - at_));
      at_ = end + 1;
      return;
    }
    Element element;
    element.kind = Element::Kind::kAlternatives;
    while (true) {
      element.branches.push_back(parse_sequence(depth + 1));
      if (stop_) return;
      if (at_ == text_.size()) {
        fail(start, "\"{\" without \"}\"", "close it; a literal brace is \\{");
        stop_ = true;
        return;
      }
      if (text_[at_++] == '}') break;
    }
    if (element.branches.size() == 1)
      fail(start, "braces with a single alternative", "remove the braces, or add another after a comma");
    sequence.push_back(std::move(element));
  }

  void parse_named(Sequence& sequence, size_t start, std::string_view name) {
    const std::string braced = "{" + std::string(name) + "}";
    for (const PseudoName& pseudo : kPseudo) {
      if (braced == pseudo.text) {
        fail(start, braced + " is not a whole component", "it stands alone between two \"/\"");
        return;
      }
    }
    if (ir::names::reserved_classes().find(name)) {
      fail(start, braced + " has no path", "it stands alone, without \"/\"");
      return;
    }
    std::string problem, remedy;
    std::optional<Sequence> expansion = named_class(name, problem, remedy);
    if (!expansion) {
      fail(start, std::move(problem), std::move(remedy));
      return;
    }
    for (Element& element : *expansion) sequence.push_back(std::move(element));
  }

  void add_byte(Sequence& sequence, uint8_t byte) {
    if (sequence.empty() || sequence.back().kind != Element::Kind::kBytes) sequence.emplace_back();
    sequence.back().bytes.push_back(static_cast<char>(byte));
  }

  void add_set(Sequence& sequence, const ByteSet& set, uint32_t min, uint32_t max) {
    const bool star = max == kUnlimited;
    if (star && !sequence.empty() && sequence.back().kind == Element::Kind::kSet && sequence.back().max == kUnlimited)
      return;
    Element element;
    element.kind = Element::Kind::kSet;
    element.set = set;
    element.min = min;
    element.max = max;
    sequence.push_back(std::move(element));
  }

  std::string_view text_;
  std::vector<PatternError>& errors_;
  size_t at_ = 0;
  bool stop_ = false;  // what follows cannot be read sensibly any more
};

}  // namespace

std::optional<Pattern> parse_pattern(std::string_view text, std::vector<PatternError>& errors) {
  return Parser(text, errors).run();
}

std::string literal_pattern(std::string_view path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string pattern;
  for (size_t at = 0; at < path.size();) {
    const uint8_t byte = static_cast<uint8_t>(path[at]);
    const size_t length = text::visible_length(path, at);
    if (length == 0 || byte == '\t' || std::string_view("\\*?[]{}").find(path[at]) != std::string_view::npos) {
      pattern += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      ++at;
      continue;
    }
    pattern += path.substr(at, length);
    at += length;
  }
  return pattern;
}

std::string reserved_class_name(uint32_t class_id) {
  if (class_id == TL_CLASS_DETACHED || class_id == TL_CLASS_UNREADABLE) return "";
  const std::string_view name = ir::names::reserved_classes().name(class_id);
  return name.empty() ? "" : "{" + std::string(name) + "}";
}

std::string_view pseudo_text(Component::Kind kind) {
  switch (kind) {
    case Component::Kind::kOwn:
      return std::string_view(TL_PSEUDO_OWN).substr(1);
    case Component::Kind::kDescendant:
      return std::string_view(TL_PSEUDO_DESCENDANT).substr(1);
    case Component::Kind::kWorkload:
      return std::string_view(TL_PSEUDO_WORKLOAD).substr(1);
    case Component::Kind::kOther:
      return std::string_view(TL_PSEUDO_OTHER).substr(1);
    case Component::Kind::kTmpfile:
      return std::string_view(TL_PSEUDO_TMPFILE).substr(1);
    case Component::Kind::kAbstract:
      return std::string_view(TL_PSEUDO_ABSTRACT).substr(1);
    case Component::Kind::kName:
    case Component::Kind::kAnyDepth:
      return "";
  }
  return "";
}

}  // namespace treeline::passes
