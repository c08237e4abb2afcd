// SPDX-License-Identifier: Apache-2.0
#include "enforcer/sandbox/refusal.h"

#include <seccomp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace treeline::sandbox {
namespace {

constexpr int kNumbers = 600;
std::array<const char*, kNumbers> names;  // for the life of the process
OnRefusal then;
std::string_view prefix;
std::atomic<uint64_t> count;

// Async-signal-safe: one line, written at once.
class Line {
 public:
  void add(std::string_view text) {
    for (char c : text)
      if (length_ < sizeof text_) text_[length_++] = c;
  }
  void add(int number) {
    char digits[12];
    size_t n = 0;
    do digits[n++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) > 0);
    while (n > 0) add(std::string_view(&digits[--n], 1));
  }
  void write_out() const { [[maybe_unused]] ssize_t n = write(STDERR_FILENO, text_, length_); }

 private:
  char text_[512];
  size_t length_ = 0;
};

void set_result(void* context, int64_t result) {
  auto* ucontext = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  ucontext->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
  ucontext->uc_mcontext.regs[0] = static_cast<unsigned long long>(result);
#else
#error "where does this architecture keep the result of a system call?"
#endif
}

void on_refusal(int, siginfo_t* info, void* context) {
  const int number = info->si_syscall;
  Line line;
  line.add(prefix);
  line.add("a system call that treelined never makes was refused: ");
  line.add(number >= 0 && number < kNumbers && names[static_cast<size_t>(number)] ? names[static_cast<size_t>(number)] : "unknown");
  line.add(" (");
  line.add(number >= 0 ? number : 0);
  line.add(then == OnRefusal::kEnd ? "). treelined ends here, what it enforces stays enforced. " : "). ");
  line.add("Either somebody else's code runs in it, or this is a bug: report this line; --unconfined does without the filter\n");
  line.write_out();
  ++count;
  if (then == OnRefusal::kEnd) {  // the handler is the default again (SA_RESETHAND)
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSYS);
    _exit(128 + SIGSYS);
  }
  set_result(context, -EPERM);
}

}  // namespace

void watch_refusals(OnRefusal what) {
  then = what;
  prefix = std::getenv("JOURNAL_STREAM") ? "<3>" : "treelined: ";
  for (int number = 0; number < kNumbers; ++number) names[static_cast<size_t>(number)] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
  struct sigaction action {};
  action.sa_sigaction = on_refusal;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (what == OnRefusal::kEnd) action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigaction(SIGSYS, &action, nullptr);
}

uint64_t refusals() { return count; }

}  // namespace treeline::sandbox
