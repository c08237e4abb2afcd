// SPDX-License-Identifier: Apache-2.0
//
// Names that change their place while they are asked for: the same two files lie now under one path, now under another, and the policy
// grants one of them here, the other there. Somebody without a policy moves them (tests/kernel/enforce/moves.py) and counts in a page that
// both see: odd while moving; count / 2 says how often it was moved, so its last bit says where the files lie.
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "tests/victims/scene.h"

namespace victim {
namespace {

constexpr int kSeconds = 8;
constexpr unsigned kEnough = 25;  // of each of the four cases

double seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The files by the directory that they lie in, which moves along: no name is looked up that could say where it is.
void follow(const Scene& s) {
  const int page = open(s.file("moves/count").c_str(), O_RDONLY | O_CLOEXEC);
  void* shared = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, page, 0);
  if (shared == MAP_FAILED) return tell(true, "the scene could not be read");
  const auto& count = *static_cast<const std::atomic<unsigned>*>(shared);
  const double end = seconds() + kSeconds;
  int directory = -1;
  while (directory < 0 && seconds() < end) {  // while it lies at the first place
    const unsigned before = count.load(std::memory_order_acquire);
    if (before & 3) continue;
    directory = open(s.file("moves/a/m").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (directory >= 0 && count.load(std::memory_order_relaxed) != before) {
      close(directory);
      directory = -1;
    }
  }
  const char* names[] = {"x", "y"};  // x is granted at the first place, y at the second
  unsigned decided[2][2] = {}, wrong_yes = 0, wrong_no = 0;
  for (unsigned turn = 0; seconds() < end; ++turn) {
    const unsigned file = turn & 1, before = count.load(std::memory_order_acquire);
    if (before & 1) continue;
    const int got = openat(directory, names[file], O_RDONLY | O_CLOEXEC);
    if (got >= 0) close(got);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (count.load(std::memory_order_relaxed) != before) continue;
    const unsigned place = before / 2 & 1;
    decided[place][file]++;
    if (got >= 0 && place != file) wrong_yes++;
    if (got < 0 && place == file) wrong_no++;
  }
  bool enough = true;
  for (const auto& place : decided)
    for (const unsigned n : place) enough = enough && n >= kEnough;
  std::string said = "opened " + std::to_string(wrong_yes) + " where forbidden, refused " + std::to_string(wrong_no) + " where allowed, of " +
                     std::to_string(decided[0][0] + decided[1][1]) + " allowed and " + std::to_string(decided[0][1] + decided[1][0]) + " forbidden";
  if (!enough) said += "; too few of a kind";
  errno = 0;
  tell(wrong_yes || wrong_no || !enough, said);
}

}  // namespace

std::vector<Act> moved_acts() { return {{"follow", "files whose place another process changes: yes where one answer was wrong", follow}}; }

}  // namespace victim
