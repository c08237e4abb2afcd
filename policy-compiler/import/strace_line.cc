// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/strace_line.h"

#include <charconv>

#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

bool word_char(char c) { return text::is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text.remove_prefix(1);
}

std::optional<uint32_t> take_number(std::string_view& text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// "12:00:01.5", "1700000000.123", "0.000010", "+0.1": a time of -t, -ttt, -r.
void skip_time(std::string_view& text) {
  size_t end = 0;
  bool mark = false;
  while (end < text.size() &&
         (text::is_digit(text[end]) || text[end] == ':' || text[end] == '.' || (end == 0 && text[0] == '+'))) {
    mark |= text[end] == ':' || text[end] == '.';
    ++end;
  }
  if (!mark || end == text.size() || text[end] != ' ') return;
  text.remove_prefix(end);
  skip_blanks(text);
}

// Behind the quoted text that starts at `at`.
size_t quoted_end(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
      continue;
    }
    if (text[at] == '"') return at + 1;
  }
  return text.size();
}

constexpr std::string_view kDeleted = ">(deleted)";  // of newer versions; older ones: "... (deleted)>"

// Behind the annotation "<...>" of -y at `at`. A '>' within it ("->") is not followed by what ends an argument.
size_t annotation_end(std::string_view text, size_t at) {
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text.substr(i, kDeleted.size()) == kDeleted) return i + kDeleted.size();
    if (text[i] == '>' &&
        (i + 1 == text.size() || std::string_view(", )]}=|").find(text[i + 1]) != std::string_view::npos))
      return i + 1;
  }
  return text.size();
}

bool annotates(std::string_view text, size_t at) {
  return at != 0 && (text::is_digit(text[at - 1]) || text[at - 1] == 'D') && at + 1 < text.size();
}

// C escapes as strace prints them: octal of one to three digits, \xHH, and the letters.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const char c = text[++at];
    if (c >= '0' && c <= '7') {
      unsigned value = 0;
      size_t n = 0;
      for (; n < 3 && at + n < text.size() && text[at + n] >= '0' && text[at + n] <= '7'; ++n)
        value = value * 8 + static_cast<unsigned>(text[at + n] - '0');
      at += n - 1;
      out += static_cast<char>(static_cast<unsigned char>(value));
    } else if (c == 'x') {
      unsigned value = 0;
      const auto [end, error] =
          std::from_chars(text.data() + at + 1, text.data() + std::min(at + 3, text.size()), value, 16);
      if (error == std::errc{}) at = static_cast<size_t>(end - text.data()) - 1;
      out += static_cast<char>(static_cast<unsigned char>(value));
    } else {
      constexpr std::string_view kLetters = "ntrvfab", kBytes = "\n\t\r\v\f\a\b";
      const size_t known = kLetters.find(c);
      out += known == std::string_view::npos ? c : kBytes[known];
    }
  }
  return out;
}

// "/dev/null<char 1:3>" of -yy: the device's name. A '<' of the name itself is escaped.
std::string_view without_device(std::string_view path) {
  const size_t at = path.rfind('<');
  if (at == std::string_view::npos || !path.ends_with('>')) return path;
  const std::string_view what = path.substr(at);
  return what.starts_with("<char ") || what.starts_with("<block ") ? path.substr(0, at) : path;
}

// What an annotation says, deleted or not.
std::optional<std::string> annotated(std::string_view text) {
  if (text.size() < 2 || text[0] != '<') return std::nullopt;
  const bool deleted = text.ends_with(kDeleted);
  if (!deleted && text.back() != '>') return std::nullopt;
  const std::string_view inside = text.substr(1, text.size() - 1 - (deleted ? kDeleted.size() : 1));
  return unescape(without_device(inside)) + (deleted ? " (deleted)" : "");
}

constexpr std::string_view kUnfinished = "<unfinished ...>";

