// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/strace_acts.h"

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/flags.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMaxNodes = 2'000;
constexpr uint32_t kMaxDepth = 40;  // of programs that start each other

// Calls whose arguments are names: which, from which directory, and what they ask for.
struct NamedAct {
  std::string_view call;
  int directory;  // argument, or -1: the working directory
  int path;
  uint32_t access;
};
constexpr uint32_t kHanded = TL_READ | TL_WRITE | TL_APPEND | TL_LIST;  // what may be asked of an open file
constexpr NamedAct kNamedActs[] = {
    {"mkdir", -1, 0, TL_MKDIR},          {"mkdirat", 0, 1, TL_MKDIR},      {"rmdir", -1, 0, TL_DELETE},
    {"unlink", -1, 0, TL_DELETE},        {"unlinkat", 0, 1, TL_DELETE},    {"mknod", -1, 0, TL_MKNOD},
    {"mknodat", 0, 1, TL_MKNOD},         {"truncate", -1, 0, TL_WRITE},    {"symlink", -1, 1, TL_LINK},
    {"symlinkat", 1, 2, TL_LINK},        {"link", -1, 1, TL_LINK},         {"linkat", 2, 3, TL_LINK},
    {"rename", -1, 0, TL_DELETE},        {"renameat", 0, 1, TL_DELETE},    {"renameat2", 0, 1, TL_DELETE},
    {"rename", -1, 1, TL_RENAME_IN},     {"renameat", 2, 3, TL_RENAME_IN}, {"renameat2", 2, 3, TL_RENAME_IN},
    {"chmod", -1, 0, TL_SETATTR},        {"fchmodat", 0, 1, TL_SETATTR},   {"fchmodat2", 0, 1, TL_SETATTR},
    {"chown", -1, 0, TL_SETATTR},        {"lchown", -1, 0, TL_SETATTR},    {"fchownat", 0, 1, TL_SETATTR},
    {"setxattr", -1, 0, TL_SETATTR},     {"lsetxattr", -1, 0, TL_SETATTR}, {"removexattr", -1, 0, TL_SETATTR},
    {"lremovexattr", -1, 0, TL_SETATTR}, {"setxattrat", 0, 1, TL_SETATTR}, {"removexattrat", 0, 1, TL_SETATTR},
    {"file_setattr", 0, 1, TL_SETATTR},  {"chown32", -1, 0, TL_SETATTR},   {"lchown32", -1, 0, TL_SETATTR},
    {"truncate64", -1, 0, TL_WRITE},
};

// mknod(2) makes a regular file where no other type is said, and that is another word.
bool special(std::string_view mode) {
  return has(mode, "S_IFCHR") || has(mode, "S_IFBLK") || has(mode, "S_IFIFO") || has(mode, "S_IFSOCK");
}

}  // namespace

void Tracee::lost(std::string reason, std::string remedy, Position position) {
  const auto [loss, fresh] = losses_.try_emplace(std::move(reason));
  if (fresh) {
    if (losses_.size() > Diagnostics::kMost) {
      losses_.erase(loss);
      if (unlisted_++ == 0) first_unlisted_ = position;
      return;
    }
    loss->second = {std::move(remedy), position, 0};
  }
  ++loss->second.count;
}

void Tracee::note_call(const Process& process, std::string_view name, Position position) {
  if (syscalls_ && process.node != ir::kNoNode) calls_[process.node].emplace(name, position);
}

void Tracee::grant_pattern(Process& process, const std::string& pattern, uint32_t access, Position position) {
  if (access == 0) return;
  auto [rule, fresh] = files_[process.node].try_emplace(pattern, ir::FileRule{{pattern, position}, 0, false});
  if (fresh) ++rules_;
  if (numbers_ == Position() && pattern.find("/{digits}") != std::string::npos) numbers_ = position;
  rule->second.access = static_cast<ir::AccessSet>(rule->second.access | access);
}

void Tracee::grant(Process& process, const std::string& path, uint32_t access, Position position) {
  if (access == 0) return;
  const auto pattern = pattern_of(path, process.pid);
  if (pattern)
    grant_pattern(process, *pattern, access, position);
  else
    lost("files below /proc of a process other than the own one",
         "name it by its relation: /proc/{descendant}, {workload}, {other}", position);
}

