// SPDX-License-Identifier: Apache-2.0
//
// AppArmor profiles. A profile is the rights of a program; px and cx lead to the program under another profile, ix to
// one under the same. Included abstractions are not read: what they grant is missing, and said.
#include <algorithm>
#include <map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/apparmor_text.h"
#include "policy-compiler/import/denials.h"
#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

bool permissions(std::string_view word) {
  return !word.empty() && word.find_first_not_of("rwaklmxpPcCuUi") == std::string_view::npos;
}

constexpr size_t kMostPrograms = 2'000, kMostEdges = 1'000'000;

struct Step {  // an exec rule
  std::vector<std::string> patterns;
  std::string mode, target;
  Position position;
};

class AppArmorReader {
 public:
  AppArmorReader(const ProfileFile& file, Draft& draft, Denials& denials, Diagnostics& diagnostics)
      : file_(file), draft_(draft), denials_(denials), diagnostics_(diagnostics) {}

  bool read(const Options& options) {
    for (const Profile& profile : file_.profiles) rights(profile);
    bool root = false;
    for (const Profile& profile : file_.profiles) {
      const std::vector<std::string> attached = globs(profile.attachment, profile.position);
      for (const std::string& pattern : attached) draft_.programs[program(profile, pattern)].root = true;
      root |= !attached.empty();
    }
    // A profile without a path is one that a runtime sets: it holds for the container's programs.
    for (const Profile& profile : file_.profiles)
      if (profile.attachment.empty())
        for (const std::string& path : options.programs) {
          draft_.programs[program(profile, passes::literal_pattern(path))].root = true;
          root = true;
        }
    if (!root)
      diagnostics_.error({1, 1}, "no-program", "no profile here is attached to a path",
                         "say whose rules these are: --exec /path/of/the/program, as often as needed");
    if (denied_.size() * programs_.size() > kMostEdges) {
      diagnostics_.error({1, 1}, "import-limit", "too many denials for too many programs",
                         "import profiles of one workload");
      return false;
    }
    for (const auto& denial : denied_) deny(denial);
    return root;
  }

 private:
  struct Denied {
    const Profile* profile;
    std::string pattern;
    uint32_t words;
    Position position;
  };

  std::vector<std::string> globs(const std::string& glob, Position position) {
    if (glob.empty()) return {};
    const Translation translated = translate_glob(glob, file_.variables);
    if (!translated.problem.empty())
      diagnostics_.warning(position, "not-carried", text::quoted(glob) + ": " + translated.problem,
                           "write the rule by hand");
    std::vector<std::string> out;
    for (const Translated& one : translated.patterns) out.push_back(one.pattern);
    return out;
  }

  void rights(const Profile& profile) {
    if (profile.hat) {
      diagnostics_.warning(
          profile.position, "not-carried",
          "hat " + text::quoted(profile.name) + ": a program changes into it by itself, which is no step of the tree",
          "add to the program's node what it needs there");
      return;
    }
    if (profile.complain)
      diagnostics_.note(profile.position, "import-question",
                        "profile " + text::quoted(profile.name) + " only reports (complain), so it may be incomplete",
                        "run the draft in the mode monitor first");
    for (const Statement& include : profile.includes)
      diagnostics_.warning(include.position, "not-carried",
                           "the rules of " +
                               text::quoted(include.words.size() > 1 ? include.words[1] : "an included file") +
                               ", grants and denials: what they deny, the draft may allow",
                           "put into the file what the program uses of them and what they deny, and import it again");
    ir::Node& node = rights_[&profile];
    refusals_.clear();
    for (const Statement& statement : profile.statements) rule(profile, node, statement);
    for (const auto& [statement, words] : refusals_) refuse(profile, node, *statement, words);
    for (const Profile& child : profile.children) rights(child);
  }

  void lost(const Statement& statement, const std::string& why, std::string remedy) {
    std::string whole;
    for (const std::string& word : statement.words) whole += (whole.empty() ? "" : " ") + word;
    diagnostics_.warning(statement.position, "not-carried", text::quoted(whole) + (why.empty() ? "" : ": " + why),
                         std::move(remedy));
  }

