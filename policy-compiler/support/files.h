// SPDX-License-Identifier: Apache-2.0
//
// Files, whole: read within a limit, written so that a crash or a reader in between sees the old or the new content.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "policy-compiler/support/result.h"

namespace treeline::files {

// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

struct CloseDirectory {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// "cannot VERB 'PATH': REASON", with errno as the code.
Error failed(std::string_view verb, const std::string& path, int code, std::string_view remedy = "");

// All that can be read from `fd`; an Error (EFBIG) when it is more than `most` bytes. `path` is for messages.
Result<std::string> read_all(int fd, const std::string& path, uint64_t most);

// Opens and reads. "-" is standard input.
Result<std::string> read_file(const std::string& path, uint64_t most);

// A regular file in the directory `dir`, which must not be a link: for content that is verified afterwards.
Result<std::string> read_regular_at(int dir, const std::string& name, const std::string& path, uint64_t most);

Result<void> write_all(int fd, std::string_view bytes, const std::string& path);

// Makes `name` in `dir` (it must not exist), writes and flushes it.
Result<void> create_at(int dir, const std::string& name, std::string_view bytes, const std::string& path);

// Beside the target, flushed, renamed. "-" is standard output; a device or pipe is written in place; of a symbolic link the
// file that it leads to is written, and the link stays.
Result<void> write_file(const std::string& path, std::string_view bytes);

}  // namespace treeline::files
