// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/report.h"

#include <fcntl.h>
#include <syslog.h>
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

std::string log_entry(const std::string& message, bool json) {
  const std::string time = rfc3339(unix_ns()), quoted = json::quote(message);
  if (json) return "{\"level\":\"error\",\"msg\":" + quoted + ",\"time\":\"" + time + "\"}\n";
  return "time=\"" + time + "\" level=error msg=" + quoted + "\n";
}

namespace {

// One line: what is told may hold names that others chose, and texts of several lines.
std::string line_of(const std::string& message) {
  std::string line = "treeline-oci: ";
  for (char c : message) line += c == '\n' ? std::string("; ") : std::string(1, c);
  return text::printable(line, 4000);
}

void to_stderr(const std::string& line) { (void)!write(STDERR_FILENO, (line + "\n").data(), line.size() + 1); }

void to_log(const std::string& line, const RuntimeLog& log) {
  std::string file = log.file;
  if (file.rfind("file:", 0) == 0)
    file.erase(0, 5);
  else if (file.rfind("journald:", 0) == 0 || file.rfind("syslog:", 0) == 0)
    return;
  if (file.empty() || file == "/dev/stderr") return;
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644));
  if (!fd) return;
  const std::string entry = log_entry(line, log.json);
  (void)!write(fd.get(), entry.data(), entry.size());
}

}  // namespace

void report(const std::string& message, const RuntimeLog& log) {
  const std::string line = line_of(message);
  to_stderr(line);
  to_log(line, log);
}

void warn(const std::string& message) {
  openlog("treeline-oci", LOG_PID, LOG_DAEMON);
  syslog(LOG_WARNING, "%s", text::printable(message, 2000).c_str());
}

}  // namespace treeline::oci
