// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/belongs.h"

#include <cerrno>
#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/seccomp/program.h"
#include "policy-compiler/cli/make_bundle.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

namespace bpf = backends::bpf;

Error refused(const bundle::Bundle& bundle, std::string_view what) {
  const std::string writer = other_writer(bundle);
  return Error{"bundle " + text::quoted(bundle.name, 4096) + " is refused: its " + std::string(what) + " is not what its profile.yaml compiles to" +
                   (writer.empty() ? "" : " (" + writer + " compiled it, this is " TREELINE_VERSION ")") +
                   ", so that neither says what the other does; compile the profile again",
               EBADMSG};
}

CompileOptions command_of(const bundle::Options& options) {
  CompileOptions command;
  command.backends = options.backends;
  command.architectures = options.architectures;
  command.no_new_privs = options.no_new_privs;
  command.complain = options.complain;
  return command;
}

// What its profile compiles to, by the options that it notes; nullopt: to nothing.
std::optional<bundle::Bundle> compiled_again(const Loaded& loaded) {
  const bundle::Options& options = *loaded.bundle->options;
  const Result<Chosen> chosen = choose_backends(command_of(options));
  if (!chosen) return std::nullopt;
  Diagnostics mistakes(loaded.diagnostics.file());
  std::optional<bpf::Lowered> lowered = bpf::lower(loaded.policy, *loaded.paths, mistakes);
  if (!lowered) return std::nullopt;
  Beside beside = lower_beside(loaded.policy, *chosen, lowered->residuals, false, mistakes);
  if (mistakes.has_errors()) return std::nullopt;
  Result<bundle::Bundle> made = make_bundle(loaded, *chosen, std::move(*lowered), std::move(beside));
  if (!made) return std::nullopt;
  made->compiler = loaded.bundle->compiler;
  if (chosen->seccomp) made->options->libseccomp = options.libseccomp;
  bundle::arrange(*made);
  return std::move(*made);
}

// The first artifact that one has and the other has not, or otherwise; "": none.
std::string different_artifact(const bundle::Bundle& bundle, const bundle::Bundle& made) {
  for (const bundle::Artifact& artifact : made.artifacts) {
    const bundle::Artifact* found = bundle.find(artifact.name);
    if (found == nullptr || found->bytes != artifact.bytes) return artifact.name;
  }
  for (const bundle::Artifact& artifact : bundle.artifacts)
    if (made.find(artifact.name) == nullptr) return artifact.name;
  return "";
}

}  // namespace

std::string other_writer(const bundle::Bundle& bundle) {
  const std::string version = "treelinec " + text::printable(bundle.compiler, 64);
  if (!bundle.options) return version + ", which noted no options,";
  const bool filter = !bundle.options->libseccomp.empty() && bundle.options->libseccomp != backends::seccomp::libseccomp_version();
  if (filter) return version + " with libseccomp " + text::printable(bundle.options->libseccomp, 64);
  return bundle.compiler == TREELINE_VERSION && bundle.abi == TL_ABI_IMAGE ? "" : version;
}

Result<void> belongs_together(const Loaded& loaded) {
  const bundle::Bundle& bundle = *loaded.bundle;
  if (!bundle.options)
    return Error{"bundle " + text::quoted(bundle.name, 4096) + " is refused: the treelinec that compiled it did not note with which options, so that nobody "
                     "can tell whether its files are what its profile.yaml compiles to; compile the profile again",
                 EBADMSG};
  const std::optional<bundle::Bundle> made = compiled_again(loaded);
  if (!made) return refused(bundle, bundle::kManifest);
  if (const std::string other = different_artifact(bundle, *made); !other.empty()) return refused(bundle, other);
  const Result<std::string> manifest = bundle::encode_manifest(*made);
  if (!manifest || sha256_hex(*manifest) != bundle.digest) return refused(bundle, bundle::kManifest);
  return {};
}

}  // namespace treeline::cli
