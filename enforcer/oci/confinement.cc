// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/confinement.h"

#include <cerrno>
#include <vector>

#include "enforcer/base/files.h"
#include "enforcer/oci/closing.h"
#include "enforcer/oci/seccomp.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

constexpr char kRestart[] = "; start it through the wrapper (treeline-oci --runtime ...), which writes it";

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

std::string_view filter_of(const Config& config) {
  const json::Value* have = config.root().at({"linux", "seccomp"});
  return have && !have->is(json::Kind::kNull) ? config.text_of(*have) : std::string_view();
}

Result<const confine::Closing*> closing_of(const Confinement& wanted) {
  if (wanted.closing) return &*wanted.closing;
  return Error{"the bundle of policy '" + wanted.policy +
                   "' has no closing.json: compile its profile again, and load it: treeline policy load",
               EBADMSG};
}

// The filter that config.json has to carry where the bundle brings one of its own.
Result<std::string> merged_own(const Confinement& wanted, const confine::Closing& closing) {
  Result<std::string> merged = merge_closing(*wanted.seccomp, closing);
  if (merged) return merged;
  return Error{"the bundle of policy '" + wanted.policy + "': seccomp.json, to become " + merged.error().message,
               EBADMSG};
}

Result<void> verify_own(const Confinement& wanted, const Config& config, const confine::Closing& closing,
                        ClosingFilter needed) {
  const std::string whose = "policy '" + wanted.policy + "' has a seccomp filter";
  const json::Value* have = config.root().at({"linux", "seccomp"});
  if (!have || have->is(json::Kind::kNull)) return Error{whose + ", config.json has none" + kRestart, EPERM};
  Result<std::string> merged = merged_own(wanted, closing);
  if (!merged) return merged.error();
  Result<json::Value> whole = json::parse(*merged), alone = json::parse(*wanted.seccomp);
  if (!whole) return whole.error();
  if (!alone) return alone.error();
  const std::string difference = seccomp_difference(*have, *whole);
  if (difference.empty()) return {};
  if (needed == ClosingFilter::kOptional && seccomp_difference(*have, *alone).empty()) return {};
  return Error{whose + ", config.json another one: " + difference + kRestart, EPERM};
}

// With an engine's filter, or none.
Result<void> verify_closed(const Confinement& wanted, const Config& config, const confine::Closing& closing) {
  const std::string_view have = filter_of(config);
  Result<std::string> merged = merge_closing(have, closing);
  if (merged && *merged == have) return {};
  return Error{"this kernel has no hook for some of what policy '" + wanted.policy + "' refuses, and config.json has " +
                   (have.empty() ? "no seccomp filter" : "a seccomp filter that lets it pass") +
                   (merged ? "" : ": " + merged.error().message) + kRestart,
               EPERM};
}

}  // namespace

Result<Confinement> confinement_of(const std::string& policy, const bundle::Bundle& bundle) {
  Confinement wanted;
  wanted.policy = policy;
  const std::string whose = "the bundle of policy '" + policy + "': ";
  if (const bundle::Artifact* seccomp = bundle.find(kSeccompArtifact)) {
    if (seccomp->bytes.size() > kMaxConfig)
      return Error{whose + "seccomp.json is larger than a config.json may be", EFBIG};
    Result<json::Value> parsed = json::parse(seccomp->bytes);
    if (!parsed) return Error{whose + "seccomp.json: " + parsed.error().message, EBADMSG};
    if (!parsed->is(json::Kind::kObject) || !parsed->find("defaultAction"))
      return Error{whose + "seccomp.json is no seccomp filter: an object with a defaultAction", EBADMSG};
    wanted.seccomp = seccomp->bytes.substr(parsed->begin, parsed->end - parsed->begin);
  }
  if (bundle.find(confine::kClosingArtifact)) {
    Result<confine::Closing> closing = confine::closing_of(bundle);
    if (!closing) return Error{whose + closing.error().message, closing.error().code};
    wanted.closing = std::move(*closing);
  }
  if (const bundle::Artifact* apparmor = bundle.find(kAppArmorArtifact)) {
    const std::vector<std::string> names = profile_names(apparmor->bytes);
    if (names.empty() || !valid_profile_name(names[0]))
      return Error{whose + "apparmor holds no line `profile NAME ...` with a name of [A-Za-z0-9._-]", EBADMSG};
    wanted.apparmor = names[0];
    wanted.apparmor_tree = names.size() > 1;
  }
  return wanted;
}

