// SPDX-License-Identifier: Apache-2.0
#include "enforcer/recorder/trace.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "enforcer/base/bytes.h"
#include "enforcer/base/json.h"
#include "enforcer/events/object_text.h"
#include "enforcer/recorder/syscall_names.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::recorder {
namespace names = ir::names;
namespace {

struct Seen {
  Session::Key key;
  tl_learned counter;
  const events::Event* text;  // nullptr: lost, or this kind needs none
  [[nodiscard]] uint64_t node() const { return std::get<0>(key); }
  [[nodiscard]] uint8_t kind() const { return std::get<1>(key); }
  [[nodiscard]] uint16_t access() const { return std::get<2>(key); }
  [[nodiscard]] uint64_t object() const { return std::get<3>(key); }
};

class Writer {
 public:
  Writer(const Session& session, const Counters& counters, const TraceEnd& end) : session_(session), counters_(counters), end_(end) {}

  std::vector<std::string> write() {
    collect();
    nodes();
    std::vector<std::string> body;
    for (const Seen& seen : seen_)
      if (std::optional<Json> line = rule(seen)) body.push_back(to_line(*line));
    std::sort(body.begin(), body.end());
    std::vector<std::string> lines{to_line(head())};
    lines.insert(lines.end(), std::make_move_iterator(nodes_.begin()), std::make_move_iterator(nodes_.end()));
    lines.insert(lines.end(), std::make_move_iterator(body.begin()), std::make_move_iterator(body.end()));
    for (std::string& line : syscalls()) lines.push_back(std::move(line));
    for (const auto& [what, count] : losses()) lines.push_back(to_line({{"type", "loss"}, {"what", what}, {"count", count}}));
    Json last = {{"type", "end"}, {"stopped", end_.stopped}, {"incomplete", !losses().empty()}};
    if (end_.exit_code >= 0) last["exit"] = end_.exit_code;
    lines.push_back(to_line(last));
    return lines;
  }

 private:
  void collect() {
    counters_.learned([&](const tl_learned_key& key, const tl_learned& counter) {
      if (key.container != session_.info().index) return;
      Session::Key k{key.node, key.kind, key.access, key.object};
      seen_.push_back({k, counter, session_.text_of(k)});
      // Two CPUs that count one act at once may each have read the clock first and written last.
      tl_learned& times = seen_.back().counter;
      if (times.last < times.first) std::swap(times.first, times.last);
    });
    std::sort(seen_.begin(), seen_.end(), [](const Seen& a, const Seen& b) { return a.key < b.key; });
  }

  static std::string node_name(uint64_t key) {
    if (key == TL_KEY_ENTRY) return "entry";
    if (key == TL_KEY_JOIN) return "join";
    return text::hex64(key);
  }

  Json head() const {
    const SessionInfo& info = session_.info();
    Json line = {{"schema", 1},
                 {"type", "trace"},
                 {"host_kernel", info.kernel},
                 {"started", info.started},
                 {"workload", info.workload},
                 {"container", escape_bytes(info.container)},
                 {"late", info.late}};
    if (!entry_.empty()) line["entry"] = {{"exec", entry_}};
    return line;
  }

  // In the order of first sight: a parent ran before its child did.
  void nodes() {
    std::vector<const Seen*> execs;
    std::map<uint64_t, std::set<uint32_t>> users;
    std::map<uint64_t, std::string> interpreters;
    for (const Seen& seen : seen_) {
      if (seen.kind() == TL_KIND_EXEC) execs.push_back(&seen);
      if (seen.kind() == TL_KIND_USER) users[seen.node()].insert(static_cast<uint32_t>(seen.object()));
      if (seen.kind() == TL_KIND_INTERPRETER) {
        if (!seen.text || seen.text->text.empty()) {
          ++lost_texts_;  // its script would be learned as a binary
          continue;
        }
        const events::Event& e = *seen.text;
        interpreters.try_emplace(e.next_node ? e.next_node : e.node, readable_path(e.text, true));
      }
    }
    std::sort(execs.begin(), execs.end(), [](const Seen* a, const Seen* b) {
      return std::tie(a->counter.first, a->key) < std::tie(b->counter.first, b->key);
    });
    for (const Seen* seen : execs) {
      if (!seen->text || seen->text->text.empty()) {
        ++lost_texts_;
        continue;
      }
      const uint64_t child = seen->text->next_node ? seen->text->next_node : tl_child_key(seen->node(), seen->object());
      const std::string path = readable_path(seen->text->text, true);
      Json line = {{"type", "node"}, {"node", text::hex64(child)}, {"parent", node_name(seen->node())}, {"exec", path}};
      if (auto it = interpreters.find(child); it != interpreters.end()) line["interpreter"] = it->second;
      line["count"] = seen->counter.count;
      line["users"] = users[child];
      line["joined"] = seen->node() == TL_KEY_JOIN || (seen->text->flags & TL_EVENT_JOINED) != 0;
      line["first"] = seen->counter.first;
      line["last"] = seen->counter.last;
      if (seen->node() == TL_KEY_ENTRY && entry_.empty()) entry_ = path;
      known_.insert(child);
      nodes_.push_back(to_line(line));
    }
  }

