// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/state.h"

#include <cerrno>

#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

Error wrong(const std::string& what) {
  return Error{"the container's state on standard input: " + what +
                   "; it is to be the runtime's, whole (is this called as an OCI hook?)",
               EINVAL};
}

}  // namespace

Result<State> parse_state(std::string_view text) {
  if (text.empty()) return wrong("nothing was given");
  if (text.size() > kMaxState) return wrong("it is larger than " + std::to_string(kMaxState >> 20) + " MiB");
  Result<json::Value> whole = json::parse(text);
  if (!whole) return wrong(whole.error().message);
  if (!whole->is(json::Kind::kObject)) return wrong("it is not an object");
  State state;
  const auto take = [&](const char* name, std::string& into) {
    const json::Value* value = whole->find(name);
    if (!value || !value->is(json::Kind::kString) || value->scalar.empty()) return false;
    into = value->scalar;
    return true;
  };
  if (!take("id", state.id)) return wrong("it names no id");
  if (state.id.find('\0') != std::string::npos) return wrong("its id holds a NUL");
  if (!take("status", state.status)) return wrong("it names no status");
  if (!take("bundle", state.bundle)) return wrong("it names no bundle");
  if (state.bundle[0] != '/' || state.bundle.find('\0') != std::string::npos)
    return wrong("its bundle " + text::quoted(state.bundle) + " is not an absolute path");
  if (const json::Value* pid = whole->find("pid")) {
    const std::optional<uint64_t> number =
        pid->is(json::Kind::kNumber) ? text::decimal(pid->scalar, INT32_MAX) : std::nullopt;
    if (!number) return wrong("its pid is no process number");
    state.pid = static_cast<pid_t>(*number);
  }
  state.whole = std::move(*whole);
  return state;
}

}  // namespace treeline::oci
