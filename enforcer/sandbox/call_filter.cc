// SPDX-License-Identifier: Apache-2.0
#include "enforcer/sandbox/call_filter.h"

#include <seccomp.h>

#include <cerrno>
#include <string>

#include "enforcer/base/files.h"
#include "enforcer/sandbox/calls.h"

namespace treeline::sandbox {
namespace {

Error failed(const std::string& what, int code) {
  return system_error("treelined's own seccomp filter cannot be made (" + what + "); use a kernel with CONFIG_SECCOMP_FILTER, or start it with --unconfined",
                      code);
}

Result<void> add(scmp_filter_ctx context, const Call& call) {
  const int number = seccomp_syscall_resolve_name(call.name);
  if (number < 0) return {};  // another architecture's name for it, or newer than this libseccomp: then it is refused
  const Limit& limit = call.limit;
  int code = 0;
  switch (limit.kind) {
    case Limit::Kind::kNone: code = seccomp_rule_add_exact_array(context, SCMP_ACT_ALLOW, number, 0, nullptr); break;
    case Limit::Kind::kIs: {
      const scmp_arg_cmp condition{limit.argument, SCMP_CMP_MASKED_EQ, 0xffffffff, limit.value};  // an int; the upper half may hold anything
      code = seccomp_rule_add_exact_array(context, SCMP_ACT_ALLOW, number, 1, &condition);
      break;
    }
    case Limit::Kind::kWithout: {
      const scmp_arg_cmp condition{limit.argument, SCMP_CMP_MASKED_EQ, limit.value, 0};
      code = seccomp_rule_add_exact_array(context, SCMP_ACT_ALLOW, number, 1, &condition);
      break;
    }
  }
  if (code != 0) return failed(call.name, -code);
  return {};
}

}  // namespace

void CallFilter::Release::operator()(void* context) const { seccomp_release(context); }

Result<CallFilter> CallFilter::build() {
  CallFilter filter;
  filter.context_.reset(seccomp_init(SCMP_ACT_TRAP));
  if (!filter.context_) return failed("seccomp_init", ENOMEM);
  seccomp_attr_set(filter.context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(filter.context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a search tree: the loop's calls come late in the order of numbers
  for (const Call& call : calls())
    if (Result<void> added = add(filter.context_.get(), call); !added) return added.error();
  return filter;
}

Result<void> CallFilter::load() const {
  if (const int code = seccomp_load(context_.get()); code != 0) return failed("seccomp_load", -code);
  return {};
}

}  // namespace treeline::sandbox
