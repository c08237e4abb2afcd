// SPDX-License-Identifier: Apache-2.0
// A comparison that sees nothing proves nothing: each fault of faults.txt, planted in a copy of decide.h, is caught.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/decide/differential.h"

namespace treeline::decide_test {
namespace {

std::vector<std::string> fault_names() {
  std::vector<std::string> names;
  std::ifstream list(DECIDE_FAULTS_LIST);
  for (std::string line; std::getline(list, line);) {
    if (line.rfind("== ", 0) == 0) names.push_back(line.substr(3));
  }
  return names;
}

class Fault : public testing::TestWithParam<std::string> {};

TEST_P(Fault, IsCaught) {
  const std::string path = std::string(DECIDE_FAULTS) + "/" + GetParam() + ".so";
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(module, nullptr) << dlerror();
  const auto* faulty = static_cast<const decisions*>(dlsym(module, "treeline_decisions"));
  ASSERT_NE(faulty, nullptr) << dlerror();
  ASSERT_NE(faulty, &treeline_decisions);
  Options options;
  options.pairs = 100'000;
  options.most_differences = 1;
  const Report report = compare(*faulty, options);
  EXPECT_FALSE(report.differences.empty()) << "the fault was not noticed in " << report.pairs << " pairs";
  if (!report.differences.empty()) std::cout << "after " << report.pairs << " pairs: " << report.differences[0] << "\n";
  dlclose(module);
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Planted, Fault, testing::ValuesIn(fault_names()), test_name);

TEST(Faults, AreAtLeastTwenty) { EXPECT_GE(fault_names().size(), 20u); }

}  // namespace
}  // namespace treeline::decide_test
