// SPDX-License-Identifier: Apache-2.0
#include "enforcer/confine/apparmor.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "enforcer/base/files.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::confine {
namespace {

constexpr std::string_view kNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

std::string_view next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

// What stands outside of quotes; nullopt where one is not closed. A quote ends where apparmor_parser ends it: at one without a backslash. Of two
// backslashes readers differ, and the back end writes \134.
std::optional<std::string> unquoted(std::string_view line) {
  std::string out;
  if (line.find("\\\\") != std::string_view::npos) return std::nullopt;
  while (!line.empty()) {
    const size_t open = line.find('"');
    out += line.substr(0, open);
    if (open == std::string_view::npos) break;
    size_t close = open;
    do close = line.find('"', close + 1);
    while (close != std::string_view::npos && line[close - 1] == '\\');
    if (close == std::string_view::npos) return std::nullopt;
    out += "\"\"";
    line.remove_prefix(close + 1);
  }
  return out;
}

// The back end's text, line by line (policy-compiler/backends/apparmor/write.cc), so that no other profile is in it: apparmor_parser replaces by name,
// and a bundle could put docker-default out of force. No line but the head of a profile opens or closes one, and none brings in a file.
class Reader {
 public:
  explicit Reader(std::string_view policy) : own_("treeline.") {  // a dot within it is written twice (backends/apparmor/names.h)
    for (const char c : policy) own_ += c == '.' ? std::string("..") : std::string(1, c);
  }

  // Why this line is refused; "": it is not.
  std::string line(std::string_view line) {
    if (line.empty() || line == "abi <abi/3.0>,") return "";
    if (line.starts_with("profile ")) return head(line.substr(8));
    if (line == "}") return depth_-- > 0 ? "" : "closes no profile";
    return depth_ > 0 && is_rule(line) ? "" : "is none that treelinec writes";
  }

  const std::vector<std::string>& names() const { return names_; }
  bool whole() const { return depth_ == 0 && !names_.empty(); }
  const std::string& own() const { return own_; }

 private:
  bool is_own(std::string_view name) const {
    const std::string_view node = name.substr(std::min(own_.size(), name.size()));
    return name.starts_with(own_) && (node.empty() || (node.size() > 1 && node[0] == '.' && node[1] != '.'));
  }

  // NAME ["ATTACHMENT"] [flags=(...)] {
  std::string head(std::string_view rest) {
    const std::string name(rest.substr(0, rest.find(' ')));
    if (name.empty() || name.size() > 255 || name.find_first_not_of(kNameBytes) != std::string::npos || (depth_ == 0 && !is_own(name)))
      return "names a profile that is not the policy's own: those are " + own_ + " and " + own_ + ".NODE";
    const std::optional<std::string> behind = unquoted(rest.substr(name.size()));
    if (!behind) return "has a quote that is not closed";
    std::string_view words = *behind;
    if (depth_ > 0 && words.starts_with(" \"\"")) words.remove_prefix(3);  // a local one is found by its path, one of the policy by its name alone
    for (const std::string_view flags : {"", " flags=(complain)", " flags=(mediate_deleted)", " flags=(complain, mediate_deleted)"})
      if (words == std::string(flags) + " {") {
        ++depth_;
        names_.push_back(name);
        return "";
      }
    return "has flags, or an attachment, that treelinec does not write";
  }

  bool is_rule(std::string_view line) const {
    std::optional<std::string> words = unquoted(line);
    if (!words || !words->ends_with(',') || words->find("include") != std::string::npos) return false;
    const std::string peer = "peer=" + own_ + "{,.[^.]**}";
    if (const size_t at = words->find(peer); at != std::string::npos) words->erase(at, peer.size());
    return words->find_first_not_of(std::string(kNameBytes) + " \"/,=>()") == std::string::npos;
  }

