# SPDX-License-Identifier: Apache-2.0
if(NOT TARGET bench_policies)
  add_library(bench_policies STATIC ${PROJECT_SOURCE_DIR}/tests/bench/compile/policies.cc)
  target_link_libraries(bench_policies PUBLIC treeline_ir)
endif()
list(APPEND needs treeline_backend_bpf bench_policies)
