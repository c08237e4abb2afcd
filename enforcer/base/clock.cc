// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/clock.h"

#include <cstdio>
#include <ctime>

namespace treeline {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t now(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

}  // namespace

uint64_t boot_ns() { return static_cast<uint64_t>(now(CLOCK_BOOTTIME)); }
int64_t unix_ns() { return now(CLOCK_REALTIME); }
int64_t unix_ns_of_boot(uint64_t boot) {
  const uint64_t boot_now = boot_ns();
  return unix_ns() - static_cast<int64_t>(boot < boot_now ? boot_now - boot : 0);
}

std::string rfc3339(int64_t ns) {
  time_t seconds = ns / kSecond;
  int64_t rest = ns % kSecond;
  if (rest < 0) rest += kSecond, --seconds;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64], full[96];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(full, sizeof full, "%s.%09ldZ", text, static_cast<long>(rest));
  return full;
}

std::string clock_of_day(int64_t ns) {
  time_t seconds = ns / kSecond;
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  strftime(text, sizeof text, "%H:%M:%S", &parts);
  return text;
}

}  // namespace treeline
