// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/bundle/sign.h"

#include <algorithm>
#include <cerrno>

#include "policy-compiler/bundle/dsse.h"
#include "policy-compiler/bundle/form.h"
#include "policy-compiler/support/text.h"
#include "policy-compiler/support/utc.h"

namespace treeline::bundle {
namespace {

constexpr const char* kAgain = "sign it: treelinec sign BUNDLE --key KEY.pem";

bool is_digest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Refusal refusal(RefusalKind kind, std::string message, std::string remedy) {
  return Refusal{kind, std::move(message), std::move(remedy)};
}

// The key among `keys` that made one of the signatures.
const PublicKey* signer(const Envelope& envelope, const std::vector<PublicKey>& keys) {
  const std::string bytes = signed_bytes(envelope.payload_type, envelope.payload);
  for (const Signature& signature : envelope.signatures)
    for (const PublicKey& key : keys)
      if (verify(key, bytes, signature.bytes)) return &key;
  return nullptr;
}

Refusal not_verified(const Envelope& envelope, const std::vector<PublicKey>& keys) {
  std::string named;
  for (const Signature& signature : envelope.signatures) {
    for (const PublicKey& key : keys)
      if (signature.key_id == key.id)
        return refusal(RefusalKind::kWrong, "the signature of key " + key.id + " does not belong to these bytes",
                       "get the bundle again from who signed it");
    if (!signature.key_id.empty()) named += (named.empty() ? "" : ", ") + text::printable(signature.key_id, 64);
  }
  return refusal(RefusalKind::kUnknownKey,
                 "no trusted key made the signature" + (named.empty() ? "" : "; it names key " + named),
                 "trust the signer's public key, if you know whose it is, or have the bundle signed by a trusted one");
}

Statement statement_of(const Json& json) {
  if (text_field(json, "_type", 255) != kStatementType) throw BadField{"'_type' is not an in-toto Statement v1"};
  if (text_field(json, "predicateType", 255) != kPredicateType)
    throw BadField{"'predicateType' is not " + std::string(kPredicateType)};
  const Json& subjects = list_field(json, "subject", 1);
  if (subjects.empty() || text_field(subjects[0], "name", 255) != kManifest)
    throw BadField{"'subject' is not manifest.json"};
  Statement statement;
  statement.digest = text_field(object_field(subjects[0], "digest"), "sha256", 64);
  const Json& predicate = object_field(json, "predicate");
  statement.key_id = text_field(predicate, "key_id", 64);
  if (!is_digest(statement.digest) || !is_digest(statement.key_id)) throw BadField{"a digest in it is none"};
  statement.terms.generation = number_field(predicate, "generation", kMaxGeneration);
  statement.terms.minimum_generation = number_field(predicate, "minimum_generation", kMaxGeneration);
  if (predicate.contains("expires")) {
    statement.terms.expires = utc::parse(text_field(predicate, "expires", 32));
    if (!statement.terms.expires) throw BadField{"'expires' is no moment"};
  }
  return statement;
}

}  // namespace

std::string_view refusal_code(RefusalKind kind) {
  switch (kind) {
    case RefusalKind::kMissing:
      return "signature-missing";
    case RefusalKind::kMalformed:
      return "signature-malformed";
    case RefusalKind::kUnknownKey:
      return "signature-unknown-key";
    case RefusalKind::kWrong:
      return "signature-wrong";
    case RefusalKind::kExpired:
      return "signature-expired";
    case RefusalKind::kGeneration:
      return "signature-generation";
  }
  return "";
}

Error Refusal::error() const { return Error{message + "; " + remedy, EPERM}; }

std::string encode_statement(const Statement& statement) {
  Json predicate = {{"generation", statement.terms.generation},
                    {"key_id", statement.key_id},
                    {"minimum_generation", statement.terms.minimum_generation}};
  if (statement.terms.expires) predicate["expires"] = utc::format(*statement.terms.expires);
  const Json subject = {{"digest", {{"sha256", statement.digest}}}, {"name", kManifest}};
  const Json json = {{"_type", kStatementType},
                     {"predicate", std::move(predicate)},
                     {"predicateType", kPredicateType},
                     {"subject", Json::array({subject})}};
  return json.dump();
}

Result<Statement> decode_statement(std::string_view payload) {
  try {
    Statement statement = statement_of(parse(payload));
    if (encode_statement(statement) != payload)
      throw BadField{"it holds more than this version understands, or is written in another way"};
    return statement;
  } catch (const BadField& bad) {
    return Error{bad.message};
  }
}

Result<std::string> sign(const Bundle& bundle, const SecretKey& key, const Terms& terms) {
  if (!is_digest(bundle.digest)) return Error{"a bundle is signed after it was read", EINVAL};
  if (terms.minimum_generation > terms.generation)
    return Error{"minimum generation " + std::to_string(terms.minimum_generation) + " is above generation " +
                     std::to_string(terms.generation) +
                     ", so that the bundle would refuse itself; give it a generation",
                 EINVAL};
  Envelope envelope;
  envelope.payload_type = kPayloadType;
  envelope.payload = encode_statement({bundle.digest, key.public_key().id, terms});
  Result<std::string> made = key.sign(signed_bytes(envelope.payload_type, envelope.payload));
  if (!made) return made.error();
  envelope.signatures.push_back({key.public_key().id, std::move(*made)});
  return encode_envelope(envelope);
}

Verdict verify(const Bundle& bundle, const std::vector<PublicKey>& keys, int64_t now, uint64_t at_least) {
  Verdict verdict;
  const auto refuse = [&](RefusalKind kind, std::string message, std::string remedy) {
    verdict.refusal = refusal(kind, std::move(message), std::move(remedy));
    return verdict;
  };
  if (bundle.signature.empty()) return refuse(RefusalKind::kMissing, "the bundle is not signed", kAgain);
  const Result<Envelope> envelope = decode_envelope(bundle.signature);
  if (!envelope)
    return refuse(RefusalKind::kMalformed, "signature.json is no DSSE envelope: " + envelope.error().message, kAgain);
  if (envelope->payload_type != kPayloadType)
    return refuse(
        RefusalKind::kMalformed,
        "signature.json is about " + text::quoted(envelope->payload_type) + ", not " + std::string(kPayloadType),
        kAgain);
  const PublicKey* key = signer(*envelope, keys);
  if (key == nullptr) {
    verdict.refusal = not_verified(*envelope, keys);
    return verdict;
  }
  Result<Statement> statement = decode_statement(envelope->payload);
  if (!statement)
    return refuse(RefusalKind::kMalformed,
                  "what key " + key->id + " signed is no statement of treelinec: " + statement.error().message,
                  "sign the bundle with treelinec of this version");
  verdict.statement = std::move(*statement);
  const Terms& terms = verdict.statement->terms;
  if (verdict.statement->key_id != key->id)
    return refuse(RefusalKind::kWrong, "the signature of key " + key->id + " names key " + verdict.statement->key_id,
                  kAgain);
  if (verdict.statement->digest != bundle.digest)
    return refuse(RefusalKind::kWrong,
                  "the signature is of another bundle: of manifest sha256:" + verdict.statement->digest +
                      ", this one is sha256:" + bundle.digest,
                  "get the bundle again from who signed it, or sign this one");
  if (terms.expires && now >= *terms.expires)
    return refuse(RefusalKind::kExpired, "the signature expired at " + utc::format(*terms.expires),
                  "have the bundle signed again, with a later --expires");
  if (terms.generation < at_least)
    return refuse(RefusalKind::kGeneration,
                  "the bundle is signed as generation " + std::to_string(terms.generation) + ", " +
                      std::to_string(at_least) + " is the least that is accepted",
                  "load the newest bundle, or sign this one again with --generation " + std::to_string(at_least) +
                      " if it is wanted back");
  return verdict;
}

}  // namespace treeline::bundle
