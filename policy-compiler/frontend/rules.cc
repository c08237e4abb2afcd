// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/rules.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "policy-compiler/frontend/network.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

bool check_pattern(const std::string& text, Position position, std::string_view what, Diagnostics& diagnostics) {
  if (text.empty()) {
    diagnostics.error(position, "pattern-empty", std::string(what) + " is empty",
                      "write an absolute path, or an object such as \"{pipe}\"");
    return false;
  }
  if (text.size() > kMaxPattern) {
    diagnostics.error(position, "pattern-long",
                      std::string(what) + " is longer than " + std::to_string(kMaxPattern) + " bytes",
                      "no path is longer: shorten it");
    return false;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) continue;
    diagnostics.error(position, "pattern-control",
                      std::string(what) + " " + text::quoted(text) + " holds control character " + std::to_string(byte),
                      "write it as \\xHH, in single quotes or without any: double quotes resolve it too early");
    return false;
  }
  return true;
}

// "read write" -> words; nullopt: reported.
std::optional<ir::AccessSet> read_access(const Value& value, Diagnostics& diagnostics) {
  const std::string known = "access words are " + ir::names::access_words().list();
  if (!expect_text(value, "access", "write words separated by spaces; " + known, diagnostics)) return std::nullopt;
  ir::AccessSet access = 0;
  bool good = true;
  const auto words = text::words(value.text);
  if (words.empty()) {
    diagnostics.error(value.position, "access-empty", "no access word", "remove the rule, or write words; " + known);
    return std::nullopt;
  }
  for (const std::string_view word : words) {
    const auto bit = ir::names::access_words().find(word);
    if (bit) {
      if (access & *bit) {
        diagnostics.error(value.position, "access-twice", "access word " + text::quoted(word) + " is given twice",
                          "remove one");
        good = false;
      }
      access = static_cast<ir::AccessSet>(access | *bit);
      continue;
    }
    good = false;
    if (word == "execute" || word == "exec") {
      diagnostics.error(value.position, "access-execute", "'execute' is not written as an access word",
                        "make the program a child of this node: the right to start it follows from the tree");
      continue;
    }
    const std::string guess = text::did_you_mean(ir::names::access_words().closest(word));
    diagnostics.error(value.position, "access-word", "unknown access word " + text::quoted(word),
                      guess.empty() ? known : guess);
  }
  if (!good) return std::nullopt;
  return access;
}

void read_file_rule(const Entry& entry, ir::Node& node, Diagnostics& diagnostics) {
  ir::FileRule rule;
  rule.path = {entry.key, entry.position};
  bool good = check_pattern(entry.key, entry.position, "a pattern", diagnostics);
  if (entry.value.is_mapping()) {
    Fields fields(entry.value, "a file rule", diagnostics);
    const Entry* access = fields.need("access", "write 'access: read', or more words in quotes");
    const Entry* exempt = fields.take("unsafe_write_and_execute");
    fields.finish();
    if (exempt != nullptr) {
      const auto flag = read_bool(exempt->value, "'unsafe_write_and_execute'", diagnostics);
      if (!flag) good = false;
      rule.unsafe_write_and_execute = flag.value_or(false);
    }
    if (access == nullptr) return;
    const auto words = read_access(access->value, diagnostics);
    if (!words) return;
    rule.access = *words;
  } else if (entry.value.is_refused()) {
    return;
  } else if (entry.value.is_null()) {
    diagnostics.error(entry.position, "no-value", text::quoted(entry.key) + " has no access words",
                      "remove the rule, or write words such as 'read'");
    return;
  } else {
    const auto words = read_access(entry.value, diagnostics);
    if (!words) return;
    rule.access = *words;
  }
  if (good) node.files.push_back(std::move(rule));
}

void read_files(const Value& value, ir::Node& node, Diagnostics& diagnostics) {
  if (!value.is_mapping()) {
    if (!value.is_refused())
      diagnostics.error(value.position, "kind", "'files' is a mapping, not " + std::string(kind_name(value)),
                        "write lines of the form PATTERN: words, such as /etc/hosts: read");
    return;
  }
  for (const Entry& entry : value.entries) read_file_rule(entry, node, diagnostics);
}

// A list of things each of which may stand in it once. `read` gives an item's value, or reports.
void read_list(const Value& value, std::string_view what, Diagnostics& diagnostics, std::vector<ir::NumberRule>& out,
               const std::function<std::optional<uint32_t>(const Value&)>& read) {
  if (!expect_list(value, what, "write [a, b]", diagnostics)) return;
  std::unordered_map<uint32_t, uint32_t> lines;
  for (const Value& item : value.items) {
    const auto number = read(item);
    if (!number) continue;
    const auto [seen, fresh] = lines.emplace(*number, item.position.line);
    if (!fresh) {
      diagnostics.error(item.position, "listed-twice",
                        text::quoted(item.text) + " stands in " + std::string(what) + " already, on line " +
                            std::to_string(seen->second),
                        "remove one");
      continue;
    }
    out.push_back({*number, item.position});
  }
}

void read_names(const Entry* entry, std::string_view what, const ir::names::Table& table,
                std::vector<ir::NumberRule>& out, Diagnostics& diagnostics) {
  if (entry == nullptr) return;
  read_list(entry->value, "'" + entry->key + "'", diagnostics, out,
            [&](const Value& item) { return read_name(item, what, table, diagnostics); });
}

