// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/two_names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <unordered_map>

#include "bpf/lsm/decide.h"
#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"
#include "enforcer/base/mounts.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

// ---------------------------------------------------------------------------------------------------------- mounts
std::string without_slash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

// Is `path` this directory or below it?
bool at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

const Mount* mount_of(const std::string& path, const std::vector<Mount>& mounts) {
  const UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return nullptr;
  return find_mount(mounts, parse_fdinfo(read_file_or_empty("/proc/self/fdinfo/" + std::to_string(fd.get()))).mount_id);
}

bool has_option(const json::Value& mount, std::initializer_list<std::string_view> wanted) {
  const json::Value* options = mount.find("options");
  if (!options) return false;
  return std::any_of(options->elements.begin(), options->elements.end(), [&](const json::Value& option) {
    return std::find(wanted.begin(), wanted.end(), option.scalar) != wanted.end();
  });
}

std::string text_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value && value->is(json::Kind::kString) ? value->scalar : std::string();
}

// `path` of the host as `name` in the container, and what is mounted below it.
Result<void> add(const std::string& path, Mounted at, bool with_below, const std::vector<Mount>& mounts, std::vector<Mounted>& out) {
  std::error_code missing;
  const std::string real = without_slash(std::filesystem::canonical(path, missing).string());
  if (missing == std::errc::no_such_file_or_directory) return {};  // the runtime's to say, or to make
  if (missing) return system_error("cannot look at the source of a mount, " + text::quoted(path), missing.value());
  const Mount* mount = mount_of(real.empty() ? "/" : real, mounts);
  at.name = without_slash(at.name);
  if (mount && at_or_below(real, mount->point)) {
    at.device = mount->device;
    at.source = mount->root + real.substr(mount->point.size());
  } else {  // on a mount that is in no list, as below a chroot: then names are all there is to compare
    struct stat status {};
    if (stat(real.empty() ? "/" : real.c_str(), &status) != 0) return system_error("cannot look at the source of a mount, " + text::quoted(path), errno);
    at.device = kernel_device(major(status.st_dev), minor(status.st_dev));
    at.source = real;
  }
  out.push_back(at);
  if (!with_below) return {};
  for (const Mount& below : mounts) {
    if (below.point.size() <= real.size() || !at_or_below(below.point, real)) continue;
    Mounted inner = at;
    inner.device = below.device;
    inner.source = below.root;
    inner.name += below.point.substr(real.size());
    out.push_back(inner);
  }
  return {};
}

// ------------------------------------------------------------------------------------------------------- the policy
constexpr uint32_t kWriting = TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK;  // as passes/check.cc
constexpr size_t kMostPairs = 1 << 18;

// What any node may do with a class, but where a person signed for both.
class Classes {
 public:
  explicit Classes(tl_img image) : image_(image), rows_(TL_SECTION(image, rows).count) {
    const tl_section edges = TL_SECTION(image, edges);
    for (uint32_t i = 0; i < edges.count; ++i) {
      const uint64_t pair = TL_LOAD64(image, edges.offset + static_cast<uint32_t>(sizeof(tl_edge)) * i);
      const auto row = static_cast<uint32_t>(pair), class_id = static_cast<uint32_t>(pair >> 32);
      if (pair && (tl_rights(image, row, class_id) & TL_UNSAFE) == 0) executed_.insert(class_id);
    }
  }

  bool written(uint32_t class_id) { return (words(class_id) & kWriting) != 0; }
  bool executed(uint32_t class_id) { return executed_.contains(class_id) || (words(class_id) & (TL_EXECUTE | TL_MAP)) != 0; }

 private:
  uint32_t words(uint32_t class_id) {
    const auto known = words_.find(class_id);
    if (known != words_.end()) return known->second;
    uint32_t all = 0;
    for (uint32_t row = 0; row < rows_ && class_id != TL_CLASS_NONE; ++row)
      if (const uint32_t held = tl_rights(image_, row, class_id); (held & TL_UNSAFE) == 0) all |= held;
    return words_[class_id] = all;
  }

  tl_img image_;
  uint32_t rows_;
  std::set<uint32_t> executed_;
  std::unordered_map<uint32_t, uint32_t> words_;
};

uint32_t fed(tl_img image, std::string_view bytes) {
  uint32_t state = TL_DFA_START;
  for (const char byte : bytes) state = tl_dfa_feed(image, state, static_cast<unsigned char>(byte), 1);
  return state;
}

