// SPDX-License-Identifier: Apache-2.0
//
// AppArmor profiles. A profile is the rights of a program; px and cx lead to the program under another profile, ix to
// one under the same. Included abstractions are not read: what they grant is missing, and said.
#include <algorithm>
#include <map>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/apparmor_exec.h"
#include "policy-compiler/import/apparmor_network.h"
#include "policy-compiler/import/apparmor_text.h"
#include "policy-compiler/import/denials.h"
#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/import/steps.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

bool permissions(std::string_view word) {
  return !word.empty() && word.find_first_not_of("rwaklmxpPcCuUi") == std::string_view::npos;
}

constexpr char kCondition[] = "under a condition, which the draft cannot ask";
constexpr char kConditionRemedy[] = "write it by hand if it is meant";

constexpr size_t kMostPrograms = 2'000;

// Uppercase letters, which AppArmor takes though it warns. Those of an exec's profile have a meaning of their own.
std::string usual_letters(std::string permissions) {
  for (char& c : permissions)
    if (std::string_view("RWALKMXI").find(c) != std::string_view::npos) c = static_cast<char>(c - 'A' + 'a');
  return permissions;
}

class AppArmorReader {
 public:
  AppArmorReader(const ProfileFile& file, Draft& draft, Denials& denials, Diagnostics& diagnostics)
      : file_(file), draft_(draft), denials_(denials), diagnostics_(diagnostics), execs_(file, diagnostics) {}

  bool read(const Options& options) {
    for (const Profile& profile : file_.profiles) rights(profile);
    bool root = enter();
    // A profile without a path is one that a runtime sets: it holds for the container's programs.
    for (const Profile& profile : file_.profiles)
      if (profile.attachment.empty() && !profile.conditional)
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
    if (root) list_unreached(file_.profiles, false);
    if (!only_written_.empty())
      diagnostics_.note(*only_written_.begin(), "narrower",
                        "'w' makes symbolic links as well; 'link', which is the right to hard ones too, is granted "
                        "beside 'l' only (rules without: " +
                            std::to_string(only_written_.size()) + ")",
                        "add 'link' where the program makes links");
    return root;
  }

 private:
  struct Denied {
    const Profile* profile;
    std::string pattern;
    uint32_t words;
    Position position;
  };

  struct Names {  // what a profile may do with a file's names
    bool write = false, link = false;
    Position written, linked;
  };

  // The profiles that are attached to a path.
  bool enter() {
    std::vector<Candidate> candidates;
    std::vector<const Profile*> profiles;
    for (const Profile& profile : file_.profiles) {
      if (profile.conditional) continue;
      for (const std::string& pattern : globs(profile.attachment, profile.position)) {
        candidates.push_back({pattern, &profile, profile.position});
        profiles.push_back(&profile);
      }
    }
    const std::vector<bool> stays = disjoint(candidates, diagnostics_);
    for (size_t i = 0; i < candidates.size(); ++i)
      if (stays[i]) draft_.programs[program(*profiles[i], candidates[i].pattern)].root = true;
    return std::find(stays.begin(), stays.end(), true) != stays.end();
  }

  std::vector<std::string> globs(const std::string& glob, Position position) {
    if (glob.empty()) return {};
    const Translation translated = translate_glob(glob, file_.variables, Meant::kGranted);
    if (!translated.problem.empty())
      diagnostics_.warning(position, "not-carried", text::quoted(glob) + ": " + translated.problem,
                           "write the rule by hand");
    std::vector<std::string> out;
    for (const Translated& one : translated.patterns) out.push_back(one.pattern);
    return out;
  }

