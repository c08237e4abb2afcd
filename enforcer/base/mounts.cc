// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/mounts.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "policy-compiler/support/text.h"

namespace treeline {
namespace {

std::string without_slash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

// Spaces and the like are written as three octal digits.
std::string unescaped(std::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    const auto octal = [&](size_t at) { return at < field.size() && field[at] >= '0' && field[at] <= '7'; };
    if (field[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

}  // namespace

uint64_t kernel_device(uint32_t major, uint32_t minor) { return (uint64_t{major} << 20) | minor; }

std::vector<Mount> parse_mountinfo(const std::string& text) {
  std::vector<Mount> mounts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    int id = 0, parent = 0;
    uint32_t high = 0, low = 0;
    char colon = 0;
    std::string root, point;
    if (fields >> id >> parent >> high >> colon >> low >> root >> point && colon == ':')
      mounts.push_back({id, kernel_device(high, low), without_slash(unescaped(root)), without_slash(unescaped(point))});
  }
  return mounts;
}

const Mount* find_mount(const std::vector<Mount>& mounts, int id) {
  const auto found = std::find_if(mounts.begin(), mounts.end(), [id](const Mount& mount) { return mount.id == id; });
  return found == mounts.end() ? nullptr : &*found;
}

uint64_t device_of_mount(const std::vector<Mount>& mounts, int id) {
  const Mount* mount = find_mount(mounts, id);
  return mount ? mount->device : 0;
}

ProcView parse_proc_view(const std::string& mountinfo) {
  ProcView view;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.find(" - proc ");
    std::istringstream before(line.substr(0, end));
    std::string skipped, point;
    for (int i = 0; i < 4; ++i) before >> skipped;
    if (end == std::string::npos || !(before >> point) || point != "/proc") continue;
    view = {};  // the last one covers the others
    std::string options = line.substr(line.rfind(' ') + 1);
    std::replace(options.begin(), options.end(), ',', ' ');
    std::istringstream words(options);
    for (std::string word; words >> word;) {
      if (word == "hidepid=1" || word == "hidepid=2" || word == "hidepid=noaccess" || word == "hidepid=invisible") view.hides = true;
      if (word == "hidepid=4" || word == "hidepid=ptraceable") view.hides = view.only_traceable = true;
      if (word.rfind("gid=", 0) == 0) view.group = static_cast<uint32_t>(text::decimal(word.substr(4), UINT32_MAX).value_or(0));
    }
  }
  return view;
}

FdInfo parse_fdinfo(const std::string& text) {
  FdInfo info;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream field(line);
    std::string key;
    uint64_t value = 0;
    if (!(field >> key >> value)) continue;
    if (key == "mnt_id:") info.mount_id = static_cast<int>(value);
    else if (key == "ino:") info.inode = value;
  }
  return info;
}

}  // namespace treeline
