// SPDX-License-Identifier: Apache-2.0
//
// Code that is made at run time: each act runs it, for a mapping that cannot be run is no effect.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/victims/scene.h"

namespace victim {
namespace {

constexpr size_t kPage = 4096;
const unsigned char kCode[] = {0xb8, kTinyStatus, 0, 0, 0, 0xc3};  // mov eax,42; ret

bool runs(void* page) {
  int (*code)() = nullptr;
  std::memcpy(&code, &page, sizeof(code));
  return code() == kTinyStatus;
}

void map_all(const Scene&) {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  std::memcpy(page, kCode, sizeof(kCode));
  tell(runs(page), "code in memory mapped writable and executable");
}

void protect(int protection, const char* detail) {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  std::memcpy(page, kCode, sizeof(kCode));
  if (mprotect(page, kPage, protection) != 0) return tell(false, "mprotect");
  tell(runs(page), detail);
}
void protect_all(const Scene&) { protect(PROT_READ | PROT_WRITE | PROT_EXEC, "code in memory made writable and executable"); }
void protect_written(const Scene&) { protect(PROT_READ | PROT_EXEC, "code in memory written, then made executable"); }

// The heap of a process whose readable memory is to be executable. No allocation in between: that would be a mapping.
void heap(const Scene&) {
  const int before = personality(0xffffffff);
  const bool set = before != -1 && personality(static_cast<unsigned long>(before) | READ_IMPLIES_EXEC) != -1 &&
                   (personality(0xffffffff) & READ_IMPLIES_EXEC) != 0;
  if (!set) return tell(false, "personality");
  const long end = (syscall(SYS_brk, 0L) + 4095) & ~4095L;
  if (syscall(SYS_brk, end + 4096) < end + 4096) return tell(false, "brk");
  void* page = nullptr;
  std::memcpy(&page, &end, sizeof page);
  std::memcpy(page, kCode, sizeof(kCode));
  tell(runs(page), "code in the heap");
}
void ask_personality(const Scene&) { tell(personality(0xffffffff) != -1 && personality(ADDR_NO_RANDOMIZE) != -1, "its personality read, and set to one without executable memory"); }

void share(const Scene&) {
  const int id = shmget(IPC_PRIVATE, kPage, 0600);
  if (id < 0) return tell(false, "shmget");
  void* memory = shmat(id, nullptr, 0);
  const int error = errno;
  shmctl(id, IPC_RMID, nullptr);
  errno = error;
  if (memory == reinterpret_cast<void*>(-1)) return tell(false, "shmat");
  *static_cast<volatile char*>(memory) = 'X';
  tell(true, "a System V segment written");
}

// What a JIT does that shares its code with its children.
void share_code(const Scene&) {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  std::memcpy(page, kCode, sizeof(kCode));
  if (mprotect(page, kPage, PROT_READ | PROT_EXEC) != 0) return tell(false, "mprotect");
  tell(runs(page), "code in shared anonymous memory");
}

void map_file(const Scene& s, bool later) {
  const std::string path = s.file("out/code");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (fd < 0 || write(fd, kCode, sizeof(kCode)) != static_cast<ssize_t>(sizeof(kCode))) return tell(false, "writing the file");
  void* page = mmap(nullptr, kPage, later ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  if (later && mprotect(page, kPage, PROT_READ | PROT_EXEC) != 0) return tell(false, "mprotect");
  tell(runs(page), "code in a file it wrote");
}
void map_written(const Scene& s) { map_file(s, false); }
void protect_file(const Scene& s) { map_file(s, true); }

// A program and a library that have a second name where the victim may write (hard links that were there before).
bool overwrite(const std::string& path, const void* bytes, size_t size) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write(fd, bytes, size) == static_cast<ssize_t>(size) && close(fd) == 0;
}

void map_library(const Scene& s, bool later, const char* detail) {
  const int fd = open(s.file("lib/code").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return tell(false, "the library");
  void* page = mmap(nullptr, kPage, later ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  if (later && mprotect(page, kPage, PROT_READ | PROT_EXEC) != 0) return tell(false, "mprotect");
  tell(runs(page), detail);
}

void map_clean(const Scene& s) { map_library(s, false, "code in a library"); }
void map_twin(const Scene& s) {
  if (!overwrite(s.file("out/code-twin"), kCode, sizeof(kCode))) return tell(false, "writing its other name");
  map_library(s, false, "code in a library that it wrote by another name");
}
void protect_twin(const Scene& s) {
  if (!overwrite(s.file("out/code-twin"), kCode, sizeof(kCode))) return tell(false, "writing its other name");
  map_library(s, true, "code in a library that it wrote by another name, made executable later");
}
void map_open(const Scene& s) {
  if (open(s.file("out/code-twin").c_str(), O_RDWR | O_CLOEXEC) < 0) return tell(false, "opening its other name");
  map_library(s, false, "code in a library that is open for writing by another name");
}
void exec_twin(const Scene& s) {
  if (!overwrite(s.file("out/tool-twin"), kTiny, kTinySize)) return tell(false, "writing its other name");
  const std::string path = s.file("lib/tool");
  tell(exits_with(kTinyStatus, [&] { execl(path.c_str(), path.c_str(), nullptr); }), "a program that it wrote by another name");
}

// By another name of the same file, and not by write(2).
void map_mapped(const Scene& s) {
  const int fd = open(s.file("out/code-twin").c_str(), O_RDWR | O_CLOEXEC);
  void* page = fd < 0 ? MAP_FAILED : mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return tell(false, "its other name");
  std::memcpy(page, kCode, sizeof(kCode));
  munmap(page, kPage);
  close(fd);
  map_library(s, false, "code in a library that it wrote through a mapping of its other name");
}

void protect_stack(const Scene&) {
  alignas(kPage) unsigned char page[kPage];
  std::memcpy(page, kCode, sizeof(kCode));
  if (mprotect(page, kPage, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return tell(false, "mprotect");
  tell(runs(page), "code on the stack");
}
void protect_with_key(const Scene&) {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  std::memcpy(page, kCode, sizeof(kCode));
  if (syscall(SYS_pkey_mprotect, page, kPage, PROT_READ | PROT_EXEC, -1) != 0) return tell(false, "pkey_mprotect");
  tell(runs(page), "code in memory written, then made executable by pkey_mprotect");
}
void map_memfd(const Scene&) {
  const int fd = memfd_create("code", MFD_CLOEXEC);
  if (fd < 0 || write(fd, kCode, sizeof(kCode)) != static_cast<ssize_t>(sizeof(kCode))) return tell(false, "memfd_create");
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (page == MAP_FAILED) return tell(false, "mmap");
  tell(runs(page), "code in a memfd");
}

// A segment that it may read and write, attached a second time to be executed.
void segment_code(const Scene&) {
  const int id = shmget(IPC_PRIVATE, kPage, 0700);
  void* writing = shmat(id, nullptr, 0);
  if (writing == reinterpret_cast<void*>(-1)) return tell(false, "shmat");
  std::memcpy(writing, kCode, sizeof(kCode));
  shmdt(writing);
  void* code = shmat(id, nullptr, SHM_RDONLY | SHM_EXEC);
  const int error = errno;
  shmctl(id, IPC_RMID, nullptr);
  errno = error;
  if (code == reinterpret_cast<void*>(-1)) return tell(false, "shmat with SHM_EXEC");
  tell(runs(code), "code in a System V segment");
}

}  // namespace

std::vector<Act> memory_acts() {
  return {{"map-rwx", "mmap with PROT_WRITE and PROT_EXEC", map_all},
          {"protect-rwx", "mprotect to PROT_WRITE and PROT_EXEC", protect_all},
          {"protect-written", "mprotect of written memory to PROT_EXEC", protect_written},
          {"heap", "code in the heap, by READ_IMPLIES_EXEC", heap},
          {"personality", "asks for its personality and sets a harmless one", ask_personality},
          {"segment", "a System V shared memory segment", share},
          {"shared-code", "mprotect of written shared memory to PROT_EXEC", share_code},
          {"map-written", "mmap PROT_EXEC of a file it wrote", map_written},
          {"protect-file", "mmap of a file it wrote, mprotect to PROT_EXEC later", protect_file},
          {"map-clean", "mmap PROT_EXEC of a library", map_clean},
          {"map-twin", "the same of one that it wrote by a hard link", map_twin},
          {"protect-twin", "likewise, mprotect to PROT_EXEC later", protect_twin},
          {"map-open", "mmap PROT_EXEC of what is open for writing", map_open},
          {"map-mapped", "the same of one that it wrote through a shared mapping", map_mapped},
          {"protect-stack", "mprotect of the stack to PROT_EXEC", protect_stack},
          {"protect-with-key", "pkey_mprotect of written memory to PROT_EXEC", protect_with_key},
          {"map-memfd", "mmap PROT_EXEC of a memfd", map_memfd},
          {"segment-code", "a System V segment, attached again with SHM_EXEC", segment_code},
          {"exec-twin", "exec of what it wrote by a hard link", exec_twin}};
}

}  // namespace victim
