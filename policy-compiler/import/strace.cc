// SPDX-License-Identifier: Apache-2.0
//
// A log of strace -f: the lines of each process in order, whole calls only, those that succeeded. Which call means
// which right: strace_acts.cc.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "policy-compiler/import/readers.h"
#include "policy-compiler/import/strace_acts.h"
#include "policy-compiler/import/strace_line.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMaxProcesses = 100'000;
constexpr size_t kMaxCopied = 5'000'000;  // open files that children got from their parents
constexpr size_t kMaxWaiting = 500'000;   // lines of processes whose parent has not been seen yet

struct Place {
  std::string_view text;
  uint32_t line = 0;
};

bool starts_process(std::string_view call) {
  return call == "clone" || call == "clone3" || call == "fork" || call == "vfork";
}

class Log {
 public:
  Log(Tracee& tracee, Diagnostics& diagnostics) : tracee_(tracee), diagnostics_(diagnostics) {}

  bool line(std::string_view text, uint32_t number) {
    const Line line = read_line(text);
    if (line.attached != 0) attached_.insert(line.attached);
    if (line.kind == Line::Kind::kOther) unreadable(number);
    if (line.kind == Line::Kind::kOther || line.kind == Line::Kind::kNothing || line.kind == Line::Kind::kAttached)
      return true;
    if (processes_.empty() && line.kind != Line::Kind::kExited) {
      first_ = line.pid;
      processes_[first_] = std::make_shared<Process>();
      processes_[first_]->pid = first_;
      processes_[first_]->threads->insert(first_);
    }
    const uint32_t pid = known(line);
    if (processes_.count(pid) == 0) {
      if (waiting_count_ >= kMaxWaiting) {
        diagnostics_.error(
            {number, 1}, "import-limit",
            "more than " + std::to_string(kMaxWaiting) + " lines of processes whose start is not in the log",
            "record with strace -f from the start of the program");
        return false;
      }
      ++waiting_count_;
      waiting_[pid].push_back({text, number});
      return true;
    }
    return of_process(pid, line, number);
  }

  void finish() {
    size_t lines = 0;
    uint32_t first = 0;
    for (const auto& [pid, places] : waiting_) {
      lines += places.size();
      if (first == 0 || places.front().line < first) first = places.front().line;
    }
    if (lines != 0)
      diagnostics_.warning({first, 1}, "not-carried",
                           std::to_string(lines) + " lines of " + std::to_string(waiting_.size()) +
                               " processes whose start is not in the log",
                           "record with strace -f from the start of the program");
    if (unread_ != 0)
      diagnostics_.warning({first_unread_, 1}, "not-carried",
                           std::to_string(unread_) + (unread_ == 1 ? " line" : " lines") +
                               " could not be read, the first is line " + std::to_string(first_unread_),
                           "record with strace -f -y -o FILE, so that nothing else is written between its lines");
    size_t open = pending_.size();
    uint32_t begun = 0;
    for (const auto& [pid, call] : pending_)
      if (begun == 0 || call.line < begun) begun = call.line;
    if (open != 0)
      diagnostics_.note({begun, 1}, "import-question", std::to_string(open) + " calls have no end in the log",
                        "look whether the log was cut");
  }

 private:
  void unreadable(uint32_t number) {
    if (unread_++ == 0 || number < first_unread_) first_unread_ = number;
  }

  // Without -o, strace prints no number while there is one process: the first one gets its number later. A number that
  // nobody returned is that, unless it may be a child whose parent has not returned yet. Nor does it print the number
  // of the last one that is left: of several that the log leaves alive, it may be any.
  uint32_t known(const Line& line) {
    const uint32_t pid = line.pid;
    if (first_ == 0 && pid == 0 && first_exited_ && processes_.size() == 2 && waiting_.empty())
      return processes_.rbegin()->first;
    if (first_ != 0 || pid == 0) return pid;
    if (first_number_ == 0 && processes_.count(pid) == 0 && attached_.count(pid) == 0) {
      const auto first = pending_.find(0);
      const bool resumes =
          line.kind == Line::Kind::kResumed && first != pending_.end() && first->second.name == line.name;
      const bool starting = std::any_of(pending_.begin(), pending_.end(),
                                        [](const auto& call) { return starts_process(call.second.name); });
      if (resumes || (!starting && first == pending_.end() && waiting_.count(pid) == 0)) first_number_ = pid;
    }
    return pid == first_number_ ? 0 : pid;
  }

