// SPDX-License-Identifier: Apache-2.0
//
// config.json of an OCI bundle: read whole and within bounds, changed in the named places only, replaced in one step.
//
//   Result<Config> config = Config::read("/run/containerd/.../web-1");
//   config->set({"linux", "seccomp"}, filter_text);
//   config->add_hook("createRuntime", "/usr/bin/treeline-oci", {"treeline-oci", "hook"});
//   config->write();                       // not needed: nothing is written
//
// A name that differs from one that is looked at here only in case is refused: runc's decoder would take it for that
// one.
#pragma once

#include <sys/stat.h>

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

constexpr size_t kMaxConfig = 8 << 20;

// A file of the bundle, replaced in one step.
Result<void> write_in_bundle(const std::string& path, std::string_view text, mode_t mode);

class Config {
 public:
  static Result<Config> read(const std::string& bundle_directory);
  // `path` is named in messages, and is where write() writes.
  static Result<Config> of_text(std::string text, std::string path);

  [[nodiscard]] const json::Value& root() const { return root_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view text_of(const json::Value& value) const {
    return std::string_view(text_).substr(value.begin, value.end - value.begin);
  }

  Result<void> set(std::initializer_list<std::string_view> path, std::string_view value);
  // As the first of its stage. It takes the place of a hook of that path with that argument (args[1]): a bundle that is
  // started again may have been prepared with other options.
  Result<void> add_hook(std::string_view stage, const std::string& program, const std::vector<std::string>& args,
                        int timeout_seconds);
  // If something was changed: beside the target, flushed, renamed; with the owner and mode that the file had.
  Result<void> write() const;

 private:
  Result<void> take(std::string text);
  Error wrong(const std::string& what) const;
  Result<void> watch(const json::Value& object, std::span<const std::string_view> names) const;

  std::string path_, text_;
  json::Value root_;
  struct stat status_ {};
  bool changed_ = false;
};

}  // namespace treeline::oci
