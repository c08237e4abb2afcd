// SPDX-License-Identifier: Apache-2.0
//
// treelinec: the compiler of profiles. No kernel, no root: same input, same bytes.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <thread>

#include "bpf/lsm/abi.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"

namespace {

using namespace treeline;

constexpr const char* kFooter = R"(
Exit status:
  0  done; the profile is right; the act is allowed
  1  the profile has mistakes; the act is denied
  2  the command line is wrong
  3  something could not be read or written

A PROFILE named '-' is read from standard input. --json prints one object on standard output and
nothing else, unless the command line is wrong.
Colours: on a terminal, unless NO_COLOR is set.
The language is described in LANGUAGE.md.)";

constexpr const char* kLearnFooter = R"(
A name that was born at run time becomes a class ({digits}, {rand:8}, {uuid} ...) where three names of one
directory, program and access word, from two starts, look alike and came to be as such names do; of names
made so that they could not have been there (O_EXCL, mkdir), removed again, and different in each start,
two suffice. Never: what is executed or mapped, secrets, names that --image holds, hidden names.
What stays literal though it may be another name next time, what is left out, and what is grave is listed
as a question. The order of the traces does not matter.)";

constexpr const char* kSignFooter = R"(
  openssl genpkey -algorithm ed25519 -out key.pem               once, kept secret
  openssl pkey -in key.pem -pubout -out web.pub.pem             goes to the machines: /etc/treeline/keys
  treelinec sign web.bundle --key key.pem --expires 2027-01-31 --generation 7
  treelinec verify web.bundle --key web.pub.pem

An encrypted key: openssl pkey -in key.pem | treelinec sign web.bundle --key -
Same bundle, key and options: same bytes. A signature that is there is replaced.)";

