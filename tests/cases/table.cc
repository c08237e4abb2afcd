// SPDX-License-Identifier: Apache-2.0
#include "tests/cases/table.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "policy-compiler/frontend/fields.h"

namespace treeline::cases {
namespace {

using frontend::Entry;
using frontend::Fields;
using frontend::Value;

class Reader {
 public:
  Reader(Table& table, Diagnostics& diagnostics) : table_(table), diagnostics_(diagnostics) {}

  void read(const Value& root) {
    Fields fields(root, "a table of cases", diagnostics_);
    if (const Entry* policy = fields.need("policy", "write the profile, as a block: policy: |"))
      if (frontend::expect_text(policy->value, "'policy'", "write the profile as a block", diagnostics_))
        table_.profile = policy->value.text;
    const Entry* reasons = fields.take("not-live");
    if (reasons != nullptr && mapping(reasons->value, "'not-live'"))
      for (const Entry& reason : reasons->value.entries) not_live_[reason.key] = text(reason.value, "a reason");
    if (const Entry* residuals = fields.take("residual");
        residuals != nullptr && mapping(residuals->value, "'residual'"))
      for (const Entry& backend : residuals->value.entries)
        if (mapping(backend.value, "a back end"))
          for (const Entry& act : backend.value.entries)
            table_.residuals.push_back({backend.key, act.key, text(act.value, "a residual")});
    if (const Entry* nodes = fields.need("cases", "write node, outcome, act, objects");
        nodes != nullptr && mapping(nodes->value, "'cases'"))
      for (const Entry& node : nodes->value.entries) outcomes(node);
    fields.finish();
    for (const auto& [key, reason] : not_live_)
      if (used_.count(key) == 0)
        diagnostics_.error(reasons->position, "not-live", "no case is '" + key + "'",
                           "write ACT, ACT OBJECT, node NODE or node NODE ACT OBJECT of a case");
  }

 private:
  void outcomes(const Entry& node) {
    if (!mapping(node.value, "a node")) return;
    for (const Entry& outcome : node.value.entries) {
      if (outcome.key != "allow" && outcome.key != "deny") {
        diagnostics_.error(outcome.position, "outcome", "'" + outcome.key + "' is no outcome", "write allow or deny");
        continue;
      }
      if (!mapping(outcome.value, "an outcome")) continue;
      for (const Entry& act : outcome.value.entries) {
        if (!frontend::expect_list(act.value, "an act", "write the objects as a list", diagnostics_)) continue;
        for (const Value& object : act.value.items)
          add(node.key, act.key, text(object, "an object"), outcome.key == "allow", object.position);
      }
    }
  }

  void add(const std::string& node, const std::string& act, const std::string& object, bool allowed,
           Position position) {
    if (!seen_.insert(node + "\n" + act + "\n" + object).second)
      diagnostics_.error(position, "twice", "'" + node + " " + act + " " + object + "' is a case already",
                         "remove one");
    table_.cases.push_back({node, act, object, allowed, reason(node, act, object), position});
  }

  // The most exact reason: of this node's act on this object, of the act on it, of the act, of the node.
  std::string reason(const std::string& node, const std::string& act, const std::string& object) {
    for (const std::string& key :
         {"node " + node + " " + act + " " + object, act + " " + object, act, "node " + node}) {
      const auto found = not_live_.find(key);
      if (found == not_live_.end()) continue;
      used_.insert(key);
      return found->second;
    }
    return "";
  }

  bool mapping(const Value& value, const std::string& what) {
    if (value.is_mapping()) return true;
    diagnostics_.error(value.position, "kind", what + " is no mapping", "");
    return false;
  }
  std::string text(const Value& value, const std::string& what) {
    return frontend::expect_text(value, what, "write text", diagnostics_) ? value.text : "";
  }

  Table& table_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::string> not_live_;
  std::set<std::string> used_, seen_;
};

}  // namespace

const Residual* Table::residual(std::string_view backend, std::string_view act) const {
  for (const Residual& residual : residuals)
    if (residual.backend == backend && residual.act == act) return &residual;
  return nullptr;
}

std::optional<Table> read_table(std::string_view text, Diagnostics& diagnostics) {
  const std::optional<Value> root = frontend::parse_document(text, diagnostics);
  if (!root) return std::nullopt;
  Table table;
  Reader(table, diagnostics).read(*root);
  if (diagnostics.has_errors()) return std::nullopt;
  return table;
}

std::vector<std::string> table_files(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace treeline::cases
