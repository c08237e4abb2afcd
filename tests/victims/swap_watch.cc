// SPDX-License-Identifier: Apache-2.0
//
// A process that stands somewhere in a tree and asks, without a pause, for what it may and what it may not, while the policy under it is
// exchanged. tests/kernel/enforce/swaps says in a shared page what can be in force, so that each answer is right or wrong, not likely.
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "tests/victims/scene.h"

namespace victim {
namespace {

// What a node may open of its files 0 (both policies), 1 and 2 (the one, the other), 9 (none) and of its neighbour's (none), by what is in force.
enum File : unsigned { kBoth, kOne, kTwo, kNone, kOthers, kFiles };
constexpr unsigned kInForce[] = {
    1u << kBoth | 1u << kOne,  // the one policy
    1u << kBoth | 1u << kTwo,  // the other
    (1u << kFiles) - 1,        // monitor
    0,                         // a policy without this node
};

/*
 * The page: a word for each depth.
 *   bits 0-3   what can be in force now, a bit for each line of kInForce; one bit: it is, and nobody changes it
 *   bits 4-7   the same of the whole phase
 *   bit 8      the phase is over: report
 *   the rest   a number, raised with each word
 * and, eight words on, the number of the last word in which nothing changed and this process asked for everything once.
 */
struct Window {
  unsigned possible;
  bool settled;
};

Window window(uint32_t before, uint32_t after) {
  unsigned possible = (before | after) & 0xf;
  if ((after >> 9) - (before >> 9) > 1) possible = ((before | after) >> 4) & 0xf;
  return {possible, before == after && (possible & (possible - 1)) == 0};
}

long milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct Counts {
  unsigned long attacks = 0, allowed = 0, escapes = 0, false_denials = 0, refused = 0;
  std::string first_wrong;
};

void look(Counts& counts, const volatile uint32_t* word, const std::string& path, unsigned file) {
  const uint32_t before = *word;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  const Window w = window(before, *word);
  unsigned must = ~0u, may = 0;
  for (unsigned state = 0; state < 4; ++state)
    if (w.possible & (1u << state)) must &= kInForce[state], may |= kInForce[state];
  const bool escaped = fd >= 0 && !(may & (1u << file)), denied = fd < 0 && (must & (1u << file));
  counts.attacks += !(may & (1u << file));
  counts.allowed += (must >> file) & 1;
  counts.refused += fd < 0;
  counts.escapes += escaped;
  counts.false_denials += denied;
  if ((escaped || denied) && counts.first_wrong.empty()) counts.first_wrong = (escaped ? " opened " : " refused ") + path + " in " + std::to_string(before);
}

// swap-watch DEPTH: goes down the tree bin/one > bin/two > bin/three to its depth, then runs a phase for each line that it is told.
void swap_watch(const Scene& s) {
  static const char* const kNodes[] = {"one", "two", "three"};
  static const char* const kNames[] = {"f0", "f1", "f2", "f9"};
  const std::string self = s.argument(1).empty() ? "1" : s.argument(1);
  const int here = std::stoi(self), depth = s.number(0);
  if (here < depth) {
    execl(s.file(std::string("bin/") + kNodes[here]).c_str(), kNodes[here], s.base.c_str(), "swap-watch", s.argument(0).c_str(),
          std::to_string(here + 1).c_str(), nullptr);
    return tell(true, "the way down is closed");
  }
  const int fd = open(s.file("page").c_str(), O_RDWR | O_CLOEXEC);
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return tell(true, "no page");
  const volatile uint32_t* word = static_cast<uint32_t*>(page) + depth - 1;
  volatile uint32_t* looked = static_cast<uint32_t*>(page) + 8 + depth - 1;
  std::string paths[kFiles];
  for (unsigned f = 0; f < kOthers; ++f) paths[f] = s.file("d" + std::to_string(depth) + "/" + kNames[f]);
  paths[kOthers] = s.file("d" + std::to_string(depth % 3 + 1) + "/f0");
  for (char go = 0; read(STDIN_FILENO, &go, 1) == 1;) {
    if (go != '\n') continue;
    Counts counts;
    const long start = milliseconds();
    while (!(*word & 0x100)) {
      const uint32_t now = *word;
      for (unsigned f : {kBoth, kNone, kOne, kOthers, kTwo, kNone, kOthers}) look(counts, word, paths[f], f);
      if (window(now, *word).settled) *looked = now >> 9;
    }
    errno = 0;
    tell(counts.escapes || counts.false_denials,
         std::to_string(counts.attacks) + " attacks " + std::to_string(counts.allowed) + " allowed " + std::to_string(counts.escapes) + " escapes " +
             std::to_string(counts.false_denials) + " denials " + std::to_string(counts.refused) + " refused " +
             std::to_string(milliseconds() - start) + " ms" + counts.first_wrong);
  }
}

}  // namespace

std::vector<Act> swap_acts() { return {{"swap-watch", "stands at a depth of a tree whose policy is exchanged: yes where one answer was wrong", swap_watch}}; }

}  // namespace victim
