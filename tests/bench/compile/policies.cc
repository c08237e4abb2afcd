// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/compile/policies.h"

#include <random>
#include <unordered_set>

#include "bpf/lsm/abi.h"

namespace treeline::bench {
namespace {

class Names {
 public:
  explicit Names(uint64_t seed) : engine_(seed) {}
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }

  std::string word() {
    static constexpr const char* kSyllables[] = {"lib", "con", "ser", "ver", "net", "data", "log", "mod", "py", "thon",
                                                 "ssl", "ng",  "inx", "ut",  "il",  "core", "x86", "gnu", "re", "dis"};
    std::string out;
    for (uint32_t n = 1 + below(3); n > 0; --n) out += kSyllables[below(std::size(kSyllables))];
    if (below(4) == 0) out += std::to_string(below(100));
    return out;
  }
  std::string directory() {
    static constexpr const char* kTops[] = {"/usr/lib", "/usr/share", "/etc", "/var/lib", "/opt/app", "/srv/www"};
    std::string out = kTops[below(std::size(kTops))];
    for (uint32_t n = 1 + below(4); n > 0; --n) out += "/" + word();
    return out;
  }
  std::string extension() {
    static constexpr const char* kExtensions[] = {".so", ".py", ".conf", ".html", ".js", ".log", ".json", ".txt"};
    return kExtensions[below(std::size(kExtensions))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace

ir::Policy large_policy(uint32_t rules, uint32_t nodes, bool mixed, uint64_t seed) {
  Names names(seed);
  std::vector<std::string> directories;
  for (uint32_t i = 0; i < 50 + rules / 10; ++i) directories.push_back(names.directory());
  ir::Policy policy;
  policy.name = "bench";
  policy.nodes.resize(nodes);
  for (uint32_t n = 0; n < nodes; ++n) {
    policy.nodes[n].executable.text = "/usr/bin/tool" + std::to_string(n);
    if (n == 0) {
      policy.entry.push_back(0);
    } else {
      policy.nodes[n].parent = (n - 1) / 4;
      policy.nodes[(n - 1) / 4].children.push_back(n);
    }
  }
  std::unordered_set<std::string> taken;
  uint32_t line = 10;
  while (taken.size() < rules) {
    const std::string& directory = directories[names.below(static_cast<uint32_t>(directories.size()))];
    std::string text;
    ir::AccessSet access = TL_READ;
    const uint32_t kind = mixed ? names.below(40) : 39;
    if (kind < 3)
      text = directory + "/" + names.word() + "/**";
    else if (kind < 6)
      text = directory + "/*";
    else if (kind < 9)
      text = directory + "/*" + names.extension();
    else if (kind < 12)
      text = directory + "/*/" + names.word() + names.extension();
    else
      text = directory + "/" + names.word() + names.word() + names.extension();
    if (names.below(10) == 0 && directory.starts_with("/var")) access |= TL_WRITE | TL_CREATE;
    if (text.ends_with(".so") && directory.starts_with("/usr/lib")) access |= TL_MAP;
    if (!taken.insert(text).second) continue;
    // A rule is used by one to three nodes.
    for (uint32_t n = 1 + names.below(3); n > 0; --n)
      policy.nodes[names.below(nodes)].files.push_back({{text, {line, 7}}, access, false});
    ++line;
  }
  return policy;
}

}  // namespace treeline::bench