  std::string own_;
  int depth_ = 0;
  std::vector<std::string> names_;
};

std::string note_path(const AppArmor& wanted) { return std::string(kLoaded) + "/" + sha256_hex(wanted.name); }
std::string note_text(const AppArmor& wanted) { return wanted.name + " " + sha256_hex(wanted.text); }
bool is_noted(const AppArmor& wanted) { return trim(read_file_or_empty(note_path(wanted))) == note_text(wanted); }

}  // namespace

Result<std::optional<AppArmor>> apparmor_of(const std::string& policy, const bundle::Bundle& bundle) {
  const bundle::Artifact* artifact = bundle.find(kAppArmorArtifact);
  if (!artifact) return std::optional<AppArmor>();
  const std::string whose = "the bundle of policy '" + policy + "' is refused: its file apparmor ";
  const std::string remedy = "; compile the profile again, and sign nothing that treelinec did not write";
  Reader reader(bundle.name);
  size_t number = 0;
  for (std::string_view text = artifact->bytes; !text.empty();) {
    const std::string_view line = next_line(text);
    ++number;
    if (const std::string why = reader.line(line); !why.empty())
      return Error{whose + "has a line " + std::to_string(number) + " that " + why + remedy, EBADMSG};
  }
  if (!reader.whole()) return Error{whose + "holds no whole profile " + reader.own() + remedy, EBADMSG};
  return std::optional<AppArmor>(AppArmor{policy, reader.names()[0], reader.names().size() > 1, artifact->bytes});
}

std::string why_profile_does_not_hold(const AppArmor& wanted, std::string_view profiles) {
  while (!profiles.empty()) {
    const size_t end = profiles.find('\n');
    const std::string_view line = profiles.substr(0, end);
    profiles.remove_prefix(end == std::string_view::npos ? profiles.size() : end + 1);
    const size_t mode = line.rfind(" (");
    if (mode == std::string_view::npos || line.substr(0, mode) != wanted.name) continue;
    if (line.substr(mode) == " (enforce)" || line.substr(mode) == " (kill)") return "";
    return "AppArmor profile '" + wanted.name + "' is loaded, but as" + std::string(line.substr(mode)) + "; aa-enforce " + wanted.name;
  }
  return "AppArmor profile '" + wanted.name + "' is not loaded; load it: treeline policy profiles";
}

Result<void> apparmor_runs(const AppArmor& wanted) {
  if (trim(read_file_or_empty("/sys/module/apparmor/parameters/enabled")) == "Y") return {};
  return Error{"policy '" + wanted.policy + "' has an AppArmor profile, and this kernel runs without AppArmor: boot with apparmor in lsm=, or compile the policy "
                   "without its AppArmor artifact",
               ENOTSUP};
}

Result<void> is_held(const AppArmor& wanted) {
  if (Result<void> runs = apparmor_runs(wanted); !runs) return runs;
  Result<std::string> profiles = read_file("/sys/kernel/security/apparmor/profiles", 16 << 20);
  if (!profiles) return Error{profiles.error().message + "; mount -t securityfs securityfs /sys/kernel/security", ENOTSUP};
  if (std::string why = why_profile_does_not_hold(wanted, *profiles); !why.empty()) return Error{why, EPERM};
  if (!is_noted(wanted))
    return Error{"AppArmor profile '" + wanted.name + "' is loaded, but another version of it, or not by treeline; load this one: treeline policy profiles", ESTALE};
  return {};
}

Result<void> note_loaded(const AppArmor& wanted) {
  if (Result<void> made = make_directories(kLoaded, 0755); !made) return made;
  return write_file_atomically(note_path(wanted), note_text(wanted) + "\n");
}

Result<void> forget_loaded(const AppArmor& wanted) {
  if (is_noted(wanted)) return {};
  if (unlink(note_path(wanted).c_str()) == 0 || errno == ENOENT) return {};
  return system_error("cannot remove " + note_path(wanted), errno);
}

}  // namespace treeline::confine
