// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/config.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

// What is read or written here: a runtime has to find the same under these names.
struct Watched {
  std::initializer_list<std::string_view> object;
  std::initializer_list<std::string_view> names;
};
const Watched kWatched[] = {
    {{}, {"process", "linux", "hooks", "annotations", "root", "mounts"}},
    {{"process"}, {"args", "apparmorProfile", "noNewPrivileges"}},
    {{"root"}, {"path"}},
    {{"linux"}, {"seccomp"}},
    {{"hooks"}, {"createRuntime", "startContainer", "poststop"}},
};
constexpr std::string_view kOfMount[] = {"destination", "source", "options", "type"};

}  // namespace

Result<void> write_in_bundle(const std::string& path, std::string_view text, mode_t mode) {
  Result<void> written = write_file_atomically(path, text, mode);
  if (written || (written.error().code != EROFS && written.error().code != EACCES && written.error().code != EPERM))
    return written;
  return Error{written.error().message +
                   "; the wrapper writes the hooks, and the policy's filter, into the OCI bundle: copy it to where it "
                   "can be written, or let the "
                   "engine add the hooks by itself (deploy/oci/hooks.d)",
               written.error().code};
}

Error Config::wrong(const std::string& what) const {
  return Error{path_ + ": " + what + "; the container engine wrote it: see what it makes of the container's settings",
               EINVAL};
}

Result<void> Config::watch(const json::Value& object, std::span<const std::string_view> names) const {
  for (std::string_view name : names)
    if (const std::string* other = json::lookalike(object, name))
      return wrong(text::quoted(*other) + " would be taken for " + text::quoted(name) + " by a runtime that ignores case");
  return {};
}

Result<void> Config::take(std::string text) {
  if (text.size() > kMaxConfig) return wrong("it is larger than " + std::to_string(kMaxConfig >> 20) + " MiB");
  Result<json::Value> root = json::parse(text);
  if (!root) return wrong(root.error().message);
  if (!root->is(json::Kind::kObject)) return wrong("it is not an object");
  for (const Watched& watched : kWatched) {
    const json::Value* object = root->at(watched.object);
    if (!object || object->is(json::Kind::kNull)) continue;
    if (!object->is(json::Kind::kObject)) return wrong(std::string(*(watched.object.end() - 1)) + " is not an object");
    if (Result<void> plain = watch(*object, {watched.names.begin(), watched.names.size()}); !plain) return plain;
  }
  if (const json::Value* mounts = root->find("mounts"))
    for (const json::Value& mount : mounts->elements)
      if (Result<void> plain = watch(mount, kOfMount); !plain) return plain;
  text_ = std::move(text);
  root_ = std::move(*root);
  return {};
}

Result<Config> Config::of_text(std::string text, std::string path) {
  Config config;
  config.path_ = std::move(path);
  if (Result<void> taken = config.take(std::move(text)); !taken) return taken.error();
  return config;
}

Result<Config> Config::read(const std::string& bundle) {
  const UniqueFd directory(open(bundle.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return system_error("cannot open the bundle " + bundle, errno);
  const std::string path = bundle + "/config.json";
  Result<std::string> text = files::read_regular_at(directory.get(), "config.json", path, kMaxConfig);
  if (!text) return text.error();
  Result<Config> config = of_text(std::move(*text), path);
  if (config && fstatat(directory.get(), "config.json", &config->status_, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error("cannot examine " + path, errno);
  return config;
}

Result<void> Config::set(std::initializer_list<std::string_view> path, std::string_view value) {
  const json::Value* there = root_.at(path);
  if (there && text_of(*there) == value) return {};
  Result<std::string> changed = json::set_member(text_, path, value);
  if (!changed) return wrong(changed.error().message);
  changed_ = true;
  return take(std::move(*changed));
}

Result<void> Config::add_hook(std::string_view stage, const std::string& program, const std::vector<std::string>& args,
                              int timeout_seconds) {
  std::string words;
  for (const std::string& word : args) words += (words.empty() ? "" : ",") + json::quote(word);
  const std::string hook = "{\"path\":" + json::quote(program) + ",\"args\":[" + words +
                           "],\"timeout\":" + std::to_string(timeout_seconds) + "}";
  const auto is_ours = [&](const json::Value& other) {
    const json::Value *path = other.find("path"), *have = other.find("args");
    return path && path->scalar == program && have && have->elements.size() > 1 && have->elements[1].scalar == args[1];
  };
  std::string others;
  bool replaces = false;
  if (const json::Value* hooks = root_.at({"hooks", stage}))
    for (const json::Value& other : hooks->elements) {
      if (text_of(other) == hook) return {};
      if (is_ours(other))
        replaces = true;
      else
        others.append(",").append(text_of(other));
    }
  if (replaces) return set({"hooks", stage}, "[" + hook + others + "]");
  Result<std::string> changed = json::add_element(text_, {"hooks", stage}, hook, json::Place::kFirst);
  if (!changed) return wrong(changed.error().message);
  changed_ = true;
  return take(std::move(*changed));
}

Result<void> Config::write() const {
  if (!changed_) return {};
  if (Result<void> written = write_in_bundle(path_, text_, status_.st_mode & 07777); !written) return written;
  if ((status_.st_uid != geteuid() || status_.st_gid != getegid()) &&
      fchownat(AT_FDCWD, path_.c_str(), status_.st_uid, status_.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error("cannot give " + path_ + " back to its owner", errno);
  return {};
}

}  // namespace treeline::oci