// A shortest name below both that is written by the first and executed by the second; nullopt: none. Too many states: "/...".
std::optional<std::string> common_name(tl_img image, Classes& classes, const std::string& writing, const std::string& executing) {
  struct Step {
    uint64_t pair = 0;
    size_t from = 0;
    char byte = 0;
  };
  std::vector<Step> steps = {{uint64_t{fed(image, writing)} << 32 | fed(image, executing), 0, 0}};
  std::set<uint64_t> seen = {steps[0].pair};
  for (size_t at = 0; at < steps.size(); ++at) {
    const auto first = static_cast<uint32_t>(steps[at].pair >> 32), second = static_cast<uint32_t>(steps[at].pair);
    if (classes.written(tl_dfa_class(image, first)) && classes.executed(tl_dfa_class(image, second))) {
      std::string name;
      for (size_t back = at; back != 0; back = steps[back].from) name += steps[back].byte;
      std::reverse(name.begin(), name.end());
      return name;
    }
    for (uint32_t byte = 1; byte < 256; ++byte) {
      if (at == 0 && byte != '/') continue;  // behind a directory's name comes a slash
      const uint32_t to_first = tl_dfa_feed(image, first, byte, 1), to_second = tl_dfa_feed(image, second, byte, 1);
      const uint64_t pair = uint64_t{to_first} << 32 | to_second;
      if (to_first == TL_DFA_DEAD || to_second == TL_DFA_DEAD || !seen.insert(pair).second) continue;
      if (steps.size() == kMostPairs) return "/...";
      steps.push_back({pair, at, static_cast<char>(byte)});
    }
  }
  return std::nullopt;
}

std::string shown(const std::string& name) { return name.empty() ? "/" : text::printable(name, 256); }

}  // namespace

Result<std::vector<Mounted>> mounted_at(const Config& config, const std::string& bundle_directory, const std::string& mountinfo) {
  Result<std::string> text = read_file(mountinfo, 64 << 20);
  if (!text) return text.error();
  const std::vector<Mount> mounts = parse_mountinfo(*text);
  const auto on_host = [&](const std::string& path) { return path.starts_with('/') ? path : bundle_directory + "/" + path; };
  std::vector<Mounted> out;
  if (const json::Value* root = config.root().find("root")) {
    const json::Value* read_only = root->find("readonly");
    Mounted at;
    at.writable = !read_only || !read_only->is(json::Kind::kTrue);
    if (Result<void> added = add(on_host(text_at(*root, "path")), at, false, mounts, out); !added) return added.error();
  }
  const json::Value* list = config.root().find("mounts");
  if (!list) return out;
  for (const json::Value& mount : list->elements) {
    if (text_at(mount, "type") != "bind" && !has_option(mount, {"bind", "rbind"})) continue;
    Mounted at;
    at.name = text_at(mount, "destination");
    at.writable = !has_option(mount, {"ro", "rro"});
    at.executable = !has_option(mount, {"noexec", "rnoexec"});
    // Only the mount itself becomes read-only by "ro": what comes with it from below stays as it is (mount(2), MS_REC).
    const size_t before = out.size();
    if (Result<void> added = add(on_host(text_at(mount, "source")), at, !has_option(mount, {"bind"}) || has_option(mount, {"rbind"}), mounts, out); !added)
      return added.error();
    for (size_t i = before + 1; i < out.size(); ++i) {
      out[i].writable = !has_option(mount, {"rro"});
      out[i].executable = !has_option(mount, {"rnoexec"});
    }
  }
  return out;
}

std::string written_and_executed(std::string_view image, const std::vector<Mounted>& mounted) {
  const tl_image bytes{reinterpret_cast<const unsigned char*>(image.data()), image.size()};
  std::optional<Classes> classes;
  for (const Mounted& writing : mounted)
    for (const Mounted& executing : mounted) {
      if (writing.device != executing.device || writing.name == executing.name || !writing.writable || !executing.executable) continue;
      const bool deeper = at_or_below(executing.source, writing.source);
      if (!deeper && !at_or_below(writing.source, executing.source)) continue;
      std::string first = writing.name, second = executing.name;
      if (deeper) first += executing.source.substr(writing.source.size());
      else second += writing.source.substr(executing.source.size());
      if (!classes) classes.emplace(&bytes);
      const std::optional<std::string> clash = common_name(&bytes, *classes, first, second);
      if (!clash) continue;
      return shown(writing.name) + " and " + shown(executing.name) + " are mounts of one directory: what the policy lets be written as " +
             shown(first + *clash) + " could be executed as " + shown(second + *clash);
    }
  return {};
}

Result<void> check_two_names(std::string_view image, const Config& config, const std::string& bundle_directory) {
  Result<std::vector<Mounted>> mounted = mounted_at(config, bundle_directory);
  if (!mounted) return mounted.error();
  const std::string clash = written_and_executed(image, *mounted);
  if (clash.empty()) return {};
  return Error{clash + "; mount one of them read-only, or the second noexec, or sign for it in the profile (unsafe_write_and_execute)", EPERM};
}

}  // namespace treeline::oci