// The number between what `text` starts with from `at` on and all that it ends with.
std::optional<uint32_t> number_between(std::string_view text, size_t at, std::string_view before,
                                       std::string_view behind) {
  if (at == std::string_view::npos || text.substr(at, before.size()) != before) return std::nullopt;
  text.remove_prefix(at + before.size());
  const auto number = take_number(text);
  return text == behind ? number : std::nullopt;
}

// "<pid changed to 1234 ...>" behind the begin of an execve: it ends under that number.
std::optional<uint32_t> take_change(std::string_view& rest) {
  constexpr std::string_view kChanged = "<pid changed to ";
  const size_t at = rest.rfind(kChanged);
  const auto number = number_between(rest, at, kChanged, " ...>");
  if (number) rest = rest.substr(0, at);
  return number;
}

// "--- SIGCHLD {...} ---", "strace: Process 12 detached", "[ Process PID=12 runs in 32 bit mode. ]", and what is left
// of a call that another line cut into.
bool says_nothing(std::string_view text) {
  const auto begins = [&](std::string_view with) { return text.substr(0, with.size()) == with; };
  return text.empty() || text == kUnfinished || begins("--- ") || begins("strace: ") || begins("[ Process PID=");
}

}  // namespace

Line read_line(std::string_view text) {
  Line line;
  text = text.substr(0, kMaxLine);  // what is longer is a call without an end
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  skip_blanks(text);
  // "strace: Process 12 attached" alone, or behind the begin of the call that started it: "vfork(strace: Process ...".
  constexpr std::string_view kAttached = "strace: Process ", kEnd = " attached";
  bool cut_in = false;
  const size_t attached = text.rfind(kAttached);
  if (const auto pid = number_between(text, attached, kAttached, kEnd)) {
    line.attached = *pid;
    text = text.substr(0, attached);
    cut_in = true;
    if (text.empty()) {
      line.kind = Line::Kind::kAttached;
      return line;
    }
  }
  if (text.substr(0, 4) == "[pid") {
    text.remove_prefix(4);
    skip_blanks(text);
    const auto pid = take_number(text);
    if (!pid || text.empty() || text[0] != ']') return line;
    line.pid = *pid;
    text.remove_prefix(1);
    skip_blanks(text);
  } else {
    std::string_view behind = text;
    const auto pid = take_number(behind);
    if (pid && !behind.empty() && behind[0] == ' ') {
      line.pid = *pid;
      text = behind;
      skip_blanks(text);
    }
  }
  skip_time(text);
  skip_time(text);  // -r and -t together
  if (text.substr(0, 4) == "+++ ") {
    line.kind = Line::Kind::kExited;
    if (const auto thread = number_between(text, 0, "+++ superseded by execve in pid ", " +++")) {
      line.kind = Line::Kind::kSuperseded;
      line.other = *thread;
    }
    return line;
  }
  if (says_nothing(text)) {
    line.kind = Line::Kind::kNothing;
    return line;
  }
  constexpr std::string_view kResumed = "<... ";
  if (text.substr(0, kResumed.size()) == kResumed) {
    text.remove_prefix(kResumed.size());
    size_t end = 0;
    while (end < text.size() && word_char(text[end])) ++end;
    line.name = text.substr(0, end);
    text.remove_prefix(end);
    const size_t mark = text.find("resumed>");
    if (mark == std::string_view::npos) return line;
    line.kind = Line::Kind::kResumed;
    line.rest = text.substr(mark + 8);
    return line;
  }
  size_t end = 0;
  while (end < text.size() && word_char(text[end])) ++end;
  if (end == 0 || end == text.size() || text[end] != '(' || text::is_digit(text[0])) return line;
  line.name = text.substr(0, end);
  line.rest = text.substr(end + 1);
  if (line.rest.size() >= kUnfinished.size() &&
      line.rest.substr(line.rest.size() - kUnfinished.size()) == kUnfinished) {
    line.rest.remove_suffix(kUnfinished.size());
    line.kind = Line::Kind::kUnfinished;
  } else if (const auto number = executes(line.name) ? take_change(line.rest) : std::nullopt) {
    line.kind = Line::Kind::kUnfinished;
    line.other = *number;
  } else if (cut_in) {
    line.kind = Line::Kind::kUnfinished;
  } else {
    line.kind = Line::Kind::kCall;
  }
  return line;
}

