// SPDX-License-Identifier: Apache-2.0
//
// A set of bytes, the alphabet of path patterns. Plain value of 32 bytes; '/' and NUL are ordinary members here, the
// pattern reader keeps them out of what a name may hold.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>

namespace treeline::passes {

class ByteSet {
 public:
  constexpr ByteSet() = default;

  static constexpr ByteSet range(uint8_t first, uint8_t last) {
    ByteSet set;
    set.add(first, last);
    return set;
  }
  // Every byte that a name may hold: all but NUL and '/'.
  static constexpr ByteSet name() {
    ByteSet set = range(1, 255);
    set.remove('/');
    return set;
  }

  constexpr bool contains(uint8_t byte) const { return (words_[byte / 64] >> (byte % 64)) & 1; }
  constexpr void add(uint8_t byte) { words_[byte / 64] |= uint64_t{1} << (byte % 64); }
  constexpr void add(uint8_t first, uint8_t last) {
    for (unsigned byte = first; byte <= last; ++byte) add(static_cast<uint8_t>(byte));
  }
  constexpr void remove(uint8_t byte) { words_[byte / 64] &= ~(uint64_t{1} << (byte % 64)); }
  // What a name may hold and this set does not.
  constexpr ByteSet complement() const {
    ByteSet set = name();
    for (unsigned i = 0; i < words_.size(); ++i) set.words_[i] &= ~words_[i];
    return set;
  }
  constexpr unsigned size() const {
    unsigned n = 0;
    for (uint64_t word : words_) n += static_cast<unsigned>(std::popcount(word));
    return n;
  }
  constexpr bool empty() const { return size() == 0; }
  constexpr const std::array<uint64_t, 4>& words() const { return words_; }

  friend constexpr auto operator<=>(const ByteSet&, const ByteSet&) = default;

 private:
  std::array<uint64_t, 4> words_{};
};

}  // namespace treeline::passes
