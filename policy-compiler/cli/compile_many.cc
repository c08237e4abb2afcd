// SPDX-License-Identifier: Apache-2.0
//
// Many profiles in one run. Each is compiled by compile() itself, in one of a few worker processes, so that a profile
// that takes all memory takes only its worker along; what it says is collected and printed in the order of the command
// line, whichever worker was faster.
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/progress.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

using files::Fd;

struct Frame {  // from a worker, followed by `out` and `err` bytes
  uint32_t profile = 0;
  int32_t exit = 0;
  uint64_t out = 0, err = 0;
};

struct Done {
  int exit = kFailed;
  std::string out, err;
};

bool write_whole(int fd, const void* data, size_t size) {
  return files::write_all(fd, {static_cast<const char*>(data), size}, "pipe").has_value();
}

bool read_whole(int fd, void* data, size_t size) {
  for (auto* at = static_cast<char*>(data); size > 0;) {
    const ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

std::string take(int memory) {
  std::string text;
  struct stat status {};
  if (fstat(memory, &status) != 0) return text;
  text.resize(static_cast<size_t>(status.st_size));
  const ssize_t got = pread(memory, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  if (ftruncate(memory, 0) != 0 || lseek(memory, 0, SEEK_SET) != 0) text.clear();
  return text;
}

using Act = int (*)(const CompileOptions&);

// Prints the policy's name; nothing where the profile cannot be read or has none, which compile() says.
int name_of(const CompileOptions& options) {
  struct stat status {};
  if (options.profile == "-" || stat(options.profile.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return kYes;  // what can be read once is left to compile()
  const Result<std::string> text = frontend::load_text(options.profile);
  if (!text) return kFailed;
  Diagnostics unused(options.profile);
  std::fputs(frontend::read_profile(*text, unused).name.c_str(), stdout);
  return kYes;
}

// Every jobs-th profile. Never returns.
[[noreturn]] void work(Act act, const std::vector<CompileOptions>& all, uint32_t first, uint32_t jobs, int to) {
  const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
  if (out < 0 || err < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) _exit(1);
  for (uint32_t i = first; i < all.size(); i += jobs) {
    Frame frame{i, act(all[i]), 0, 0};
    std::fflush(stdout);
    const std::string said = take(out), complained = take(err);
    frame.out = said.size();
    frame.err = complained.size();
    if (!write_whole(to, &frame, sizeof frame) || !write_whole(to, said.data(), said.size()) ||
        !write_whole(to, complained.data(), complained.size()))
      _exit(1);
  }
  _exit(0);
}

Result<std::vector<CompileOptions>> plan(const CompileManyOptions& options) {
  std::vector<CompileOptions> all;
  std::map<std::string, std::string> taken;
  for (const std::string& profile : options.profiles) {
    const std::string name = std::filesystem::path(profile).stem().string() + ".bundle";
    const auto [other, fresh] = taken.emplace(name, profile);
    if (!fresh)
      return Error{text::quoted(other->second, 4096) + " and " + text::quoted(profile, 4096) + " would both become " +
                   text::quoted(name) + "; rename one, or compile them into two directories"};
    CompileOptions one = options.each;
    one.profile = profile;
    one.bundle = options.directory + "/" + name;
    // A worker says what it found as values; the documents are made of all of them.
    if (one.output.format != Format::kText) one.output = Format::kJson;
    all.push_back(std::move(one));
  }
  return all;
}

void collect(const std::vector<Fd>& pipes, std::vector<Done>& done, bool show) {
  Progress progress(done.size(), show, true);
  std::vector<pollfd> open;
  for (const Fd& pipe : pipes) open.push_back({pipe.get(), POLLIN, 0});
  while (!open.empty()) {
    if (poll(open.data(), open.size(), 1000) < 0 && errno != EINTR) break;
    for (size_t i = 0; i < open.size();) {
      Frame frame;
      if ((open[i].revents & (POLLIN | POLLHUP)) == 0) {
        ++i;
        continue;
      }
      if (!read_whole(open[i].fd, &frame, sizeof frame) || frame.profile >= done.size()) {
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));  // it has ended
        continue;
      }
      Done& d = done[frame.profile];
      d.out.resize(frame.out);
      d.err.resize(frame.err);
      if (read_whole(open[i].fd, d.out.data(), d.out.size()) && read_whole(open[i].fd, d.err.data(), d.err.size()))
        d.exit = frame.exit;
      progress.done(d.exit != kYes);
      ++i;
    }
    progress.show();
  }
  progress.show(true);
}

// `act` of each, by workers.
Result<std::vector<Done>> run(Act act, const std::vector<CompileOptions>& all, unsigned most, bool show) {
  const auto jobs = static_cast<uint32_t>(std::min<size_t>(most, all.size()));
  std::fflush(stdout);
  std::vector<Fd> pipes;
  std::vector<pid_t> workers;
  for (uint32_t i = 0; i < jobs; ++i) {
    int ends[2];
    if (pipe(ends) != 0) return files::failed("make", "a pipe", errno);
    const pid_t worker = fork();
    if (worker == 0) {
      pipes.clear();
      close(ends[0]);
      work(act, all, i, jobs, ends[1]);
    }
    close(ends[1]);
    pipes.emplace_back(ends[0]);
    if (worker < 0) return files::failed("start", "a worker", errno);
    workers.push_back(worker);
  }
  std::vector<Done> done(all.size());
  collect(pipes, done, show);
  for (const pid_t worker : workers) waitpid(worker, nullptr, 0);
  return done;
}

// A machine holds one policy of a name: of two bundles in one directory the second that is loaded would replace the first.
Result<void> one_policy_each(const std::vector<CompileOptions>& all, const std::vector<Done>& names) {
  std::map<std::string, std::string> taken;
  for (size_t i = 0; i < all.size(); ++i) {
    if (names[i].out.empty()) continue;
    const auto [other, fresh] = taken.emplace(names[i].out, all[i].profile);
    if (!fresh)
      return Error{text::quoted(other->second, 4096) + " and " + text::quoted(all[i].profile, 4096) + " are both the policy " + text::quoted(names[i].out) +
                   ", and a machine holds one of a name; give one another `name:`, or compile them into two directories"};
  }
  return {};
}

// What a worker found in its profile.
Diagnostics findings_of(const Json& result) {
  Diagnostics out(result.value("profile", ""));
  const auto found = result.find("diagnostics");
  for (const Json& d : found == result.end() ? Json::array() : *found) {
    const Position position{d.value("line", 0u), d.value("column", 0u)};
    const std::string severity = d.value("severity", "error");
    const std::string code = d.value("code", ""), message = d.value("message", ""), remedy = d.value("remedy", "");
    const Severity kind = severity == "note" ? Severity::kNote : severity == "warning" ? Severity::kWarning : Severity::kError;
    out.add({kind, code, message, remedy, out.file(), position, kind == Severity::kError ? "" : d.value("accepted", ""), d.value("risk", "")});
  }
  if (const size_t more = result.value("diagnostics_not_shown", size_t{0}); more != 0)
    out.note({}, "not-shown", std::to_string(more) + " more findings", "compile it alone to see them");
  return out;
}

}  // namespace

int compile_many(const CompileManyOptions& options) {
  Report report("compile", options.each.output);
  if (options.each.strict) report.strict();
  if (options.directory == "-") return report.usage(Error{"-o -: the bundles are put into a directory; name one"});
  const Result<std::vector<CompileOptions>> all = plan(options);
  if (!all) return report.usage(all.error());
  const Result<std::vector<Done>> names = run(name_of, *all, options.jobs, false);
  if (!names) return report.failed(names.error());
  if (Result<void> apart = one_policy_each(*all, *names); !apart) return report.usage(apart.error());
  if (mkdir(options.directory.c_str(), 0777) != 0 && errno != EEXIST)
    return report.failed(files::failed("create", options.directory, errno));
  const Result<std::vector<Done>> compiled = run(compile, *all, options.jobs, !report.document());
  if (!compiled) return report.failed(compiled.error());
  const std::vector<Done>& done = *compiled;

  int worst = kYes;
  size_t good = 0;
  Json results = Json::array();
  for (size_t i = 0; i < done.size(); ++i) {
    worst = std::max(worst, done[i].exit);
    good += done[i].exit == kYes;
    if (!report.document()) {
      std::fwrite(done[i].err.data(), 1, done[i].err.size(), stderr);
      if (done[i].exit == kFailed && done[i].err.empty())
        std::fprintf(stderr, "treelinec: error: %s was not compiled: its worker ended; compile it alone to see why\n",
                     text::printable((*all)[i].profile, 4096).c_str());
      continue;
    }
    Json result = Json::parse(done[i].out, nullptr, false);
    if (!result.is_object())
      result = {{"exit", done[i].exit}, {"error", "its worker ended; compile it alone to see why"}};
    result["profile"] = (*all)[i].profile;
    if (!report.json()) report.diagnostics(findings_of(result), "");
    results.push_back(std::move(result));
  }
  report.fields({{"profiles", done.size()}, {"compiled", good}, {"results", std::move(results)}});
  report.print(std::to_string(good) + " of " + std::to_string(done.size()) + " profiles compiled into " +
               text::printable(options.directory, 4096) + "\n");
  return report.finish(worst);
}

}  // namespace treeline::cli
