// SPDX-License-Identifier: Apache-2.0
#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/learn/review.h"

namespace treeline::learn {
namespace {

constexpr ir::AccessSet kChanging =
    TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK | TL_DELETE | TL_SETATTR | TL_MKDIR;

}  // namespace

std::string why_grave(const std::string& name, ir::AccessSet words) {
  const analysis::SensitiveSet kinds = analysis::kinds_of_name(name);
  const bool devices = (words & TL_MKNOD) != 0 && name.starts_with("/dev/");
  // A fifo or a socket is made so too: elsewhere it is what lies there that counts.
  if (kinds == 0 && !devices) return "";
  const analysis::Grade grade = analysis::grade_file(words, kinds, false);
  if (grade.risk < analysis::Risk::kHigh) return "";
  if (kinds == 0) return "make devices";
  return ((words & kChanging) != 0 ? "change what " : (words & TL_CONNECT) != 0 ? "connect to what " : "open what ") + grade.why;
}

}  // namespace treeline::learn
