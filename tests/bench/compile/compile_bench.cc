// SPDX-License-Identifier: Apache-2.0
//
// compile_bench [RULES...]: time, memory and size of compiling large synthetic policies (policies.h), mixed and all
// literal. Exit 1 when a bound is broken: 100,000 mixed rules within 30 s, literal ones within 10 s, 2 GiB of memory;
// what explodes refused within them. Processor time, so that a busy machine does not decide. Run it from a release
// build.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/passes/check.h"
#include "tests/bench/compile/policies.h"

namespace {

using namespace treeline;

double seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int measure(uint32_t rules, bool mixed) {
  const ir::Policy policy = bench::large_policy(rules, 40, mixed, 1);
  const double start = seconds();
  Diagnostics diagnostics;
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  if (!paths || !passes::check_paths(policy, *paths, diagnostics)) return 1;
  const double determinised = seconds();
  const std::optional<backends::bpf::Lowered> lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
  if (!lowered || !backends::bpf::validate(lowered->image)) return 1;
  const double end = seconds();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const backends::bpf::ImageFigures& figures = lowered->figures;
  std::printf("%8u %-8s %7.2f %7.2f %7ld %9u %5.3f %7u %7u %9.2f\n", rules, mixed ? "mixed" : "literal",
              determinised - start, end - determinised, usage.ru_maxrss / 1024, figures.states,
              static_cast<double>(figures.used_slots) / figures.slots, figures.classes, figures.blocks,
              static_cast<double>(lowered->image.size()) / (1 << 20));
  std::fflush(stdout);
  const double bound = (mixed ? 30.0 : 10.0) * (rules < 100'000 ? 1 : rules / 1e5);
  if (end - start > bound || usage.ru_maxrss > 2 << 20) {
    std::fprintf(stderr, "compile_bench: over the bound of %.0f s or 2 GiB\n", bound);
    return 1;
  }
  return 0;
}

// Patterns whose wildcards multiply are refused, with the costliest named, before they take more than the same bounds.
int explode() {
  ir::Policy policy = bench::large_policy(1'000, 4, true, 2);
  for (char a = 'a'; a <= 'z'; ++a) {
    const std::string text = std::string("/srv/**/") + a + "*" + static_cast<char>('z' - (a - 'a')) + "*" + a + "*.x";
    policy.nodes[1].files.push_back({{text, {100'000u + static_cast<uint32_t>(a), 7}}, TL_READ, false});
  }
  const double start = seconds();
  Diagnostics diagnostics;
  const std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  const double end = seconds();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  uint32_t named = 0;
  for (const Diagnostic& d : diagnostics.list()) named += d.code == "automaton-budget" && d.position.line >= 100'000;
  std::printf("26 patterns that explode: %s in %.2f s, %ld MB, %u of them named\n", paths ? "compiled" : "refused",
              end - start, usage.ru_maxrss / 1024, named);
  std::fflush(stdout);
  const bool good = !paths && named > 0 && end - start <= 30.0 && usage.ru_maxrss <= 2 << 20;
  if (!good) std::fprintf(stderr, "compile_bench: what explodes must be refused, named, within 30 s and 2 GiB\n");
  return good ? 0 : 1;
}

// In a process of its own, so that each has its own peak of memory.
template <typename Act>
int apart(Act act) {
  const pid_t child = fork();
  if (child == 0) _exit(act());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<uint32_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)));
  if (sizes.empty()) sizes = {10, 1'000, 10'000, 100'000};
  std::printf("%8s %-8s %7s %7s %7s %9s %5s %7s %7s %9s\n", "rules", "kind", "paths s", "image s", "rss MB", "states",
              "fill", "classes", "blocks", "image MB");
  std::fflush(stdout);
  int worst = 0;
  for (uint32_t rules : sizes) {
    for (bool mixed : {false, true}) worst = std::max(worst, apart([&] { return measure(rules, mixed); }));
  }
  worst = std::max(worst, apart(explode));
  return worst;
}
