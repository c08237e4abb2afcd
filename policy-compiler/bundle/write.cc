// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "policy-compiler/bundle/form.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::bundle {
namespace {

using files::failed;
using files::Fd;

// Files of a flat directory, then the directory.
void remove_directory(const std::string& path) {
  {
    const files::Directory dir(opendir(path.c_str()));
    if (dir)
      while (const dirent* entry = readdir(dir.get())) unlinkat(dirfd(dir.get()), entry->d_name, 0);
  }
  rmdir(path.c_str());
}

// Its own member `type`; a text that has this word elsewhere is a manifest of something else.
bool says_bundle(std::string_view text) {
  try {
    return text_field(parse(text), "type", 63) == kManifestType;
  } catch (const BadField&) {
    return false;
  }
}

enum class Present { kNothing, kEmpty, kBundle, kOther };

// What stands at `path` now. Only what says that it is a bundle, and holds nothing but files, may be replaced.
Present examine(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return errno == ENOENT ? Present::kNothing : Present::kOther;
  if (!S_ISDIR(status.st_mode)) return Present::kOther;
  const files::Directory dir(opendir(path.c_str()));
  if (!dir) return Present::kOther;
  bool manifest = false, empty = true;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    empty = false;
    if (fstatat(dirfd(dir.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
      return Present::kOther;
    if (name == kManifest) manifest = true;
  }
  if (empty) return Present::kEmpty;
  if (!manifest) return Present::kOther;
  // A damaged bundle may be replaced too: its manifest need not be right, only say of itself that it is one.
  const Result<std::string> text =
      files::read_regular_at(dirfd(dir.get()), std::string(kManifest), path + "/manifest.json", kMaxManifest);
  return text && says_bundle(*text) ? Present::kBundle : Present::kOther;
}

Result<void> flush_directory(const std::string& path) {
  const Fd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir || fsync(dir.get()) != 0) return failed("flush", path, errno);
  return {};
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> fill(const std::string& path, const Bundle& bundle, const std::string& manifest) {
  const Fd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return failed("open", path, errno);
  for (const Artifact& artifact : bundle.artifacts)
    if (Result<void> made = files::create_at(dir.get(), artifact.name, artifact.bytes, path + "/" + artifact.name);
        !made)
      return made;
  if (!bundle.signature.empty())
    if (Result<void> made =
            files::create_at(dir.get(), std::string(kSignature), bundle.signature, path + "/signature.json");
        !made)
      return made;
  if (Result<void> made = files::create_at(dir.get(), std::string(kManifest), manifest, path + "/manifest.json"); !made)
    return made;
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(dir.get(), 0777 & ~mask) != 0 || fsync(dir.get()) != 0) return failed("flush", path, errno);
  return {};
}

// `aside` is complete; afterwards `path` is it and `aside` is gone.
Result<void> publish(const std::string& aside, const std::string& path, Present present) {
  if (present != Present::kBundle) {  // rename(2) replaces an empty directory by itself
    if (rename(aside.c_str(), path.c_str()) != 0) return failed("rename onto", path, errno);
    return {};
  }
  if (renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS) return failed("exchange", path, errno);
    const std::string old = aside + ".old";
    if (rename(path.c_str(), old.c_str()) != 0) return failed("rename", path, errno);
    if (rename(aside.c_str(), path.c_str()) != 0) {
      const int code = errno;
      if (rename(old.c_str(), path.c_str()) != 0) return failed("rename onto", path, code, "the old bundle is " + old);
      return failed("rename onto", path, code);
    }
    remove_directory(old);
    return {};
  }
  remove_directory(aside);
  return {};
}

}  // namespace

void arrange(Bundle& bundle) {
  std::sort(bundle.artifacts.begin(), bundle.artifacts.end(),
            [](const Artifact& a, const Artifact& b) { return a.name < b.name; });
  std::sort(bundle.nodes.begin(), bundle.nodes.end(),
            [](const NodeEntry& a, const NodeEntry& b) { return a.row < b.row; });
  std::sort(bundle.requires_.begin(), bundle.requires_.end());
  std::stable_sort(bundle.residuals.begin(), bundle.residuals.end(),
                   [](const Residual& a, const Residual& b) {
                     return Position{a.line, a.column} < Position{b.line, b.column};
                   });
  for (Artifact& artifact : bundle.artifacts) {
    artifact.size = artifact.bytes.size();
    artifact.sha256 = sha256_hex(artifact.bytes);
  }
}

Result<void> write(const std::string& given, Bundle bundle) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty() || path == "/" || path == "." || path == "..")
    return failed("write", given, EINVAL, "name the directory that is to be the bundle");

  uint64_t beside = 0;
  for (const Artifact& artifact : bundle.artifacts) beside += artifact.name == kImage ? 0 : artifact.bytes.size();
  // Before anything is replaced: what read() refuses for its size is no bundle.
  if (beside > kMaxBeside)
    return failed("write", path, EFBIG, "beside the image its files have " + std::to_string(beside >> 20) + " MiB, the limit is " +
                                            std::to_string(kMaxBeside >> 20) + "; compile for fewer back ends (--backend), or make the profile smaller");
  arrange(bundle);
  const Result<std::string> manifest = encode_manifest(bundle);
  if (!manifest) return manifest.error();

  const Present present = examine(path);
  if (present == Present::kOther)
    return failed("write", path, EEXIST, "what stands there is not a bundle: remove it, or choose another name");
  std::string aside = path + ".XXXXXX";
  if (mkdtemp(aside.data()) == nullptr)
    return failed("create", path, errno, errno == ENOENT ? "the directory that it stands in does not exist" : "");
  Result<void> done = fill(aside, bundle, *manifest);
  if (done) done = publish(aside, path, present);
  if (!done) {
    remove_directory(aside);
    return done;
  }
  return flush_directory(parent_of(path));
}

}  // namespace treeline::bundle
