// SPDX-License-Identifier: Apache-2.0
//
// Times. The kernel side counts nanoseconds since boot (CLOCK_BOOTTIME, suspend included); people read RFC 3339 in UTC.
#pragma once

#include <cstdint>
#include <string>

namespace treeline {

uint64_t boot_ns();                       // now, CLOCK_BOOTTIME
int64_t unix_ns();                        // now, CLOCK_REALTIME
int64_t unix_ns_of_boot(uint64_t boot);   // by the difference of the two clocks now: a step of the wall clock moves it; what lies ahead is now
std::string rfc3339(int64_t unix_nanoseconds);     // 2024-05-01T12:04:31.000000123Z
std::string clock_of_day(int64_t unix_nanoseconds);  // 12:04:31, local time: for a terminal

}  // namespace treeline
