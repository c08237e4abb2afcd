// SPDX-License-Identifier: Apache-2.0
//
// Moments as a person writes them: UTC, to the second. RFC 3339 with a 'Z', or the date alone, which is its first
// second.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace treeline::utc {

// Seconds since 1970. "2027-01-31", "2027-01-31T12:00:00Z"; years 1970 to 9999, no leap seconds, nothing else.
std::optional<int64_t> parse(std::string_view text);

// "2027-01-31T12:00:00Z"; of a moment that parse() can give.
std::string format(int64_t seconds);

}  // namespace treeline::utc
