// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/trace.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/learn/trace_line.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/saturate.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

constexpr uint32_t kUnresolved = ir::kNoNode - 1;

// A record names its node by key before all nodes are known: node lines may stand anywhere.
struct Reference {
  uint64_t key = 0;
  uint32_t line = 0;
};

class Reader {
 public:
  Reader(std::string_view text, Diagnostics& diagnostics, size_t most_depth)
      : text_(text), diagnostics_(diagnostics), most_depth_(most_depth) {}
  std::optional<Trace> read();

 private:
  void lines();
  void first(Line& line);
  void record(Line& line);
  void node(Line& line);
  void file(Line& line);
  void net(Line& line);
  void socket(Line& line);
  void calls(Line& line);
  void end(Line& line);
  void number(Line& line, std::vector<TracedNumber>& into, uint32_t value);
  uint32_t reference(Line& line);
  void link_nodes();
  template <typename Record>
  void resolve(std::vector<Record>& records);
  void identify();

  std::string_view text_;
  Diagnostics& diagnostics_;
  size_t most_depth_;
  Trace trace_;
  bool started_ = false, ended_ = false;
  size_t records_ = 0;
  std::vector<Reference> references_;    // what TracedX::node indexes until resolve()
  std::vector<Reference> parents_;       // by node in the order of the lines; key of the parent
  std::map<uint64_t, uint32_t> by_key_;  // kUnresolved: declared, but left out
};

std::optional<Trace> Reader::read() {
  trace_.file = diagnostics_.file();
  lines();
  if (diagnostics_.has_errors()) return std::nullopt;
  if (!started_) {
    diagnostics_.error({1, 1}, "trace-empty", "the trace holds no line", "record it again");
    return std::nullopt;
  }
  if (!ended_) {
    diagnostics_.warning({0, 0}, "trace-truncated", "the trace has no end line: its recorder did not finish",
                         "it is used as an incomplete one; record it again for what it lacks");
    trace_.incomplete = true;
  }
  link_nodes();
  resolve(trace_.files);
  resolve(trace_.moves);
  resolve(trace_.nets);
  resolve(trace_.capabilities);
  resolve(trace_.sockets);
  resolve(trace_.operations);
  resolve(trace_.users);
  resolve(trace_.calls);
  if (diagnostics_.has_errors()) return std::nullopt;
  identify();
  return std::move(trace_);
}

void Reader::lines() {
  uint32_t number = 0;
  for (size_t at = 0; at < text_.size();) {
    const size_t newline = text_.find('\n', at);
    const bool cut = newline == std::string_view::npos;
    const std::string_view line = text_.substr(at, cut ? std::string_view::npos : newline - at);
    at = cut ? text_.size() : newline + 1;
    number++;
    const Position position{number, 1};
    if (line.size() > kMaxTraceLine) {
      diagnostics_.error(
          position, "trace-line",
          "line " + std::to_string(number) + " is longer than " + std::to_string(kMaxTraceLine) + " bytes",
          "record the trace again; no record is that long");
      continue;
    }
    if (cut) {  // the recorder ends each line: this one it did not finish
      diagnostics_.warning(position, "trace-truncated", "line " + std::to_string(number) + " is cut off",
                           "it is left out");
      trace_.incomplete = true;
      return;
    }
    if (ended_) {
      diagnostics_.error(position, "trace-line", "line " + std::to_string(number) + " stands behind the end line",
                         "give each recording as a file of its own");
      return;
    }
    if (++records_ > kMaxTraceRecords) {
      diagnostics_.error(position, "trace-size",
                         "the trace has more than " + std::to_string(kMaxTraceRecords) + " lines",
                         "record a shorter run");
      return;
    }
    Line parsed(line, number, diagnostics_);
    if (!started_) {
      first(parsed);
      if (!parsed.ok()) return;  // another file altogether: further messages would help nobody
      started_ = true;
    } else {
      record(parsed);
    }
  }
}

