// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "policy-compiler/bundle/form.h"
#include "policy-compiler/support/sha256.h"
#include "policy-compiler/support/text.h"

namespace treeline::bundle {

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

bool is_word(std::string_view word, size_t most) {
  return !word.empty() && word.size() <= most && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string place_in(std::string_view text, size_t offset) {
  text = text.substr(0, offset);
  const size_t start = text.rfind('\n') + 1;  // npos + 1: the first line
  return "line " + std::to_string(std::count(text.begin(), text.end(), '\n') + 1) + ", column " +
         std::to_string(std::count_if(text.begin() + static_cast<ptrdiff_t>(start), text.end(), [](char c) { return (c & 0xc0) != 0x80; }) + 1);
}

Json parse(std::string_view text) {
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {  // `byte` counts from 1
    throw BadField{"it is not JSON (" + place_in(text, error.byte == 0 ? 0 : std::min(error.byte - 1, text.size())) + ")"};
  } catch (const Json::exception&) {
    throw BadField{"it is not JSON"};
  }
}

const Json& object_field(const Json& object, const char* key) {
  if (!object.is_object()) throw BadField{"an object was expected"};
  const auto field = object.find(key);
  if (field == object.end()) throw BadField{std::string("'") + key + "' is missing"};
  return *field;
}

std::string text_field(const Json& object, const char* key, size_t most) {
  const Json& field = object_field(object, key);
  if (!field.is_string()) throw BadField{std::string("'") + key + "' is not text"};
  const auto& text = field.get_ref<const std::string&>();
  if (text.size() > most) throw BadField{std::string("'") + key + "' is too long"};
  return text;
}

uint64_t number_field(const Json& object, const char* key, uint64_t most) {
  const Json& field = object_field(object, key);
  if (!field.is_number_unsigned() || field.get<uint64_t>() > most)
    throw BadField{std::string("'") + key + "' is not a number from 0 to " + std::to_string(most)};
  return field.get<uint64_t>();
}

uint64_t hex_field(const Json& object, const char* key) {
  const auto value = text::parse_hex64(text_field(object, key, 18));
  if (!value) throw BadField{std::string("'") + key + "' is not 0x and 16 digits"};
  return *value;
}

const Json& list_field(const Json& object, const char* key, size_t most) {
  const Json& field = object_field(object, key);
  if (!field.is_array()) throw BadField{std::string("'") + key + "' is not a list"};
  if (field.size() > most) throw BadField{std::string("'") + key + "' is too long"};
  return field;
}

namespace {

constexpr size_t kMaxPath = 1u << 20;  // of a canonical path
constexpr size_t kMaxMessage = 1u << 16;
constexpr size_t kMaxWords = 64;

Json to_json(const Bundle& bundle) {
  Json artifacts = Json::array(), nodes = Json::array(), residuals = Json::array();
  for (const Artifact& artifact : bundle.artifacts)
    artifacts.push_back(
        {{"name", artifact.name}, {"kind", artifact.kind}, {"size", artifact.size}, {"sha256", artifact.sha256}});
  for (const NodeEntry& node : bundle.nodes)
    nodes.push_back({{"row", node.row}, {"key", text::hex64(node.key)}, {"path", node.path}, {"line", node.line}});
  for (const Residual& residual : bundle.residuals) {
    Json json = {{"backend", residual.backend}, {"message", residual.message}, {"line", residual.line}};
    if (residual.column != 0) json["column"] = residual.column;
    residuals.push_back(std::move(json));
  }
  Json json = {{"schema", bundle.options ? kSchema : kOldestSchema},
               {"type", kManifestType},
               {"name", bundle.name},
               {"compiler", bundle.compiler},
               {"abi", bundle.abi},
               {"policy", text::hex64(bundle.policy)},
               {"artifacts", std::move(artifacts)},
               {"nodes", std::move(nodes)},
               {"requires", bundle.requires_},
               {"residuals", std::move(residuals)}};
  if (bundle.options)
    json["options"] = {{"backends", bundle.options->backends},
                       {"architectures", bundle.options->architectures},
                       {"no_new_privs", bundle.options->no_new_privs},
                       {"complain", bundle.options->complain},
                       {"libseccomp", bundle.options->libseccomp}};
  return json;
}

// Bounds of from_json(): what it would not read back is not written either.
void check_sizes(const Bundle& bundle) {
  const auto most = [](bool within, const char* what) {
    if (!within) throw BadField{std::string(what) + " is too long"};
  };
  most(bundle.artifacts.size() <= kMaxArtifacts, "'artifacts'");
  most(bundle.nodes.size() <= kMaxNodes, "'nodes'");
  most(bundle.residuals.size() <= kMaxNodes, "'residuals'");
  for (const NodeEntry& node : bundle.nodes) most(node.path.size() <= kMaxPath, "'path' of a node");
  for (const Residual& residual : bundle.residuals) most(residual.message.size() <= kMaxMessage, "'message' of a residual");
}

void check(const Bundle& bundle) {
  check_sizes(bundle);
  if (!is_file_name(bundle.name)) throw BadField{"'name' is not 1 to 63 of a-z, 0-9, '.', '_' and '-'"};
  for (size_t i = 0; i < bundle.artifacts.size(); ++i) {
    const Artifact& artifact = bundle.artifacts[i];
    if (!is_file_name(artifact.name) || artifact.name == kManifest || artifact.name == kSignature)
      throw BadField{text::quoted(artifact.name) + " cannot be the name of an artifact"};
    if (!is_word(artifact.kind, 31)) throw BadField{text::quoted(artifact.kind) + " cannot be a kind of artifact"};
    if (i > 0 && artifact.name <= bundle.artifacts[i - 1].name)
      throw BadField{"'artifacts' is not sorted, or names " + text::quoted(artifact.name) + " twice"};
    if (artifact.sha256.size() != 64 || artifact.sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
      throw BadField{"'sha256' of " + text::quoted(artifact.name) + " is no digest"};
  }
  for (size_t i = 1; i < bundle.nodes.size(); ++i)
    if (bundle.nodes[i].row <= bundle.nodes[i - 1].row) throw BadField{"'nodes' is not sorted by row"};
  if (bundle.options)
    for (const auto* words : {&bundle.options->backends, &bundle.options->architectures})
      if (words->size() > kMaxWords) throw BadField{"'options' is too long"};
  for (size_t i = 0; i < bundle.requires_.size(); ++i) {
    if (!is_word(bundle.requires_[i], 63)) throw BadField{"'requires' holds no words"};
    if (i > 0 && bundle.requires_[i] <= bundle.requires_[i - 1]) throw BadField{"'requires' is not sorted"};
  }
}

std::vector<std::string> words_field(const Json& object, const char* key) {
  std::vector<std::string> words;
  for (const Json& item : list_field(object, key, kMaxWords)) {
    if (!item.is_string()) throw BadField{std::string("'") + key + "' holds no words"};
    words.push_back(item.get<std::string>());
  }
  return words;
}

bool flag_field(const Json& object, const char* key) {
  const Json& field = object_field(object, key);
  if (!field.is_boolean()) throw BadField{std::string("'") + key + "' is not true or false"};
  return field.get<bool>();
}

Options options_from(const Json& json) {
  return {words_field(json, "backends"), words_field(json, "architectures"), flag_field(json, "no_new_privs"), flag_field(json, "complain"),
          text_field(json, "libseccomp", 63)};
}

Bundle from_json(const Json& json) {
  Bundle bundle;
  if (text_field(json, "type", 63) != kManifestType) throw BadField{"'type' is not treeline-bundle"};
  const uint64_t schema = number_field(json, "schema", UINT32_MAX);
  if (schema < kOldestSchema || schema > kSchema)
    throw BadField{"schema " + std::to_string(schema) + " is not known to this version, which reads " +
                   std::to_string(kOldestSchema) + " to " + std::to_string(kSchema)};
  if (schema == kSchema) bundle.options = options_from(object_field(json, "options"));
  bundle.name = text_field(json, "name", 63);
  bundle.compiler = text_field(json, "compiler", 63);
  bundle.abi = static_cast<uint32_t>(number_field(json, "abi", UINT32_MAX));
  bundle.policy = hex_field(json, "policy");
  for (const Json& item : list_field(json, "artifacts", kMaxArtifacts)) {
    Artifact artifact;
    artifact.name = text_field(item, "name", 63);
    artifact.kind = text_field(item, "kind", 31);
    artifact.size = number_field(item, "size", kMaxArtifact);
    artifact.sha256 = text_field(item, "sha256", 64);
    bundle.artifacts.push_back(std::move(artifact));
  }
  for (const Json& item : list_field(json, "nodes", kMaxNodes))
    bundle.nodes.push_back({static_cast<uint32_t>(number_field(item, "row", UINT32_MAX)), hex_field(item, "key"),
                            text_field(item, "path", kMaxPath),
                            static_cast<uint32_t>(number_field(item, "line", UINT32_MAX))});
  bundle.requires_ = words_field(json, "requires");
  for (const Json& item : list_field(json, "residuals", kMaxNodes))
    bundle.residuals.push_back({text_field(item, "backend", 31), text_field(item, "message", kMaxMessage),
                                static_cast<uint32_t>(number_field(item, "line", UINT32_MAX)),
                                item.contains("column") ? static_cast<uint32_t>(number_field(item, "column", UINT32_MAX)) : 0});
  return bundle;
}

// With the digest of itself: SHA-256 of the same text without that field. It finds damage in what no other digest
// covers.
std::string dump(const Bundle& bundle) {
  check(bundle);
  try {
    Json json = to_json(bundle);
    json["sha256"] = sha256_hex(json.dump(1) + "\n");
    return json.dump(1) + "\n";
  } catch (const Json::exception&) {
    throw BadField{"a text in it is not UTF-8"};
  }
}

}  // namespace

Result<std::string> encode_manifest(const Bundle& bundle) {
  try {
    std::string json = dump(bundle);
    if (json.size() > kMaxManifest)
      return Error{"cannot write a manifest: it would have " + std::to_string((json.size() >> 20) + 1) + " MiB, the limit is " +
                       std::to_string(kMaxManifest >> 20) + ", and is made of the paths of the nodes and of what the back ends do not hold; "
                       "compile for fewer of them (--backend), or make the profile smaller",
                   EFBIG};
    return json;
  } catch (const BadField& bad) {
    return Error{"cannot write a manifest: " + bad.message};
  }
}

Result<Bundle> decode_manifest(std::string_view json) {
  try {
    Bundle bundle = from_json(parse(json));
    // One text per content: a key given twice, one too many, another order or spacing, another digest of itself were
    // not written by the compiler.
    const std::string written = dump(bundle);
    const auto [differs, _] = std::mismatch(json.begin(), json.end(), written.begin(), written.end());
    if (written != json)
      throw BadField{"it was altered: its text is not the one that the compiler wrote (from " +
                     place_in(json, static_cast<size_t>(differs - json.begin())) + ")"};
    return bundle;
  } catch (const BadField& bad) {
    return Error{std::string(kManifest) + ": " + bad.message};
  }
}

const Artifact* Bundle::find(std::string_view artifact) const {
  for (const Artifact& a : artifacts)
    if (a.name == artifact) return &a;
  return nullptr;
}

}  // namespace treeline::bundle