Result<Confinement> read_confinement(const std::string& policy, const std::string& directory) {
  Result<bundle::Bundle> bundle = bundle::read(directory);
  if (!bundle) return bundle.error();
  return confinement_of(policy, *bundle);
}

void leave_to_hooks(Confinement& wanted) {
  if (wanted.closing) wanted.closing = confine::beside_hooks(*wanted.closing);
}

Result<void> check_pairing(const Confinement& wanted, const Config& config) {
  const json::Value* no_new_privileges = config.root().at({"process", "noNewPrivileges"});
  if (wanted.apparmor && wanted.apparmor_tree && no_new_privileges && no_new_privileges->is(json::Kind::kTrue))
    return Error{
        "process.noNewPrivileges (Kubernetes: allowPrivilegeEscalation: false) forbids the exec transitions between "
        "the AppArmor profiles of policy '" +
            wanted.policy +
            "', the workload could not start: allow it, or compile the policy with --no-new-privs (one flat profile)",
        EPERM};
  return {};
}

Result<void> apply(const Confinement& wanted, Config& config) {
  if (Result<void> fits = check_pairing(wanted, config); !fits) return fits;
  Result<const confine::Closing*> closing = closing_of(wanted);
  if (!closing) return closing.error();
  Result<std::string> filter =
      wanted.seccomp ? merged_own(wanted, **closing) : merge_closing(filter_of(config), **closing);
  if (!filter) return filter.error();
  if (!filter->empty())
    if (Result<void> set = config.set({"linux", "seccomp"}, *filter); !set) return set;
  if (wanted.apparmor) return config.set({"process", "apparmorProfile"}, json::quote(*wanted.apparmor));
  return {};
}

Result<void> verify(const Confinement& wanted, const Config& config, ClosingFilter needed) {
  if (Result<void> fits = check_pairing(wanted, config); !fits) return fits;
  Result<const confine::Closing*> closing = closing_of(wanted);
  if (!closing) return closing.error();
  if (wanted.seccomp) {
    if (Result<void> good = verify_own(wanted, config, **closing, needed); !good) return good;
  } else if (needed == ClosingFilter::kRequired) {
    if (Result<void> good = verify_closed(wanted, config, **closing); !good) return good;
  }
  if (wanted.apparmor) {
    const json::Value* have = config.root().at({"process", "apparmorProfile"});
    if (!have || have->scalar != *wanted.apparmor)
      return Error{"policy '" + wanted.policy + "' has the AppArmor profile '" + *wanted.apparmor +
                       "', config.json names " +
                       (have && !have->scalar.empty() ? text::quoted(have->scalar) : std::string("none")) + kRestart,
                   EPERM};
  }
  return {};
}

std::string why_profile_does_not_hold(const std::string& name, std::string_view profiles) {
  while (!profiles.empty()) {
    const size_t end = profiles.find('\n');
    const std::string_view line = profiles.substr(0, end);
    profiles.remove_prefix(end == std::string_view::npos ? profiles.size() : end + 1);
    const size_t mode = line.rfind(" (");
    if (mode == std::string_view::npos || line.substr(0, mode) != name) continue;
    if (line.substr(mode) == " (enforce)" || line.substr(mode) == " (kill)") return "";
    return "AppArmor profile '" + name + "' is loaded, but as" + std::string(line.substr(mode)) + "; aa-enforce " +
           name;
  }
  return "AppArmor profile '" + name + "' is not loaded; load the policy again: treeline policy load";
}

Result<void> verify_loaded(const Confinement& wanted) {
  if (!wanted.apparmor) return {};
  if (trim(read_file_or_empty("/sys/module/apparmor/parameters/enabled")) != "Y")
    return Error{"policy '" + wanted.policy +
                     "' has an AppArmor profile, and this kernel runs without AppArmor: boot with apparmor in lsm=, or "
                     "compile the policy without its AppArmor artifact",
                 ENOTSUP};
  Result<std::string> profiles = read_file("/sys/kernel/security/apparmor/profiles", 16 << 20);
  if (!profiles)
    return Error{profiles.error().message + "; mount -t securityfs securityfs /sys/kernel/security", ENOTSUP};
  if (std::string why = why_profile_does_not_hold(*wanted.apparmor, *profiles); !why.empty()) return Error{why, EPERM};
  return {};
}

}  // namespace treeline::oci
