// SPDX-License-Identifier: Apache-2.0
//
// What must be known of the traced processes to read their lines: who stands where in the tree, their descriptors and
// working directory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::import_ {

struct OpenFile {
  std::string pattern;  // of the language: a path, "{pipe}", "{socket}"; "": not known
  std::string path;     // of a directory that names may start from; "": none
  ir::AccessSet access = 0;
  bool close_on_exec = false;
  std::optional<ir::Protocol> protocol;  // of an internet socket
  bool datagram = false;
  size_t opened = 0;  // at which act; 0: not by a name
  bool any_port = false;  // an internet socket without a port of its own choice
};

using Files = std::map<int64_t, OpenFile>;

// What threads made with CLONE_FS have together.
struct Whereabouts {
  std::optional<std::string> directory;
  bool moved_root = false;  // by chroot, pivot_root or setns: "/" is not the container's any more
};

struct Process {
  uint32_t node = ir::kNoNode;  // none yet: it has not executed anything that the log shows
  bool lost = false;            // it executed something that has no path: what it starts has no place in the tree
  uint32_t pid = 0;
  uint32_t parent = 0;
  std::shared_ptr<std::set<int64_t>> threads = std::make_shared<std::set<int64_t>>();  // their numbers
  std::shared_ptr<Files> files = std::make_shared<Files>();
  std::shared_ptr<Whereabouts> at = std::make_shared<Whereabouts>();
};

// A name as a process gave it -> an absolute path without "." and "//". nullopt: relative to an unknown directory, or
// it holds ".." (behind a link that leads elsewhere than the text says).
std::optional<std::string> absolute(const std::string& name, const std::optional<std::string>& base);

// -y: no name that stays. Of one that looks like it and is not, too little is said, not too much.
bool is_deleted(std::string_view path);

// The pattern for exactly this path, seen by this process: /proc/self and the own number become {own}. nullopt: another
// process's directory, which only a person can name by its relation.
std::optional<std::string> pattern_of(const std::string& path, uint32_t pid);

}  // namespace treeline::import_
