// SPDX-License-Identifier: Apache-2.0
//
// "May node X do Y to Z, and which line says so?" as words of a command line.
//
//   NODE    an id of the profile, a canonical path ("entry > /entrypoint.sh (/bin/sh)"), a key (0x...), an executable
//   that
//           only one node has; "entry" is the runtime before the first exec, "join" what joins a started container
//   ACT     OBJECT
//   read write append create delete link rename-in setattr list mkdir mknod map connect execute, joined by commas
//           a path as the profile writes names: /etc/hosts, {pipe}, /proc/{own}/status, /tmp/{tmpfile},
//           {abstract}/name; nothing else in it is a pattern: '*' is the name '*'.
//           /proc/77 and /proc/self are no objects (passes/process_name.h)
//   exec, interpret        a path
//   out, in                PROTOCOL:ADDRESS:PORT, an IPv6 address in brackets: tcp:10.0.0.1:5432, udp:[::1]:53,
//   icmp:10.0.0.1 listen                 PROTOCOL:PORT capability, operation, user    its name or number socket a kind:
//   inet-stream, netlink:route
//   syscall                a name of syscalls(2): is it in the node's list? The filter is one for the workload; the answer says what that changes
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/evaluate.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

// What the words ask, for whoever can answer: evaluate() here, the image and other back ends in tests.
struct Question {
  enum class Kind : uint8_t {
    kAccess,
    kExec,
    kInterpret,
    kConnect,
    kAccept,
    kListen,
    kCapability,
    kOperation,
    kUser,
    kSocket,
    kSyscall
  };
  Kind kind = Kind::kAccess;
  uint32_t row = 0;
  passes::Object object;    // kAccess, kExec, kInterpret
  ir::AccessSet words = 0;  // kAccess
  uint32_t number = 0;      // of a capability, an operation, a user, a kind of socket
  uint32_t netlink = 0;     // of a netlink socket: its protocol
  ir::Protocol protocol = ir::Protocol::kTcp;
  passes::Address address;
  uint32_t port = 0;
  std::string call;  // kSyscall
};

// Error: the question has no meaning (no such node, act or object); its message says what would have.
Result<Question> read_question(const ir::Policy& policy, const std::string& node, const std::string& act,
                               const std::string& object);

passes::Verdict evaluate(passes::Evaluator& evaluator, const Question& question);

struct Answer {
  bool allowed = false;
  uint32_t row = 0;
  std::string node;  // canonical path
  std::string act, object;
  std::string missing;  // access words that no rule holds
  std::string next;     // exec: canonical path of the node it leads to
  std::string cost;     // of what is not allowed, beside the refusal: "deny", "kill-container"; "" where it is allowed
  std::string note;     // of a system call: what the filter makes of it; else ""
  std::vector<passes::RuleReference> rules;
};

// The two in one, with what to print. Who asks more than once makes the evaluator, which reads all patterns, once.
Result<Answer> ask(const ir::Policy& policy, passes::Evaluator& evaluator, const std::string& node, const std::string& act,
                   const std::string& object);
Result<Answer> ask(const ir::Policy& policy, const std::string& node, const std::string& act,
                   const std::string& object);

// Row of the node that `text` names.
Result<uint32_t> find_node(const ir::Policy& policy, const std::string& text);

// Canonical path of a row: of a node, or "entry", "join".
std::string row_path(const ir::Policy& policy, uint32_t row);

// The words after ACT, for remedies and for completion.
std::vector<std::string> acts();

// One of acts(), or some of those that ask for access to an object, with commas between: only they can be asked together.
bool act_known(const std::string& act);

}  // namespace treeline::cli
