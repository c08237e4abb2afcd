// SPDX-License-Identifier: Apache-2.0
//
// The form of what stands in the JSON of a bundle, asked alike by who writes and who reads.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "policy-compiler/bundle/bundle.h"

namespace treeline::bundle {

using Json = nlohmann::json;  // keys sorted

constexpr std::string_view kManifestType = "treeline-bundle";

bool is_file_name(std::string_view name);
bool is_word(std::string_view word, size_t most);

// Thrown by the field readers below and caught in the same folder: a decoder is one chain of fields, and any of them
// may be wrong.
struct BadField {
  std::string message;
};

// The object's field, of the right type and within its limits, or BadField.
const Json& object_field(const Json& object, const char* key);
std::string text_field(const Json& object, const char* key, size_t most);
uint64_t number_field(const Json& object, const char* key, uint64_t most);
uint64_t hex_field(const Json& object, const char* key);
const Json& list_field(const Json& object, const char* key, size_t most);

// "line 3, column 7" of the byte at `offset`.
std::string place_in(std::string_view text, size_t offset);

// BadField, with its place, for what is no JSON.
Json parse(std::string_view text);

}  // namespace treeline::bundle