void Reader::first(Line& line) {
  if (line.text("type") != "trace" && line.ok()) line.fail("type", "is not \"trace\", as the first line's is");
  if (line.count("schema", UINT64_MAX) != 1 && line.ok()) line.fail("schema", "is not 1, the only one known here");
  trace_.host_kernel = line.optional_text("host_kernel");
  trace_.workload = line.optional_text("workload");
  trace_.container = line.optional_text("container");
  trace_.started = line.optional_text("started");
  trace_.late = line.flag("late");
  if (!trace_.started.empty() && !day_of(trace_.started)) line.fail("started", "is no RFC 3339 time");
}

void Reader::record(Line& line) {
  const std::string type = line.text("type");
  if (!line.ok()) return;
  if (type == "node") return node(line);
  if (type == "file") return file(line);
  if (type == "net") return net(line);
  if (type == "socket") return socket(line);
  if (type == "syscalls") return calls(line);
  if (type == "end") return end(line);
  if (type == "capability")
    return number(line, trace_.capabilities, line.word("capability", ir::names::capabilities()));
  if (type == "operation") return number(line, trace_.operations, line.word("operation", ir::names::operations()));
  if (type == "user") return number(line, trace_.users, static_cast<uint32_t>(line.count("uid", UINT32_MAX - 1)));
  if (type == "move") {
    TracedMove move{.node = 0, .from = line.object_name("from"), .to = line.object_name("to")};
    move.node = reference(line);
    if (line.ok()) trace_.moves.push_back(std::move(move));
  } else if (type == "loss") {
    trace_.losses += line.count("count", UINT32_MAX);
    trace_.incomplete |= trace_.losses != 0;
  } else {
    // Not skipped: it may be a right that this version knows nothing of, and the profile would lack it in silence.
    line.fail("type", "is no record known here: " + text::quoted(type));
  }
}

uint32_t Reader::reference(Line& line) {
  const uint64_t key = line.key("node");
  references_.push_back({key, line.number()});
  return static_cast<uint32_t>(references_.size() - 1);
}

void Reader::node(Line& line) {
  TracedNode out;
  out.key = line.key("node");
  const uint64_t parent_key = line.key("parent");
  out.joined = line.flag("joined") || parent_key == TL_KEY_JOIN;
  out.executable = line.object_name("exec");
  if (line.has("interpreter")) out.interpreter = line.object_name("interpreter");
  out.count = line.optional_count("count", 1);
  if (line.has("users")) {
    line.list("users", [&](const nlohmann::json& user) {
      if (!user.is_number_unsigned() || user.get<uint64_t>() >= UINT32_MAX)
        return line.fail("users", "holds something that is no user");
      out.users.push_back(user.get<uint32_t>());
    });
  }
  if (!line.ok()) return;
  if (out.key == TL_KEY_ENTRY || out.key == TL_KEY_JOIN || out.key == TL_KEY_OUTSIDE) {
    return line.fail("node", "is a key that no node has");
  }
  if (trace_.nodes.size() >= kMaxTraceNodes)
    return line.fail("node", "is one of more than " + std::to_string(kMaxTraceNodes));
  const auto [known, fresh] = by_key_.emplace(out.key, static_cast<uint32_t>(trace_.nodes.size()));
  if (!fresh) {
    TracedNode& before = trace_.nodes[known->second];
    if (before.executable != out.executable || before.interpreter != out.interpreter ||
        parents_[known->second].key != parent_key) {
      return line.fail("node", "was declared before, with another place or executable");
    }
    before.count = saturating_add(before.count, out.count);
    before.users.insert(before.users.end(), out.users.begin(), out.users.end());
    return;
  }
  out.parent = kUnresolved;
  trace_.nodes.push_back(std::move(out));
  parents_.push_back({parent_key, line.number()});
}

void Reader::file(Line& line) {
  TracedFile out;
  out.name = line.object_name("path");
  line.list("access", [&](const nlohmann::json& word) {
    const std::string name = word.is_string() ? word.get<std::string>() : "";
    const auto bit = name == "execute" ? std::optional<uint32_t>(TL_EXECUTE) : ir::names::access_words().find(name);
    if (!bit)
      return line.fail("access", "holds " + text::quoted(name) + ", none of " + ir::names::access_words().list());
    out.access = static_cast<ir::AccessSet>(out.access | *bit);
  });
  out.seen = line.seen();
  out.exclusive = line.flag("excl");
  out.existing = line.flag("existing");
  out.node = reference(line);
  if (line.ok() && out.access != 0) trace_.files.push_back(std::move(out));
}

