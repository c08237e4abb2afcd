// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/log.h"

#include <unistd.h>

#include <cstdlib>

#include "enforcer/base/bytes.h"

namespace treeline {
namespace {
LogLevel quietest = LogLevel::kInfo;
}

void set_log_level(LogLevel level) { quietest = level; }

static void write_line(LogLevel level, std::string_view message) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const std::string start = journal ? "<" + std::to_string(static_cast<int>(level)) + ">" : "treelined: ";
  std::string line = start;
  // Names inside a message may come from a container: what they start as a new line is shown as a continued one.
  for (char c : message) {
    if (c == '\n') line += "\n" + start + "  ";
    else if (static_cast<unsigned char>(c) < 0x20) line += escape_bytes(std::string_view(&c, 1));
    else line += c;
  }
  line += '\n';
  [[maybe_unused]] ssize_t n = write(STDERR_FILENO, line.data(), line.size());
}

void log_line(LogLevel level, std::string_view message) {
  if (level <= quietest) write_line(level, message);
}

void log_audit(std::string_view message) { write_line(LogLevel::kNotice, "audit: " + std::string(message)); }

}  // namespace treeline
