// SPDX-License-Identifier: Apache-2.0
//
// Reading a mapping field by field. Each take names a key that may stand here; finish() reports the keys that nobody
// took, with the nearest of those that could have been meant. So the list of a mapping's keys exists once: in the code
// that reads them.
//
//   Fields fields(value, "a network rule", diagnostics);
//   const Entry* port = fields.take("port");
//   fields.finish();
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/ir/names.h"

namespace treeline::frontend {

class Fields {
 public:
  // `what` names the mapping in messages. If `value` is no mapping, that is reported, ok() is false and every take
  // gives nullptr.
  Fields(const Value& value, std::string_view what, Diagnostics& diagnostics);

  bool ok() const { return ok_; }

  // The entry, or nullptr. An entry without a value ("files:" and nothing) is reported and counts as absent.
  const Entry* take(std::string_view key);
  // The same, and its absence is reported with `remedy`.
  const Entry* need(std::string_view key, std::string_view remedy);
  // Reports that `key` is missing, unless it stands there, or a slip of it does (which finish() names: one mistake, one
  // message). True if reported. `why`, when given, stands behind "needs 'key'".
  bool missing(std::string_view key, std::string_view remedy, std::string_view why = "");

  void finish();

 private:
  const Value& value_;
  std::string what_;
  Diagnostics& diagnostics_;
  bool ok_;
  std::vector<std::string_view> asked_;
};

// Each reports what does not fit, naming `what` ("'port'"), and answers no.
bool expect_text(const Value& value, std::string_view what, std::string_view remedy, Diagnostics& diagnostics);
bool expect_list(const Value& value, std::string_view what, std::string_view remedy, Diagnostics& diagnostics);

// One word of a table.
std::optional<uint32_t> read_name(const Value& value, std::string_view what, const ir::names::Table& table,
                                  Diagnostics& diagnostics);
// Text of [a-z0-9_][a-z0-9._-]{0,62}: names of policies, groups and nodes. A policy's name is also that of a directory.
std::optional<std::string> read_label(const Value& value, std::string_view what, Diagnostics& diagnostics);
std::optional<bool> read_bool(const Value& value, std::string_view what, Diagnostics& diagnostics);

bool is_label(std::string_view text);

}  // namespace treeline::frontend
