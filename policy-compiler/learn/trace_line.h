// SPDX-License-Identifier: Apache-2.0
//
// One line of a trace: a JSON object whose fields are asked for by name and kind. The first mistake of a line is
// reported with the line's number, later ones of the same line follow from it and are not; ok() tells.
//
//   Line line(text, 7, diagnostics);
//   const std::string& exec = line.text("exec");
//   if (!line.ok()) continue;
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::learn {

class Line {
 public:
  Line(std::string_view text, uint32_t number, Diagnostics& diagnostics);

  bool ok() const { return ok_; }
  uint32_t number() const { return number_; }
  bool has(const char* field) const { return ok_ && object_.contains(field); }

  std::string text(const char* field);
  std::string optional_text(const char* field);
  std::string object_name(const char* field);        // walked
  uint64_t count(const char* field, uint64_t most);  // required
  uint64_t optional_count(const char* field, uint64_t otherwise, uint64_t most = UINT64_MAX);
  bool flag(const char* field);     // absent: false
  uint64_t key(const char* field);  // "0x...", "entry", "join"
  uint32_t word(const char* field, const ir::names::Table& table);
  ir::Cidr address(const char* field);
  Seen seen();

  // Calls each(element) for the elements of a list.
  template <typename Each>
  void list(const char* field, Each each) {
    const nlohmann::json* value = find(field);
    if (value == nullptr) return;
    if (!value->is_array()) return fail(field, "is no list");
    for (const nlohmann::json& element : *value) {
      if (!ok_) return;
      each(element);
    }
  }
  void fail(const char* field, const std::string& what);

 private:
  const nlohmann::json* find(const char* field);  // fails where it is missing
  void error(const std::string& message);

  nlohmann::json object_;
  uint32_t number_;
  Diagnostics& diagnostics_;
  bool ok_ = true;
};

}  // namespace treeline::learn
