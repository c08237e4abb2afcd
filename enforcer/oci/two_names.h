// SPDX-License-Identifier: Apache-2.0
//
// One directory or file of the host under two names of the container: what may be written by the one and executed by the other. The compiler
// proves of a profile that no path is both written and executed, but it knows no mounts; config.json does.
//
//   Result<std::vector<Mounted>> mounted = mounted_at(*config, "/run/containerd/.../web");
//   std::string clash = written_and_executed(image, *mounted);     // "" where there is none
//
// Looked at are the bind mounts of config.json, with the mounts below their sources, and the root file system. What is mounted later, or
// reached by a layer of an overlay as well, is not seen here; written files bear marks for that (bpf/lsm/written.bpf.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "enforcer/oci/config.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

struct Mounted {
  uint64_t device = 0;     // of its file system (base/mounts.h)
  std::string source;      // path in that file system, no slash at the end; "" for its root
  std::string name;        // path in the container, likewise
  bool writable = true;
  bool executable = true;  // not noexec
};

// A source that is not there is left out. An Error: one that cannot be looked at, or no mounts to be read. `mountinfo`: of this process, proc_pid_mountinfo(5).
Result<std::vector<Mounted>> mounted_at(const Config& config, const std::string& bundle_directory,
                                        const std::string& mountinfo = "/proc/self/mountinfo");

// Names the two mounts and a file of the first that somebody may write and somebody may execute by the second; "": there is none. `image`: a policy
// image that has been checked (store/image.h).
std::string written_and_executed(std::string_view image, const std::vector<Mounted>& mounted);

// Both; an Error says what to do about it.
Result<void> check_two_names(std::string_view image, const Config& config, const std::string& bundle_directory);

}  // namespace treeline::oci
