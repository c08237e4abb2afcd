// SPDX-License-Identifier: Apache-2.0
//
// treelinec: the compiler of profiles. No kernel, no root: same input, same bytes.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>
#include <thread>

#include "bpf/lsm/abi.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/bundle/sign.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/import/import.h"
#include "policy-compiler/support/usage.h"

namespace {

using namespace treeline;

// Of every command that says nothing narrower.
constexpr const char* kExitStatus = R"(
Exit status:
  0  done; the profile is right; the act is allowed
  1  the profile has mistakes, is not formatted, cannot be merged; the act is denied
  2  the command line is wrong
  3  something could not be read or written)";

constexpr const char* kFooter = R"(

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
Refused where a file of it is not what profile.yaml compiles to. Same bundle, key and options: same bytes. A signature that is there is replaced.)";

constexpr const char* kEmitFooter = R"(
What the mechanism cannot hold is listed on top of what is printed, and as notes. All of these are fences
behind the bundle, which holds the profile: they know pods or containers, not programs.
  treelinec emit web.yaml --as networkpolicy --pods app=web --namespace shop | kubectl apply -f -
  treelinec emit web.yaml --as cilium --service 10.96.0.10=kube-system/k8s-app=kube-dns
  treelinec emit web.yaml --as selinux --mount /var/log/web -o web.cil)";

constexpr const char* kImportFooter = R"(
The draft is never wider than the source: what the language cannot say exactly is left out or written
narrower, and listed with its line, in the output, on top of the draft and in --report.
  treelinec import ksp-web.yaml -o web.yaml
  treelinec import --from docker-seccomp default.json --exec /usr/sbin/web -o web.yaml
  strace -f -y -o web.log /usr/sbin/web; treelinec import web.log -o web.yaml)";

