// SPDX-License-Identifier: Apache-2.0
//
// The bpf back end: a checked policy becomes the image that the hooks read (bpf/lsm/abi.h).
//
//   std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
//   if (!paths || !passes::check_paths(policy, *paths, diagnostics)) return;
//   std::optional<Lowered> lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
//
// The same policy gives the same bytes on every machine: nothing in an image depends on addresses, time or the order of
// a hash table. Classes are columns of the (row, class) matrix, not rules: two rules that give every node the same
// rights and the same steps are one class, and the automaton is the smallest one for these classes.
//
// What an image cannot say is listed in `residuals`, never dropped in silence: digests of executables, system calls.
// What cannot be laid out at all (65 users of one node, more than 2^17 address ranges, equal keys) is an error in
// `diagnostics`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::backends::bpf {

struct RowInfo {
  uint32_t row = 0;   // of the image; passes::row_of_node(node)
  uint32_t node = 0;  // of the policy
  uint64_t key = 0;
  std::string path;  // canonical path
};

struct Residual {
  ir::Position position;
  std::string message;  // which rule, and why the image does not hold it
  enum class Rule { kDigest, kSyscalls, kSelector };
  Rule rule = Rule::kDigest;
};

// Sizes, for people and for tests of size.
struct ImageFigures {
  uint32_t states = 0;  // of the automaton, the dead one included
  uint32_t slots = 0;   // of its comb
  uint32_t used_slots = 0;
  uint32_t classes = 0;  // reserved ones included
  uint32_t blocks = 0;
  uint32_t edges = 0;
  uint32_t moves = 0;
  uint32_t words = 0;  // shortcuts of the automaton
  uint32_t peer_classes = 0;
  uint32_t port_classes = 0;
};

struct Lowered {
  std::string image;
  uint64_t policy = 0;        // tl_image_header.policy
  std::vector<RowInfo> rows;  // of the nodes, ascending
  std::vector<Residual> residuals;
  ImageFigures figures;
};

// The hash of a policy's name in its images.
uint64_t policy_hash(const std::string& name);

// nullopt: errors were reported. The paths must have passed check_paths(); that is checked again where the layout
// depends on it.
std::optional<Lowered> lower(const ir::Policy& policy, passes::Paths paths, Diagnostics& diagnostics);

}  // namespace treeline::backends::bpf
