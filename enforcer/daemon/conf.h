// SPDX-License-Identifier: Apache-2.0
//
// /etc/treeline/treeline.conf: `key = value` lines, `#` starts a comment, no sections, no quotes, no repetition of a key. Every
// mistake is reported with its line, all at once; a daemon with a wrong file does not start.
//
//   default = refuse            what becomes of a container that names no policy: refuse it, `unbound` (let it run, and list it), or
//                               the name of a policy to bind it to
//   arena_mib = 64              memory for policy images, a multiple of 4 up to 4092; read when the maps are made
//   ring_kib = 4096             buffer of events, a power of two from 64 to 65536; likewise
//   store = /var/lib/treeline   policies and traces; root's alone
//   runtime = /run/treeline     socket and tables of what is bound
//   log = info                  error, warning, notice or info
//   require_signature = no      yes: a bundle comes into force only if a trusted key signed it (store/admission.h)
//   trusted_keys = /etc/treeline/keys   directory of public keys, *.pem; directory and files root's alone; read at each load
//   oci_runtime = runc          the runtime behind treeline-oci (a name, or an absolute path): read by that, only checked here
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "enforcer/base/log.h"
#include "policy-compiler/support/result.h"

namespace treeline::daemon {

constexpr char kDefaultConf[] = "/etc/treeline/treeline.conf";

enum class Default { kRefuse, kUnbound, kPolicy };

struct Conf {
  Default default_ = Default::kRefuse;
  std::string default_policy;  // kPolicy only
  uint32_t arena_mib = 64;
  uint32_t ring_kib = 4096;
  std::string store = "/var/lib/treeline";
  std::string runtime = "/run/treeline";
  LogLevel log = LogLevel::kInfo;
  bool require_signature = false;
  std::string trusted_keys = "/etc/treeline/keys";
  std::string oci_runtime;
};

// As the file says it: "refuse", "unbound" or the name of a policy.
std::string default_word(const Conf& conf);
// Where treelined listens under this configuration.
std::string socket_of(const Conf& conf);

// `file` is named in messages only.
Result<Conf> parse_conf(std::string_view text, const std::string& file);
// A missing file is the defaults when `may_be_missing`; one that others than root can write is refused.
Result<Conf> read_conf(const std::string& path, bool may_be_missing);

}  // namespace treeline::daemon
