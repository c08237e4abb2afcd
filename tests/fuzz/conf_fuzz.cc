// SPDX-License-Identifier: Apache-2.0
// links: treeline_daemon
//
// treeline.conf: any text is a configuration or a list of mistakes, each with its line.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "enforcer/daemon/conf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace treeline;
  Result<daemon::Conf> conf = daemon::parse_conf({reinterpret_cast<const char*>(data), size}, "f");
  if (!conf && conf.error().message.rfind("f:", 0) != 0) std::abort();
  if (conf && (conf->arena_mib < 8 || conf->store.empty() || conf->runtime[0] != '/')) std::abort();
  return 0;
}
