// SPDX-License-Identifier: Apache-2.0
//
// The seccomp filter that a workload was started with: it is the only thing of a policy that cannot be exchanged while the workload runs.
#include <algorithm>
#include <cerrno>

#include "enforcer/confine/closing.h"
#include "enforcer/confine/filter.h"
#include "enforcer/daemon/service.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {
namespace {

constexpr char kListed[] = "listed calls:";  // a word of its own for the digest of what may be called

bool is_of_listed_calls(const std::string& word) { return word.rfind(kListed, 0) == 0; }

}  // namespace

// Has the closing filter to be in force, or are hooks proven to refuse as well?
const char* Service::closing_word() const {
  const auto proven = [this](std::string_view hook) {
    return std::any_of(proof_.report().hooks.begin(), proof_.report().hooks.end(),
                       [&](const canary::HookProof& proof) { return proof.hook == hook && proof.refused && proof.counted; });
  };
  return proven("userns_create") && proven("inode_init_security_anon") && facts_.io_uring_hook ? "optional" : "required";
}

// Of a start under this bundle. Never empty: that is a container of which nothing was kept.
std::vector<std::string> Service::filter_words(const bundle::Bundle& bundle) const {
  std::vector<std::string> words = {"filter"};
  Result<confine::Closing> closing = confine::closing_of(bundle);
  if (!closing) return words;  // no container starts under it, and none is held to less by it
  for (std::string& word : confine::words_of(std::string_view(closing_word()) == "optional" ? confine::beside_hooks(*closing) : *closing))
    words.push_back(std::move(word));
  if (const bundle::Artifact* calls = bundle.find(confine::kCallsArtifact)) words.push_back(kListed + sha256_hex(calls->bytes));
  return words;
}

std::vector<std::string> Service::without_filter(uint32_t slot, const std::vector<std::string>& wanted) const {
  std::vector<std::string> open;
  for (const auto& [index, container] : containers_->all())
    if (container.slot == slot && !holds_filter(container, wanted)) open.push_back(container.id);
  return open;
}

bool Service::holds_filter(const workload::Container& container, const std::vector<std::string>& wanted) {
  return container.enforced_at_start && (container.filter.empty() || confine::covers(container.filter, wanted));
}

Result<void> Service::filter_in_place(const std::string& name, uint32_t mode, const bundle::Bundle& bundle, const Json& request) const {
  const store::Policy* policy = registry_->find(name);
  const std::optional<store::Unmanaged> lost = policy ? std::nullopt : registry_->unmanaged(name);
  if ((!policy && !lost) || (mode ? mode : registry_->mode_of(name)) != TL_MODE_ENFORCE || std::string_view(closing_word()) == "optional" || flag_at(request, "without_filter"))
    return {};
  std::vector<std::string> wanted = filter_words(bundle);
  std::erase_if(wanted, is_of_listed_calls);  // no hook is missing for these: they are a matter of the status
  const std::vector<std::string> open = without_filter(policy ? policy->slot : lost->slot, wanted);
  if (open.empty()) return {};
  return Error{std::to_string(open.size()) + " containers of '" + name + "' (" + text::printable(open[0], 64) + (open.size() > 1 ? ", ..." : "") +
                   ") were started in monitor, or under a generation that allowed more, so without the seccomp filter that this kernel needs in place of hooks: user "
                   "namespaces, io_uring or userfaultfd would stay open to them. Stop them and start them again in enforce, or say --without-filter",
               EPERM};
}

}  // namespace treeline::daemon
