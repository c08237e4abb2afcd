// SPDX-License-Identifier: Apache-2.0
//
// Which arguments matter: the rules of one listed call under what the policy's nodes hold together.
//
//   socket, socketpair   the address family: of the kinds in `sockets`
//   clone, unshare       no new namespaces: of users without the operation userns, of others without the capability
//                        sys_admin
//   clone3               its flags lie in memory: ENOSYS, for which a libc calls clone, unless it is listed and every flag is free
//   personality          the kernel's own and the 32-bit ones, reading them; with stack-exec or jit any: READ_IMPLIES_EXEC is
//                        both
//   ioctl                neither TIOCSTI nor TIOCLINUX without tty-inject
//   seccomp              no listener without seccomp-listener
//   io_uring_*, userfaultfd, modify_ldt    not at all without their operation, though listed
//   fallocate, pwritev2  neither a hole nor RWF_NOAPPEND where a node may append to what it may not write
//
// The last five, clone's CLONE_NEWUSER and clone3 are what closing.json refuses: both filters hold, and merging the one
// into the other changes nothing.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/seccomp/rule.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::backends::seccomp {

// Of all nodes together, since a filter cannot tell them apart.
struct Held {
  uint64_t operations = 0;    // bit n: enum tl_operation
  uint64_t capabilities = 0;  // bit n: CAP n
  uint64_t sockets = 0;       // bit n: enum tl_socket_kind
  bool appends_only = false;  // appends_only()
};
// linux/falloc.h: PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE, WRITE_ZEROES change what is there; linux/fs.h: RWF_NOAPPEND.
constexpr uint64_t kFallocateChanges = 0x02 | 0x08 | 0x10 | 0x20 | 0x80, kNoAppend = 0x20;
// May a node append to a file by a rule that does not let it write?
bool appends_only(const ir::Policy& policy);

Held held_by_any(const ir::Policy& policy);

// Empty: the call is refused whatever its arguments.
std::vector<Rule> rules_of_call(const std::string& call, const Held& held);

// Does it pass with some arguments, where it is listed? clone3 does not while it is answered with ENOSYS.
bool may_pass(const std::string& call, const Held& held);

// What some node has to hold for a call that does not: "the operation io-uring", "a kind of 'sockets'".
std::string opened_by(const std::string& call);

}  // namespace treeline::backends::seccomp
