// SPDX-License-Identifier: Apache-2.0
//
// Between treelined and its helper: one packet (SOCK_SEQPACKET) a question, one an answer. A question is a word and a pid, nothing that names a file, a
// program or an argument: that is all that somebody who took treelined over can ask for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/lsm/abi.h"

namespace treeline::helper {

enum class Ask : uint32_t {
  kCgroup = 1,  // of `pid`: text
  kLook,        // at `pid`: start_time, mount_ns, streams; text: its cgroup
  kVictim,      // fork the canary's victim: pid, streams
  kPerform,     // let it go: complete, status; text: its report
  kAbandon,     // or kill it
};

struct Question {
  Ask ask;
  int32_t pid;
};

// A text of at most kMaxText bytes follows in the packet; where `error` is not 0 (an errno value) it is the message.
struct Answer {
  int32_t error;
  int32_t pid;
  int32_t status;
  uint32_t complete;
  uint32_t mount_ns;
  uint32_t zero;
  uint64_t start_time;
  tl_file_id streams[3];
};
constexpr size_t kMaxText = 32 << 10;

static_assert(sizeof(Question) == 8 && sizeof(Answer) == 32 + 3 * sizeof(tl_file_id));

}  // namespace treeline::helper