  bool of_process(uint32_t pid, const Line& line, uint32_t number) {
    switch (line.kind) {
      case Line::Kind::kUnfinished:
        begins(pid, number);
        tracee_.note_call(*processes_[pid], line.name, {number, 1});  // it may never end
        pending_[pid] = {std::string(line.rest), std::string(line.name), number, 0};
        if (line.other != 0) take_over(pid, line.other);
        return true;
      case Line::Kind::kSuperseded:
        superseded(pid, line.other, number);
        return true;
      case Line::Kind::kResumed: {
        tracee_.note_call(*processes_[pid], line.name, {number, 1});
        const auto begun = pending_.find(pid);
        const bool whole_call = begun != pending_.end() && begun->second.name == line.name;
        if (!whole_call || begun->second.thread != 0) {
          const Call end = read_call(line.rest);
          if (end.endless) return true;  // what it was in when its thread executed, or when it died
          if (!whole_call) {
            diagnostics_.note({number, 1}, "narrower", "the end of a call whose begin is not in the log",
                              "record from the start");
            if (executes(line.name) && (!end.complete || *end.result == 0)) tracee_.lose(*processes_[pid], {number, 1});
            return true;
          }
        }
        const std::string whole = begun->second.rest + std::string(line.rest);
        const std::string name = begun->second.name;
        const uint32_t place = begun->second.line;
        pending_.erase(begun);
        return call(pid, name, whole, place);
      }
      case Line::Kind::kCall:
        begins(pid, number);
        return call(pid, line.name, line.rest, number);
      case Line::Kind::kExited:
        pending_.erase(pid);
        if (pid == first_)
          first_exits();
        else
          exits(pid);
        return true;
      default:
        return true;
    }
  }

  // A thread's number may be another process's from here on.
  void exits(uint32_t pid) {
    const auto process = processes_.find(pid);
    if (process == processes_.end()) return;
    if (process->second->pid != pid) process->second->threads->erase(pid);
    processes_.erase(process);
  }

  // Its place is kept: lines without a number may come, and are another's.
  void first_exits() {
    first_exited_ = true;
    tracee_.leave(*processes_[first_]);
  }

  // An execve whose end the log does not show may have succeeded: what follows may be the next program's.
  void begins(uint32_t pid, uint32_t number) {
    const auto open = pending_.find(pid);
    if (open == pending_.end() || !executes(open->second.name)) return;
    pending_.erase(open);
    tracee_.lose(*processes_[pid], {number, 1});
  }

  // A thread executes: the other threads are gone, and it has the number of the process. False: it is no thread of that
  // one as far as the log shows, or does not execute.
  bool take_over(uint32_t thread, uint32_t number) {
    const auto process = processes_.find(thread);
    const auto call = pending_.find(thread);
    if (process == processes_.end() || call == pending_.end() || !executes(call->second.name)) return false;
    if (first_ == 0 && first_number_ == 0 && process->second->pid == 0) first_number_ = number;
    if (first_ == 0 && number == first_number_) number = 0;
    if (process->second->pid != number || thread == number) return false;
    call->second.thread = thread;
    pending_[number] = std::move(call->second);
    processes_[number] = std::move(process->second);
    pending_.erase(thread);
    processes_.erase(thread);
    return true;
  }

  // The line of the process whose thread executed; that of the thread may have said so, too.
  void superseded(uint32_t pid, uint32_t thread, uint32_t number) {
    const auto begun = pending_.find(pid);
    if (thread != 0 && begun != pending_.end() && begun->second.thread == thread) return;
    if (take_over(thread, pid)) return;
    pending_.erase(pid);
    tracee_.lose(*processes_[pid], {number, 1});
  }

