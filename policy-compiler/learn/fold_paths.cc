// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/fold_paths.h"

#include <algorithm>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/fold_names.h"
#include "policy-compiler/learn/fold_tree.h"
#include "policy-compiler/learn/guards.h"
#include "policy-compiler/learn/name_shape.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/trace.h"

namespace treeline::learn {
namespace {

constexpr size_t kMaxDepth = 64;  // components; what lies deeper is literal
constexpr ir::AccessSet kReadOnly = TL_READ | TL_LIST;

struct Path {
  const std::string* name = nullptr;
  std::vector<std::string> components;
  const Use* use = nullptr;
  PathPattern pattern;  // grows from the root downwards
};

class NodeFiles {
 public:
  NodeFiles(const Observed& observed, uint32_t node, const Guards& guards, const Series& series, const FanOut& fan_out,
            std::vector<Question>& questions)
      : observed_(observed),
        node_(node),
        guards_(guards),
        series_(series),
        fan_out_(fan_out),
        questions_(questions) {}

  std::vector<LearnedFile> fold() {
    for (uint32_t bit = 1; bit <= TL_CONNECT; bit <<= 1) {
      if (bit != TL_EXECUTE) fold_word(static_cast<ir::AccessSet>(bit));
    }
    ask();
    std::vector<LearnedFile> out;
    for (auto& [text, rule] : rules_) {
      rule.examples.assign(names_[text].begin(), names_[text].end());
      if (!rule.folded) rule.examples.clear();
      rule.names = rule.folded ? counts_[text].size() : 1;
      if (rule.examples.size() > kMostExamples) rule.examples.resize(kMostExamples);
      out.push_back(std::move(rule));
    }
    return out;
  }

 private:
  const ObservedNode& node() const { return observed_.nodes[node_]; }

  void fold_word(ir::AccessSet word) {
    std::vector<Path> paths;
    for (const auto& [name, words] : node().files) {
      const auto use = words.find(word);
      if (use == words.end()) continue;
      if (!is_path(name) || name == "/" || word == TL_MAP) {
        literal(name, word, use->second);
      } else {
        paths.push_back({&name, split(name), &use->second, {}});
      }
    }
    std::vector<Path*> all;
    for (Path& path : paths) all.push_back(&path);
    level(all, 0, word);
    emit(all, word);
  }

  // Decides component `depth` of paths that have one pattern so far.
  void level(const std::vector<Path*>& paths, size_t depth, ir::AccessSet word) {
    std::map<std::string, std::vector<Path*>> children;
    for (Path* path : paths) {
      if (path->components.size() > depth) children[path->components[depth]].push_back(path);
    }
    if (children.empty()) return;
    if (depth >= kMaxDepth) {
      for (Path* path : paths) {
        for (size_t i = depth; i < path->components.size(); i++)
          path->pattern.push_back(NamePattern::exactly(path->components[i]));
      }
      return;
    }
    std::vector<NameFacts> names;
    std::vector<std::vector<Path*>> members;
    for (auto& [name, below] : children) {
      if (auto facts = candidate(name, below, depth, word)) {
        names.push_back(std::move(*facts));
        members.push_back(std::move(below));
        below.clear();
      }
    }
    const FoldedNames folded = fold_names(names, observed_.days);
    for (const NameGroup& group : folded.groups) {
      if (group.one_digit) one_digit_.insert(join_to(*members[group.members.front()].front(), depth) + "/" + group.pattern.text());
      std::vector<Path*> together;
      for (const size_t i : group.members) {
        for (Path* path : members[i]) path->pattern.push_back(group.pattern);
        together.insert(together.end(), members[i].begin(), members[i].end());
        members[i].clear();
      }
      level(together, depth + 1, word);
    }
    for (const NearMiss& near : folded.near_misses) {
      for (const size_t i : near.members) {
        for (const Path* path : members[i]) {
          const auto [at, fresh] =
              reasons_.try_emplace(join_to(*path, depth + 1), near.shape, near.reason, near.members.size());
          if (!fresh && std::get<2>(at->second) < near.members.size())
            at->second = {near.shape, near.reason, near.members.size()};
        }
      }
    }
    for (size_t i = 0; i < names.size(); i++) {
      if (!members[i].empty()) children[names[i].name] = std::move(members[i]);
    }
    for (auto& [name, below] : children) {
      if (below.empty()) continue;
      for (Path* path : below) path->pattern.push_back(NamePattern::exactly(name));
      level(below, depth + 1, word);
    }
  }

