// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/sha256.h"

#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>

#include "policy-compiler/support/text.h"

namespace treeline {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest;
  unsigned length = 0;
  // Fails only where the library has no SHA-256 or no memory: a digest that was not computed must never be compared.
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1 ||
      length != digest.size()) {
    std::fputs("treeline: libcrypto cannot compute SHA-256; check the OpenSSL configuration\n", stderr);
    std::abort();
  }
  return digest;
}

std::string sha256_hex(std::string_view bytes) { return text::hex(sha256(bytes)); }

}  // namespace treeline
