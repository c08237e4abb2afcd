// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/learn.h"

#include <algorithm>
#include <map>
#include <set>

#include "bpf/lsm/decide.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/closed_calls.h"
#include "policy-compiler/learn/directories.h"
#include "policy-compiler/learn/evidence.h"
#include "policy-compiler/learn/fold_paths.h"
#include "policy-compiler/learn/moves.h"
#include "policy-compiler/learn/network_rules.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/observed.h"
#include "policy-compiler/learn/review.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

constexpr size_t kMaxPattern = 4096;  // bytes of text, what the front end takes; a byte that must be escaped takes four

std::string label_from(const std::string& executable) {
  std::string out;
  for (const char c : executable.substr(executable.rfind('/') + 1)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    out += good ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  out = out.substr(0, 48);
  return out.empty() || out[0] == '.' || out[0] == '-' ? "_" + out : out;
}

// As check decides it: mapped, it takes a signature.
bool made_in_memory(const std::string& object) {
  if (object.size() < 2 || object.front() != '{' || object.back() != '}') return false;
  const auto found = ir::names::reserved_classes().find(object.substr(1, object.size() - 2));
  return found && passes::made_in_memory(*found);
}

class Drafter {
 public:
  Drafter(std::vector<Trace> episodes, const Options& options, Diagnostics& diagnostics)
      : episodes_(std::move(episodes)), options_(options), diagnostics_(diagnostics) {}

  std::optional<Learned> run() {
    if (!name() || !check_episodes()) return std::nullopt;
    observed_ = merge(episodes_, options_.join);
    if (observed_.entry.empty()) {
      diagnostics_.error({}, "learn-no-entry", "no trace holds the start of a workload",
                         "record from the start: bind first, then let the container or command begin");
      return std::nullopt;
    }
    if (observed_.starts < kEpisodesNeeded) {
      ask(QuestionKind::kLiteral, "one-start", ir::kNoNode,
          std::string(observed_.starts == 0 ? "no start" : "one start") +
              " was recorded: no name is folded, whatever is born at run time stays literal",
          "record two starts, each from the bind on, and give both traces");
    }
    const TreeFold fold = fold_tree(observed_, questions_);
    out_.permits.by_recursion = fold.added;
    out_.back_edges = fold.folded;
    keep_one_of_each(observed_.entry, {});
    keep_one_of_each(observed_.join, {});
    if (kept_.empty()) {
      diagnostics_.error({}, "learn-no-entry",
                         "none of the entry's executables may be learned: each was written by the workload itself",
                         "start the workload from an image that holds its executables");
      return std::nullopt;
    }
    files();
    nodes();
    if (diagnostics_.has_errors()) return std::nullopt;
    finish();
    return std::move(out_);
  }

 private:
  const ObservedNode& at(uint32_t node) const { return observed_.nodes[node]; }
  std::string path(uint32_t node) const { return observed_path(observed_, node); }
  void ask(QuestionKind kind, std::string code, uint32_t node, std::string text, std::string remedy,
           std::vector<std::string> examples = {}) {
    questions_.push_back({kind, std::move(code), node == ir::kNoNode ? "" : path(node), std::move(text),
                          std::move(remedy), std::move(examples)});
  }

  bool name() {
    std::string chosen = options_.name;
    std::set<std::string> named;
    for (const Trace& trace : episodes_) {
      if (!trace.workload.empty()) named.insert(trace.workload);
    }
    if (chosen.empty() && named.size() == 1) chosen = *named.begin();
    if (named.size() > 1) {
      diagnostics_.warning(
          {}, "learn-workloads",
          "the traces are of several workloads: " + text::quoted(*named.begin()) + ", " + text::quoted(*named.rbegin()),
          "learn each workload by itself, unless these are names of one");
    }
    const bool good = !chosen.empty() && chosen.size() <= 63 && chosen[0] != '.' && chosen[0] != '-' &&
                      chosen.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string::npos;
    if (!good) {
      diagnostics_.error(
          {}, "learn-name",
          chosen.empty() ? "the profile has no name" : "a profile cannot be named " + text::quoted(chosen),
          "give --name with 1 to 63 of a-z, 0-9, '_', and behind the first also '.' and '-'");
      return false;
    }
    out_.policy.name = chosen;
    return true;
  }

  bool check_episodes() {
    if (episodes_.empty()) {
      diagnostics_.error({}, "learn-no-trace", "no trace was given", "give the traces of two starts or more");
      return false;
    }
    for (const Trace& trace : episodes_) {
      if (trace.late) {
        diagnostics_.warning({}, "trace-late",
                             trace.file + " was recorded from a container that ran already: its start is not in it",
                             "record from the start too");
      }
      if (trace.incomplete) {
        diagnostics_.warning(
            {}, "trace-incomplete",
            trace.file + " is incomplete" +
                (trace.losses != 0 ? ": " + std::to_string(trace.losses) + " acts were lost" : std::string()),
            "what it holds is learned; what it lacks will be refused: record it again");
      }
      std::set<std::string> left_out;
      for (const TracedNode& node : trace.nodes) {
        if (!options_.join && node.joined && (node.parent == ir::kNoNode || !trace.nodes[node.parent].joined)) {
          left_out.insert(step_text({node.executable, node.interpreter.value_or("")}));
        }
      }
      joined_.insert(left_out.begin(), left_out.end());
    }
    if (!joined_.empty()) {
      std::vector<std::string> examples(joined_.begin(), joined_.end());
      if (examples.size() > kMostExamples) examples.resize(kMostExamples);
      ask(QuestionKind::kLeftOut, "joined", ir::kNoNode,
          std::to_string(joined_.size()) + " programs joined the started container (exec, probes)",
          "give --join if they belong to its operation", std::move(examples));
    }
    return true;
  }

  // An executable leads to one node: a file that was a script of two interpreters, or in one trace without its
  // interpreter, keeps the step that was seen in more starts.
  void keep_one_of_each(const std::map<Step, uint32_t>& steps, const std::map<Step, uint32_t>& back_edges) {
    std::map<std::string_view, uint32_t> best;
    const auto weight = [&](uint32_t node) {
      return std::pair(at(node).executions.episodes.size(), at(node).executions.count);
    };
    for (const auto& [step, node] : steps) {
      const auto [known, fresh] = best.emplace(step.executable, node);
      if (!fresh && weight(node) > weight(known->second)) known->second = node;
    }
    for (const auto& [step, target] : back_edges) best[step.executable] = ir::kNoNode;
    for (const auto& [step, node] : steps) {
      if (best[step.executable] == node) {
        keep(node);
        continue;
      }
      ask(QuestionKind::kLeftOut, "two-interpreters", node,
          pattern_text(step.executable) + " was seen with another interpreter too; this step is left out",
          "say in the profile which one is meant");
    }
  }

  // Decides which nodes are in the profile, parents first. W and X: what the workload wrote is not what it may execute.
  void keep(uint32_t node) {
    const Step& step = at(node).step;
    for (const std::string* file : {&step.executable, &step.interpreter}) {
      if (file->empty()) continue;
      const bool plain =
          is_path(*file) && file->find("//") == std::string::npos && pattern_text(*file).size() <= kMaxPattern;
      if (plain && !observed_.written.contains(*file)) continue;
      ask(QuestionKind::kLeftOut, plain ? "written-and-executed" : "executed-without-path", node,
          pattern_text(*file) +
              (plain ? " was written by the workload and then executed"
                     : " was executed: it is no file with a path, or one too long") +
              "; the step and all below it are left out",
          "put the program into the image; executing what was born at run time takes a person's signature in the "
          "profile");
      return;
    }
    kept_.push_back(node);
    keep_one_of_each(at(node).children, at(node).back_edges);
  }

  void files() {
    const Guards guards(observed_, options_.image);
    const Series series(observed_, guards);
    const FanOut fan_out(observed_);
    std::vector<std::vector<LearnedFile>> all(observed_.nodes.size());
    for (const uint32_t node : kept_) drop_what_cannot_be_granted(node);
    review(observed_, kept_, questions_);
    for (const uint32_t node : kept_) {
      all[node] = fold_paths(observed_, node, guards, series, fan_out, questions_);
    }
    out_.permits.implied_words = close_over_moves(observed_, all, questions_);
    renamed_directories();
    for (const uint32_t node : kept_) drafts_.push_back({node, path(node), std::move(all[node]), {}});
  }

  // A directory takes all below it along: the hooks allow that only where no pattern tells the two names apart.
  void renamed_directories() {
    if (observed_.moves.empty()) return;
    Directories directories;
    for (const ObservedNode& node : observed_.nodes) {
      directories.saw(node.step.executable, 0);
      for (const auto& [name, words] : node.files) {
        for (const auto& [word, use] : words) directories.saw(name, word);
      }
    }
    std::map<uint32_t, std::set<std::string>> found;
    for (const Move& move : observed_.moves) {
      if (!is_path(move.from) || !is_path(move.to) || !(directories.hold(move.from) || directories.hold(move.to))) continue;
      found[current_node(observed_, move.node)].insert(pattern_text(move.from) + " -> " + pattern_text(move.to));
    }
    for (const auto& [node, pairs] : found) {
      std::vector<std::string> examples(pairs.begin(), pairs.end());
      if (examples.size() > kMostExamples) examples.resize(kMostExamples);
      ask(QuestionKind::kLeftOut, "renamed-directory", node,
          std::to_string(pairs.size()) + (pairs.size() == 1 ? " directory was" : " directories were") +
              " renamed: refused, unless the same is allowed below both names",
          "write such patterns in the place of the literal ones: /srv/{new,old}: ..., /srv/{new,old}/**: ...",
          std::move(examples));
    }
  }

  void drop_what_cannot_be_granted(uint32_t node) {
    static const std::set<std::string> kNever = {"{none}", "{detached}", "{unreadable}"};
    std::vector<std::string> mapped, made, never;
    for (auto it = observed_.nodes[node].files.begin(); it != observed_.nodes[node].files.end();) {
      auto& [file, words] = *it;
      if (kNever.contains(file)) {
        never.push_back(file);
        it = observed_.nodes[node].files.erase(it);
        continue;
      }
      if (words.contains(TL_MAP) && made_in_memory(file)) {
        words.erase(TL_MAP);
        made.push_back(file);
      }
      if (words.contains(TL_MAP) && observed_.written.contains(file)) {
        words.erase(TL_MAP);
        mapped.push_back(pattern_text(file));
      }
      ++it;
    }
    if (!mapped.empty()) {
      const std::string count = std::to_string(mapped.size());
      if (mapped.size() > kMostExamples) mapped.resize(kMostExamples);
      ask(QuestionKind::kLeftOut, "written-and-mapped", node,
          count + " files were written by the workload and mapped executable: the word map is left out",
          "put the library into the image; mapping what was born at run time takes a person's signature in the profile",
          mapped);
    }
    if (!made.empty())
      ask(QuestionKind::kLeftOut, "made-and-mapped", node, "code was made in memory and mapped executable: the word map is left out",
          "it may be any code: if the program is to make some, a person signs for it in the profile and grants jit", made);
    if (!never.empty()) {
      ask(QuestionKind::kLeftOut, "never-granted", node, "objects were used that no rule can grant",
          "find out what the program does there", never);
    }
  }

  void nodes() {
    std::vector<uint32_t> index(observed_.nodes.size(), ir::kNoNode);
    for (size_t i = 0; i < drafts_.size(); i++) index[drafts_[i].observed] = static_cast<uint32_t>(i);
    for (DraftNode& draft : drafts_) {
      const ObservedNode& seen = at(draft.observed);
      ir::Node node;
      node.executable.text = pattern_text(seen.step.executable);
      if (!seen.step.interpreter.empty()) node.interpreter = ir::Pattern{pattern_text(seen.step.interpreter), {}};
      if (seen.parent == ir::kNoNode) {
        (seen.joined ? out_.policy.join : out_.policy.entry).push_back(index[draft.observed]);
      } else {
        node.parent = index[seen.parent];
        out_.policy.nodes[node.parent].children.push_back(index[draft.observed]);
      }
      users(draft.observed, node);
      for (const LearnedFile& file : draft.files) {
        if (file.access() == 0) continue;  // only executed: that follows from the tree
        if (file.pattern.size() > kMaxPattern) {
          ask(QuestionKind::kLeftOut, "long-name", draft.observed, "a name is too long for a profile",
              "use shorter names", {file.pattern.substr(0, 80)});
          continue;
        }
        node.files.push_back({{file.pattern, {}}, file.access(), false});
        permits(draft, file);
      }
      network(draft, node);
      numbers(draft.observed, node);
      calls(draft.observed, node);
      for (const auto& [step, target] : seen.back_edges) {
        const uint32_t to = index[current_node(observed_, target)];
        node.back_edges.push_back({{pattern_text(step.executable), {}}, to});
      }
      out_.permits.exec_edges += seen.back_edges.size();
      out_.policy.nodes.push_back(std::move(node));
    }
    for (const ir::Node& node : out_.policy.nodes) {
      for (const ir::Node::BackEdge& edge : node.back_edges) label(edge.target);
    }
    accept_ldt();
    out_.permits.nodes = out_.policy.nodes.size();
    out_.permits.exec_edges += out_.policy.nodes.size();
    const uint64_t by_recursion = out_.permits.by_recursion.exec_edges;
    out_.permits.exec_edges_used = out_.permits.exec_edges - std::min(out_.permits.exec_edges, by_recursion);
  }

  // No hook asks for it, and `compile` refuses what one filter holds for all nodes unless it is said.
  void accept_ldt() {
    const auto holds = [](const ir::Node& node) {
      return std::any_of(node.operations.begin(), node.operations.end(), [](const ir::NumberRule& rule) { return rule.value == TL_OP_LDT; });
    };
    if (std::all_of(out_.policy.nodes.begin(), out_.policy.nodes.end(), holds)) return;
    for (ir::Node& node : out_.policy.nodes)
      if (holds(node)) node.accepted.push_back({"residual", "ldt", "as recorded; the filter lets every program of the workload", {}});
  }

  void label(uint32_t node) {
    std::string& id = out_.policy.nodes[node].id;
    if (!id.empty()) return;
    const std::string base = label_from(out_.policy.nodes[node].executable.text);
    std::string candidate = base;
    for (int i = 2; !labels_.insert(candidate).second; i++) candidate = base + "-" + std::to_string(i);
    id = candidate;
  }

  // An empty list would mean any user. A node of which none was recorded runs as the one above it does.
  void users(uint32_t observed, ir::Node& node) {
    uint32_t from = observed;
    while (from != ir::kNoNode && at(from).users.empty()) from = at(from).parent;
    if (from == ir::kNoNode) {
      diagnostics_.error({}, "learn-no-user", "no user was recorded for " + path(observed), "record the traces again");
      return;
    }
    if (from != observed) {
      ask(QuestionKind::kReview, "users-of-parent", observed, "no user was recorded: it has those of the node above",
          "check the list");
    }
    // Of more than a profile holds, those of the most starts and acts.
    std::vector<std::pair<uint32_t, Use>> all(at(from).users.begin(), at(from).users.end());
    if (all.size() > TL_USERS_MAX) {
      std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.episodes.size(), a.second.count) > std::pair(b.second.episodes.size(), b.second.count);
      });
      std::vector<std::string> examples;
      for (size_t i = TL_USERS_MAX; i < all.size() && examples.size() < kMostExamples; i++) examples.push_back(std::to_string(all[i].first));
      ask(QuestionKind::kLeftOut, "many-users", observed,
          std::to_string(all.size() - TL_USERS_MAX) + " of " + std::to_string(all.size()) + " users are left out: a profile lists " +
              std::to_string(TL_USERS_MAX) + " at most",
          "remove users from the list, or remove the list: then it may run as any", std::move(examples));
      all.resize(TL_USERS_MAX);
      std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    for (const auto& [user, use] : all) node.users.push_back({user, {}});
  }

  void network(DraftNode& draft, ir::Node& node) {
    draft.network =
        network_rules(at(draft.observed).nets, observed_.starts, draft.path, questions_);
    for (const LearnedNet& net : draft.network) {
      node.network.push_back(net.rule);
      out_.permits.endpoints += std::max<size_t>(1, net.rule.peer.blocks.size());
      out_.permits.endpoints_used += net.pairs;
      out_.permits.open_listeners += net.rule.peer.kind == ir::PeerKind::kAny;
    }
  }

  void numbers(uint32_t observed, ir::Node& node) {
    const ObservedNode& seen = at(observed);
    std::set<uint32_t> kinds, netlink;
    for (const auto& [kind, use] : seen.sockets) {
      kinds.insert(kind.first);
      if (kind.first == TL_SOCK_NETLINK) netlink.insert(kind.second);
    }
    for (const uint32_t kind : kinds) node.sockets.push_back({kind, {}});
    for (const uint32_t protocol : netlink) node.netlink.push_back({protocol, {}});
    for (const auto& [capability, use] : seen.capabilities) node.capabilities.push_back({capability, {}});
    for (const auto& [operation, use] : seen.operations) node.operations.push_back({operation, {}});
    out_.permits.capabilities += seen.capabilities.size();
    out_.permits.capabilities_used += seen.capabilities.size();
  }

  void calls(uint32_t observed, ir::Node& node) {
    const ObservedNode& seen = at(observed);
    if (!seen.foreign_calls.empty()) {
      std::vector<std::string> examples(seen.foreign_calls.begin(), seen.foreign_calls.end());
      const size_t count = examples.size();
      if (count > kMostExamples) examples.resize(kMostExamples);
      ask(QuestionKind::kLeftOut, "foreign-calls", observed,
          std::to_string(count) + (count == 1 ? " system call" : " system calls") + " of another architecture, or without a name",
          "a profile cannot grant them", std::move(examples));
    }
    if (seen.calls.empty()) return;  // not recorded: a list of what every process needs would be no one's observation
    const std::set<std::string> closed = closed_calls(seen.calls);
    for (const std::string& call : closed) node.syscalls.push_back({call, {}});
    // Compiled without a filter nothing would hold the list, and `compile` refuses that unless it is said.
    node.accepted.push_back({"residual", "syscalls", "as recorded; held where compiled with --backend bpf,seccomp", {}});
    out_.permits.calls += closed.size();
    out_.permits.calls_used += seen.calls.size();
  }

  void permits(const DraftNode& draft, const LearnedFile& file) {
    if (file.folded)
      out_.permits.patterns.push_back({draft.path, file.pattern, log2_names(file.path), file.names});
    else
      out_.permits.literal_files++;
  }

  void finish() {
    if (out_.permits.calls != 0)
      ask(QuestionKind::kReview, "calls-not-held", ir::kNoNode, "system calls are listed as recorded, and nothing holds the lists: each node accepts that",
          "compile with --backend bpf,seccomp for a filter of them; a call that no start made then fails, without an event");
    std::sort(questions_.begin(), questions_.end());
    questions_.erase(std::unique(questions_.begin(), questions_.end()), questions_.end());
    out_.evidence = evidence_json(out_.policy.name, episodes_, observed_, drafts_, questions_);
    out_.questions = std::move(questions_);
  }

  std::vector<Trace> episodes_;
  const Options& options_;
  Diagnostics& diagnostics_;
  Observed observed_;
  std::set<std::string> joined_;
  std::vector<uint32_t> kept_;
  std::vector<DraftNode> drafts_;
  std::set<std::string> labels_;
  std::vector<Question> questions_;
  Learned out_;
};

}  // namespace

std::optional<Learned> learn(std::vector<Trace> traces, const Options& options, Diagnostics& diagnostics) {
  return Drafter(distinct_episodes(std::move(traces), diagnostics), options, diagnostics).run();
}

}  // namespace treeline::learn
