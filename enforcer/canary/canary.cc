// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/canary.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <sstream>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"
#include "enforcer/canary/acts.h"
#include "enforcer/canary/image.h"
#include "enforcer/canary/victim.h"
#include "enforcer/events/words.h"
#include "enforcer/workload/process.h"

namespace treeline::canary {
namespace {

using Counts = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;

std::string own_path() {
  std::array<char, 4097> buffer{};
  ssize_t n = readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
  return n > 0 ? std::string(buffer.data(), static_cast<size_t>(n)) : "";
}

// Everything that was set up, taken down again in the reverse order.
class Stage {
 public:
  explicit Stage(CanaryWorld& world) : world_(world) {}
  ~Stage() { clear(); }

  Result<void> set(const std::string& executable) {
    forget_counts();
    Result<uint32_t> base = world_.publisher.place(build_image(executable));
    if (!base) return base.error();
    base_ = *base;
    const uint32_t generation = store::next_generation(world_.publisher.read(kSlot).generation);
    world_.publisher.publish(kSlot, {generation, TL_MODE_ENFORCE, base_, 0});
    (void)!remove_flat(world_.directory).has_value();
    if (Result<void> made = require_private_directory(world_.directory); !made) return made;
    if (!prepare_victim(world_.directory, sockets_)) return system_error("cannot prepare the victim's files in " + world_.directory, errno);
    if (Result<void> made = world_.cgroups.create(world_.cgroup); !made) return made;
    Result<uint64_t> id = world_.cgroups.id(world_.cgroup);
    if (!id) return id.error();
    cgroup_ = *id;
    return {};
  }

  // The process waits in a pipe read; from here on its next exec is the entry.
  Result<void> bind(pid_t pid) {
    if (Result<void> entered = world_.cgroups.enter(world_.cgroup, pid); !entered) return entered;
    tl_container entry{};
    entry.cgroup = cgroup_;
    entry.slot = kSlot;
    entry.flags = TL_CONTAINER_BOUND | TL_CONTAINER_PLAIN;
    std::array<tl_file_id, 3> streams = workload::standard_streams(pid);
    for (size_t i = 0; i < 3; ++i) entry.stdio[i] = streams[i];
    entry.bound_at = boot_ns();
    world_.maps.container_table()[kContainer] = entry;
    __atomic_add_fetch(&world_.maps.control_word().bound, 1, __ATOMIC_SEQ_CST);
    bound_ = true;
    const uint32_t index = kContainer;
    if (bpf_map_update_elem(world_.maps.bindings.get(), &cgroup_, &index, BPF_ANY) != 0) return system_error("cannot bind the canary's cgroup", errno);
    return {};
  }

  // (hook, reason) -> refusals
  Counts counts() const {
    Counts counts;
    kernel::for_each<tl_denial_key, tl_denial>(world_.maps.denials.get(), 1 << 20, [&](const tl_denial_key& key, const tl_denial& denial) {
      if (key.slot == kSlot) counts[{key.hook, key.reason}] += denial.count;
    });
    return counts;
  }

 private:
  static Result<void> remove_flat(const std::string& directory) {
    rmdir((directory + "/rmdir-me").c_str());
    rmdir((directory + "/new-directory").c_str());
    return remove_flat_directory(directory);
  }

  void forget_counts() {
    std::vector<tl_denial_key> keys;
    kernel::for_each<tl_denial_key, tl_denial>(world_.maps.denials.get(), 1 << 20, [&](const tl_denial_key& key, const tl_denial&) {
      if (key.slot == kSlot) keys.push_back(key);
    });
    for (const tl_denial_key& key : keys) bpf_map_delete_elem(world_.maps.denials.get(), &key);
  }

  void clear() {
    world_.cgroups.kill_all(world_.cgroup);
    if (bound_) {
      bpf_map_delete_elem(world_.maps.bindings.get(), &cgroup_);
      world_.maps.container_table()[kContainer].flags = 0;
      __atomic_sub_fetch(&world_.maps.control_word().bound, 1, __ATOMIC_SEQ_CST);
    }
    for (int fd : sockets_) close(fd);
    if (base_) {
      world_.publisher.publish(kSlot, {world_.publisher.read(kSlot).generation, TL_MODE_OFF, 0, 0});
      (void)!world_.publisher.retire(base_).has_value();
    }
    forget_counts();
    (void)!remove_flat(world_.directory).has_value();
    for (int i = 0; i < 50 && !world_.cgroups.remove(world_.cgroup); ++i) usleep(10000);  // exiting tasks still count for a moment
  }