  std::optional<Json> rule(const Seen& seen) {
    Json line;
    if (seen.kind() == TL_KIND_EXEC || seen.kind() == TL_KIND_INTERPRETER) return std::nullopt;  // said with the nodes
    if (!known_.contains(seen.node())) return lost();  // of a node that no line introduces: nothing could be made of it
    const std::string node = node_name(seen.node());
    switch (seen.kind()) {
      case TL_KIND_FILE: {
        if (!seen.text) return lost();
        const events::Event& e = *seen.text;
        const std::string path = e.object_type == TL_OBJECT_CLASS ? events::class_text(e.class_id) : readable_path(e.text, true);
        if (path.empty()) return lost();
        if (!e.text2.empty()) {  // a rename or link: which name became which; the words for both are records of their own
          line = {{"type", "move"}, {"node", node}, {"from", readable_path(e.text2, true)}, {"to", path}};
          break;
        }
        line = {{"type", "file"}, {"node", node}, {"access", words(seen.access())}, {"path", path}};
        if (e.flags & TL_EVENT_EXCL) line["excl"] = true;
        if (e.hook == TL_HOOK_FILE_OPEN && (seen.access() & TL_CREATE)) line["existing"] = true;  // what is made, path_mknod tells
        break;
      }
      case TL_KIND_NET: {
        if (!seen.text) return lost();
        const events::Event& e = *seen.text;
        line = {{"type", "net"}, {"node", node}, {"direction", names::directions().name(e.direction)},
                {"protocol", names::protocols().name(e.protocol)}, {"address", events::address_text(e)}, {"port", e.port}};
        break;
      }
      case TL_KIND_CAPABILITY:
        line = {{"type", "capability"}, {"node", node}, {"capability", events::capability_text(static_cast<uint32_t>(seen.object()))}};
        break;
      case TL_KIND_OPERATION:
        line = {{"type", "operation"}, {"node", node}, {"operation", events::operation_text(static_cast<uint32_t>(seen.object()))}};
        break;
      case TL_KIND_SOCKET: {
        const auto kind = static_cast<uint32_t>(seen.object() >> 32);
        line = {{"type", "socket"}, {"node", node}, {"kind", names::socket_kinds().name(kind)}};
        if (kind == TL_SOCK_NETLINK) line["netlink"] = static_cast<uint32_t>(seen.object());
        break;
      }
      case TL_KIND_USER:
        line = {{"type", "user"}, {"node", node}, {"uid", static_cast<uint32_t>(seen.object())}};
        break;
      default: return std::nullopt;  // fork, exit and load carry nothing to learn
    }
    line["count"] = seen.counter.count;
    line["first"] = seen.counter.first;
    line["last"] = seen.counter.last;
    return line;
  }

  std::optional<Json> lost() {
    ++lost_texts_;
    return std::nullopt;
  }

  static std::vector<std::string_view> words(uint16_t access) {
    std::vector<std::string_view> list;
    for (uint32_t bit = 1; bit <= TL_CONNECT; bit <<= 1)
      if (std::string_view word = (access & bit) ? names::access_words().name(bit) : ""; !word.empty()) list.push_back(word);
    return list;
  }

  std::vector<std::string> syscalls() const {
    std::vector<std::string> lines;
    counters_.syscalls([&](const tl_syscalls_key& key, const tl_syscalls& bits) {
      if (key.container != session_.info().index || !known_.contains(key.node)) return;
      lines.push_back(to_line({{"type", "syscalls"},
                               {"node", node_name(key.node)},
                               {"arch", architecture_name(key.arch)},
                               {"names", syscall_names(key.arch, bits)}}));
    });
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::map<std::string, uint64_t> losses() const {
    std::map<std::string, uint64_t> all;
    for (const auto& [what, count] : end_.losses)
      if (count) all[what] += count;
    if (session_.info().resumed) all["restart"] += 1;
    if (lost_texts_) all["texts"] += lost_texts_;
    if (session_.unreadable()) all["unreadable"] += session_.unreadable();
    return all;
  }

  const Session& session_;
  const Counters& counters_;
  const TraceEnd& end_;
  std::vector<Seen> seen_;
  std::vector<std::string> nodes_;
  std::set<uint64_t> known_;  // keys that have a node line
  std::string entry_;
  uint64_t lost_texts_ = 0;
};

}  // namespace

std::vector<std::string> write_trace(const Session& session, const Counters& counters, const TraceEnd& end) {
  return Writer(session, counters, end).write();
}

}  // namespace treeline::recorder
