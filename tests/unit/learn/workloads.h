// SPDX-License-Identifier: Apache-2.0
//
// Traces of four programs, made by hand from what they do (their sources, their names as seen by strace), with what a
// seed changes: process ids, random names, how much of what is asked for. Not recordings: those are the end-to-end
// tests' matter.
#pragma once

#include "tests/unit/learn/recording.h"

namespace treeline::learn::test {

Recording nginx(uint32_t seed, int requests);
Recording redis(uint32_t seed, int requests);
Recording postgres(uint32_t seed, int requests, bool fresh);
Recording app(uint32_t seed, int requests);

}  // namespace treeline::learn::test
