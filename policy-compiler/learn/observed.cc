// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/observed.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/support/saturate.h"

namespace treeline::learn {

const ir::AccessSet kWrittenWords = TL_WRITE | TL_APPEND | TL_CREATE | TL_LINK | TL_RENAME_IN | TL_MKNOD;

namespace {

constexpr ir::AccessSet kMadeWords = TL_CREATE | TL_LINK | TL_RENAME_IN | TL_MKDIR | TL_MKNOD;

void insert_sorted(std::vector<uint32_t>& into, uint32_t value) {
  const auto at = std::lower_bound(into.begin(), into.end(), value);
  if (at == into.end() || *at != value) into.insert(at, value);
}

class Merger {
 public:
  explicit Merger(bool with_join) : with_join_(with_join) {}
  void add(const Trace& trace, const Episode& episode);
  Observed take() { return std::move(out_); }

 private:
  uint32_t child(uint32_t parent, bool joined, const Step& step);
  void file(const TracedFile& file, uint32_t node, const Episode& episode);
  void guess_moves(const Trace& trace, const std::vector<uint32_t>& place);
  void guess_links(const Trace& trace, const std::vector<uint32_t>& place);

  bool with_join_;
  Observed out_;
};

uint32_t Merger::child(uint32_t parent, bool joined, const Step& step) {
  auto& siblings = parent != ir::kNoNode ? out_.nodes[parent].children : joined ? out_.join : out_.entry;
  const auto [at, fresh] = siblings.emplace(step, static_cast<uint32_t>(out_.nodes.size()));
  const uint32_t index = at->second;
  if (fresh) {
    ObservedNode node;
    node.step = step;
    node.parent = parent;
    node.joined = joined;
    out_.nodes.push_back(std::move(node));
  }
  return index;
}

void Merger::file(const TracedFile& file, uint32_t node, const Episode& episode) {
  // The flag stands with the record of the open, which is not the one that made the file.
  if (file.exclusive) {
    out_.births[file.name].exclusive = true;
    out_.tells_exclusive = true;
  }
  for (uint32_t bit = 1; bit <= TL_CONNECT; bit <<= 1) {
    if ((file.access & bit) == 0) continue;
    const auto word = static_cast<ir::AccessSet>(bit);
    out_.nodes[node].files[file.name][word].add(episode, file.seen);
    if (file.existing && word == TL_CREATE) continue;
    if ((word & (TL_EXECUTE | TL_MAP)) != 0) out_.executed.insert(file.name);
    if ((word & kWrittenWords) != 0) out_.written.insert(file.name);
    if ((word & (kMadeWords | TL_DELETE)) == 0) continue;
    Birth& birth = out_.births[file.name];
    birth.removed |= word == TL_DELETE;
    if ((word & kMadeWords) == 0) continue;
    birth.made = true;
    // mkdir(2), link(2), symlink(2), mknod(2) and bind(2) fail on a name that exists, as O_EXCL does.
    birth.exclusive |= (word & (TL_MKDIR | TL_LINK | TL_MKNOD)) != 0;
    const auto [at, fresh] = birth.times.emplace(episode.trace, file.seen.first);
    if (!fresh) at->second = std::min(at->second, file.seen.first);
  }
}

void Merger::add(const Trace& trace, const Episode& episode) {
  std::vector<uint32_t> place(trace.nodes.size(), ir::kNoNode);
  for (size_t i = 0; i < trace.nodes.size(); i++) {
    const TracedNode& node = trace.nodes[i];
    if (node.joined && !with_join_) continue;
    const uint32_t parent = node.parent == ir::kNoNode ? ir::kNoNode : place[node.parent];
    place[i] = child(parent, node.joined, {node.executable, node.interpreter.value_or("")});
    ObservedNode& into = out_.nodes[place[i]];
    into.executions.add(episode, {node.count, 0, 0});
    for (const uint32_t user : node.users) into.users[user].add(episode, {node.count, 0, 0});
    out_.executed.insert(node.executable);
    if (node.interpreter) out_.executed.insert(*node.interpreter);
  }
  const auto each = [&](const auto& records, auto&& take) {
    for (const auto& record : records) {
      if (place[record.node] != ir::kNoNode) take(record, out_.nodes[place[record.node]]);
    }
  };
  for (const TracedFile& record : trace.files) {
    if (place[record.node] != ir::kNoNode) file(record, place[record.node], episode);
  }
  each(trace.nets, [&](const TracedNet& net, ObservedNode& node) {
    node.nets[{net.direction, net.protocol, net.address.v6, net.address.address, net.port}].add(episode, net.seen);
  });
  each(trace.sockets, [&](const TracedNumber& n, ObservedNode& node) {
    node.sockets[{n.value, n.detail}].add(episode, n.seen);
  });
  each(trace.capabilities,
       [&](const TracedNumber& n, ObservedNode& node) { node.capabilities[n.value].add(episode, n.seen); });
  each(trace.operations,
       [&](const TracedNumber& n, ObservedNode& node) { node.operations[n.value].add(episode, n.seen); });
  each(trace.users, [&](const TracedNumber& n, ObservedNode& node) { node.users[n.value].add(episode, n.seen); });
  each(trace.calls, [&](const TracedCalls& calls, ObservedNode& node) {
    // No hook sees it, but its number says it all, whatever the architecture.
    if (std::find(calls.names.begin(), calls.names.end(), "modify_ldt") != calls.names.end())
      node.operations[TL_OP_LDT].add(episode, {1, 0, 0});
    // A name holds on every architecture that a filter is made for; a number without a name is no one's.
    constexpr std::array<std::string_view, 4> kKnown = {"x86_64", "i386", "x32", "arm64"};
    const bool known = std::find(kKnown.begin(), kKnown.end(), calls.architecture) != kKnown.end();
    for (const std::string& name : calls.names) {
      if (known && !name.starts_with("syscall-"))
        node.calls.insert(name);
      else
        node.foreign_calls.insert(calls.architecture + " " + name);
    }
  });
  for (const TracedMove& move : trace.moves) {
    if (place[move.node] != ir::kNoNode) out_.moves.insert({place[move.node], move.from, move.to});
  }
  if (trace.moves.empty()) {
    guess_moves(trace, place);
    guess_links(trace, place);
  }

  const auto start = day_of(trace.started), stop = day_of(trace.stopped);
  const int64_t from = start.value_or(stop.value_or(1)), to = stop.value_or(start.value_or(0));
  out_.days.emplace_back(from, to);
}

// A recorder that does not tell which name became which still recorded both ends of a rename in one hook, the old name
// first: what a node deleted just before it put another name in place is taken for that rename's old name. An unlink
// that happens to come within the same moment is taken for one too; that adds words to a rule of this node's own names
// (moves.h), and nothing else.
void Merger::guess_moves(const Trace& trace, const std::vector<uint32_t>& place) {
  constexpr uint64_t kSameMoment = 1'000'000;  // 1 ms: on an emulated machine a walk of two paths takes that long
  constexpr size_t kMostRepeated = 256;        // a hostile trace gives every record one time
  std::map<uint32_t, std::vector<std::pair<uint64_t, const TracedFile*>>> arrivals;
  std::map<uint32_t, std::vector<const TracedFile*>> repeated;
  std::set<std::pair<uint32_t, std::string_view>> made;
  for (const TracedFile& file : trace.files) {
    if ((file.access & TL_CREATE) != 0 && !file.existing) made.emplace(file.node, file.name);
    if ((file.access & TL_RENAME_IN) == 0 || file.seen.first == 0 || place[file.node] == ir::kNoNode) continue;
    arrivals[file.node].emplace_back(file.seen.first, &file);
    if (file.seen.last != file.seen.first) arrivals[file.node].emplace_back(file.seen.last, &file);
    // A target that is replaced again and again has one record: the moments of the others lie within it.
    if (file.seen.count > 2) repeated[file.node].push_back(&file);
  }
  const auto by_time = [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->name) < std::tie(b.first, b.second->name);
  };
  for (auto& [node, list] : arrivals) std::sort(list.begin(), list.end(), by_time);
  for (auto& [node, list] : repeated) {
    std::sort(list.begin(), list.end(),
              [](auto* a, auto* b) { return std::tie(a->seen.first, a->name) < std::tie(b->seen.first, b->name); });
    if (list.size() > kMostRepeated) list.resize(kMostRepeated);
  }
  for (const TracedFile& file : trace.files) {
    const auto at = arrivals.find(file.node);
    if ((file.access & TL_DELETE) == 0 || file.seen.first == 0 || at == arrivals.end()) continue;
    bool found = false;
    for (const uint64_t moment : {file.seen.first, file.seen.last}) {
      auto it = std::lower_bound(at->second.begin(), at->second.end(), moment,
                                 [](const auto& arrival, uint64_t time) { return arrival.first < time; });
      // A replaced target was deleted, too, in the same hook.
      for (int own = 0; own < 2 && it != at->second.end() && it->second->name == file.name; own++) ++it;
      if (it == at->second.end() || it->first > moment + kSameMoment || it->second->name == file.name) continue;
      out_.moves.insert({place[file.node], file.name, it->second->name});
      found = true;
    }
    if (found || !made.contains({file.node, file.name})) continue;
    for (const TracedFile* target : repeated[file.node]) {
      if (target->name == file.name || target->seen.first > file.seen.first || target->seen.last < file.seen.first)
        continue;
      out_.moves.insert({place[file.node], file.name, target->name});
    }
  }
}

// A file that gets its name by link(2) and loses its old one by unlink(2), as sem_open(3), git and lock files do it:
// what a node deleted next, within moments of making a link, is taken for the link's old name. Where that is wrong, the
// deleted name's rule gets words of the link's, and nothing else.
void Merger::guess_links(const Trace& trace, const std::vector<uint32_t>& place) {
  constexpr uint64_t kMoments = 10'000'000;  // 10 ms: two system calls of one program on an emulated machine
  std::map<uint32_t, std::vector<std::pair<uint64_t, const TracedFile*>>> deletions;
  for (const TracedFile& file : trace.files) {
    if ((file.access & TL_DELETE) == 0 || file.seen.first == 0 || place[file.node] == ir::kNoNode) continue;
    deletions[file.node].emplace_back(file.seen.first, &file);
    if (file.seen.last != file.seen.first) deletions[file.node].emplace_back(file.seen.last, &file);
  }
  for (auto& [node, list] : deletions) {
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first, a.second->name) < std::tie(b.first, b.second->name);
    });
  }
  for (const TracedFile& file : trace.files) {
    const auto at = deletions.find(file.node);
    if ((file.access & TL_LINK) == 0 || file.seen.first == 0 || at == deletions.end()) continue;
    for (const uint64_t moment : {file.seen.first, file.seen.last}) {
      const auto it = std::lower_bound(at->second.begin(), at->second.end(), moment,
                                       [](const auto& deletion, uint64_t time) { return deletion.first < time; });
      if (it == at->second.end() || it->first > moment + kMoments || it->second->name == file.name) continue;
      out_.moves.insert({place[file.node], it->second->name, file.name});
    }
  }
}

}  // namespace

