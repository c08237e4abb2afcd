// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/cli/backends.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/make_bundle.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

namespace bpf = backends::bpf;

std::string accepted_text(const Diagnostics& diagnostics) {
  const auto accepted = std::count_if(diagnostics.list().begin(), diagnostics.list().end(), [](const Diagnostic& d) { return !d.accepted.empty(); });
  return accepted == 0 ? "" : ", " + std::to_string(accepted) + (accepted == 1 ? " rule" : " rules") + " weaker than written, as the profile accepts";
}

}  // namespace

int compile(const CompileOptions& options) {
  Report report("compile", options.output);
  if (options.strict) report.strict();
  if (options.bundle == "-") return report.usage(Error{"-o -: a bundle is a directory; name one"});
  const Result<Chosen> chosen = choose_backends(options);
  if (!chosen) return report.usage(chosen.error());
  Result<Loaded> loaded = load(options.profile);
  if (!loaded) return report.failed(loaded.error());
  if (loaded->bundle)
    return report.usage(Error{text::quoted(options.profile, 4096) + " is a bundle already; name a profile"});

  std::optional<bpf::Lowered> lowered;
  Beside beside;
  if (loaded->good()) {
    lowered = bpf::lower(loaded->policy, std::move(*loaded->paths), loaded->diagnostics);
    if (lowered)
      beside = lower_beside(loaded->policy, *chosen, lowered->residuals, options.strict, loaded->diagnostics);
    loaded->diagnostics.sort();
  }
  report.diagnostics(loaded->diagnostics, loaded->text);
  if (!lowered || loaded->diagnostics.has_errors()) return report.finish(kNo);
  // What the enforcer would ask: a mistake of ours must be seen here, not in front of a container.
  if (Result<void> valid = bpf::validate(lowered->image); !valid)
    return report.failed(
        Error{"the image is not valid: " + valid.error().message + "; report this as a bug of treelinec"});

  const bpf::ImageFigures figures = lowered->figures;
  Result<bundle::Bundle> made = make_bundle(*loaded, *chosen, std::move(*lowered), std::move(beside));
  if (!made) return report.failed(made.error());
  const size_t bytes = made->find(bundle::kImage)->bytes.size(), nodes = made->nodes.size();
  if (Result<void> written = bundle::write(options.bundle, std::move(*made)); !written)
    return report.failed(written.error());
  const Result<bundle::Bundle> read = bundle::read(options.bundle);
  if (!read) return report.failed(read.error());

  report.fields({{"name", read->name},
                 {"bundle", options.bundle},
                 {"digest", read->digest},
                 {"nodes", nodes},
                 {"image_bytes", bytes},
                 {"states", figures.states},
                 {"classes", figures.classes},
                 {"edges", figures.edges},
                 {"residuals", read->residuals.size()}});
  report.print(report.strong(read->name) + ": " + std::to_string(nodes) + " nodes, " + std::to_string(figures.classes) +
               " path classes, " + std::to_string(figures.states) + " states, image " + std::to_string(bytes) +
               " bytes" + accepted_text(loaded->diagnostics) + "\n" + text::printable(options.bundle, 4096) + "  sha256:" + read->digest + "\n");
  return report.finish(kYes);
}

}  // namespace treeline::cli
