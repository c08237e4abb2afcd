// SPDX-License-Identifier: Apache-2.0
//
// DSSE, the envelope around something signed (github.com/secure-systems-lab/dsse, protocol.md and envelope.md, 1.0).
//
//   {"payload": BASE64, "payloadType": TYPE, "signatures": [{"keyid": TEXT, "sig": BASE64}...]}
//
// What is signed is not the payload but "DSSEv1 LEN TYPE LEN PAYLOAD", so that bytes signed as one type are never taken
// for another. Nothing in an envelope is to be believed before a signature of it was verified; the key ids are hints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::bundle {

constexpr size_t kMaxEnvelope = 64u << 10;
constexpr size_t kMaxSignatures = 16;

struct Signature {
  std::string key_id;  // a hint; may be empty
  std::string bytes;
};

struct Envelope {
  std::string payload_type;
  std::string payload;
  std::vector<Signature> signatures;
};

std::string signed_bytes(std::string_view payload_type, std::string_view payload);

// Sorted keys, two spaces, a line feed at the end: same envelope, same bytes.
std::string encode_envelope(const Envelope& envelope);
// Fields that DSSE does not name are ignored, as it asks; either alphabet of base64 (RFC 4648, 4 and 5), padded.
Result<Envelope> decode_envelope(std::string_view json);

// Strict: an Error for anything but whole groups of four with '=' at the very end.
std::string encode_base64(std::string_view bytes);
Result<std::string> decode_base64(std::string_view text);

}  // namespace treeline::bundle
