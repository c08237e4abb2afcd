// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/source.h"

#include <algorithm>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {

Source::Source(std::string_view text) : text_(text), starts_{0} {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
    if (static_cast<unsigned char>(text[i]) >= 0x80) ascii_ = false;
  }
}

bool Source::check_size(Diagnostics& diagnostics) const {
  if (text_.size() <= kMaxBytes) return true;
  diagnostics.error({1, 1}, "too-large", "the profile is larger than " + std::to_string(kMaxBytes >> 20) + " MiB",
                    "split it by workload, or let patterns stand for lists of names");
  return false;
}

std::optional<std::string> Source::masked(Diagnostics& diagnostics) const {
  std::optional<std::string> out;
  size_t places = 0;
  Position first_more;
  for (size_t line = 0; line < starts_.size(); ++line) {
    const std::string_view text = this->line(line + 1);
    for (size_t at = 0; at < text.size();) {
      // As many as stand beside one another are one mistake.
      size_t end = at;
      bool bytes = false;
      while (end < text.size() && text[end] != '\t' && text::visible_length(text, end) == 0) {
        const size_t length = text::utf8_length(text, end);
        if (end != at && bytes != (length == 0)) break;
        bytes = length == 0;
        end += std::max<size_t>(length, 1);
      }
      if (end == at) {
        at += std::max<size_t>(text::utf8_length(text, at), 1);
        continue;
      }
      if (++places == kMostUnseen + 1) first_more = position(line, at);
      if (places <= kMostUnseen && bytes)
        diagnostics.error(position(line, at), "encoding", "this is not UTF-8",
                          "store the profile as UTF-8; write bytes of a path that are not UTF-8 as \\xHH");
      else if (places <= kMostUnseen)
        diagnostics.error(position(line, at), "encoding",
                          "a character that cannot be seen, bytes " + text::printable(text.substr(at, end - at)),
                          "remove it; in a path write its bytes as \\xHH");
      if (!out) out = std::string(text_);
      std::fill_n(out->begin() + static_cast<std::ptrdiff_t>(starts_[line] + at), end - at, kMask);
      at = end;
    }
  }
  if (places > kMostUnseen)
    diagnostics.error(first_more, "encoding",
                      std::to_string(places - kMostUnseen) + " more places that are not UTF-8 or cannot be seen",
                      "store the profile as UTF-8");
  return out;
}

Position Source::position(size_t line, size_t byte) const {
  if (line >= starts_.size()) line = starts_.size() - 1;
  const size_t start = starts_[line];
  byte = std::min(byte, text_.size() - start);
  size_t column = byte;
  if (!ascii_) {
    if (line != last_line_ || byte < last_byte_) {
      last_line_ = line;
      last_byte_ = last_column_ = 0;
    }
    for (; last_byte_ < byte; ++last_byte_)
      if ((static_cast<unsigned char>(text_[start + last_byte_]) & 0xc0) != 0x80) ++last_column_;
    column = last_column_;
  }
  return {static_cast<uint32_t>(line + 1), static_cast<uint32_t>(column + 1)};
}

std::string_view Source::line(size_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const size_t start = starts_[number - 1];
  const size_t end = number < starts_.size() ? starts_[number] - 1 : text_.size();
  std::string_view text = text_.substr(start, end - start);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

}  // namespace treeline::frontend