std::optional<std::string> Tracee::path(Process& process, const Call& call, size_t at, std::optional<size_t> directory,
                                        Position position) {
  const auto name = at < call.arguments.size() ? quoted(call.arguments[at]) : std::nullopt;
  if (!name) {  // an address
    lost("names that strace could not read", "record with strace as a user who may read the program's memory", position);
    return std::nullopt;
  }
  if (name->cut) {
    lost("names that strace has cut", "record with a larger -s", position);
    return std::nullopt;
  }
  std::optional<std::string> base = process.at->directory;
  if (directory && *directory < call.arguments.size()) {
    const auto from = descriptor(call.arguments[*directory]);
    if (!from) {
      base.reset();
    } else if (from->path) {
      base = is_deleted(*from->path) ? std::nullopt : from->path;
      resolved_ = true;
    } else if (from->number >= 0) {
      const auto open = process.files->find(from->number);
      base =
          open != process.files->end() && !open->second.path.empty() ? std::optional(open->second.path) : std::nullopt;
    }
  }
  if (name->bytes.empty()) {  // AT_EMPTY_PATH: the descriptor itself
    auto itself = directory && base ? absolute(*base, std::nullopt) : std::nullopt;
    if (!itself)
      lost("files that are named by a descriptor whose name is not known", "record with strace -y", position);
    return itself;
  }
  if (is_elsewhere(process, name->bytes, position)) return std::nullopt;
  auto whole = absolute(name->bytes, base);
  if (!whole)
    lost("names with '..', or relative to a directory that the log does not show", "record with strace -y", position);
  return whole;
}

// A relative name is still one from a directory whose name was known before, or that -y shows.
bool Tracee::is_elsewhere(const Process& process, const std::string& name, Position position) {
  if ((!process.at->moved_root && !pivoted_) || name[0] != '/') return false;
  lost("names after a chroot, pivot_root or setns: they are not those of the container",
       "record with strace -y, or write by hand what follows it", position);
  return true;
}

bool Tracee::act(Process& process, std::string_view name, const Call& call, Position position) {
  if (!call.complete) return true;
  ++acts_;
  const bool connecting = name == "connect" && call.error == "EINPROGRESS";
  if (executes(name)) {
    if (*call.result != 0) return true;
    if (!(name == "execve" ? exec(process, call, 0, std::nullopt, position) : exec(process, call, 1, 0, position)))
      return false;
    note_call(process, name, position);  // the runtime's, of the first program
    return true;
  }
  if (process.node == ir::kNoNode) {
    if (process.lost)
      lost("calls of programs whose path is not known", "record with strace -f -y from the start of the program",
           position);
    else
      lost("calls before the first execve", "record with strace -f from the start of the program", position);
    return true;
  }
  if (*call.result < 0 && !connecting) return true;
  open(process, name, call, position);
  paths(process, name, call, position);
  descriptors(process, name, call, position);
  memory(process, name, call, position);
  network(process, name, call, position);
  operations(process, name, call, position);
  if (rules_ <= kMaxRules) return true;
  diagnostics_.error(position, "import-limit", "more than " + std::to_string(kMaxRules) + " rules",
                     "import a shorter log, or record with 'treeline learn'");
  return false;
}

void Tracee::leave(Process& process) {
  process.node = ir::kNoNode;
  process.lost = true;
}

void Tracee::lose(Process& process, Position position) {
  leave(process);
  lost("programs whose execve is not in the log as a whole, and all that they did",
       "record with strace -f -y -o FILE, from the start of the program", position);
}

bool Tracee::exec(Process& process, const Call& call, size_t at, std::optional<size_t> directory, Position position) {
  const auto executable = path(process, call, at, directory, position);
  const uint32_t before = process.node;
  process.node = ir::kNoNode;
  process.lost |= !executable;
  if (process.lost) {
    lost("programs whose path is not known, and all that they did", "record with strace -y", position);
    return true;
  }
  uint32_t depth = 0;
  for (uint32_t above = before; above != ir::kNoNode; above = policy_.nodes[above].parent) ++depth;
  if (depth >= kMaxDepth || policy_.nodes.size() >= kMaxNodes) {
    diagnostics_.error(position, "import-limit",
                       "more than " + std::to_string(kMaxDepth) + " programs below one another, or " +
                           std::to_string(kMaxNodes) + " nodes",
                       "import a shorter log, or record with 'treeline learn', which folds recursion");
    return false;
  }
  const std::string pattern = passes::literal_pattern(*executable);
  auto& siblings = before == ir::kNoNode ? roots_ : children_[before];
  const auto [known, fresh] = siblings.try_emplace(pattern, static_cast<uint32_t>(policy_.nodes.size()));
  const uint32_t index = known->second;
  if (fresh) {
    ir::Node made;
    made.executable = {pattern, position};
    made.position = position;
    made.parent = before;
    policy_.nodes.push_back(std::move(made));
    children_.emplace_back();
    files_.emplace_back();
    calls_.emplace_back();
    networks_.emplace_back();
    if (before == ir::kNoNode)
      policy_.entry.push_back(index);
    else
      policy_.nodes[before].children.push_back(index);
  }
  process.node = index;
  inherit(process, position);
  return true;
}

