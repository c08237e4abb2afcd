// SPDX-License-Identifier: Apache-2.0
//
// Why each rule of a draft is there: how often, in which episodes, from when to when, and for a folded one some of the
// names that it stands for. A file beside the profile, for the person who reviews it; nothing of it enters a bundle.
// Keys sorted, no clock of this machine: equal traces give equal bytes.
//
//   {"schema":1,"type":"evidence","profile":"redis","episodes":[{"started":..,"container":..,"kernel":..,"complete":true}],
//    "nodes":[{"node":"entry >
//    /usr/bin/redis-check-rdb","executions":{..},"files":[{"pattern":"/var/lib/redis/temp-{digits}.rdb",
//      "names":3,"examples":[..],"words":{"create":{"count":3,"episodes":[0,1],"first":{"episode":0,"ns":..},"last":{..}}},
//      "implied":["read"]}],"network":[..],"capabilities":{..},..}],"questions":[..]}
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/learn/fold_paths.h"
#include "policy-compiler/learn/network_rules.h"
#include "policy-compiler/learn/observed.h"
#include "policy-compiler/learn/question.h"
#include "policy-compiler/learn/trace.h"

namespace treeline::learn {

struct DraftNode {
  uint32_t observed = 0;  // index into Observed::nodes
  std::string path;       // canonical
  std::vector<LearnedFile> files;
  std::vector<LearnedNet> network;
};

std::string evidence_json(const std::string& profile, const std::vector<Trace>& episodes, const Observed& observed,
                          const std::vector<DraftNode>& nodes, const std::vector<Question>& questions);

}  // namespace treeline::learn
