// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/trace_line.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

using nlohmann::json;
constexpr int kMostNested = 4;
constexpr const char* kRemedy = "record the trace again; it was not written by this version's recorder, or altered";

}  // namespace

Line::Line(std::string_view text, uint32_t number, Diagnostics& diagnostics)
    : number_(number), diagnostics_(diagnostics) {
  // The parser keeps the last of two equal keys; which one was meant nobody can say.
  std::set<std::string> keys;
  bool twice = false, deep = false;
  object_ = json::parse(
      text.begin(), text.end(),
      [&](int depth, json::parse_event_t event, json& value) {
        if (depth > kMostNested) deep = true;
        if (event == json::parse_event_t::key && depth == 1) twice |= !keys.insert(value.get<std::string>()).second;
        return !deep;
      },
      /*allow_exceptions=*/false);
  if (deep)
    error("is nested deeper than any record");
  else if (object_.is_discarded() || !object_.is_object())
    error("is no JSON object");
  else if (twice)
    error("has a field twice");
}

void Line::error(const std::string& message) {
  if (ok_) diagnostics_.error({number_, 1}, "trace-line", "line " + std::to_string(number_) + " " + message, kRemedy);
  ok_ = false;  // whatever else is asked of this line finds nothing
}

void Line::fail(const char* field, const std::string& what) {
  error(std::string("has a field \"") + field + "\" that " + what);
}

const json* Line::find(const char* field) {
  if (!ok_) return nullptr;
  const auto at = object_.find(field);
  if (at != object_.end()) return &*at;
  error(std::string("has no field \"") + field + "\"");
  return nullptr;
}

std::string Line::text(const char* field) {
  const json* value = find(field);
  if (value == nullptr) return {};
  if (!value->is_string()) return fail(field, "is no text"), std::string();
  return value->get<std::string>();
}

std::string Line::optional_text(const char* field) { return has(field) ? text(field) : std::string(); }

std::string Line::object_name(const char* field) {
  const std::string written = text(field);
  if (!ok_) return {};
  std::string why = "is empty";
  if (!written.empty()) {
    if (auto walked = walked_from_trace(written, why)) return *walked;
  }
  return fail(field, why + ": " + text::quoted(written)), std::string();
}

uint64_t Line::count(const char* field, uint64_t most) {
  const json* value = find(field);
  if (value == nullptr) return 0;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > most) {
    return fail(field, "is no whole number from 0 to " + std::to_string(most)), 0;
  }
  return value->get<uint64_t>();
}

uint64_t Line::optional_count(const char* field, uint64_t otherwise, uint64_t most) {
  return has(field) ? count(field, most) : otherwise;
}

bool Line::flag(const char* field) {
  if (!has(field)) return false;
  const json* value = find(field);
  if (!value->is_boolean()) return fail(field, "is neither true nor false"), false;
  return value->get<bool>();
}

uint64_t Line::key(const char* field) {
  const std::string written = text(field);
  if (!ok_) return 0;
  if (written == "entry") return TL_KEY_ENTRY;
  if (written == "join") return TL_KEY_JOIN;
  const size_t digits = written.starts_with("0x") ? written.size() - 2 : 0;
  const auto key = digits >= 1 && digits <= 16
                       ? text::parse_hex64("0x" + std::string(16 - digits, '0') + written.substr(2))
                       : std::nullopt;
  if (!key || *key == 0) return fail(field, "is no node's key (\"0x\" and hex digits): " + text::quoted(written)), 0;
  return *key;
}

uint32_t Line::word(const char* field, const ir::names::Table& table) {
  const std::string written = text(field);
  if (!ok_) return 0;
  const auto value = table.find(written);
  if (!value) return fail(field, "is none of " + table.list() + ": " + text::quoted(written)), 0;
  return *value;
}

ir::Cidr Line::address(const char* field) {
  const std::string written = text(field);
  ir::Cidr out;
  if (!ok_) return out;
  if (inet_pton(AF_INET, written.c_str(), out.address.data()) == 1) {
    out.prefix = 32;
  } else if (inet_pton(AF_INET6, written.c_str(), out.address.data()) == 1) {
    out.v6 = true;
    out.prefix = 128;
  } else {
    fail(field, "is no IPv4 or IPv6 address: " + text::quoted(written));
  }
  // An IPv4 peer of a dual-stack socket (RFC 4291, 2.5.5.2) is that IPv4 peer.
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (out.v6 && std::equal(kMapped, kMapped + 12, out.address.begin())) {
    std::rotate(out.address.begin(), out.address.begin() + 12, out.address.end());
    std::fill(out.address.begin() + 4, out.address.end(), uint8_t{0});
    out.v6 = false;
    out.prefix = 32;
  }
  return out;
}

Seen Line::seen() {
  Seen out;
  out.count = optional_count("count", 1);
  out.first = optional_count("first", 0);
  out.last = optional_count("last", out.first);
  if (out.last < out.first) fail("last", "lies before \"first\"");
  return out;
}

}  // namespace treeline::learn
