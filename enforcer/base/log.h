// SPDX-License-Identifier: Apache-2.0
//
// What the daemon says about itself, to stderr, one line each, with the priority that journald reads ("<4>", sd-daemon(3))
// when it says that it reads a stream of ours (JOURNAL_STREAM is set). Not for events of policies: those have a schema (enforcer/events).
#pragma once

#include <string>
#include <string_view>

namespace treeline {

enum class LogLevel { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

void set_log_level(LogLevel quietest_shown);
void log_line(LogLevel level, std::string_view message);
// What root asked for and who asked: shown whatever the level.
void log_audit(std::string_view message);
inline void log_error(std::string_view m) { log_line(LogLevel::kError, m); }
inline void log_warning(std::string_view m) { log_line(LogLevel::kWarning, m); }
inline void log_notice(std::string_view m) { log_line(LogLevel::kNotice, m); }
inline void log_info(std::string_view m) { log_line(LogLevel::kInfo, m); }

}  // namespace treeline