Call read_call(std::string_view rest) {
  Call call;
  size_t start = 0, depth = 0, at = 0;
  bool closed = false;
  const auto argument = [&](size_t end) {
    std::string_view text = rest.substr(start, end - start);
    skip_blanks(text);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (call.arguments.size() < kMaxArguments && (!text.empty() || !call.arguments.empty()))
      call.arguments.push_back(text);
    start = end + 1;
  };
  while (at < rest.size()) {
    const char c = rest[at];
    if (c == '"') {
      at = quoted_end(rest, at);
      continue;
    }
    if (c == '<' && annotates(rest, at)) {
      at = annotation_end(rest, at);
      continue;
    }
    if (c == '{' || c == '[' || c == '(') ++depth;
    if (c == '}' || c == ']' || (c == ')' && depth != 0)) {
      if (depth != 0) --depth;
    } else if (c == ')') {
      argument(at);
      closed = true;
      ++at;
      break;
    } else if (c == ',' && depth == 0) {
      argument(at);
    }
    ++at;
  }
  std::string_view behind = rest.substr(at);
  skip_blanks(behind);
  if (!closed || behind.substr(0, 2) != "= ") return call;
  behind.remove_prefix(2);
  call.endless = behind.substr(0, 1) == "?";
  int64_t number = 0;
  const auto [end, error] = std::from_chars(behind.data(), behind.data() + behind.size(), number);
  if (error != std::errc{}) return call;  // "?": the process ended within
  call.complete = true;
  call.result = number;
  behind.remove_prefix(static_cast<size_t>(end - behind.data()));
  if (!behind.empty() && behind[0] == '<') {
    call.result_path = annotated(behind.substr(0, annotation_end(behind, 0)));
  } else if (number == -1) {
    skip_blanks(behind);
    size_t length = 0;
    while (length < behind.size() && word_char(behind[length])) ++length;
    call.error = behind.substr(0, length);
  }
  return call;
}

std::optional<Quoted> quoted(std::string_view argument) {
  if (argument.size() < 2 || argument[0] != '"') return std::nullopt;
  const size_t end = quoted_end(argument, 0);
  if (argument[end - 1] != '"' || end < 2) return std::nullopt;
  const std::string_view behind = argument.substr(end);
  return Quoted{unescape(argument.substr(1, end - 2)), !behind.empty()};
}

std::optional<Descriptor> descriptor(std::string_view argument) {
  Descriptor out;
  std::string_view text = argument;
  constexpr std::string_view kHere = "AT_FDCWD";
  if (text.substr(0, kHere.size()) == kHere) {
    out.number = -100;
    text.remove_prefix(kHere.size());
  } else {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.starts_with('x')) return std::nullopt;  // -X raw: 0x3
  }
  out.path = annotated(text);
  return out;
}

std::string_view field(std::string_view structure, std::string_view key) {
  for (size_t at = 0; at < structure.size();) {
    if (structure[at] == '"') {
      at = quoted_end(structure, at);
      continue;
    }
    const bool starts = at == 0 || !word_char(structure[at - 1]);
    if (starts && structure.substr(at, key.size()) == key && at + key.size() < structure.size() &&
        structure[at + key.size()] == '=') {
      const size_t from = at + key.size() + 1;
      size_t end = from, depth = 0;
      while (end < structure.size()) {
        const char c = structure[end];
        if (c == '"') {
          end = quoted_end(structure, end);
          continue;
        }
        if (c == '(') ++depth;
        if (c == ')' && depth != 0) --depth;
        if (depth == 0 && (c == ',' || c == '}')) break;
        ++end;
      }
      return structure.substr(from, std::min(end, structure.size()) - from);
    }
    ++at;
  }
  return {};
}

}  // namespace treeline::import_
