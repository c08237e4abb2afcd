// SPDX-License-Identifier: Apache-2.0
// links: treeline_cli treeline_closing
//
// Any bytes as a profile, and what the back ends and `emit` write of it: they return; nothing of a name ends a line, or stands in the text raw; the
// parentheses of CIL are as many as they close; the enforcer takes the AppArmor profiles and takes them for the policy's own.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "enforcer/confine/apparmor.h"
#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/backends/network/lower.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/selinux/lower.h"
#include "policy-compiler/cli/load.h"

using namespace treeline;

namespace {

void readable(const std::string& text) {
  if (text.empty() || text.back() != '\n') std::abort();
  if (std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; })) std::abort();
}

template <typename Lowered>
void listed(const Lowered& lowered) {
  readable(lowered.text);
  for (const auto& residual : lowered.residuals)
    if (residual.message.empty()) std::abort();
}

void networks(const ir::Policy& policy) {
  namespace network = backends::network;
  network::Options options = network::default_options();
  options.pods = {{"app", "web"}};
  options.name_space = "shop";
  for (const bool split : {false, true}) {
    options.split_ranges = split;
    for (const network::Target target : {network::Target::kKubernetes, network::Target::kCilium, network::Target::kCalico}) listed(network::lower(target, policy, options));
  }
}

void selinux(const ir::Policy& policy) {
  const backends::selinux::Lowered lowered = backends::selinux::lower(policy, {{{"/var/log", ""}, {"/srv", "user_data_t"}, {"/", ""}}});
  listed(lowered);
  int open = 0;
  for (size_t at = 0; at < lowered.text.size();) {
    const size_t end = std::min(lowered.text.find('\n', at), lowered.text.size());
    for (; at < end && lowered.text[at] != ';'; ++at) open += lowered.text[at] == '(' ? 1 : lowered.text[at] == ')' ? -1 : 0;
    if (open < 0) std::abort();
    at = end + 1;
  }
  if (open != 0) std::abort();
}

void apparmor(const ir::Policy& policy) {
  for (const backends::apparmor::Options options : {backends::apparmor::Options{}, {.no_new_privs = true}, {.complain = true}}) {
    const backends::apparmor::Lowered lowered = backends::apparmor::lower(policy, options);
    listed(lowered);
    bundle::Bundle bundle;
    bundle.name = policy.name;
    bundle.artifacts.push_back({std::string(confine::kAppArmorArtifact), "apparmor", lowered.text, 0, ""});
    const auto taken = confine::apparmor_of(policy.name, bundle);
    if (!taken || !*taken || (*taken)->name != lowered.entry) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 6000 || std::count(data, data + size, '*') + std::count(data, data + size, '{') > 40) return 0;  // automata as large as their budget are pattern_fuzz's
  const cli::Loaded loaded = cli::judge(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
  if (!loaded.good()) return 0;
  networks(loaded.policy);
  selinux(loaded.policy);
  apparmor(loaded.policy);
  Diagnostics diagnostics;
  if (const auto filter = backends::seccomp::lower_calls(loaded.policy, {}, diagnostics)) {
    readable(filter->oci);
    if (filter->bpf.empty() || filter->bpf.size() % 8 != 0) std::abort();
  }
  return 0;
}
