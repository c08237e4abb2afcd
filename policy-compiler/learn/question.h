// SPDX-License-Identifier: Apache-2.0
//
// What learning does not decide. Each is a line for the person who reviews the profile: what was seen, what the draft
// does about it, what to do if that is not wanted.
#pragma once

#include <compare>
#include <string>
#include <vector>

namespace treeline::learn {

enum class QuestionKind {
  kLeftOut,  // seen, but not in the profile: it will be refused until a person writes it
  kLiteral,  // in the profile as it was seen; a name that is another one next time will be refused
  kReview,   // in the profile, and grave: a person should know that it is
};
const char* question_kind_name(QuestionKind kind);  // "left-out", "literal", "review"

struct Question {
  QuestionKind kind = QuestionKind::kReview;
  std::string code;  // stable, lower case with dashes: "few-names", "written-and-executed", ...
  std::string node;  // canonical path; "" where it concerns the whole workload
  std::string text;
  std::string remedy;
  std::vector<std::string> examples;  // up to five names as patterns, sorted
  auto operator<=>(const Question&) const = default;
};

}  // namespace treeline::learn
