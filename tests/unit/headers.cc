// SPDX-License-Identifier: Apache-2.0
//
// Nothing: the target that the precompiled headers of the unit tests belong to has a source (CMakeLists.txt).
