// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/sensitive.h"

#include <algorithm>
#include <cassert>

#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::analysis {
namespace {

struct Name {
  Sensitive kind;
  const char* pattern;  // below "/**/" it may lie anywhere, below "/*/" in any directory of the root
};

// Builds of a program lie beside each other under names like these: bash-static, busybox.static, ksh93, ksh2020, zsh5, zsh-5.9, pypy3.10,
// bash5.2.15, lldb-14, busybox-x86_64. Without a '*': each would be a loop below every tree.
#define BUILDS \
  "{,{-,.}static,[0-9],{,-}[0-9][0-9],[0-9][0-9][0-9][0-9],{,-}[0-9].[0-9]{,[0-9]}{,.[0-9],.[0-9][0-9]},-{x86_64,amd64,i686,aarch64,arm64}}"

// Of a user, in his home: read, what opens other doors; written, what runs when he logs in, opens a shell or calls git.
#define KEY_DIRECTORIES "{.ssh,.aws,.azure,.kube,.docker,.gnupg}"
#define KEY_FILES "{.netrc,.git-credentials,.vault-token,.pgpass,.my.cnf,.npmrc,.pypirc,.env}"
#define LOGIN_FILES \
  "{.bashrc,.bash_profile,.bash_login,.bash_logout,.profile,.zshrc,.zshenv,.zprofile,.zlogin,.zlogout,.gitconfig,.xprofile,.xsessionrc,.pam_environment}"

constexpr Name kNames[] = {
    {Sensitive::kShell,
     "/**/{sh,bash,rbash,static-sh,sh.distrib,dash,ash,hush,ksh,rksh,oksh,loksh,mksh,lksh,zsh,rzsh,fish,csh,bsd-csh,tcsh,yash,posh,bosh,sash,osh,ysh,oil,"
     "oils-for-unix,nu,elvish,git-shell,busybox{,-extras},bbsuid,toybox}" BUILDS},
    // Too short to be meant anywhere.
    {Sensitive::kShell, "/bin/{rc,rc.byron,es}"},
    {Sensitive::kShell, "/usr/bin/{rc,rc.byron,es}"},
    {Sensitive::kShell, "/usr/local/bin/{rc,es}"},
    {Sensitive::kShell, "/usr/lib/plan9/bin/rc"},
    // Languages.
    {Sensitive::kInterpreter, "/**/{python,ipython,perl,ruby,node,nodejs,php,lua,luajit,tclsh,expect,java,guile,deno,bun,pwsh}{,[.0-9\\-]*}"},
    // The dynamic loader, called as a program: it runs whatever file the node may map.
    {Sensitive::kInterpreter, "/**/ld{,64}{,-linux,-musl}{,-*}.so{,.[0-9]}"},
    {Sensitive::kInterpreter, "/**/{qemu,s6}-*"},  // of another architecture, or of a whole machine; a family of launchers
    // Smaller ones; editors and debuggers, which have one; what starts a program that an argument names: here, as another user, in another namespace,
    // in a container, on another machine.
    {Sensitive::kInterpreter,
     "/**/{awk,gawk,mawk,nawk,pypy,Rscript,R,julia,erl,elixir,dotnet,mono,vi,vim,nvim,ex,ed,emacs,vim.basic,vim.tiny,gdb,gdbserver,"
     "env,xargs,find,make,script,flock,nohup,setsid,timeout,strace,start-stop-daemon,su,sudo,doas,runuser,pkexec,setpriv,capsh,"
     "nsenter,unshare,chroot,systemd-run,docker,podman,nerdctl,ctr,crictl,runc,crun,kubectl,ssh,socat,nc,nc.openbsd,nc.traditional,ncat}" BUILDS},
    // Launchers; pagers, archivers and others with an option for a command, or hooks; compilers that run what they made; package managers, which run the
    // scripts of what they install. The categories are those of GTFOBins; not each program of it, as each is states next to every wildcard.
    {Sensitive::kInterpreter,
     "/**/{gosu,su-exec,nice,ionice,chrt,taskset,time,watch,stdbuf,parallel,run-parts,tmux,screen,less,man,sed,tar,rsync,git,tcc,go,gcc,dpkg,apt,apt-get,"
     "rpm,dnf,yum,apk,pip,npm,npx,modprobe}" BUILDS},
    // What init, cron or a daemon then starts; clients with a command for a shell; more archivers, tracers and languages.
    {Sensitive::kInterpreter,
     "/**/{systemctl,busctl,machinectl,crontab,at,batch,bwrap,firejail,ltrace,valgrind,perf,ip,nmap,irb,pry,rake,bundle,gem,composer,cargo,sqlite3,psql,mysql,mariadb,"
     "mongosh,redis-cli,bpftrace,groovy,jshell,xonsh,cmake,wine,scp,ftp,lftp,telnet,mail,zip,7z,cpio,m4,bc,rlwrap,dbus-send,gdbus,ansible-playbook}" BUILDS},
    // Launchers of containers and supervisors, of a login and of a session; more languages, and other names of those above.
    {Sensitive::kInterpreter,
     "/**/{prlimit,setarch,linux32,linux64,i386,x86_64,numactl,cpulimit,chpst,softlimit,setuidgid,envuidgid,envdir,execlineb,tini,dumb-init,catatonit,daemonize,unbuffer,"
     "catchsegv,proot,fakeroot{,-sysv,-tcp},fakechroot,dbus-run-session,ssh-agent,gpg-agent,sg,newgrp,login,getty,agetty}" BUILDS},
    {Sensitive::kInterpreter,
     "/**/{original-awk,view,rview,rvim,vimdiff,lldb,ocaml,ghci,runghc,swipl,sbcl,racket,octave{,-cli},escript,iex,erlexec,beam.smp,kotlin,scala,wish}" BUILDS},
    {Sensitive::kSecret, "/etc/{shadow,gshadow,shadow-,gshadow-}"},
    {Sensitive::kSecret, "/*/etc/{shadow,gshadow,shadow-,gshadow-}"},
    {Sensitive::kSecret, "/run/secrets/**"},
    {Sensitive::kSecret, "/var/run/secrets/**"},
    {Sensitive::kSecret, "/etc/ssl/private/**"},
    {Sensitive::kSecret, "/etc/ssh/ssh_host_*_key"},
    {Sensitive::kSecret, "/etc/{kubernetes,rancher,wireguard}/**"},
    {Sensitive::kSecret, "/etc/pki/**/private/**"},
    {Sensitive::kSecret, "/etc/{krb5.keytab,ipsec.secrets}"},
    // The cluster's own, and all files of other containers.
    {Sensitive::kSecret, "/var/lib/{etcd,kubelet,rancher,docker,containerd,containers,lxc,lxd,incus}/**"},
    {Sensitive::kSecret, "/mnt/secrets-store/**"},
    {Sensitive::kSecret, "/vault/secrets/**"},
    {Sensitive::kSecret, "/etc/gitlab-runner/**"},
    {Sensitive::kSecret, "/var/backups/{shadow,gshadow}*"},
    // By their place, so that all of a home has them.
    {Sensitive::kSecret, "/root/" KEY_DIRECTORIES "/**"},
    {Sensitive::kSecret, "/root/.config/gcloud/**"},
    {Sensitive::kSecret, "/root/" KEY_FILES},
    {Sensitive::kSecret, "/home/*/" KEY_DIRECTORIES "/**"},
    {Sensitive::kSecret, "/home/*/.config/gcloud/**"},
    {Sensitive::kSecret, "/home/*/" KEY_FILES},
    {Sensitive::kSecret, "/root/.cargo/credentials{,.toml}"},
    {Sensitive::kSecret, "/root/.m2/settings.xml"},
    {Sensitive::kSecret, "/root/.terraform.d/credentials.tfrc.json"},
    {Sensitive::kSecret, "/root/.config/gh/hosts.yml"},
    {Sensitive::kSecret, "/home/*/.cargo/credentials{,.toml}"},
    {Sensitive::kSecret, "/home/*/.m2/settings.xml"},
    {Sensitive::kSecret, "/home/*/.terraform.d/credentials.tfrc.json"},
    {Sensitive::kSecret, "/home/*/.config/gh/hosts.yml"},
    {Sensitive::kStartup, "/root/" LOGIN_FILES},
    {Sensitive::kStartup, "/root/.config/{systemd,autostart,git}/**"},
    {Sensitive::kStartup, "/home/*/" LOGIN_FILES},
    {Sensitive::kStartup, "/home/*/.config/{systemd,autostart,git}/**"},
    {Sensitive::kSecret, "/*/var/lib/{etcd,kubelet,rancher,docker,containerd,containers,lxc,lxd,incus}/**"},
    {Sensitive::kSecret, "/*/etc/{kubernetes,rancher}/**"},
    {Sensitive::kSecret, "/**/" KEY_DIRECTORIES "/**"},
    {Sensitive::kSecret, "/**/.config/gcloud/**"},
    {Sensitive::kSecret, "/**/" KEY_FILES},
    {Sensitive::kSecret, "/**/{id_{rsa,dsa,ecdsa,ed25519},*.key,*.p12,*.pfx,*.jks,*.kdbx,*key*.pem,*private*.pem}"},
    {Sensitive::kStartup, "/etc/{passwd,group,subuid,subgid,sudoers,doas.conf,login.defs,nsswitch.conf}"},
    {Sensitive::kStartup, "/etc/{crontab,anacrontab,inittab,inetd.conf,rc.local,modules,sysctl.conf,logrotate.conf,fstab,crypttab,exports,ca-certificates.conf}"},
    // What the kubelet, dpkg and a desktop run, and whom every client of TLS believes.
    {Sensitive::kStartup, "/opt/cni/**"},
    {Sensitive::kStartup, "/var/lib/dpkg/info/**"},
    {Sensitive::kStartup, "/etc/xdg/autostart/**"},
    {Sensitive::kStartup, "/etc/ca-certificates/**"},
    {Sensitive::kStartup, "/usr/local/share/ca-certificates/**"},
    {Sensitive::kStartup, "/etc/{environment,profile,bash.bashrc,bashrc,zshrc,zshenv,zprofile,csh.cshrc,csh.login}"},
    {Sensitive::kStartup, "/etc/ld.so.{preload,conf,cache}"},
    // Of the host, below a mount. More of it where the mount has a usual name (kRoots).
    {Sensitive::kStartup, "/*/etc/{passwd,group,shadow,gshadow,sudoers,crontab,ld.so.preload,ld.so.conf,profile,rc.local}"},
    {Sensitive::kStartup, "/*/etc/{sudoers.d,pam.d,cron*,systemd,profile.d,ld.so.conf.d}/**"},
    // One tree in the automaton: who may do what; what init, the shells and udev run; the kernel's modules; runtimes; libraries.
    {Sensitive::kStartup,
     "/etc/{sudoers.d,pam.d,security,polkit-1,dbus-1,ssh,ssl,pki,apparmor.d,cron*,periodic,init,init.d,rc.d,rc?.d,systemd,xinetd.d,logrotate.d,"
     "default,update-motd.d,network,NetworkManager,dhcp,ppp,profile.d,zsh,skel,udev,modprobe.d,modules-load.d,binfmt.d,sysctl.d,tmpfiles.d,kernel,grub.d,"
     "docker,containerd,crio,cni,alternatives,ld.so.conf.d}/**"},
    {Sensitive::kStartup, "/etc/apt/apt.conf.d/**"},
    {Sensitive::kStartup, "/run/{udev,systemd}/**"},
    {Sensitive::kStartup, "/run/initctl"},  // /dev/initctl leads there
    {Sensitive::kStartup, "/boot/**"},
    {Sensitive::kStartup, "/{vmlinuz,initrd.img}{,.old}"},
    {Sensitive::kStartup, "/etc/{shadow,gshadow}"},
    {Sensitive::kStartup, "/var/spool/{cron,at,anacron}/**"},
    {Sensitive::kStartup, "/**/" LOGIN_FILES},
    {Sensitive::kStartup, "/**/.ssh/authorized_keys"},
    // No trees: each would hold all names that lie anywhere once more.
    {Sensitive::kStartup, "/**/.config/autostart/*"},
    {Sensitive::kStartup, "/**/.config/git/config"},
    {Sensitive::kStartup, "/**/.config/systemd/user/*"},
    {Sensitive::kStartup, "/**/*.git/hooks/*"},  // of bare repositories too
    {Sensitive::kStartup, "/**/*.git/config"},   // core.fsmonitor, hooksPath and the like name programs
    {Sensitive::kProgram, "/{bin,sbin,lib,lib32,lib64,libx32}/**"},
    {Sensitive::kProgram, "/usr/{bin,sbin,lib,lib32,lib64,libx32,libexec}/**"},
    {Sensitive::kProgram, "/usr/local/{bin,sbin,lib}/**"},
    {Sensitive::kKernel, "/proc/sys/**"},
    {Sensitive::kKernel, "/proc/{sysrq-trigger,kallsyms,modules,kpagecount,kpageflags,keys,timer_list,latency_stats,mtrr}"},
    {Sensitive::kKernel, "/proc/{acpi,bus,driver,fs,irq,scsi}/**"},
    {Sensitive::kKernel, "/sys/**"},
    // procfs and sysfs are the same wherever they are mounted. Processes' directories are known by the superblock, the rest by where a mount usually lies.
    {Sensitive::kKernel, "/*/proc/sys/**"},
    {Sensitive::kKernel, "/*/proc/{sysrq-trigger,kallsyms,modules,kpagecount,kpageflags,keys,timer_list,latency_stats,mtrr}"},
    {Sensitive::kKernel, "/*/sys/{kernel,fs,class,devices,module,firmware,bus,block,power}/**"},
    {Sensitive::kProcess, "/**/{other}/**"},
    {Sensitive::kProcess, "/**/{workload}/{environ,mem,maps,root,cwd,fd}"},
    {Sensitive::kProcess, "/**/{workload}/task/*/{environ,mem,maps,root,cwd,fd}"},
    {Sensitive::kProcess, "/**/{descendant}/mem"},
    {Sensitive::kProcess, "/**/{descendant}/task/*/mem"},
    {Sensitive::kMemory, "/**/{own}/mem"},
    {Sensitive::kMemory, "/**/{own}/task/*/mem"},
    {Sensitive::kMemory, "/**/{descendant}/mem"},
    {Sensitive::kMemory, "/**/{descendant}/task/*/mem"},
    {Sensitive::kMemory, "/**/{workload}/mem"},
    {Sensitive::kMemory, "/**/{workload}/task/*/mem"},
    {Sensitive::kProcess, "/**/{workload}/{root,cwd,fd,map_files}/**"},
    // Read, they are all that the machine holds, or what is typed into it.
    {Sensitive::kDevice, "/dev/{mem,kmem,port,kmsg,kvm,nvram,fuse}"},
    {Sensitive::kDevice, "/proc/{kcore,kmsg,vmcore}"},
    {Sensitive::kDevice, "/*/proc/{kcore,kmsg,vmcore}"},
    {Sensitive::kDevice, "/*/dev/{mem,kmem,port,kmsg,kvm,fuse}"},
    {Sensitive::kDevice, "/*/dev/{{sd,hd,vd,xvd,dasd}[a-z],{md,loop,sg,nbd,zram}[0-9],nvme[0-9],mmcblk[0-9],dm-[0-9]}*"},
    {Sensitive::kDevice, "/dev/{sd,hd,vd,xvd,dasd}[a-z]*"},
    {Sensitive::kDevice, "/dev/{md,loop,sg,sr,st,nst,nbd,rbd,zram,ram,drbd,bcache,zd}[0-9]*"},
    {Sensitive::kDevice, "/dev/{nvme,mmcblk,dm-,mtd,ubi,pmem,dax,hidraw,uhid,uinput}*"},
    {Sensitive::kDevice, "/dev/{mapper,disk,block,char,raw,bsg,cpu,vfio,input}/**"},
    // All others: a list of what is harmless is shorter than one of drivers.
    {Sensitive::kOtherDevice, "/dev/**"},
    {Sensitive::kRuntimeSocket, "/run/{docker,crio,podman,treeline,dockershim,cri-dockerd}.sock"},
    {Sensitive::kRuntimeSocket, "/run/snapd{,-snap}.socket"},
    {Sensitive::kRuntimeSocket, "/var/run/{docker,crio,podman,dockershim,cri-dockerd}.sock"},
    {Sensitive::kRuntimeSocket, "/run/*/{docker,containerd,crio,podman,treeline}.sock"},
    {Sensitive::kRuntimeSocket, "/run/containerd/containerd.sock.ttrpc"},
    // Plugins of the runtime and of the kubelet: they say what a container gets of the node.
    {Sensitive::kRuntimeSocket, "/run/nri/nri.sock"},
    {Sensitive::kRuntimeSocket, "/var/run/nri/nri.sock"},
    {Sensitive::kRuntimeSocket, "/var/lib/kubelet/{device-plugins,plugins_registry}/*"},
    // The shims: an abstract name, which begins with a '/' itself (CVE-2020-15257), later files. No wildcard meets the empty component, and who writes
    // {abstract}/** means all: so by the name without it too.
    {Sensitive::kRuntimeSocket, "{abstract}//containerd-shim/**"},
    {Sensitive::kRuntimeSocket, "{abstract}/containerd-shim/**"},
    {Sensitive::kRuntimeSocket, "/run/containerd/s/*"},
    {Sensitive::kRuntimeSocket, "/run/buildkit/buildkitd.sock"},
    {Sensitive::kRuntimeSocket, "/var/lib/{lxd,incus}/unix.socket"},
    {Sensitive::kRuntimeSocket, "/var/snap/lxd/common/lxd/unix.socket"},
    {Sensitive::kRuntimeSocket, "/run/{lxd,incus}/unix.socket"},
    {Sensitive::kRuntimeSocket, "/run/libvirt/*-sock"},  // not *-sock-ro
    {Sensitive::kRuntimeSocket, "/var/run/libvirt/*-sock"},
    // systemd starts what it is told to, as root.
    {Sensitive::kRuntimeSocket, "/run/systemd/private"},
    {Sensitive::kRuntimeSocket, "/run/dbus/system_bus_socket"},
    {Sensitive::kRuntimeSocket, "/var/run/dbus/system_bus_socket"},
    {Sensitive::kRuntimeSocket, "/*/run/systemd/private"},
    {Sensitive::kRuntimeSocket, "/*/run/dbus/system_bus_socket"},
    // His own systemd and what his bus starts.
    {Sensitive::kSessionSocket, "/run/user/*/bus"},
    {Sensitive::kSessionSocket, "/run/user/*/systemd/private"},
    {Sensitive::kSessionSocket, "{abstract}//tmp/dbus-*"},
    {Sensitive::kSessionSocket, "/run/screen/**"},
    // Of ssh, tmux, a desktop's keyring and GnuPG. By their place, so that who may connect to all of /tmp is known to.
    {Sensitive::kAgentSocket, "/tmp/ssh-*/agent.*"},
    {Sensitive::kAgentSocket, "/tmp/tmux-*/**"},
    {Sensitive::kAgentSocket, "/run/user/*/keyring/*"},
    {Sensitive::kAgentSocket, "/run/user/*/gnupg/S.*"},
    {Sensitive::kAgentSocket, "/run/user/*/gnupg/d.*/S.*"},
    {Sensitive::kRuntimeSocket, "/**/{docker,containerd,crio,podman,buildkitd}.sock"},
};

#undef BUILDS
#undef KEY_DIRECTORIES
#undef KEY_FILES
#undef LOGIN_FILES

// No devices of the machine: what every container has of its own, and trees of /dev that hold files.
constexpr const char* kHarmlessDevices[] = {
    "/dev/{null,zero,full,random,urandom,tty,console,ptmx,stdin,stdout,stderr,log,termination-log}",
    "/dev/{pts,shm,fd,mqueue,hugepages}",
    "/dev/{pts,shm,fd,mqueue,hugepages}/**",
};
constexpr uint32_t kHarmless = 2 * kSensitiveKinds;  // in an accept set, behind the kinds

// Where the host's root is mounted by usage: all places below these too. A pattern that goes on with a wildcard meets them (/host/**), which below any
// other directory would grade each volume of an application.
constexpr const char* kRoots[] = {"host/", "hostfs/", "host-root/", "hostroot/", "rootfs/", "mnt/host/", "mnt/rootfs/", "run/host/"};

bool anywhere(const Name& name) { return std::string_view(name.pattern).starts_with("/**/"); }
bool in_some_directory(const Name& name) { return std::string_view(name.pattern).starts_with("/*/"); }

// No wildcard matches a process's directory by chance: a pattern that meets one has it written, wherever procfs is mounted, so it is known by its place.
bool of_process(const Name& name) {
  const std::string_view pattern = name.pattern;
  return pattern.starts_with("/**/{own}") || pattern.starts_with("/**/{descendant}") || pattern.starts_with("/**/{workload}") ||
         pattern.starts_with("/**/{other}");
}

// As one name of several spellings: what follows is the same states of the automaton, so that the roots cost next to none.
void add_roots(passes::Pattern& pattern) {
  if (pattern.components.empty() || pattern.components[0].kind != passes::Component::Kind::kName) return;
  passes::Element roots;
  roots.kind = passes::Element::Kind::kAlternatives;
  roots.branches.emplace_back();
  for (const char* root : kRoots) {
    passes::Element bytes;
    bytes.bytes = root;
    roots.branches.push_back({std::move(bytes)});
  }
  passes::Sequence& first = pattern.components[0].name;
  first.insert(first.begin(), std::move(roots));
}

struct Automaton {
  passes::Dfa dfa;
  std::vector<SensitiveSet> of_label;

