// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/import.h"

#include <algorithm>
#include <set>

#include "policy-compiler/import/readers.h"
#include "policy-compiler/import/strace_line.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

struct Known {
  Format format;
  std::string_view name;
  bool documents;  // YAML or JSON
  std::optional<ir::Policy> (*read)(const Source&, const Options&, Diagnostics&);
};
constexpr Known kFormats[] = {
    {Format::kKubeArmor, "kubearmor", true, read_kubearmor},
    {Format::kKubescape, "kubescape", true, read_kubescape},
    {Format::kSpoSeccomp, "spo-seccomp", true, read_spo_seccomp},
    {Format::kSpoAppArmor, "spo-apparmor", true, read_spo_apparmor},
    {Format::kDockerSeccomp, "docker-seccomp", true, read_docker_seccomp},
    {Format::kAppArmor, "apparmor", false, read_apparmor},
    {Format::kStrace, "strace", false, read_strace},
};

constexpr size_t kLookedAt = 64u << 10;  // bytes by which a format is recognised

// A line of its own, whatever its indentation: "kind: X".
bool kind_is(std::string_view text, std::string_view kind) {
  for (size_t at = text.find(kind); at != std::string_view::npos; at = text.find(kind, at + 1)) {
    const std::string_view before = text.substr(at < 24 ? 0 : at - 24, std::min<size_t>(at, 24));
    if (before.find("kind") != std::string_view::npos &&
        before.find('\n', before.rfind("kind")) == std::string_view::npos)
      return true;
  }
  return false;
}

}  // namespace

std::optional<Format> find_format(std::string_view name) {
  for (const Known& known : kFormats)
    if (known.name == name) return known.format;
  return std::nullopt;
}

std::string_view format_name(Format format) {
  for (const Known& known : kFormats)
    if (known.format == format) return known.name;
  return {};
}

std::string format_list() {
  std::string out;
  for (const Known& known : kFormats) out += (out.empty() ? "" : ", ") + std::string(known.name);
  return out;
}

std::optional<Format> recognise(std::string_view text) {
  text = text.substr(0, kLookedAt);
  if (text.find("security.kubearmor.com/") != std::string_view::npos) return Format::kKubeArmor;
  if (text.find("spdx.softwarecomposition.kubescape.io/") != std::string_view::npos) return Format::kKubescape;
  if (text.find("security-profiles-operator.x-k8s.io/") != std::string_view::npos) {
    if (kind_is(text, "SeccompProfile")) return Format::kSpoSeccomp;
    if (kind_is(text, "AppArmorProfile")) return Format::kSpoAppArmor;
    return std::nullopt;
  }
  if (text.find("\"defaultAction\"") != std::string_view::npos) return Format::kDockerSeccomp;
  size_t lines = 0;
  for (size_t at = 0; at < text.size() && lines < 50; ++lines) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const Line read = read_line(line);
    if (read.kind == Line::Kind::kAttached ||
        (read.kind == Line::Kind::kCall && line.find(" = ") != std::string_view::npos))
      return Format::kStrace;
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    const std::string_view word = line.substr(first);
    const auto begins = [&](std::string_view with) { return word.substr(0, with.size()) == with; };
    const bool opens = word.find('{') != std::string_view::npos;
    if (begins("#include <") || begins("include <") || begins("abi <") || begins("@{") ||
        (begins("profile ") && opens) || (begins("/") && opens))
      return Format::kAppArmor;
  }
  return std::nullopt;
}

std::string name_of(const Value& document) {
  const Value* metadata = member(document, "metadata");
  const Value* name = metadata != nullptr ? member(*metadata, "name") : nullptr;
  return name != nullptr && name->is_scalar() ? name->text : "";
}

void add_programs(Draft& draft, const Options& options) {
  for (const std::string& path : options.programs)
    draft.programs[draft.program(passes::literal_pattern(path), {})].root = true;
}

namespace {

// What `kubectl get KIND -o yaml` writes: "kind: List", and the API's "kind: SeccompProfileList".
void refuse_list(const Value& document, Diagnostics& diagnostics) {
  const Value* kind = member(document, "kind");
  if (kind == nullptr || !kind->is_scalar() || !kind->text.ends_with("List")) return;
  diagnostics.error(kind->position, "import-format",
                    text::quoted(kind->text) + " holds several resources, and a draft is made of those of one workload",
                    "import its items one by one: kubectl get KIND NAME -o yaml");
}

std::optional<Imported> read(std::string_view text, const Options& options, Diagnostics& diagnostics) {
  if (text.size() > kMaxBytes) {
    diagnostics.error({1, 1}, "import-limit", "the source is larger than " + std::to_string(kMaxBytes >> 20) + " MiB",
                      "import a part of it");
    return std::nullopt;
  }
  const std::optional<Format> format = options.format ? options.format : recognise(text);
  if (!format) {
    diagnostics.error({1, 1}, "import-format", "this looks like none of the formats",
                      "name it with --from: " + format_list());
    return std::nullopt;
  }
  const auto known = std::find_if(std::begin(kFormats), std::end(kFormats),
                                  [&](const Known& entry) { return entry.format == *format; });
  Source source{text, {}};
  if (known->documents) {
    source.documents = documents(text, diagnostics);
    if (source.documents.empty() && !diagnostics.has_errors())
      diagnostics.error({1, 1}, "import-format", "the source is empty", "name another file");
    for (const Value& document : source.documents) refuse_list(document, diagnostics);
    // A text that stops being YAML may have lost what denies.
    if (diagnostics.has_errors()) return std::nullopt;
  }
  std::optional<ir::Policy> policy = known->read(source, options, diagnostics);
  if (!policy || diagnostics.has_errors()) return std::nullopt;
  if (policy->entry.empty()) {
    diagnostics.error({}, "no-program", "no program is left: what the source denies meets each that it allows",
                      "name programs with --exec");
    return std::nullopt;
  }
  // No back end holds a list by node, and `compile` refuses that unless it is said.
  for (ir::Node& node : policy->nodes)
    if (!node.syscalls.empty()) node.accepted.push_back({"residual", "syscalls", "as imported; held for the workload as a whole, where compiled with --backend bpf,seccomp", {}});
  return Imported{*format, std::move(*policy)};
}

}  // namespace

std::optional<Imported> import_text(std::string_view text, const Options& options, Diagnostics& diagnostics) {
  Diagnostics all(diagnostics.file());
  std::optional<Imported> imported = read(text, options, all);
  // A rule that becomes one of many nodes is said once.
  std::set<std::pair<Position, std::string>> said;
  for (const Diagnostic& d : all.list()) {
    if (!said.emplace(d.position, d.code + d.message).second) continue;
    if (d.severity == Severity::kError) diagnostics.error(d.position, d.code, d.message, d.remedy);
    if (d.severity == Severity::kWarning) diagnostics.warning(d.position, d.code, d.message, d.remedy);
    if (d.severity == Severity::kNote) diagnostics.note(d.position, d.code, d.message, d.remedy);
  }
  if (all.has_errors() && !diagnostics.has_errors())
    diagnostics.error({}, "import-limit", "too many mistakes to list them all", "mend those that are listed first");
  else if (all.dropped() != 0)
    diagnostics.warning({}, "not-carried", std::to_string(all.dropped()) + " findings more than can be listed",
                        "import the source in parts to see all of them");
  return imported;
}

}  // namespace treeline::import_
