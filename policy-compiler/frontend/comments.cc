// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/comments.h"

#include <algorithm>

namespace treeline::frontend {
namespace {

constexpr size_t kLost = std::string_view::npos;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t line_end(std::string_view text, size_t at) { return std::min(text.find('\n', at), text.size()); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Ends of scalars: one past the last byte, kLost where the text is not the one that was parsed.

size_t quoted_end(std::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return kLost;
}

// Line ends and the white space around them were folded; all else stands there as it is.
size_t plain_end(std::string_view text, size_t at, std::string_view meaning) {
  size_t i = at;
  for (size_t m = 0; m < meaning.size();) {
    if (i >= text.size()) return kLost;
    if (text[i] == meaning[m]) {
      ++i;
      ++m;
    } else if (is_space(text[i])) {
      ++i;
    } else if (is_space(meaning[m])) {
      ++m;
    } else {
      return kLost;
    }
  }
  return i;
}

// `at`: the end of the header's line. `next`: where the next scalar starts.
size_t block_end(std::string_view text, size_t at, size_t next) {
  size_t indent = 0, end = at;
  for (size_t line = at; line < text.size();) {
    const size_t start = line + 1, stop = line_end(text, std::min(start, text.size()));
    if (start >= text.size()) break;
    size_t first = start;
    while (first < stop && text[first] == ' ') ++first;
    const bool blank = first == stop || text[first] == '\r';
    if (!blank) {
      if (indent == 0) indent = first - start;
      if (first - start < indent || indent == 0 || first >= next) break;
      end = stop;
    }
    line = stop;
  }
  return end;
}

class Lexer {
 public:
  Lexer(std::string_view text, const Offsets& offsets, const std::vector<Scalar>& scalars)
      : text_(text), offsets_(offsets), scalars_(scalars) {}

  std::optional<Lexed> run() {
    for (size_t at = 0; at < text_.size();) {
      if (next_ < scalars_.size() && at >= scalars_[next_].offset) {
        if (at > scalars_[next_].offset) return std::nullopt;
        at = skip_scalar(at);
        if (at == kLost) return std::nullopt;
        continue;
      }
      const char c = text_[at];
      if (c == '#' && (at == 0 || is_space(text_[at - 1]))) {
        at = comment(at);
      } else if (c == '%' && next_ == 0 && (at == 0 || text_[at - 1] == '\n')) {
        at = line_end(text_, at);  // a directive
      } else {
        if ((c == ']' || c == '}') && !close(at)) return std::nullopt;
        if (c == '[' || c == '{') open_.push_back(at);
        if (c == '[' || c == '{' || c == ']' || c == '}') content(at);
        ++at;
      }
    }
    if (next_ != scalars_.size() || !open_.empty()) return std::nullopt;
    return std::move(out_);
  }

 private:
  void content(size_t at) { content_line_ = offsets_.line(at); }

  bool close(size_t at) {
    if (open_.empty()) return false;
    out_.brackets[open_.back()] = at;
    open_.pop_back();
    return true;
  }

  size_t comment(size_t at) {
    const size_t end = line_end(text_, at), line = offsets_.line(at);
    Comment found;
    found.offset = at;
    found.text = trimmed(text_.substr(at, end - at));
    found.column = at - offsets_.line_start(line);
    found.beside = content_line_ == line;
    found.blank_above = offsets_.blank_above(at);
    if (!open_.empty()) found.within = open_.back();
    out_.comments.push_back(found);
    return end;
  }

  size_t skip_scalar(size_t at) {
    const Scalar& scalar = scalars_[next_++];
    const char first = text_[at];
    content(at);
    if (first == '|' || first == '>') {
      const size_t header = line_end(text_, at);
      for (size_t i = at + 1; i < header; ++i) {
        if (text_[i] >= '0' && text_[i] <= '9') return kLost;
        if (text_[i] != '#') continue;
        comment(i);
        break;
      }
      const size_t end = block_end(text_, header, next_ < scalars_.size() ? scalars_[next_].offset : text_.size());
      content(end == 0 ? 0 : end - 1);
      return end;
    }
    const size_t end = first == '\'' || first == '"' ? quoted_end(text_, at) : plain_end(text_, at, scalar.text);
    if (end != kLost && end != 0) content(end - 1);
    return end;
  }

  std::string_view text_;
  const Offsets& offsets_;
  const std::vector<Scalar>& scalars_;
  size_t next_ = 0;
  std::vector<size_t> open_;
  std::optional<size_t> content_line_;
  Lexed out_;
};

}  // namespace

Offsets::Offsets(std::string_view text) : text_(text), starts_{0} {
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(i + 1);
}

size_t Offsets::of(Position position) {
  const size_t line = std::min<size_t>(position.line == 0 ? 0 : position.line - 1, starts_.size() - 1);
  const size_t column = position.column == 0 ? 0 : position.column - 1;
  if (line != line_ || column < column_) {
    line_ = line;
    byte_ = starts_[line];
    column_ = 0;
  }
  while (column_ < column && byte_ < text_.size()) {
    ++byte_;
    while (byte_ < text_.size() && (static_cast<uint8_t>(text_[byte_]) & 0xc0) == 0x80) ++byte_;
    ++column_;
  }
  return byte_;
}

size_t Offsets::line(size_t offset) const {
  return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin()) - 1;
}

size_t Offsets::indent(size_t offset) const {
  const size_t start = starts_[line(offset)];
  size_t at = start;
  while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
  return at - start;
}

bool Offsets::blank_above(size_t offset) const {
  const size_t line = this->line(offset);
  if (line == 0) return false;
  return trimmed(text_.substr(starts_[line - 1], starts_[line] - starts_[line - 1])).empty();
}

std::optional<Lexed> lex_comments(std::string_view text, const Offsets& offsets, const std::vector<Scalar>& scalars) {
  return Lexer(text, offsets, scalars).run();
}

}  // namespace treeline::frontend
