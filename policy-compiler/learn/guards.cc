// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/guards.h"

#include <algorithm>
#include <array>

#include "policy-compiler/analysis/sensitive.h"
#include "policy-compiler/learn/object_name.h"

namespace treeline::learn {
namespace {

using std::string_view;

// Directories (and single files) in which every name is written by a person.
constexpr std::array<string_view, 24> kProtectedTrees = {
    "/run/secrets",    "/var/run/secrets", "/etc/passwd", "/etc/group",      "/etc/shadow",        "/etc/gshadow",
    "/etc/ssl",        "/etc/ssh",         "/etc/pki",    "/etc/pam.d",      "/etc/security",      "/etc/sudoers",
    "/etc/sudoers.d",  "/etc/crontab",     "/etc/cron.d", "/var/spool/cron", "/etc/ld.so.preload", "/etc/ld.so.conf.d",
    "/etc/kubernetes", "/etc/apparmor.d",  "/sys",        "/run/treeline",   "/run/containerd",    "/boot"};
constexpr std::array<string_view, 5> kProtectedNames = {".ssh", ".aws", ".kube", ".docker", ".gnupg"};
// Of a repository, what decides which programs are started.
constexpr std::array<string_view, 6> kGitControl = {"hooks", "config", "config.worktree", "info", "modules", "worktrees"};
constexpr std::array<string_view, 6> kRuntimeSockets = {"docker.sock", "containerd.sock",       "crio.sock",
                                                        "podman.sock", "containerd.sock.ttrpc", "treeline.sock"};
constexpr std::array<string_view, 10> kProcSecrets = {"environ",   "mem",     "maps", "smaps", "smaps_rollup",
                                                      "numa_maps", "pagemap", "auxv", "stack", "syscall"};

template <size_t N>
bool any_of(const std::array<string_view, N>& list, string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// The path itself and every directory above it.
void add_line(const std::string& path, std::set<std::string>& out) {
  for (size_t end = path.size(); end != 0 && end != std::string::npos; end = path.rfind('/', end - 1)) {
    if (!out.insert(path.substr(0, end)).second) break;
  }
}

// What each name that the pattern matches begins with: a directory with thousands of names is not asked name by name for each pattern.
std::string literal_begin(const PathPattern& pattern) {
  std::string out;
  for (const NamePattern& name : pattern) {
    out += '/';
    for (const Piece& piece : name.pieces()) {
      if (piece.kind != Piece::Kind::kLiteral) return out;
      out += piece.bytes;
    }
  }
  return out;
}

std::string above(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Guards::Guards(const Observed& observed, ImageHolds image) : observed_(observed), image_(std::move(image)) {
  for (const std::string& file : observed.executed) {
    if (is_path(file)) add_line(file, above_executed_);
  }
  const auto add_changed = [&](const std::string& path) {
    if (!is_path(path)) return;
    add_line(path, above_changed_);
    changed_in_.insert(above(path));
  };
  for (const std::string& path : observed.written) add_changed(path);
  for (const auto& [path, birth] : observed.births) {
    if (birth.made || birth.removed) add_changed(path);
  }
  for (const ObservedNode& node : observed.nodes) {
    for (const auto& [path, words] : node.files) {
      if (is_path(path) && !changed(path) && !made_at_or_above(path)) standing_.insert(path);
    }
  }
}

bool Guards::is_kernel_number(const std::vector<std::string>& path, size_t depth) {
  if (depth < 3 || (path[depth - 2] != "fd" && path[depth - 2] != "fdinfo" && path[depth - 2] != "task")) return false;
  const auto end = path.begin() + static_cast<std::ptrdiff_t>(depth) - 2;
  const std::string& name = path[depth - 1];
  return std::find(path.begin(), end, "/own") != end && !name.empty() && name.size() <= 7 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool Guards::is_protected(const std::vector<std::string>& path, size_t depth) {
  const std::vector<std::string> head(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth));
  const std::string whole = join(head);
  for (const string_view tree : kProtectedTrees) {
    if (whole.starts_with(tree) &&
        (whole.size() == tree.size() || whole[tree.size()] == '/' || whole[tree.size()] == '-'))
      return true;
  }
  // What a program keeps in shared memory is data, in spite of the directory's name; everything else in /dev is a
  // device's.
  if (head.front() == "dev" && !(head.size() > 2 && head[1] == "shm")) return true;
  for (size_t i = 0; i < head.size(); i++) {
    const string_view name = head[i];
    if (any_of(kProtectedNames, name) || name.ends_with(".pem") || name.ends_with(".key") ||
        any_of(kRuntimeSockets, name))
      return true;
    if (name.starts_with("cgroup.")) return true;
    if (name == ".git" && i + 1 < head.size() && any_of(kGitControl, head[i + 1])) return true;
  }
  // Pseudo components: somewhere above is a procfs. Of a thread's directory, too, the memory stays a matter of its own.
  const bool process = std::any_of(head.begin(), head.end(), [](const std::string& name) { return is_pseudo(name); });
  return process && any_of(kProcSecrets, path.back());
}

bool Guards::meets_protected(const PathPattern& pattern) {
  const auto is_above = [&](string_view tree) {
    const std::vector<std::string> names = split(tree);
    if (names.size() > pattern.size()) return false;
    for (size_t i = 0; i < names.size(); i++) {
      if (!pattern[i].matches(names[i])) return false;
    }
    return true;
  };
  if (std::any_of(kProtectedTrees.begin(), kProtectedTrees.end(), is_above)) return true;
  return std::any_of(pattern.begin(), pattern.end(), [](const NamePattern& name) {
    const auto matched = [&](string_view word) { return name.matches(word); };
    return name.folded() && std::any_of(kRuntimeSockets.begin(), kRuntimeSockets.end(), matched);
  });
}

bool Guards::held_by_image(const std::string& path) const {
  if (!image_) return false;
  const auto [at, fresh] = held_.emplace(path, true);
  if (fresh) at->second = image_.path(path);
  return at->second;
}

bool Guards::made_at_or_above(const std::string& path) const {
  for (size_t end = path.size(); end != 0 && end != std::string::npos; end = path.rfind('/', end - 1)) {
    const auto birth = observed_.births.find(path.substr(0, end));
    if (birth != observed_.births.end() && birth->second.made) return true;
  }
  return false;
}

bool Guards::born(const std::string& path) const {
  if (image_ && held_by_image(path)) return false;
  if (made_at_or_above(path)) return true;
  return image_ && (above_changed_.contains(path) || changed_in_.contains(above(path)));
}

bool Guards::changed(const std::string& path) const {
  const auto birth = observed_.births.find(path);
  return observed_.written.contains(path) || (birth != observed_.births.end() && birth->second.removed);
}

bool Guards::on_volume(const std::string& path) const {
  constexpr std::array<string_view, 3> kKernels = {"/proc/", "/sys/", "/dev/"};
  const auto lies_in = [&](string_view tree) { return path.starts_with(tree); };
  return image_ && std::none_of(kKernels.begin(), kKernels.end(), lies_in) && !held_by_image(path) && !born(path);
}

bool Guards::meets_executed(const PathPattern& pattern) const {
  const std::string begin = literal_begin(pattern);
  for (auto at = observed_.executed.lower_bound(begin); at != observed_.executed.end() && at->starts_with(begin); ++at) {
    if (matches(pattern, split(*at))) return true;
  }
  return false;
}

bool Guards::meets_programs(const PathPattern& pattern, const std::vector<std::string>& like) const {
  constexpr std::array<string_view, 7> kProgramDirectories = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec"};
  const auto first = std::find_if(pattern.begin(), pattern.end(), [](const NamePattern& name) { return name.folded(); });
  if (image_ || first == pattern.end()) return false;
  if (first == pattern.begin()) return true;
  const std::vector<std::string> names(like.begin(), like.begin() + (first - pattern.begin()));
  const std::string directory = join(names);
  if (made_at_or_above(directory)) return false;  // nothing of the image lies in what was made at run time
  if (any_of(kProgramDirectories, names.back()) && directory != "/var/lib") return true;
  return analysis::may_match(text_of(pattern), analysis::Sensitive::kProgram);
}

const std::optional<std::vector<std::string>>& Guards::names_in_image(const std::string& directory) const {
  const auto [at, fresh] = names_.emplace(directory, std::nullopt);
  if (fresh) at->second = image_.names(directory);
  return at->second;
}

std::optional<std::string> Guards::meets_image(const PathPattern& pattern, const std::vector<std::string>& like,
                                               const std::function<bool(const std::string& path)>& known) const {
  if (!image_) return std::nullopt;
  std::vector<std::string> at = {""}, next;  // directories that the pattern so far stands for
  for (size_t i = 0; i < pattern.size(); i++, at.swap(next), next.clear()) {
    if (is_pseudo(like[i])) return std::nullopt;  // a procfs
    for (const std::string& directory : at) {
      if (!pattern[i].folded()) {
        next.push_back(directory + "/" + like[i]);
        continue;
      }
      const auto& names = names_in_image(directory);
      if (!names) return "?";
      for (const std::string& name : *names) {
        if (pattern[i].matches(name)) next.push_back(directory + "/" + name);
      }
    }
  }
  for (const std::string& path : at) {
    if (held_by_image(path) && !known(path)) return path;
  }
  return std::nullopt;
}

std::optional<std::string> Guards::meets_standing(const PathPattern& pattern, const std::vector<std::string>& like,
                                                  const std::function<bool(const std::string& path)>& known) const {
  constexpr double kRandom = 64;  // bits
  if (!folded(pattern) || std::any_of(like.begin(), like.end(), is_pseudo) || log2_names(pattern) >= kRandom) return std::nullopt;
  const std::string begin = literal_begin(pattern);
  for (auto at = standing_.lower_bound(begin); at != standing_.end() && at->starts_with(begin); ++at) {
    if (matches(pattern, split(*at)) && !known(*at)) return *at;
  }
  return std::nullopt;
}

bool Guards::meets_control(const PathPattern& pattern) {
  for (size_t i = 1; i < pattern.size(); i++) {
    if (!pattern[i].folded() || pattern[i - 1].folded() || !pattern[i - 1].matches(".git")) continue;
    if (std::any_of(kGitControl.begin(), kGitControl.end(), [&](string_view name) { return pattern[i].matches(name); }))
      return true;
  }
  return false;
}

Guards::Answer Guards::ask(const std::vector<std::string>& path, size_t depth) const {
  const std::string& name = path[depth - 1];
  if (is_pseudo(name)) return Answer::kStatic;
  const std::string whole = join({path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth)});
  if (above_executed_.contains(whole)) return Answer::kExecutable;
  if (is_protected(path, depth)) return Answer::kProtected;
  if (is_kernel_number(path, depth)) return Answer::kMayFold;
  if (name.starts_with('.')) return Answer::kHidden;
  return born(whole) ? Answer::kMayFold : Answer::kStatic;
}

}  // namespace treeline::learn
