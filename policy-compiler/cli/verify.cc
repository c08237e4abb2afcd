// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cerrno>
#include <ctime>

#include "policy-compiler/bundle/sign.h"
#include "policy-compiler/cli/belongs.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"
#include "policy-compiler/support/utc.h"

namespace treeline::cli {
namespace {

Result<std::vector<bundle::PublicKey>> read_keys(const std::vector<std::string>& names) {
  std::vector<bundle::PublicKey> keys;
  for (const std::string& name : names) {
    struct stat status {};
    if (stat(name.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      Result<std::vector<bundle::PublicKey>> more = bundle::read_trusted_keys(name, false);
      if (!more) return more.error();
      keys.insert(keys.end(), more->begin(), more->end());
      continue;
    }
    const Result<std::string> pem = files::read_file(name, bundle::kMaxKeyFile);
    if (!pem) return pem.error();
    Result<bundle::PublicKey> key = bundle::read_public_key(*pem, name);
    if (!key) return key.error();
    keys.push_back(std::move(*key));
  }
  return keys;
}

void say(const bundle::Statement& statement, Report& report) {
  report.field("key") = statement.key_id;
  report.field("generation") = statement.terms.generation;
  report.field("minimum_generation") = statement.terms.minimum_generation;
  if (statement.terms.expires) report.field("expires") = utc::format(*statement.terms.expires);
}

}  // namespace

int verify(const VerifyOptions& options) {
  Report report("verify", options.output);
  std::optional<int64_t> at = static_cast<int64_t>(std::time(nullptr));
  if (!options.at.empty()) at = utc::parse(options.at);
  if (!at)
    return report.usage(
        Error{"--at " + text::quoted(options.at) + " is no moment; write 2027-01-31 or 2027-01-31T12:00:00Z"});
  const Result<std::vector<bundle::PublicKey>> keys = read_keys(options.keys);
  if (!keys) return report.failed(keys.error());
  const auto refuse = [&](const std::string& file, std::string_view code, const std::string& message, const std::string& remedy) {
    Diagnostics diagnostics(file);
    diagnostics.error({}, code, message, remedy);
    report.field("valid") = false;
    report.diagnostics(diagnostics, "");
    return report.finish(kNo);
  };
  const Result<bundle::Bundle> read = bundle::read(options.bundle);
  if (!read && read.error().code == EBADMSG) return refuse(options.bundle, "bundle-damaged", read.error().message, "");
  if (!read) return report.failed(read.error());
  const bundle::Verdict verdict = bundle::verify(*read, *keys, *at, options.generation);

  report.fields({{"name", read->name}, {"bundle", options.bundle}, {"digest", read->digest}});
  report.field("valid") = !verdict.refusal;
  if (verdict.statement) say(*verdict.statement, report);
  if (verdict.refusal)
    return refuse(options.bundle + "/" + std::string(bundle::kSignature), bundle::refusal_code(verdict.refusal->kind),
                  verdict.refusal->message, verdict.refusal->remedy);
  // Another version may rightly have written other bytes; there the signer's word counts, whose treelinec has compared them.
  const std::string writer = other_writer(*read);
  const bool comparable = writer.empty();
  report.field("profile_compared") = comparable;
  if (comparable) {
    const Result<Loaded> loaded = load(*read, options.bundle);
    if (!loaded) return refuse(options.bundle, "bundle-mismatch", loaded.error().message, "");
    if (!loaded->good()) return refuse(options.bundle, "bundle-mismatch", "its profile.yaml has mistakes, so that nothing in it is compiled from it", "compile the profile again");
  }
  const bundle::Terms& terms = verdict.statement->terms;
  report.print(report.strong(read->name) + ": signed by key " + verdict.statement->key_id + ", generation " +
               std::to_string(terms.generation) +
               (terms.expires ? ", valid until " + utc::format(*terms.expires) : "") +
               (comparable ? "" : "; its files were not compared with profile.yaml: " + writer + " compiled them") + "\n");
  return report.finish(kYes);
}

}  // namespace treeline::cli
