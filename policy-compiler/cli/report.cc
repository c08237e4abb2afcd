// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "policy-compiler/frontend/source.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

constexpr size_t kWidth = 120;  // characters of a source line that are shown

// https://no-color.org: set and not empty.
bool colour_for(int fd) {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && (no == nullptr || *no == '\0') && (term == nullptr || std::string_view(term) != "dumb");
}

std::string paint(std::string_view text, const char* code, bool colour) {
  if (!colour) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

// The characters of a line as they are shown: one cell each, nothing that moves the cursor.
std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> out;
  for (size_t at = 0; at < line.size();) {
    const size_t length = text::visible_length(line, at);
    out.push_back(length != 0 ? std::string(line.substr(at, length)) : line[at] == '\t' ? " " : "?");
    at += std::max<size_t>(length, 1);
  }
  return out;
}

// Of a line, what can be shown around the character number `column` (from 0), which becomes its number in that: a profile may be one line of
// megabytes, and is not taken apart for each finding.
std::string_view window(std::string_view line, size_t& column) {
  const auto next = [&](size_t at) { return at + std::max<size_t>(text::visible_length(line, at), 1); };
  size_t plain = 0;  // up to here one byte is one character
  while (plain < std::min(column, line.size()) && static_cast<unsigned char>(line[plain]) < 0x80) ++plain;
  const size_t begin = plain > kWidth ? plain - kWidth : 0;
  size_t at = begin, before = begin;
  std::vector<size_t> starts(kWidth);  // of the last characters before the column
  for (; before < column && at < line.size(); ++before, at = next(at)) starts[before % kWidth] = at;
  const size_t kept = std::min(before - begin, kWidth);
  const size_t from = kept == 0 ? at : starts[(before - kept) % kWidth];
  size_t end = at;
  for (size_t n = 0; n < 2 * kWidth && end < line.size(); ++n) end = next(end);
  column -= before - kept;
  return line.substr(from, end - from);
}

// How far the value that starts at `column` (from 0) goes: to the closing quote, else to what ends a word of YAML.
size_t word_end(const std::vector<std::string>& line, size_t column) {
  if (column >= line.size()) return column + 1;
  const std::string& first = line[column];
  size_t end = column + 1;
  if (first == "'" || first == "\"") {
    while (end < line.size() && line[end] != first) ++end;
    return std::min(end + 1, line.size());
  }
  while (end < line.size()) {
    const std::string& c = line[end];
    if (c == " " || c == "," || c == "]" || c == "}") break;
    if (c == ":" && (end + 1 == line.size() || line[end + 1] == " ")) break;
    ++end;
  }
  return end;
}

constexpr size_t kMostLine = 4096;  // bytes of a source line that a finding keeps

// The working directory, "" where it has none.
std::string directory() {
  std::error_code none;
  const std::filesystem::path path = std::filesystem::current_path(none);
  return none ? "" : path.string();
}

void put(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

}  // namespace

std::string render(const Diagnostic& diagnostic, std::string_view source_line, bool colour) {
  const char* tint = diagnostic.severity == Severity::kError     ? "1;31"
                     : diagnostic.severity == Severity::kWarning ? "1;35"
                                                                 : "1;36";
  std::string out;
  std::string place = text::printable(diagnostic.file, 4096);
  if (diagnostic.position.line != 0)
    place += ":" + std::to_string(diagnostic.position.line) + ":" + std::to_string(diagnostic.position.column);
  if (!place.empty()) out += paint(place + ":", "1", colour) + " ";
  out += paint(std::string(severity_name(diagnostic.severity)) + ":", tint, colour) + " " + diagnostic.message + " [" +
         diagnostic.code + (diagnostic.risk.empty() ? "" : ", " + diagnostic.risk) + "]\n";
  if (diagnostic.position.line != 0 && !source_line.empty()) {
    size_t column = diagnostic.position.column == 0 ? 0 : diagnostic.position.column - 1;
    const std::string_view shown = window(source_line, column);
    std::vector<std::string> line = cells(shown);
    size_t end = word_end(line, column);
    if (line.size() > kWidth) {
      const size_t from = column > kWidth / 2 ? column - kWidth / 2 : 0;
      line.erase(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(std::min(from, line.size())));
      if (line.size() > kWidth) line.resize(kWidth);
      column -= from;
      end -= from;
    }
    end = std::min(end, std::max(line.size(), column + 1));
    const std::string number = std::to_string(diagnostic.position.line);
    const std::string margin(number.size() < 5 ? 5 - number.size() : 0, ' ');
    out += margin + number + " | ";
    for (const std::string& cell : line) out += cell;
    out += "\n" + std::string(std::max<size_t>(5, number.size()), ' ') + " | " + std::string(column, ' ') +
           paint("^" + std::string(end - column - 1, '~'), tint, colour) + "\n";
  }
  if (!diagnostic.remedy.empty()) out += "      = " + diagnostic.remedy + "\n";
  return out;
}

