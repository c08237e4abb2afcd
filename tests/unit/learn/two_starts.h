// SPDX-License-Identifier: Apache-2.0
//
// What a container does in each of two starts, and the patterns that are learned of it.
//
//   EXPECT_THAT(patterns(two_starts([](Recording& r, const std::string& node, int episode) { ... })), ElementsAre("/run/{digits}.pid: write"));
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/learn/recording.h"

namespace treeline::learn::test {

// An image of just these names.
inline ImageHolds image_of(const std::set<std::string>& held) {
  return {[held](const std::string& path) { return held.contains(path); },
          [held](const std::string& directory) {
            std::vector<std::string> names;
            for (const std::string& path : held) {
              if (path.substr(0, path.rfind('/')) == directory) names.push_back(path.substr(directory.size() + 1));
            }
            return std::optional(names);
          }};
}

// Two starts, each doing `act(recording, node, episode)`.
template <typename Act>
Learned two_starts(Act act, ImageHolds image = {}) {
  std::vector<Trace> traces;
  for (int episode = 0; episode < 2; episode++) {
    Recording r("c" + std::to_string(episode), "2026-03-0" + std::to_string(1 + episode) + "T10:00:00Z");
    const auto node = r.node("entry", "/bin/a", {0});
    act(r, node, episode);
    traces.push_back(r.trace());
  }
  return learn_ok(std::move(traces), {.name = "x", .join = false, .image = std::move(image)});
}

inline std::vector<std::string> patterns(const Learned& learned, uint32_t node = 0) {
  std::vector<std::string> out;
  for (const ir::FileRule& rule : learned.policy.nodes[node].files)
    out.push_back(rule.path.text + ": " + ir::names::access_text(rule.access));
  return out;
}

struct LearnedNodeOf {
  const char *executable, *rule;
};

// Three names a start: made, written, deleted.
inline void numbered(Recording& r, const std::string& node, const std::string& before, const std::string& after, int episode,
              const char* words = "create write delete") {
  for (int i = 0; i < 3; i++) r.file(node, words, before + std::to_string(10 + 7 * i + episode) + after);
}

}  // namespace treeline::learn::test