void Reader::net(Line& line) {
  TracedNet out;
  out.direction = static_cast<ir::Direction>(line.word("direction", ir::names::directions()));
  out.protocol = static_cast<ir::Protocol>(line.word("protocol", ir::names::protocols()));
  out.address = line.address("address");
  out.port = static_cast<uint16_t>(line.count("port", 65535));
  out.seen = line.seen();
  out.node = reference(line);
  if (line.ok()) trace_.nets.push_back(out);
}

void Reader::socket(Line& line) {
  const uint32_t kind = line.word("kind", ir::names::socket_kinds());
  const size_t before = trace_.sockets.size();
  const uint64_t netlink = line.optional_count("netlink", 0, ir::names::kNetlinkProtocols - 1);
  number(line, trace_.sockets, kind);
  if (trace_.sockets.size() > before && kind == TL_SOCK_NETLINK)
    trace_.sockets.back().detail = static_cast<uint32_t>(netlink);
}

void Reader::number(Line& line, std::vector<TracedNumber>& into, uint32_t value) {
  TracedNumber out;
  out.value = value;
  out.seen = line.seen();
  out.node = reference(line);
  if (line.ok()) into.push_back(out);
}

void Reader::calls(Line& line) {
  TracedCalls out;
  out.architecture = line.text("arch");
  line.list("names", [&](const nlohmann::json& name) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    if (!name.is_string() || name.get_ref<const std::string&>().empty() ||
        name.get_ref<const std::string&>().find_first_not_of(kLetters) != std::string::npos) {
      return line.fail("names", "holds something that is no system call");
    }
    out.names.push_back(name.get<std::string>());
  });
  out.node = reference(line);
  if (line.ok()) trace_.calls.push_back(std::move(out));
}

void Reader::end(Line& line) {
  trace_.stopped = line.optional_text("stopped");
  trace_.incomplete |= line.flag("incomplete");
  if (!trace_.stopped.empty() && !day_of(trace_.stopped)) line.fail("stopped", "is no RFC 3339 time");
  ended_ = line.ok();
}

// Orders the nodes so that parents precede children, and leaves out those whose lineage is not known or too long.
void Reader::link_nodes() {
  const auto count = static_cast<uint32_t>(trace_.nodes.size());
  std::vector<uint32_t> depth(count, 0), too_deep;
  std::vector<uint64_t> keys;
  for (const TracedNode& node : trace_.nodes) keys.push_back(node.key);
  std::multimap<uint64_t, uint32_t> below;
  for (uint32_t i = 0; i < count; i++) below.emplace(parents_[i].key, i);
  std::vector<uint32_t> moved_to(count, kUnresolved);
  std::vector<TracedNode> sorted;
  const auto take_children_of = [&](uint64_t key, uint32_t parent, uint32_t level) {
    const auto [begin, end] = below.equal_range(key);
    for (auto it = begin; it != end; ++it) {
      TracedNode& node = trace_.nodes[it->second];
      if (level > most_depth_) {
        diagnostics_.warning({parents_[it->second].line, 1}, "trace-depth",
                             "this node is deeper in the tree than " + std::to_string(most_depth_) + " steps",
                             "it is left out, and all below it");
        too_deep.push_back(it->second);
        continue;
      }
      node.parent = parent;
      node.joined |= parent != ir::kNoNode && sorted[parent].joined;
      moved_to[it->second] = static_cast<uint32_t>(sorted.size());
      depth[sorted.size()] = level;
      sorted.push_back(std::move(node));
    }
  };
  take_children_of(TL_KEY_ENTRY, ir::kNoNode, 1);
  take_children_of(TL_KEY_JOIN, ir::kNoNode, 1);
  for (uint32_t at = 0; at < sorted.size(); at++) take_children_of(sorted[at].key, at, depth[at] + 1);

  std::vector<bool> said(count, false);
  std::vector<uint32_t> left_out = std::move(too_deep);
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t parent = parents_[i].key;
    if (parent == TL_KEY_ENTRY || parent == TL_KEY_JOIN || by_key_.contains(parent)) continue;
    left_out.push_back(i);
    const Position position{parents_[i].line, 1};
    const std::string message = "this node's parent " + text::hex64(parent) + " is not in the trace";
    if (trace_.incomplete)
      diagnostics_.warning(position, "trace-lineage", message, "it is left out, and all below it");
    else
      diagnostics_.error(position, "trace-lineage", message, "record the trace again");
  }
  while (!left_out.empty()) {
    const uint32_t at = left_out.back();
    left_out.pop_back();
    if (said[at]) continue;
    said[at] = true;
    const auto [begin, end] = below.equal_range(keys[at]);
    for (auto it = begin; it != end; ++it) left_out.push_back(it->second);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (moved_to[i] != kUnresolved || said[i]) continue;
    diagnostics_.error({parents_[i].line, 1}, "trace-lineage", "this node descends from itself",
                       "record the trace again");
  }
  for (auto& [key, index] : by_key_) index = moved_to[index];
  trace_.nodes = std::move(sorted);
}

