# SPDX-License-Identifier: Apache-2.0
find_package(PkgConfig REQUIRED)
# libseccomp: numbers of calls by name and architecture, for the programs that the tests run.
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)
list(APPEND needs treeline_closing treeline_oci PkgConfig::LIBSECCOMP)
