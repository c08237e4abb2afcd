// SPDX-License-Identifier: Apache-2.0
// A bundle, a signature, a moment -> accepted, or refused with the reason. Nothing that was changed by a byte is
// accepted.
#include "policy-compiler/bundle/sign.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "bpf/lsm/abi.h"
#include "policy-compiler/bundle/dsse.h"
#include "policy-compiler/support/text.h"
#include "policy-compiler/support/utc.h"
#include "tests/unit/bundle/test_keys.h"

namespace treeline::bundle {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

SecretKey secret(const char* pem = test::kSecret) {
  Result<SecretKey> key = read_secret_key(pem, "test");
  EXPECT_TRUE(key);
  return std::move(*key);
}
std::vector<PublicKey> trusted() { return {*read_public_key(test::kPublic, "test")}; }

Bundle sample() {
  Bundle b;
  b.name = "web";
  b.digest = std::string(64, 'a');
  return b;
}

Bundle signed_sample(const Terms& terms = {}, const char* pem = test::kSecret) {
  Bundle b = sample();
  b.signature = *sign(b, secret(pem), terms);
  return b;
}

// The code of the refusal, "" for none.
std::string answer(const Bundle& bundle, int64_t now = 1'000, uint64_t at_least = 0) {
  const Verdict verdict = verify(bundle, trusted(), now, at_least);
  if (!verdict.refusal) return "";
  EXPECT_FALSE(verdict.refusal->message.empty());
  EXPECT_FALSE(verdict.refusal->remedy.empty());
  return std::string(refusal_code(verdict.refusal->kind));
}

// `payload` as somebody with the key would sign it.
std::string enveloped(const std::string& payload, std::string_view type = kPayloadType) {
  return encode_envelope({std::string(type), payload, {{"", *secret().sign(signed_bytes(type, payload))}}});
}

TEST(Ed25519, TheSecondVectorOfRfc8032) {
  const Result<std::string> made = secret(test::kOtherSecret).sign("\x72");
  ASSERT_TRUE(made);
  EXPECT_EQ(text::hex({reinterpret_cast<const uint8_t*>(made->data()), made->size()}),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Keys, EachWrongFileIsRefusedWithWhatToDo) {
  const std::pair<const char*, const char*> wrong_secret[] = {
      {test::kEncrypted, "it is encrypted; decrypt it on the way"},
      {test::kPublic, "it is the public half"},
      {test::kNoSigningKey, "it is not an Ed25519 key; make one"},
      {"", "no private key"},
      {"-----BEGIN PRIVATE KEY-----\nMC4C\n", "no private key"}};
  for (const auto& [pem, why] : wrong_secret) {
    const Result<SecretKey> key = read_secret_key(pem, "k");
    ASSERT_FALSE(key) << why;
    EXPECT_THAT(key.error().message, HasSubstr(why));
  }
  const std::pair<const char*, const char*> wrong_public[] = {{test::kSecret, "it is a private key"},
                                                              {"x", "no public key"}};
  for (const auto& [pem, why] : wrong_public) {
    const Result<PublicKey> key = read_public_key(pem, "k");
    ASSERT_FALSE(key) << why;
    EXPECT_THAT(key.error().message, HasSubstr(why));
  }
}

TEST(Base64, OneTextPerBytesAndNothingElse) {
  for (const char* bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(*decode_base64(encode_base64(bytes)), bytes);
  EXPECT_EQ(encode_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(*decode_base64("-_-_"), *decode_base64("+/+/"));
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Zm9=", "=m9v", "Z=9v", "Zm 9v", "Zm9v\n", "===="})
    EXPECT_FALSE(decode_base64(bad)) << bad;
}

TEST(Utc, MomentsThatExistAndNoOthers) {
  EXPECT_EQ(utc::parse("1970-01-02"), 86400);
  EXPECT_EQ(utc::parse("2024-02-29T23:59:59Z"), 1709251199);
  EXPECT_EQ(utc::format(1709251199), "2024-02-29T23:59:59Z");
  EXPECT_EQ(utc::format(*utc::parse("9999-12-31T23:59:59Z")), "9999-12-31T23:59:59Z");
  for (const char* bad : {"", "2023-02-29", "2024-13-01", "1969-12-31", "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z",
                          "2024-01-01T00:00:00", "2024-01-01t00:00:00Z", "2024-1-1", "+024-01-01", "2024-01-01 "})
    EXPECT_FALSE(utc::parse(bad)) << bad;
}

TEST(Sign, SameBundleKeyAndTermsSameBytes) {
  EXPECT_EQ(signed_sample({5'000, 7, 3}).signature, signed_sample({5'000, 7, 3}).signature);
  Bundle unread = sample();
  unread.digest.clear();
  EXPECT_FALSE(sign(unread, secret(), {}));
  EXPECT_FALSE(sign(sample(), secret(), {std::nullopt, 2, 3})) << "it would refuse itself";
}

TEST(Verify, SignedByATrustedKeyIsAccepted) {
  const Verdict verdict = verify(signed_sample({5'000, 7, 3}), trusted(), 4'999, 7);
  EXPECT_FALSE(verdict.refusal);
  ASSERT_TRUE(verdict.statement);
  EXPECT_EQ(verdict.statement->terms, (Terms{5'000, 7, 3}));
  EXPECT_EQ(verdict.statement->key_id, trusted()[0].id);
}

TEST(Verify, NoneAnotherKeyAnotherBundleTooLateTooOld) {
  EXPECT_EQ(answer(sample()), "signature-missing");
  EXPECT_EQ(answer(signed_sample({}, test::kOtherSecret)), "signature-unknown-key");
  Bundle other = signed_sample();
  other.digest[0] = 'b';
  EXPECT_EQ(answer(other), "signature-wrong");
  EXPECT_EQ(answer(signed_sample({1'000, 0, 0}), 1'000), "signature-expired");
  EXPECT_EQ(answer(signed_sample({1'001, 0, 0}), 1'000), "");
  EXPECT_EQ(answer(signed_sample({std::nullopt, 6, 0}), 1'000, 7), "signature-generation");
  EXPECT_FALSE(verify(signed_sample(), {}, 1'000).statement) << "nobody is trusted";
}

TEST(Verify, OneOfSeveralSignaturesWillDo) {
  Bundle b = signed_sample();
  Envelope envelope = *decode_envelope(b.signature);
  envelope.signatures.insert(envelope.signatures.begin(), {"somebody", std::string(64, 'x')});
  b.signature = encode_envelope(envelope);
  EXPECT_EQ(answer(b), "");
}

TEST(Verify, TheKeyIdsOfTheEnvelopeAreHintsOnly) {
  Bundle b = signed_sample({}, test::kOtherSecret);
  Envelope envelope = *decode_envelope(b.signature);
  envelope.signatures[0].key_id = trusted()[0].id;
  b.signature = encode_envelope(envelope);
  EXPECT_EQ(answer(b), "signature-wrong");
}

TEST(Verify, NoChangedByteIsAccepted) {
  const Bundle whole = signed_sample({5'000, 7, 3});
  const Envelope before = *decode_envelope(whole.signature);
  for (size_t i = 0; i < whole.signature.size(); ++i) {
    Bundle b = whole;
    b.signature[i] = static_cast<char>(b.signature[i] ^ (1 << i % 7));
    if (!answer(b).empty()) continue;
    // Accepted: then the payload and its type are the bytes that were signed (spaces, a key id, base64's other
    // alphabet).
    const Result<Envelope> after = decode_envelope(b.signature);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->payload, before.payload) << i;
    EXPECT_EQ(after->payload_type, before.payload_type) << i;
  }
  for (size_t i = 0; i + 1 < whole.signature.size(); ++i) {
    Bundle b = whole;
    b.signature.resize(i);
    EXPECT_NE(answer(b), "") << "cut at " << i;
  }
}

TEST(Verify, WhatIsSignedButNoStatementOfOursIsRefused) {
  const std::string good = encode_statement({sample().digest, trusted()[0].id, {}});
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    Bundle b = sample();
    b.signature = enveloped(text);
    return answer(b);
  };
  EXPECT_EQ(with("\"generation\":0", "\"generation\":0"), "");
  EXPECT_EQ(with("\"generation\":0", "\"generation\":-1"), "signature-malformed");
  EXPECT_EQ(with("\"generation\":0", "\"generation\":0,\"only_on\":\"tuesdays\""), "signature-malformed")
      << "a condition that this version does not understand";
  EXPECT_EQ(with("\"generation\":0", "\"generation\":0,\"generation\":9"), "signature-malformed") << "twice";
  EXPECT_EQ(with("\"generation\":0", "\"expires\":\"tomorrow\",\"generation\":0"), "signature-malformed");
  EXPECT_EQ(with("manifest.json", "policy.img"), "signature-malformed");
  EXPECT_EQ(with("signature:1", "signature:2"), "signature-malformed");
  EXPECT_EQ(with(trusted()[0].id, std::string(64, '0')), "signature-wrong") << "it names another key";
  EXPECT_EQ(with("{", "{ "), "signature-malformed") << "written in another way";
  Bundle b = sample();
  b.signature = enveloped(good, "text/plain");
  EXPECT_EQ(answer(b), "signature-malformed") << "signed as something else";
}

TEST(Envelope, HostileTextsAreErrors) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{\"payload\":1}"), std::string(70'000, ' '),
        std::string(30'000, '['), std::string("{\"payload\":\"\",\"payloadType\":\"\",\"signatures\":[]}"),
        std::string("{\"payload\":\"*\",\"payloadType\":\"\",\"signatures\":[{\"sig\":\"\"}]}"),
        std::string("{\"payload\":\"\",\"payloadType\":\"\",\"signatures\":[{\"sig\":\"\",\"keyid\":7}]}")})
    EXPECT_FALSE(decode_envelope(text)) << text.substr(0, 60);
  Envelope many{"t", "p", {}};
  many.signatures.resize(kMaxSignatures + 1);
  EXPECT_FALSE(decode_envelope(encode_envelope(many)));
}

class SignedBundleTest : public testing::Test {
 protected:
  SignedBundleTest() {
    std::string form = (fs::temp_directory_path() / "treeline-sign.XXXXXX").string();
    EXPECT_NE(mkdtemp(form.data()), nullptr);
    base_ = form;
    Bundle b;
    b.name = "web";
    b.compiler = "test";
    b.abi = TL_ABI_IMAGE;
    b.policy = 7;
    std::string image(4096, '\0');
    tl_image_header header{};
    header.magic = TL_IMAGE_MAGIC;
    header.abi = TL_ABI_IMAGE;
    header.size = static_cast<uint32_t>(image.size());
    header.policy = b.policy;
    std::memcpy(image.data(), &header, sizeof header);
    b.artifacts.push_back({std::string(kImage), "bpf-image", image, 0, ""});
    path_ = base_ / "web.bundle";
    EXPECT_TRUE(write(path_, b));
  }
  ~SignedBundleTest() override { fs::remove_all(base_); }
  fs::path base_, path_;
};

TEST_F(SignedBundleTest, ASignatureIsReadWithTheBundleAndDoesNotChangeItsIdentity) {
  Result<Bundle> before = read(path_);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->signature, "");
  before->signature = *sign(*before, secret(), {});
  ASSERT_TRUE(write(path_, *before));
  const Result<Bundle> after = read(path_);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->digest, before->digest);
  EXPECT_EQ(answer(*after), "");
}

TEST_F(SignedBundleTest, OnlyARegularFileOfThatNameWithinTheLimitMayStandBesideTheManifest) {
  std::ofstream(path_ / "signature.json.bak") << "{}";
  EXPECT_FALSE(read(path_));
  fs::remove(path_ / "signature.json.bak");
  fs::create_symlink("manifest.json", path_ / "signature.json");
  EXPECT_FALSE(read(path_));
  fs::remove(path_ / "signature.json");
  std::ofstream(path_ / "signature.json") << "";
  EXPECT_FALSE(read(path_)) << "empty";
  std::ofstream(path_ / "signature.json") << std::string(kMaxSignature + 1, ' ');
  EXPECT_FALSE(read(path_)) << "too long";
}

TEST_F(SignedBundleTest, NoManifestMayNameASignature) {
  Bundle b = *read(path_);
  b.artifacts.push_back({std::string(kSignature), "signature", "{}", 0, ""});
  EXPECT_FALSE(write((base_ / "other").string(), b));
}

TEST_F(SignedBundleTest, TrustedKeysAreADirectoryOfPublicKeys) {
  const std::string keys = base_ / "keys";
  EXPECT_FALSE(read_trusted_keys(keys, false)) << "missing";
  fs::create_directory(keys);
  EXPECT_FALSE(read_trusted_keys(keys, false)) << "empty";
  std::ofstream(keys + "/team.pem") << test::kPublic;
  std::ofstream(keys + "/README") << "whose they are";
  const Result<std::vector<PublicKey>> read = read_trusted_keys(keys, false);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)[0].id, trusted()[0].id);
  if (geteuid() == 0) {
    EXPECT_TRUE(read_trusted_keys(keys, true));
    fs::permissions(keys + "/team.pem", fs::perms::others_write, fs::perm_options::add);
    const Result<std::vector<PublicKey>> open = read_trusted_keys(keys, true);
    ASSERT_FALSE(open);
    EXPECT_THAT(open.error().message, HasSubstr("chown root"));
  }
  std::ofstream(keys + "/mine.pem") << test::kSecret;
  EXPECT_THAT(read_trusted_keys(keys, false).error().message, HasSubstr("mine.pem"));
}

}  // namespace
}  // namespace treeline::bundle