// Descriptors that stay open are rights of the next program. 0 to 2 of the first one are the runtime's.
void Tracee::inherit(Process& process, Position position) {
  auto kept = std::make_shared<Files>();
  for (auto& [number, file] : *process.files) {
    if (file.close_on_exec) continue;
    kept->emplace(number, file);
    if (!file.pattern.empty()) grant_pattern(process, is_unlinked(file) ? "{unlinked}" : file.pattern, file.access & kHanded, position);
  }
  process.files = std::move(kept);
}

void Tracee::open(Process& process, std::string_view name, const Call& call, Position position) {
  // A queue lies in no directory of the container; of what it is made by, no hook is told the name.
  if (name == "mq_open" && call.arguments.size() > 1)
    return grant_pattern(process, "{anon:other}", open_flags(call.arguments[1]).access & kHanded, position);
  const bool at = name == "openat" || name == "openat2", handle = name == "open_by_handle_at";
  if (!at && !handle && name != "open" && name != "creat") return;
  const size_t first = at || handle ? 1 : 0;
  if (call.arguments.size() <= first) return;
  const std::string_view flags = name == "creat"                     ? "O_WRONLY|O_CREAT|O_TRUNC"
                                 : call.arguments.size() > first + 1 ? call.arguments[first + 1]
                                                                     : std::string_view();
  const OpenFlags wanted = open_flags(flags);
  std::optional<std::string> file;
  if (call.result_path && !call.result_path->empty() && (*call.result_path)[0] == '/') {
    resolved_ = true;
    // "/tmp/#12 (deleted)": no name that stays.
    if (!is_deleted(*call.result_path)) file = absolute(*call.result_path, std::nullopt);
  }
  if (!file) process.files->erase(*call.result);  // whatever had that number before
  if (!file && handle) return lost("files that are opened by a handle", "record with strace -y", position);
  if ((!file || wanted.unnamed) && has(flags, "RESOLVE_IN_ROOT"))
    return lost("names that openat2 takes for below a directory (RESOLVE_IN_ROOT)", "record with strace -y", position);
  if (!file || wanted.unnamed)
    file = path(process, call, first, at ? std::optional<size_t>(0) : std::nullopt, position);
  if (!file) return;
  OpenFile open;
  open.opened = acts_;
  open.access = wanted.access;
  open.close_on_exec = has(flags, "O_CLOEXEC");
  if (wanted.unnamed) {
    open.pattern = (*file == "/" ? "" : passes::literal_pattern(*file)) + "/{tmpfile}";
    grant_pattern(process, open.pattern, open.access, position);
  } else if (call.result_path && is_deleted(*call.result_path) && file->starts_with("/proc/")) {  // by /proc/self/fd/3
    open.pattern = call.result_path->starts_with("/memfd:") ? "{memfd}" : "{unlinked}";
    grant_pattern(process, open.pattern, open.access, position);
  } else {
    open.path = *file;
    if (!wanted.known) lost("opens whose flags are not names", "record without -X raw", position);
    if (const auto pattern = pattern_of(*file, process.pid)) open.pattern = *pattern;
    grant(process, *file, open.access, position);
  }
  (*process.files)[*call.result] = std::move(open);
}

void Tracee::paths(Process& process, std::string_view name, const Call& call, Position position) {
  for (const NamedAct& act : kNamedActs) {
    if (act.call != name) continue;
    const auto directory = act.directory < 0 ? std::nullopt : std::optional(static_cast<size_t>(act.directory));
    const auto at = static_cast<size_t>(act.path);
    const std::string_view flags = call.arguments.size() > 4 ? call.arguments[4] : std::string_view();
    const bool exchange = name == "renameat2" && has(flags, "RENAME_EXCHANGE");
    uint32_t access = act.access;
    if (access == TL_MKNOD && call.arguments.size() > at + 1 && !special(call.arguments[at + 1])) access = TL_CREATE;
    if (name == "linkat") access |= first_name(process, call, position);
    if (exchange) access = TL_DELETE | TL_RENAME_IN;
    if (act.access == TL_DELETE && name == "renameat2" && has(flags, "RENAME_WHITEOUT")) access |= TL_MKNOD;
    if (const auto file = path(process, call, at, directory, position)) {
      grant(process, *file, access, position);
      const bool renames = name.starts_with("rename");
      if (!exchange && act.access == (renames ? TL_RENAME_IN : TL_DELETE)) removed_[*file] = acts_;
    }
    if (act.access == TL_RENAME_IN && !exchange && !has(flags, "RENAME_NOREPLACE"))
      lost("a rename may have replaced a file: the log does not say whether it was there",
           "add 'delete' to the new name then", position);
  }
  if (name == "chdir") process.at->directory = path(process, call, 0, std::nullopt, position);
  if (name == "fchdir" && !call.arguments.empty()) {
    process.at->directory.reset();
    if (const auto from = descriptor(call.arguments[0])) {
      const auto open = process.files->find(from->number);
      if (from->path)
        process.at->directory = is_deleted(*from->path) ? std::nullopt : from->path;
      else if (open != process.files->end() && !open->second.path.empty())
        process.at->directory = open->second.path;
    }
  }
  if (name == "getcwd" && !call.arguments.empty() && !process.at->moved_root && !pivoted_)
    if (const auto here = quoted(call.arguments[0]);
        here && !here->cut && !here->bytes.empty() && here->bytes[0] == '/')
      process.at->directory = here->bytes;
  pivoted_ |= name == "pivot_root";  // of whoever shares the mounts
  if (name == "chroot" || name == "pivot_root" || name == "setns") {
    process.at->moved_root = true;
    process.at->directory.reset();
  }
  if (name == "unshare" && !call.arguments.empty() &&
      (has(call.arguments[0], "CLONE_FS") || has(call.arguments[0], "CLONE_NEW")))
    process.at = std::make_shared<Whereabouts>(*process.at);
  if (name == "utime" || name == "utimes" || name == "lutimes" || name == "futimesat" || name == "utimensat")
    lost("times of files are set: no hook asks for them", "nothing has to be added: who owns a file may set its times",
         position);
}

