// SPDX-License-Identifier: Apache-2.0
//
// treelinec: the compiler of profiles. No kernel, no root: same input, same bytes.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bpf/lsm/abi.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/import/import.h"

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
  CLI::App* command = app.add_subcommand("compile", "Compile a profile into a bundle");
  command->add_option("PROFILE", compile.profile, "YAML or JSON")->required();
  command->add_option("-o,--output", compile.bundle, "The directory to write; a bundle there is replaced")->required();
  command->add_flag("--strict", compile.strict, "A rule that is not enforced exactly is a mistake, not a warning");
  command->add_flag("--json", compile.json, "Print one JSON object");
  command->callback([&] { exit = cli::compile(compile); });

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

  cli::ImportOptions source;
  command = app.add_subcommand("import", "Draft a profile from what another tool wrote");
  command->add_option("FILE", source.source, "A policy, a profile or a log; '-' is standard input")->required();
  command->add_option("-o,--output", source.output, "The profile to write, '-' for standard output")->required();
  command->add_option("--from", source.from, "Format; recognised where it is not given: " + import_::format_list());
  command->add_option("--name", source.name, "Name of the profile; default: the source's");
  command->add_option("--exec", source.programs,
                      "A program that the rules are for, where the source names none; repeat it");
  command->add_option("--container", source.container, "Which container of the source (kubescape)");
  command->add_option("--report", source.report, "Where the list of what is not carried over goes as well");
  command->add_flag("--syscalls", source.syscalls, "strace: the log is complete, list its system calls");
  command->add_flag("--json", source.json, "Print one JSON object");
  command->footer(kImportFooter);
  command->callback([&] { exit = cli::import_source(source); });

  cli::EmitOptions emit;
  command = app.add_subcommand("emit", "Print what one other mechanism can hold of a profile");
  command->add_option("PROFILE", emit.profile, "A profile or a bundle")->required();
  command->add_option("--as", emit.as, "networkpolicy, cilium, calico or selinux")->required();
  command->add_option("-o,--output", emit.output, "The file to write; default: standard output");
  command->add_option("--namespace", emit.name_space, "Namespace of the network policy; default: none is written");
  command->add_option("--pods", emit.pods,
                      "Label KEY=VALUE of the workload's pods, repeat it; default: app.kubernetes.io/name=NAME");
  command->add_option("--service-cidr", emit.service_cidrs,
                      "Block of Services' addresses, repeat it, or 'none'; default: 10.96.0.0/12");
  command->add_option("--service", emit.services,
                      "Pods behind a Service: ADDRESS=NAMESPACE/KEY=VALUE[:PORT], repeat it");
  command->add_flag("--split-ranges", emit.split_ranges, "Ranges of ports singly: for servers that drop endPort");
  command->add_option("--mount", emit.mounts, "selinux: a mount from the host, PATH or PATH=TYPE, repeat it");
  command->add_flag("--strict", emit.strict, "A rule that is not held exactly is a mistake, not a note");
  command->add_flag("--json", emit.json, "Print one JSON object");
  command->footer(kEmitFooter);
  command->callback([&] { exit = cli::emit(emit); });

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
