// SPDX-License-Identifier: Apache-2.0
#include "enforcer/confine/apparmor.h"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include "enforcer/base/files.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::confine {
namespace {

std::vector<std::string> profile_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::vector<std::string_view> words = text::words(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (words.size() > 1 && words[0] == "profile") names.emplace_back(words[1].substr(0, words[1].find('{')));
  }
  return names;
}

bool valid_profile_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 255 && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string note_path(const AppArmor& wanted) { return std::string(kLoaded) + "/" + sha256_hex(wanted.name); }
std::string note_text(const AppArmor& wanted) { return wanted.name + " " + sha256_hex(wanted.text); }
bool is_noted(const AppArmor& wanted) { return trim(read_file_or_empty(note_path(wanted))) == note_text(wanted); }

}  // namespace

Result<std::optional<AppArmor>> apparmor_of(const std::string& policy, const bundle::Bundle& bundle) {
  const bundle::Artifact* artifact = bundle.find(kAppArmorArtifact);
  if (!artifact) return std::optional<AppArmor>();
  const std::vector<std::string> names = profile_names(artifact->bytes);
  if (names.empty() || !valid_profile_name(names[0]))
    return Error{"the bundle of policy '" + policy + "': apparmor holds no line `profile NAME ...` with a name of [A-Za-z0-9._-]", EBADMSG};
  return std::optional<AppArmor>(AppArmor{policy, names[0], names.size() > 1, artifact->bytes});
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
