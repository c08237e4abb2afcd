// SPDX-License-Identifier: Apache-2.0
//
// The BPF object's life: open, configure, load, attach, pin; or take over what an earlier daemon left in bpffs. The skeleton
// stays in engine.cc.
//
//   EngineOptions options;
//   Result<std::unique_ptr<Engine>> engine = Engine::open(options, facts);
//   (*engine)->maps().slots()[3] ...
//
// Attaching is all or nothing: a program that this kernel has no hook for is left out only where another one answers for it
// (file_truncate before 6.2: path_truncate does); any other absence is an error that names the hook. Attached is not proven: see
// enforcer/canary.
//
// Pinned (the default), links and maps outlive the process: bound containers stay refused what they are refused while no daemon
// runs. An ephemeral engine pins nothing and its programs go with the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "enforcer/kernel/maps.h"
#include "enforcer/kernel/probe.h"
#include "policy-compiler/support/result.h"

namespace treeline::kernel {

struct EngineOptions {
  bool ephemeral = false;
  std::string pins = "/sys/fs/bpf/treeline";
  uint32_t arena_elements = 16;      // of TL_ELEMENT bytes each
  uint32_t ring_bytes = 4u << 20;    // power of two
  bool without_task_storage = false; // the older ways, for tests on kernels that have the newer
  bool without_ring_buffer = false;
};

struct ProgramState {
  std::string name;  // "tl_file_open"
  std::string hook;  // "file_open"
  bool attached = false;
  std::string note;  // why not, where that is as it should be
};

enum class Opened { kFresh, kTakenOver, kUpgraded };

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(const EngineOptions& options, const Facts& facts);
  virtual ~Engine() = default;

  virtual Maps& maps() = 0;
  [[nodiscard]] virtual Opened how() const = 0;
  [[nodiscard]] virtual const std::vector<ProgramState>& programs() const = 0;
  // Links that are attached and not pinned any more: they end with this process, and the next one cannot take them over.
  [[nodiscard]] virtual std::vector<std::string> missing_pins() const = 0;
  // Removes every pin, under the lock that this engine holds: what is bound goes free when the process has ended.
  virtual Result<void> detach() = 0;
  // The system call recorder costs every process of the machine a little while it is attached: only while something learns.
  virtual Result<void> record_syscalls(bool on) = 0;
  // Every process that bears a tag, in the order of pids; who forks or ends meanwhile may be missed. ENOTSUP: before 5.8.
  [[nodiscard]] virtual Result<std::vector<tl_task>> tasks() const = 0;
};

}  // namespace treeline::kernel
