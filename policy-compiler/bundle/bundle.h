// SPDX-License-Identifier: Apache-2.0
//
// A bundle: the directory that the compiler hands to the enforcer. Whole or not at all.
//
//   manifest.json   name, versions, node table, digest and size of every other file
//   policy.img      the image that the hooks read (bpf/lsm/abi.h)
//   rules.json      (row, rule) -> where in the profile it stands, so that an event can name the line
//   profile.yaml    a canonical copy of the profile
//   ...             further artifacts, all named by the manifest
//
// Writing: the files are written beside the target (DIR.XXXXXX), flushed to disk, and renamed into place; who reads sees the
// old bundle or the new one. Same content, same bytes: keys sorted, no times, no paths of the machine.
//
// Reading: the manifest is checked field by field, then each file against size and SHA-256. A file too many, one missing, one
// byte changed or cut: the whole bundle is refused, and the Error says which file and what to do. The digests guard against damage
// and mixed-up files, not against somebody who can write the directory: that is what its owner and mode are for.
//
//   Result<Bundle> bundle = bundle::read("/var/lib/treeline/policies/nginx");
//   if (!bundle) return bundle.error();
//   place(bundle->find("policy.img")->bytes);
//
// The enforcer includes this; therefore nothing here knows the front end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/position.h"
#include "policy-compiler/support/result.h"

namespace treeline::bundle {

constexpr int kSchema = 1;
constexpr size_t kMaxArtifacts = 64;
constexpr size_t kMaxManifest = 64u << 20;
constexpr uint64_t kMaxArtifact = 1ull << 30;  // TL_IMAGE_MAX
constexpr size_t kMaxNodes = 1u << 20;

// Names of the artifacts that this version writes.
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kImage = "policy.img";
constexpr std::string_view kRules = "rules.json";
constexpr std::string_view kProfile = "profile.yaml";

struct Artifact {
  std::string name;  // a plain file name: [a-z0-9._-]{1,63}, not starting with '.'
  std::string kind;  // "bpf-image", "rules", "profile", ...; [a-z0-9-]{1,31}
  std::string bytes;
  std::string sha256;  // lower-case hex; read() and write() fill it
};

struct NodeEntry {
  uint32_t row = 0;  // of the image
  uint64_t key = 0;
  std::string path;  // canonical path, "entry > /usr/sbin/nginx"
  uint32_t line = 0;  // of the profile.yaml inside the bundle
};

// A rule that the image cannot express exactly, and why (backends/).
struct Residual {
  std::string backend;  // "bpf"
  std::string message;
  uint32_t line = 0;
};

struct Bundle {
  std::string name;      // of the policy
  std::string compiler;  // version that wrote it
  uint32_t abi = 0;      // TL_ABI_IMAGE
  uint64_t policy = 0;   // hash of the name, as in the image header
  std::vector<Artifact> artifacts;  // sorted by name
  std::vector<NodeEntry> nodes;     // sorted by row
  std::vector<std::string> requires_;  // features of the enforcer without which it must refuse; sorted
  std::vector<Residual> residuals;
  std::string digest;    // SHA-256 of manifest.json, which names everything else: the identity of the bundle

  const Artifact* find(std::string_view artifact) const;
};

// One row of rules.json: what a rule says and where it stands in the bundle's profile.yaml and in the source.
struct RuleEntry {
  uint32_t row = 0;
  uint64_t key = 0;      // of the node
  std::string kind;      // "file", "exec", "net", "capability", "operation", "socket", "netlink", "user", "syscall"
  std::string words;     // file: "read write"; net: "out tcp"; else ""
  std::string pattern;   // file, exec: the pattern; net: peer and ports; else the name
  Position position;     // in the profile that was compiled
};

// Writes `bundle` as directory `path`. An existing bundle there is replaced (renamed aside, then removed); anything else that
// stands there is left alone and is an error.
Result<void> write(const std::string& path, Bundle bundle);

// Reads and verifies. Opens with O_NOFOLLOW, regular files only.
Result<Bundle> read(const std::string& path);

// The bytes of rules.json and back. Sorted by row, then position.
std::string encode_rules(std::vector<RuleEntry> rules);
Result<std::vector<RuleEntry>> decode_rules(std::string_view json);

}  // namespace treeline::bundle