  void rule(const Profile& profile, ir::Node& node, const Statement& statement) {
    std::vector<std::string> words = statement.words;
    bool denies = false, owner = false, before_others = false;
    while (words.size() > 1 || (!words.empty() && (words[0] == "audit" || words[0] == "allow"))) {
      const std::string& word = words[0];
      if (word == "deny")
        denies = true;
      else if (word == "owner")
        owner = true;
      else if (word.rfind("priority=", 0) == 0)
        before_others = true;
      else if (word != "audit" && word != "allow" && word != "quiet" &&
               !(word == "file" && words.size() > 1))
        break;
      words.erase(words.begin());
    }
    if (words.empty()) return;
    const bool path_first = path_like(words[0]);
    // It takes the place of the rules below it, whatever they grant: nothing is granted where it holds.
    if (before_others && !denies) {
      lost(statement, "it comes before other rules, by its priority", "write by hand what holds there");
      if (words.size() < 2 || (!path_first && !path_like(words[1]))) return;
      words[path_first ? 1 : 0] = "rwlkmx";
      denies = true;
    }
    if (path_first || (words.size() > 1 && permissions(words[0]) && path_like(words[1])))
      return file(profile, node, statement, words, path_first, denies, owner);
    if (denies) return refusals_.emplace_back(&statement, words), void();
    if (words[0] == "capability") return capability(node, statement, words);
    if (words[0] == "network") return network(node, statement, words);
    if (words[0] == "userns") return add_number(node.operations, TL_OP_USERNS, statement.position);
    if (words[0] == "signal" || words[0] == "ptrace") {
      if (words.size() > 1 &&
          (words[1] == "receive" || words[1] == "(receive)" || words[1] == "readby" || words[1] == "tracedby"))
        return;  // what others do to it is judged at them
      return lost(statement, "relations of processes are said otherwise",
                  "add an operation: " + words[0] + "-descendant, " + words[0] + "-workload or " + words[0]);
    }
    if (words[0] == "mount" || words[0] == "umount" || words[0] == "remount" || words[0] == "pivot_root")
      return lost(statement, "mounts are one right, whatever is mounted", "add the operation 'mount' if it is needed");
    if (words[0] == "file" || words[0] == "all")
      return lost(statement, "everything", "name the files that the program needs");
    if (words[0] == "unix")
      return lost(statement, "", "add 'sockets: [unix-stream]' and the socket's path with 'connect'");
    lost(statement, "", "write by hand what of it is needed");
  }

  void file(const Profile& profile, ir::Node& node, const Statement& statement, const std::vector<std::string>& words,
            bool path_first, bool denies, bool owner) {
    if (words.size() < 2) return lost(statement, "a path without permissions", "add them");
    const std::string& glob = words[path_first ? 0 : 1];
    const std::string& wanted = words[path_first ? 1 : 0];
    if (!permissions(wanted)) return lost(statement, "permissions that are not known", "use those of apparmor.d(5)");
    std::string target;
    if (words.size() > 3 && words[2] == "->") target = words[3];
    const bool starts = wanted.find('x') != std::string::npos;
    const Translation translated = translate_glob(glob, file_.variables);
    if (!translated.problem.empty()) {
      lost(statement, translated.problem, "write the rule by hand");
      // Grants that such a denial limits are not known: none may stay.
      if (denies) deny_everywhere(profile, wanted, starts, statement.position);
      return;
    }
    if (!translated.narrower.empty() && !denies)
      diagnostics_.note(statement.position, "narrower", translated.narrower, "add the rest by hand");
    if (owner && !denies)
      return lost(statement, "for the owner of the file only, which the language cannot say",
                  "write the rule by hand, with 'users' at the node");
    // 'l -> TARGET' is the right to link to that file; without 'x' the arrow is no exec's.
    std::string granted = wanted;
    if (!denies && !starts && !target.empty() && wanted.find('l') != std::string::npos) {
      lost(statement, "a link to certain files only, which the language cannot say",
           "add 'link' if it may be one to any file");
      std::erase(granted, 'l');
    }
    Step step{{}, wanted, target, statement.position};
    for (const Translated& one : translated.patterns) {
      const uint32_t access = glob_access(granted, one);
      if (denies)
        denied_.push_back({&profile, one.pattern, access | (starts ? uint32_t{TL_EXECUTE} : 0u), statement.position});
      else
        draft_.grant_file(node, one.pattern, static_cast<ir::AccessSet>(access), statement.position);
      step.patterns.push_back(one.pattern);
    }
    if (starts && !denies) steps_[&profile].push_back(std::move(step));
  }

  void deny_everywhere(const Profile& profile, std::string_view permissions, bool starts, Position position) {
    const uint32_t words = glob_access(permissions, {"/**", false}) | (starts ? uint32_t{TL_EXECUTE} : 0u);
    for (const char* everything : {"/", "/**"}) denied_.push_back({&profile, everything, words, position});
  }

  void capability(ir::Node& node, const Statement& statement, const std::vector<std::string>& words) {
    if (words.size() == 1) return lost(statement, "every capability", "name those that the program needs");
    for (size_t i = 1; i < words.size(); ++i) draft_.grant_capability(node, words[i], statement.position);
  }

