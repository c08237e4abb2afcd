// SPDX-License-Identifier: Apache-2.0
//
// A JSON Schema (2020-12) of profiles: what an editor can know while a person types. It is weaker than the compiler (it
// knows no patterns, no tree, no address arithmetic) and never stricter. Words come from ir/names.h, the tables that
// the front end reads; that the keys are those of the front end is held by a test.
#include <nlohmann/json.hpp>

#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/ir/names.h"

namespace treeline::cli {
namespace {

using Schema = nlohmann::ordered_json;
namespace names = ir::names;

// YAML reads 8080 and true as other things than text; the language does not.
const Schema kScalar = Schema::array({"string", "number", "boolean"});

Schema words(const names::Table& table) {
  Schema out = Schema::array();
  for (const names::Entry& entry : table.entries()) out.push_back(entry.name);
  return out;
}

Schema reference(const char* name) { return {{"$ref", std::string("#/$defs/") + name}}; }

Schema described(Schema schema, const char* text) {
  schema["description"] = text;
  return schema;
}

Schema list(Schema items, bool may_be_empty, bool once) {
  Schema out = {{"type", "array"}, {"items", std::move(items)}};
  if (!may_be_empty) out["minItems"] = 1;
  if (once) out["uniqueItems"] = true;
  return out;
}

Schema object(Schema properties, const std::vector<const char*>& required) {
  Schema out = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = required;
  return out;
}

Schema number(uint32_t most) {
  return {{"anyOf", Schema::array({{{"type", "integer"}, {"minimum", 0}, {"maximum", most}},
                                   {{"type", "string"}, {"pattern", "^[0-9]{1,10}$"}}})}};
}

std::string access_pattern() {
  std::string any;
  for (const names::Entry& entry : names::access_words().entries())
    any += (any.empty() ? "(" : "|") + std::string(entry.name);
  any += ")";
  return "^[ \\t]*" + any + "([ \\t]+" + any + ")*[ \\t]*$";
}

Schema network_rule() {
  const Schema port = {{"anyOf", Schema::array({{{"type", "integer"}, {"minimum", 0}, {"maximum", 65535}},
                                                {{"type", "string"}, {"pattern", "^[0-9]{1,5}(-[0-9]{1,5})?$"}}})}};
  const Schema block = {{"type", "string"}, {"pattern", "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"}};
  const Schema ports = {{"anyOf", Schema::array({{{"const", "any"}}, port, list(port, false, false)})}};
  const Schema addresses = {
      {"anyOf", Schema::array({{{"enum", words(names::peer_kinds())}}, block, list(block, false, false)})}};
  const Schema labels = {{"type", "object"}, {"additionalProperties", {{"type", kScalar}}}};
  Schema some_labels = labels;
  some_labels["minProperties"] = 1;
  const Schema pods = object(
      {{"pods", described(labels, "Labels of the pods.")},
       {"namespace", described(some_labels, "Labels of their namespace; without: the own one.")},
       {"addresses", described(addresses, "Where they are, for the hooks.")},
       {"target_port", described(ports, "The pods' port, where a Service's is another one; for direction out.")}},
      {"pods"});
  Schema rule = object(
      {{"direction",
        described({{"enum", words(names::directions())}}, "out: connect and send; in: bind, listen and accept.")},
       {"protocol", {{"enum", words(names::protocols())}}},
       {"peer", described({{"anyOf", Schema::array({{{"enum", words(names::peer_kinds())}}, block, list(block, false, false), pods})}},
                          "Whose address: a kind of peer, an address block, a list of blocks, or pods by their labels. Needed for out.")},
       {"port", described(ports, "A number, \"8000-8999\", a list of these, or any. For tcp, udp and sctp only.")}},
      {"direction", "protocol"});
  const Schema has_ports = {{"properties", {{"protocol", {{"enum", {"tcp", "udp", "sctp"}}}}}},
                            {"required", {"protocol"}}};
  const Schema goes_out = {{"properties", {{"direction", {{"const", "out"}}}}}, {"required", {"direction"}}};
  rule["allOf"] = Schema::array(
      {{{"if", goes_out}, {"then", {{"required", {"peer"}}}}},
       {{"if", has_ports}, {"then", {{"required", {"port"}}}}, {"else", {{"properties", {{"port", false}}}}}}});
  return rule;
}

Schema file_rules() {
  const Schema access = described({{"type", "string"}, {"pattern", access_pattern()}},
                                  "Access words, separated by spaces, such as: read list");
  const Schema rule =
      object({{"access", access},
              {"unsafe_write_and_execute",
               described({{"type", "boolean"}},
                         "A person signs that what may be written here may be executed. Each compile warns of it.")}},
             {"access"});
  return {{"type", "object"},
          {"propertyNames", {{"minLength", 1}, {"maxLength", frontend::kMaxPattern}, {"pattern", "^[/{]"}}},
          {"additionalProperties", {{"anyOf", Schema::array({access, rule})}}}};
}

// The rules that a node and a group have alike.
Schema rules() {
  const Schema netlink = {
      {"anyOf", Schema::array({{{"enum", words(names::netlink_protocols())}}, number(names::kNetlinkProtocols - 1)})}};
  const Schema call = {{"type", "string"}, {"pattern", "^[a-z_][a-z0-9_]{0,62}$"}};
  return {
      {"files", described(file_rules(), "Path patterns, and what may be done with what they match.")},
      {"network", described(list(reference("network_rule"), true, false), "Who may be sent to, and who may come.")},
      {"sockets", described(list({{"enum", words(names::socket_kinds())}}, true, true), "Kinds that may be made.")},
      {"netlink", described(list(netlink, true, true), "Protocols of netlink(7), for sockets of the kind netlink.")},
      {"capabilities", described(list({{"enum", words(names::capabilities())}}, true, true),
                                 "capabilities(7), lower case, without CAP_.")},
      {"operations", described(list({{"enum", words(names::operations())}}, true, true), "Special operations.")},
      {"syscalls", described(list(call, true, true), "Names of syscalls(2).")}};
}

Schema accept() {
  const Schema reason = {{"type", kScalar}, {"minLength", 1}};
  return described({{"type", "object"},
                    {"additionalProperties", {{"anyOf", Schema::array({reason, {{"type", "object"}, {"additionalProperties", reason}}})}}}},
                   "Findings of `check` that are right here, by their code, with the reason.");
}

Schema group() {
  Schema properties = rules();
  properties["accept"] = accept();
  return object(properties, {});
}

Schema node() {
  Schema properties = {
      {"exec", described(reference("pattern"), "The executable, in this place of the tree.")},
      {"interpreter", described(reference("pattern"), "A script: who interprets it by its '#!' line.")},
      {"id", described(reference("label"), "A name, for back_to and for questions.")},
      {"digest", described({{"type", "string"}, {"pattern", "^(fsverity|ima):sha256:[0-9a-f]{64}$"}},
                           "Content of the executable.")},
      {"users", described(list(number(UINT32_MAX - 1), false, true), "Numeric ids that may run it; without: any.")},
      {"on_violation", reference("violation")},
      {"use", described(list({{"type", kScalar}}, true, true), "Groups whose rules this node has too.")}};
  properties.update(rules());
  properties["accept"] = accept();
  properties["children"] = described(list(reference("child"), true, false), "What this node may execute.");
  return object(properties, {"exec"});
}

// One word for all violations, or words by what is violated.
Schema violation() {
  Schema properties = {{"default", described(reference("cost"), "What has no word of its own.")},
                       {"paths", described({{"type", "object"},
                                            {"propertyNames", {{"minLength", 1}, {"maxLength", frontend::kMaxPattern}, {"pattern", "^[/{]"}}},
                                            {"additionalProperties", reference("cost")}},
                                           "Path patterns, and what a refused act on what they match costs.")}};
  for (const names::Entry& kind : names::violation_kinds().entries()) properties[std::string(kind.name)] = reference("cost");
  return {{"anyOf", Schema::array({reference("cost"), object(properties, {})})}};
}

Schema profile_schema() {
  const std::string language = std::to_string(frontend::kLanguage);
  Schema schema = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "Treeline profile, language " + language},
      {"description", "What one workload may do: a tree of programs, each with its rights in that place."}};
  schema.update(
      object({{"treeline", described({{"enum", {frontend::kLanguage, language}}}, "Version of the language.")},
              {"name", described(reference("label"), "Name of the workload.")},
              {"on_violation", reference("violation")},
              {"groups", described({{"type", "object"},
                                    {"propertyNames", {{"pattern", "^[a-z0-9_][a-z0-9._-]{0,62}$"}}},
                                    {"additionalProperties", reference("group")}},
                                   "Rules under a name, for 'use'.")},
              {"entry", described(list(reference("node"), false, false), "What the container starts.")},
              {"join", described(list(reference("node"), false, false), "What may join a started container.")}},
             {"treeline", "name", "entry"}));
  schema["$defs"] = {
      {"label", {{"type", kScalar}, {"pattern", "^[a-z0-9_][a-z0-9._-]{0,62}$"}}},
      {"pattern", {{"type", "string"}, {"minLength", 1}, {"maxLength", frontend::kMaxPattern}, {"pattern", "^[/{]"}}},
      {"cost", described({{"enum", words(names::violations())}},
                         "What a violation costs beside the act: nothing more, the process, the container, or a frozen container.")},
      {"violation", violation()},
      {"network_rule", network_rule()},
      {"group", group()},
      {"node", node()},
      {"back_edge",
       object({{"exec", reference("pattern")},
               {"back_to", described(reference("label"), "Id of the ancestor whose place and rights it takes.")}},
              {"exec", "back_to"})},
      {"child",
       {{"if", {{"type", "object"}, {"required", {"back_to"}}}},
        {"then", reference("back_edge")},
        {"else", reference("node")}}}};
  return schema;
}

}  // namespace

int schema(const SchemaOptions& options) {
  Report report("schema", options.json);
  if (options.json && !options.version)
    return report.usage(Error{"the schema is JSON already; --json goes with --version"});
  if (options.version) {
    report.field("language") = frontend::kLanguage;
    report.print(std::to_string(frontend::kLanguage) + "\n");
  } else {
    report.print(profile_schema().dump(2) + "\n");
  }
  return report.finish(kYes);
}

}  // namespace treeline::cli
