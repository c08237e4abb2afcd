// SPDX-License-Identifier: Apache-2.0
//
// Treeline's directory in bpffs: what outlives the daemon.
//
//   /sys/fs/bpf/treeline/layout-1      TL_ABI_MAPS of the maps beside it (a directory; bpffs holds no plain files)
//   /sys/fs/bpf/treeline/build-HEX     which BPF object the links run; made last, so it also says "complete". While an upgrade replaces them: build-unfinished
//   /sys/fs/bpf/treeline/MAP           one per map
//   /sys/fs/bpf/treeline/links/PROGRAM one per attached program; removing it detaches
//   /sys/fs/bpf/treeline/programs/NAME what is attached on demand (the system call recorder) or read (the iterator over tasks)
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "enforcer/base/fd.h"
#include "policy-compiler/support/result.h"

namespace treeline::kernel {

constexpr char kUnfinished[] = "unfinished";  // a build that no program has: links of two builds may be pinned, so each start attaches all of its own

class Pins {
 public:
  explicit Pins(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] std::string map(const std::string& name) const { return root_ + "/" + name; }
  [[nodiscard]] std::string link(const std::string& program) const { return root_ + "/links/" + program; }
  [[nodiscard]] std::string program(const std::string& name) const { return root_ + "/programs/" + name; }
  [[nodiscard]] const std::string& root() const { return root_; }

  // One process at a time manages what is pinned: the lock is on the directory that holds the root (which comes and goes), and goes with the fd.
  // EADDRINUSE: another one has it.
  [[nodiscard]] Result<UniqueFd> lock() const;
  [[nodiscard]] pid_t holder() const;  // of the lock; 0: nobody, or not known
  // Errors: it cannot be seen what is there. Never taken for "nothing", which would let go what is bound.
  [[nodiscard]] Result<bool> exist() const;           // anything of ours is there
  [[nodiscard]] Result<int> layout() const;           // 0: none; beyond all of them: a mark that is no number
  [[nodiscard]] Result<std::string> build() const;    // "": none, or a first start that was not finished; kUnfinished: an upgrade that was not
  [[nodiscard]] Result<std::vector<std::string>> links() const;
  Result<void> make(int layout) const;        // the directories and the layout's mark
  Result<void> set_build(const std::string& build) const;  // in place of what it was; who dies over it leaves kUnfinished
  // Links first (that detaches), then the rest. Missing is success. Who holds the lock may call it.
  Result<void> remove_all() const;

 private:
  std::string root_;
};

// Detaches everything that is pinned and removes it, without an engine. The tasks that were bound go free. EADDRINUSE: a treelined lives that holds the links
// as well, so that without their pins they would refuse as before: nothing was removed.
Result<void> detach_pinned(const std::string& root);

// Who holds a flock(2) on the file `inode` of device `major`:`minor`, by the text of /proc/locks (proc_locks(5)); 0: nobody.
pid_t flock_holder(const std::string& locks, unsigned major, unsigned minor, uint64_t inode);

}  // namespace treeline::kernel
