// SPDX-License-Identifier: Apache-2.0
//
// What several traces saw, as one tree: the union of their nodes by step (executable and interpreter) from the roots,
// and of what each node did. The merge is a union of sets and sums of counts, so neither the order of the traces nor a
// trace given twice changes it.
//
//   std::vector<Trace> episodes = distinct_episodes(std::move(traces), diagnostics);
//   Observed observed = merge(episodes);
//   observed.nodes[i].files["/etc/passwd"][TL_READ].episodes        // {0, 2}: seen in the first and the third start
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::learn {

constexpr uint32_t kNoStart = UINT32_MAX;

// A trace (index into the vector of traces) and the start that it shows: its own, or kNoStart.
struct Episode {
  uint32_t trace = 0;
  uint32_t start = kNoStart;
};

// How often, in which starts (ascending; none where it was seen in late traces only), from when to when.
struct Use {
  struct Time {
    uint32_t episode = UINT32_MAX;  // the trace
    uint64_t ns = 0;  // since boot of that episode's host
    auto operator<=>(const Time&) const = default;
  };
  uint64_t count = 0;
  std::vector<uint32_t> episodes;
  Time first{UINT32_MAX, 0}, last{0, 0};

  void add(const Episode& episode, const Seen& seen);
  void add(const Use& other);
};

// A step of the tree, as walked names.
struct Step {
  std::string executable;
  std::string interpreter;  // "" where the executable is none's script
  auto operator<=>(const Step&) const = default;
};
std::string step_text(const Step& step);  // as in ir::canonical_path

struct NetUse {  // the key; ordered for byte-stable output
  ir::Direction direction;
  ir::Protocol protocol;
  bool v6;
  std::array<uint8_t, 16> address;
  uint16_t port;
  auto operator<=>(const NetUse&) const = default;
};

struct ObservedNode {
  Step step;
  uint32_t parent = ir::kNoNode;
  bool joined = false;
  std::map<Step, uint32_t> children;
  std::map<Step, uint32_t> back_edges;  // filled by fold_tree
  uint32_t merged_into = ir::kNoNode;   // by fold_tree: this node is no more, its acts are that one's

  Use executions;
  std::map<std::string, std::map<ir::AccessSet, Use>> files;  // walked name, one word
  std::map<NetUse, Use> nets;
  std::map<std::pair<uint32_t, uint32_t>, Use> sockets;  // kind, netlink protocol
  std::map<uint32_t, Use> capabilities, operations, users;
  std::set<std::string> calls;          // that the language can name: of x86_64, i386, x32, arm64
  std::set<std::string> foreign_calls;  // others: "arm read", "i386 syscall-999"
};

// What is known of a path, whichever node did it: who may be given to a class (see fold_names.h).
struct Birth {
  bool made = false;                   // create, mkdir, mknod, link, rename-in: it was not there before
  bool exclusive = false;              // with O_EXCL, mkdir, link, mknod: the name was chosen not to exist
  bool removed = false;                // deleted, or renamed away
  std::map<uint32_t, uint64_t> times;  // trace -> first ns it was made in it
};

struct Move {
  uint32_t node;  // who renamed
  std::string from, to;
  auto operator<=>(const Move&) const = default;
};

struct Observed {
  std::vector<ObservedNode> nodes;  // a parent before its children, until fold_tree
  std::map<Step, uint32_t> entry, join;
  std::map<std::string, Birth> births;
  bool tells_exclusive = false;    // some record tells O_EXCL; otherwise the recorders did not
  std::set<std::string> executed;  // executables, interpreters and files mapped executable, by whomever
  std::set<std::string> written;   // write, append, create, link, rename-in, mknod, by whomever
  std::set<Move> moves;
  uint32_t starts = 0;  // how many the traces show
  std::vector<std::pair<int64_t, int64_t>> days;  // per trace: first and last day; empty range where not known
};

// Sorted by identity, copies of one recording united. Says what it unites.
std::vector<Trace> distinct_episodes(std::vector<Trace> traces, Diagnostics& diagnostics);

// Of each trace its start: itself, as a recording begins with its container. What was bound late shows none: it may hold what another
// recording of the same run holds, which is no evidence that the next run has other names.
std::vector<Episode> starts_of(const std::vector<Trace>& traces);

// `with_join`: whether processes that joined are part of it; otherwise they leave no trace here at all.
Observed merge(const std::vector<Trace>& episodes, bool with_join);

// Access words that change what a later reader (or exec) of the name gets: the W of "W and X never meet".
extern const ir::AccessSet kWrittenWords;

}  // namespace treeline::learn
