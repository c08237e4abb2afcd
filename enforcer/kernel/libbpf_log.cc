// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

namespace treeline::kernel {
namespace {

constexpr size_t kKept = 64 << 10;
std::string collected;
libbpf_print_fn_t before = nullptr;

int collect(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char* text = nullptr;
  int n = vasprintf(&text, format, arguments);
  if (n < 0) return n;
  collected.append(text, static_cast<size_t>(n));
  free(text);
  if (collected.size() > kKept) collected.erase(0, collected.size() - kKept);
  return n;
}

}  // namespace

LibbpfLog::LibbpfLog() {
  collected.clear();
  before = libbpf_set_print(collect);
}
LibbpfLog::~LibbpfLog() { libbpf_set_print(before); }

std::string LibbpfLog::tail(size_t bytes) const {
  if (collected.size() <= bytes) return collected;
  size_t line = collected.find('\n', collected.size() - bytes);
  return "...\n" + collected.substr(line == std::string::npos ? collected.size() - bytes : line + 1);
}

}  // namespace treeline::kernel
