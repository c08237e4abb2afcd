// SPDX-License-Identifier: Apache-2.0
//
// A hash map from 64-bit keys to 32-bit values for millions of entries: open addressing, 12 bytes an entry, no erase.
// The key kNoKey is not storable. std::unordered_map took four times the memory and three times the time in the trie of
// a large policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/lsm/abi.h"

namespace treeline::passes {

class FlatMap {
 public:
  static constexpr uint64_t kNoKey = UINT64_MAX;

  // The value's place, and whether it was there; a new one is 0. Valid until the next call.
  uint32_t& at(uint64_t key, bool& found) {
    if (2 * (used_ + 1) > keys_.size()) grow();
    const size_t slot = find(key);
    found = keys_[slot] == key;
    if (!found) {
      keys_[slot] = key;
      values_[slot] = 0;
      ++used_;
    }
    return values_[slot];
  }

  size_t size() const { return used_; }

 private:
  size_t find(uint64_t key) const {
    size_t slot = tl_mix(key) & (keys_.size() - 1);
    while (keys_[slot] != kNoKey && keys_[slot] != key) slot = (slot + 1) & (keys_.size() - 1);
    return slot;
  }

  void grow() {
    std::vector<uint64_t> keys(keys_.empty() ? 64 : keys_.size() * 2, kNoKey);
    std::vector<uint32_t> values(keys.size());
    keys.swap(keys_);
    values.swap(values_);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == kNoKey) continue;
      const size_t slot = find(keys[i]);
      keys_[slot] = keys[i];
      values_[slot] = values[i];
    }
  }

  std::vector<uint64_t> keys_;
  std::vector<uint32_t> values_;
  size_t used_ = 0;
};

}  // namespace treeline::passes
