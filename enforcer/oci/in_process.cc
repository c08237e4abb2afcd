// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/in_process.h"

#include <cerrno>

#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

constexpr char kNoExec[] =
    "the runtime would run the payload in its own process, without the exec by which a policy holds it";

constexpr struct {
  std::string_view key, why;
} kPastThePolicy[] = {
    {"run.oci.handler", kNoExec},
    {"module.wasm.image/variant", kNoExec},
    {"run.oci.seccomp_bpf_data",
     "crun would take that filter instead of the one in config.json, which is what is verified"},
    {"run.oci.delegate-cgroup", "the container would begin in a cgroup below its own, and what enters its own later would not be bound"},
};

Result<void> check_annotations(const json::Value* annotations) {
  if (!annotations) return {};
  for (const auto& refused : kPastThePolicy)
    if (annotations->find(refused.key))
      return Error{"annotation " + text::quoted(refused.key) + ": " + std::string(refused.why) +
                       "; take it away, or let the container run unbound (default = unbound in treeline.conf, systemctl "
                       "reload treelined, and no treeline.policy)",
                   EPERM};
  return {};
}

// crun with Spin asks for no annotation: process.args[0] "/" is its sign (src/libcrun/handlers/spin.c). Executed, a directory or nothing never is a program.
Result<void> check_entrypoint(const json::Value* args) {
  if (!args || args->elements.empty() || !args->elements[0].is(json::Kind::kString)) return {};
  const std::string& word = args->elements[0].scalar;
  if (word.find_first_not_of('/') != std::string::npos) return {};
  return Error{"process.args begins with " + text::quoted(word) + ", which is no program: " + kNoExec + "; name one", EPERM};
}

}  // namespace

Result<void> check_payload(const json::Value& config) {
  if (Result<void> executed = check_entrypoint(config.at({"process", "args"})); !executed) return executed;
  return check_annotations(config.find("annotations"));
}

Result<void> check_runtime(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name != "krun" && name != "runsc" && name.rfind("crun-", 0) != 0) return {};
  return Error{"called as " + text::quoted(name) + ", " + kNoExec +
                   "; name another one (crun, runc), or let the container run unbound (default = unbound in "
                   "treeline.conf, systemctl reload treelined, and no treeline.policy)",
               EPERM};
}

}  // namespace treeline::oci
