// SPDX-License-Identifier: Apache-2.0
//
// From what a source says to an ir::Policy: rules gathered without duplicates, programs put into a tree.
//
//   Draft draft(diagnostics);
//   draft.grant_file(draft.common, "/etc/hosts", TL_READ, position);
//   draft.programs.push_back({{"/usr/sbin/web", position}, {}, true, false, {}, {}});
//   std::optional<ir::Policy> policy = std::move(draft).finish("web");
//
// Most formats know which programs run and what the container may do, but not who starts whom. `anywhere` says that any
// program may start this one. Written out exactly that is a tree of every order of them; up to three it is written,
// beyond only the first step is, and a question says so. A program that nothing leads to has no place: where the source
// names it, it is listed as left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/import/import.h"

namespace treeline::import_ {

struct Program {
  ir::Pattern executable;
  ir::Node own;                // rules of this program alone
  bool anywhere = true;        // the container may start it, and so may every program of it
  bool root = false;           // the container may start it
  std::vector<size_t> starts;  // beside those, by index
  std::vector<Position> places;  // where the source names it
};

class Draft {
 public:
  explicit Draft(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  ir::Node common;  // rules that every program holds
  std::vector<Program> programs;

  // Index of the program with this executable, made when there is none. The place is remembered.
  size_t program(std::string_view pattern, Position position);

  // Each reports what cannot be a rule as not carried.
  void grant_file(ir::Node& node, std::string_view pattern, ir::AccessSet access, Position position);
  void grant_capability(ir::Node& node, std::string_view name, Position position);  // CAP_CHOWN, chown
  void grant_syscall(ir::Node& node, std::string_view name, Position position);
  // All of a protocol, in both directions: what "tcp may be used" means in formats that do not know peers.
  void grant_protocol(ir::Node& node, std::string_view name, Position position, const ir::Peer& peer = {});

  // nullopt: no program, or over a bound: reported.
  std::optional<ir::Policy> finish(std::string_view name) &&;

 private:
  struct Tree;
  void list_unreached() const;
  Diagnostics& diagnostics_;
  bool too_many_ = false;
};

// "CAP_NET_RAW", "net_raw" -> 13.
std::optional<uint32_t> capability_number(std::string_view name);

// Adds the value once.
void add_number(std::vector<ir::NumberRule>& list, uint32_t value, Position position);

// Merges what is said twice and sorts: drafts of equal content are equal bytes.
void normalise(ir::Node& node);

// [a-z0-9_][a-z0-9._-]{0,62} out of any text; "imported" where nothing of it is left.
std::string label_of(std::string_view text);

}  // namespace treeline::import_
