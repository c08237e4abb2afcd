// SPDX-License-Identifier: Apache-2.0
//
// apparmor_parser(8), where it is installed.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace treeline::backends::apparmor {

inline constexpr char kParser[] = "/usr/sbin/apparmor_parser";
inline constexpr char kAbi[] = "/etc/apparmor.d/abi/3.0";

inline bool no_parser() { return access(kParser, X_OK) != 0 || access(kAbi, R_OK) != 0; }

// What the parser says about it; "" where it is content. Compiles for the pinned features, whatever kernel runs here.
inline std::string parsed(const std::string& text) {
  std::string name = testing::TempDir() + "apparmor-XXXXXX";
  const int fd = mkstemp(name.data());
  EXPECT_GE(fd, 0);
  close(fd);
  std::ofstream(name) << text;
  FILE* pipe = popen((std::string(kParser) + " --Werror -Q -K -M " + kAbi + " " + name + " 2>&1").c_str(), "r");
  std::string said;
  char buffer[512];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) said += buffer;
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  unlink(name.c_str());
  return status == 0 ? "" : said + "status " + std::to_string(status);
}

}  // namespace treeline::backends::apparmor
