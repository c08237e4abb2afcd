// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/sensitive.h"

#include <cassert>

#include "policy-compiler/passes/pattern.h"

namespace treeline::analysis {
namespace {

struct Name {
  Sensitive kind;
  const char* pattern;  // below "/**/" it may lie anywhere
};

constexpr Name kNames[] = {
    {Sensitive::kShell, "/**/{sh,bash,rbash,dash,ash,ksh,mksh,zsh,fish,csh,tcsh,busybox,toybox}"},
    {Sensitive::kInterpreter,
     "/**/{python,perl,ruby,node,nodejs,php,lua,luajit,tclsh,expect,java,guile,deno,bun,pwsh}{,[0-9]*,.*,-*}"},
    {Sensitive::kInterpreter, "/**/{awk,gawk,mawk,nawk,env,Rscript}"},
    {Sensitive::kSecret, "/etc/{shadow,gshadow,shadow-,gshadow-}"},
    {Sensitive::kSecret, "/run/secrets/**"},
    {Sensitive::kSecret, "/var/run/secrets/**"},
    {Sensitive::kSecret, "/etc/ssl/private/**"},
    {Sensitive::kSecret, "/etc/ssh/ssh_host_*_key"},
    {Sensitive::kSecret, "/etc/kubernetes/**"},
    {Sensitive::kSecret, "/etc/pki/**/private/**"},
    {Sensitive::kSecret, "/var/lib/kubelet/**"},
    {Sensitive::kSecret, "/root/{.ssh,.aws,.kube,.docker,.gnupg}/**"},
    {Sensitive::kSecret, "/root/.config/gcloud/**"},
    {Sensitive::kSecret, "/root/.netrc"},
    {Sensitive::kSecret, "/**/{.ssh,.aws,.kube,.docker,.gnupg}/**"},
    {Sensitive::kSecret, "/**/.config/gcloud/**"},
    {Sensitive::kSecret, "/**/{.netrc,*.key,*.p12,*.pfx,*.jks,*key*.pem,*private*.pem}"},
    {Sensitive::kStartup, "/etc/{passwd,group,sudoers,crontab,environment,profile,bash.bashrc,bashrc,nsswitch.conf,rc.local}"},
    {Sensitive::kStartup, "/etc/apt/apt.conf.d/**"},
    {Sensitive::kStartup, "/etc/{ssl,pki}/**"},
    {Sensitive::kStartup, "/etc/apparmor.d/**"},
    {Sensitive::kStartup, "/boot/**"},
    {Sensitive::kStartup, "/etc/{shadow,gshadow}"},
    {Sensitive::kStartup, "/etc/{sudoers.d,pam.d,security,profile.d,ld.so.conf.d,init.d,systemd,ssh}/**"},
    {Sensitive::kStartup, "/etc/cron*/**"},
    {Sensitive::kStartup, "/var/spool/cron/**"},
    {Sensitive::kStartup, "/etc/ld.so.{preload,conf,cache}"},
    {Sensitive::kStartup, "/**/{.bashrc,.profile,.bash_profile,.zshrc}"},
    {Sensitive::kStartup, "/**/.ssh/authorized_keys"},
    {Sensitive::kStartup, "/**/.git/hooks/*"},
    {Sensitive::kProgram, "/{bin,sbin,lib,lib32,lib64,libx32}/**"},
    {Sensitive::kProgram, "/usr/{bin,sbin,lib,lib32,lib64,libx32,libexec}/**"},
    {Sensitive::kProgram, "/usr/local/{bin,sbin,lib}/**"},
    {Sensitive::kKernel, "/proc/sys/**"},
    {Sensitive::kKernel, "/proc/{sysrq-trigger,kallsyms,modules,kpagecount,kpageflags,keys,timer_list}"},
    {Sensitive::kKernel, "/proc/{acpi,bus,fs,irq,scsi}/**"},
    {Sensitive::kKernel, "/sys/**"},
    {Sensitive::kProcess, "/proc/{other}/**"},
    {Sensitive::kProcess, "/proc/{workload}/{environ,mem,maps,root,cwd,fd}"},
    {Sensitive::kProcess, "/proc/{workload}/task/*/{environ,mem,maps,root,cwd,fd}"},
    {Sensitive::kProcess, "/proc/{descendant}/mem"},
    {Sensitive::kProcess, "/proc/{descendant}/task/*/mem"},
    {Sensitive::kMemory, "/proc/{own}/mem"},
    {Sensitive::kMemory, "/proc/{own}/task/*/mem"},
    {Sensitive::kMemory, "/proc/{descendant}/mem"},
    {Sensitive::kMemory, "/proc/{descendant}/task/*/mem"},
    {Sensitive::kMemory, "/proc/{workload}/mem"},
    {Sensitive::kMemory, "/proc/{workload}/task/*/mem"},
    {Sensitive::kProcess, "/proc/{workload}/{root,cwd,fd,map_files}/**"},
    {Sensitive::kDevice, "/dev/{mem,kmem,port,kmsg,kvm}"},
    {Sensitive::kDevice, "/proc/{kcore,kmsg}"},
    {Sensitive::kDevice, "/dev/{sd[a-z]*,hd[a-z]*,vd[a-z]*,xvd[a-z]*,nvme*,mmcblk*,dm-*,md[0-9]*,loop[0-9]*,sg[0-9]*}"},
    {Sensitive::kDevice, "/dev/{mapper,disk,block}/**"},
    {Sensitive::kRuntimeSocket, "/run/{docker,crio,podman,treeline,dockershim}.sock"},
    {Sensitive::kRuntimeSocket, "/var/run/{docker,crio,podman,dockershim}.sock"},
    {Sensitive::kRuntimeSocket, "/run/*/{docker,containerd,crio,podman,treeline}.sock"},
    {Sensitive::kRuntimeSocket, "/run/containerd/containerd.sock.ttrpc"},
    {Sensitive::kRuntimeSocket, "{abstract}/containerd-shim/**"},  // CVE-2020-15257
    // systemd starts what it is told to, as root.
    {Sensitive::kRuntimeSocket, "/run/systemd/private"},
    {Sensitive::kRuntimeSocket, "/run/dbus/system_bus_socket"},
    {Sensitive::kRuntimeSocket, "/var/run/dbus/system_bus_socket"},
    {Sensitive::kRuntimeSocket, "/**/{docker,containerd,crio,podman}.sock"},
};

bool anywhere(const Name& name) { return std::string_view(name.pattern).starts_with("/**/"); }

struct Automaton {
  passes::Dfa dfa;
  std::vector<SensitiveSet> of_label;
};

Automaton make() {
  passes::Nfa nfa;
  std::vector<passes::PatternError> errors;
  for (const Name& name : kNames) {
    const auto pattern = passes::parse_pattern(name.pattern, errors);
    if (pattern) (void)nfa.add(*pattern, static_cast<uint32_t>(name.kind) + (anywhere(name) ? kSensitiveKinds : 0u));
  }
  assert(errors.empty());
  (void)nfa.finish();
  passes::DeterminiseResult made = passes::determinise(nfa, {});
  assert(made.dfa);
  Automaton automaton;
  automaton.dfa = std::move(*made.dfa);
  for (const std::vector<uint32_t>& set : automaton.dfa.sets) {
    SensitiveSet kinds = 0;
    for (const uint32_t kind : set) kinds = static_cast<SensitiveSet>(kinds | (1u << kind));
    automaton.of_label.push_back(kinds);
  }
  return automaton;
}

const Automaton& automaton() {
  static const Automaton made = make();
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
      return "is a disk or memory as a device";
    case Sensitive::kRuntimeSocket:
      return "starts what it is told to: who connects is root of the machine";
    case Sensitive::kInterpreter:
      return "runs what it is told to";
    case Sensitive::kMemory:
      return "is the memory of a running program: who writes it changes what is executed";
  }
  return "";
}

const passes::Dfa& sensitive_names() { return automaton().dfa; }
SensitiveSet kinds_of(uint32_t label) {
  const std::vector<SensitiveSet>& of_label = automaton().of_label;
  return label < of_label.size() ? of_label[label] : SensitiveSet{0};
}

}  // namespace treeline::analysis
