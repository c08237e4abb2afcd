// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/probe.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <sstream>

#include "enforcer/base/bytes.h"
#include "enforcer/base/files.h"

namespace treeline::kernel {
namespace {

constexpr char kSecurityFs[] = "/sys/kernel/security";

struct BtfDeleter {
  void operator()(btf* b) const { btf__free(b); }
};

bool has_function(const btf* b, const char* name) { return b && btf__find_by_name_kind(b, name, BTF_KIND_FUNC) > 0; }

// "none integrity [confidentiality]"
std::string bracketed(const std::string& text, char open, char close) {
  size_t first = text.find(open), last = text.find(close, first);
  return first == std::string::npos || last == std::string::npos ? "" : text.substr(first + 1, last - first - 1);
}

std::string recommended_lsm_list(const std::string& current) {
  std::string list, word;
  std::istringstream words(current);
  while (std::getline(words, word, ','))
    if (word != "capability" && word != "bpf" && !word.empty()) list += word + ",";
  return list + "bpf";
}

}  // namespace

bool has_member(const btf* b, const char* structure, const char* member) {
  int id = b ? btf__find_by_name_kind(b, structure, BTF_KIND_STRUCT) : -1;
  const btf_type* type = id > 0 ? btf__type_by_id(b, static_cast<uint32_t>(id)) : nullptr;
  for (int i = 0; type && i < btf_vlen(type); ++i)
    if (std::string_view(btf__name_by_offset(b, btf_members(type)[i].name_off)) == member) return true;
  return false;
}

std::string cgroup2_mount(const std::string& mountinfo) {
  std::istringstream lines(mountinfo);
  std::string line;
  while (std::getline(lines, line)) {
    size_t dash = line.find(" - ");  // optional fields end here, proc_pid_mountinfo(5)
    if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    if (fields >> id >> parent >> device >> root >> point && root == "/") return point;
  }
  return "";
}

std::string cgroup2_mount() { return cgroup2_mount(read_file_or_empty("/proc/self/mountinfo", 16 << 20)); }

Facts probe(const std::string& root) {
  Facts facts;
  utsname names{};
  uname(&names);
  facts.release = names.release;
  facts.root = geteuid() == 0;
  // user_namespaces(7): the initial one maps the whole range to itself.
  std::istringstream map(read_file_or_empty(root + "/proc/self/uid_map"));
  uint64_t inside = 1, outside = 1, length = 0;
  map >> inside >> outside >> length;
  facts.initial_user_ns = inside == 0 && outside == 0 && length == 4294967295u;
  std::error_code none;
  facts.initial_pid_ns = std::filesystem::read_symlink(root + "/proc/self/ns/pid", none) == "pid:[4026531836]";  // PROC_PID_INIT_INO, include/linux/proc_ns.h

  if (Result<std::string> lsm = read_file(root + kSecurityFs + std::string("/lsm")); lsm) facts.lsm = trim(*lsm);
  facts.lockdown = bracketed(read_file_or_empty(root + kSecurityFs + std::string("/lockdown")), '[', ']');
  facts.cgroup2 = cgroup2_mount(read_file_or_empty(root + "/proc/self/mountinfo", 16 << 20));
  struct statfs fs {};
  facts.bpffs = statfs((root + "/sys/fs/bpf").c_str(), &fs) == 0 && static_cast<uint64_t>(fs.f_type) == BPF_FS_MAGIC;

  facts.btf = access((root + "/sys/kernel/btf/vmlinux").c_str(), R_OK) == 0;
  std::unique_ptr<btf, BtfDeleter> vmlinux(facts.btf ? btf__load_vmlinux_btf() : nullptr);
  if (libbpf_get_error(vmlinux.get())) (void)vmlinux.release();
  facts.bpf_lsm = has_function(vmlinux.get(), "bpf_lsm_file_open");
  facts.security_path = has_function(vmlinux.get(), "bpf_lsm_path_unlink");
  facts.userns_hook = has_function(vmlinux.get(), "bpf_lsm_userns_create");
  facts.anon_inode_hook = has_function(vmlinux.get(), "bpf_lsm_inode_init_security_anon");
  facts.io_uring_hook = facts.anon_inode_hook && has_function(vmlinux.get(), "bpf_lsm_uring_override_creds");
  // Before 4279adb094a1 (6.2) a lookup gave NULL also when a preempted one held bpf_task_storage_busy: not to be told from "no tag".
  const bool sure = has_function(vmlinux.get(), "bpf_task_storage_get_recur") ||
                    (vmlinux && btf__find_by_name_kind(vmlinux.get(), "bpf_task_storage_busy", BTF_KIND_VAR) < 0);
  facts.task_storage = sure && libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, nullptr) == 1;
  facts.ring_buffer = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) == 1;

  const std::string command_line = read_file_or_empty(root + "/proc/cmdline");
  facts.boot_parameter = boot_parameter(command_line);
  // ca06f55b9002 gave every program an `active` count that a preempted one holds; 271de525e1d7 took the test out for LSM
  // programs and made the entry for the others a function of its own.
  facts.skips_preempted = has_member(vmlinux.get(), "bpf_prog", "active") &&
                          !has_function(vmlinux.get(), "__bpf_prog_enter_recur") &&
                          read_file_or_empty(root + "/proc/kallsyms", 64 << 20).find(" __bpf_prog_enter_recur") == std::string::npos;
  // In doubt it is, where that matters.
  facts.full_preemption = fully_preemptible(read_file_or_empty(root + "/sys/kernel/debug/sched/preempt"), command_line, names.version,
                                            read_file_or_empty(root + "/boot/config-" + names.release, 4 << 20))
                              .value_or(facts.skips_preempted);
  return facts;
}

