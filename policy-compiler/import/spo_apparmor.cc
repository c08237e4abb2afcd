// SPDX-License-Identifier: Apache-2.0
//
// AppArmorProfile of the Security Profiles Operator (security-profiles-operator.x-k8s.io): spec.abstract, what one
// container may start, read, write and use. Its paths are AppArmor globs.
#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/glob.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

class SpoReader {
 public:
  SpoReader(Draft& draft, Diagnostics& diagnostics) : draft_(draft), diagnostics_(diagnostics) {}

  void document(const Value& document) {
    Object root(document, "the profile", diagnostics_);
    root.ignore({"apiVersion", "kind", "metadata", "status"});
    const Value* spec_value = root.get("spec");
    root.finish();
    if (spec_value == nullptr) return;
    Object spec(*spec_value, "spec", diagnostics_);
    spec.ignore({"disabled"});
    if (spec.text("mode") == "Complain" || spec.text("complainMode") == "true")
      diagnostics_.note(spec.position(), "import-question",
                        "the source only reports (complain), so it may be incomplete",
                        "run the draft in the mode monitor first");
    spec.refuse("policy", "a profile as text", "store it as a file and import it: --from apparmor");
    const Value* abstract_value = spec.get("abstract");
    spec.finish();
    if (abstract_value == nullptr) return;
    Object abstract(*abstract_value, "abstract", diagnostics_);
    if (const Value* value = abstract.get("executable")) executable(*value);
    if (const Value* value = abstract.get("filesystem")) filesystem(*value);
    if (const Value* value = abstract.get("network")) network(*value);
    if (const Value* value = abstract.get("capability")) {
      Object capability(*value, "capability", diagnostics_);
      for (const Value* item : capability.list("allowedCapabilities"))
        draft_.grant_capability(draft_.common, item->text, item->position);
      capability.finish();
    }
    abstract.finish();
  }

 private:
  Translation translate(const Value& value) {
    Translation translated = translate_glob(value.text, usual_variables());
    if (!translated.problem.empty())
      diagnostics_.warning(value.position, "not-carried", text::quoted(value.text) + ": " + translated.problem,
                           "write the rule by hand");
    if (!translated.narrower.empty())
      diagnostics_.note(value.position, "narrower", translated.narrower, "add the rest by hand");
    return translated;
  }

  void grant(const Value& value, std::string_view permissions) {
    for (const Translated& one : translate(value).patterns)
      draft_.grant_file(draft_.common, one.pattern, glob_access(permissions, one), value.position);
  }

  void executable(const Value& value) {
    Object section(value, "executable", diagnostics_);
    for (const Value* item : section.list("allowedExecutables"))
      for (const Translated& one : translate(*item).patterns)
        draft_.programs[draft_.program(one.pattern, item->position)].anywhere = true;
    for (const Value* item : section.list("allowedLibraries")) grant(*item, "rm");
    section.finish();
  }

  void filesystem(const Value& value) {
    Object section(value, "filesystem", diagnostics_);
    for (const Value* item : section.list("readOnlyPaths")) grant(*item, "r");
    for (const Value* item : section.list("writeOnlyPaths")) grant(*item, "w");
    for (const Value* item : section.list("readWritePaths")) grant(*item, "rw");
    section.finish();
  }

  void network(const Value& value) {
    Object section(value, "network", diagnostics_);
    if (section.flag("allowRaw")) draft_.grant_protocol(draft_.common, "raw", value.position);
    if (const Value* protocols = section.get("protocols")) {
      Object item(*protocols, "protocols", diagnostics_);
      if (item.flag("allowTcp")) draft_.grant_protocol(draft_.common, "tcp", protocols->position);
      if (item.flag("allowUdp")) draft_.grant_protocol(draft_.common, "udp", protocols->position);
      item.finish();
    }
    section.finish();
  }

  Draft& draft_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<ir::Policy> read_spo_apparmor(const Source& source, const Options& options, Diagnostics& diagnostics) {
  Draft draft(diagnostics);
  SpoReader reader(draft, diagnostics);
  std::string name = options.name;
  for (const Value& document : source.documents) {
    reader.document(document);
    if (name.empty()) name = name_of(document);
  }
  add_programs(draft, options);
  return std::move(draft).finish(name);
}

}  // namespace treeline::import_
