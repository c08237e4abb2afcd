// SPDX-License-Identifier: Apache-2.0
//
// The past lines of `treeline events`, for who asks later. Where they are too many, the oldest of whom most of them are goes: a container that is refused
// much pushes out its own lines, and nobody else's before it has as few.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace treeline::daemon {

class Backlog {
 public:
  explicit Backlog(size_t most) : most_(most) {}

  // `of`: the container's index; 0: no container's.
  void add(uint32_t of, std::string line) {
    lines_.push_back({of, std::move(line)});
    ++held_[of];
    if (lines_.size() <= most_) return;
    const auto loudest = std::max_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    lines_.erase(std::find_if(lines_.begin(), lines_.end(), [&](const Line& each) { return each.of == loudest->first; }));
    if (--loudest->second == 0) held_.erase(loudest);
  }
  [[nodiscard]] size_t size() const { return lines_.size(); }
  [[nodiscard]] const std::string& at(size_t index) const { return lines_[index].text; }  // 0 is the oldest

 private:
  struct Line {
    uint32_t of = 0;
    std::string text;
  };
  size_t most_;
  std::deque<Line> lines_;
  std::map<uint32_t, size_t> held_;  // by whose they are
};

}  // namespace treeline::daemon
