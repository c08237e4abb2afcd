// SPDX-License-Identifier: Apache-2.0
//
// A bundle: the directory that the compiler hands to the enforcer. Whole or not at all.
//
//   manifest.json   name, versions, node table, digest and size of every other file, and the digest of itself
//   policy.img      the image that the hooks read (bpf/lsm/abi.h)
//   rules.json      (row, rule) -> where in the profile it stands, so that an event can name the line
//   profile.yaml    the profile as it was compiled, byte for byte: every line number in the bundle is one of this file
//   ...             further artifacts, all named by the manifest
//   signature.json  if the bundle is signed (sign.h): over the manifest, so it is the one file that no manifest names
//
// Writing: the files are written beside the target (DIR.XXXXXX), flushed to disk, and renamed into place; who reads
// sees the old bundle or the new one. Same content, same bytes: keys sorted, no times, no paths of the machine.
//
// Reading: the manifest must be the bytes that its content would be written as, each file must have the size and the
// SHA-256 that it says, and the image's header the same name hash and version. A file too many, one missing, one byte
// changed or cut: the whole bundle is refused, and the Error says which file and what to do. The digests guard against
// damage and mixed-up files, not against somebody who can write the directory: that is what its owner and mode are for.
//
//   Result<Bundle> bundle = bundle::read("/var/lib/treeline/policies/nginx");
//   if (!bundle) return bundle.error();
//   place(bundle->find("policy.img")->bytes);
//
// The enforcer includes this; therefore nothing here knows the front end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/position.h"
#include "policy-compiler/support/result.h"

namespace treeline::bundle {

// Of manifest.json: 2 has `options`. A bundle of schema 1 is read, and enforced as it was; what reads its profile refuses it (cli/belongs.h), since
// nobody can tell which artifacts the profile compiles to.
constexpr int kSchema = 2, kOldestSchema = 1;
constexpr size_t kMaxArtifacts = 64;
constexpr size_t kMaxManifest = 64u << 20;
constexpr uint64_t kMaxArtifact = 1ull << 30;  // TL_IMAGE_MAX
constexpr uint64_t kMaxBeside = 256ull << 20;  // bytes of all that is not the image: who reads a bundle holds it whole
constexpr size_t kMaxNodes = 1u << 20;

// Names of the artifacts that this version writes.
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kImage = "policy.img";
constexpr std::string_view kRules = "rules.json";
constexpr std::string_view kProfile = "profile.yaml";
constexpr std::string_view kSignature = "signature.json";  // never an artifact
constexpr size_t kMaxSignature = 64u << 10;

struct Artifact {
  std::string name;  // a plain file name: [a-z0-9._-]{1,63}, not starting with '.' or '-'
  std::string kind;  // "bpf-image", "rules", "profile", ...; [a-z0-9-]{1,31}
  std::string bytes;
  uint64_t size = 0;   // read() and write() fill these two
  std::string sha256;  // lower-case hex
};

struct NodeEntry {
  uint32_t row = 0;  // of the image
  uint64_t key = 0;
  std::string path;   // canonical path, "entry > /usr/sbin/nginx"
  uint32_t line = 0;  // of profile.yaml
};

// A rule that the image cannot express exactly, and why (backends/).
struct Residual {
  std::string backend;  // "bpf"
  std::string message;
  uint32_t line = 0;    // of profile.yaml; 0: of every rule that the back end holds
  uint32_t column = 0;  // 0: of the whole line, as in bundles that were written before there was one
};

// What `compile` was told beside the profile: with these, the profile gives the same artifacts again.
struct Options {
  std::vector<std::string> backends;       // "apparmor", "bpf", "seccomp"; sorted
  std::vector<std::string> architectures;  // of the filter of listed calls: "x86_64", ...; none without one
  bool no_new_privs = false, complain = false;  // of the AppArmor profiles
  std::string libseccomp;                  // the version that wrote the filter of listed calls: another one writes other bytes; "" without one
};

struct Bundle {
  std::string name;                    // of the policy
  std::string compiler;                // version that wrote it
  uint32_t abi = 0;                    // TL_ABI_IMAGE
  uint64_t policy = 0;                 // hash of the name, as in the image header
  std::vector<Artifact> artifacts;     // sorted by name
  std::vector<NodeEntry> nodes;        // sorted by row
  std::vector<std::string> requires_;  // features of the enforcer without which it must refuse; sorted
  std::vector<Residual> residuals;
  std::optional<Options> options;      // nullopt: of schema 1
  std::string digest;     // SHA-256 of manifest.json, which names everything else: the identity of the bundle
  std::string signature;  // bytes of signature.json, "" where there is none: not verified by read(), not part of digest

  const Artifact* find(std::string_view artifact) const;
};

// One row of rules.json: what a rule says and where it stands in profile.yaml.
struct RuleEntry {
  uint32_t row = 0;
  uint64_t key = 0;     // of the node
  std::string kind;     // "file", "exec", "net", "capability", "operation", "socket", "netlink", "user", "syscall"
  std::string words;    // file: "read write"; net: "out tcp"; else ""
  std::string pattern;  // file, exec: the pattern; net: peer and ports; else the name
  Position position;
};

// Sorts what has to be sorted, and fills in sizes and digests.
void arrange(Bundle& bundle);

// Writes `bundle` as directory `path`, arranged. An existing bundle
// there is exchanged with the new one in one step and then removed (where the file system has no RENAME_EXCHANGE, for a
// moment there is none); anything else that stands there is left alone and is an error. So is what read() would refuse for
// its size: the old bundle stays.
Result<void> write(const std::string& path, Bundle bundle);

// Reads and verifies; what is returned was in memory when it was verified. Regular files only, no links.
Result<Bundle> read(const std::string& path);

// The bytes of manifest.json and back; decode refuses whatever encode would not have written, byte for byte.
Result<std::string> encode_manifest(const Bundle& bundle);
Result<Bundle> decode_manifest(std::string_view json);  // artifacts without their bytes

// The bytes of rules.json and back. Sorted by row, position, kind, pattern.
Result<std::string> encode_rules(std::vector<RuleEntry> rules);
Result<std::vector<RuleEntry>> decode_rules(std::string_view json);

}  // namespace treeline::bundle