  bool call(uint32_t pid, std::string_view name, std::string_view rest, uint32_t number) {
    const Call call = read_call(rest);
    const std::shared_ptr<Process> process = processes_[pid];
    if (call.complete || call.endless) {
      tracee_.note_call(*process, name, {number, 1});
    } else {
      unreadable(number);
      if (executes(name)) tracee_.lose(*process, {number, 1});
    }
    if (starts_process(name)) {
      if (call.complete && call.result && *call.result > 0 && *call.result <= UINT32_MAX)
        return started(*process, static_cast<uint32_t>(*call.result), rest, number);
      return true;
    }
    if (name == "exit_group" && pid == first_) first_exits();
    return tracee_.act(*process, name, call, {number, 1});
  }

  bool started(Process& parent, uint32_t pid, std::string_view flags, uint32_t number) {
    copied_ += parent.files->size();
    if (copied_ > kMaxCopied) {
      diagnostics_.error({number, 1}, "import-limit", "too many processes with too many open files",
                         "import a shorter log");
      return false;
    }
    if (processes_.size() >= kMaxProcesses) {
      diagnostics_.error({number, 1}, "import-limit",
                         "more than " + std::to_string(kMaxProcesses) + " processes at a time", "import a shorter log");
      return false;
    }
    if (flags.find("CLONE_NEWUSER") != std::string_view::npos)
      diagnostics_.warning({number, 1}, "not-carried", "a user namespace is made",
                           "add the operation 'userns' if it is needed");
    auto child = std::make_shared<Process>(parent);
    if (flags.find("CLONE_FILES") == std::string_view::npos) child->files = std::make_shared<Files>(*parent.files);
    if (flags.find("CLONE_FS") == std::string_view::npos) child->at = std::make_shared<Whereabouts>(*parent.at);
    // A thread's number names the same process below /proc.
    if (flags.find("CLONE_THREAD") == std::string_view::npos) {
      child->pid = pid;
      child->parent = parent.pid;
      child->threads = std::make_shared<std::set<int64_t>>();
    }
    child->threads->insert(pid);
    processes_[pid] = std::move(child);
    const auto queue = waiting_.find(pid);
    if (queue == waiting_.end()) return true;
    std::vector<Place> places = std::move(queue->second);
    waiting_.erase(queue);
    waiting_count_ -= places.size();
    // What it did before its parent's call returned. It may have started others, whose lines wait as well: not by
    // recursion, which a hostile log could make as deep as it is long.
    for (const Place& place : places) ready_.push_back({pid, place});
    if (draining_) return true;
    draining_ = true;
    bool good = true;
    while (good && !ready_.empty()) {
      const auto [of, place] = ready_.front();
      ready_.pop_front();
      if (processes_.count(of) != 0) good = of_process(of, read_line(place.text), place.line);
    }
    draining_ = false;
    return good;
  }

  struct Pending {
    std::string rest, name;
    uint32_t line = 0;
    uint32_t thread = 0;  // whose execve it was, where its process goes on with it
  };

  Tracee& tracee_;
  Diagnostics& diagnostics_;
  std::map<uint32_t, std::shared_ptr<Process>> processes_;
  std::map<uint32_t, Pending> pending_;
  std::map<uint32_t, std::vector<Place>> waiting_;
  std::deque<std::pair<uint32_t, Place>> ready_;
  std::set<uint32_t> attached_;
  size_t waiting_count_ = 0, copied_ = 0, unread_ = 0;
  uint32_t first_ = 0, first_number_ = 0, first_unread_ = 0;
  bool draining_ = false;
  bool first_exited_ = false;
};

}  // namespace

std::optional<ir::Policy> read_strace(const Source& source, const Options& options, Diagnostics& diagnostics) {
  Tracee tracee(options.syscalls, diagnostics);
  Log log(tracee, diagnostics);
  uint32_t number = 0;
  for (size_t at = 0; at < source.text.size();) {
    const size_t end = std::min(source.text.find('\n', at), source.text.size());
    if (!log.line(source.text.substr(at, end - at), ++number)) return std::nullopt;
    at = end + 1;
  }
  log.finish();
  return std::move(tracee).finish(options.name.empty() ? "strace" : options.name);
}

}  // namespace treeline::import_