constexpr const char* kDiffFooter = R"(
Example: treelinec diff main.yaml branch.yaml --fail-on high

  entry > /usr/sbin/web
    + high      file        /etc/**  read  for example /etc/shadow  [holds secrets]  branch.yaml:12:7

+ newly allowed, - newly denied, ~ what a violation costs. Rules that are written otherwise and mean the
same are no difference. The step to a node that was moved has the risk of what that node holds. Exit status: 1 where something is newly allowed, unless --fail-on says otherwise.)";

constexpr const char* kReplayFooter = R"(
Example: treelinec replay web.bundle monday.jsonl tuesday.jsonl --unused

Exit status: 0 nothing would be denied, 1 something would. Of a trace that is late, incomplete or empty
nothing denied does not mean all allowed: it is said, and --require-complete exits with 1. What a program did whose start would be denied is
counted, not judged. Grants that nothing needed are no mistake: a trace shows what was, not what may come.)";

constexpr const char* kTestFooter = R"(
Example: treelinec test web.yaml      with web.cases.yaml beside it:

  treeline-cases: 1
  cases:
    - {node: web, act: read, object: /etc/web/web.conf, expect: allow}
    - {node: web, act: exec, object: /bin/sh, expect: deny}

NODE, ACT and OBJECT are those of explain. Exit status: 0 all as expected, 1 some are not.)";

constexpr const char* kFormatFooter = R"(
Comments stay at what they stand at; keys of a node come in the order of the language, access words too; lists
stand on one line where they fit, longer ones of words on several. A file with mistakes is left as it is. Formatting
twice changes nothing more.

  treelinec fmt web.yaml                    in place
  treelinec fmt --check profiles/*.yaml     for a pipeline)";

constexpr const char* kMergeFooter = R"(
Nodes are the same where their place in the tree is. What cannot be united (digests, what a violation costs, an exec
that leads to two places, a file that one may write and the other execute) is a mistake that names both places, and
nothing is written. Comments and groups are not carried over; what a node accepts of a whole code only where all say it.
Where one profile lists no system calls, any passes in the result, and the lists of the others are dropped.

  treelinec merge monday.yaml tuesday.yaml -o web.yaml)";

constexpr const char* kSchemaFooter = R"(
  treelinec schema > treeline.schema.json
and as the first line of a profile, for editors with a YAML language server:
  # yaml-language-server: $schema=treeline.schema.json)";

// --format, and --json as its short form.
void add_output(CLI::App* command, cli::Output& output) {
  command
      ->add_option_function<std::string>(
          "--format", [&output](const std::string& word) { output = *cli::formats::find_format(word); },
          "text, json, sarif (2.1.0), junit or markdown")
      ->check(CLI::IsMember({"text", "json", "sarif", "junit", "markdown"}))
      ->type_name("FORMAT");
  command->add_flag_callback("--json", [&output] { output = cli::Format::kJson; }, "The same as --format json");
}

// An option that is given again for each further value: of several words behind it the first is its own, the rest are not swallowed.
CLI::Option* add_list(CLI::App* command, const char* name, std::vector<std::string>& values, const std::string& words) {
  return command->add_option(name, values, words)->allow_extra_args(false);
}

// What an option leaves out when it is empty (an expiry, a namespace) was asked for: a variable of a script that is not set.
void refuse_empty(CLI::App& app) {
  const auto not_empty = [](std::string& value) { return value.empty() ? std::string("is empty: give it a value, or leave the option out") : std::string(); };
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
    for (CLI::Option* option : command->get_options())
      if (!option->get_positional() && option->get_expected_max() != 0) option->check(CLI::Validator(not_empty, "", "not empty"));
}

std::string with_status(const char* footer) { return std::string(footer) + "\n" + kExitStatus; }

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
  return cli::written(cli::kYes);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Compiles profiles of process trees into policies that the kernel enforces.", "treelinec"};
  app.footer(std::string(kExitStatus) + kFooter);
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
  command->add_flag("--strict", compile.strict, "A filter of system calls that is asked for, and that no node has a list for, is a mistake, not a warning");
  add_list(command, "--backend", compile.backends, "What enforces: bpf (always), seccomp (where system calls are listed), apparmor, e.g. --backend bpf,seccomp")
      ->delimiter(',')
      ->capture_default_str();
  add_list(command, "--seccomp-arch", compile.architectures,
           "Whose system calls the seccomp filter lets pass: x86_64,x86,x32,aarch64; default: all")
      ->delimiter(',');
  command->add_flag("--no-new-privs", compile.no_new_privs,
                    "The workload runs with no_new_privs (Kubernetes: allowPrivilegeEscalation: false), where the kernel "
                    "refuses every change of AppArmor profile: one flat profile, the hooks alone hold the tree");
  command->add_flag("--complain", compile.complain, "AppArmor profiles that report and refuse nothing");
  add_output(command, compile.output);
  command->add_option("-j,--jobs", many.jobs, "Of several profiles, so many at once")->check(CLI::Range(1u, 256u));
  command->footer(with_status(
      "\n  treelinec compile web.yaml -o web.bundle\n  treelinec compile profiles/*.yaml -o bundles      all of them, "
      "with progress"));
  command->callback([&] {
    if (many.profiles.size() == 1) {
      compile.profile = many.profiles[0];
      exit = cli::compile(compile);
      return;
    }
    many.directory = compile.bundle;
    many.each = compile;
    exit = cli::compile_many(many);
  });

  cli::CheckOptions check;
  command = app.add_subcommand("check", "Report everything that is wrong with profiles, and what deserves a look");
  command->add_option("PROFILE", check.profiles, "Profiles or bundles")->required();
  command->add_flag("--strict", check.strict, "Warnings count as mistakes");
  command->add_option("--fail-on", check.fail_on,
                      "low, medium, high or critical: findings of that risk or a graver one exit with 1");
  command->add_option("--kernel", check.kernel, "Note what this kernel cannot hold, e.g. 5.10");
  add_output(command, check.output);
  command->callback([&] { exit = cli::check(check); });

  cli::FormatOptions format;
  command = app.add_subcommand("fmt", "Lay profiles out in one way, in place; '-' from standard input to standard output");
  command->add_option("FILE", format.files, "Profiles in YAML, without mistakes")->required();
  command->add_flag("--check", format.check, "Write nothing; exit 1 where a file would change");
  add_output(command, format.output);
  command->footer(with_status(kFormatFooter));
  command->callback([&] { exit = cli::format(format); });

  cli::MergeOptions merge;
  command = app.add_subcommand("merge", "Unite profiles of one policy: what any of them allows, the result allows");
  command->add_option("PROFILE", merge.profiles, "Two profiles or bundles, or more")->required()->expected(2, -1);
  command->add_option("-o,--output", merge.merged, "The profile to write, '-' for standard output")->required();
  command->add_option("--name", merge.name, "Name of the result; default: the one that all have");
  add_output(command, merge.output);
  command->footer(with_status(kMergeFooter));
  command->callback([&] { exit = cli::merge(merge); });

  cli::SchemaOptions schema;
  command = app.add_subcommand("schema", "Print the JSON Schema of profiles, for editors");
  command->add_flag("--version", schema.version, "Print the version of the language that it describes");
  command->add_flag("--json", schema.json, "With --version: print one JSON object");
  command->footer(with_status(kSchemaFooter));
  command->callback([&] { exit = cli::schema(schema); });

  cli::ExplainOptions explain;
  command =
      app.add_subcommand("explain", "Print the tree, or answer: may NODE do ACT to OBJECT, and which line says so");
  command->add_option("SOURCE", explain.source, "A profile or a bundle")->required();
  explain.question.resize(3);
  command->add_option("NODE", explain.question[0], "With ACT and OBJECT a question: id, path in the tree, key, or executable");
  command->add_option("ACT", explain.question[1], "read, exec, out, listen, capability ...");
  command->add_option("OBJECT", explain.question[2],
                      "e.g.: /usr/sbin/nginx read /etc/hosts · entry exec /entrypoint.sh · "
                      "worker out tcp:10.0.0.1:5432 · worker listen tcp:80 · worker capability chown");
  command->add_flag("--matrix", explain.matrix, "Print which mechanism enforces which rule, and what is left over");
  add_list(command, "--as", explain.targets, "With --matrix: a column for what emit would write, networkpolicy, cilium, calico or selinux")->delimiter(',');
  command->add_flag("--json", explain.json, "Print one JSON object");
  command->callback([&, command] {
    explain.question.resize(command->count("NODE") + command->count("ACT") + command->count("OBJECT"));
    exit = cli::explain(explain);
  });

  cli::ExplainOptions evaluate;
  evaluate.question.resize(3);
  command = app.add_subcommand("evaluate", "Answer 'allow' or 'deny' by the slow, obvious meaning of the profile");
  command->add_option("SOURCE", evaluate.source, "A profile or a bundle")->required();
  command->add_option("--node", evaluate.question[0], "Id, path in the tree, key, or executable")->required();
  command->add_option("--act", evaluate.question[1], "As for explain")->required();
  command->add_option("--object", evaluate.question[2], "As for explain")->required();
  command->add_flag("--json", evaluate.json, "Print one JSON object");
  command->callback([&] { exit = cli::evaluate(evaluate); });

  cli::DiffOptions diff;
  command = app.add_subcommand("diff", "What NEW allows and OLD does not, and the other way round, by meaning");
  command->add_option("OLD", diff.before, "A profile or a bundle")->required();
  command->add_option("NEW", diff.after, "A profile or a bundle")->required();
  command->add_option("--fail-on", diff.fail_on,
                      "What exits with 1: none, allowed (default), denied, any; low, medium, high, critical: newly "
                      "allowed of that risk or a graver one");
  add_output(command, diff.output);
  command->footer(kDiffFooter);
  command->callback([&] { exit = cli::diff(diff); });

  cli::ReplayOptions replay;
  command = app.add_subcommand("replay", "Judge the acts of traces as the kernel would: which would be denied?");
  command->add_option("SOURCE", replay.source, "A bundle, or a profile")->required();
  command->add_option("TRACE", replay.traces, "JSON lines, written by treeline")->required();
  command->add_flag("--unused", replay.unused, "List the grants that no act needed");
  command->add_flag("--require-complete", replay.require_complete, "Exit with 1 where a trace is late, incomplete or empty");
  add_output(command, replay.output);
  command->footer(kReplayFooter);
  command->callback([&] { exit = cli::replay(replay); });

  cli::TestOptions test;
  command = app.add_subcommand("test", "Ask a profile its own cases: what it must allow and must deny");
  command->add_option("PROFILE", test.profile, "A profile or a bundle")->required();
  command->add_option("CASES", test.cases, "YAML or JSON; default: beside the profile, web.yaml -> web.cases.yaml");
  add_output(command, test.output);
  command->footer(kTestFooter);
  command->callback([&] { exit = cli::test(test); });

  cli::LearnOptions learn;
  command = app.add_subcommand("learn", "Draft a profile from traces; each trace is one start of the workload");
  command->add_option("TRACE", learn.traces, "JSON lines, written by treeline")->required();
  command->add_option("-o,--output", learn.output, "The profile to write, '-' for standard output")->required();
  command->add_option("--name", learn.name, "Name of the profile; default: the workload that the traces name");
  command->add_option("--image", learn.image, "The image's directory: names that it holds are not born at run time");
  command->add_option("--evidence", learn.evidence, "Where the evidence goes; default: beside the profile");
  command->add_flag("--join", learn.join, "Processes that joined the container become join nodes");
  command->add_flag("--json", learn.json, "Print one JSON object");
  command->footer(with_status(kLearnFooter));
  command->callback([&] { exit = cli::learn(learn); });

  cli::ImportOptions source;
  command = app.add_subcommand("import", "Draft a profile from what another tool wrote");
  command->add_option("FILE", source.source, "A policy, a profile or a log; '-' is standard input")->required();
  command->add_option("-o,--output", source.output, "The profile to write, '-' for standard output")->required();
  command->add_option("--from", source.from, "Format; recognised where it is not given: " + import_::format_list());
  command->add_option("--name", source.name, "Name of the profile; default: the source's");
  add_list(command, "--exec", source.programs,
           "A program that the rules are for, where the source names none; repeat it");
  command->add_option("--container", source.container, "Which container of the source (kubescape)");
  command->add_option("--report", source.report, "Where the list of what is not carried over goes as well");
  command->add_flag("--syscalls", source.syscalls, "strace: the log is complete, list its system calls");
  add_output(command, source.form);
  command->footer(with_status(kImportFooter));
  command->callback([&] { exit = cli::import_source(source); });

  cli::EmitOptions emit;
  command = app.add_subcommand("emit", "Print what one other mechanism can hold of a profile");
  command->add_option("PROFILE", emit.profile, "A profile or a bundle")->required();
  command->add_option("--as", emit.as, "networkpolicy, cilium, calico or selinux")->required();
  command->add_option("-o,--output", emit.output, "The file to write; default: standard output");
  command->add_option("--namespace", emit.name_space, "Namespace of the network policy; default: none is written");
  add_list(command, "--pods", emit.pods,
           "Label KEY=VALUE of the workload's pods, repeat it; default: app.kubernetes.io/name=NAME");
  add_list(command, "--service-cidr", emit.service_cidrs,
           "Block of Services' addresses, repeat it, or 'none'; default: 10.96.0.0/12");
  add_list(command, "--service", emit.services,
           "Pods behind a Service: ADDRESS=NAMESPACE/KEY=VALUE[:PORT], repeat it");
  command->add_flag("--split-ranges", emit.split_ranges, "Ranges of ports singly: for servers that drop endPort");
  add_list(command, "--mount", emit.mounts, "selinux: a mount from the host, PATH or PATH=TYPE, repeat it");
  command->add_flag("--strict", emit.strict, "A rule that is not held exactly is a mistake, not a note");
  add_output(command, emit.form);
  command->footer(with_status(kEmitFooter));
  command->callback([&] { exit = cli::emit(emit); });

  cli::SignOptions sign;
  command = app.add_subcommand("sign", "Sign a bundle: what machines with require_signature ask for");
  command->add_option("BUNDLE", sign.bundle, "The directory that compile wrote; signature.json is put into it")
      ->required();
  command->add_option("--key", sign.key, "The secret key, Ed25519 in PEM; '-' for standard input")->required();
  command->add_option(
      "--expires", sign.expires,
      "The first moment at which the signature is not valid any more, UTC: 2027-01-31 or 2027-01-31T12:00:00Z");
  command->add_option("--generation", sign.generation,
                      "Counts the bundles of this policy: a machine takes none below the one that it has")
      ->check(CLI::Range(uint64_t{0}, bundle::kMaxGeneration));
  command->add_option("--minimum-generation", sign.minimum_generation,
                      "A machine that has this bundle goes back to none below, not by a rollback either")
      ->check(CLI::Range(uint64_t{0}, bundle::kMaxGeneration));
  add_output(command, sign.output);
  command->footer(with_status(kSignFooter));
  command->callback([&] { exit = cli::sign(sign); });

  cli::VerifyOptions verify;
  command = app.add_subcommand("verify", "Is a bundle whole, and signed by a key that is trusted?");
  command->add_option("BUNDLE", verify.bundle, "The directory")->required();
  add_list(command, "--key", verify.keys, "A public key in PEM, or a directory of them (*.pem); may be repeated")
      ->required();
  command->add_option("--generation", verify.generation, "Refuse a lower one")->check(CLI::Range(uint64_t{0}, bundle::kMaxGeneration));
  command->add_option("--at", verify.at, "Ask for this moment instead of now, UTC: 2027-01-31 or 2027-01-31T12:00:00Z");
  add_output(command, verify.output);
  command->footer(
      "\n  treelinec verify web.bundle --key web.pub.pem --at 2027-03-01      still valid in March?\n\nExit status: 0 "
      "it is, 1 it is not and why, 2 and 3 as everywhere. Whole means also: "
      "its files are what profile.yaml\ncompiles to, where this version compiled them.");
  command->callback([&] { exit = cli::verify(verify); });

  std::string shell = "bash";
  command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("SHELL", shell, "bash");
  command->callback([&] { exit = cli::completion(shell); });

  bool version_json = false;
  command = app.add_subcommand("version", "Print the versions of compiler, language, image and bundle");
  command->add_flag("--json", version_json, "Print one JSON object");
  command->callback([&] { exit = version(version_json); });

  refuse_empty(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {  // --help, --version
      std::ostringstream text;
      app.exit(e, text, text);
      std::fputs(text.str().c_str(), stdout);
      return cli::written(cli::kYes);
    }
    return cli::Report("usage", cli::Output()).usage(Error{support::usage_error(app, e, "treelinec")});
  } catch (const std::bad_alloc&) {
    std::fputs("treelinec: error: out of memory\n", stderr);
    return cli::kFailed;
  }
  return exit;
}
