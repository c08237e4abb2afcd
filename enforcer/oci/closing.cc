// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/closing.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

using confine::Closing;
using confine::Refusal;
using json::Kind;
using json::Value;

constexpr uint64_t kDefaultErrno = 1;  // EPERM: what a runtime takes where errnoRet is missing

Error wrong(const std::string& where, const std::string& what) {
  return Error{"linux.seccomp: " + where + what, EINVAL};
}

bool refuses(std::string_view action) {
  constexpr std::string_view kRefusing[] = {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                                            "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"};
  return std::find(std::begin(kRefusing), std::end(kRefusing), action) != std::end(kRefusing);
}

// Missing and null are the same to a runtime's decoder.
const Value* member(const Value& object, std::string_view name) {
  const Value* found = object.find(name);
  return found && !found->is(Kind::kNull) ? found : nullptr;
}

struct Condition {
  uint64_t index = 0, value = 0, value_two = 0;
  std::string op;
};

struct Entry {
  const Value* whole = nullptr;
  std::string where;  // "syscalls[3] "
  std::vector<std::string> names;
  std::string action;
  uint64_t error = kDefaultErrno;
  std::vector<Condition> conditions;

  [[nodiscard]] bool has(const std::string& name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

struct Parsed {
  std::string default_action;
  uint64_t default_error = kDefaultErrno;
  const Value* list = nullptr;  // syscalls, where it is there
  std::vector<Entry> entries;
};

// A name in other letters would be read by a runtime that ignores case, and not here.
Result<void> check_names(const Value& object, const std::string& where, std::initializer_list<std::string_view> names) {
  if (!object.is(Kind::kObject)) return wrong(where, "is not an object");
  for (std::string_view name : names)
    if (const std::string* other = json::lookalike(object, name))
      return wrong(
          where, "has " + text::quoted(*other) + ", which a runtime that ignores case takes for " + text::quoted(name));
  return {};
}

Result<uint64_t> number(const Value& object, const std::string& where, std::string_view name, uint64_t otherwise) {
  const Value* value = member(object, name);
  if (!value) return otherwise;
  const std::optional<uint64_t> read =
      value->is(Kind::kNumber) ? text::decimal(value->scalar, UINT64_MAX) : std::optional<uint64_t>();
  if (!read) return wrong(where, std::string(name) + " is no number");
  return *read;
}

Result<std::string> word(const Value& object, const std::string& where, std::string_view name) {
  const Value* value = member(object, name);
  if (!value || !value->is(Kind::kString)) return wrong(where, "has no " + std::string(name));
  return value->scalar;
}

Result<std::vector<const Value*>> list(const Value& object, const std::string& where, std::string_view name) {
  std::vector<const Value*> elements;
  const Value* value = member(object, name);
  if (!value) return elements;
  if (!value->is(Kind::kArray)) return wrong(where, std::string(name) + " is not a list");
  for (const Value& element : value->elements) elements.push_back(&element);
  return elements;
}

Result<Condition> parse_condition(const Value& value, const std::string& where) {
  Condition condition;
  if (Result<void> good = check_names(value, where + "args ", {"index", "value", "valueTwo", "op"}); !good)
    return good.error();
  for (auto [name, field] : {std::pair("index", &condition.index), std::pair("value", &condition.value),
                             std::pair("valueTwo", &condition.value_two)}) {
    Result<uint64_t> read = number(value, where + "args ", name, 0);
    if (!read) return read.error();
    *field = *read;
  }
  Result<std::string> op = word(value, where + "args ", "op");
  if (!op) return op.error();
  condition.op = *op;
  return condition;
}

Result<Entry> parse_entry(const Value& value, const std::string& where) {
  Entry entry;
  entry.whole = &value;
  entry.where = where;
  if (Result<void> good = check_names(value, where, {"names", "action", "errnoRet", "args"}); !good)
    return good.error();
  Result<std::string> action = word(value, where, "action");
  if (!action) return action.error();
  entry.action = *action;
  Result<uint64_t> error = number(value, where, "errnoRet", kDefaultErrno);
  if (!error) return error.error();
  entry.error = *error;
  Result<std::vector<const Value*>> names = list(value, where, "names"), args = list(value, where, "args");
  if (!names) return names.error();
  if (!args) return args.error();
  for (const Value* name : *names) {
    if (!name->is(Kind::kString)) return wrong(where, "names something that is no text");
    entry.names.push_back(name->scalar);
  }
  for (const Value* arg : *args) {
    Result<Condition> condition = parse_condition(*arg, where);
    if (!condition) return condition.error();
    entry.conditions.push_back(*condition);
  }
  return entry;
}

Result<Parsed> parse_filter(const Value& root) {
  Parsed parsed;
  if (Result<void> good = check_names(root, "", {"defaultAction", "defaultErrnoRet", "syscalls"}); !good)
    return good.error();
  Result<std::string> action = word(root, "", "defaultAction");
  if (!action) return action.error();
  parsed.default_action = *action;
  Result<uint64_t> error = number(root, "", "defaultErrnoRet", kDefaultErrno);
  if (!error) return error.error();
  parsed.default_error = *error;
  Result<std::vector<const Value*>> syscalls = list(root, "", "syscalls");
  if (!syscalls) return syscalls.error();
  parsed.list = member(root, "syscalls");
  for (size_t i = 0; i < syscalls->size(); ++i) {
    Result<Entry> entry = parse_entry(*(*syscalls)[i], "syscalls[" + std::to_string(i) + "] ");
    if (!entry) return entry.error();
    parsed.entries.push_back(std::move(*entry));
  }
  return parsed;
}

bool excludes(const Condition& have, const confine::Condition& bit) {
  if (have.index != bit.index) return false;
  const bool masked = have.op == "SCMP_CMP_MASKED_EQ";
  if (!masked && have.op != "SCMP_CMP_EQ") return false;
  const uint64_t asked = masked ? have.value : UINT64_MAX, is = masked ? have.value_two : have.value;
  return ((asked & bit.bits) == bit.bits && (is & bit.bits) == 0) || (bit.without != 0 && (asked & is & bit.without) == bit.without);
}

// Runtimes make one rule of all conditions, which all have to hold; where an argument is named twice, one rule of each.
bool excludes(const Entry& entry, const confine::Condition& bit) {
  const auto does = [&](const Condition& condition) { return excludes(condition, bit); };
  bool twice = false;
  for (size_t i = 0; i < entry.conditions.size(); ++i)
    for (size_t j = 0; j < i; ++j) twice |= entry.conditions[i].index == entry.conditions[j].index;
  return twice ? std::all_of(entry.conditions.begin(), entry.conditions.end(), does)
               : std::any_of(entry.conditions.begin(), entry.conditions.end(), does);
}

// This entry alone refuses all that `refusal`, of a single bit if of any, refuses.
bool covers(const Entry& entry, const Refusal& refusal) {
  if (!refuses(entry.action) || !entry.has(refusal.name)) return false;
  if (entry.conditions.empty()) return true;
  if (!refusal.only || entry.conditions.size() != 1) return false;
  const Condition& have = entry.conditions[0];
  return have.index == refusal.only->index && have.op == "SCMP_CMP_MASKED_EQ" && have.value_two == refusal.only->bits &&
         (have.value == refusal.only->bits || have.value == (refusal.only->bits | refusal.only->without));
}

std::vector<Refusal> by_bit(const Refusal& refusal) {
  if (!refusal.only) return {refusal};
  std::vector<Refusal> all;
  for (const confine::Condition& part : confine::parts_of(*refusal.only)) all.push_back({refusal.name, refusal.error, part});
  return all;
}

std::string condition_text(uint32_t index, uint64_t mask, uint64_t value) {
  return "[{\"index\":" + std::to_string(index) + ",\"value\":" + std::to_string(mask) +
         ",\"valueTwo\":" + std::to_string(value) + ",\"op\":\"SCMP_CMP_MASKED_EQ\"}]";
}

std::string refusal_text(const Refusal& refusal) {
  return "{\"names\":[" + json::quote(refusal.name) +
         "],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":" + std::to_string(refusal.error) +
         (refusal.only ? ",\"args\":" + condition_text(refusal.only->index, refusal.only->bits | refusal.only->without, refusal.only->bits) : "") + "}";
}

class Merge {
 public:
  Merge(std::string_view filter, const Closing& closing) : filter_(filter), closing_(closing) {}

  Result<std::string> run() {
    Result<Value> root = json::parse(filter_);
    if (!root) return wrong("", root.error().message);
    Result<Parsed> parsed = parse_filter(*root);
    if (!parsed) return parsed.error();
    for (const Entry& entry : parsed->entries)
      if (Result<void> done = narrow(entry); !done) return done.error();
    for (const Refusal& refusal : closing_.refusals)
      for (const Refusal& part : by_bit(refusal))
        if (needs_entry(*parsed, part)) change(refusal_text(part));
    if (!changed_) return std::string(filter_);
    return json::set_member(std::string(filter_), {"syscalls"}, "[" + entries_ + "]");
  }

 private:
  void keep(std::string_view entry) { entries_ += (entries_.empty() ? "" : ",") + std::string(entry); }
  void change(const std::string& entry) {
    keep(entry);
    changed_ = true;
  }
  std::string_view text_of(const Value& value) const { return filter_.substr(value.begin, value.end - value.begin); }
  const Refusal* refusal_of(const std::string& name) const {
    for (const Refusal& refusal : closing_.refusals)
      if (refusal.name == name) return &refusal;
    return nullptr;
  }

  // What is left of an entry: itself; without names; or in parts, those names that get a condition each by itself.
  Result<void> narrow(const Entry& entry) {
    std::vector<std::string> left;
    std::vector<const Refusal*> conditional;
    for (const std::string& name : entry.names) {
      const Refusal* refusal = refuses(entry.action) ? nullptr : refusal_of(name);
      if (!refusal) {
        left.push_back(name);
      } else if (!refusal->only) {
        taken_out_.push_back(name);
      } else if (entry.conditions.empty()) {
        conditional.push_back(refusal);
      } else if (excludes(entry, *refusal->only)) {
        left.push_back(name);
      } else {
        return wrong(entry.where, "lets " + text::quoted(name) + " pass on conditions that do not exclude the bits " +
                                      text::hex64(refusal->only->bits) + " of argument " +
                                      std::to_string(refusal->only->index) +
                                      ", which the policy refuses; narrow that entry, or grant the operation");
      }
    }
    if (left.size() == entry.names.size()) return keep(text_of(*entry.whole)), Result<void>();
    changed_ = true;
    if (!left.empty()) change(rewritten(entry, left, ""));
    for (const Refusal* refusal : conditional) {
      const confine::Condition& only = *refusal->only;
      change(rewritten(entry, {refusal->name}, condition_text(only.index, only.bits, 0)));
      if (only.without != 0) change(rewritten(entry, {refusal->name}, condition_text(only.index, only.without, only.without)));
    }
    return {};
  }

  // The entry with other names and, unless that is empty, with this condition.
  std::string rewritten(const Entry& entry, const std::vector<std::string>& names, const std::string& condition) const {
    std::string list, out;
    for (const std::string& name : names) list += (list.empty() ? "" : ",") + json::quote(name);
    for (const auto& [name, value] : entry.whole->members) {
      if (name == "args" && !condition.empty()) continue;
      out += (out.empty() ? "" : ",") + json::quote(name) + ":" +
             (name == "names" ? "[" + list + "]" : std::string(text_of(value)));
    }
    if (!condition.empty()) out += ",\"args\":" + condition;
    return "{" + out + "}";
  }

  bool needs_entry(const Parsed& parsed, const Refusal& refusal) const {
    for (const Entry& entry : parsed.entries)
      if (covers(entry, refusal)) return false;
    if (!refuses(parsed.default_action)) return true;
    // The default refuses. It was let pass before, so somebody asks for it and wants an answer that it can live with.
    const bool was_let_pass = std::find(taken_out_.begin(), taken_out_.end(), refusal.name) != taken_out_.end();
    return was_let_pass &&
           !(parsed.default_action == "SCMP_ACT_ERRNO" && parsed.default_error == static_cast<uint64_t>(refusal.error));
  }

  std::string_view filter_;
  const Closing& closing_;
  std::string entries_;  // of the new list
  std::vector<std::string> taken_out_;
  bool changed_ = false;
};

}  // namespace

Result<std::string> merge_closing(std::string_view filter, const Closing& closing) {
  if (closing.refusals.empty()) return std::string(filter);  // every door is open
  if (filter.empty() || filter == "null") return closing.text;
  return Merge(filter, closing).run();
}

}  // namespace treeline::oci
