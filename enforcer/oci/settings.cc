// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/settings.h"

#include <cerrno>

#include "enforcer/base/files.h"
#include "enforcer/daemon/protocol.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {

Result<Settings> parse_settings(std::string_view content, const std::string& file) {
  Settings settings;
  unsigned line_number = 0;
  while (!content.empty()) {
    ++line_number;
    const size_t end = content.find('\n');
    std::string_view line = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    line = line.substr(0, line.find('#'));
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string key = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
    const auto wrong = [&](const char* what) {
      return Error{
          file + ":" + std::to_string(line_number) + ": " + key + " wants " + what + ", not " + text::quoted(value),
          EINVAL};
    };
    if (value.find('\0') != std::string::npos) return wrong("text without a NUL");
    if (key == "runtime") {
      if (value.empty() || value[0] != '/')
        return wrong("the absolute path of the control socket's directory (the OCI runtime is oci_runtime)");
      settings.socket = value + "/" + daemon::kSocketName;
    } else if (key == "oci_runtime") {
      if (value.empty() || (value.find('/') != std::string::npos && value[0] != '/'))
        return wrong("a name (runc, crun) or an absolute path");
      settings.oci_runtime = value;
    }
  }
  return settings;
}

Result<Settings> read_settings(const std::string& path) {
  Result<std::string> content = read_guarded_file(path, 65536);
  if (!content && content.error().code == ENOENT && path == kDefaultConf) return Settings{};
  if (!content) return content.error();
  return parse_settings(*content, path);
}

}  // namespace treeline::oci
