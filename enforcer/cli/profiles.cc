// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/profiles.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"

namespace treeline::cli {
namespace {

constexpr size_t kMaxSaid = 64 << 10;

std::string find_parser() {
  for (const char* path : {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/local/sbin/apparmor_parser"})
    if (access(path, X_OK) == 0) return path;
  return "";
}

}  // namespace

// The text on its standard input, by a file without a name: it may be larger than a pipe holds.
Result<void> load_profiles(const confine::AppArmor& wanted) {
  if (Result<void> runs = confine::apparmor_runs(wanted); !runs) return runs;
  const std::string program = find_parser();
  if (program.empty())
    return Error{"policy '" + wanted.policy + "' has an AppArmor profile, and there is no apparmor_parser to load it: apt install apparmor", ENOTSUP};
  const UniqueFd text(memfd_create("profiles", MFD_CLOEXEC)), said(memfd_create("said", MFD_CLOEXEC));
  if (!text || !said) return system_error("cannot keep the AppArmor profiles in memory", errno);
  for (size_t done = 0; done < wanted.text.size();) {
    const ssize_t n = write(text.get(), wanted.text.data() + done, wanted.text.size() - done);
    if (n <= 0) return system_error("cannot keep the AppArmor profiles in memory", errno);
    done += static_cast<size_t>(n);
  }
  lseek(text.get(), 0, SEEK_SET);
  if (Result<void> forgotten = confine::forget_loaded(wanted); !forgotten) return forgotten;
  const pid_t child = fork();
  if (child < 0) return system_error("cannot start apparmor_parser", errno);
  if (child == 0) {
    dup2(text.get(), 0);
    dup2(said.get(), 1);
    dup2(said.get(), 2);
    const char* arguments[] = {program.c_str(), "--replace", "--skip-cache", nullptr};
    execv(program.c_str(), const_cast<char**>(arguments));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return confine::note_loaded(wanted);
  std::string words(kMaxSaid, '\0');
  const ssize_t n = pread(said.get(), words.data(), words.size(), 0);
  words.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return Error{"apparmor_parser refuses the profiles of policy '" + wanted.policy + "': " + trim(words), EPERM};
}

int hold_profiles(const Context& context, const std::string& policy) {
  int status = 0;
  std::optional<Json> answer = ask(context, {{"do", "policy.show"}, {"name", policy}}, status);
  if (!answer) return status;
  const Json& p = (*answer)["policy"];
  if (text_at(p, "mode") != "enforce") return kYes;
  Result<bundle::Bundle> bundle = bundle::read(text_at(p, "directory"));
  Result<std::optional<confine::AppArmor>> wanted = bundle ? confine::apparmor_of(policy, *bundle) : bundle.error();
  if (wanted && !*wanted) return kYes;
  Result<void> loaded = wanted ? load_profiles(**wanted) : wanted.error();
  if (loaded) return kYes;
  say(loaded.error().message);
  say("the hooks enforce policy '" + policy + "'; a container that needs the profile does not start. Then: treeline policy profiles");
  return kNotEnforced;
}

}  // namespace treeline::cli