Report::Report(std::string command, Output output)
    : output_(output), colour_out_(colour_for(STDOUT_FILENO)), colour_err_(colour_for(STDERR_FILENO)) {
  document_.command = std::move(command);
}

void Report::print(std::string_view text) {
  if (!document()) put(stdout, text);
  if (output_.format == Format::kMarkdown) document_.text += text;
}

std::string Report::strong(std::string_view text) const { return paint(text, "1", colour_out_ && !document()); }

void Report::diagnostics(const Diagnostics& diagnostics, std::string_view text) {
  const frontend::Source source(text);
  formats::Subject subject{text::printable(diagnostics.file(), 4096), {}, diagnostics.dropped(), {}};
  size_t accepted = 0;
  for (const Diagnostic& d : diagnostics.list()) {
    const std::string_view line = source.line(d.position.line);
    // What a person signed for is in the documents, not on the screen.
    if (!quiet() && d.accepted.empty()) put(stderr, render(d, line, colour_err_));
    if (document()) subject.findings.push_back({d, std::string(line.substr(0, kMostLine)), fails_ && fails_(d)});
    accepted += !d.accepted.empty();
  }
  if (document()) document_.subjects.push_back(std::move(subject));
  if (quiet() || (diagnostics.errors() == 0 && diagnostics.warnings() == 0 && diagnostics.dropped() == 0)) return;
  const auto many = [](size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); };
  std::string last = text::printable(diagnostics.file(), 4096) + ": " +
                     many(diagnostics.errors(), "error") + ", " +
                     many(diagnostics.warnings(), "warning");
  if (accepted != 0) last += ", " + std::to_string(accepted) + " accepted";
  if (diagnostics.dropped() != 0) last += " (" + std::to_string(diagnostics.dropped()) + " not shown: " + diagnostics.dropped_text() + ")";
  put(stderr, last + "\n");
}

void Report::judged(Case one) {
  if (!document()) return;
  std::vector<formats::Subject>& all = document_.subjects;
  if (all.empty() || all.back().file != text::printable(one.file, 4096))
    all.push_back({text::printable(one.file, 4096), {}, 0, {}});
  all.back().cases.push_back(std::move(one));
}

int Report::error(const Error& error, int exit) {
  if (!quiet())
    put(stderr, paint("treelinec:", "1", colour_err_) + " " + paint("error:", "1;31", colour_err_) + " " +
                    error.message + "\n");
  if (!document()) return exit;
  document_.error = error;
  return finish(exit);
}

int Report::usage(const Error& e) { return error(e, kUsage); }
int Report::failed(const Error& e) { return error(e, kFailed); }

int Report::finish(int exit) {
  document_.exit = exit;
  switch (output_.format) {
    case Format::kText:
      break;
    case Format::kJson:
      put(stdout, formats::to_json(document_));
      break;
    case Format::kSarif:
      put(stdout, formats::to_sarif(document_, directory()));
      break;
    case Format::kJunit:
      put(stdout, formats::to_junit(document_));
      break;
    case Format::kMarkdown:
      put(stdout, formats::to_markdown(document_));
      break;
  }
  return written(exit);
}

int written(int exit) {
  // A write that failed earlier (a full disk) is no success either.
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit;
  put(stderr, "treelinec: error: cannot write standard output: it is not whole\n");
  return kFailed;
}

}  // namespace treeline::cli
