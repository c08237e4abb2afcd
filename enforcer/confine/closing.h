// SPDX-License-Identifier: Apache-2.0
//
// The bundle's closing.json as values: which system calls are refused (policy-compiler/backends/seccomp). It lets
// everything else pass, and refuses by errno; a text that says anything else is an Error, since who merges or loads it
// would make of it what it does not say.
//
//   Result<confine::Closing> closing = confine::closing_of(bundle);
//   for (const confine::Refusal& refusal : closing->refusals) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/support/result.h"

namespace treeline::confine {

constexpr std::string_view kClosingArtifact = "closing.json";
constexpr size_t kMaxClosing = 64 << 10;
constexpr size_t kMaxRefusals = 256;

// Refused where argument `index` has one of these bits and, where `without` is not 0, lacks one of those; then `bits` is one bit. In the text
// an entry for each bit of the two.
struct Condition {
  uint32_t index = 0;
  uint64_t bits = 0;
  uint64_t without = 0;
};

struct Refusal {
  std::string name;  // of the system call
  int error = 0;     // errno that it gives
  std::optional<Condition> only;
};

struct Closing {
  std::string text;  // the object, without white space around
  std::vector<std::string> architectures;
  std::vector<Refusal> refusals;  // empty: every door is open, and there is nothing to install
};

// One for each entry of the text: the conditions of an entry have to hold together.
std::vector<Condition> parts_of(const Condition& condition);

Result<Closing> parse_closing(std::string_view text);
// Every bundle has the artifact; one that has not was compiled before there was one.
Result<Closing> closing_of(const bundle::Bundle& bundle);

// What is left for the filter on a kernel whose hooks answer for user namespaces, io_uring and userfaultfd: they judge each node by itself, and tell
// it in an event, where a filter would come first and be silent.
Closing beside_hooks(const Closing& closing);

// What it refuses, each part of it in a word, to be kept and compared later.
std::vector<std::string> words_of(const Closing& closing);
// Does a filter of which `has` was kept refuse all that `wanted` says?
bool covers(const std::vector<std::string>& has, const std::vector<std::string>& wanted);

}  // namespace treeline::confine
