// SPDX-License-Identifier: Apache-2.0
//
// Recorded acts judged by a compiled policy: would enforcing it have stopped the workload, and which of its grants did nothing need?
//
//   const Replay replay = replay_traces({&policy, &paths}, image_bytes, calls, rules, traces);
//   if (!replay.denied.empty()) ...
//
// Each act is asked of the image by decide.h, as the hooks ask it. A trace's tree is followed along the image's steps; where a step is
// missing, the exec is denied and what the program did afterwards is counted in `unreached`, since it would not have run.
//
// A trace holds what a program served, not who came: of an `in` record the question is that of bind and listen. Where the node lets only some
// of those in who could have come, nothing can be said of them: `unknown_peers`, and `complete` is false.
//
// A trace does not say what a moved name was: a directory, where it has an act of one on either name or a name below it.
//
// System calls are asked of the filters (replay_calls.h), which see their arguments and a trace does not: what they pass with some arguments only
// is not judged, and `complete` is false. Without a filter of listed calls only what the closing filter refuses is judged. A trace does not count
// calls. Of the rules, `used` is asked of the profile that the image was compiled from, and of `syscalls` only what the trace names.
#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/replay_calls.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/learn/trace.h"

namespace treeline::analysis {

struct DeniedAct {
  std::string node;    // canonical path, "entry", "join"
  std::string act;     // a word of `explain`: "read", "exec", "execute", "interpret", "out", "listen", "capability", "syscall", ...; "move"
  std::string object;  // as the profile writes it; of a move "FROM to TO"
  uint64_t count = 0;  // of a system call: traces and architectures that have it
  std::string trace;   // the first that has it
  Position position;   // of the node in the profile; none of "entry" and "join"
};

struct UnusedRule {
  bundle::RuleEntry rule;
  std::string words;  // file: the words that nothing needed; "" of other kinds
};

struct Replay {
  uint64_t acts = 0;       // different ones, judged
  uint64_t unreached = 0;  // of programs whose exec is denied
  uint64_t unjudged = 0;   // system calls: `undecided`, and what no filter of the bundle is about
  uint64_t lost = 0;       // acts that the recorder could not keep
  bool complete = true;    // false: some trace is late, incomplete or empty, or calls or peers are not known: nothing denied is no "all allowed"
  std::set<std::string> undecided;  // calls that a filter passes or refuses by their arguments
  std::set<std::pair<std::string, std::string>> unknown_peers;  // node and port: "tcp:80"
  std::vector<DeniedAct> denied;   // sorted by node, act, object
  std::vector<UnusedRule> unused;  // in the order of `rules`
};

Replay replay_traces(const Version& policy, std::string_view image, const CallFilters& calls,
                     const std::vector<bundle::RuleEntry>& rules, const std::vector<learn::Trace>& traces);

}  // namespace treeline::analysis
