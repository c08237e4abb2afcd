// SPDX-License-Identifier: Apache-2.0
//
// How far a run over many profiles is, on standard error: on a terminal a line that is overwritten, else a line now and then.
#pragma once

#include <chrono>
#include <cstddef>

namespace treeline::cli {

class Progress {
 public:
  // Silent for a single profile, and where it is not wanted. `alone`: nothing else is printed meanwhile, so a line may be overwritten.
  Progress(size_t all, bool wanted, bool alone);
  void done(bool wrong);
  void show(bool last = false);

 private:
  size_t all_, done_ = 0, wrong_ = 0;
  bool wanted_, terminal_;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace treeline::cli
