// SPDX-License-Identifier: Apache-2.0
//
// Ed25519 keys (RFC 8032) as OpenSSL writes them in PEM, and what is done with them.
//
//   openssl genpkey -algorithm ed25519 -out key.pem          the signer's, kept secret
//   openssl pkey -in key.pem -pubout -out web.pub.pem        what machines trust
//
// A key's id is the SHA-256 of its public half (SubjectPublicKeyInfo, DER) in hex:
//   openssl pkey -in key.pem -pubout -outform DER | sha256sum
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::bundle {

constexpr size_t kMaxKeyFile = 16u << 10;
constexpr size_t kMaxTrustedKeys = 64;

struct PublicKey {
  std::string id;
  std::array<uint8_t, 32> bytes{};
};

// The secret half; never copied, wiped by OpenSSL when it goes.
class SecretKey {
 public:
  struct Handle;
  explicit SecretKey(std::unique_ptr<Handle> handle, PublicKey public_key);
  SecretKey(SecretKey&&) noexcept;
  ~SecretKey();

  const PublicKey& public_key() const { return public_key_; }
  // 64 bytes; the same for the same bytes.
  Result<std::string> sign(std::string_view bytes) const;

 private:
  std::unique_ptr<Handle> handle_;
  PublicKey public_key_;
};

// `name` is what messages call the key. An encrypted key is refused: it would be asked for at a terminal that a
// pipeline does not have.
Result<SecretKey> read_secret_key(std::string_view pem, const std::string& name);
Result<PublicKey> read_public_key(std::string_view pem, const std::string& name);

bool verify(const PublicKey& key, std::string_view bytes, std::string_view signature);

// Every *.pem of a directory, by name; other files are left alone. One that cannot be read is an error: a key that
// somebody believes to be trusted should be. With `guarded`, the directory and the files have to be root's and writable
// by nobody else.
Result<std::vector<PublicKey>> read_trusted_keys(const std::string& directory, bool guarded);

}  // namespace treeline::bundle