  void rights(const Profile& profile) {
    if (profile.conditional) {
      diagnostics_.warning(profile.position, "not-carried",
                           "profile " + text::quoted(profile.name) + " stands under a condition",
                           "write by hand what of it is meant");
      return;
    }
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
    if (!profile.open.empty())
      diagnostics_.warning(profile.position, "not-carried",
                           "profile " + text::quoted(profile.name) + " allows what it has no rule for (" + std::string(profile.open) +
                               "): only its rules are carried over",
                           "record the workload, and add what it needs");
    for (const Statement& include : profile.includes)
      diagnostics_.warning(include.position, "not-carried",
                           "the rules of " +
                               text::quoted(include.words.size() > 1 ? include.words[1] : "an included file") +
                               ", grants and denials: what they deny, the draft may allow",
                           "put into the file what the program uses of them and what they deny, and import it again");
    ir::Node& node = rights_[&profile];
    refusals_.clear();
    names_.clear();
    for (const Statement& statement : profile.statements) rule(profile, node, statement);
    for (const auto& [statement, words] : refusals_) refuse(profile, node, *statement, words);
    for (const auto& [pattern, names] : names_) links(node, pattern, names);
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
      else if (word != "audit" && word != "allow" && word != "quiet" && !(word == "file" && words.size() > 1))
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
    if (statement.conditional) return lost(statement, kCondition, kConditionRemedy);
    if (words[0] == "capability") return capability(node, statement, words);
    if (words[0] == "network") {
      if (const auto not_carried = grant_network(words, statement.position, draft_, node, diagnostics_))
        lost(statement, not_carried->why, not_carried->remedy);
      return;
    }
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
    const std::string& glob = words[path_first || words.size() < 2 ? 0 : 1];
    std::string wanted = words.size() < 2 ? "" : usual_letters(words[path_first ? 1 : 0]);
    if (!permissions(wanted)) {
      lost(statement, "permissions that are not known", "use those of apparmor.d(5)");
      if (!denies) return;
      wanted = "rwalmx";
    }
    const bool starts = wanted.find('x') != std::string::npos;
    if (denies) return deny_file(profile, glob, wanted, statement);
    ExecRule exec{{}, wanted, words.size() > 3 && words[2] == "->" ? words[3] : "", statement.position};
    Translation translated = translate_glob(glob, file_.variables, Meant::kGranted);
    for (const Translated& one : translated.patterns) exec.patterns.push_back(one.pattern);
    exec.listed = !translated.problem.empty() || owner || statement.conditional;
    if (!translated.problem.empty())
      lost(statement, translated.problem, "write the rule by hand");
    else if (owner)
      lost(statement, "for the owner of the file only, which the language cannot say",
           "write the rule by hand, with 'users' at the node");
    else if (statement.conditional)
      lost(statement, kCondition, kConditionRemedy);
    else if (!translated.narrower.empty())
      diagnostics_.note(statement.position, "narrower", translated.narrower, "add the rest by hand");
    if (starts) execs_.add(profile, exec);
    if (exec.listed) return;
    // 'l -> TARGET' is the right to link to that file; without 'x' the arrow is no exec's.
    bool link = wanted.find('l') != std::string::npos;
    if (link && !starts && !exec.target.empty()) {
      lost(statement, "a link to certain files only, which the language cannot say",
           "add 'link' if it may be one to any file");
      link = false;
    }
    std::erase(wanted, 'l');
    for (const Translated& one : translated.patterns) {
      const ir::AccessSet access = glob_access(wanted, one);
      draft_.grant_file(node, one.pattern, access, statement.position);
      Names& names = names_[one.pattern];
      if (link && glob_access("l", one) != 0) names.link = true, names.linked = statement.position;
      if ((access & TL_WRITE) != 0) names.write = true, names.written = statement.position;
    }
  }

  // 'w' makes symbolic links and 'l' hard ones; the word 'link' is the right to both.
  void links(ir::Node& node, const std::string& pattern, const Names& names) {
    if (names.link && names.write)
      draft_.grant_file(node, pattern, TL_LINK, names.linked);
    else if (names.link)
      diagnostics_.note(names.linked, "narrower",
                        "'l' makes hard links only, and 'link' symbolic ones too: it is granted beside 'w' only",
                        "add 'link' if the program may make both");
    else if (names.write)
      only_written_.insert(names.written);
  }

