// SPDX-License-Identifier: Apache-2.0
//
// The files of one node: what was seen, path by path and word by word -> the rules of the draft. Literal first; else a
// class of the table (fold_names.h) where every guard holds (guards.h); else literal, and a question.
//
//   /var/lib/redis/temp-17.rdb: create    }
//   /var/lib/redis/temp-23.rdb: create    }  /var/lib/redis/temp-{digits}.rdb: create
//   /var/lib/redis/temp-31.rdb: create    }
//   /var/lib/redis/dump.rdb: rename-in       /var/lib/redis/dump.rdb: rename-in
//
// Each access word is folded by itself, from the root downwards, one component at a time: a directory whose name varies
// becomes a class first, and what lies below its names is then looked at together. A word that a path has beyond the
// pattern's own stays with the literal path. Never folded: execute and map; objects without a path; names of abstract
// sockets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy-compiler/learn/fan_out.h"
#include "policy-compiler/learn/guards.h"
#include "policy-compiler/learn/name_pattern.h"
#include "policy-compiler/learn/observed.h"
#include "policy-compiler/learn/question.h"
#include "policy-compiler/learn/series.h"

namespace treeline::learn {

constexpr size_t kMostExamples = 5;

struct LearnedFile {
  std::string pattern;  // text
  PathPattern path;     // empty for objects without a path, abstract sockets and "/"
  bool folded = false;
  std::map<ir::AccessSet, Use> words;  // without execute
  ir::AccessSet implied = 0;           // words of these that nobody was seen to use; see moves.h
  std::vector<std::string> examples;   // of a folded one: up to kMostExamples of the names it stands for, sorted
  uint64_t names = 1;                  // how many it stands for

  ir::AccessSet access() const;
};

// Sorted by pattern. `questions` gets what stayed literal though it varied.
std::vector<LearnedFile> fold_paths(const Observed& observed, uint32_t node, const Guards& guards, const Series& series,
                                    const FanOut& fan_out, std::vector<Question>& questions);

}  // namespace treeline::learn
