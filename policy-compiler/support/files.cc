// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "policy-compiler/support/text.h"

namespace treeline::files {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Error failed(std::string_view verb, const std::string& path, int code, std::string_view remedy) {
  std::string message = "cannot " + std::string(verb) + " " + text::quoted(path, 4096) + ": " + std::strerror(code);
  if (!remedy.empty()) message += "; " + std::string(remedy);
  return Error{std::move(message), code};
}

Result<std::string> read_all(int fd, const std::string& path, uint64_t most) {
  std::string bytes;
  std::string buffer(256 * 1024, '\0');
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path, errno, errno == EISDIR ? "name a file, not a directory" : "");
    if (got == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(got) > most)
      return failed("read", path, EFBIG, "at most " + std::to_string(most) + " bytes are taken");
    bytes.append(buffer, 0, static_cast<size_t>(got));
  }
}

Result<std::string> read_file(const std::string& path, uint64_t most) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", most);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return failed("open", path, errno, errno == ENOENT ? "check the name" : "");
  return read_all(fd.get(), path, most);
}

Result<std::string> read_regular_at(int dir, const std::string& name, const std::string& path, uint64_t most) {
  // O_NONBLOCK: a fifo in the place of the file must not hold us up before fstat says what it is.
  const Fd fd(openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) return failed("open", path, errno, errno == ELOOP ? "it is a link, a regular file belongs here" : "");
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return failed("examine", path, errno);
  if (!S_ISREG(status.st_mode)) return failed("read", path, EINVAL, "it is not a regular file");
  return read_all(fd.get(), path, most);
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<void> create_at(int dir, const std::string& name, std::string_view bytes, const std::string& path) {
  const Fd fd(openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return failed("create", path, errno);
  if (Result<void> written = write_all(fd.get(), bytes, path); !written) return written;
  if (fsync(fd.get()) != 0) return failed("flush", path, errno);
  return {};
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  if (path == "-") return write_all(STDOUT_FILENO, bytes, "standard output");
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return failed("open", path, errno, errno == EISDIR ? "name a file, not a directory" : "");
    return write_all(fd.get(), bytes, path);
  }
  std::string target = path;
  if (lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
    const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
    if (!real) return failed("follow", path, errno, "it is a link; name the file itself");
    target = real.get();
  }
  std::string aside = target + ".XXXXXX";
  Fd fd(mkostemp(aside.data(), O_CLOEXEC));
  if (!fd) return failed("create", path, errno, errno == ENOENT ? "its directory does not exist" : "");
  const auto undo = [&](Error error) {
    unlink(aside.c_str());
    return error;
  };
  const mode_t mask = umask(0);
  umask(mask);
  if (Result<void> written = write_all(fd.get(), bytes, path); !written) return undo(written.error());
  if (fchmod(fd.get(), 0666 & ~mask) != 0 || fsync(fd.get()) != 0) return undo(failed("flush", path, errno));
  if (rename(aside.c_str(), target.c_str()) != 0) return undo(failed("rename onto", path, errno));
  return {};
}

}  // namespace treeline::files
