// SPDX-License-Identifier: Apache-2.0
//
// bench_filter BUNDLE COMMAND...: the command under the bundle's closing filter and nothing else of Treeline.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "enforcer/confine/filter.h"
#include "policy-compiler/bundle/bundle.h"

int main(int argc, char** argv) {
  using namespace treeline;
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_filter BUNDLE COMMAND...\n");
    return 64;
  }
  Result<bundle::Bundle> bundle = bundle::read(argv[1]);
  Result<confine::Closing> closing = bundle ? confine::closing_of(*bundle) : bundle.error();
  Result<confine::Filter> filter = closing ? confine::Filter::build(*closing) : closing.error();
  if (!filter) {
    std::fprintf(stderr, "bench_filter: %s\n", filter.error().message.c_str());
    return 1;
  }
  if (const int code = filter->install()) {
    std::fprintf(stderr, "bench_filter: the kernel does not take the filter: %s\n", std::strerror(code));
    return 1;
  }
  execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 127;
}