template <typename Record>
void Reader::resolve(std::vector<Record>& records) {
  size_t kept = 0;
  for (Record& record : records) {
    const Reference& reference = references_[record.node];
    // The runtime at work before the entry: not part of the workload, its node is free.
    if (reference.key == TL_KEY_ENTRY || reference.key == TL_KEY_JOIN) continue;
    const auto at = by_key_.find(reference.key);
    if (at == by_key_.end()) {
      const std::string message = "this record's node " + text::hex64(reference.key) + " is not in the trace";
      if (trace_.incomplete)
        diagnostics_.warning({reference.line, 1}, "trace-lineage", message, "it is left out");
      else
        diagnostics_.error({reference.line, 1}, "trace-lineage", message, "record the trace again");
      continue;
    }
    if (at->second == kUnresolved) continue;  // left out with its node, which was said
    record.node = at->second;
    if (&records[kept] != &record) records[kept] = std::move(record);
    kept++;
  }
  records.resize(kept);
}

void Reader::identify() {
  if (!trace_.container.empty() && !trace_.started.empty()) {
    trace_.identity = trace_.container + "\n" + trace_.started + "\n" + trace_.host_kernel;
    return;
  }
  uint64_t low = 0, high = 1;
  for (const char c : text_) {
    low = tl_mix(low ^ static_cast<unsigned char>(c));
    high = tl_mix(high + static_cast<unsigned char>(c));
  }
  trace_.identity = text::hex64(low) + text::hex64(high);
}

}  // namespace

std::optional<Trace> read_trace(std::string_view text, Diagnostics& diagnostics, size_t most_depth) {
  return Reader(text, diagnostics, most_depth).read();
}

Result<std::optional<Trace>> load_trace(Diagnostics& diagnostics, size_t most_depth) {
  const Result<std::string> text = files::read_file(diagnostics.file(), kMaxTraceBytes);
  if (!text) return text.error();
  return read_trace(*text, diagnostics, most_depth);
}

std::optional<int64_t> day_of(std::string_view text) {
  const bool dashes = text.size() >= 10 && text[4] == '-' && text[7] == '-';
  if (!dashes && text.size() != 8) return std::nullopt;
  if (dashes && text.size() > 10 && text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const auto number = [&](size_t at, size_t digits) {
    int value = 0;
    for (size_t i = at; i < at + digits; i++)
      value = text[i] >= '0' && text[i] <= '9' && value >= 0 ? value * 10 + (text[i] - '0') : -1;
    return value;
  };
  const int year = number(0, 4), month = number(dashes ? 5 : 4, 2), day = number(dashes ? 8 : 6, 2);
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (year < 1970 || year > 2099 || month < 1 || month > 12 || day < 1) return std::nullopt;
  if (day > kDays[month - 1] + (month == 2 && leap ? 1 : 0)) return std::nullopt;
  // Days from civil (Howard Hinnant's algorithm): years begin in March, so that the leap day is the last.
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400, of_era = y - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return int64_t{era} * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

}  // namespace treeline::learn