  struct Sockets {
    std::string_view family, type;
    uint32_t kind;
    std::string_view protocol;  // of grant_protocol
  };
  static constexpr Sockets kSockets[] = {
      {"inet", "stream", TL_SOCK_INET_STREAM, "tcp"}, {"inet", "dgram", TL_SOCK_INET_DGRAM, "udp"},
      {"inet", "raw", TL_SOCK_INET_RAW, "raw"},       {"unix", "stream", TL_SOCK_UNIX_STREAM, ""},
      {"unix", "dgram", TL_SOCK_UNIX_DGRAM, ""},      {"unix", "seqpacket", TL_SOCK_UNIX_SEQPACKET, ""},
      {"netlink", "raw", TL_SOCK_NETLINK, ""},        {"netlink", "dgram", TL_SOCK_NETLINK, ""},
      {"packet", "raw", TL_SOCK_PACKET, ""},          {"packet", "dgram", TL_SOCK_PACKET, ""},
  };

  // A kind of socket is one for IPv4 and IPv6; with whom it talks is not. Neither family named: both.
  ir::Peer of_family(std::string_view family, Position position) {
    ir::Peer peers;
    if (family != "inet" && family != "inet6") return peers;
    peers.kind = ir::PeerKind::kBlocks;
    peers.blocks.emplace_back().v6 = family == "inet6";
    diagnostics_.note(position, "import-question",
                      "the kind of socket is one for IPv4 and IPv6: what of " + std::string(family) +
                          " is held is with whom it talks",
                      "write 'peer: any' if the other family is meant too");
    return peers;
  }

  // network [FAMILY] [TYPE | PROTOCOL], and behind it what AppArmor 4 says of addresses
  void network(ir::Node& node, const Statement& statement, const std::vector<std::string>& words) {
    if (words.size() == 1) return lost(statement, "every socket", "name the kinds that the program needs");
    std::string family = words[1] == "inet6" ? "inet" : words[1];
    std::string type = words.size() > 2 ? words[2] : "";
    if (family == "tcp" || family == "udp" || family == "icmp") {
      type = family;
      family = "inet";
    }
    // AppArmor 4: ip=, port= and peer=(...) say with whom, and a socket alone would be for all.
    if (words.size() > (words[1] == type ? 2u : 3u))
      return lost(statement, "addresses and ports of a network rule are not carried over",
                  "write it by hand: {direction: out, protocol: tcp, peer: 10.0.0.1/32, port: 80}");
    if (type == "tcp") type = "stream";
    if (type == "udp") type = "dgram";
    const ir::Peer peers = of_family(words[1] == "icmp" ? "inet" : words[1], statement.position);
    if (type == "icmp") return draft_.grant_protocol(node, "icmp", statement.position, peers);
    bool known = false;
    for (const Sockets& sockets : kSockets) {
      if (sockets.family != family || (!type.empty() && sockets.type != type)) continue;
      known = true;
      if (!sockets.protocol.empty())
        draft_.grant_protocol(node, sockets.protocol, statement.position, peers);
      else
        add_number(node.sockets, sockets.kind, statement.position);
      if (sockets.kind == TL_SOCK_NETLINK)
        diagnostics_.note(statement.position, "narrower",
                          "a netlink socket needs its protocols, which the source does not name",
                          "add them: 'netlink: [route]'");
    }
    if (!known) lost(statement, "sockets of a kind that is not known", "add the kind to 'sockets'");
  }

  // A denial holds wherever it stands, so it is asked after every grant of its profile. One that names what is not
  // known may mean any of its kind.
  void refuse(const Profile& profile, ir::Node& node, const Statement& statement,
              const std::vector<std::string>& words) {
    const bool all = words[0] == "all";
    const size_t before = node.network.size() + node.sockets.size() + node.capabilities.size() + node.operations.size();
    if (all || words[0] == "network") {
      node.network.clear();
      node.sockets.clear();
    }
    if (words[0] == "unix")
      std::erase_if(node.sockets, [](const ir::NumberRule& held) {
        return held.value == TL_SOCK_UNIX_STREAM || held.value == TL_SOCK_UNIX_DGRAM ||
               held.value == TL_SOCK_UNIX_SEQPACKET;
      });
    if (all || words[0] == "userns")
      std::erase_if(node.operations, [](const ir::NumberRule& held) { return held.value == TL_OP_USERNS; });
    if (all || words[0] == "capability") {
      bool every = words.size() == 1;
      for (size_t i = 1; i < words.size(); ++i) every |= !capability_number(words[i]);
      std::erase_if(node.capabilities, [&](const ir::NumberRule& held) {
        return every || std::any_of(words.begin() + 1, words.end(),
                                    [&](const std::string& word) { return capability_number(word) == held.value; });
      });
    }
    if (all || words[0] == "file") deny_everywhere(profile, "rwalm", true, statement.position);
    if (node.network.size() + node.sockets.size() + node.capabilities.size() + node.operations.size() != before)
      lost(statement,
           "it takes away what other rules grant" + std::string(words[0] == "network" ? ": no socket is granted" : ""),
           "add by hand what remains of it");
  }

