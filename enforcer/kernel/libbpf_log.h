// SPDX-License-Identifier: Apache-2.0
//
// What libbpf and the verifier say, kept for the error message instead of being printed past it.
//
//   LibbpfLog log;                                  // one at a time
//   if (bpf_object__load(object)) return Error{"... " + log.tail()};
#pragma once

#include <string>

namespace treeline::kernel {

class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;
  // The last lines of the warnings so far, at most `bytes`.
  [[nodiscard]] std::string tail(size_t bytes = 4096) const;
};

}  // namespace treeline::kernel
