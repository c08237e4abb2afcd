// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/utc.h"

#include <chrono>
#include <cstdio>

namespace treeline::utc {
namespace {

// `form` holds a digit for a digit, anything else for itself.
bool has_form(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  return true;
}

unsigned number(std::string_view digits) {
  unsigned n = 0;
  for (const char c : digits) n = n * 10 + static_cast<unsigned>(c - '0');
  return n;
}

}  // namespace

std::optional<int64_t> parse(std::string_view text) {
  const bool whole = has_form(text, "0000-00-00T00:00:00Z");
  if (!whole && !has_form(text, "0000-00-00")) return std::nullopt;
  const unsigned year = number(text.substr(0, 4));
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(number(text.substr(5, 2))),
                                         std::chrono::day(number(text.substr(8, 2)))};
  if (year < 1970 || !date.ok()) return std::nullopt;
  int64_t seconds = static_cast<int64_t>(std::chrono::sys_days(date).time_since_epoch().count()) * 86400;
  if (whole) {
    const unsigned hour = number(text.substr(11, 2)), minute = number(text.substr(14, 2)),
                   second = number(text.substr(17, 2));
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    seconds += hour * 3600 + minute * 60 + second;
  }
  return seconds;
}

std::string format(int64_t seconds) {
  const std::chrono::sys_days day{std::chrono::days(seconds / 86400)};
  const std::chrono::year_month_day date{day};
  const auto rest = static_cast<unsigned>(seconds % 86400);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02u:%02u:%02uZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), rest / 3600, rest / 60 % 60,
                rest % 60);
  return text;
}

}  // namespace treeline::utc
