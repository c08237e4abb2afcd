// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <string_view>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/review.h"

namespace treeline::learn {
namespace {

using std::string_view;

constexpr ir::AccessSet kContent = TL_WRITE | TL_APPEND | TL_CREATE | TL_RENAME_IN | TL_MKNOD | TL_LINK;
constexpr ir::AccessSet kChanging = kContent | TL_DELETE | TL_SETATTR | TL_MKDIR;
constexpr ir::AccessSet kReading = TL_READ | TL_MAP;

// A file, or a directory with all below it.
constexpr string_view kStartup[] = {"/etc/passwd",        "/etc/group",         "/etc/shadow",       "/etc/gshadow",
                                    "/etc/sudoers",       "/etc/crontab",       "/etc/environment",  "/etc/profile",
                                    "/etc/bash.bashrc",   "/etc/nsswitch.conf", "/etc/sudoers.d",    "/etc/pam.d",
                                    "/etc/security",      "/etc/profile.d",     "/etc/ld.so.conf.d", "/etc/init.d",
                                    "/etc/systemd",       "/etc/ssh",           "/etc/cron.d",       "/etc/cron.daily",
                                    "/etc/cron.hourly",   "/etc/cron.weekly",   "/etc/cron.monthly", "/var/spool/cron",
                                    "/etc/ld.so.preload", "/etc/ld.so.conf",    "/etc/ld.so.cache",  "/etc/rc.local",
                                    "/etc/bashrc",        "/etc/apt/apt.conf.d", "/etc/ssl",         "/etc/pki",
                                    "/etc/apparmor.d",    "/boot"};
constexpr string_view kPrograms[] = {
    "/bin",          "/sbin",       "/lib",         "/lib32",         "/lib64",
    "/libx32",       "/usr/bin",    "/usr/sbin",    "/usr/lib",       "/usr/lib32",
    "/usr/lib64",    "/usr/libx32", "/usr/libexec", "/usr/local/bin", "/usr/local/sbin",
    "/usr/local/lib"};
constexpr string_view kKernel[] = {"/sys",      "/proc/sys", "/proc/sysrq-trigger", "/proc/acpi",
                                   "/proc/bus", "/proc/fs",  "/proc/irq",           "/proc/scsi"};
constexpr string_view kMemory[] = {"/dev/mem",  "/dev/kmem",  "/dev/port",   "/dev/kmsg", "/dev/kvm", "/dev/mapper",
                                   "/dev/disk", "/dev/block", "/proc/kcore", "/proc/kmsg"};
constexpr string_view kDisks[] = {"sd", "hd", "vd", "xvd", "nvme", "mmcblk", "dm-", "md", "loop", "sg"};
constexpr string_view kSecrets[] = {"/etc/shadow",  "/etc/gshadow",     "/etc/shadow-",     "/etc/gshadow-",
                                    "/run/secrets", "/var/run/secrets", "/etc/ssl/private", "/etc/kubernetes",
                                    "/var/lib/kubelet"};
constexpr string_view kSecretEndings[] = {".key", ".p12", ".pfx", ".jks"};
constexpr string_view kSecretNames[] = {".ssh", ".aws", ".kube", ".docker", ".gnupg"};
constexpr string_view kShellFiles[] = {".bashrc", ".profile", ".bash_profile", ".zshrc"};
constexpr string_view kSockets[] = {"docker.sock", "containerd.sock", "containerd.sock.ttrpc", "crio.sock",
                                    "podman.sock", "dockershim.sock", "treeline.sock"};
// systemd starts what it is told to, as root.
constexpr string_view kHostSockets[] = {"/run/systemd/private", "/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"};
constexpr string_view kOfWorkload[] = {"environ", "mem", "maps", "root", "cwd", "fd", "map_files"};

template <size_t N>
bool is_any(const string_view (&list)[N], string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

template <size_t N>
bool lies_in(const string_view (&trees)[N], string_view name) {
  return std::any_of(std::begin(trees), std::end(trees), [&](string_view tree) {
    return name.starts_with(tree) && (name.size() == tree.size() || name[tree.size()] == '/');
  });
}

bool is_disk(const std::vector<std::string>& path) {
  return path.size() == 2 && path[0] == "dev" &&
         std::any_of(std::begin(kDisks), std::end(kDisks), [&](string_view kind) {
           const string_view rest =
               string_view(path[1]).starts_with(kind) ? string_view(path[1]).substr(kind.size()) : "";
           return !rest.empty() && (kind.ends_with('d') && kind != "md" ? rest[0] >= 'a' && rest[0] <= 'z'
                                                                        : rest[0] >= '0' && rest[0] <= '9');
         });
}

bool is_secret(const std::string& name, const std::vector<std::string>& path) {
  if (lies_in(kSecrets, name) || path.back() == ".netrc") return true;
  if (name.starts_with("/etc/pki/") && name.find("/private/") != std::string::npos) return true;
  if (name.find("/.config/gcloud/") != std::string::npos) return true;
  if (std::any_of(std::begin(kSecretEndings), std::end(kSecretEndings), [&](string_view ending) { return path.back().ends_with(ending); })) return true;
  const string_view last = path.back();  // certificates are none
  if (last.ends_with(".pem") && (last.find("key") != string_view::npos || last.find("private") != string_view::npos)) return true;
  if (name.starts_with("/etc/ssh/ssh_host_") && name.ends_with("_key")) return true;
  return std::any_of(path.begin(), path.end() - 1, [](const std::string& at) { return is_any(kSecretNames, at); });
}

bool starts_programs(const std::string& name, const std::vector<std::string>& path) {
  if (lies_in(kStartup, name) || is_any(kShellFiles, path.back())) return true;
  if (path.back() == "authorized_keys" && path.size() > 1 && path[path.size() - 2] == ".ssh") return true;
  for (size_t i = 0; i + 2 < path.size(); i++) {
    if (path[i] == ".git" && path[i + 1] == "hooks") return true;
  }
  return false;
}

bool shows_process(const std::vector<std::string>& path) {
  for (size_t i = 0; i + 1 < path.size(); i++) {
    if (path[i] == "/other" || (path[i] == "/workload" && (is_any(kOfWorkload, path[i + 1]) || is_any(kOfWorkload, path.back())))) return true;
    if (path[i] == "/descendant" && path.back() == "mem") return true;
  }
  return false;
}

// Of any process of the workload, its own too; "/own" stands for its number, "task/N" may follow.
bool is_memory(const std::vector<std::string>& path) {
  return path.back() == "mem" && std::any_of(path.begin(), path.end() - 1, [](const std::string& name) {
           return name == "/own" || name == "/descendant" || name == "/workload";
         });
}

}  // namespace

const char* why_grave(const std::string& name, ir::AccessSet words) {
  if ((words & TL_CONNECT) != 0 && name.find("/containerd-shim/") != std::string::npos)  // abstract too: CVE-2020-15257
    return "reach a socket that starts what it is told to: who connects is root of the machine";
  if (!is_path(name) || name == "/") return nullptr;
  const std::vector<std::string> path = split(name);
  const bool content = (words & kContent) != 0, changes = (words & kChanging) != 0, reads = (words & kReading) != 0;
  if ((is_any(kSockets, path.back()) || is_any(kHostSockets, name)) && (content || reads || (words & TL_CONNECT) != 0))
    return "reach a socket that starts what it is told to: who connects is root of the machine";
  if (content && is_memory(path)) return "write the memory of a running program, which changes what is executed";
  if ((lies_in(kMemory, name) || is_disk(path)) && (reads || content)) return "open disks or memory as devices";
  if (changes && lies_in(kKernel, name)) return "change what is the kernel's, shared with the host";
  if (changes && starts_programs(name, path)) return "change what starts programs later, or says who may do what";
  if (changes && lies_in(kPrograms, name)) return "change the image's programs or libraries";
  if ((reads || changes) && shows_process(path)) return "look into other processes";
  if ((reads || changes) && is_secret(name, path)) return "open what holds secrets";
  if ((words & TL_MKNOD) != 0 && name.starts_with("/dev/")) return "make devices";
  return nullptr;
}

}  // namespace treeline::learn