std::optional<bool> fully_preemptible(const std::string& debugfs, const std::string& command_line, const std::string& version, const std::string& config) {
  const auto full = [](const std::string& mode) { return mode == "full" || mode == "lazy"; };
  if (const std::string now = bracketed(debugfs, '(', ')'); !now.empty()) return full(now);
  std::istringstream words(command_line);
  std::string word, chosen;
  while (words >> word)
    if (word.rfind("preempt=", 0) == 0) chosen = word.substr(8);
  if (!chosen.empty()) return full(chosen);
  if (version.find("PREEMPT_DYNAMIC") == std::string::npos) return version.find("PREEMPT") != std::string::npos;
  // It can be any of them then (kernel/sched/core.c, preempt_dynamic_init): as it was built.
  if (config.empty()) return std::nullopt;
  return ("\n" + config).find("\nCONFIG_PREEMPT=y\n") != std::string::npos;
}

std::vector<Prerequisite> judge(const Facts& f) {
  std::vector<Prerequisite> all;
  auto add = [&](const char* name, bool ok, std::string found, std::string remedy, State otherwise = State::kMissing) {
    all.push_back({name, ok ? State::kOk : otherwise, std::move(found), ok ? "" : std::move(remedy)});
  };
  add("root", f.root, f.root ? "root" : "not root", "run it as root (sudo)");
  add("user-namespace", f.initial_user_ns, f.initial_user_ns ? "initial user namespace" : "inside a user namespace (a rootless runtime?)",
      "run treelined on the host itself; containers of a rootless runtime cannot be bound");
  add("pid-namespace", f.initial_pid_ns, f.initial_pid_ns ? "initial pid namespace" : "inside a pid namespace (a container?)",
      "run treelined on the host itself, or in a container that has the host's processes (hostPID: true, --pid=host): the hooks speak of processes by "
      "the host's numbers");
  add("btf", f.btf, f.btf ? "/sys/kernel/btf/vmlinux" : "the kernel has no BTF (/sys/kernel/btf/vmlinux)",
      "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian's are)");
  add("bpf-lsm", f.bpf_lsm, f.bpf_lsm ? "LSM hooks for BPF" : "no LSM hooks for BPF in the kernel's BTF",
      "use a kernel of 5.7 or later (arm64: 6.4) built with CONFIG_BPF_LSM=y");
  const std::string list = f.lsm.value_or("");
  const bool has_bpf = ("," + list + ",").find(",bpf,") != std::string::npos;
  add("lsm", has_bpf, !f.lsm ? "/sys/kernel/security/lsm cannot be read" : has_bpf ? list : "no bpf among the active LSMs: " + list,
      !f.lsm ? "mount -t securityfs securityfs /sys/kernel/security"
             : "boot with the kernel parameter lsm=" + recommended_lsm_list(list) + " (GRUB: GRUB_CMDLINE_LINUX in /etc/default/grub, update-grub)");
  const bool readable = f.lockdown != "confidentiality";
  add("lockdown", readable, f.lockdown.empty() ? "none" : f.lockdown,
      "confidentiality forbids BPF programs to read kernel memory: boot with lockdown=integrity, or without lockdown=");
  add("security-path", f.security_path, f.security_path ? "path hooks" : "the kernel has no path hooks for LSMs",
      "use a kernel built with CONFIG_SECURITY_PATH=y (any LSM that works on paths, such as AppArmor, selects it)");
  add("cgroup2", !f.cgroup2.empty(), f.cgroup2.empty() ? "no cgroup v2 hierarchy is mounted" : f.cgroup2,
      "mount -t cgroup2 cgroup2 /sys/fs/cgroup (or boot with systemd.unified_cgroup_hierarchy=1)");
  add("bpffs", f.bpffs, f.bpffs ? "/sys/fs/bpf" : "no BPF file system at /sys/fs/bpf", "mount -t bpf -o mode=700 bpf /sys/fs/bpf");
  const bool safe = !(f.skips_preempted && f.full_preemption);
  add("preemption", safe,
      safe ? (f.full_preemption ? "full" : "not full") : "full preemption (or it cannot be told: no debugfs, no preempt=, no /boot/config) on a kernel that skips a BPF program while a preempted one holds it",
      "enforce is refused here, since a skipped program refuses nothing: boot with preempt=voluntary, or use a kernel of 6.2 or later", State::kNote);
  add("task-storage", f.task_storage, f.task_storage ? "the tag lies in task storage" : "no dependable task storage for LSM programs (6.2)",
      "nothing to do: the tag lies in a hash by task, a little slower", State::kNote);
  add("ring-buffer", f.ring_buffer, f.ring_buffer ? "events by ring buffer" : "no BPF ring buffer (5.8)",
      "nothing to do: events come by perf buffer", State::kNote);
  add("userns-hook", f.userns_hook, f.userns_hook ? "user namespaces have a hook" : "user namespaces have no hook (6.1)",
      "nothing to do: the seccomp filter answers for user namespaces, of what treeline run or the wrapper treeline-oci starts", State::kNote);
  add("anon-inode-hook", f.anon_inode_hook, f.anon_inode_hook ? "userfaultfd has a hook" : "userfaultfd has no hook (5.12)",
      "nothing to do: the seccomp filter answers for userfaultfd, of what treeline run or the wrapper treeline-oci starts", State::kNote);
  add("io-uring-hook", f.io_uring_hook, f.io_uring_hook ? "io_uring has a hook" : "io_uring has no hook (5.16), or is not there",
      "nothing to do: the seccomp filter answers for io_uring, of what treeline run or the wrapper treeline-oci starts", State::kNote);
  const bool quiet = f.boot_parameter.empty();
  const bool known = f.boot_parameter == "off" || f.boot_parameter == "monitor";
  add("boot-parameter", quiet, quiet ? "none" : "treeline=" + escape_bytes(f.boot_parameter),
      known ? "the administrator's way out is in force: boot without treeline=" + f.boot_parameter + " to enforce again"
            : "only treeline=off and treeline=monitor mean something; this one is ignored",
      State::kNote);
  return all;
}

std::optional<Error> why_not_load(const Facts& facts) {
  std::string message;
  for (const Prerequisite& p : judge(facts)) {
    if (p.state != State::kMissing) continue;
    message += (message.empty() ? "" : "\n") + p.name + ": " + p.found + "\n  remedy: " + p.remedy;
  }
  if (message.empty()) return std::nullopt;
  return Error{"Treeline cannot enforce on this machine:\n" + message, ENOTSUP};
}

std::optional<Error> why_not_enforce(const Facts& facts) {
  if (auto missing = why_not_load(facts)) return missing;
  for (const Prerequisite& p : judge(facts))
    if (p.name == "preemption" && p.state != State::kOk) return Error{p.found + "; " + p.remedy, ENOTSUP};
  if (facts.boot_parameter == "monitor")
    return Error{"the machine was booted with treeline=monitor; boot without it to enforce", EPERM};
  return std::nullopt;
}

}  // namespace treeline::kernel
