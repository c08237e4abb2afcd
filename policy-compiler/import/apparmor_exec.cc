// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/apparmor_exec.h"

#include "policy-compiler/import/steps.h"
#include "policy-compiler/passes/match.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

// 'p' profile, 'c' child profile, 'i' the same, 'u' unconfined.
char kind_of(std::string_view mode) {
  if (mode.find_first_of("pP") != mode.npos) return 'p';
  if (mode.find_first_of("cC") != mode.npos) return 'c';
  return mode.find('i') != mode.npos ? 'i' : 'u';
}

// The path of a pattern that is one.
std::optional<std::string> path_of(const std::string& pattern) {
  std::vector<passes::PatternError> errors;
  const auto parsed = passes::parse_pattern(pattern, errors);
  if (!parsed || !parsed->literal) return std::nullopt;
  std::string out;
  for (const passes::Component& component : parsed->components) {
    out += "/" + std::string(passes::pseudo_text(component.kind));
    for (const passes::Element& element : component.name) out += element.bytes;
  }
  return out.empty() ? "/" : out;
}

bool matches(const std::string& pattern, const std::string& path) {
  std::vector<passes::PatternError> errors;
  const auto parsed = passes::parse_pattern(pattern, errors);
  return parsed && passes::matches(*parsed, path);
}

}  // namespace

const std::vector<Step>& Execs::steps_of(const Profile& profile) {
  const auto [known, fresh] = steps_.try_emplace(&profile);
  if (!fresh) return known->second;
  std::vector<Candidate> candidates;
  std::vector<const Profile*> targets;
  const auto add = [&](const std::string& pattern, const Profile* target, Position position) {
    candidates.push_back({pattern, target, position, target != nullptr});
    targets.push_back(target);
  };
  for (const ExecRule& rule : rules_[&profile]) {
    const char kind = kind_of(rule.mode);
    if (rule.listed && (kind == 'i' || kind == 'u')) continue;
    if (rule.patterns.empty() && rule.listed) add("", nullptr, rule.position);
    for (const std::string& pattern : rule.patterns) {
      if (by_attachment(profile, rule, pattern, add)) continue;
      const Profile* target = rule.listed ? nullptr : started(profile, rule, pattern);
      if (kind != 'u') add(pattern, target, rule.position);
    }
  }
  const std::vector<bool> stays = disjoint(candidates, diagnostics_);
  for (size_t i = 0; i < candidates.size(); ++i)
    if (stays[i] && targets[i] != nullptr)
      known->second.push_back({candidates[i].pattern, targets[i], candidates[i].position});
  return known->second;
}

// A 'p' or 'c' without a name leads each program to the profile that is attached to it. True: the pattern is one
// program, and that is all.
template <typename Add>
bool Execs::by_attachment(const Profile& profile, const ExecRule& rule, const std::string& pattern, const Add& add) {
  const char kind = kind_of(rule.mode);
  const std::vector<Profile>& profiles = kind == 'c' ? profile.children : file_.profiles;
  if ((kind != 'p' && kind != 'c') || !rule.target.empty() || find(profiles, "", pattern) != nullptr) return false;
  const auto one = path_of(pattern);
  bool led = false;
  for (const auto& [attachment, attached] : attachments(profiles)) {
    if (too_many(rule.position)) return true;
    const auto other = path_of(attachment);
    if (one ? !matches(attachment, *one) : other && !matches(pattern, *other)) continue;
    // Of two with wildcards it is taken for granted that they meet.
    const bool known = !rule.listed && !attached->conditional && (one || other);
    add(one ? pattern : attachment, known ? attached : nullptr, rule.position);
    led |= one.has_value();
  }
  return led;
}

bool Execs::too_many(Position position) {
  if (++tried_ == kMostEdges + 1)
    diagnostics_.error(position, "import-limit", "too many programs that start each other",
                       "import profiles of one workload");
  return tried_ > kMostEdges;
}

const Execs::Attachments& Execs::attachments(const std::vector<Profile>& profiles) {
  const auto [known, fresh] = attachments_.try_emplace(&profiles);
  for (size_t i = 0; fresh && i < profiles.size(); ++i)
    if (!profiles[i].hat && !profiles[i].attachment.empty())
      for (Translated& one : translate_glob(profiles[i].attachment, file_.variables, Meant::kGranted).patterns)
        known->second.emplace_back(std::move(one.pattern), &profiles[i]);
  return known->second;
}

// The profile under which the program runs then, or nullptr, and said.
const Profile* Execs::started(const Profile& from, const ExecRule& rule, const std::string& pattern) {
  const char kind = kind_of(rule.mode);
  const Profile* target = nullptr;
  if (kind == 'i') target = &from;
  if (kind == 'c') target = find(from.children, rule.target, pattern);
  if (kind == 'p') target = rule.target.empty() ? find(file_.profiles, "", pattern) : named(file_.profiles, rule.target);
  if (target == nullptr && kind != 'u' && rule.mode.find('i') != std::string::npos) target = &from;
  if (target != nullptr && !target->conditional) return target;
  diagnostics_.warning(rule.position, "not-carried",
                       kind == 'u' ? text::quoted(pattern) + " runs unconfined"
                                   : text::quoted(pattern) + " runs under a profile that is not in this file",
                       "add it below 'children' with the rights that it needs");
  return nullptr;
}

const Profile* Execs::named(const std::vector<Profile>& profiles, const std::string& name) {
  if (const Profile* whole = find(profiles, name, "")) return whole;
  for (size_t end = name.find("//"); end != std::string::npos; end = name.find("//", end + 1)) {
    const Profile* parent = end == 0 ? nullptr : find(profiles, name.substr(0, end), "");
    const std::string child = name.substr(end + 2);
    if (parent != nullptr && !parent->conditional && !child.empty()) return named(parent->children, child);
  }
  return nullptr;
}

const Profile* Execs::find(const std::vector<Profile>& profiles, const std::string& name, const std::string& pattern) {
  const auto [index, fresh] = indices_.try_emplace(&profiles);
  if (fresh) {
    for (const Profile& profile : profiles)
      if (!profile.hat) index->second.emplace("=" + profile.name, &profile);
    for (const auto& [attachment, profile] : attachments(profiles)) index->second.emplace(attachment, profile);
  }
  const auto found = index->second.find(name.empty() ? pattern : "=" + name);
  return found == index->second.end() ? nullptr : found->second;
}

}  // namespace treeline::import_
