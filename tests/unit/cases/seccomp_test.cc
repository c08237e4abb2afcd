// SPDX-License-Identifier: Apache-2.0
//
// The third executor of the table: the filter of listed calls, run over the system calls that an act is done by, as
// each architecture numbers them. One filter holds for all nodes, and it sees numbers only. So an allowed act's call
// passes. A denied act's is refused, or passes for one of the reasons that the back end names as a residual: another
// node holds it, the runtime needs the call, the family is held, the call does not say what it is about.
#include <gtest/gtest.h>
#include <seccomp.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/runtime_calls.h"
#include "policy-compiler/cli/question.h"
#include "tests/unit/backend_seccomp/classic_bpf.h"
#include "tests/unit/cases/calls_of.h"
#include "tests/unit/cases/load.h"

namespace treeline::cases {
namespace {

using cli::Question;
namespace seccomp = backends::seccomp;

constexpr struct {
  const char* name;
  uint32_t audit, token;
} kMachines[] = {
    {"x86_64", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64},
    {"x86", AUDIT_ARCH_I386, SCMP_ARCH_X86},
    {"x32", AUDIT_ARCH_X86_64, SCMP_ARCH_X32},
    {"aarch64", AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64},
};

constexpr const char* kWorkload = "held for the workload as a whole";
constexpr const char* kFamily = "the filter sees the family alone";
constexpr const char* kNumbers = "a filter sees numbers, not what they stand for";

struct Counts {
  size_t cases = 0, asked = 0, passed = 0, refused = 0, without_call = 0;
  std::map<std::string, size_t> residuals;
};

class Executor {
 public:
  Executor(const Loaded& loaded, const seccomp::CallFilter& filter, Counts& counts)
      : loaded_(loaded), filter_(filter), counts_(counts), evaluator_(loaded.policy) {}

  void judge(const Case& c) {
    ++counts_.cases;
    std::optional<Question> question;
    if (c.act != kSyscall) {
      const Result<Question> read = cli::read_question(loaded_.policy, c.node, c.act, c.object);
      ASSERT_TRUE(read) << loaded_.where(c) << ": " << read.error().message;
      question = *read;
    }
    const Calls calls = question ? calls_of(*question) : calls_of_syscall(c.object);
    if (calls.ways.empty()) {
      ++counts_.without_call;
      if (!c.allowed) note(kNumbers, loaded_.where(c));
      return;
    }
    bool any = false;
    for (const auto& machine : kMachines) {
      const std::optional<bool> passes = ask(machine.audit, machine.token, calls);
      if (!passes) continue;  // that machine has none of these calls
      ++counts_.asked;
      const std::string what = loaded_.where(c) + " on " + machine.name;
      if (c.allowed && !*passes) ADD_FAILURE() << what << ": the filter refuses what the policy allows";
      if (!c.allowed && *passes) note(why(c, question, calls), what);
      any |= *passes;
    }
    ++(any ? counts_.passed : counts_.refused);
  }

 private:
  std::optional<bool> ask(uint32_t audit, uint32_t token, const Calls& calls) const {
    bool exists = false, passes = false;
    for (const Call& call : calls.ways) {
      const int number = seccomp_syscall_resolve_name_arch(token, call.name.c_str());
      if (number < 0) continue;
      exists = true;
      seccomp_data data = test::call(audit, number);
      std::copy(call.arguments.begin(), call.arguments.end(), data.args);
      passes |= test::run_filter(filter_.bpf, data) == SECCOMP_RET_ALLOW;
    }
    return exists ? std::optional<bool>(passes) : std::nullopt;
  }

  // The residual that explains why a denied act's call passes; nullptr: nothing does, the filter is wrong.
  const char* why(const Case& c, const std::optional<Question>& question, const Calls& calls) {
    if (!calls.decide) return kNumbers;
    if (held_by_another(c, question)) return kWorkload;
    if (question && question->kind == Question::Kind::kSocket) return family_held(question->number) ? kFamily : nullptr;
    for (const Call& call : calls.ways) {
      for (const seccomp::RuntimeCalls& runtime : seccomp::runtime_calls())
        if (call.arguments.empty() && std::ranges::find(runtime.calls, call.name) != runtime.calls.end())
          return kWorkload;
      if (question && listed(call.name)) return kNumbers;  // the call is listed, the operation is not held
    }
    return nullptr;
  }

  bool held_by_another(const Case& c, std::optional<Question> question) {
    if (!question) return listed(c.object);
    for (uint32_t node = 0; node < loaded_.policy.nodes.size(); ++node) {
      question->row = passes::row_of_node(node);
      if (cli::evaluate(evaluator_, *question).allowed) return true;
    }
    return false;
  }

  bool listed(const std::string& call) const {
    return std::ranges::any_of(loaded_.policy.nodes, [&](const ir::Node& node) {
      return std::ranges::any_of(node.syscalls, [&](const ir::SyscallRule& rule) { return rule.name == call; });
    });
  }

  bool family_held(uint32_t kind) const {
    return std::ranges::any_of(loaded_.policy.nodes, [&](const ir::Node& node) {
      return std::ranges::any_of(node.sockets,
                                 [&](const ir::NumberRule& rule) { return family_of(rule.value) == family_of(kind); });
    });
  }

  void note(const char* residual, const std::string& what) {
    if (residual == nullptr) {
      ADD_FAILURE() << what << ": the filter lets pass what no node holds";
      return;
    }
    const bool named = std::ranges::any_of(filter_.residuals, [&](const seccomp::CallResidual& r) {
      return r.message.find(residual) != std::string::npos;
    });
    EXPECT_TRUE(named) << what << ": it passes, and the back end names no residual '" << residual << "'";
    ++counts_.residuals[residual];
  }

  const Loaded& loaded_;
  const seccomp::CallFilter& filter_;
  Counts& counts_;
  passes::Evaluator evaluator_;
};

TEST(Cases, TheFilterOfSystemCallsAnswersAsTheTableSaysOrAsItsResidualsDo) {
  Counts counts;
  for (const std::string& file : table_files(kTables)) {
    const std::optional<Loaded> loaded = load(file);
    if (!loaded) continue;
    Diagnostics diagnostics(file);
    const std::optional<seccomp::CallFilter> filter = seccomp::lower_calls(loaded->policy, {}, diagnostics);
    fail_on_errors(diagnostics, file + ", policy");
    ASSERT_TRUE(filter) << file << " lists no system calls: there is no filter to ask";
    Executor executor(*loaded, *filter, counts);
    for (const Case& c : loaded->table.cases) executor.judge(c);
  }
  std::cout << counts.cases << " cases, " << counts.asked << " times asked; the call passes in " << counts.passed
            << " cases, is refused in " << counts.refused << ", there is none in " << counts.without_call << "\n";
  for (const auto& [text, n] : counts.residuals) std::cout << "  residual, " << n << " times: " << text << "\n";
  EXPECT_GE(counts.cases, 500u);
  EXPECT_EQ(counts.residuals.size(), 3u) << "a residual that no case needs, or needs no more";
}

}  // namespace
}  // namespace treeline::cases
