// SPDX-License-Identifier: Apache-2.0
// links: treeline_bundle
//
// Any bytes as signature.json, as the payload that a trusted key signed, and as a key in PEM: the readers return, no
// made-up signature is accepted, an accepted statement is the one text of its content, base64 has one text per bytes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy-compiler/bundle/dsse.h"
#include "policy-compiler/bundle/sign.h"

namespace {

using namespace treeline::bundle;

// Nobody has the other half: it was drawn at random and thrown away.
const std::vector<PublicKey>& keys() {
  static const std::vector<PublicKey> kKeys = {
      *read_public_key("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAa9ogM7mOICC0kxRnhgYTO5gEVYf94b2c/KkDvI3I6Vk=\n"
                       "-----END PUBLIC KEY-----\n",
                       "fuzz")};
  return kKeys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto envelope = decode_envelope(text)) {
    const auto again = decode_envelope(encode_envelope(*envelope));
    if (!again || again->payload != envelope->payload) std::abort();
    (void)!decode_statement(envelope->payload).has_value();
  }
  Bundle bundle;
  bundle.signature = text;
  bundle.digest = std::string(64, '0');
  if (!verify(bundle, keys(), 0).refusal) std::abort();
  if (const auto statement = decode_statement(text))
    if (encode_statement(*statement) != text) std::abort();
  if (const auto bytes = decode_base64(text))
    if (*decode_base64(encode_base64(*bytes)) != *bytes) std::abort();
  (void)!read_public_key(text, "fuzz").has_value();
  (void)!read_secret_key(text, "fuzz").has_value();
  return 0;
}
