// SPDX-License-Identifier: Apache-2.0
//
// Exec rules of AppArmor: where each leads, and by which steps a profile starts programs.
//
//   Execs execs(file, diagnostics);
//   execs.add(profile, {{"/usr/bin/sh"}, "px", "shell", position});    of each profile of the file
//   for (const Step& step : execs.steps_of(profile)) ...               Step{"/usr/bin/sh", &shell, position}
//
// What leads to no profile of the file is listed once, and so is a step that would match more than leads there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy-compiler/import/apparmor_text.h"

namespace treeline::import_ {

constexpr size_t kMostEdges = 1'000'000;

struct ExecRule {
  std::vector<std::string> patterns;  // none: what it matches could not be said
  std::string mode, target;
  Position position;
  bool listed = false;  // as not carried over: it says only what leads elsewhere
};

struct Step {
  std::string pattern;
  const Profile* target;
  Position position;
};

class Execs {
 public:
  Execs(const ProfileFile& file, Diagnostics& diagnostics) : file_(file), diagnostics_(diagnostics) {}

  void add(const Profile& profile, ExecRule rule) { rules_[&profile].push_back(std::move(rule)); }

  // What the profile starts, each program by one step: of those that go elsewhere no other step is left.
  const std::vector<Step>& steps_of(const Profile& profile);

 private:
  using Attachments = std::vector<std::pair<std::string, const Profile*>>;

  template <typename Add>
  bool by_attachment(const Profile& profile, const ExecRule& rule, const std::string& pattern, const Add& add);
  const Attachments& attachments(const std::vector<Profile>& profiles);
  const Profile* started(const Profile& from, const ExecRule& rule, const std::string& pattern);
  // By a name as aa-exec(1) takes it: "web//shell" is the child 'shell' of 'web'.
  const Profile* named(const std::vector<Profile>& profiles, const std::string& name);
  const Profile* find(const std::vector<Profile>& profiles, const std::string& name, const std::string& pattern);
  bool too_many(Position position);

  const ProfileFile& file_;
  Diagnostics& diagnostics_;
  std::map<const Profile*, std::vector<ExecRule>> rules_;
  std::map<const Profile*, std::vector<Step>> steps_;
  std::map<const std::vector<Profile>*, Attachments> attachments_;
  std::map<const std::vector<Profile>*, std::map<std::string, const Profile*, std::less<>>>
      indices_;  // by pattern, "=NAME"
  size_t tried_ = 0;
};

}  // namespace treeline::import_
