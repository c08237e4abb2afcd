// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "enforcer/base/clock.h"
#include "enforcer/base/fd.h"
#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {

int exit_status_of(const Error& error) {
  switch (error.code) {
    case ECONNREFUSED:
    case ETIMEDOUT:
      return kCannotAsk;
    case ENOTSUP:
      return kNotEnforced;
    default:
      return kRefused;
  }
}

std::string log_entry(const std::string& message, bool json, Level level) {
  const std::string time = rfc3339(unix_ns()), quoted = json::quote(message),
                    word = level == Level::kError ? "error" : "warning";
  if (json) return "{\"level\":\"" + word + "\",\"msg\":" + quoted + ",\"time\":\"" + time + "\"}\n";
  return "time=\"" + time + "\" level=" + word + " msg=" + quoted + "\n";
}

namespace {

// One line: what is told may hold names that others chose, and texts of several lines.
std::string line_of(const std::string& message) {
  std::string line = "treeline-oci: ";
  for (char c : message) line += c == '\n' ? std::string("; ") : std::string(1, c);
  return text::printable(line, 4000);
}

void to_stderr(const std::string& line) { (void)!write(STDERR_FILENO, (line + "\n").data(), line.size() + 1); }

bool to_log(const std::string& line, const RuntimeLog& log, Level level) {
  std::string file = log.file;
  if (file.rfind("file:", 0) == 0)
    file.erase(0, 5);
  else if (file.rfind("journald:", 0) == 0 || file.rfind("syslog:", 0) == 0)
    return false;
  if (file.empty() || file == "/dev/stderr") return false;
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644));
  if (!fd) return false;
  const std::string entry = log_entry(line, log.json, level);
  return write(fd.get(), entry.data(), entry.size()) == static_cast<ssize_t>(entry.size());
}

}  // namespace

void report(const std::string& message, const RuntimeLog& log) {
  const std::string line = line_of(message);
  to_stderr(line);
  to_log(line, log, Level::kError);
}

void warn(const std::string& message, const RuntimeLog& log) {
  const std::string line = line_of(message);
  if (!to_log(line, log, Level::kWarning)) to_stderr(line);
}

}  // namespace treeline::oci
