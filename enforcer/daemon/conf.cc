// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/conf.h"

#include <bit>
#include <cerrno>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/base/files.h"
#include "enforcer/base/policy_name.h"
#include "enforcer/daemon/protocol.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {
namespace {

using Setter = std::function<std::string(Conf&, const std::string& value)>;  // "" or what is wrong

std::string set_default(Conf& conf, const std::string& value) {
  if (value == "refuse" || value == "unbound") {
    conf.default_ = value == "refuse" ? Default::kRefuse : Default::kUnbound;
    conf.default_policy.clear();
    return "";
  }
  if (!valid_policy_name(value)) return "wants refuse, unbound or the name of a policy (" + std::string(kPolicyNames) + "), not " + text::quoted(value);
  conf.default_ = Default::kPolicy;
  conf.default_policy = value;
  return "";
}

Setter directory(std::string Conf::*field) {
  return [field](Conf& conf, const std::string& value) -> std::string {
    if (value.empty() || value[0] != '/' || value.find("/..") != std::string::npos) return "wants an absolute path without '..', not " + text::quoted(value);
    if (value.size() > 80) return "is longer than 80 bytes: a socket's path below it would not fit";
    conf.*field = value;
    while ((conf.*field).size() > 1 && (conf.*field).back() == '/') (conf.*field).pop_back();
    return "";
  };
}

std::string set_arena(Conf& conf, const std::string& value) {
  auto n = text::decimal(value, 4092);
  if (!n || *n < 8 || *n % (TL_ELEMENT >> 20)) return "wants a multiple of 4 from 8 to 4092, not " + text::quoted(value);
  conf.arena_mib = static_cast<uint32_t>(*n);
  return "";
}

std::string set_ring(Conf& conf, const std::string& value) {
  auto n = text::decimal(value, 65536);
  if (!n || *n < 64 || !std::has_single_bit(*n)) return "wants a power of two from 64 to 65536, not " + text::quoted(value);
  conf.ring_kib = static_cast<uint32_t>(*n);
  return "";
}

std::string set_log(Conf& conf, const std::string& value) {
  static const std::map<std::string, LogLevel> kLevels = {
      {"error", LogLevel::kError}, {"warning", LogLevel::kWarning}, {"notice", LogLevel::kNotice}, {"info", LogLevel::kInfo}};
  auto it = kLevels.find(value);
  if (it == kLevels.end()) return "wants error, warning, notice or info, not " + text::quoted(value);
  conf.log = it->second;
  return "";
}

std::string set_require_signature(Conf& conf, const std::string& value) {
  if (value != "yes" && value != "no") return "wants yes or no, not " + text::quoted(value);
  conf.require_signature = value == "yes";
  return "";
}

std::string set_oci_runtime(Conf& conf, const std::string& value) {
  if (value.empty() || (value[0] != '/' && value.find('/') != std::string::npos)) return "wants a name (runc, crun) or an absolute path, not " + text::quoted(value);
  conf.oci_runtime = value;
  return "";
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"default", set_default}, {"arena_mib", set_arena},           {"ring_kib", set_ring},
      {"log", set_log},         {"oci_runtime", set_oci_runtime},         {"store", directory(&Conf::store)}, {"runtime", directory(&Conf::runtime)},
      {"require_signature", set_require_signature}, {"trusted_keys", directory(&Conf::trusted_keys)},
  };
  return kSetters;
}

}  // namespace

std::string default_word(const Conf& conf) {
  return conf.default_ == Default::kPolicy ? conf.default_policy : conf.default_ == Default::kRefuse ? "refuse" : "unbound";
}

std::string socket_of(const Conf& conf) { return conf.runtime + "/" + kSocketName; }

Result<Conf> parse_conf(std::string_view content, const std::string& file) {
  Conf conf;
  std::string mistakes;
  std::set<std::string> set;
  uint32_t line_number = 0;
  auto mistake = [&](const std::string& what) {
    mistakes += (mistakes.empty() ? "" : "\n") + file + ":" + std::to_string(line_number) + ": " + what;
  };
  while (!content.empty()) {
    ++line_number;
    size_t end = content.find('\n');
    std::string line(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.find('\0') != std::string::npos) {
      mistake("holds a NUL byte");
      continue;
    }
    if (size_t hash = line.find('#'); hash != std::string::npos) line.resize(hash);
    if (trim(line).empty()) continue;
    size_t equals = line.find('=');
    if (equals == std::string::npos) {
      mistake("wants `key = value`, found " + text::quoted(trim(line)));
      continue;
    }
    const std::string key = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
    auto setter = setters().find(key);
    if (setter == setters().end()) {
      std::vector<std::string_view> keys;
      std::string list;
      for (auto& [name, unused] : setters()) keys.push_back(name), list += (list.empty() ? "" : ", ") + name;
      std::string guess = text::did_you_mean(text::closest(key, keys));
      mistake("there is no setting " + text::quoted(key) + "; " + (guess.empty() ? "there are " + list : guess));
    } else if (!set.insert(key).second) {
      mistake(key + " is set twice");
    } else if (std::string wrong = setter->second(conf, value); !wrong.empty()) {
      mistake(key + ": " + wrong);
    }
  }
  if (!mistakes.empty()) return Error{mistakes, EINVAL};
  return conf;
}

Result<Conf> read_conf(const std::string& path, bool may_be_missing) {
  Result<std::string> content = read_guarded_file(path, 65536);
  if (!content && content.error().code == ENOENT && may_be_missing) return Conf{};
  if (!content) return content.error();
  return parse_conf(*content, path);
}

}  // namespace treeline::daemon
