// SPDX-License-Identifier: Apache-2.0
//
// Why may AppArmor let pass what a case denies? The residual of its back end that says so, of a rule or a node that
// concerns the case; "" where there is none, and the profile has to refuse.
//
//   ApparmorResiduals residuals(policy, backends::apparmor::lower(policy, {}));
//   const std::string why = residuals.of(c);
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/cases/table.h"

namespace treeline::cases {

class ApparmorResiduals {
 public:
  ApparmorResiduals(const ir::Policy& policy, backends::apparmor::Lowered lowered);
  std::string of(const Case& c);

 private:
  std::vector<uint32_t> sharing(uint32_t node) const;
  std::string of_profile(const cli::Question& question, const std::vector<uint32_t>& nodes);
  std::string of_object(const cli::Question& question, const std::vector<uint32_t>& nodes);
  bool own_program(const std::string& path, const std::vector<uint32_t>& nodes) const;
  std::string of_node(const std::vector<uint32_t>& nodes, std::initializer_list<const char*> texts) const;
  std::string holding(const std::string& text) const;

  const ir::Policy& policy_;
  const backends::apparmor::Lowered lowered_;
  passes::Evaluator evaluator_;
};

}  // namespace treeline::cases
