// SPDX-License-Identifier: Apache-2.0
#include "enforcer/confine/closing.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <iterator>
#include <set>

#include "enforcer/base/files.h"
#include "enforcer/base/json.h"
#include "policy-compiler/support/text.h"

namespace treeline::confine {
namespace {

constexpr int64_t kMaxErrno = 4095;  // more would be no error to a caller
constexpr uint32_t kArguments = 6;

Error wrong(const std::string& what) {
  return Error{"closing.json is no closing filter: " + what + "; compile the profile again", EBADMSG};
}

// All of these members and no other.
bool has_only(const Json& object, std::initializer_list<const char*> names) {
  if (!object.is_object()) return false;
  return std::all_of(object.items().begin(), object.items().end(), [&](const auto& member) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return member.key() == name; });
  });
}

// nlohmann's operator[] on a const object wants the member to be there.
const Json& at(const Json& object, const char* name) {
  static const Json kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

bool is_name(const Json& value) {
  if (!value.is_string()) return false;
  const auto& name = value.get_ref<const std::string&>();
  return !name.empty() && name.size() <= 63 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
}

Result<std::optional<Condition>> parse_condition(const Json& args) {
  if (args.is_null()) return std::optional<Condition>();
  if (!args.is_array() || args.size() != 1 || !has_only(args[0], {"index", "value", "valueTwo", "op"}))
    return wrong("args is not one condition of index, value, valueTwo and op");
  const Json &index = at(args[0], "index"), &mask = at(args[0], "value"), &value = at(args[0], "valueTwo");
  if (!index.is_number_unsigned() || index.get<uint64_t>() >= kArguments) return wrong("an index is 0 to 5");
  if (text_at(args[0], "op") != "SCMP_CMP_MASKED_EQ" || !mask.is_number_unsigned() || !value.is_number_unsigned())
    return wrong("a condition is SCMP_CMP_MASKED_EQ with value and valueTwo");
  const auto is_bit = [](uint64_t word) { return word != 0 && (word & (word - 1)) == 0; };
  const auto flag = value.get<uint64_t>(), without = mask.get<uint64_t>() ^ flag;
  if (!is_bit(flag) || (mask.get<uint64_t>() & flag) == 0 || (without != 0 && !is_bit(without)))
    return wrong("a condition asks for one bit (valueTwo) and at most for another one to be clear (value is both)");
  return std::optional<Condition>({index.get<uint32_t>(), flag, without});
}

Result<void> parse_entry(const Json& entry, Closing& into) {
  if (!has_only(entry, {"names", "action", "errnoRet", "args"}) || text_at(entry, "action") != "SCMP_ACT_ERRNO")
    return wrong("an entry of syscalls has names, the action SCMP_ACT_ERRNO, errnoRet, and args or none");
  const int64_t error = number_at(entry, "errnoRet");
  if (error < 1 || error > kMaxErrno) return wrong("errnoRet is 1 to " + std::to_string(kMaxErrno));
  Result<std::optional<Condition>> only = parse_condition(at(entry, "args"));
  if (!only) return only.error();
  const Json& names = at(entry, "names");
  if (!names.is_array() || names.empty()) return wrong("an entry of syscalls has no names");
  for (const Json& name : names) {
    if (!is_name(name)) return wrong("a name is 1 to 63 of a-z, A-Z, 0-9 and '_'");
    const auto& call = name.get_ref<const std::string&>();
    const auto other = std::find_if(into.refusals.begin(), into.refusals.end(), [&](const Refusal& r) { return r.name == call; });
    if (other != into.refusals.end()) {
      const bool more = other->only && *only && other->only->index == (*only)->index && other->error == error &&
                        ((*only)->without == 0 ? other->only->without == 0 && (other->only->bits & (*only)->bits) == 0
                                               : other->only->without != 0 && other->only->bits == (*only)->bits &&
                                                     (other->only->without & (*only)->without) == 0);
      if (!more) return wrong(text::quoted(call) + " stands there twice, and not for another bit of the same argument with the same errno");
      other->only->bits |= (*only)->bits;
      other->only->without |= (*only)->without;
      continue;
    }
    if (into.refusals.size() == kMaxRefusals) return wrong("more than " + std::to_string(kMaxRefusals) + " names");
    into.refusals.push_back({call, static_cast<int>(error), *only});
  }
  return {};
}

}  // namespace