  // The program that runs `executable` under `profile`; made with what it may start.
  size_t program(const Profile& profile, const std::string& executable) {
    const auto [known, fresh] = programs_.try_emplace({&profile, executable}, draft_.programs.size());
    const size_t index = known->second;
    if (!fresh) return index;
    if (draft_.programs.size() >= kMostPrograms) {
      if (!too_many_)
        diagnostics_.error(profile.position, "import-limit", "more than " + std::to_string(kMostPrograms) + " programs",
                           "import profiles of one workload");
      too_many_ = true;
      programs_.erase(known);
      return 0;
    }
    draft_.programs.push_back({{executable, profile.position}, rights_[&profile], false, false, {}});
    for (const Step& step : steps_[&profile])
      for (const std::string& pattern : step.patterns) {
        if (too_many_) return index;
        if (++edges_ > kMostEdges) {
          diagnostics_.error(step.position, "import-limit", "too many programs that start each other",
                             "import profiles of one workload");
          too_many_ = true;
          return index;
        }
        if (const auto next = start(profile, step, pattern)) draft_.programs[index].starts.push_back(*next);
      }
    return index;
  }

  std::optional<size_t> start(const Profile& from, const Step& step, const std::string& pattern) {
    const char mode = step.mode.find_first_of("pP") != std::string::npos   ? 'p'
                      : step.mode.find_first_of("cC") != std::string::npos ? 'c'
                      : step.mode.find('i') != std::string::npos           ? 'i'
                                                                           : 'u';
    const Profile* target = nullptr;
    if (mode == 'i') target = &from;
    if (mode == 'c') target = find(from.children, step.target, pattern);
    if (mode == 'p') target = find(file_.profiles, step.target, pattern);
    if (target == nullptr && mode != 'u' && step.mode.find('i') != std::string::npos) target = &from;
    if (target != nullptr) return program(*target, pattern);
    diagnostics_.warning(step.position, "not-carried",
                         mode == 'u' ? text::quoted(pattern) + " runs unconfined"
                                     : text::quoted(pattern) + " runs under a profile that is not in this file",
                         "add it below 'children' with the rights that it needs");
    return std::nullopt;
  }

  const Profile* find(const std::vector<Profile>& profiles, const std::string& name, const std::string& pattern) {
    const auto [index, fresh] = indices_.try_emplace(&profiles);
    if (fresh)
      for (const Profile& profile : profiles) {
        if (profile.hat) continue;
        index->second.emplace("=" + profile.name, &profile);
        if (!profile.attachment.empty())
          for (const Translated& one : translate_glob(profile.attachment, file_.variables).patterns)
            index->second.emplace(one.pattern, &profile);
      }
    const auto found = index->second.find(name.empty() ? pattern : "=" + name);
    return found == index->second.end() ? nullptr : found->second;
  }

  void deny(const Denied& denied) {
    const auto words = static_cast<ir::AccessSet>(denied.words);
    for (const auto& [key, index] : programs_)
      if (key.first == denied.profile) denials_.add(denied.pattern, words, denied.position, key.second);
  }

  const ProfileFile& file_;
  Draft& draft_;
  Denials& denials_;
  Diagnostics& diagnostics_;
  std::map<const Profile*, ir::Node> rights_;
  std::map<const Profile*, std::vector<Step>> steps_;
  std::vector<std::pair<const Statement*, std::vector<std::string>>> refusals_;  // of the profile that is read
  std::map<std::pair<const Profile*, std::string>, size_t> programs_;
  std::map<const std::vector<Profile>*, std::map<std::string, const Profile*, std::less<>>>
      indices_;  // by pattern, "=NAME"
  std::vector<Denied> denied_;
  size_t edges_ = 0;
  bool too_many_ = false;
};

}  // namespace

std::optional<ir::Policy> read_apparmor(const Source& source, const Options& options, Diagnostics& diagnostics) {
  ProfileFile file;
  if (!parse_apparmor(source.text, file, diagnostics)) return std::nullopt;
  Draft draft(diagnostics);
  Denials denials;
  if (!AppArmorReader(file, draft, denials, diagnostics).read(options)) return std::nullopt;
  std::string name = options.name;
  if (name.empty()) name = file.profiles[0].name.substr(file.profiles[0].name.rfind('/') + 1);
  auto policy = std::move(draft).finish(name);
  if (!policy || !denials.apply(*policy, diagnostics)) return std::nullopt;
  return policy;
}

}  // namespace treeline::import_
