// SPDX-License-Identifier: Apache-2.0
// links: treeline_bundle
//
// Any bytes as manifest.json and as rules.json: the decoders return, and an accepted manifest is the one text of its
// content.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy-compiler/bundle/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bundle = treeline::bundle::decode_manifest(text);
  if (bundle) {
    const auto again = treeline::bundle::encode_manifest(*bundle);
    if (!again || *again != text) std::abort();
  }
  auto rules = treeline::bundle::decode_rules(text);
  if (rules) {
    const auto once = treeline::bundle::encode_rules(*rules);
    if (!once) std::abort();
    const auto read = treeline::bundle::decode_rules(*once);
    if (!read || read->size() != rules->size()) std::abort();
  }
  return 0;
}