Result<Closing> parse_closing(std::string_view text) {
  if (text.size() > kMaxClosing) return wrong("it is larger than " + std::to_string(kMaxClosing >> 10) + " KiB");
  const std::optional<Json> whole = parse_json(text);
  if (!whole) return wrong("it is not a JSON object");
  if (!has_only(*whole, {"defaultAction", "architectures", "syscalls"}))
    return wrong("it has a member beside defaultAction, architectures and syscalls");
  if (text_at(*whole, "defaultAction") != "SCMP_ACT_ALLOW") return wrong("defaultAction is not SCMP_ACT_ALLOW");
  const Json &architectures = at(*whole, "architectures"), &syscalls = at(*whole, "syscalls");
  if (!architectures.is_array() || architectures.size() > 16 || !syscalls.is_array())
    return wrong("architectures and syscalls are lists");
  Closing closing;
  closing.text = trim(text);
  for (const Json& architecture : architectures) {
    if (!is_name(architecture)) return wrong("an architecture is no name");
    closing.architectures.push_back(architecture.get<std::string>());
  }
  for (const Json& entry : syscalls)
    if (Result<void> parsed = parse_entry(entry, closing); !parsed) return parsed.error();
  return closing;
}

std::vector<Condition> parts_of(const Condition& condition) {
  std::vector<Condition> parts;
  for (uint64_t bits = condition.bits; bits != 0; bits &= bits - 1) {
    if (condition.without == 0) parts.push_back({condition.index, bits & -bits, 0});
    for (uint64_t without = condition.without; without != 0; without &= without - 1)
      parts.push_back({condition.index, bits & -bits, without & -without});
  }
  return parts;
}

Result<Closing> closing_of(const bundle::Bundle& bundle) {
  if (const bundle::Artifact* artifact = bundle.find(kClosingArtifact)) return parse_closing(artifact->bytes);
  return Error{
      "the bundle has no closing.json, so nothing would refuse what this kernel has no hook for; compile the profile "
      "again",
      EBADMSG};
}

Closing beside_hooks(const Closing& closing) {
  constexpr std::string_view kHooked[] = {"clone",         "clone3",            "io_uring_enter", "io_uring_register",
                                          "io_uring_setup", "unshare",          "userfaultfd"};
  Closing left;
  left.architectures = closing.architectures;
  Json syscalls = Json::array();
  for (const Refusal& refusal : closing.refusals) {
    if (std::find(std::begin(kHooked), std::end(kHooked), refusal.name) != std::end(kHooked)) continue;
    left.refusals.push_back(refusal);
    const Json entry = {{"names", Json::array({refusal.name})}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", refusal.error}};
    if (!refusal.only) syscalls.push_back(entry);
    for (const Condition& part : refusal.only ? parts_of(*refusal.only) : std::vector<Condition>()) {
      Json one = entry;
      one["args"] = Json::array({{{"index", part.index}, {"value", part.bits | part.without}, {"valueTwo", part.bits}, {"op", "SCMP_CMP_MASKED_EQ"}}});
      syscalls.push_back(std::move(one));
    }
  }
  left.text = to_line(Json{{"defaultAction", "SCMP_ACT_ALLOW"}, {"architectures", left.architectures}, {"syscalls", std::move(syscalls)}});
  return left;
}

// "unshare", or "clone:0:10000000:0" where it is refused under a condition.
std::vector<std::string> words_of(const Closing& closing) {
  std::vector<std::string> words;
  for (const Refusal& refusal : closing.refusals) {
    if (!refusal.only) words.push_back(refusal.name);
    for (const Condition& part : refusal.only ? parts_of(*refusal.only) : std::vector<Condition>())
      words.push_back(refusal.name + ":" + std::to_string(part.index) + ":" + text::hex64(part.bits) + ":" + text::hex64(part.without));
  }
  return words;
}

bool covers(const std::vector<std::string>& has, const std::vector<std::string>& wanted) {
  const std::set<std::string_view> held(has.begin(), has.end());
  return std::all_of(wanted.begin(), wanted.end(), [&](std::string_view word) { return held.contains(word) || held.contains(word.substr(0, word.find(':'))); });
}

}  // namespace treeline::confine
