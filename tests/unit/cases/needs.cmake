# SPDX-License-Identifier: Apache-2.0
# The case table, asked of evaluate() and of decide.h on the image. decide_test_support: tests/unit/decide/needs.cmake.
list(APPEND needs case_table decide_test_support)