void Tracee::memory(Process& process, std::string_view name, const Call& call, Position position) {
  if (name == "shmat" && call.arguments.size() > 2) {
    grant_pattern(process, "{sysv-shm}", has(call.arguments[2], "SHM_RDONLY") ? TL_READ : TL_READ | TL_WRITE, position);
    if (has(call.arguments[2], "SHM_EXEC"))
      lost("executable memory of System V", "add 'map' to '{sysv-shm}', which a person signs, and the operation 'jit'", position);
    return;
  }
  const bool map = name == "mmap" || name == "mmap2";
  if ((!map && name != "mprotect" && name != "pkey_mprotect") || call.arguments.size() < 3) return;
  const std::string_view protection = call.arguments[2];
  if (!has(protection, "PROT_EXEC")) return;
  if (map && call.arguments.size() >= 5 && !has(call.arguments[3], "MAP_ANONYMOUS")) {
    if (is_unlinked(process, call.arguments[4]))
      lost("executable maps of files that have no name any more",
           "add 'map' to '{unlinked}' (of memfd_create '{memfd}', with the operation 'jit'), which a person signs", position);
    else if (const auto pattern = pattern_behind(process, call.arguments[4]))
      grant_pattern(process, *pattern, TL_MAP, position);
    else
      lost("executable maps of files whose name is not known", "record with strace -y", position);
    return;
  }
  if (has(protection, "PROT_WRITE"))
    lost("memory that is writable and executable", "add the operation 'jit' if the program makes code", position);
  else
    lost("memory that is made executable", "add the operation 'jit' if it was written before", position);
}

std::optional<ir::Policy> Tracee::finish(std::string_view name) && {
  if (policy_.nodes.empty()) {
    diagnostics_.error({1, 1}, "import-format", "no program starts in this log",
                       "record with: strace -f -y -o FILE PROGRAM; execve must be among the traced calls");
    return std::nullopt;
  }
  policy_.name = label_of(name);
  for (uint32_t i = 0; i < policy_.nodes.size(); ++i) {
    ir::Node& node = policy_.nodes[i];
    for (auto& [pattern, rule] : files_[i]) draft_.grant_file(node, pattern, rule.access, rule.path.position);
    for (const auto& [call, position] : calls_[i]) draft_.grant_syscall(node, call, position);
    normalise(node);
  }
  for (const auto& [reason, loss] : losses_)
    diagnostics_.warning(loss.position, "not-carried",
                         reason + (loss.count == 1 ? "" : " (" + std::to_string(loss.count) + " times)"), loss.remedy);
  if (unlisted_ != 0)
    diagnostics_.warning(first_unlisted_, "not-carried",
                         std::to_string(unlisted_) + " acts more, for other reasons than can be listed",
                         "import the log in parts to see them");
  if (!resolved_)
    diagnostics_.note({}, "import-question",
                      "names are those that the programs gave; the hooks see the files behind links",
                      "record with strace -y, or write /usr/lib for /lib where that is a link");
  if (numbers_ != Position())
    diagnostics_.note(numbers_, "import-question",
                      "a number below the own directory of /proc stands for any ({digits}): descriptors and threads "
                      "have another one each time",
                      "write the number where one alone is meant");
  diagnostics_.note({}, "import-question", "strace shows no capabilities, no users and no interpreters of scripts",
                    "add 'capabilities', 'users' and, for a script, 'interpreter'");
  if (!syscalls_)
    diagnostics_.note({}, "import-question", "the calls are not taken over: a log may have been filtered",
                      "give --syscalls if it was recorded without -e trace=");
  return std::move(policy_);
}

}  // namespace treeline::import_
