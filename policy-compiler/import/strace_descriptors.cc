// SPDX-License-Identifier: Apache-2.0
//
// What a call does by a descriptor: to the table of them, and to the file behind one. Locks, fchdir and what reads or
// writes ask for no more than the open did.
#include <algorithm>
#include <iterator>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/strace_acts.h"

namespace treeline::import_ {
namespace {

// Calls that ask for a word on the file of their first argument.
struct FileAct {
  std::string_view call;
  std::string_view command;  // a word of the second argument; "": none
  uint32_t access;
};
constexpr FileAct kFileActs[] = {
    {"fchmod", "", TL_SETATTR},
    {"fchown", "", TL_SETATTR},
    {"fchown32", "", TL_SETATTR},
    {"fsetxattr", "", TL_SETATTR},
    {"fremovexattr", "", TL_SETATTR},
    {"ioctl", "FS_IOC_SETFLAGS", TL_SETATTR},
    {"ioctl", "FS_IOC_FSSETXATTR", TL_SETATTR},
    {"ioctl", "FS_IOC_SETVERSION", TL_SETATTR},
    {"ioctl", "FS_IOC_SET_ENCRYPTION_POLICY", TL_SETATTR},
    {"ioctl", "FAT_IOCTL_SET_ATTRIBUTES", TL_SETATTR},
    {"ioctl", "FS_IOC_ENABLE_VERITY", TL_WRITE},
    {"ftruncate", "", TL_WRITE},
    {"ftruncate64", "", TL_WRITE},
};

// Descriptors of what has no name here. Whatever had the number before is gone.
constexpr std::string_view kOthers[] = {
    "memfd_create", "memfd_secret",    "eventfd",      "eventfd2",       "epoll_create",   "epoll_create1",
    "signalfd",     "signalfd4",       "inotify_init", "pidfd_open",     "timerfd_create", "inotify_init1",
    "pidfd_getfd",  "fanotify_init",   "fsopen",       "fspick",         "fsmount",        "open_tree",
    "bpf",          "perf_event_open", "userfaultfd",  "io_uring_setup", "mq_open",
};

std::string_view argument(const Call& call, size_t at) {
  return at < call.arguments.size() ? call.arguments[at] : std::string_view();
}

int64_t number(const Call& call, size_t at) {
  const auto value = descriptor(argument(call, at));
  return value ? value->number : -1;
}

bool appended(const OpenFile& file) { return (file.access & (TL_APPEND | TL_WRITE)) == TL_APPEND; }

// Calls by which more than the end of what was opened with O_APPEND is written.
bool overwrites(std::string_view name, const Call& call) {
  const std::string_view word = argument(call, 1), flags = argument(call, name == "fcntl" ? 2 : 3);
  if (name == "fallocate") return has(word, "FALLOC_FL_") && word != "FALLOC_FL_KEEP_SIZE";
  if (name == "fcntl") return word == "F_SETFL" && !has(flags, "O_APPEND");
  return (name == "mmap" || name == "mmap2") && has(flags, "MAP_SHARED");
}

}  // namespace

std::optional<std::string> Tracee::pattern_behind(const Process& process, std::string_view argument) {
  const auto from = descriptor(argument);
  if (!from) return std::nullopt;
  if (from->path && from->path->starts_with('/') && !is_deleted(*from->path)) {
    resolved_ = true;
    const auto file = absolute(*from->path, std::nullopt);
    return file ? pattern_of(*file, process.pid) : std::nullopt;
  }
  const auto open = process.files->find(from->number);
  if (open == process.files->end() || open->second.pattern.empty()) return std::nullopt;
  return open->second.pattern;
}

bool Tracee::is_unlinked(const OpenFile& file) const {
  const auto removed = removed_.find(file.path);
  return removed != removed_.end() && removed->second > file.opened;
}

bool Tracee::is_unlinked(const Process& process, std::string_view argument) const {
  const auto from = descriptor(argument);
  const auto open = from ? process.files->find(from->number) : process.files->end();
  const bool known = open != process.files->end();
  if (known && open->second.pattern.ends_with("/{tmpfile}")) return false;  // it never had one
  return from && from->path ? is_deleted(*from->path) : known && is_unlinked(open->second);
}

uint32_t Tracee::first_name(const Process& process, const Call& call, Position position) {
  const auto source = quoted(argument(call, 1));
  if (!source) return 0;
  constexpr std::string_view kOwn = "/proc/self/fd/";
  const bool followed = source->bytes.starts_with(kOwn) && has(argument(call, 4), "AT_SYMLINK_FOLLOW");
  if (!source->bytes.empty() && !followed) return 0;
  const auto from = descriptor(followed ? std::string_view(source->bytes).substr(kOwn.size()) : argument(call, 0));
  if (from && from->path && is_deleted(*from->path)) return TL_CREATE;
  const auto open = from ? process.files->find(from->number) : process.files->end();
  if (open != process.files->end()) return open->second.pattern.ends_with("/{tmpfile}") ? TL_CREATE : 0;
  if (!from || !from->path)
    lost("links to files that are named by a descriptor whose opening is not in the log",
         "add 'create' to the new name if the file had none before", position);
  return 0;
}

void Tracee::descriptors(Process& process, std::string_view name, const Call& call, Position position) {
  by_descriptor(process, name, call, position);
  table(process, name, call);
}

void Tracee::by_descriptor(Process& process, std::string_view name, const Call& call, Position position) {
  for (const FileAct& act : kFileActs) {
    if (act.call != name || !has(argument(call, 1), act.command)) continue;
    if (const auto pattern = pattern_behind(process, argument(call, 0)))
      grant_pattern(process, *pattern, act.access, position);
    else
      lost("files that are changed by a descriptor whose name is not known", "record with strace -y", position);
  }
  if (!overwrites(name, call)) return;
  const size_t at = name.starts_with("mmap") ? 4 : 0;
  const auto open = process.files->find(number(call, at));
  if (open == process.files->end() || !appended(open->second)) return;
  open->second.access = static_cast<ir::AccessSet>(open->second.access | TL_WRITE);
  if (const auto pattern = pattern_behind(process, argument(call, at)))
    grant_pattern(process, *pattern, TL_WRITE, position);
}

void Tracee::table(Process& process, std::string_view name, const Call& call) {
  const bool range = name == "close_range";
  const std::string_view last = call.arguments.empty() ? std::string_view() : call.arguments.back();
  if ((name == "unshare" && has(argument(call, 0), "CLONE_FILES")) || (range && has(last, "CLOSE_RANGE_UNSHARE")))
    process.files = std::make_shared<Files>(*process.files);
  Files& files = *process.files;
  if (name == "close") files.erase(number(call, 0));
  if (range) {
    const int64_t first = number(call, 0);
    int64_t end = INT64_MAX;  // "~0U" as well
    if (const auto last_number = descriptor(argument(call, 1))) end = std::max(first, last_number->number);
    const auto from = files.lower_bound(first), to = files.upper_bound(end);
    if (!has(last, "CLOSE_RANGE_CLOEXEC"))
      files.erase(from, to);
    else
      std::for_each(from, to, [](auto& file) { file.second.close_on_exec = true; });
  }
  if (std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers)) files.erase(*call.result);
  if (name == "dup" || name == "dup3" || (name == "dup2" && number(call, 0) != *call.result) ||
      (name == "fcntl" && has(argument(call, 1), "F_DUPFD"))) {
    const auto from = files.find(number(call, 0));
    if (from == files.end()) {
      files.erase(*call.result);
    } else {
      OpenFile copy = from->second;
      copy.close_on_exec = has(last, "O_CLOEXEC") || has(argument(call, 1), "F_DUPFD_CLOEXEC");
      files[*call.result] = std::move(copy);
    }
  }
  const bool set = name == "fcntl" && argument(call, 1) == "F_SETFD";
  if (set || (name == "ioctl" && (argument(call, 1) == "FIOCLEX" || argument(call, 1) == "FIONCLEX")))
    if (const auto of = files.find(number(call, 0)); of != files.end())
      of->second.close_on_exec = set ? has(last, "FD_CLOEXEC") : argument(call, 1) == "FIOCLEX";
  if (name != "pipe" && name != "pipe2" && name != "socketpair") return;
  const std::string_view pair = argument(call, name == "socketpair" ? 3 : 0);
  const bool close = std::any_of(call.arguments.begin(), call.arguments.end(),
                                 [](std::string_view word) { return has(word, "CLOEXEC"); });
  size_t start = 1;
  for (int end = 0; end < 2 && start < pair.size(); ++end) {
    const auto made_number = descriptor(pair.substr(start));
    const size_t comma = pair.find(", ", start);
    start = comma == std::string_view::npos ? pair.size() : comma + 2;
    if (!made_number || made_number->number < 0) continue;
    OpenFile made;
    made.pattern = name == "socketpair" ? "{socket}" : "{pipe}";
    made.access = TL_READ | TL_WRITE;
    made.close_on_exec = close;
    files[made_number->number] = std::move(made);
  }
}

}  // namespace treeline::import_