  SensitiveSet kinds(uint32_t label) const { return label < of_label.size() ? of_label[label] : SensitiveSet{0}; }
  SensitiveSet kinds(std::string_view walked) const { return kinds(dfa.states[dfa.run(walked)].label); }
};

// Smaller by half: each state is one more next to every state of a policy's wildcards.
void make_small(Automaton& automaton, const std::vector<SensitiveSet>& of_set) {
  std::vector<uint32_t> class_of_set;
  automaton.of_label = {0};
  for (const SensitiveSet kinds : of_set) {
    auto at = std::find(automaton.of_label.begin(), automaton.of_label.end(), kinds);
    if (at == automaton.of_label.end()) at = automaton.of_label.insert(at, kinds);
    class_of_set.push_back(static_cast<uint32_t>(at - automaton.of_label.begin()));
  }
  passes::minimise(automaton.dfa, class_of_set);
}

Automaton make(bool of_anywhere) {
  passes::Nfa nfa;
  std::vector<passes::PatternError> errors;
  const auto add = [&](const char* text, uint32_t number, bool roots) {
    auto pattern = passes::parse_pattern(text, errors);
    if (pattern && roots) add_roots(*pattern);
    if (pattern) (void)nfa.add(*pattern, number);
  };
  for (const Name& name : kNames) {
    if (anywhere(name) != of_anywhere) continue;
    const bool by_place = of_process(name) || (!of_anywhere && !in_some_directory(name));
    add(name.pattern, static_cast<uint32_t>(name.kind) + (by_place ? 0u : kSensitiveKinds), by_place && !of_anywhere);
  }
  if (!of_anywhere)
    for (const char* harmless : kHarmlessDevices) add(harmless, kHarmless, true);
  assert(errors.empty());
  (void)nfa.finish();
  passes::DeterminiseResult made = passes::determinise(nfa, {});
  assert(made.dfa);
  Automaton automaton;
  automaton.dfa = std::move(*made.dfa);
  std::vector<SensitiveSet> of_set;
  for (const std::vector<uint32_t>& set : automaton.dfa.sets) {
    SensitiveSet kinds = 0;
    for (const uint32_t kind : set) kinds = static_cast<SensitiveSet>(kinds | (1u << kind));
    if ((kinds >> kHarmless & 1) != 0) kinds = static_cast<SensitiveSet>(kinds & ~(1u << kHarmless | 1u << static_cast<uint8_t>(Sensitive::kOtherDevice)));
    of_set.push_back(kinds);
  }
  make_small(automaton, of_set);
  return automaton;
}

const Automaton& places() {
  static const Automaton made = make(false);
  return made;
}
const Automaton& names() {
  static const Automaton made = make(true);
  return made;
}

}  // namespace

