// SPDX-License-Identifier: Apache-2.0
//
// Names at the border of what a path may be, and names that a text of them has to escape. What lies where: scene.py.
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <sstream>

#include "tests/victims/scene.h"

namespace victim {
namespace {

// No system call takes a name of more than 4,095 bytes: directory by directory.
void by_steps(const Scene& s) {
  const std::string path = s.argument(1);
  if (path.size() != static_cast<size_t>(s.number(0))) return tell(false, "a path of another length");
  std::istringstream components(path.substr(1));
  std::string component, next;
  int at = open("/", O_PATH | O_CLOEXEC);
  std::getline(components, component, '/');
  for (; std::getline(components, next, '/'); component = next) {
    const int below = openat(at, component.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (below < 0) return tell(false, "a directory");
    close(at);
    at = below;
  }
  const int fd = openat(at, component.c_str(), O_RDONLY);
  tell(fd >= 0 && reads_fd(fd), "a file whose path has " + s.argument(0) + " bytes");
}

void odd_name(const Scene& s) {
  static const std::map<std::string, std::string> kNames{{"newline", "new\nline"}, {"byte", "\xff\xfe"}, {"space", " "}, {"deleted", "gone (deleted)"}};
  tell(reads(s.file(s.argument(1) + "/" + kNames.at(s.argument(0)))), "a file with an odd name: " + s.argument(0));
}

}  // namespace

std::vector<Act> odd_name_acts() {
  return {{"by-steps", "SIZE PATH: reads a file whose path has so many bytes", by_steps},
          {"odd-name", "KIND DIRECTORY: reads a file whose name is odd", odd_name}};
}

}  // namespace victim
