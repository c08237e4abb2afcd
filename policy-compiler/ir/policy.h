// SPDX-License-Identifier: Apache-2.0
//
// The policy as plain values: what the front end builds, the passes check, the back ends lower and `evaluate` gives a
// meaning. No pointers, no caches, no behaviour: a pass can copy it, a test can write one down. Every rule carries its
// place in the profile, since each later message has to name it.
//
// The tree is a vector of nodes in the order of the profile; a child's index is larger than its parent's. Three lists
// of roots: entry (the container's first exec), join (what may join a started container: `runc exec`, probes).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/support/position.h"

namespace treeline::ir {

using Position = treeline::Position;

// Bits of enum tl_access (bpf/lsm/abi.h).
using AccessSet = uint16_t;

// A path pattern as written. `text` is the source form; the grammar stands in policy-compiler/README.md and is read by
// passes/pattern.h. Objects without a path are patterns too: "{pipe}", "{memfd}", "{abstract}/name", "/tmp/{tmpfile}".
struct Pattern {
  std::string text;
  Position position;
};

struct FileRule {
  Pattern path;
  AccessSet access = 0;
  bool unsafe_write_and_execute =
      false;  // `unsafe_write_and_execute: true`: exempt from the proof that W and X never meet
};

enum class Direction : uint8_t { kOut, kIn };                              // values of enum tl_direction
enum class Protocol : uint8_t { kTcp, kUdp, kSctp, kIcmp, kRaw, kOther };  // values of enum tl_protocol

// An address block; IPv4 is held as an IPv4-mapped prefix would be read by people: family says which bytes count.
struct Cidr {
  bool v6 = false;
  std::array<uint8_t, 16> address{};  // network order; IPv4 in the first four bytes; host bits are 0
  uint8_t prefix = 0;                 // 0..32 or 0..128
};

// Where clouds hand out credentials: instances' metadata, ECS tasks' and EKS pods', Alibaba's. In no word but `any`.
const std::vector<Cidr>& metadata_addresses();

enum class PeerKind : uint8_t {
  kAny,
  kLocalhost,  // 127.0.0.0/8, ::1
  kInternal,   // RFC 1918, RFC 4193, RFC 3927/4291 link local, RFC 6598; without localhost
  kExternal,   // everything else that is unicast; never the metadata addresses (passes/network_match.h)
  kBlocks,
};

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 65535;
};

// A label of Kubernetes: a key (with or without a prefix) and a value.
struct Label {
  std::string key, value;
};

// Pods by their labels. Which addresses they have is not known to a hook, and changes: who judges addresses holds `kind`
// and `blocks` of the peer, who knows the pods (a network policy) holds this. Sorted by key.
struct PodSelector {
  std::vector<Label> pods;              // all of them; none: every pod
  std::vector<Label> name_space;        // of their namespace; none: the own one
  std::vector<PortRange> target_ports;  // where a Service translates the rule's ports; empty: the rule's
};

struct Peer {
  PeerKind kind = PeerKind::kAny;
  std::vector<Cidr> blocks;             // kBlocks only
  std::optional<PodSelector> selector;  // narrows the peer further
};

struct NetworkRule {
  Direction direction = Direction::kOut;
  Protocol protocol = Protocol::kTcp;
  Peer peer;
  std::vector<PortRange> ports;  // never empty
  Position position;
};

struct NumberRule {  // a capability, an operation, a socket kind, a netlink protocol, a user: the number and its place
  uint32_t value = 0;
  Position position;
};

struct SyscallRule {
  std::string name;
  Position position;
};

// A finding of `check` that a person took: its code, the rule's text that it is about ("": all of this code in the node), and why.
struct Accepted {
  std::string code;
  std::string about;
  std::string reason;
  Position position;
};

// What a violation costs beside the refusal: nothing, the process, the container's other processes too, a frozen container.
enum class OnViolation : uint8_t { kDeny, kKill, kKillContainer, kFreezeContainer };

// What can be violated: an exec, a file, the rule that nothing written is executed, a rule on sockets or the network, ...
enum class ViolationKind : uint8_t { kExec, kFiles, kWritten, kNetwork, kCapabilities, kOperations, kUsers };
constexpr size_t kViolationKinds = 7;

// Where the cost depends on what is violated: on the path that the node lacks a word or a step for, else on the kind.
struct ViolationCosts {
  struct Path {
    Pattern path;
    OnViolation cost = OnViolation::kDeny;
  };
  std::array<std::optional<OnViolation>, kViolationKinds> kinds;  // by ViolationKind; unset: on_violation
  std::vector<Path> paths;                                         // of those that match, the dearest
};

constexpr uint32_t kNoNode = UINT32_MAX;

struct Node {
  std::string id;  // optional label, unique in the profile; target of back edges
  Pattern executable;
  std::optional<Pattern> interpreter;  // set: a script started by its shebang, and who may interpret it
  std::string digest;                  // "", "fsverity:sha256:HEX" or "ima:sha256:HEX"
  uint32_t parent = kNoNode;           // kNoNode: a root (entry or join)
  std::vector<NumberRule> users;       // empty: any
  std::vector<FileRule> files;
  std::vector<NetworkRule> network;
  std::vector<NumberRule> sockets;  // enum tl_socket_kind
  std::vector<NumberRule> netlink;  // AF_NETLINK protocols
  std::vector<NumberRule> capabilities;
  std::vector<NumberRule> operations;  // enum tl_operation
  std::vector<SyscallRule> syscalls;
  std::vector<uint32_t> children;
  struct BackEdge {  // exec of `executable` leads to an ancestor (recursion), not to a new node
    Pattern executable;
    uint32_t target = kNoNode;
  };
  std::vector<BackEdge> back_edges;
  std::optional<OnViolation> on_violation;  // unset: the policy's, and its kinds
  ViolationCosts violation_costs;           // its paths come before the policy's
  std::vector<Accepted> accepted;           // for `check`; never in an artifact but the profile
  Position position;
};

struct Policy {
  std::string name;  // [a-z0-9._-]{1,63}
  OnViolation on_violation = OnViolation::kDeny;
  ViolationCosts violation_costs;
  std::vector<Node> nodes;
  std::vector<uint32_t> entry;
  std::vector<uint32_t> join;
  std::string file;  // as named on the command line; for messages only, never in an artifact
};

// The node's canonical path in the folded tree, the input of its key: "entry" or "join", then for each step " > " and
// the executable's pattern text; a script's step is "EXECUTABLE (INTERPRETER)". Example: "entry > /entrypoint.sh
// (/bin/sh) > /usr/sbin/nginx".
std::string canonical_path(const Policy&, uint32_t node);

// What a violation of this kind costs where no path says otherwise: the node's word for the kind, else the node's for all, else the
// policy's for the kind, else the policy's for all. `node` kNoNode: the policy's alone (of the fixed rows).
OnViolation cost_of(const Policy&, uint32_t node, ViolationKind kind);
// Of what is of no kind: the node could not be read, the path could not be walked.
OnViolation cost_of_any(const Policy&, uint32_t node);
// kDeny first, kKillContainer last.
bool dearer(OnViolation, OnViolation than);

// Key of a canonical path: FNV-1a 64 (draft-eastlake-fnv) through the finaliser of splitmix64 (tl_mix in abi.h). The
// fixed keys 0..TL_KEY_OUTSIDE are not given out: the backend reports them, and equal keys of different nodes, as
// errors.
uint64_t node_key(const std::string& canonical_path);

}  // namespace treeline::ir
