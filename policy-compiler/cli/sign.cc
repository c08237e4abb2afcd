// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/bundle/sign.h"

#include <ctime>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"
#include "policy-compiler/support/utc.h"

namespace treeline::cli {
namespace {

Result<bundle::Terms> terms_of(const SignOptions& options) {
  bundle::Terms terms;
  terms.generation = options.generation;
  terms.minimum_generation = options.minimum_generation;
  if (options.generation > bundle::kMaxGeneration)
    return Error{"--generation is at most " + std::to_string(bundle::kMaxGeneration)};
  if (options.minimum_generation > options.generation)
    return Error{"--minimum-generation " + std::to_string(options.minimum_generation) + " is above --generation " +
                 std::to_string(options.generation) + ": the bundle would refuse itself; raise the one or lower the other"};
  if (options.expires.empty()) return terms;
  terms.expires = utc::parse(options.expires);
  if (!terms.expires)
    return Error{"--expires " + text::quoted(options.expires) +
                 " is no moment; write 2027-01-31 or 2027-01-31T12:00:00Z"};
  if (*terms.expires <= static_cast<int64_t>(std::time(nullptr)))
    return Error{"--expires " + utc::format(*terms.expires) + " is past already; name a moment that is to come"};
  return terms;
}

}  // namespace

int sign(const SignOptions& options) {
  Report report("sign", options.output);
  const Result<bundle::Terms> terms = terms_of(options);
  if (!terms) return report.usage(terms.error());
  const Result<std::string> pem = files::read_file(options.key, bundle::kMaxKeyFile);
  if (!pem) return report.failed(pem.error());
  const Result<bundle::SecretKey> key =
      bundle::read_secret_key(*pem, options.key == "-" ? "standard input" : options.key);
  if (!key) return report.failed(key.error());
  Result<bundle::Bundle> read = bundle::read(options.bundle);
  if (!read) return report.failed(read.error());
  // Who signs answers for what profile.yaml says: it must be what the machine will enforce.
  const Result<Loaded> loaded = load(*read, options.bundle);
  if (!loaded) return report.failed(loaded.error());
  if (!loaded->good()) {
    report.diagnostics(loaded->diagnostics, loaded->text);
    return report.finish(kNo);
  }
  Result<std::string> signature = bundle::sign(*read, *key, *terms);
  if (!signature) return report.failed(signature.error());
  // As a whole again: who reads meanwhile sees the bundle without, or with.
  read->signature = std::move(*signature);
  if (Result<void> written = bundle::write(options.bundle, *read); !written) return report.failed(written.error());

  report.fields({{"name", read->name},
                 {"bundle", options.bundle},
                 {"digest", read->digest},
                 {"key", key->public_key().id},
                 {"generation", terms->generation},
                 {"minimum_generation", terms->minimum_generation}});
  if (terms->expires) report.field("expires") = utc::format(*terms->expires);
  report.print(report.strong(read->name) + ": signed as generation " + std::to_string(terms->generation) + ", " +
               (terms->expires ? "until " + utc::format(*terms->expires) : "for ever") + ", by key " +
               key->public_key().id + "\n" + text::printable(options.bundle, 4096) + "  sha256:" + read->digest + "\n");
  return report.finish(kYes);
}

}  // namespace treeline::cli
