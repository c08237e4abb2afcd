// SPDX-License-Identifier: Apache-2.0
//
// What this kernel and this machine offer, and what Treeline needs. Read by probing (files, BTF, a map created and closed again),
// never by version: stable trees and distributions carry backports.
//
//   kernel::Facts facts = kernel::probe();                 // reads, judges nothing
//   for (const kernel::Prerequisite& p : kernel::judge(facts)) print(p);   // pure: a test can write facts down
//   if (std::optional<Error> why = kernel::why_not_load(facts)) ...   // what stands in the way, with its remedy
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "enforcer/base/boot.h"
#include "policy-compiler/support/result.h"

struct btf;

namespace treeline::kernel {

struct Facts {
  std::string release;                // uname -r
  bool root = false;                  // effective uid 0
  bool initial_pid_ns = false;        // pids mean what they mean to the kernel's programs
  bool initial_user_ns = false;       // not root of a rootless runtime's user namespace only
  std::optional<std::string> lsm;     // /sys/kernel/security/lsm; unset: cannot be read (no securityfs)
  std::string lockdown;               // the active one: "none", "integrity", "confidentiality"; "" unknown
  bool btf = false;                   // /sys/kernel/btf/vmlinux
  bool bpf_lsm = false;               // function bpf_lsm_file_open: CONFIG_BPF_LSM
  bool security_path = false;         // function bpf_lsm_path_unlink: CONFIG_SECURITY_PATH
  bool userns_hook = false;           // function bpf_lsm_userns_create (6.1); before, the closing filter answers
  bool anon_inode_hook = false;       // function bpf_lsm_inode_init_security_anon (5.12): userfaultfd; as above
  bool io_uring_hook = false;         // a ring's inode goes through that hook too, 91a9ab7c942a (5.16): the release whose bpf_lsm_uring_override_creds is there
  bool task_storage = false;          // map type (5.11), with lookups that never fail for a busy per-CPU counter (6.2)
  bool ring_buffer = false;           // map type (5.8)
  bool bpffs = false;                 // /sys/fs/bpf is one
  std::string cgroup2;                // where a cgroup2 hierarchy is mounted, "" nowhere
  bool skips_preempted = false;       // a program that runs on a CPU makes others of its kind be skipped there (prog->active)
  bool full_preemption = false;       // preempt=full
  std::string boot_parameter;         // value of treeline= on the kernel's command line: "", "off", "monitor", or nonsense
};

// `root`: prefix of /proc and /sys, for tests. The map types and BTF are those of the running kernel.
Facts probe(const std::string& root = "");

// Kernel types tell features that no version number does: has this structure such a member? `types` may be null: no.
bool has_member(const btf* types, const char* structure, const char* member);

using treeline::boot_parameter;
// Mount point of the first cgroup2 in the text of /proc/self/mountinfo, "" if there is none.
std::string cgroup2_mount(const std::string& mountinfo);
// The same of this process, now.
std::string cgroup2_mount();
// Whether the kernel preempts itself anywhere: debugfs' sched/preempt says what is so now, where it is mounted; else `preempt=` of the
// command line; else the kind of kernel that uname's version names, and of one that can be any its own configuration (texts of these, "" = not
// to be had). Nothing: it cannot be told.
std::optional<bool> fully_preemptible(const std::string& debugfs, const std::string& command_line, const std::string& version, const std::string& config);

enum class State { kOk, kNote, kMissing };

struct Prerequisite {
  std::string name;    // "lsm", "btf", ...: never changes
  State state = State::kOk;
  std::string found;   // what is
  std::string remedy;  // what to do; "" when ok
};

std::vector<Prerequisite> judge(const Facts& facts);

// Why no policy can be enforced here (all reasons, a line each with its remedy); nothing when it can.
std::optional<Error> why_not_load(const Facts& facts);
// Why loading works but `enforce` has to be refused here.
std::optional<Error> why_not_enforce(const Facts& facts);

}  // namespace treeline::kernel
