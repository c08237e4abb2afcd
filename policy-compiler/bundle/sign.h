// SPDX-License-Identifier: Apache-2.0
//
// Who answers for a bundle. The signature is a file of the bundle's own directory, signature.json: the one name that
// the manifest does not hold, since it is made from the manifest.
//
//   signature.json   a DSSE envelope (dsse.h), Ed25519; its payload, application/vnd.in-toto+json, is an in-toto
//                    Statement v1 about manifest.json, which names every other file by its digest
//   predicate        {"expires": "2027-01-31T00:00:00Z" (may be missing), "generation": N, "key_id": HEX,
//                    "minimum_generation": N}
//
//   Result<SecretKey> key = read_secret_key(pem, "key.pem");
//   bundle.signature = *sign(bundle, *key, Terms{.generation = 7});
//   write(path, bundle);
//   ...
//   Verdict verdict = verify(bundle, keys, now);
//   if (verdict.refusal) return verdict.refusal->error();
//
// The generation counts the signer's bundles of one policy: an old one, signed as well as the new, is known by its
// lower number. The minimum generation is what a machine that has this bundle must never go back below, not by a
// rollback either.
//
// Nothing of the payload is parsed before a trusted key has verified its bytes; and then it must be the one text of its
// content, so that no field is there which this version would not understand.
//
// Not protected: who holds a trusted key; who may write the trusted keys or the enforcer's store (root); the clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/bundle/keys.h"
#include "policy-compiler/support/result.h"

namespace treeline::bundle {

constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "urn:treeline:bundle-signature:1";
constexpr uint64_t kMaxGeneration = (1ull << 53) - 1;  // what every reader of JSON can hold

// What the signer says of the bundle beside its digest.
struct Terms {
  std::optional<int64_t> expires;  // seconds since 1970; from then on the signature is not valid any more
  uint64_t generation = 0;
  uint64_t minimum_generation = 0;
  friend bool operator==(const Terms&, const Terms&) = default;
};

struct Statement {
  std::string digest;  // SHA-256 of manifest.json, hex
  std::string key_id;
  Terms terms;
};

enum class RefusalKind { kMissing, kMalformed, kUnknownKey, kWrong, kExpired, kGeneration };

// "signature-missing" and so on: the code of a diagnostic.
std::string_view refusal_code(RefusalKind kind);

struct Refusal {
  RefusalKind kind = RefusalKind::kMissing;
  std::string message, remedy;
  Error error() const;  // EPERM
};

struct Verdict {
  std::optional<Refusal> refusal;
  std::optional<Statement> statement;  // once a trusted key has verified it, refused or not
};

// The bytes of signature.json. `bundle` must have been read (its digest is what is signed).
Result<std::string> sign(const Bundle& bundle, const SecretKey& key, const Terms& terms);

// Is the bundle signed by one of `keys`, now, with at least this generation?
Verdict verify(const Bundle& bundle, const std::vector<PublicKey>& keys, int64_t now, uint64_t at_least = 0);

// The payload and back; exposed for tests and the fuzzer.
std::string encode_statement(const Statement& statement);
Result<Statement> decode_statement(std::string_view payload);

}  // namespace treeline::bundle
