// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/policy_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "bpf/lsm/abi.h"
#include "enforcer/base/files.h"
#include "enforcer/base/json.h"
#include "enforcer/events/words.h"
#include "policy-compiler/support/text.h"

namespace treeline::store {
namespace {

constexpr std::string_view kBundle = "bundle-";
constexpr size_t kMaxState = 65536;

std::string bundle_name(uint32_t number) { return std::string(kBundle) + std::to_string(number); }

}  // namespace

std::string_view violation_word(Violation v) { return kViolationWords[static_cast<int>(v)]; }

Result<Violation> violation_of_word(std::string_view word) {
  for (size_t i = 0; i < std::size(kViolationWords); ++i)
    if (kViolationWords[i] == word) return static_cast<Violation>(i);
  return Error{"a violation costs 'profile' (as the profile says), 'deny', 'kill', 'kill-container' or 'freeze-container', not " + text::quoted(word),
               EINVAL};
}

Result<void> PolicyStore::open() const { return require_private_directory(root_); }

Result<std::vector<std::string>> PolicyStore::names() const {
  Result<std::vector<std::string>> entries = names_in(root_);
  std::vector<std::string> names;
  if (!entries && entries.error().code == ENOENT) return names;  // an ephemeral daemon has none
  if (!entries) return entries;
  for (std::string& name : *entries)
    if (valid_policy_name(name) && access((directory(name) + "/state.json").c_str(), F_OK) == 0) names.push_back(std::move(name));
  return names;
}

Result<std::vector<uint32_t>> PolicyStore::numbers(const std::string& name) const {
  std::vector<uint32_t> numbers;
  Result<std::vector<std::string>> entries = names_in(directory(name));
  if (!entries && entries.error().code == ENOENT) return numbers;
  if (!entries) return entries.error();
  for (const std::string& entry : *entries)
    if (entry.rfind(kBundle, 0) == 0)
      if (auto number = text::decimal(entry.substr(kBundle.size()), UINT32_MAX)) numbers.push_back(static_cast<uint32_t>(*number));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<PolicyState> PolicyStore::read(const std::string& name) const {
  const std::string path = directory(name) + "/state.json";
  Result<std::string> content = read_file(path, kMaxState);
  if (!content) return content.error();
  std::optional<Json> json = parse_json(*content);
  if (!json || number_at(*json, "schema") != 1) return Error{path + " is damaged; load the policy again: treeline policy load BUNDLE", EBADMSG};
  PolicyState state;
  state.name = name;
  int mode = events::mode_of_word(text_at(*json, "mode"));
  Result<Violation> violation = violation_of_word(text_at(*json, "on_violation", "profile"));
  const int64_t generation = number_at(*json, "generation"), current = number_at(*json, "bundle"), previous = number_at(*json, "previous");
  auto fits = [](int64_t n) { return n >= 0 && n <= UINT32_MAX; };
  if (mode < 0 || !violation || !fits(generation) || !fits(current) || !fits(previous))
    return Error{path + " holds a value that means nothing; load the policy again: treeline policy load BUNDLE", EBADMSG};
  state.mode = static_cast<uint32_t>(mode);
  state.on_violation = *violation;
  state.generation = static_cast<uint32_t>(generation);
  state.current = static_cast<uint32_t>(current);
  state.previous = static_cast<uint32_t>(previous);
  state.orphans_kill = flag_at(*json, "orphans_kill");
  // A state of before there were signatures has neither.
  const int64_t generation_signed = number_at(*json, "signed_generation"), minimum_signed = number_at(*json, "signed_minimum");
  if (generation_signed < 0 || minimum_signed < 0)
    return Error{path + " holds a value that means nothing; load the policy again: treeline policy load BUNDLE", EBADMSG};
  state.signature = {static_cast<uint64_t>(generation_signed), static_cast<uint64_t>(minimum_signed)};
  state.changed = text_at(*json, "changed");
  return state;
}

Result<void> PolicyStore::write(const PolicyState& state) const {
  if (Result<void> made = make_directories(directory(state.name), 0700); !made) return made;
  Json json;
  json["schema"] = 1;
  json["name"] = state.name;
  json["mode"] = events::mode_word(state.mode);
  json["on_violation"] = violation_word(state.on_violation);
  json["generation"] = state.generation;
  json["bundle"] = state.current;
  json["previous"] = state.previous;
  json["orphans_kill"] = state.orphans_kill;
  json["signed_generation"] = state.signature.generation;
  json["signed_minimum"] = state.signature.minimum;
  json["changed"] = state.changed;
  const std::string path = directory(state.name) + "/state.json";
  const Result<std::string> before = read_file(path, kMaxState);
  Result<void> written = write_file_atomically(path, to_line(json) + "\n");
  if (written) return written;
  // Its directory may be all that could not be flushed: what is refused now must not come into force at the next start.
  if (!before && before.error().code == ENOENT) unlink(path.c_str());
  if (before && read_file_or_empty(path, kMaxState) != *before) (void)!write_file_atomically(path, *before).has_value();
  return written;
}

Result<uint32_t> PolicyStore::add_bundle(const std::string& name, const bundle::Bundle& bundle) const {
  if (Result<void> made = make_directories(directory(name), 0700); !made) return made.error();
  Result<std::vector<uint32_t>> taken = numbers(name);
  if (!taken) return taken.error();
  const uint32_t number = taken->empty() ? 1 : taken->back() + 1;
  if (Result<void> written = bundle::write(directory(name) + "/" + bundle_name(number), bundle); !written)
    return written.error();
  return number;
}

Result<bundle::Bundle> PolicyStore::read_bundle(const std::string& name, uint32_t number) const {
  return bundle::read(directory(name) + "/" + bundle_name(number));
}

void PolicyStore::prune(const PolicyState& state) const {
  const Result<std::vector<std::string>> there = names_in(directory(state.name));
  if (!there) return;  // the next change tries again
  const std::set<std::string> named = {bundle_name(state.current), bundle_name(state.previous)};
  for (const std::string& entry : *there)
    if (entry.rfind(kBundle, 0) == 0 && !named.contains(entry)) (void)!remove_flat_directory(directory(state.name) + "/" + entry).has_value();
  remove_begun(directory(state.name));
}

Result<void> PolicyStore::forget(const std::string& name) const {
  const std::string state = directory(name) + "/state.json";
  if (unlink(state.c_str()) == 0) return flush_directory_of(state);
  if (errno == ENOENT) return {};
  return system_error("cannot remove the state of policy " + name, errno);
}

Result<void> PolicyStore::remove(const std::string& name) const {
  // The state first: a policy without one does not exist, whatever is left of it.
  if (Result<void> forgotten = forget(name); !forgotten) return forgotten;
  Result<std::vector<std::string>> entries = names_in(directory(name));
  if (!entries) return entries.error().code == ENOENT ? Result<void>{} : Result<void>(entries.error());
  for (const std::string& entry : *entries)  // the begun ones of a daemon that died, too: bundle-7.x1y2z3
    if (entry.rfind(kBundle, 0) == 0)
      if (auto removed = remove_flat_directory(directory(name) + "/" + entry); !removed) return removed;
  return remove_flat_directory(directory(name));
}

}  // namespace treeline::store
