// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "enforcer/base/fd.h"

namespace treeline {

Error system_error(const std::string& what, int code) { return Error{what + ": " + std::strerror(code), code}; }

std::string trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

namespace {

Result<std::string> read_all(int fd, const std::string& path, size_t limit) {
  std::string content;
  char chunk[16384];
  for (;;) {
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("cannot read " + path, errno);
    if (n == 0) return content;
    content.append(chunk, static_cast<size_t>(n));
    if (content.size() > limit) return Error{path + " is larger than " + std::to_string(limit) + " bytes", EFBIG};
  }
}

}  // namespace

Result<void> flush_directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error("cannot open " + directory, errno);
  if (fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS)  // EINVAL: a file system that has nothing to flush
    return system_error("cannot sync " + directory, errno);
  return {};
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("cannot open " + path, errno);
  return read_all(fd.get(), path, limit);
}

Result<std::string> read_guarded_file(const std::string& path, size_t limit) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error("cannot open " + path, errno);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return system_error("cannot look at " + path, errno);
  if (!S_ISREG(status.st_mode)) return Error{path + " is not a regular file", EINVAL};
  if (geteuid() == 0 && (status.st_uid != 0 || (status.st_mode & 022)))
    return Error{path + " can be written by others than root; mend it with: chown root " + path + " && chmod go-w " + path, EPERM};
  return read_all(fd.get(), path, limit);
}

std::string read_file_or_empty(const std::string& path, size_t limit) {
  Result<std::string> content = read_file(path, limit);
  return content ? *content : std::string();
}

Result<void> write_file_atomically(const std::string& path, std::string_view content, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return system_error("cannot make a temporary file beside " + path, errno);
  auto fail = [&](const char* what) {
    Error error = system_error(std::string("cannot ") + what + " " + path, errno);
    unlink(temporary.c_str());
    return error;
  };
  while (!content.empty()) {
    ssize_t n = write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("write");
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (fchmod(fd.get(), mode) != 0) return fail("set the mode of");
  if (fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) return fail("sync");
  if (rename(temporary.c_str(), path.c_str()) != 0) return fail("replace");
  return flush_directory_of(path);
}

void remove_begun(const std::string& directory) {
  constexpr std::string_view kBegun = ".json.", kRandom = "XXXXXX";
  Result<std::vector<std::string>> names = names_in(directory);
  if (!names) return;  // who needs what is there says so
  for (const std::string& name : *names)
    if (const size_t end = name.rfind(kBegun); end != std::string::npos && name.size() == end + kBegun.size() + kRandom.size()) unlink((directory + "/" + name).c_str());
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (size_t slash = 1; slash != std::string::npos;) {
    slash = path.find('/', slash);
    std::string part = path.substr(0, slash);
    if (slash != std::string::npos) ++slash;
    if (part.empty() || part.back() == '/') continue;
    if (mkdir(part.c_str(), mode) == 0) {
      if (Result<void> flushed = flush_directory_of(part); !flushed) return flushed;
      continue;
    }
    int code = errno;
    struct stat st {};
    if (stat(part.c_str(), &st) != 0) return system_error("cannot make the directory " + part, code);
    if (!S_ISDIR(st.st_mode)) return Error{part + " is not a directory", ENOTDIR};
  }
  return {};
}

Result<void> require_private_directory(const std::string& path, mode_t mode) {
  if (Result<void> made = make_directories(path, mode); !made) return made;
  struct stat st {};
  if (lstat(path.c_str(), &st) != 0) return system_error("cannot look at " + path, errno);
  if (!S_ISDIR(st.st_mode)) return Error{path + " is not a directory", ENOTDIR};
  if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
    return Error{path + " belongs to another user or others can write it; mend it with: chown root " + path + " && chmod go-w " + path,
                 EPERM};
  return {};
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
  if (!dir) return system_error("cannot look into " + directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(dir.get()))
    if (std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  if (errno != 0) return system_error("cannot look into " + directory, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> remove_flat_directory(const std::string& path) {
  DIR* dir = opendir(path.c_str());
  if (!dir) return errno == ENOENT ? Result<void>{} : Result<void>(system_error("cannot open " + path, errno));
  int failed = 0;
  while (dirent* entry = readdir(dir)) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (unlinkat(dirfd(dir), entry->d_name, 0) != 0 && errno != ENOENT) failed = errno;
  }
  closedir(dir);
  if (failed) return system_error("cannot empty " + path, failed);
  if (rmdir(path.c_str()) != 0 && errno != ENOENT) return system_error("cannot remove " + path, errno);
  return {};
}

}  // namespace treeline