std::optional<uint32_t> read_capability(const Value& item, Diagnostics& diagnostics) {
  const ir::names::Table& table = ir::names::capabilities();
  if (item.is_scalar() && item.text.size() > 4 && !table.find(item.text)) {
    std::string bare;
    for (const char c : item.text) bare += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (bare.substr(0, 4) == "cap_") bare = bare.substr(4);
    if (table.find(bare)) {
      diagnostics.error(item.position, "unknown-name", "a capability cannot be " + text::quoted(item.text),
                        "write '" + bare + "': lower case, without 'cap_'");
      return std::nullopt;
    }
  }
  if (item.is_scalar() && !table.find(item.text) && table.closest(item.text).empty()) {
    diagnostics.error(item.position, "unknown-name", "a capability cannot be " + text::quoted(item.text),
                      "use a name of capabilities(7), lower case and without 'CAP_'");
    return std::nullopt;
  }
  return read_name(item, "a capability", table, diagnostics);
}

std::optional<uint32_t> read_netlink(const Value& item, Diagnostics& diagnostics) {
  if (item.is_scalar() && !item.text.empty() && item.text[0] >= '0' && item.text[0] <= '9') {
    const auto number = text::decimal(item.text, ir::names::kNetlinkProtocols - 1);
    if (number) return static_cast<uint32_t>(*number);
    diagnostics.error(item.position, "netlink", text::quoted(item.text) + " is no netlink protocol",
                      "write a name of netlink(7) or a number from 0 to 31");
    return std::nullopt;
  }
  return read_name(item, "a netlink protocol", ir::names::netlink_protocols(), diagnostics);
}

std::optional<uint32_t> read_operation(const Value& item, Diagnostics& diagnostics) {
  // It has a number (bpf/lsm/abi.h) and no hook that asks for it: granted, it would change nothing.
  if (item.is_scalar() && item.text == "spawn-workloads") {
    diagnostics.error(item.position, "unknown-name", "the operation 'spawn-workloads' is not enforced by this version: no right lets a program in a container "
                      "start others with policies of their own",
                      "remove it; containers are started from outside of one");
    return std::nullopt;
  }
  return read_name(item, "an operation", ir::names::operations(), diagnostics);
}

void read_syscalls(const Value& value, ir::Node& node, Diagnostics& diagnostics) {
  if (!expect_list(value, "'syscalls'", "write [read, write]", diagnostics)) return;
  std::unordered_map<std::string_view, uint32_t> lines;
  for (const Value& item : value.items) {
    if (!expect_text(item, "a system call", "use a name of syscalls(2)", diagnostics)) continue;
    const bool form = !item.text.empty() && item.text.size() <= 63 &&
                      std::all_of(item.text.begin(), item.text.end(),
                                  [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    if (!form || (item.text[0] >= '0' && item.text[0] <= '9')) {
      diagnostics.error(item.position, "syscall", "a system call cannot be " + text::quoted(item.text),
                        "use a name of syscalls(2), such as openat; numbers differ between machines");
      continue;
    }
    const auto [seen, fresh] = lines.emplace(item.text, item.position.line);
    if (!fresh) {
      diagnostics.error(
          item.position, "listed-twice",
          text::quoted(item.text) + " stands in 'syscalls' already, on line " + std::to_string(seen->second),
          "remove one");
      continue;
    }
    node.syscalls.push_back({item.text, item.position});
  }
}

}  // namespace

std::optional<ir::Pattern> read_pattern(const Value& value, std::string_view what, Diagnostics& diagnostics) {
  if (!expect_text(value, what, "write a path; one that starts with '{' or '*' stands in double quotes", diagnostics))
    return std::nullopt;
  if (!check_pattern(value.text, value.position, what, diagnostics)) return std::nullopt;
  return ir::Pattern{value.text, value.position};
}

void read_users(const Value& value, std::vector<ir::NumberRule>& users, Diagnostics& diagnostics) {
  read_list(value, "'users'", diagnostics, users, [&](const Value& item) -> std::optional<uint32_t> {
    constexpr std::string_view kForm =
        "write the number that 'id -u' prints, 0 to 4294967294: names differ between images";
    if (!expect_text(item, "a user", kForm, diagnostics)) return std::nullopt;
    const auto number = text::decimal(item.text, UINT32_MAX - 1);
    if (number) return static_cast<uint32_t>(*number);
    diagnostics.error(item.position, "user", text::quoted(item.text) + " is no user id", std::string(kForm));
    return std::nullopt;
  });
  if (value.is_sequence() && value.items.empty() && value.complete)
    diagnostics.error(value.position, "empty-list", "'users' is an empty list: nobody could start this node",
                      "list the ids, or remove the key to allow any user");
}

void read_rules(Fields& fields, ir::Node& node, Diagnostics& diagnostics) {
  if (const Entry* files = fields.take("files")) read_files(files->value, node, diagnostics);
  if (const Entry* network = fields.take("network")) {
    if (expect_list(network->value, "'network'",
                    "write '- {direction: out, protocol: tcp, peer: ..., port: ...}' lines", diagnostics))
      for (const Value& item : network->value.items)
        if (auto rule = read_network_rule(item, diagnostics)) node.network.push_back(std::move(*rule));
  }
  read_names(fields.take("sockets"), "a kind of socket", ir::names::socket_kinds(), node.sockets, diagnostics);
  if (const Entry* netlink = fields.take("netlink"))
    read_list(netlink->value, "'netlink'", diagnostics, node.netlink,
              [&](const Value& item) { return read_netlink(item, diagnostics); });
  if (const Entry* capabilities = fields.take("capabilities"))
    read_list(capabilities->value, "'capabilities'", diagnostics, node.capabilities,
              [&](const Value& item) { return read_capability(item, diagnostics); });
  if (const Entry* operations = fields.take("operations"))
    read_list(operations->value, "'operations'", diagnostics, node.operations,
              [&](const Value& item) { return read_operation(item, diagnostics); });
  if (const Entry* syscalls = fields.take("syscalls")) read_syscalls(syscalls->value, node, diagnostics);
}

}  // namespace treeline::frontend
