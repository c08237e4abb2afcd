// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/learn.h"

#include <cstdio>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/format.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/support/files.h"

namespace treeline::cli {
namespace {

// profile.yaml -> profile.evidence.json
std::string evidence_beside(const std::string& output) {
  if (output == "-") return "";
  const size_t dot = output.rfind('.');
  const size_t slash = output.rfind('/');
  const bool extension = dot != std::string::npos && (slash == std::string::npos || dot > slash + 1) && dot != 0;
  return (extension ? output.substr(0, dot) : output) + ".evidence.json";
}

Json question_json(const learn::Question& question) {
  return {{"kind", learn::question_kind_name(question.kind)},
          {"code", question.code},
          {"node", question.node},
          {"text", question.text},
          {"remedy", question.remedy},
          {"examples", question.examples}};
}

}  // namespace

int learn(const LearnOptions& options) {
  Report report("learn", options.json);
  if (options.json && options.output == "-")
    return report.usage(Error{"--json and the profile both go to standard output; name a file with -o"});

  learn::Options how;
  how.name = options.name;
  how.join = options.join;
  if (!options.image.empty()) {
    Result<learn::ImageHolds> image = learn::image_directory(options.image);
    if (!image) return report.failed(image.error());
    how.image = std::move(*image);
  }
  std::vector<learn::Trace> traces;
  bool bad = false;
  for (const std::string& path : options.traces) {
    Diagnostics diagnostics(path);
    Result<std::optional<learn::Trace>> trace = learn::load_trace(diagnostics);
    if (!trace) return report.failed(trace.error());
    report.diagnostics(diagnostics, "");
    if (!*trace || diagnostics.has_errors())
      bad = true;
    else
      traces.push_back(std::move(**trace));
  }
  if (bad) return report.finish(kNo);

  Diagnostics diagnostics("treelinec learn");
  const std::optional<learn::Learned> learned = learn::learn(std::move(traces), how, diagnostics);
  report.diagnostics(diagnostics, "");
  if (!learned || diagnostics.has_errors()) return report.finish(kNo);

  const std::string text = frontend::laid_out(frontend::emit_profile(learned->policy));
  if (Result<void> written = files::write_file(options.output, text); !written) return report.failed(written.error());
  const std::string evidence = options.evidence.empty() ? evidence_beside(options.output) : options.evidence;
  if (!evidence.empty())
    if (Result<void> written = files::write_file(evidence, learned->evidence); !written)
      return report.failed(written.error());

  // The draft is judged as a person's profile is: what `compile` would refuse is said now.
  Diagnostics draft(options.output == "-" ? "the draft" : options.output);
  const ir::Policy policy = frontend::read_profile(text, draft);
  if (!draft.has_errors())
    if (const auto paths = passes::compile_paths(policy, draft)) (void)passes::check_paths(policy, *paths, draft);
  draft.sort();
  report.diagnostics(draft, text);

  Json questions = Json::array();
  for (const learn::Question& question : learned->questions) questions.push_back(question_json(question));
  report.field("questions") = std::move(questions);
  report.field("profile") = options.output;
  report.field("evidence") = evidence;
  report.field("nodes") = learned->policy.nodes.size();
  // With the profile on standard output the rest would be in its way there.
  const std::string said = learn::summary_text(*learned) + learn::questions_text(*learned);
  if (options.output != "-")
    report.print(said);
  else
    std::fwrite(said.data(), 1, said.size(), stderr);
  return report.finish(draft.has_errors() ? kNo : kYes);
}

}  // namespace treeline::cli
