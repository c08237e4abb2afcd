// SPDX-License-Identifier: Apache-2.0
//
// Which rules of a policy a set of acts needed. Asked per act; several rules that grant one act all count as used, since removing any of them
// alone changes nothing and removing all does. Not so of operations of one family (ptrace, ptrace-workload, ptrace-descendant): the narrowest one
// that the node holds was enough.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/network_index.h"
#include "policy-compiler/bundle/bundle.h"

namespace treeline::analysis {

class UsedRules {
 public:
  explicit UsedRules(const Version& policy) : policy_(policy) {}

  void file(uint32_t row, std::string_view name, ir::AccessSet words);  // walked
  void step(uint32_t row, std::string_view name);
  void network(uint32_t row, ir::Direction direction, ir::Protocol protocol, const ir::Cidr& address, uint32_t port);
  void operation(uint32_t row, uint32_t asked);
  // `kind` and `name` as in rules.json.
  void word(uint32_t row, const char* kind, std::string_view name);

  // nullopt: never used. File rules: the words that were.
  std::optional<ir::AccessSet> used(const bundle::RuleEntry& rule) const;

 private:
  using Place = std::tuple<uint32_t, std::string, uint32_t, uint32_t, std::string>;  // row, kind, line, column, pattern
  void mark(uint32_t row, const char* kind, std::string_view pattern, ir::Position position, ir::AccessSet words);
  const std::vector<uint32_t>& patterns_at(std::string_view name);

  const Version& policy_;
  std::map<uint32_t, NetworkIndex> networks_;  // by row
  std::map<Place, ir::AccessSet> used_;
  std::set<std::tuple<uint32_t, std::string, std::string>> words_;
  std::vector<uint32_t> of_object_;
};

}  // namespace treeline::analysis
