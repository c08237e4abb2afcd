// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4), by OpenSSL's EVP.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace treeline {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view bytes);

// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace treeline
