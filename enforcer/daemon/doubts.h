// SPDX-License-Identifier: Apache-2.0
//
// Which doubts are news. The hooks count them since they were loaded, without a time, and any container can cause one (a path of 4,097 bytes): `status`
// would be degraded for ever after the first.
#pragma once

#include <cstdint>
#include <map>

namespace treeline::daemon {

class Doubts {
 public:
  static constexpr uint64_t kNews = 3600ull * 1000 * 1000 * 1000;  // ns
  // At each look. True: this counter has risen since the look before, or had at one within kNews. The first look of a daemon finds all of it new.
  bool is_new(uint32_t counter, uint64_t count, uint64_t now_ns) {
    Seen& seen = seen_[counter];
    if (count != seen.count) seen = {count, now_ns};
    return now_ns - seen.at < kNews;
  }

 private:
  struct Seen {
    uint64_t count = 0, at = 0;
  };
  std::map<uint32_t, Seen> seen_;
};

}  // namespace treeline::daemon
