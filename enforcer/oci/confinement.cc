// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/confinement.h"

#include <cerrno>

#include "enforcer/oci/closing.h"
#include "enforcer/oci/seccomp.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

constexpr char kRestart[] = "; start it through the wrapper (treeline-oci --runtime ...), which writes it";

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
  return Error{"no LSM hook of this kernel sees some of what policy '" + wanted.policy + "' refuses, and config.json has " +
                   (have.empty() ? "no seccomp filter" : "a seccomp filter that lets it pass") +
                   (merged ? "" : ": " + merged.error().message) + kRestart,
               EPERM};
}

}  // namespace

Result<Confinement> confinement_of(const std::string& policy, const bundle::Bundle& bundle) {
  Confinement wanted;
  wanted.policy = policy;
  if (const bundle::Artifact* image = bundle.find(bundle::kImage)) wanted.image = image->bytes;
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
  Result<std::optional<confine::AppArmor>> apparmor = confine::apparmor_of(policy, bundle);
  if (!apparmor) return apparmor.error();
  wanted.apparmor = std::move(*apparmor);
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
  if (wanted.apparmor && wanted.apparmor->tree && no_new_privileges && no_new_privileges->is(json::Kind::kTrue))
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
  if (wanted.apparmor) return config.set({"process", "apparmorProfile"}, json::quote(wanted.apparmor->name));
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
    if (!have || have->scalar != wanted.apparmor->name)
      return Error{"policy '" + wanted.policy + "' has the AppArmor profile '" + wanted.apparmor->name +
                       "', config.json names " +
                       (have && !have->scalar.empty() ? text::quoted(have->scalar) : std::string("none")) + kRestart,
                   EPERM};
  }
  return {};
}

std::string replaced(const Confinement& wanted, const Config& config) {
  std::string what;
  if (wanted.seccomp && !filter_of(config).empty())
    what = "its seccomp filter, which may refuse what that of the policy lets pass";
  const json::Value* profile = config.root().at({"process", "apparmorProfile"});
  if (wanted.apparmor && profile && !profile->scalar.empty() && profile->scalar != wanted.apparmor->name)
    what += (what.empty() ? "" : ", and ") + ("its AppArmor profile " + text::quoted(profile->scalar));
  if (what.empty()) return what;
  return "policy '" + wanted.policy +
         "' brings its own in place of what the container engine wrote into config.json: " + what;
}

bool carries_filter(const Confinement& wanted, const Config& config) {
  Result<const confine::Closing*> closing = closing_of(wanted);
  if (!closing) return false;
  const Result<void> there = wanted.seccomp ? verify_own(wanted, config, **closing, ClosingFilter::kRequired)
                                            : verify_closed(wanted, config, **closing);
  return there.has_value();
}

}  // namespace treeline::oci
