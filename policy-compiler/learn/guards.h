// SPDX-License-Identifier: Apache-2.0
//
// Which names may be folded at all. A class in a profile is a door for every name of it, so each of these is asked for
// every name, and one "no" keeps it literal:
//   executable   an executable, an interpreter, a file mapped executable, or a directory above one
//   protected    secrets and control: keys, certificates, accounts, /etc/ssh, /sys, /dev (but /dev/shm), other
//   processes' memory, a repository's hooks and configuration; a directory above one is literal for what leads to it
//   hidden       a leading dot
//   static       the image holds it, or nothing shows that it was born at
//   run time
//
// "Born at run time": some node of some trace made it (create, mkdir, mknod, link, rename to it), or made a directory
// above it, or it is not in the image given with --image and something wrote it, below it or beside it. What is only
// read in a directory that nobody writes in is a configuration volume's. The entries of the own fd and task directories
// are the kernel's.
//
// Without --image nobody knows the names beside: no class stands where images hold programs (meets_programs).
//
// A pattern is asked about once more as a whole: what it would match counts, not only what it was seen with.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy-compiler/learn/image.h"
#include "policy-compiler/learn/name_pattern.h"
#include "policy-compiler/learn/observed.h"

namespace treeline::learn {

// A name seen in fewer starts than this is not known to be another one each time.
constexpr size_t kEpisodesNeeded = 2;

class Guards {
 public:
  Guards(const Observed& observed, ImageHolds image);

  // Of the name that ends `path`, the first `depth` components of a path.
  enum class Answer { kMayFold, kExecutable, kProtected, kHidden, kStatic };
  Answer ask(const std::vector<std::string>& path, size_t depth) const;

  // An entry of /proc/{own}/fd, fdinfo, task.
  static bool is_kernel_number(const std::vector<std::string>& path, size_t depth);
  static bool is_protected(const std::vector<std::string>& path, size_t depth);
  // A class that would match a name of the protected ones, whatever names it was seen with.
  static bool meets_protected(const PathPattern& pattern);
  bool born(const std::string& path) const;
  // A class beside git's config and hooks that would match one of them.
  static bool meets_control(const PathPattern& pattern);
  bool meets_executed(const PathPattern& pattern) const;
  // Without an image: a class that may match its programs, in a directory that holds such and was there before.
  bool meets_programs(const PathPattern& pattern, const std::vector<std::string>& like) const;
  // A name of the image that the pattern matches and that is none of `known` ones. `like`: a name that it was seen
  // with.
  // "?" where a directory of the image cannot be read.
  std::optional<std::string> meets_image(const PathPattern& pattern, const std::vector<std::string>& like,
                                         const std::function<bool(const std::string& path)>& known) const;

  // The same of what the traces show, for who gives no image: a name that nobody made, wrote or removed while it was recorded, and that is none of
  // `known` ones. Names chosen at random from very many are left out: such a one is of the kind that the class means.
  std::optional<std::string> meets_standing(const PathPattern& pattern, const std::vector<std::string>& like,
                                            const std::function<bool(const std::string& path)>& known) const;

  // Neither in the image nor born: another one may lie on the volume next time.
  bool on_volume(const std::string& path) const;
  // Written, removed or renamed away by whomever: what the image held is not there any more.
  bool changed(const std::string& path) const;

 private:
  bool made_at_or_above(const std::string& path) const;
  bool held_by_image(const std::string& path) const;
  const std::optional<std::vector<std::string>>& names_in_image(const std::string& directory) const;

  const Observed& observed_;
  ImageHolds image_;
  std::set<std::string> above_executed_;  // executables and every directory above one
  std::set<std::string> above_changed_;   // what changed() and every directory above one
  std::set<std::string> changed_in_;      // directories that hold one
  std::set<std::string> standing_;        // used by somebody, and there before
  mutable std::map<std::string, bool> held_;
  mutable std::map<std::string, std::optional<std::vector<std::string>>> names_;
};

}  // namespace treeline::learn
