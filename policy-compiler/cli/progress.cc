// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/progress.h"

#include <unistd.h>

#include <cstdio>

namespace treeline::cli {

Progress::Progress(size_t all, bool wanted, bool alone)
    : all_(all), wanted_(wanted && all > 1), terminal_(alone && isatty(STDERR_FILENO) == 1), shown_(std::chrono::steady_clock::now()) {}

void Progress::done(bool wrong) {
  ++done_;
  wrong_ += wrong;
  show();
}

void Progress::show(bool last) {
  const auto now = std::chrono::steady_clock::now();
  if (!wanted_ || (!last && now - shown_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000)))) return;
  shown_ = now;
  std::fprintf(stderr, "%s%zu of %zu profiles, %zu with mistakes%s", terminal_ ? "\r" : "treelinec: ", done_, all_, wrong_,
               terminal_ && !last ? "" : "\n");
}

}  // namespace treeline::cli
