// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/bundle/form.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::bundle {
namespace {

constexpr std::string_view kRemedy = "compile the profile again, or copy the bundle again as a whole";

Error refused(const std::string& path, const std::string& why) {
  return Error{"bundle " + text::quoted(path, 4096) + " is refused: " + why + "; " + std::string(kRemedy), EBADMSG};
}

Result<std::set<std::string>> names_in(int fd, const std::string& path) {
  const files::Directory dir(fdopendir(dup(fd)));
  if (!dir) return files::failed("list", path, errno);
  std::set<std::string> names;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    names.insert(name);
    if (names.size() > kMaxArtifacts + 2) break;  // too many in any case
  }
  return names;
}

Result<void> check_image(const std::string& path, const Bundle& bundle) {
  const Artifact* image = bundle.find(kImage);
  if (image == nullptr) return refused(path, "it holds no policy.img");
  if (bundle.abi != TL_ABI_IMAGE)
    return Error{"bundle " + text::quoted(path, 4096) + " is refused: its image has version " +
                     std::to_string(bundle.abi) + ", this version reads " + std::to_string(TL_ABI_IMAGE) +
                     "; compile the profile with treelinec of this version",
                 EPROTO};
  tl_image_header header;
  if (image->bytes.size() < TL_DFA_OFFSET) return refused(path, "policy.img is shorter than its header");
  std::memcpy(&header, image->bytes.data(), sizeof header);
  if (header.magic != TL_IMAGE_MAGIC) return refused(path, "policy.img is no policy image");
  if (header.abi != bundle.abi || header.policy != bundle.policy || header.size != image->bytes.size())
    return refused(path, "policy.img and manifest.json do not belong together");
  return {};
}

}  // namespace

Result<Bundle> read(const std::string& path) {
  const files::Fd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) {
    const char* remedy = errno == ENOENT ? "check the name"
                         : errno == ENOTDIR
                             ? "a bundle is a directory; a profile is compiled into one by treelinec compile"
                             : "";
    return files::failed("open bundle", path, errno, remedy);
  }
  const Result<std::string> manifest =
      files::read_regular_at(dir.get(), std::string(kManifest), path + "/manifest.json", kMaxManifest);
  if (!manifest) return refused(path, manifest.error().message);
  Result<Bundle> decoded = decode_manifest(*manifest);
  if (!decoded) return refused(path, decoded.error().message);
  Bundle bundle = std::move(*decoded);
  bundle.digest = sha256_hex(*manifest);
  uint64_t beside = 0;
  for (const Artifact& artifact : bundle.artifacts) beside += artifact.name == kImage ? 0 : artifact.size;
  if (beside > kMaxBeside)
    return refused(path, "beside the image its files have " + std::to_string(beside >> 20) + " MiB, the limit is " + std::to_string(kMaxBeside >> 20));

  Result<std::set<std::string>> names = names_in(dir.get(), path);
  if (!names) return names.error();
  names->erase(std::string(kManifest));
  if (names->erase(std::string(kSignature)) != 0) {
    Result<std::string> signature =
        files::read_regular_at(dir.get(), std::string(kSignature), path + "/signature.json", kMaxSignature);
    if (!signature) return refused(path, signature.error().message);
    if (signature->empty()) return refused(path, "signature.json is empty");
    bundle.signature = std::move(*signature);
  }
  for (Artifact& artifact : bundle.artifacts) {
    if (names->erase(artifact.name) == 0) return refused(path, "file " + text::quoted(artifact.name) + " is missing");
    Result<std::string> bytes =
        files::read_regular_at(dir.get(), artifact.name, path + "/" + artifact.name, artifact.size);
    if (!bytes) {
      if (bytes.error().code == EFBIG)
        return refused(path, "file " + text::quoted(artifact.name) + " is larger than the manifest says");
      return refused(path, bytes.error().message);
    }
    if (bytes->size() != artifact.size)
      return refused(path, "file " + text::quoted(artifact.name) + " has " + std::to_string(bytes->size()) +
                               " bytes, the manifest says " + std::to_string(artifact.size));
    if (sha256_hex(*bytes) != artifact.sha256)
      return refused(path, "file " + text::quoted(artifact.name) + " is not the one that the manifest names (SHA-256)");
    artifact.bytes = std::move(*bytes);
  }
  if (!names->empty()) return refused(path, "file " + text::quoted(*names->begin()) + " is not named by the manifest");
  // Nothing can be required yet: a bundle that does was written for a version that can do more than this one.
  if (!bundle.requires_.empty())
    return Error{"bundle " + text::quoted(path, 4096) + " is refused: it requires " +
                     text::quoted(bundle.requires_.front()) + ", which this version cannot do; use a newer one",
                 EOPNOTSUPP};
  if (Result<void> good = check_image(path, bundle); !good) return good.error();
  return bundle;
}

}  // namespace treeline::bundle