  static std::string join_to(const Path& path, size_t depth) {
    return join({path.components.begin(), path.components.begin() + static_cast<std::ptrdiff_t>(depth)});
  }

  // The facts of a name, over every directory that the pattern so far stands for; nullopt where a guard says no.
  std::optional<NameFacts> candidate(const std::string& name, const std::vector<Path*>& below, size_t depth,
                                     ir::AccessSet word) {
    NameFacts facts;
    facts.name = name;
    std::set<std::string> seen;
    std::set<uint32_t> in;
    bool all_kernel = true, all_series = true, all_projected = (word & kReadOnly) != 0;
    for (const Path* path : below) {
      in.insert(path->use->episodes.begin(), path->use->episodes.end());
      std::string whole = join_to(*path, depth + 1);
      const auto [at, fresh] = seen.insert(std::move(whole));
      if (!fresh) continue;
      const Guards::Answer answer = guards_.ask(path->components, depth + 1);
      const bool projected =
          name.starts_with("..") && answer != Guards::Answer::kExecutable && !observed_.births.contains(*at);
      all_projected &= projected;
      const bool series =
          series_.holds(*at) && (answer == Guards::Answer::kMayFold || answer == Guards::Answer::kStatic);
      all_series &= series;
      facts.lower_hex |= (series_.letters(*at) & Series::kLower) != 0;
      facts.upper_hex |= (series_.letters(*at) & Series::kUpper) != 0;
      if (answer != Guards::Answer::kMayFold && !projected && !series) return std::nullopt;
      all_kernel &= Guards::is_kernel_number(path->components, depth + 1);
      const auto birth = observed_.births.find(*at);
      if (birth == observed_.births.end()) continue;
      facts.exclusive |= birth->second.exclusive;
      // Where no recorder tells O_EXCL, a name that was made and is gone again stands for one: a temporary file's.
      facts.exclusive |= !observed_.tells_exclusive && birth->second.made && birth->second.removed;
      facts.removed |= birth->second.removed;
      facts.born.insert(facts.born.end(), birth->second.times.begin(), birth->second.times.end());
    }
    facts.temporary = in.size() == 1 && std::all_of(seen.begin(), seen.end(), [&](const std::string& whole) {
                        return is_temporary(whole);
                      });
    facts.fan_out = std::all_of(seen.begin(), seen.end(), [&](const std::string& whole) { return fan_out_.holds(whole); });
    facts.kernel_number = all_kernel;
    facts.series = all_series;
    facts.projected = all_projected;
    if (name.starts_with("..") && !all_projected) return std::nullopt;
    facts.episodes.assign(in.begin(), in.end());
    return facts;
  }

  // Made so that it could not have been there before, and removed again, by whichever node (mktemp makes what the shell
  // removes): only where a recorder tells O_EXCL.
  bool is_temporary(const std::string& whole) const {
    const auto birth = observed_.births.find(whole);
    return birth != observed_.births.end() && birth->second.made && birth->second.exclusive && birth->second.removed;
  }