void Use::add(const Episode& episode, const Seen& seen) {
  count = saturating_add(count, seen.count);
  if (episode.start != kNoStart) insert_sorted(episodes, episode.start);
  if (seen.first == 0) return;
  first = std::min(first, Time{episode.trace, seen.first});
  last = std::max(last, Time{episode.trace, seen.last});
}

void Use::add(const Use& other) {
  count = saturating_add(count, other.count);
  for (const uint32_t episode : other.episodes) insert_sorted(episodes, episode);
  first = std::min(first, other.first);
  last = std::max(last, other.last);
}

std::string step_text(const Step& step) {
  std::string out = pattern_text(step.executable);
  if (!step.interpreter.empty()) out += " (" + pattern_text(step.interpreter) + ")";
  return out;
}

std::vector<Trace> distinct_episodes(std::vector<Trace> traces, Diagnostics& diagnostics) {
  // Of two copies the fuller one is kept, so that a cut-off copy takes nothing away.
  std::sort(traces.begin(), traces.end(), [](const Trace& a, const Trace& b) {
    return std::tuple(a.started, a.identity, a.incomplete, b.files.size() + b.nodes.size(), a.file) <
           std::tuple(b.started, b.identity, b.incomplete, a.files.size() + a.nodes.size(), b.file);
  });
  std::vector<Trace> out;
  for (Trace& trace : traces) {
    if (!out.empty() && out.back().identity == trace.identity) {
      diagnostics.warning({0, 0}, "trace-twice", trace.file + " is the recording of " + out.back().file + " once more",
                          "it counts once; give recordings of different starts");
      continue;
    }
    out.push_back(std::move(trace));
  }
  return out;
}

std::vector<Episode> starts_of(const std::vector<Trace>& traces) {
  std::vector<Episode> out;
  for (uint32_t i = 0; i < traces.size(); i++) out.push_back({i, traces[i].late ? kNoStart : i});
  return out;
}

Observed merge(const std::vector<Trace>& episodes, bool with_join) {
  Merger merger(with_join);
  const std::vector<Episode> starts = starts_of(episodes);
  for (size_t i = 0; i < episodes.size(); i++) merger.add(episodes[i], starts[i]);
  Observed out = merger.take();
  for (const Episode& episode : starts) out.starts += episode.start == episode.trace;
  return out;
}

}  // namespace treeline::learn