  CanaryWorld& world_;
  uint32_t base_ = 0;
  uint64_t cgroup_ = 0;
  bool bound_ = false;
  std::vector<int> sockets_;
};

[[noreturn]] void become_victim(int go, int report, const std::string& directory, const std::string& self) {
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(1);
  int scratch = open((directory + "/scratch").c_str(), O_RDWR);
  int null = open("/dev/null", O_RDWR);
  if (scratch < 0 || null < 0 || dup2(scratch, 0) < 0 || dup2(report, 1) < 0 || dup2(null, 2) < 0) _exit(1);
  for (int fd = 3; fd < 1024; ++fd) close(fd);
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);  // a keyring to ask for; without keyrings in the kernel there is none
  // Said on the pipe: the streams are in place, look at them now and bind.
  if (write(1, "ready\n", 6) != 6) _exit(1);
  raise(SIGSTOP);
  char* arguments[] = {const_cast<char*>(self.c_str()), const_cast<char*>(kVictimOption), const_cast<char*>(directory.c_str()), nullptr};
  char* environment[] = {const_cast<char*>("ASAN_OPTIONS=detect_leaks=0"), nullptr};
  execve(self.c_str(), arguments, environment);
  _exit(126);
}

// Reads lines until the pipe ends or time is up.
bool read_report(int fd, std::string& text, int seconds, const char* until) {
  const uint64_t end = boot_ns() + static_cast<uint64_t>(seconds) * 1'000'000'000;
  while (!until || text.find(until) == std::string::npos) {
    const uint64_t now = boot_ns();
    if (now >= end) return false;
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>((end - now) / 1'000'000) + 1) <= 0) continue;
    char chunk[4096];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return until == nullptr;
    text.append(chunk, static_cast<size_t>(n));
  }
  return true;
}

bool counted_for(const Counts& counts, uint32_t hook) {
  auto it = counts.lower_bound({hook, 0});
  return it != counts.end() && it->first.first == hook;
}

// What stopped a victim that did not get to its acts.
std::string obituary(const Counts& counts, int status) {
  std::string text = WIFSIGNALED(status) ? "it ended by signal " + std::to_string(WTERMSIG(status)) : "it ended with status " + std::to_string(WEXITSTATUS(status));
  for (auto& [key, count] : counts)
    text += ", " + events::hook_word(key.first) + " refused " + std::to_string(count) + " (" + events::reason_word(key.second) + ")";
  return text;
}

void judge(CanaryReport& report, const std::string& text, const Counts& counts, const CanaryWorld& world) {
  std::map<std::string, int> outcomes;
  std::istringstream lines(text);
  std::string hook;
  for (int code = 0; lines >> hook >> code;) outcomes[hook] = code;
  for (const std::string& name : victim_hooks()) {
    HookProof proof;
    proof.hook = name;
    proof.wanted = world.is_attached(name);
    auto outcome = outcomes.find(name);
    if (outcome != outcomes.end() && outcome->second == kNotHere) {
      proof.wanted = false;
      proof.detail = "this kernel answers before the hook";
      report.hooks.push_back(std::move(proof));
      continue;
    }
    proof.refused = outcome != outcomes.end() && (outcome->second == EACCES || outcome->second == EPERM);
    // A fork is not refused, it is followed: that its child was refused is the proof.
    proof.counted = name == "task_alloc" ? proof.refused : counted_for(counts, events::hook_of_word(name));
    if (outcome == outcomes.end()) proof.detail = "the victim did not get there";
    else if (outcome->second == 0) proof.detail = "the act succeeded";
    else if (!proof.refused) proof.detail = std::string("the act failed for another reason: ") + std::strerror(outcome->second);
    else if (!proof.counted) proof.detail = "refused, but not by this hook";
    report.hooks.push_back(std::move(proof));
  }
}

}  // namespace

bool CanaryReport::passed() const { return why().empty(); }

std::string CanaryReport::why() const {
  if (!error.empty()) return error;
  if (hooks.empty()) return "the canary has not been run";
  std::string text;
  for (const HookProof& proof : hooks)
    if (proof.wanted && !(proof.refused && proof.counted)) text += (text.empty() ? "" : "; ") + proof.hook + ": " + proof.detail;
  return text;
}

CanaryReport run_canary(CanaryWorld world) {
  CanaryReport report;
  report.time = rfc3339(unix_ns());
  const std::string self = own_path();
  if (self.empty() || self[0] != '/' || self.find(" (deleted)") != std::string::npos) {
    report.error = "the daemon's own executable cannot be named; start it again from where it is installed";
    return report;
  }
  Stage stage(world);
  if (Result<void> set = stage.set(self); !set) {
    report.error = set.error().message;
    return report;
  }
  int go[2], out[2];
  if (pipe2(go, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
    report.error = "cannot make a pipe";
    return report;
  }
  UniqueFd go_read(go[0]), go_write(go[1]), out_read(out[0]), out_write(out[1]);
  pid_t child = fork();
  if (child == 0) become_victim(go[0], out[1], world.directory, self);
  if (child < 0) {
    report.error = "cannot fork the victim";
    return report;
  }
  out_write.reset();
  std::string text;
  Result<void> bound = Error{"the victim did not start", ETIMEDOUT};
  int status = 0;
  if (write(go[1], "g", 1) == 1 && read_report(out[0], text, kLimitSeconds, "ready\n") && waitpid(child, &status, WUNTRACED) == child &&
      WIFSTOPPED(status)) {
    text.clear();
    bound = stage.bind(child);
  }
  bool complete = false;
  if (bound) {
    kill(child, SIGCONT);
    complete = read_report(out[0], text, kLimitSeconds, nullptr);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  if (!bound) report.error = bound.error().message;
  else if (!complete) report.error = "the victim did not finish in " + std::to_string(kLimitSeconds) + " s";
  const Counts counts = stage.counts();
  if (report.error.empty() && text.empty()) report.error = "the victim did not get to its first act: " + obituary(counts, status);
  judge(report, text, counts, world);
  return report;
}

}  // namespace treeline::canary