  void deny_file(const Profile& profile, const std::string& glob, std::string_view wanted, const Statement& statement) {
    const bool starts = wanted.find('x') != std::string_view::npos;
    const Translation translated = translate_glob(glob, file_.variables, Meant::kDenied);
    if (!translated.problem.empty()) {
      lost(statement, translated.problem, "write the rule by hand");
      // Grants that such a denial limits are not known: none may stay.
      return deny_everywhere(profile, wanted, starts, statement.position);
    }
    for (const Translated& one : translated.patterns) {
      const uint32_t words = glob_access(wanted, one) | (starts ? uint32_t{TL_EXECUTE} : 0u);
      denied_.push_back({&profile, one.pattern, words, statement.position});
    }
  }

  void deny_everywhere(const Profile& profile, std::string_view permissions, bool starts, Position position) {
    const uint32_t words = glob_access(permissions, {"/**"}) | (starts ? uint32_t{TL_EXECUTE} : 0u);
    for (const char* everything : {"/", "/**"}) denied_.push_back({&profile, everything, words, position});
  }

  void capability(ir::Node& node, const Statement& statement, const std::vector<std::string>& words) {
    if (words.size() == 1) return lost(statement, "every capability", "name those that the program needs");
    for (size_t i = 1; i < words.size(); ++i) draft_.grant_capability(node, words[i], statement.position);
  }

  // A denial holds wherever it stands, so it is asked after every grant of its profile. One that names what is not
  // known may mean any of its kind.
  void refuse(const Profile& profile, ir::Node& node, const Statement& statement,
              const std::vector<std::string>& words) {
    const bool all = words[0] == "all";
    // "link [subset] NAME -> TARGET": the target cannot be said, so no link of that name is left.
    if (const size_t name = words.size() > 1 && words[1] == "subset" ? 2 : 1; words[0] == "link" && name < words.size())
      return deny_file(profile, words[name], "l", statement);
    constexpr std::string_view kKnown[] = {"all", "network", "unix", "userns", "capability", "file"};
    if (std::find(std::begin(kKnown), std::end(kKnown), words[0]) == std::end(kKnown))
      return lost(statement, "the draft has no denials, and grants nothing of this kind",
                  "grant by hand nothing that it denies");
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

  // Profiles that no program of the draft runs under; why one that is attached itself is none has been said.
  void list_unreached(const std::vector<Profile>& profiles, bool children) {
    for (const Profile& profile : profiles) {
      if (profile.hat || profile.conditional) continue;
      const auto runs = programs_.lower_bound({&profile, ""});
      if ((children || profile.attachment.empty()) && (runs == programs_.end() || runs->first.first != &profile))
        diagnostics_.warning(profile.position, "not-carried",
                             "profile " + text::quoted(profile.name) + ": nothing here leads to it, so what is said in it is left out",
                             children ? "write a rule that starts a program under it, where it is meant"
                                      : "name the program that it is set for with --exec, or write a rule that starts one under it");
      list_unreached(profile.children, true);
    }
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
    draft_.programs.push_back({{executable, profile.position}, rights_[&profile], false, false, {}, {}});
    for (const Step& step : execs_.steps_of(profile)) {
      if (too_many_) return index;
      if (++edges_ > kMostEdges) {
        diagnostics_.error(step.position, "import-limit", "too many programs that start each other",
                           "import profiles of one workload");
        too_many_ = true;
        return index;
      }
      const size_t next = program(*step.target, step.pattern);
      draft_.programs[index].starts.push_back(next);
    }
    return index;
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
  Execs execs_;
  std::map<std::string, Names> names_;  // by pattern, of the profile that is read
  std::set<Position> only_written_;     // rules
  std::vector<std::pair<const Statement*, std::vector<std::string>>> refusals_;  // of the profile that is read
  std::map<std::pair<const Profile*, std::string>, size_t> programs_;
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
  if (policy) denials.apply(*policy, diagnostics);
  return policy;
}

}  // namespace treeline::import_