  // A pattern stands only if each of its classes has names enough among the paths that it took over with this word, and
  // two episodes do. Where a class has not, that component goes back to what it was, and the rest is asked again.
  void emit(const std::vector<Path*>& all, ir::AccessSet word) {
    std::map<std::string, std::vector<Path*>> patterns;
    for (Path* path : all) patterns[text_of(path->pattern)].push_back(path);
    while (!patterns.empty()) {
      auto first = patterns.extract(patterns.begin());
      std::vector<Path*>& paths = first.mapped();
      const PathPattern& pattern = paths.front()->pattern;
      if (const auto weak = unsupported(pattern, paths)) {
        for (Path* path : paths) {
          path->pattern[*weak] = NamePattern::exactly(path->components[*weak]);
          patterns[text_of(path->pattern)].push_back(path);
        }
      } else if (folded(pattern) && (guards_.meets_executed(pattern) || Guards::meets_control(pattern))) {
        stay_literal(paths, word, "executed-among-names",
                     first.key() + " would match a file that is executed or mapped, or decides what is",
                     "keep such files in a directory that nothing writes to");
      } else if (folded(pattern) && guards_.meets_programs(pattern, paths.front()->components)) {
        stay_literal(paths, word, "programs-among-names", first.key() + " may match programs of the image",
                     "give the image with --image: its names decide then; or keep what is born at run time in a directory of its own");
      } else if (holds_protected(pattern, paths)) {
        stay_literal(paths, word, "protected-among-names", first.key() + " would match secrets or control",
                     "name the secrets that are meant, or keep them in a directory whose name does not change");
      } else if (const auto held = meets_image(pattern, paths, word)) {
        stay_literal(paths, word, "image-among-names",
                     first.key() + (*held == "?" ? " may match names of the image: a directory of it cannot be read"
                                                 : " would match " + pattern_text(*held) +
                                                       ", which the image holds and which was not used so"),
                     "keep what is born at run time in a directory of its own");
      } else if (const auto stands = meets_standing(pattern, paths, word)) {
        stay_literal(paths, word, "standing-among-names",
                     first.key() + " would match " + pattern_text(*stands) + ", which was there before and was not used so",
                     "keep what is born at run time in a directory of its own");
      } else {
        for (const Path* path : paths) add(first.key(), pattern, *path->name, word, *path->use);
      }
    }
  }

  std::optional<size_t> unsupported(const PathPattern& pattern, const std::vector<Path*>& paths) const {
    std::optional<size_t> first_class;
    for (size_t depth = 0; depth < pattern.size(); depth++) {
      if (!pattern[depth].folded()) continue;
      if (!first_class) first_class = depth;
      std::set<std::string_view> names;
      bool two = true, temporary = true;
      for (const Path* path : paths) {
        names.insert(path->components[depth]);
        const std::string whole = join_to(*path, depth + 1);
        two = two && (Guards::is_kernel_number(path->components, depth + 1) ||
                      path->components[depth].starts_with("..") || series_.holds(whole));
        temporary = temporary && path->use->episodes.size() == 1 && is_temporary(whole);
      }
      if (names.size() < (two || temporary ? 2 : pattern[depth].names_needed())) return depth;
    }
    std::set<uint32_t> episodes;
    for (const Path* path : paths) episodes.insert(path->use->episodes.begin(), path->use->episodes.end());
    return episodes.size() < kEpisodesNeeded ? first_class : std::nullopt;
  }

  // What lies below a folded name is folded with it: /home/user{digits}/.ssh/id_rsa. But for the time stamp of a
  // projected volume, which is read only and the kubelet's.
  static bool holds_protected(const PathPattern& pattern, const std::vector<Path*>& paths) {
    if (!folded(pattern)) return false;
    const auto projected = [&](const Path* path) {
      for (size_t i = 0; i < pattern.size(); i++) {
        if (pattern[i].folded() && !path->components[i].starts_with("..")) return false;
      }
      return true;
    };
    if (std::all_of(paths.begin(), paths.end(), projected)) return false;
    return Guards::meets_protected(pattern) || std::any_of(paths.begin(), paths.end(), [](const Path* path) {
             return Guards::is_protected(path->components, path->components.size());
           });
  }

