// SPDX-License-Identifier: Apache-2.0
#include "enforcer/recorder/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"

namespace treeline::recorder {
namespace {

constexpr std::string_view kEnd = ".jsonl";

}  // namespace

Result<std::vector<std::string>> spooled(const std::string& directory) {
  std::vector<std::string> files;
  Result<std::vector<std::string>> names = names_in(directory);
  if (!names && names.error().code == ENOENT) return files;
  if (!names) return names;
  for (const std::string& name : *names)
    if (name.size() > kEnd.size() && name.compare(name.size() - kEnd.size(), kEnd.size(), kEnd) == 0) files.push_back(directory + "/" + name);
  return files;
}

Result<void> spool(const std::string& directory, const std::vector<std::string>& lines) {
  if (Result<void> made = make_directories(directory, 0700); !made) return made;
  Result<std::vector<std::string>> waiting = spooled(directory);
  if (!waiting) return waiting.error();
  if (waiting->size() >= kMaxTraces)
    return Error{std::to_string(kMaxTraces) + " traces wait in " + directory + " already; collect them: treeline learn stop " + directory.substr(directory.rfind('/') + 1), ENOSPC};
  const std::string path = directory + "/" + std::to_string(unix_ns()) + std::string(kEnd);
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(fd < 0 ? nullptr : fdopen(fd, "w"), std::fclose);
  if (!file) return system_error("cannot make a file in " + directory, errno);
  bool written = true;
  for (const std::string& line : lines) written = written && std::fwrite(line.data(), 1, line.size(), file.get()) == line.size() && std::fputc('\n', file.get()) != EOF;
  written = written && std::fflush(file.get()) == 0 && fsync(fd) == 0 && rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return flush_directory_of(path);
  Error error = system_error("cannot write " + path, errno);
  unlink(temporary.c_str());
  return error;
}

bool read_lines(const std::string& path, const std::function<void(const std::string& line)>& use) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return false;
  char* line = nullptr;
  size_t room = 0;
  for (ssize_t length; (length = getline(&line, &room, file.get())) > 0;) {
    if (line[length - 1] == '\n') --length;
    use(std::string(line, static_cast<size_t>(length)));
  }
  std::free(line);
  return std::feof(file.get()) && !std::ferror(file.get());
}

}  // namespace treeline::recorder
