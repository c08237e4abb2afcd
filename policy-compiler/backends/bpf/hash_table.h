// SPDX-License-Identifier: Apache-2.0
//
// The image's hash tables: open addressing, linear probes, a power of two of entries, and never more than `probes`
// entries looked at (the hooks' loops are bounded). The table grows until that holds. Entries are inserted in the order
// given: same input, same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace treeline::backends::bpf {

// `hash(entry)`, and `empty(entry)` true for Entry{} only. nullopt: more than `probes` entries share a hash in all 32
// bits that a table may use; not seen with less than 2^24 entries.
template <typename Entry, typename Hash, typename Empty>
std::optional<std::vector<Entry>> make_table(const std::vector<Entry>& entries, uint32_t probes, Hash hash,
                                             Empty empty) {
  size_t size = 2;
  while (size < 2 * entries.size()) size *= 2;
  for (int attempt = 0; attempt < 6; ++attempt, size *= 2) {
    std::vector<Entry> table(size, Entry{});
    bool fits = true;
    for (const Entry& entry : entries) {
      size_t at = hash(entry) & (size - 1);
      uint32_t looked = 1;
      for (; looked <= probes && !empty(table[at]); ++looked) at = (at + 1) & (size - 1);
      if (looked > probes) {
        fits = false;
        break;
      }
      table[at] = entry;
    }
    if (fits) return table;
  }
  return std::nullopt;
}

}  // namespace treeline::backends::bpf
