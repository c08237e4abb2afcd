// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/load.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "policy-compiler/cli/belongs.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

bool reported(const Diagnostics& diagnostics, std::string_view code) {
  return std::any_of(diagnostics.list().begin(), diagnostics.list().end(),
                     [&](const Diagnostic& d) { return d.code == code; });
}

// A pattern that could not be read is empty in the policy: the front end has said so. What the passes say of it, and of
// a sibling that stands there twice, would be the same mistake again.
void join(Diagnostics& all, const Diagnostics& passes) {
  const bool known = all.has_errors();
  std::set<Position> places;
  for (const Diagnostic& d : all.list())
    if (d.severity == Severity::kError) places.insert(d.position);
  for (const Diagnostic& d : passes.list()) {
    if (known && (d.position.line == 0 || places.count(d.position) != 0)) continue;
    all.add(d);
  }
  all.add_unlisted(passes);
}

void judge_into(Loaded& loaded) {
  loaded.policy = frontend::read_profile(loaded.text, loaded.diagnostics);

  Diagnostics passes(loaded.diagnostics.file());
  loaded.paths = passes::compile_paths(loaded.policy, passes);
  if (loaded.paths && !reported(loaded.diagnostics, "duplicate-sibling"))
    if (!passes::check_paths(loaded.policy, *loaded.paths, passes) && !passes.has_errors())
      passes.error({}, "internal", "the proofs failed without saying why", "report this as a bug of treelinec");
  join(loaded.diagnostics, passes);
  loaded.diagnostics.sort();
}

}  // namespace

Result<Loaded> load(bundle::Bundle bundle, const std::string& path) {
  Loaded loaded;
  const bundle::Artifact* profile = bundle.find(bundle::kProfile);
  if (profile == nullptr)
    return Error{"bundle " + text::quoted(path, 4096) + " holds no profile.yaml; compile the profile again", EBADMSG};
  loaded.text = profile->bytes;
  loaded.diagnostics = Diagnostics(path + "/" + std::string(bundle::kProfile));
  loaded.bundle = std::move(bundle);
  judge_into(loaded);
  if (!loaded.good()) return loaded;
  if (Result<void> same = belongs_together(loaded); !same) return same.error();
  return loaded;
}

Result<Loaded> load(const std::string& path) {
  struct stat status {};
  if (path != "-" && stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    Result<bundle::Bundle> bundle = bundle::read(path);
    if (!bundle) return bundle.error();
    return load(std::move(*bundle), path);
  }
  Loaded loaded;
  Result<std::string> text = frontend::load_text(path);
  if (!text) return text.error();
  loaded.text = std::move(*text);
  loaded.diagnostics = Diagnostics(path == "-" ? "standard input" : path);
  judge_into(loaded);
  return loaded;
}

Loaded judge(std::string text, std::string file) {
  Loaded loaded;
  loaded.text = std::move(text);
  loaded.diagnostics = Diagnostics(std::move(file));
  judge_into(loaded);
  return loaded;
}

}  // namespace treeline::cli
