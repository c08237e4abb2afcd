// SPDX-License-Identifier: Apache-2.0
#include "enforcer/confine/filter.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"

namespace treeline::confine {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

struct Architecture {
  const char* name;
  uint32_t token;
};
constexpr Architecture kArchitectures[] = {
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},   {"SCMP_ARCH_X86", SCMP_ARCH_X86}, {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64}, {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
};

Error failed(const std::string& what, int code) {
  return system_error("the closing filter cannot be built: " + what, code);
}

Result<void> add_architecture(scmp_filter_ctx context, const std::string& name) {
  const auto* known = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                   [&](const Architecture& architecture) { return name == architecture.name; });
  if (known == std::end(kArchitectures)) return failed("architecture " + name, EINVAL);
  const int code = seccomp_arch_add(context, known->token);
  if (code != 0 && code != -EEXIST) return failed("architecture " + name, -code);  // the native one is there already
  return {};
}

Result<void> refuse(scmp_filter_ctx context, const Refusal& refusal) {
  const int number = seccomp_syscall_resolve_name(refusal.name.c_str());
  if (number == __NR_SCMP_ERROR)
    return failed("libseccomp does not know the system call " + refusal.name + "; use a newer one", ENOSYS);
  const uint32_t action = SCMP_ACT_ERRNO(static_cast<uint32_t>(refusal.error));
  int code = refusal.only ? 0 : seccomp_rule_add_array(context, action, number, 0, nullptr);
  for (const Condition& part : refusal.only ? parts_of(*refusal.only) : std::vector<Condition>()) {
    const scmp_arg_cmp condition{part.index, SCMP_CMP_MASKED_EQ, part.bits | part.without, part.bits};
    if (code == 0) code = seccomp_rule_add_array(context, action, number, 1, &condition);
  }
  if (code != 0) return failed(refusal.name, -code);
  return {};
}

// seccomp_load would build it in the child, where it could fail for want of memory.
Result<std::vector<sock_filter>> exported(scmp_filter_ctx context) {
  const UniqueFd file(memfd_create("closing", MFD_CLOEXEC));
  if (!file) return failed("memfd_create", errno);
  if (const int code = seccomp_export_bpf(context, file.get()); code != 0) return failed("export", -code);
  const off_t size = lseek(file.get(), 0, SEEK_END);
  if (size <= 0 || static_cast<size_t>(size) % sizeof(sock_filter) != 0 ||
      static_cast<size_t>(size) / sizeof(sock_filter) > BPF_MAXINSNS)
    return failed("a program of " + std::to_string(size) + " bytes", E2BIG);
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), static_cast<size_t>(size), 0) != size) return failed("reading it back", EIO);
  return program;
}

}  // namespace

Result<Filter> Filter::build(const Closing& closing) {
  Filter filter;
  if (closing.refusals.empty()) return filter;
  const Context context(seccomp_init(SCMP_ACT_ALLOW));
  if (!context) return failed("seccomp_init", ENOMEM);
  for (const std::string& architecture : closing.architectures)
    if (Result<void> added = add_architecture(context.get(), architecture); !added) return added.error();
  for (const Refusal& refusal : closing.refusals)
    if (Result<void> added = refuse(context.get(), refusal); !added) return added.error();
  Result<std::vector<sock_filter>> program = exported(context.get());
  if (!program) return program.error();
  filter.programs_.push_back(std::move(*program));
  return filter;
}

Result<void> Filter::add(std::string_view program) {
  if (program.empty() || program.size() % sizeof(sock_filter) != 0 || program.size() / sizeof(sock_filter) > BPF_MAXINSNS)
    return Error{"the bundle's seccomp.bpf is no program of seccomp(2): " + std::to_string(program.size()) + " bytes; compile the profile again", EBADMSG};
  std::vector<sock_filter>& added = programs_.emplace_back(program.size() / sizeof(sock_filter));
  std::memcpy(added.data(), program.data(), program.size());
  return {};
}

int Filter::install() const {
  for (const std::vector<sock_filter>& each : programs_) {
    const sock_fprog program{static_cast<unsigned short>(each.size()), const_cast<sock_filter*>(each.data())};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return errno;
  }
  return 0;
}

}  // namespace treeline::confine