  // Names of the image that this node used so anyway do no harm; nor do the past names of a counter that it began, once
  // they are what the workload made of them.
  std::optional<std::string> meets_image(const PathPattern& pattern, const std::vector<Path*>& paths,
                                         ir::AccessSet word) const {
    if (!folded(pattern)) return std::nullopt;
    return guards_.meets_image(pattern, paths.front()->components, [&](const std::string& path) {
      const auto words = node().files.find(path);
      if (words != node().files.end() && words->second.contains(word)) return true;
      return series_.holds(path) && guards_.changed(path);
    });
  }

  std::optional<std::string> meets_standing(const PathPattern& pattern, const std::vector<Path*>& paths, ir::AccessSet word) const {
    return guards_.meets_standing(pattern, paths.front()->components, [&](const std::string& path) {
      const auto words = node().files.find(path);
      return words != node().files.end() && words->second.contains(word);
    });
  }

  void stay_literal(const std::vector<Path*>& paths, ir::AccessSet word, const char* code, const std::string& why,
                    const char* remedy) {
    std::set<std::string>& examples = refused_[{code, why, remedy}];
    for (const Path* path : paths) {
      examples.insert(pattern_text(*path->name));
      if (examples.size() > kMostExamples) examples.erase(std::prev(examples.end()));
      literal(*path->name, word, *path->use);
    }
  }

  void literal(const std::string& name, ir::AccessSet word, const Use& use) {
    PathPattern path;
    if (is_path(name)) {
      for (const std::string& component : split(name)) path.push_back(NamePattern::exactly(component));
    }
    add(pattern_text(name), path, name, word, use);
  }

  void add(const std::string& text, const PathPattern& path, const std::string& name, ir::AccessSet word,
           const Use& use) {
    LearnedFile& rule = rules_[text];
    rule.pattern = text;
    rule.path = path;
    rule.folded = folded(path);
    rule.words[word].add(use);
    counts_[text].insert(name);
    auto& examples = names_[text];
    examples.insert(pattern_text(name));
    if (examples.size() > kMostExamples) examples.erase(std::prev(examples.end()));
    if (!rule.folded) literals_.insert(name);
  }

  // A name that was born at run time, was not seen in every start and is now literal will not come again as it was.
  void ask() {
    struct Group {
      std::set<std::string> examples;
      size_t names = 0;
      bool born = false;
    };
    std::map<std::tuple<std::string, std::string, std::string>, Group> groups;  // directory, shape, reason
    std::set<std::string> dated;
    for (const std::string& name : literals_) {
      if (!is_path(name) || name == "/") continue;
      std::set<uint32_t> in;
      for (const auto& [word, use] : node().files.at(name)) in.insert(use.episodes.begin(), use.episodes.end());
      const std::vector<std::string> components = split(name);
      const bool varies = in.size() < observed_.starts || observed_.starts < kEpisodesNeeded;
      if (!varies) {
        if (holds_the_day(components) && (guards_.born(name) || guards_.on_volume(name))) dated.insert(pattern_text(name));
        continue;
      }
      const bool born = guards_.born(name) || Guards::is_kernel_number(components, components.size());
      if (!born && !guards_.on_volume(name)) continue;
      // The reason may lie with a directory above.
      std::string shape, reason;
      for (size_t depth = components.size(); depth > 0 && reason.empty(); depth--) {
        const auto at =
            reasons_.find(join({components.begin(), components.begin() + static_cast<std::ptrdiff_t>(depth)}));
        if (at != reasons_.end()) std::tie(shape, reason, std::ignore) = at->second;
      }
      if (reason.empty() && observed_.starts < kEpisodesNeeded) continue;  // said once, for the whole profile
      if (reason.empty()) reason = reason_of(components);
      const std::string directory = pattern_text(join({components.begin(), components.end() - 1}));
      Group& group = groups[{directory, shape, reason}];
      group.names++;
      group.born |= born;
      group.examples.insert(pattern_text(name));
      if (group.examples.size() > kMostExamples) group.examples.erase(std::prev(group.examples.end()));
    }
    ask_about(dated, "dated-name", " names hold the day of the recording: tomorrow they are others, and refused",
              "write {date} for the day, in a directory of its own: /data/[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]");
    ask_about(one_digit_, "one-digit-counter", " counters went up to 9 and no further: the next may be 'a', and is refused",
              "write {rand:1}, or record on until a number has two digits");
    for (const auto& [key, examples] : refused_) {
      const auto& [code, why, remedy] = key;
      questions_.push_back({QuestionKind::kLiteral,
                            code,
                            observed_path(observed_, node_),
                            why + ": the names stay literal",
                            remedy,
                            {examples.begin(), examples.end()}});
    }
    for (const auto& [key, group] : groups) {
      const auto& [directory, shape, reason] = key;
      questions_.push_back({QuestionKind::kLiteral,
                            "literal-names",
                            observed_path(observed_, node_),
                            std::to_string(group.names) + (group.names == 1 ? " name" : " names") +
                                (group.born ? " born at run time in " : " that vary in ") + directory +
                                (shape.empty() ? "" : ", like " + shape + ",") + " stayed literal: " + reason,
                            "record another start with such names, or write a pattern for them",
                            {group.examples.begin(), group.examples.end()}});
    }
  }

