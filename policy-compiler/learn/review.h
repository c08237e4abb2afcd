// SPDX-License-Identifier: Apache-2.0
//
// What is in the draft and only a person grants: shells and interpreters below a server, strong capabilities and
// operations, raw packets, files by which a container is taken over or left. Each is a question of kind kReview; the
// draft stays as it is.
//
//   review(observed, kept, questions);      // after what cannot be granted was taken out
//
// What analysis/risk.h grades as high or critical, by its tables. They are names that are known everywhere: a workload's own secrets have other ones.
#pragma once

#include <cstdint>
#include <vector>

#include "policy-compiler/learn/observed.h"
#include "policy-compiler/learn/question.h"

namespace treeline::learn {

void review(const Observed& observed, const std::vector<uint32_t>& kept, std::vector<Question>& questions);

// Why these words on this name (walked) are grave, what "the program may ...": "open what holds secrets"; "" where they are
// not.
std::string why_grave(const std::string& name, ir::AccessSet words);

}  // namespace treeline::learn
