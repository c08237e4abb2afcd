// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/bundle/keys.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "policy-compiler/support/files.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::bundle {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

constexpr std::string_view kMake = "make one: openssl genpkey -algorithm ed25519 -out key.pem";

Error refused(const std::string& name, const std::string& why, std::string_view remedy) {
  ERR_clear_error();  // the library's own words name its files, not the user's
  return Error{"key " + text::quoted(name, 4096) + ": " + why + "; " + std::string(remedy), EINVAL};
}

Bio memory(std::string_view pem) { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

// Called for an encrypted key. Never asks.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Result<PublicKey> public_half(EVP_PKEY* key, const std::string& name) {
  PublicKey half;
  size_t size = half.bytes.size();
  if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, half.bytes.data(), &size) != 1 ||
      size != half.bytes.size())
    return refused(name, "it is not an Ed25519 key", kMake);
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  if (length <= 0) return refused(name, "libcrypto cannot encode it", kMake);
  half.id = sha256_hex({reinterpret_cast<const char*>(der), static_cast<size_t>(length)});
  OPENSSL_free(der);
  return half;
}

Result<void> check_guarded(const struct stat& status, const std::string& path) {
  if (status.st_uid == 0 && (status.st_mode & 022) == 0) return {};
  return Error{
      "'" + path + "' can be written by others than root; mend it with: chown root " + path + " && chmod go-w " + path,
      EPERM};
}

}  // namespace

struct SecretKey::Handle {
  Key key;
};

SecretKey::SecretKey(std::unique_ptr<Handle> handle, PublicKey public_key)
    : handle_(std::move(handle)), public_key_(std::move(public_key)) {}
SecretKey::SecretKey(SecretKey&&) noexcept = default;
SecretKey::~SecretKey() = default;

Result<std::string> SecretKey::sign(std::string_view bytes) const {
  const Context context(EVP_MD_CTX_new());
  std::string signature(64, '\0');
  size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, handle_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(bytes),
                     bytes.size()) != 1 ||
      size != signature.size()) {
    ERR_clear_error();
    return Error{"libcrypto cannot sign; check the OpenSSL configuration"};
  }
  return signature;
}

Result<SecretKey> read_secret_key(std::string_view pem, const std::string& name) {
  const Bio bio = memory(pem);
  bool encrypted = false;
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &encrypted) : nullptr);
  if (encrypted)
    return refused(name, "it is encrypted",
                   "decrypt it on the way: openssl pkey -in key.pem | treelinec sign BUNDLE --key -");
  if (!key && pem.find("PUBLIC KEY-----") != std::string_view::npos)
    return refused(name, "it is the public half", "name the file that the secret key was written to");
  if (!key) return refused(name, "it holds no private key in PEM", kMake);
  Result<PublicKey> half = public_half(key.get(), name);
  if (!half) return half.error();
  return SecretKey(std::make_unique<SecretKey::Handle>(SecretKey::Handle{std::move(key)}), std::move(*half));
}

Result<PublicKey> read_public_key(std::string_view pem, const std::string& name) {
  constexpr std::string_view kHalf = "write it with: openssl pkey -in key.pem -pubout -out key.pub.pem";
  // A secret that lies about on every machine would be worse than no key.
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos)
    return refused(name, "it is a private key, which does not belong here", kHalf);
  const Bio bio = memory(pem);
  const Key key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key) return refused(name, "it holds no public key in PEM", kHalf);
  return public_half(key.get(), name);
}

bool verify(const PublicKey& key, std::string_view bytes, std::string_view signature) {
  const Key loaded(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), key.bytes.size()));
  const Context context(EVP_MD_CTX_new());
  const bool good =
      loaded && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes), bytes.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<std::vector<PublicKey>> read_trusted_keys(const std::string& directory, bool guarded) {
  constexpr std::string_view kRemedy = "put the signers' public keys there, as NAME.pem";
  files::Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return files::failed("open the trusted keys'", directory, errno, kRemedy);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return files::failed("examine", directory, errno);
  if (guarded)
    if (Result<void> safe = check_guarded(status, directory); !safe) return safe.error();
  std::set<std::string> names;
  {
    const files::Directory dir(opendir(directory.c_str()));
    if (!dir) return files::failed("list", directory, errno);
    while (const dirent* entry = readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name.size() > 4 && name.ends_with(".pem") && name[0] != '.') names.insert(name);
      if (names.size() > kMaxTrustedKeys)
        return Error{"'" + directory + "' holds more than " + std::to_string(kMaxTrustedKeys) +
                         " keys; remove those that sign nothing any more",
                     EINVAL};
    }
  }
  std::vector<PublicKey> keys;
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return files::failed("examine", path, errno);
    if (guarded)
      if (Result<void> safe = check_guarded(status, path); !safe) return safe.error();
    const Result<std::string> pem = files::read_regular_at(fd.get(), name, path, kMaxKeyFile);
    if (!pem) return pem.error();
    Result<PublicKey> key = read_public_key(*pem, path);
    if (!key) return key.error();
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return Error{"'" + directory + "' holds no key; " + std::string(kRemedy), ENOENT};
  return keys;
}

}  // namespace treeline::bundle
