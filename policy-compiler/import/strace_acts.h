// SPDX-License-Identifier: Apache-2.0
//
// What a call that succeeded says of the rights of the program that made it.
//
// Names are taken as the program gave them; where -y prints what was opened, that is taken instead, since the hooks see
// the file behind the links. A cut name is never taken.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/strace_line.h"
#include "policy-compiler/import/strace_state.h"

namespace treeline::import_ {

class Tracee {
 public:
  Tracee(bool syscalls, Diagnostics& diagnostics)
      : draft_(diagnostics), syscalls_(syscalls), diagnostics_(diagnostics) {}

  // False: over a bound, reported.
  bool act(Process& process, std::string_view name, const Call& call, Position position);
  // Each call by its own name, whether it succeeds or ends: its program lists it.
  void note_call(const Process& process, std::string_view name, Position position);
  // It executed what the log does not show: what it does from here on is nobody's right.
  void lose(Process& process, Position position);
  // It is gone; what comes under its number is not its own.
  void leave(Process& process);
  std::optional<ir::Policy> finish(std::string_view name) &&;

 private:
  using Arguments = std::vector<std::string_view>;

  bool exec(Process& process, const Call& call, size_t path, std::optional<size_t> directory, Position position);
  void inherit(Process& process, Position position);
  void open(Process& process, std::string_view name, const Call& call, Position position);
  void paths(Process& process, std::string_view name, const Call& call, Position position);
  void descriptors(Process& process, std::string_view name, const Call& call, Position position);
  void table(Process& process, std::string_view name, const Call& call);  // of descriptors
  void by_descriptor(Process& process, std::string_view name, const Call& call, Position position);
  void memory(Process& process, std::string_view name, const Call& call, Position position);
  void network(Process& process, std::string_view name, const Call& call, Position position);
  void operations(Process& process, std::string_view name, const Call& call, Position position);

  // The path of argument `at`, from the directory of argument `directory` where there is one. nullopt: reported.
  std::optional<std::string> path(Process& process, const Call& call, size_t at, std::optional<size_t> directory,
                                  Position position);
  // The pattern of a descriptor's file. nullopt: not known.
  std::optional<std::string> pattern_behind(const Process& process, std::string_view argument);
  // Had the descriptor's file a name that is gone, as far as the log shows?
  bool is_unlinked(const OpenFile& file) const;
  bool is_unlinked(const Process& process, std::string_view argument) const;
  // linkat: what its new name needs beside 'link'. A file that had none is made by it.
  uint32_t first_name(const Process& process, const Call& call, Position position);
  // Is argument `whom`, a process's number, that of another one? -1: nobody's number, so it may be.
  bool is_other(const Process& process, const Call& call, int whom) const;
  // A name from a root that is not the container's: reported.
  bool is_elsewhere(const Process& process, const std::string& name, Position position);
  void grant(Process& process, const std::string& path, uint32_t access, Position position);
  void grant_pattern(Process& process, const std::string& pattern, uint32_t access, Position position);
  // Said once a reason, with the first place, and how often.
  void lost(std::string reason, std::string remedy, Position position);

  struct Loss {
    std::string remedy;
    Position position;
    size_t count = 0;
  };

  ir::Node& node(const Process& process) { return policy_.nodes[process.node]; }

  Draft draft_;
  ir::Policy policy_;
  std::vector<std::map<std::string, uint32_t, std::less<>>> children_;  // by node: executable -> node
  std::map<std::string, uint32_t, std::less<>> roots_;
  std::vector<std::map<std::string, ir::FileRule, std::less<>>> files_;  // by node
  std::vector<std::map<std::string, Position, std::less<>>> calls_;      // by node
  std::vector<std::set<std::string, std::less<>>> networks_;             // by node: rules that it has
  std::map<std::string, Loss> losses_;
  std::map<std::string, size_t, std::less<>> removed_;  // names: at which act
  size_t acts_ = 0;
  size_t unlisted_ = 0;  // beyond kMost reasons
  Position first_unlisted_;
  Position numbers_;  // where a number below the own directory of /proc became {digits} first
  size_t rules_ = 0;
  bool pivoted_ = false;
  bool resolved_ = false;  // -y was given
  bool syscalls_;
  Diagnostics& diagnostics_;
};

}  // namespace treeline::import_
