// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/command_line.h"

#include <algorithm>
#include <cerrno>

#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

using Names = std::span<const std::string_view>;

// Options that take the next word as their value.
constexpr std::string_view kGlobalValues[] = {"log",  "log-format", "log-level",     "root",
                                              "criu", "rootless",   "cgroup-manager"};
constexpr std::string_view kGlobalFlags[] = {"debug", "systemd-cgroup", "help", "version", "usage", "h", "v", "V", "?"};
constexpr std::string_view kStartValues[] = {
    "bundle",     "b",         "console-socket",      "pid-file", "pidfd-socket", "preserve-fds",
    "image-path", "work-path", "manage-cgroups-mode", "empty-ns", "lsm-profile",  "lsm-mount-context"};
constexpr std::string_view kStartVerbs[] = {"create", "run", "restore"};

bool holds(Names names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

struct Option {
  bool is = false, has_value = false;
  size_t dashes = 0;
  std::string_view name, value;
};

Option option_of(std::string_view word) {
  Option option;
  if (word.size() < 2 || word[0] != '-' || word == "--") return option;
  option.is = true;
  option.dashes = word[1] == '-' ? 2 : 1;
  word.remove_prefix(option.dashes);
  const size_t equals = word.find('=');
  option.name = word.substr(0, equals);
  option.has_value = equals != std::string_view::npos;
  if (option.has_value) option.value = word.substr(equals + 1);
  return option;
}

Error unclear(const std::string& word, const std::string& why) {
  return Error{"the runtime's option " + text::quoted(word) + " " + why, EINVAL};
}

// Words that are not values and read by some runtimes in another way: runc after 1.5 takes white space off their ends,
// and ends its options at a dash without a letter behind it.
bool is_ambiguous(std::string_view word) {
  const auto graphic = [](char c) { return c > ' ' && c < 0x7f; };
  if (!word.empty() && (!graphic(word.front()) || !graphic(word.back()))) return true;
  const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  return word == "-" || (word.size() > 1 && word[0] == '-' && word[1] != '-' && !letter(word[1]));
}

bool may_start(std::span<const std::string> words) {
  return std::any_of(words.begin(), words.end(), [](std::string_view word) {
    return std::any_of(std::begin(kStartVerbs), std::end(kStartVerbs),
                       [&](std::string_view verb) { return word.find(verb) != word.npos; });
  });
}

// Before the verb. The number of words that the option takes.
Result<size_t> global_option(std::span<const std::string> rest, RuntimeCall& call) {
  const Option option = option_of(rest[0]);
  const bool separate = holds(kGlobalValues, option.name) && !option.has_value;
  std::string_view value = option.value;
  if (separate && rest.size() > 1) value = rest[1];
  if (option.name == "log") call.log = value;
  if (option.name == "log-format") call.log_json = value == "json";
  if (separate) return size_t{2};
  if (!option.has_value && !holds(kGlobalFlags, option.name))
    for (const std::string& word : rest)
      if (holds(kStartVerbs, word))
        return unclear(rest[0], "is not known here, so it cannot be told whether '" + word +
                                    "' is the verb; write it in full and as --option=value");
  return size_t{1};
}

// Behind create, run or restore.
Result<size_t> start_option(std::span<const std::string> rest, RuntimeCall& call) {
  const Option option = option_of(rest[0]);
  const auto abbreviates = [&](std::string_view name) {
    return !option.name.empty() && name.substr(0, option.name.size()) == option.name;
  };
  // getopt takes -bDIR and --bun DIR, Go's flag package -bundle DIR: not the same to each runtime.
  if (option.dashes == 1 && option.name.size() + option.has_value > 1)
    return unclear(rest[0], "is read differently by runc and crun; write it with two dashes");
  if (option.name == "f" || option.name == "config" ||
      (option.dashes == 2 && option.name.size() > 3 && abbreviates("config")))
    return unclear(rest[0], "names another file than the bundle's config.json, which is what is checked; put it there");
  const bool bundle = option.name == "bundle" || option.name == "b";
  if (!bundle && option.dashes == 2 && abbreviates("bundle"))
    return unclear(rest[0], "abbreviates another; write --bundle");
  const bool separate = holds(kStartValues, option.name) && !option.has_value;
  if (bundle) {
    if (separate && rest.size() < 2) return unclear(rest[0], "wants a directory");
    call.bundle = separate ? std::string(rest[1]) : std::string(option.value);
    if (call.bundle.empty()) return unclear(rest[0], "wants a directory");
  }
  return size_t{separate ? 2u : 1u};
}

}  // namespace

Result<void> parse_call(std::span<const std::string> args, RuntimeCall& call) {
  size_t at = 0;
  while (at < args.size()) {
    const std::span<const std::string> rest = args.subspan(at);
    if (rest[0] == "--") {
      if (!call.verb.empty()) {  // operands follow
        if (call.id.empty() && rest.size() > 1) call.id = rest[1];
        break;
      }
      at += 1;
      continue;
    }
    if (is_ambiguous(rest[0]) && (call.verb.empty() ? may_start(rest) : call.starts()))
      return Error{"the word " + text::quoted(rest[0]) +
                       " of the runtime's command line is read differently by runc and crun: no blanks at its ends, "
                       "and a letter behind a dash",
                   EINVAL};
    if (!option_of(rest[0]).is) {
      if (call.verb.empty())
        call.verb = rest[0];
      else if (call.id.empty())
        call.id = rest[0];
      at += 1;
    } else if (call.verb.empty() || call.starts()) {
      Result<size_t> words = call.verb.empty() ? global_option(rest, call) : start_option(rest, call);
      if (!words) return words.error();
      at += *words;
    } else {
      break;  // another verb: its options are the runtime's
    }
  }
  return {};
}

}  // namespace treeline::oci
