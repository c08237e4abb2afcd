// SPDX-License-Identifier: Apache-2.0
//
// What one profile holds, gathered from the nodes that it stands for: never less than they hold, and where it is more, the
// residual says so.
//
//   read -> r on files    list -> r on directories    map -> rm
//   write, create, delete, link, rename-in, setattr, mknod -> w on files; delete, rename-in, setattr, mkdir -> w on directories:
//     the kernel knows one right for all of these. delete is r too where the node renames (a rename reads its source).
//   append -> w as well, for a would be too little: an open with O_CREAT asks for w though the file is there, and that is how
//     shells and logs append
//   link -> a link rule as well; connect -> rw, for kernels that judge unix sockets by path
//   locks: k wherever there is r or w, since the language does not judge them
//   the own executable and the interpreter: rm, since the kernel maps them under the new profile
//
// AppArmor judges less than the language: addresses and ports, which protocol of a socket's type, whose process, a descendant or not. What it judges and the
// language leaves free (signals between processes of one node, being traced, looking at processes of the workload) is granted.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::apparmor {

// A rule that a profile holds less exactly than it is written: wider, but for what `message` says is stricter.
struct Residual {
  ir::Position position;
  std::string message;
  size_t reason = 0;  // where the message's reason begins, behind the names of what it is about: many of one reason are counted, not listed
};

constexpr size_t kMostAlike = 100;  // residuals of one reason that are listed one by one, by place

struct Rights {
  std::map<std::string, std::set<char>> files;  // glob in quotes -> letters of "rwmk"
  std::set<std::string> links;                  // globs
  std::set<std::string> sockets;                // "inet stream"
  std::set<std::string> capabilities;
  uint64_t operations = 0;  // bit n: enum tl_operation
  bool deleted = false;     // mediates deleted files
  std::vector<Residual> residuals;
};

class Gatherer {
 public:
  explicit Gatherer(const ir::Policy& policy);
  // The rights of the node are added; steps to children are not (shape.h).
  void add(uint32_t node, Rights& rights) const;

 private:
  std::set<std::string> any_socket_;  // of the whole policy: who inherits a socket may use it
  const ir::Policy& policy_;
};

}  // namespace treeline::backends::apparmor
