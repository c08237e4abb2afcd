// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/seccomp/program.h"

#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "policy-compiler/support/text.h"

namespace treeline::backends::seccomp {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

struct Closed {
  int fd;
  ~Closed() {
    if (fd >= 0) close(fd);
  }
};

uint32_t token(Architecture architecture) {
  switch (architecture) {
    case Architecture::kX86_64:
      return SCMP_ARCH_X86_64;
    case Architecture::kX86:
      return SCMP_ARCH_X86;
    case Architecture::kX32:
      return SCMP_ARCH_X32;
    case Architecture::kAarch64:
      return SCMP_ARCH_AARCH64;
  }
  return 0;
}

Error failed(const std::string& what, int code) {
  return Error{"the filter of system calls cannot be built: " + what + ": " + std::strerror(code), code};
}

// Numbers from -10000 down stand for calls of other architectures; those above it, on 32-bit x86, for parts of
// socketcall and ipc.
bool exists(Architecture architecture, const std::string& call) {
  constexpr int kOtherArchitectures = -10000, kParts = -100;
  const int number = seccomp_syscall_resolve_name_arch(token(architecture), call.c_str());
  return number >= 0 || (architecture == Architecture::kX86 && number <= kParts && number > kOtherArchitectures);
}

Result<void> add(scmp_filter_ctx context, const Rule& rule) {
  const int number = seccomp_syscall_resolve_name(rule.call.c_str());
  const uint32_t action = rule.error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(static_cast<uint32_t>(rule.error));
  int code = 0;
  if (rule.only) {
    const scmp_arg_cmp condition{rule.only->index, SCMP_CMP_MASKED_EQ, rule.only->mask, rule.only->value};
    code = seccomp_rule_add_array(context, action, number, 1, &condition);
  } else {
    code = seccomp_rule_add_array(context, action, number, 0, nullptr);
  }
  if (code != 0) return failed(rule.call, -code);
  return {};
}

Result<Context> of_architecture(const std::vector<Rule>& rules, Architecture architecture) {
  Context context(seccomp_init(SCMP_ACT_ERRNO(kDefaultError)));
  if (!context) return failed("seccomp_init", ENOMEM);
  // A tree by numbers: a call in front of the list and one behind it cost the same.
  if (const int code = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2); code != 0)
    return failed("the form of a tree", -code);
  if (token(architecture) != seccomp_arch_native()) {
    if (const int code = seccomp_arch_add(context.get(), token(architecture)); code != 0)
      return failed(std::string(architecture_word(architecture)), -code);
    if (const int code = seccomp_arch_remove(context.get(), seccomp_arch_native()); code != 0)
      return failed("the machine's own architecture", -code);
  }
  for (const Rule& rule : rules)
    if (exists(architecture, rule.call))
      if (Result<void> added = add(context.get(), rule); !added) return added.error();
  return context;
}

template <typename Export>
Result<std::string> exported(const char* what, Export write) {
  const Closed file{memfd_create(what, MFD_CLOEXEC)};
  if (file.fd < 0) return failed(what, errno);
  if (const int code = write(file.fd); code != 0) return failed(what, -code);
  const off_t size = lseek(file.fd, 0, SEEK_END);
  std::string bytes(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  if (size <= 0 || pread(file.fd, bytes.data(), bytes.size(), 0) != size) return failed(what, EIO);
  return bytes;
}

}  // namespace

Result<Program> make_program(const std::vector<Rule>& rules, const std::vector<Architecture>& architectures) {
  Context whole;
  for (const Architecture architecture : architectures) {
    Result<Context> one = of_architecture(rules, architecture);
    if (!one) return one.error();
    if (!whole) {
      whole = std::move(*one);
      continue;
    }
    if (const int code = seccomp_merge(whole.get(), one->get()); code != 0) return failed("joining architectures", -code);
    static_cast<void>(one->release());  // it is part of the other now
  }
  if (!whole) return failed("no architecture is named", EINVAL);
  Program program;
  Result<std::string> bpf = exported("bpf", [&](int fd) { return seccomp_export_bpf(whole.get(), fd); });
  if (!bpf) return bpf.error();
  if (bpf->size() / sizeof(sock_filter) > BPF_MAXINSNS)
    return failed(std::to_string(bpf->size() / sizeof(sock_filter)) + " instructions", E2BIG);
  Result<std::string> pfc = exported("pfc", [&](int fd) { return seccomp_export_pfc(whole.get(), fd); });
  if (!pfc) return pfc.error();
  return Program{std::move(*bpf), std::move(*pfc)};
}

bool call_exists(const std::string& call, const std::vector<Architecture>& architectures) {
  for (const Architecture architecture : architectures)
    if (exists(architecture, call)) return true;
  return false;
}

bool call_known(const std::string& call) { return seccomp_syscall_resolve_name(call.c_str()) != __NR_SCMP_ERROR; }

std::string closest_call(const std::string& call) {
  constexpr int kNumbers = 1024;
  std::set<std::string> known;
  for (const Architecture architecture : all_architectures())
    for (int number = 0; number < kNumbers; ++number)
      if (char* name = seccomp_syscall_resolve_num_arch(token(architecture), number)) {
        known.insert(name);
        std::free(name);
      }
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  return std::string(text::closest(call, candidates));
}

std::string libseccomp_version() {
  const scmp_version* version = seccomp_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->micro);
}

}  // namespace treeline::backends::seccomp
