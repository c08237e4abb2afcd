# SPDX-License-Identifier: Apache-2.0
# The case table, asked of evaluate(), of decide.h on the image and of the filter of system calls. decide_test_support:
# tests/unit/decide/needs.cmake. libseccomp: numbers of calls by name and architecture.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)
add_library(case_calls STATIC ${CMAKE_CURRENT_LIST_DIR}/calls_of.cc)
target_link_libraries(case_calls PUBLIC treeline_flags treeline_cli)
list(APPEND needs case_table case_calls decide_test_support PkgConfig::LIBSECCOMP)
