// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/bundle/dsse.h"

#include <algorithm>
#include <cstdint>

#include "policy-compiler/bundle/form.h"

namespace treeline::bundle {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// 0 to 63, or 64.
uint32_t value_of(char c) {
  if (c == '-') return 62;  // the alphabet for URLs
  if (c == '_') return 63;
  const size_t at = kAlphabet.find(c);
  return at == std::string_view::npos ? 64 : static_cast<uint32_t>(at);
}

std::string base64_field(const Json& object, const char* key) {
  Result<std::string> bytes = decode_base64(text_field(object, key, kMaxEnvelope));
  if (!bytes) throw BadField{std::string("'") + key + "' is not base64"};
  return std::move(*bytes);
}

}  // namespace

std::string signed_bytes(std::string_view payload_type, std::string_view payload) {
  std::string bytes = "DSSEv1 " + std::to_string(payload_type.size()) + " ";
  bytes.append(payload_type).append(" ").append(std::to_string(payload.size())).append(" ").append(payload);
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) group = group << 8 | (i < n ? static_cast<uint8_t>(bytes[at + i]) : 0u);
    for (size_t i = 0; i < 4; ++i) text += i <= n ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

Result<std::string> decode_base64(std::string_view text) {
  const Error bad{"it is not base64"};
  if (text.size() % 4 != 0) return bad;
  std::string bytes;
  for (size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const size_t padding = last && text[at + 3] == '=' ? (text[at + 2] == '=' ? 2 : 1) : 0;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; ++i) {
      const uint32_t value = i < 4 - padding ? value_of(text[at + i]) : 0;
      if (value > 63) return bad;
      group = group << 6 | value;
    }
    if ((group & ((1u << 8 * padding) - 1)) != 0) return bad;  // bits that no byte has
    for (size_t i = 0; i < 3 - padding; ++i) bytes += static_cast<char>(group >> (16 - 8 * i) & 255);
  }
  return bytes;
}

std::string encode_envelope(const Envelope& envelope) {
  Json signatures = Json::array();
  for (const Signature& signature : envelope.signatures)
    signatures.push_back({{"keyid", signature.key_id}, {"sig", encode_base64(signature.bytes)}});
  const Json json = {{"payload", encode_base64(envelope.payload)},
                     {"payloadType", envelope.payload_type},
                     {"signatures", std::move(signatures)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Envelope> decode_envelope(std::string_view text) {
  if (text.size() > kMaxEnvelope) return Error{"it is larger than " + std::to_string(kMaxEnvelope) + " bytes"};
  try {
    const Json json = parse(text);
    Envelope envelope;
    envelope.payload_type = text_field(json, "payloadType", 255);
    envelope.payload = base64_field(json, "payload");
    for (const Json& item : list_field(json, "signatures", kMaxSignatures)) {
      Signature signature;
      signature.bytes = base64_field(item, "sig");
      if (item.contains("keyid")) signature.key_id = text_field(item, "keyid", 255);
      envelope.signatures.push_back(std::move(signature));
    }
    if (envelope.signatures.empty()) throw BadField{"'signatures' is empty"};
    return envelope;
  } catch (const BadField& bad) {
    return Error{bad.message};
  }
}

}  // namespace treeline::bundle