std::string_view sensitive_text(Sensitive kind) {
  switch (kind) {
    case Sensitive::kShell:
      return "is a shell";
    case Sensitive::kSecret:
      return "holds secrets";
    case Sensitive::kStartup:
      return "decides who may do what, or which programs run later";
    case Sensitive::kProgram:
      return "is one of the image's programs or libraries";
    case Sensitive::kKernel:
      return "is the kernel's, shared with the host";
    case Sensitive::kProcess:
      return "shows another process";
    case Sensitive::kDevice:
      return "is a disk, memory or a keyboard as a device";
    case Sensitive::kOtherDevice:
      return "is a device of the machine";
    case Sensitive::kRuntimeSocket:
      return "starts what it is told to: who connects is root of the machine";
    case Sensitive::kSessionSocket:
      return "starts what it is told to: who connects is the user whose session it is";
    case Sensitive::kInterpreter:
      return "runs what it is told to";
    case Sensitive::kAgentSocket:
      return "acts for its user: who connects uses the keys or the terminal";
    case Sensitive::kMemory:
      return "is the memory of a running program: who writes it changes what is executed";
  }
  return "";
}

const passes::Dfa& sensitive_places() { return places().dfa; }
const passes::Dfa& sensitive_names() { return names().dfa; }
SensitiveSet kinds_of(uint32_t label_of_place, uint32_t label_of_name) { return places().kinds(label_of_place) | names().kinds(label_of_name); }
SensitiveSet kinds_of_name(std::string_view walked) { return either(places().kinds(walked) | names().kinds(walked)); }

bool may_match(std::string_view pattern, Sensitive kind) {
  // No place begins as the pattern does: the common case.
  if (sensitive_places().run(pattern.substr(0, pattern.find_first_of("*?[{\\"))) == passes::Dfa::kDead) return false;
  std::vector<passes::PatternError> errors;
  const auto parsed = passes::parse_pattern(pattern, errors);
  passes::Nfa nfa;
  if (!parsed || !nfa.add(*parsed, 0) || !nfa.finish()) return true;
  const passes::DeterminiseResult made = passes::determinise(nfa, {});
  if (!made.dfa) return true;
  const passes::Dfa* automata[] = {&*made.dfa, &sensitive_places()};
  const passes::Meetings found = passes::meetings(automata, 1);
  return !found.complete || std::any_of(found.list.begin(), found.list.end(), [&](const passes::Meeting& meeting) {
    return holds(places().kinds(meeting.labels[1]), kind);
  });
}

}  // namespace treeline::analysis
