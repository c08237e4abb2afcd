// SPDX-License-Identifier: Apache-2.0
//
// Which patterns of two lists share a path, decided on the automaton over all of them. Where that is too large, over parts of
// the lists; and what is too large even then is in doubt, and must be taken for meeting.
//
//   Meetings meetings;
//   meetings.find({"/srv/**"}, {"/srv/*/key", "/etc/x"});
//   meetings.of("/srv/**")        // {"/srv/*/key"}
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace treeline::import_ {

class Meetings {
 public:
  using Texts = std::vector<std::string>;
  using Set = std::set<std::string, std::less<>>;
  using Views = std::set<std::string_view>;

  // May be asked several times: what meets adds up.
  void find(const Set& ours, const Set& theirs);

  // Those of theirs that share a path with `ours`; nullptr: none.
  const Views* of(std::string_view ours) const;
  // Lists of theirs of which it is not known whether any meets `ours`.
  std::vector<const Set*> in_doubt(std::string_view ours) const;

 private:
  struct Doubt {
    Set ours, theirs;
  };
  void decide(const Texts& ours, const Texts& theirs);
  bool compare(const Texts& ours, const Texts& theirs);

  Set texts_;  // of theirs
  std::map<std::string, Views, std::less<>> meetings_;
  std::vector<Doubt> doubts_;
  size_t failed_ = 0;
};

}  // namespace treeline::import_
