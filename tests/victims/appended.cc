// SPDX-License-Identifier: Apache-2.0
//
// A file that may be appended to and not written: changing what is in it already.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/scene.h"

namespace victim {
namespace {

constexpr int kPunchHole = 0x02, kKeepSize = 0x01, kZeroRange = 0x10;  // linux/falloc.h
constexpr unsigned long kUnreserve = 0x40305829;                       // FS_IOC_UNRESVSP, with a struct space_resv
constexpr int kNoAppend = 0x20;                                        // linux/fs.h: RWF_NOAPPEND, 6.9

int log_of(const Scene& s, int access) { return open(s.file("log").c_str(), access | O_APPEND | O_CLOEXEC); }

// The effect is what a reader finds: the first byte is 'l' as long as nobody wrote there.
void told(const Scene& s, const char* how) {
  char byte = 0;
  const int error = errno, fd = open(s.file("log").c_str(), O_RDONLY | O_CLOEXEC);
  const bool changed = fd >= 0 && pread(fd, &byte, 1, 0) == 1 && byte != 'l';
  close(fd);
  errno = error;
  tell(changed, how);
}

void by_flag(const Scene& s) {
  const int fd = log_of(s, O_WRONLY);
  if (fcntl(fd, F_SETFL, 0) == 0) (void)!pwrite(fd, "X", 1, 0);
  told(s, "the log written after F_SETFL without O_APPEND");
}

void by_mapping(const Scene& s) {
  void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, log_of(s, O_RDWR), 0);
  if (at != MAP_FAILED) *static_cast<volatile char*>(at) = 'X';
  told(s, "the log written by a shared mapping");
}

void by_protection(const Scene& s) {
  void* at = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, log_of(s, O_RDWR), 0);
  if (at != MAP_FAILED && mprotect(at, 4096, PROT_READ | PROT_WRITE) == 0) *static_cast<volatile char*>(at) = 'X';
  told(s, "the log written by a shared mapping made writable");
}

// Which of the two a file system has differs; without either there is no effect to forbid.
void by_hole(const Scene& s) {
  const int fd = log_of(s, O_WRONLY);
  if (fallocate(fd, kPunchHole | kKeepSize, 0, 4096) != 0) (void)!fallocate(fd, kZeroRange | kKeepSize, 0, 4096);
  told(s, "the log's beginning erased by fallocate");
}

void by_ioctl(const Scene& s) {
  struct {
    short type = 0, whence = 0;
    long long start = 0, length = 4096;
    int system = 0;
    unsigned process = 0;
    int padding[4]{};
  } range;
  (void)!ioctl(log_of(s, O_WRONLY), kUnreserve, &range);
  told(s, "the log's beginning erased by FS_IOC_UNRESVSP");
}

// From 6.7 on a shared mapping that may only read is enough.
void by_advice(const Scene& s) {
  void* at = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, log_of(s, O_RDWR), 0);
  if (at != MAP_FAILED) (void)!madvise(at, 4096, MADV_REMOVE);
  told(s, "the log's beginning erased by MADV_REMOVE");
}

void by_vector(const Scene& s) {
  iovec piece = {const_cast<char*>("X"), 1};
  (void)!syscall(SYS_pwritev2, log_of(s, O_WRONLY), &piece, 1, 0L, 0L, kNoAppend);
  told(s, "the log written by pwritev2 with RWF_NOAPPEND");
}

void by_truncation(const Scene& s) {
  const int fd = log_of(s, O_WRONLY);
  (void)!ftruncate(fd, 0);
  const int error = errno;
  const off_t left = lseek(fd, 0, SEEK_END);
  errno = error;
  tell(left == 0, "the log emptied by ftruncate");
}

void allowed(const Scene& s) {
  const int fd = log_of(s, O_WRONLY);
  const bool good = write(fd, "X", 1) == 1 && fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) == 0 && fallocate(fd, kKeepSize, 0, 8192) == 0 && write(fd, "X", 1) == 1;
  const int reader = open(s.file("log").c_str(), O_RDONLY | O_CLOEXEC);
  tell(good && mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED, "the log appended to, made larger, mapped privately");
}

}  // namespace

std::vector<Act> appended_acts() {
  return {{"append-flag", "appends without O_APPEND, by F_SETFL", by_flag},
          {"append-map", "writes what it may append to by a shared mapping", by_mapping},
          {"append-protect", "the same, made writable later", by_protection},
          {"append-hole", "erases what it may append to, by fallocate", by_hole},
          {"append-ioctl", "the same, by FS_IOC_UNRESVSP", by_ioctl},
          {"append-advice", "the same, by MADV_REMOVE of a mapping to read", by_advice},
          {"append-vector", "writes what it may append to, by RWF_NOAPPEND", by_vector},
          {"append-truncate", "empties what it may append to", by_truncation},
          {"append-allowed", "appends where it may", allowed}};
}

}  // namespace victim
