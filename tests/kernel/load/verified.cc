// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/load/verified.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <vector>

namespace treeline::test {
namespace {

constexpr unsigned kFrameStep = 32;  // check_max_stack_depth rounds each frame up to this; the JIT may take 16

bool is_call(const bpf_insn& i) { return i.code == (BPF_JMP | BPF_CALL) && i.src_reg == BPF_PSEUDO_CALL; }
bool is_callback(const bpf_insn& i) { return i.code == (BPF_LD | BPF_IMM | BPF_DW) && i.src_reg == BPF_PSEUDO_FUNC; }

constexpr char kStackDepth[] = "stack depth ";

// Each function's own bytes. "80+48+160", or, since 7.x, "max 384" and a line a function:
// "subprog 0 (tl_file_open) main insns_self 1301 insns_total 10348 stack 80".
std::vector<unsigned> stacks_of(const char* at) {
  std::vector<unsigned> stacks;
  unsigned depth = 0, number = 0;
  int read = 0;
  if (std::strncmp(at, "max ", 4) == 0) {
    for (const char* line = std::strchr(at, '\n'); line && std::sscanf(line + 1, "subprog %u ", &number) == 1; line = std::strchr(line + 1, '\n')) {
      const char* own = std::strstr(line + 1, " stack ");
      if (number != stacks.size() || !own || std::sscanf(own, " stack %u", &depth) != 1) return {};
      stacks.push_back(depth);
    }
    return stacks;
  }
  while (std::sscanf(at, "%u%n", &depth, &read) == 1) {
    stacks.push_back(depth);
    at += read;
    if (*at != '+') break;
    ++at;
  }
  return stacks;
}

struct Chain {
  unsigned stack = 0, frames = 0;
};

// Functions are numbered as the verifier does: by where they start.
class Calls {
 public:
  Calls(const bpf_insn* code, size_t count, std::vector<unsigned> stacks) : stacks_(std::move(stacks)) {
    std::set<size_t> starts{0};
    for (size_t i = 0; i < count; ++i)
      if (is_call(code[i]) || is_callback(code[i])) starts.insert(i + 1 + code[i].imm);
    const std::vector<size_t> sorted(starts.begin(), starts.end());
    const auto function_at = [&](size_t i) { return std::upper_bound(sorted.begin(), sorted.end(), i) - sorted.begin() - 1; };
    functions_ = sorted.size();
    for (size_t i = 0; i < count; ++i)
      if (is_call(code[i]) || is_callback(code[i])) calls_[function_at(i)].insert(function_at(i + 1 + code[i].imm));
  }
  [[nodiscard]] bool fits() const { return functions_ == stacks_.size(); }
  // No recursion: the verifier refuses it.
  [[nodiscard]] Chain deepest(size_t function) const {
    Chain below;
    const auto found = calls_.find(function);
    if (found != calls_.end())
      for (const size_t callee : found->second) {
        const Chain c = deepest(callee);
        if (c.stack > below.stack) below = c;
      }
    const unsigned own = std::max(stacks_[function], 1u);
    return {below.stack + (own + kFrameStep - 1) / kFrameStep * kFrameStep, below.frames + 1};
  }

 private:
  std::vector<unsigned> stacks_;
  std::map<size_t, std::set<size_t>> calls_;
  size_t functions_ = 0;
};

}  // namespace

Verified read_verified(const std::string& log, const bpf_insn* code, size_t count) {
  Verified verified;
  const size_t processed = log.rfind("processed "), stack = log.rfind(kStackDepth);
  if (processed == std::string::npos || stack == std::string::npos) return verified;
  if (std::sscanf(log.c_str() + processed, "processed %u insns", &verified.instructions) != 1) return verified;
  std::vector<unsigned> stacks = stacks_of(log.c_str() + stack + std::strlen(kStackDepth));
  const Calls calls(code, count, std::move(stacks));
  if (!calls.fits()) return verified;
  const Chain chain = calls.deepest(0);
  verified.stack = chain.stack;
  verified.frames = chain.frames;
  verified.known = true;
  return verified;
}

}  // namespace treeline::test
