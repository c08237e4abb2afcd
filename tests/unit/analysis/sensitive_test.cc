// SPDX-License-Identifier: Apache-2.0
// Name -> its kinds, and the risk that follows for an act on it.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/analysis/sensitive.h"

namespace treeline::analysis {
namespace {

SensitiveSet kinds(std::string_view walked) { return kinds_of_name(walked); }

TEST(Sensitive, NamesHaveTheirKinds) {
  const std::pair<const char*, Sensitive> table[] = {
      {"/bin/sh", Sensitive::kShell},          {"/opt/x/busybox", Sensitive::kShell},        {"/etc/shadow", Sensitive::kSecret},
      {"/run/secrets/a/b", Sensitive::kSecret}, {"/root/.ssh/id", Sensitive::kSecret},        {"/srv/tls/web.key", Sensitive::kSecret},
      {"/etc/passwd", Sensitive::kStartup},    {"/etc/cron.d/x", Sensitive::kStartup},       {"/home/u/.bashrc", Sensitive::kStartup},
      {"/usr/lib/x.so", Sensitive::kProgram},  {"/proc/sys/kernel/core_pattern", Sensitive::kKernel}, {"/sys/fs/x", Sensitive::kKernel},
      {"/proc//other/environ", Sensitive::kProcess}, {"/proc//workload/mem", Sensitive::kProcess}, {"/dev/sda1", Sensitive::kDevice},
      {"/dev/mapper/vg", Sensitive::kDevice},  {"/var/run/docker.sock", Sensitive::kRuntimeSocket},
      {"/proc//own/mem", Sensitive::kMemory},   {"/proc//own/task/7/mem", Sensitive::kMemory},         {"/proc//descendant/mem", Sensitive::kMemory},
      {"/proc//descendant/mem", Sensitive::kProcess}, {"/proc//workload/task/7/mem", Sensitive::kMemory}, {"/proc//workload/task/7/mem", Sensitive::kProcess},
      {"/run/systemd/private", Sensitive::kRuntimeSocket}, {"/run/dbus/system_bus_socket", Sensitive::kRuntimeSocket}, {"/dev/kvm", Sensitive::kDevice},
      {"/var/lib/kubelet/pods/x/token", Sensitive::kSecret}, {"/root/.netrc", Sensitive::kSecret}, {"/srv/tls/privkey.pem", Sensitive::kSecret},
      {"/srv/a.p12", Sensitive::kSecret},       {"/root/.config/gcloud/x", Sensitive::kSecret}, {"/etc/rc.local", Sensitive::kStartup},
      {"/etc/apt/apt.conf.d/x", Sensitive::kStartup}, {"/boot/grub/grub.cfg", Sensitive::kStartup}, {"/etc/ssl/certs/ca.crt", Sensitive::kStartup},
      {"/etc/apparmor.d/x", Sensitive::kStartup},
      {"/proc/kcore", Sensitive::kDevice},      {"/opt/python3.11", Sensitive::kInterpreter}, {"/usr/bin/pwsh", Sensitive::kInterpreter}};
  for (const auto& [name, kind] : table) EXPECT_TRUE(holds(kinds(name), kind)) << name;
}

TEST(Sensitive, ShellsByTheNamesThatTheyHaveBehindLinks) {
  for (const char* name : {"ksh93", "ksh2020", "lksh", "bash-static", "mksh-static", "zsh5", "zsh-5.9", "rzsh", "yash", "posh", "sash", "busybox.static",
                           "static-sh", "nu", "elvish", "rbash", "sh", "bsd-csh", "busybox-extras", "bbsuid", "loksh", "oksh", "rc", "es", "osh", "oils-for-unix", "git-shell",
                           "sh.distrib", "hush", "ash", "bosh"})
    EXPECT_TRUE(holds(kinds(std::string("/usr/bin/") + name), Sensitive::kShell)) << name;
  for (const char* name : {"ssh", "shred", "fish_indent", "bash.bashrc", "zsh.sh", "rcp", "esc", "git-shellx"})
    EXPECT_FALSE(holds(kinds(std::string("/usr/bin/") + name), Sensitive::kShell)) << name;
  for (const char* name : {"/etc/rc", "/app/es", "/usr/share/x/rc"}) EXPECT_FALSE(holds(kinds(name), Sensitive::kShell)) << name;
}

TEST(Sensitive, ProgramsThatDoWhatTheyAreTold) {
  for (const char* name : {"pypy3",
                           "gdb",
                           "vim.basic",
                           "ed",
                           "emacs",
                           "nsenter",
                           "unshare",
                           "chroot",
                           "su",
                           "sudo",
                           "runuser",
                           "socat",
                           "nc",
                           "nc.openbsd",
                           "xargs",
                           "find",
                           "make",
                           "script",
                           "ssh",
                           "docker",
                           "kubectl",
                           "erl",
                           "R",
                           "julia",
                           "dotnet",
                           "mono",
                           "nawk",
                           "python3.11",
                           "php8.2",
                           "env",
                           "perl5.36-x86_64-linux-gnu"})
    EXPECT_TRUE(holds(kinds(std::string("/usr/bin/") + name), Sensitive::kInterpreter)) << name;
  for (const char* name : {"findmnt", "sshd", "docker-entrypoint.sh", "makeinfo", "nginx"}) EXPECT_EQ(kinds(std::string("/opt/") + name), 0u) << name;
}

TEST(Sensitive, DevicesAllButTheHarmless) {
  for (const char* name : {"/dev/cpu/0/msr", "/dev/nbd0",        "/dev/zram0", "/dev/rbd0",    "/dev/vfio/12",  "/dev/uinput",       "/dev/mtd0",
                           "/dev/pmem0",     "/dev/dasda",       "/dev/drbd0", "/dev/bcache0", "/dev/zd0",      "/dev/ram0",         "/dev/sr0",
                           "/dev/hidraw0",   "/dev/bsg/0:0:0:0", "/dev/fuse",  "/dev/nvram",   "/dev/raw/raw1", "/dev/input/event0", "/dev/sda"})
    EXPECT_EQ(grade_file(TL_READ, kinds(name), false).risk, Risk::kCritical) << name;
  for (const char* name : {"/dev/vhost-vsock", "/dev/net/tun", "/dev/mei0", "/dev/dri/card0", "/dev/a-driver-of-tomorrow"}) {
    EXPECT_EQ(grade_file(TL_READ | TL_WRITE, kinds(name), false).risk, Risk::kCritical) << name;
    EXPECT_EQ(grade_file(TL_READ, kinds(name), false).risk, Risk::kHigh) << name;
    EXPECT_EQ(grade_file(TL_LIST, kinds(name), false).risk, Risk::kLow) << name;
  }
  for (const char* name : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx", "/dev/pts/0",
                           "/dev/shm/a/b", "/dev/fd/3", "/dev/stdout", "/dev/mqueue/q", "/dev/log", "/dev/termination-log"})
    EXPECT_EQ(kinds(name), 0u) << name;
}

TEST(Sensitive, SocketsThatStartWhatTheyAreTold) {
  for (const char* name :
       {"//abstract//containerd-shim/k8s.io/x/shim.sock", "/run/containerd/s/0a1b", "/run/buildkit/buildkitd.sock", "/var/lib/lxd/unix.socket",
        "/var/snap/lxd/common/lxd/unix.socket", "/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock", "/run/cri-dockerd.sock"})
    EXPECT_TRUE(holds(kinds(name), Sensitive::kRuntimeSocket)) << name;
  EXPECT_EQ(kinds("/run/libvirt/libvirt-sock-ro"), 0u);
}

TEST(Sensitive, WhatRunsAsRootLater) {
  for (const char* name :
       {"/etc/udev/rules.d/x", "/etc/modprobe.d/x", "/etc/anacrontab", "/var/spool/at/x", "/etc/doas.conf", "/etc/polkit-1/rules.d/x", "/etc/rc3.d/S99x",
        "/etc/inittab", "/etc/binfmt.d/x", "/etc/logrotate.d/x", "/etc/zsh/zshrc", "/var/lib/docker/overlay2/x/diff/bin/sh", "/var/lib/containerd/x"})
    EXPECT_EQ(grade_file(TL_WRITE, kinds(name), false).risk, Risk::kCritical) << name;
  for (const char* name : {"/var/lib/etcd/member/snap/db", "/etc/rancher/k3s/k3s.yaml", "/etc/krb5.keytab", "/var/lib/docker/overlay2/x"})
    EXPECT_EQ(grade_file(TL_READ, kinds(name), false).risk, Risk::kHigh) << name;
  EXPECT_EQ(grade_operation(TL_OP_PTRACE_DESCENDANT).risk, Risk::kHigh);
}

TEST(Sensitive, WhatRunsLaterForAUserOrByAnotherProgram) {
  for (const char* name : {"/etc/periodic/daily/x", "/etc/init/x.conf", "/etc/update-motd.d/00", "/home/u/.zshenv", "/root/.zprofile", "/home/u/.zlogin", "/home/u/.bash_login",
                           "/data/u/.bash_logout", "/home/u/.config/systemd/user/x.service", "/root/.config/autostart/x.desktop", "/data/.gitconfig", "/home/u/.config/git/config",
                           "/srv/x.git/hooks/post-receive", "/srv/x/.git/hooks/update", "/boot/vmlinuz-6.1", "/vmlinuz", "/home/u/.ssh/authorized_keys", "/host/home/u/.bashrc",
                           "/opt/cni/bin/bridge", "/var/lib/dpkg/info/x.postinst", "/etc/fstab", "/etc/xdg/autostart/x.desktop", "/srv/x/.git/config", "/usr/local/share/ca-certificates/x.crt"})
    EXPECT_EQ(grade_file(TL_WRITE, kinds(name), false).risk, Risk::kCritical) << name;
  for (const char* name : {"/home/u/.azure/x", "/root/.git-credentials", "/home/u/.vault-token", "/var/lib/postgresql/.pgpass", "/home/u/.my.cnf", "/app/.npmrc", "/home/u/.pypirc",
                           "/home/u/.netrc", "/srv/id_rsa", "/srv/id_ed25519", "/mnt/secrets-store/db/password", "/home/u/.config/gcloud/credentials.db",
                           "/app/.env", "/vault/secrets/db", "/etc/gitlab-runner/config.toml", "/var/backups/shadow.bak", "/srv/x.kdbx", "/home/u/.cargo/credentials.toml",
                           "/root/.config/gh/hosts.yml", "/home/u/.m2/settings.xml"})
    EXPECT_EQ(grade_file(TL_READ, kinds(name), false).risk, Risk::kHigh) << name;
  for (const char* name : {"/run/nri/nri.sock", "/run/user/1000/bus", "/run/user/0/systemd/private", "/var/lib/kubelet/device-plugins/kubelet.sock", "/run/snapd.socket"})
    EXPECT_EQ(grade_file(TL_CONNECT, kinds(name), false).risk, Risk::kCritical) << name;
  for (const char* name : {"/home/u/x", "/home/u/.config/app/x", "/home/.bashrc/x", "/srv/hooks/x", "/srv/id_rsa.pub", "/run/user/1000/x", "/vmlinuz2", "/etc/initx"})
    EXPECT_EQ(kinds(name), 0u) << name;
}

TEST(Sensitive, OfTheHostBelowAMount) {
  const std::pair<const char*, Sensitive> table[] = {
      {"/host/proc/sys/kernel/core_pattern", Sensitive::kKernel}, {"/host/proc//other/mem", Sensitive::kProcess}, {"/host/sys/kernel/uevent_helper", Sensitive::kKernel},
      {"/host/etc/shadow", Sensitive::kSecret}, {"/host/dev/sda", Sensitive::kDevice}, {"/host/run/dbus/system_bus_socket", Sensitive::kRuntimeSocket},
      {"/rootfs/usr/bin/x", Sensitive::kProgram}, {"/mnt/host/etc/pam.d/x", Sensitive::kStartup}, {"/host/var/lib/kubelet/pods/x", Sensitive::kSecret},
      // By another name than usual.
      {"/node/etc/shadow", Sensitive::kSecret}, {"/node/etc/cron.d/x", Sensitive::kStartup}, {"/node/dev/sda1", Sensitive::kDevice}, {"/mnt/etc/passwd", Sensitive::kStartup},
      {"/a/proc/sys/kernel/x", Sensitive::kKernel}, {"/a/sys/kernel/debug/x", Sensitive::kKernel}, {"/a/b/proc//workload/task/7/mem", Sensitive::kMemory},
      {"/node/var/lib/docker/x", Sensitive::kSecret}, {"/node/run/systemd/private", Sensitive::kRuntimeSocket}, {"/a/proc/kcore", Sensitive::kDevice}};
  for (const auto& [name, kind] : table) EXPECT_TRUE(holds(kinds(name), kind)) << name;
  for (const char* name : {"/app/bin/tool", "/app/lib/x.so", "/app/dev/x", "/home/sys/x", "/app/etc/app.conf", "/data/run/x", "/host/x", "/hostess/etc/hosts",
                           "/usr/include/sys/stat.h", "/srv/boot/x"})
    EXPECT_EQ(kinds(name) & ~(1u << static_cast<uint8_t>(Sensitive::kProgram)), 0u) << name;
  EXPECT_EQ(kinds("/app/bin/tool"), 0u);
}

// The categories of GTFOBins: what starts a shell or a program that it is told.
TEST(Sensitive, LaunchersInterpretersAndPackageManagers) {
  for (const char* name : {"gosu", "nice", "watch", "tmux", "screen", "git", "tar", "tcc", "go", "dpkg", "qemu-x86_64-static", "qemu-aarch64", "ipython3", "modprobe",
                           "busybox-x86_64", "bash5.2.15", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-musl-x86_64.so.1", "ld64.so.2", "ld-2.31.so", "ld.so",
                           "pip3", "npm", "apt-get", "sed", "less", "rsync", "taskset", "su-exec", "systemctl", "crontab", "at", "batch", "bwrap", "ltrace", "strace", "gdb",
                           "ip", "nmap", "irb", "irb3.1", "sqlite3", "psql", "mysql", "zip", "cmake", "bpftrace", "jshell", "scp"})
    EXPECT_NE(kinds(std::string("/opt/") + name) & (1u << static_cast<uint8_t>(Sensitive::kInterpreter) | 1u << static_cast<uint8_t>(Sensitive::kShell)), 0u) << name;
  EXPECT_TRUE(holds(kinds("/lib64/ld-linux-x86-64.so.2"), Sensitive::kInterpreter));
  for (const char* name : {"gitea", "tarantool", "watchman", "ld", "lddtree", "gofmt", "niceshaper", "dpkg-architecture", "nginx", "postgres", "redis-server", "mysqld", "zipinfo", "iptables", "atd", "perfd"})
    EXPECT_EQ(kinds(std::string("/opt/") + name), 0u) << name;
}

TEST(Sensitive, LaunchersOfContainersOfLoginsAndOtherLanguages) {
  for (const char* name : {"prlimit", "setarch", "linux32", "linux64", "i386", "x86_64", "numactl", "chpst", "setuidgid", "envuidgid", "s6-setuidgid", "s6-svscan", "execlineb",
                           "tini", "tini-static", "dumb-init", "catatonit", "cpulimit", "daemonize", "unbuffer", "catchsegv", "proot", "fakeroot", "fakeroot-sysv", "fakechroot",
                           "dbus-run-session", "ssh-agent", "gpg-agent", "sg", "newgrp", "login", "agetty", "original-awk", "view", "rview", "rvim", "vimdiff", "lldb", "lldb-14",
                           "ocaml", "ghci", "ghci-9.0.2", "swipl", "sbcl", "racket", "octave", "octave-cli", "escript", "iex", "erlexec", "beam.smp", "kotlin", "scala", "wish8.6",
                           "gcc-12"})
    EXPECT_TRUE(holds(kinds(std::string("/opt/") + name), Sensitive::kInterpreter)) << name;
  for (const char* name : {"viewer", "s6", "logind", "tinyproxy", "i386-x", "scalac", "octaves", "wishlist", "lldb-server", "ssh-agentx", "sgx"})
    EXPECT_EQ(kinds(std::string("/opt/") + name), 0u) << name;
}

TEST(Sensitive, FilesOfTheKernelAndOfInit) {
  for (const char* name : {"/run/initctl", "/host/run/initctl", "/proc/mtrr", "/proc/driver/x/y", "/proc/latency_stats", "/a/proc/mtrr"})
    EXPECT_EQ(grade_file(TL_WRITE, kinds(name), false).risk, Risk::kCritical) << name;
  for (const char* name : {"/proc/vmcore", "/a/proc/vmcore"}) EXPECT_EQ(grade_file(TL_READ, kinds(name), false).risk, Risk::kCritical) << name;
  for (const char* name : {"/run/initctls", "/proc/driver", "/proc/mtrrs"}) EXPECT_EQ(kinds(name), 0u) << name;
}

TEST(Sensitive, AgentsActForWhoConnects) {
  for (const char* name : {"/tmp/ssh-XXXX1/agent.7", "/tmp/tmux-1000/default", "/run/user/1000/keyring/ssh", "/run/user/1000/gnupg/S.gpg-agent", "/run/user/0/gnupg/d.x/S.gpg-agent"}) {
    EXPECT_EQ(grade_file(TL_CONNECT, kinds(name), false).risk, Risk::kHigh) << name;
    EXPECT_EQ(grade_file(TL_READ, kinds(name), false).risk, Risk::kLow) << name;
  }
  for (const char* name : {"/run/screen/S-u/7.pts", "//abstract//tmp/dbus-x", "//abstract/containerd-shim/x"})
    EXPECT_EQ(grade_file(TL_CONNECT, kinds(name), false).risk, Risk::kCritical) << name;
  EXPECT_EQ(grade_file(TL_CONNECT, kinds("/home/u/.gnupg/S.gpg-agent"), false).risk, Risk::kHigh);
  for (const char* name : {"/tmp/agent.7", "/tmp/ssh-x", "/run/user/1000/gnupg/x", "//abstract//tmp/x"}) EXPECT_EQ(kinds(name), 0u) << name;
}

TEST(Sensitive, TheAutomataStaySmall) {
  EXPECT_LT(sensitive_places().states.size(), 4'000u);
  EXPECT_LT(sensitive_names().states.size(), 4'500u);
}

TEST(Sensitive, OrdinaryNamesHaveNone) {
  for (const char* name : {"/", "/etc/hosts", "/srv/web/index.html", "/tmp/x", "/proc//own/status", "/dev/null", "/run/web.sock", "/shadow", "/binx/a",
                           "/srv/tls/fullchain.pem"})
    EXPECT_EQ(kinds(name), 0u) << name;
}

TEST(Risk, FilesByWordAndName) {
  EXPECT_EQ(grade_file(TL_READ, 0, false).risk, Risk::kLow);
  EXPECT_EQ(grade_file(TL_WRITE, 0, false).risk, Risk::kMedium);
  EXPECT_EQ(grade_file(TL_WRITE, 0, true).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_READ, kinds("/etc/shadow"), false).risk, Risk::kHigh);
  EXPECT_EQ(grade_file(TL_SETATTR, kinds("/bin/sh"), false).risk, Risk::kHigh);
  EXPECT_EQ(grade_file(TL_APPEND, kinds("/etc/passwd"), false).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_CONNECT, kinds("/run/docker.sock"), false).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_LIST, kinds("/sys/fs/x"), false).risk, Risk::kLow);
  // A write through /proc/self/mem changes read-only text: jit and W^X at once.
  EXPECT_EQ(grade_file(TL_WRITE, kinds("/proc//own/mem"), false).risk, Risk::kCritical);
  EXPECT_EQ(grade_file(TL_READ, kinds("/proc//own/mem"), false).risk, Risk::kLow);
  EXPECT_EQ(grade_file(TL_READ, kinds("/proc//descendant/mem"), false).risk, Risk::kHigh);
}

TEST(Sensitive, WhetherAPatternMayMatchAPlace) {
  for (const char* pattern : {"/usr/bin/{rand:6}", "/usr/{rand:3}/x", "/{a,usr}/lib/*", "/lib/x", "/bin/a{digits}", "/**", "/[u"})
    EXPECT_TRUE(may_match(pattern, Sensitive::kProgram)) << pattern;
  for (const char* pattern : {"/usr/bin", "/usr/share/{rand:6}", "/srv/bin/{rand:6}", "/{rand:6}", "/proc/{own}/fd/{digits}", "/home/u/.ssh/{digits}"})
    EXPECT_FALSE(may_match(pattern, Sensitive::kProgram)) << pattern;
  EXPECT_TRUE(may_match("/etc/{rand:6}", Sensitive::kSecret));
}

TEST(Risk, NamesAndBack) {
  for (const Risk risk : {Risk::kLow, Risk::kMedium, Risk::kHigh, Risk::kCritical}) EXPECT_EQ(risk_of_name(risk_name(risk)), risk);
  EXPECT_EQ(risk_of_name("grave"), std::nullopt);
}

}  // namespace
}  // namespace treeline::analysis
