// SPDX-License-Identifier: Apache-2.0
//
// A file that loses its name between the lookup and the question, as it does when somebody renames over it: held here without an open
// (O_PATH), which makes the race certain. It may be opened as its last name says; executed it may not be.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "tests/victims/scene.h"

namespace victim {
namespace {

std::string by_descriptor(const std::string& path) { return "/proc/self/fd/" + std::to_string(open(path.c_str(), O_PATH | O_CLOEXEC)); }

void replaced(const Scene& s) {
  const std::string old = s.file("out/old"), fresh = s.file("out/fresh");
  if (!writes(old, O_CREAT) || !writes(fresh, O_CREAT)) return tell(false, "two files");
  const std::string held = by_descriptor(old);
  if (rename(fresh.c_str(), old.c_str()) != 0) return tell(false, "rename");
  tell(reads(held) && writes(held, O_TRUNC) && truncate(held.c_str(), 0) == 0, "a file that was renamed over, read, written and truncated");
}

void removed(const Scene& s) {
  const std::string path = s.file("out/gone");
  if (!writes(path, O_CREAT)) return tell(false, "a file");
  const std::string held = by_descriptor(path);
  if (unlink(path.c_str()) != 0) return tell(false, "unlink");
  tell(reads(held) && writes(held), "a file without a name, read and written");
}

void more_than_its_name(const Scene& s) {
  const std::string path = s.file("drop/letter");
  if (!writes(path, O_CREAT)) return tell(false, "a letter");
  const std::string held = by_descriptor(path);
  if (unlink(path.c_str()) != 0) return tell(false, "unlink");
  tell(reads(held), "a file read that had to be written only");
}

// It is called as a file without a name is, but for the number.
void called_like_unnamed(const Scene& s) {
  const std::string path = s.file("drop/#letter");
  if (!writes(path, O_CREAT)) return tell(false, "a letter");
  const std::string held = by_descriptor(path);
  if (unlink(path.c_str()) != 0) return tell(false, "unlink");
  tell(reads(held), "a file read that only unnamed ones of its directory may be");
}

void executed(const Scene& s) {
  const std::string path = s.file("out/tiny");
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  const bool written = write(fd, kTiny, kTinySize) == static_cast<ssize_t>(kTinySize);
  close(fd);
  const std::string held = by_descriptor(path);
  if (!written || unlink(path.c_str()) != 0) return tell(false, "a program");
  tell(exits_with(kTinyStatus, [&] { execl(held.c_str(), "tiny", nullptr); }), "a file without a name, executed");
}

}  // namespace

std::vector<Act> nameless_acts() {
  return {{"nameless-replaced", "opens what was renamed over, as it may by its last name", replaced},
          {"nameless-removed", "opens what was removed, as it may by its last name", removed},
          {"nameless-more", "opens what was removed for more than its last name allowed", more_than_its_name},
          {"nameless-hash", "likewise, with a name that begins like an unnamed file's", called_like_unnamed},
          {"nameless-exec", "executes what lost its name", executed}};
}

}  // namespace victim
