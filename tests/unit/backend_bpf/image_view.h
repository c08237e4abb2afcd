// SPDX-License-Identifier: Apache-2.0
//
// For tests: a policy compiled whole, and its image as decide.h reads it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/passes/check.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::test {

class ImageView {
 public:
  // The bytes must outlive the view.
  explicit ImageView(const std::string& image)
      : view_{reinterpret_cast<const unsigned char*>(image.data()), image.size()} {}
  tl_img get() const { return &view_; }

  uint32_t class_of(const std::string& path) const {
    uint32_t state = TL_DFA_START;
    for (size_t at = 0; at < path.size(); at += 8) {
      uint64_t word = 0;
      const size_t n = std::min<size_t>(8, path.size() - at);
      std::memcpy(&word, path.data() + at, n);
      state = tl_dfa_feed(&view_, state, word, static_cast<uint32_t>(n));
    }
    return tl_dfa_class(&view_, state);
  }

 private:
  tl_image view_;
};

// Checked, lowered and validated; a failure of the test where one of these refuses.
inline backends::bpf::Lowered compiled(Writer& w) {
  std::optional<passes::Paths> paths = passes::compile_paths(w.policy, w.diagnostics);
  const bool good = paths.has_value() && passes::check_paths(w.policy, *paths, w.diagnostics);
  std::optional<backends::bpf::Lowered> lowered;
  if (good) lowered = backends::bpf::lower(w.policy, std::move(*paths), w.diagnostics);
  EXPECT_TRUE(lowered.has_value()) << (w.diagnostics.list().empty() ? "" : w.diagnostics.list()[0].message);
  if (!lowered) return {};
  const Result<void> valid = backends::bpf::validate(lowered->image);
  EXPECT_TRUE(valid.has_value()) << (valid ? "" : valid.error().message);
  return std::move(*lowered);
}

}  // namespace treeline::test