int version(bool json) {
  if (json) {
    cli::Report report("version", true);
    report.field("version") = TREELINE_VERSION;
    report.field("language") = frontend::kLanguage;
    report.field("abi_image") = TL_ABI_IMAGE;
    report.field("bundle_schema") = bundle::kSchema;
    return report.finish(cli::kYes);
  }
  std::printf("treelinec %s (language %d, image %d, bundle %d)\n", TREELINE_VERSION, frontend::kLanguage, TL_ABI_IMAGE,
              bundle::kSchema);
  return std::fflush(stdout) == 0 ? cli::kYes : cli::kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Compiles profiles of process trees into policies that the kernel enforces.", "treelinec"};
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", [] { return "treelinec " TREELINE_VERSION; });
  int exit = cli::kYes;

  cli::CompileOptions compile;
  cli::CompileManyOptions many;
  many.jobs = std::max(1u, std::thread::hardware_concurrency());
  CLI::App* command =
      app.add_subcommand("compile", "Compile a profile into a bundle, or many into a directory of bundles");
  command->add_option("PROFILE", many.profiles, "YAML or JSON")->required();
  command
      ->add_option(
          "-o,--output", compile.bundle,
          "The directory to write; a bundle there is replaced. Of several profiles, each becomes STEM.bundle in it")
      ->required();
  command->add_flag("--strict", compile.strict, "A rule that is not enforced exactly is a mistake, not a warning");
  command->add_option("-j,--jobs", many.jobs, "Of several profiles, so many at once")->check(CLI::Range(1u, 256u));
  command->add_flag("--json", compile.json, "Print one JSON object");
  command->footer(
      "\n  treelinec compile web.yaml -o web.bundle\n  treelinec compile profiles/*.yaml -o bundles      all of them, "
      "with progress");
  command->callback([&] {
    if (many.profiles.size() == 1) {
      compile.profile = many.profiles[0];
      exit = cli::compile(compile);
      return;
    }
    many.directory = compile.bundle;
    many.json = compile.json;
    many.strict = compile.strict;
    exit = cli::compile_many(many);
  });

  cli::CheckOptions check;
  command = app.add_subcommand("check", "Report everything that is wrong with profiles, and what deserves a look");
  command->add_option("PROFILE", check.profiles, "Profiles or bundles")->required();
  command->add_flag("--strict", check.strict, "Warnings count as mistakes");
  command->add_flag("--json", check.json, "Print one JSON object");
  command->callback([&] { exit = cli::check(check); });

  cli::ExplainOptions explain;
  command =
      app.add_subcommand("explain", "Print the tree, or answer: may NODE do ACT to OBJECT, and which line says so");
  command->add_option("SOURCE", explain.source, "A profile or a bundle")->required();
  command
      ->add_option("QUESTION", explain.question,
                   "NODE ACT OBJECT, e.g.: /usr/sbin/nginx read /etc/hosts · entry exec /entrypoint.sh · "
                   "worker out tcp:10.0.0.1:5432 · worker listen tcp:80 · worker capability chown")
      ->expected(0, 3);
  command->add_flag("--json", explain.json, "Print one JSON object");
  command->callback([&] { exit = cli::explain(explain); });

  cli::ExplainOptions evaluate;
  evaluate.question.resize(3);
  command = app.add_subcommand("evaluate", "Answer 'allow' or 'deny' by the slow, obvious meaning of the profile");
  command->add_option("SOURCE", evaluate.source, "A profile or a bundle")->required();
  command->add_option("--node", evaluate.question[0], "Id, path in the tree, key, or executable")->required();
  command->add_option("--act", evaluate.question[1], "As for explain")->required();
  command->add_option("--object", evaluate.question[2], "As for explain")->required();
  command->add_flag("--json", evaluate.json, "Print one JSON object");
  command->callback([&] { exit = cli::evaluate(evaluate); });

  cli::LearnOptions learn;
  command = app.add_subcommand("learn", "Draft a profile from traces; each trace is one start of the workload");
  command->add_option("TRACE", learn.traces, "JSON lines, written by treeline")->required();
  command->add_option("-o,--output", learn.output, "The profile to write, '-' for standard output")->required();
  command->add_option("--name", learn.name, "Name of the profile; default: the workload that the traces name");
  command->add_option("--image", learn.image, "The image's directory: names that it holds are not born at run time");
  command->add_option("--evidence", learn.evidence, "Where the evidence goes; default: beside the profile");
  command->add_flag("--join", learn.join, "Processes that joined the container become join nodes");
  command->add_flag("--json", learn.json, "Print one JSON object");
  command->footer(kLearnFooter);
  command->callback([&] { exit = cli::learn(learn); });

  cli::SignOptions sign;
  command = app.add_subcommand("sign", "Sign a bundle: what machines with require_signature ask for");
  command->add_option("BUNDLE", sign.bundle, "The directory that compile wrote; signature.json is put into it")
      ->required();
  command->add_option("--key", sign.key, "The secret key, Ed25519 in PEM; '-' for standard input")->required();
  command->add_option(
      "--expires", sign.expires,
      "The first moment at which the signature is not valid any more, UTC: 2027-01-31 or 2027-01-31T12:00:00Z");
  command->add_option("--generation", sign.generation,
                      "Counts the bundles of this policy: a machine takes none below the one that it has");
  command->add_option("--minimum-generation", sign.minimum_generation,
                      "A machine that has this bundle goes back to none below, not by a rollback either");
  command->add_flag("--json", sign.json, "Print one JSON object");
  command->footer(kSignFooter);
  command->callback([&] { exit = cli::sign(sign); });

  cli::VerifyOptions verify;
  command = app.add_subcommand("verify", "Is a bundle whole, and signed by a key that is trusted?");
  command->add_option("BUNDLE", verify.bundle, "The directory")->required();
  command->add_option("--key", verify.keys, "A public key in PEM, or a directory of them (*.pem); may be repeated")
      ->required();
  command->add_option("--generation", verify.generation, "Refuse a lower one");
  command->add_option("--at", verify.at, "Ask for this moment instead of now, UTC: 2027-01-31 or 2027-01-31T12:00:00Z");
  command->add_flag("--json", verify.json, "Print one JSON object");
  command->footer(
      "\n  treelinec verify web.bundle --key web.pub.pem --at 2027-03-01      still valid in March?\n\nExit status: 0 "
      "it is, 1 it is not and why, 2 and 3 as everywhere.");
  command->callback([&] { exit = cli::verify(verify); });

  std::string shell = "bash";
  command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("SHELL", shell, "bash");
  command->callback([&] { exit = cli::completion(shell); });

  bool version_json = false;
  command = app.add_subcommand("version", "Print the versions of compiler, language, image and bundle");
  command->add_flag("--json", version_json, "Print one JSON object");
  command->callback([&] { exit = version(version_json); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? cli::kYes : cli::kUsage;
  } catch (const std::bad_alloc&) {
    std::fputs("treelinec: error: out of memory\n", stderr);
    return cli::kFailed;
  }
  return exit;
}