  void ask_about(const std::set<std::string>& names, const char* code, const std::string& what, const char* remedy) {
    if (names.empty()) return;
    std::vector<std::string> examples(names.begin(), names.end());
    if (examples.size() > kMostExamples) examples.resize(kMostExamples);
    questions_.push_back({QuestionKind::kLiteral, code, observed_path(observed_, node_), std::to_string(names.size()) + what, remedy, std::move(examples)});
  }

  // A date near the clock of a recording, in one component or as YYYY/MM/DD.
  bool holds_the_day(const std::vector<std::string>& components) const {
    const auto near = [&](const std::string& text) {
      const std::optional<int64_t> day = day_of(text);
      return day && std::any_of(observed_.days.begin(), observed_.days.end(), [&](const auto& span) {
               return span.first <= span.second && *day >= span.first - 1 && *day <= span.second + 1;
             });
    };
    for (size_t i = 0; i < components.size(); i++) {
      for (const Token& token : cut_name(components[i], Cut::kWide)) {
        if (token.kind == Token::Kind::kDate && near(token.text)) return true;
      }
      if (i + 2 < components.size() && near(components[i] + "-" + components[i + 1] + "-" + components[i + 2])) return true;
    }
    return false;
  }

  std::string reason_of(const std::vector<std::string>& components) const {
    switch (guards_.ask(components, components.size())) {
      case Guards::Answer::kProtected:
        return "secrets and control are never folded";
      case Guards::Answer::kHidden:
        return "names with a leading dot are never folded";
      case Guards::Answer::kExecutable:
        return "what is executed is never folded";
      case Guards::Answer::kStatic:
        if (guards_.on_volume(join(components)))
          return "the image does not hold them, and nothing shows that they were born at run time";
        [[fallthrough]];
      default:
        return "they were not seen in every start, and fit no class";
    }
  }

  const Observed& observed_;
  uint32_t node_;
  const Guards& guards_;
  const Series& series_;
  const FanOut& fan_out_;
  std::vector<Question>& questions_;
  std::map<std::string, LearnedFile> rules_;
  std::map<std::string, std::set<std::string>> names_;   // examples
  std::map<std::string, std::set<std::string>> counts_;  // distinct names
  std::set<std::string> literals_, one_digit_;
  std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> refused_;  // code, why, remedy
  std::map<std::string, std::tuple<std::string, std::string, size_t>> reasons_;  // path -> shape, reason, names
};

}  // namespace

ir::AccessSet LearnedFile::access() const {
  ir::AccessSet out = implied;
  for (const auto& [word, use] : words) out = static_cast<ir::AccessSet>(out | word);
  return out;
}

std::vector<LearnedFile> fold_paths(const Observed& observed, uint32_t node, const Guards& guards, const Series& series,
                                    const FanOut& fan_out, std::vector<Question>& questions) {
  return NodeFiles(observed, node, guards, series, fan_out, questions).fold();
}

}  // namespace treeline::learn
