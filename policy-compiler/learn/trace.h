// SPDX-License-Identifier: Apache-2.0
//
// Traces: what a learn run saw, one JSON object a line, as `treeline run --learn` and `treeline learn stop` write them.
//
//   Diagnostics diagnostics("first.jsonl");
//   std::optional<Trace> trace = read_trace(text, diagnostics);   // diagnostics name line and remedy
//
// Lines (names of objects as in object_name.h; unknown fields are ignored, so that a recorder may say more):
//   {"schema":1,"type":"trace","host_kernel":..,"started":RFC3339,"workload":..,"container":..,"late":false}    first
//   {"type":"node","node":"0xKEY","parent":"0xKEY"|"entry"|"join","exec":..,"interpreter":..,"count":N,"users":[0],"joined":false}
//   {"type":"file","node":..,"access":["read"],"path":..,"count":N,"first":ns,"last":ns,"excl":true,"existing":true}
//   {"type":"move","node":..,"from":..,"to":..,"count":N}             a rename: which name became which (optional
//   record)
//   {"type":"net","node":..,"direction":"out","protocol":"tcp","address":..,"port":N,"count":N}
//   {"type":"capability","node":..,"capability":"chown","count":N}
//   {"type":"socket","node":..,"kind":"netlink","netlink":0,"count":N}
//   {"type":"operation","node":..,"operation":"jit","count":N}        {"type":"user","node":..,"uid":101,"count":N}
//   {"type":"syscalls","node":..,"arch":"x86_64","names":[..]}        {"type":"loss","what":"events","count":N}
//   {"type":"end","stopped":RFC3339,"incomplete":false,"exit":N} last
//
// A trace is hostile input: a container chooses the names in it. No exception leaves; a line, the number of records and
// the depth of the tree have limits. Every bad line is an error, and a trace with one is not to be learned from: a rule
// that was lost in silence blocks the workload later. A trace that merely stops (no end line, a last line cut in the
// middle) is what a crash leaves: a warning, and incomplete.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::learn {

constexpr size_t kMaxTraceBytes = 512u << 20;
constexpr size_t kMaxTraceLine = 64u << 10;  // a path of 4,096 escaped bytes takes 20 KiB
constexpr size_t kMaxTraceRecords = 4'000'000;
constexpr size_t kMaxTraceNodes = 65'536;
constexpr size_t kMaxTraceDepth = 90;  // steps of the unfolded tree: what a profile can hold

struct Seen {
  uint64_t count = 1;
  uint64_t first = 0;  // ns since boot of that host; 0 = not known
  uint64_t last = 0;
};

struct TracedNode {
  uint64_t key = 0;
  uint32_t parent = ir::kNoNode;  // index into Trace::nodes, always smaller than the own one; kNoNode: a root
  bool joined = false;            // below "join", or adopted after the container had started
  std::string executable;         // walked names
  std::optional<std::string> interpreter;
  uint64_t count = 1;
  std::vector<uint32_t> users;
};

// `node` is an index into Trace::nodes.
struct TracedFile {
  uint32_t node = 0;
  ir::AccessSet access = 0;
  std::string name;  // walked
  Seen seen;
  bool exclusive = false;  // made with O_EXCL
  bool existing = false;   // opened with O_CREAT, and there already: `create` was asked for, and nothing made
};
struct TracedMove {
  uint32_t node = 0;
  std::string from, to;  // walked
};
struct TracedNet {
  uint32_t node = 0;
  ir::Direction direction = ir::Direction::kOut;
  ir::Protocol protocol = ir::Protocol::kTcp;
  ir::Cidr address;  // one address: prefix 32 or 128
  uint16_t port = 0;
  Seen seen;
};
struct TracedNumber {  // a capability, an operation, a user; a socket kind with its netlink protocol in `detail`
  uint32_t node = 0;
  uint32_t value = 0;
  uint32_t detail = 0;
  Seen seen;
};
struct TracedCalls {
  uint32_t node = 0;
  std::string architecture;
  std::vector<std::string> names;
};

struct Trace {
  std::string file;
  std::string host_kernel, workload, container;
  std::string started, stopped;  // RFC 3339, "" where not known
  bool late = false;             // bound while it was running: never counts as a start
  bool incomplete = false;       // by its own word, by a loss, or because its end is missing
  uint64_t losses = 0;
  std::string identity;  // equal for two copies of one recording; see read_trace
  std::vector<TracedNode> nodes;
  std::vector<TracedFile> files;
  std::vector<TracedMove> moves;
  std::vector<TracedNet> nets;
  std::vector<TracedNumber> capabilities, sockets, operations, users;
  std::vector<TracedCalls> calls;
};

// nullopt only with errors. diagnostics.file() is the trace's name. Two traces are of one episode (identity) when they
// name the same container, start and kernel, and where no container is named when their bytes are equal.
// `most_depth`: nodes deeper in the tree are left out with a warning. Who draws up a profile can write no more; who judges
// acts has no such bound and takes kMaxTraceNodes, since what is left out would count as allowed.
std::optional<Trace> read_trace(std::string_view text, Diagnostics& diagnostics, size_t most_depth = kMaxTraceDepth);

// The same from a file named diagnostics.file(); the Error says why it could not be read.
Result<std::optional<Trace>> load_trace(Diagnostics& diagnostics, size_t most_depth = kMaxTraceDepth);

// Days since 1970-01-01 of an RFC 3339 time or a date "YYYY-MM-DD" / "YYYYMMDD"; nullopt where it is none that exists.
std::optional<int64_t> day_of(std::string_view text);

}  // namespace treeline::learn
