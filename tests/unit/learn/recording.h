// SPDX-License-Identifier: Apache-2.0
//
// Writes traces for tests as the recorder would: a clock that goes on by itself, records per (node, words, name) with
// counts.
//
//   Recording r("web-1", "2026-03-01T10:00:00Z");
//   auto sh = r.node("entry", "/entrypoint.sh", {0}, "/usr/bin/dash");
//   auto nginx = r.node(sh, "/usr/sbin/nginx", {0, 33});
//   r.file(nginx, "read", "/etc/nginx/nginx.conf");
//   r.rename(nginx, "/a/tmp", "/a/final");
//   Trace trace = r.trace();
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "policy-compiler/ir/names.h"
#include "policy-compiler/learn/learn.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn::test {

inline Trace read_ok(const std::string& text, const std::string& file = "test.jsonl") {
  Diagnostics diagnostics(file);
  std::optional<Trace> trace = read_trace(text, diagnostics);
  for (const Diagnostic& d : diagnostics.list()) {
    if (d.severity == Severity::kError) ADD_FAILURE() << d.position.line << ": " << d.message;
  }
  return trace.value_or(Trace{});
}

class Recording {
 public:
  using NodeName = std::string;  // "entry", "join", "0x.."

  Recording(std::string container, std::string started)
      : container_(std::move(container)), started_(std::move(started)) {}

  NodeName node(const NodeName& parent, const std::string& exec, std::vector<uint32_t> users,
                const std::string& interpreter = "") {
    const std::string path = (parent.starts_with("0x") ? paths_.at(parent) : parent) + " > " + exec + interpreter;
    const NodeName key = text::hex64(ir::node_key(path));
    if (!paths_.emplace(key, path).second) return key;
    std::ostringstream line;
    line << R"({"type":"node","node":")" << key << R"(","parent":")" << parent << R"(","exec":")" << exec << '"';
    if (!interpreter.empty()) line << R"(,"interpreter":")" << interpreter << '"';
    line << R"(,"count":1,"users":[)";
    for (size_t i = 0; i < users.size(); i++) line << (i ? "," : "") << users[i];
    line << R"(],"joined":)" << (parent == "join" ? "true" : "false") << "}\n";
    nodes_ += line.str();
    return key;
  }

  // `words`: separated by spaces; "excl" beside them marks O_EXCL, "existing" an open with O_CREAT of what is there.
  void file(const NodeName& node, const std::string& words, const std::string& path, bool tick = true) {
    if (tick) now_ += 2'000'000;
    std::string list, marks, rest = words;
    for (const std::string_view word : text::words(rest)) {
      if (word == "excl" || word == "existing")
        marks += ",\"" + std::string(word) + "\":true";
      else
        list += (list.empty() ? "\"" : ",\"") + std::string(word) + "\"";
    }
    auto& seen = files_[{node, list, path, marks}];
    if (seen.count++ == 0) seen.first = now_;
    seen.last = now_;
  }
  // `told`: with a move record; else only by both ends at one time, as a recorder does that tells no pairs.
  void rename(const NodeName& node, const std::string& from, const std::string& to) {
    // As the hook records it: one act after the other, and what was replaced as deleted.
    file(node, "delete", from);
    now_ += 20'000;
    file(node, "create rename-in", to, false);
    if (!renamed_to_.insert(to).second) {
      now_ += 20'000;
      file(node, "delete", to, false);
    }
    if (tell_moves) add(R"({"type":"move","node":")" + node + R"(","from":")" + from + R"(","to":")" + to + "\"}");
  }
  void net(const NodeName& node, const std::string& direction, const std::string& address, int port,
           const std::string& protocol = "tcp") {
    add(R"({"type":"net","node":")" + node + R"(","direction":")" + direction + R"(","protocol":")" + protocol +
        R"(","address":")" + address + R"(","port":)" + std::to_string(port) + "}");
  }
  void capability(const NodeName& node, const std::string& name) {
    number("capability", node, "\"capability\":\"" + name + "\"");
  }
  void operation(const NodeName& node, const std::string& name) {
    number("operation", node, "\"operation\":\"" + name + "\"");
  }
  void socket(const NodeName& node, const std::string& kind) { number("socket", node, "\"kind\":\"" + kind + "\""); }
  void user(const NodeName& node, uint32_t uid) { number("user", node, "\"uid\":" + std::to_string(uid)); }
  void calls(const NodeName& node, const std::string& quoted_list) {
    add(R"({"type":"syscalls","node":")" + node + R"(","arch":"x86_64","names":[)" + quoted_list + "]}");
  }
  void add(const std::string& line) { others_ += line + "\n"; }

  std::string text() const {
    std::ostringstream out;
    out << R"({"schema":1,"type":"trace","host_kernel":"6.1.0","started":")" << started_
        << R"(","workload":"test","container":")" << container_ << "\",\"late\":false}\n"
        << nodes_;
    for (const auto& [key, seen] : files_) {
      const auto& [node, list, path, marks] = key;
      out << R"({"type":"file","node":")" << node << R"(","access":[)" << list << R"(],"path":")" << path
          << R"(","count":)" << seen.count << R"(,"first":)" << seen.first << R"(,"last":)" << seen.last
          << marks << "}\n";
    }
    out << others_ << R"({"type":"end","stopped":")" << started_ << R"(","incomplete":false,"exit":0})"
        << "\n";
    return out.str();
  }
  Trace trace() const { return read_ok(text(), container_ + ".jsonl"); }

  bool tell_moves = true;

 private:
  void number(const char* type, const NodeName& node, const std::string& field) {
    add(std::string(R"({"type":")") + type + R"(","node":")" + node + "\"," + field + "}");
  }
  struct Count {
    uint64_t count = 0, first = 0, last = 0;
  };
  std::string container_, started_, nodes_, others_;
  std::map<NodeName, std::string> paths_;
  std::set<std::string> renamed_to_;
  std::map<std::tuple<NodeName, std::string, std::string, std::string>, Count> files_;
  uint64_t now_ = 5'000'000'000;
};

inline Learned learn_ok(std::vector<Trace> traces, Options options = {}) {
  Diagnostics diagnostics;
  if (options.name.empty()) options.name = "test";
  std::optional<Learned> learned = learn(std::move(traces), options, diagnostics);
  for (const Diagnostic& d : diagnostics.list()) {
    if (d.severity == Severity::kError) ADD_FAILURE() << d.code << ": " << d.message;
  }
  return learned ? std::move(*learned) : Learned{};
}

// "read write" of a pattern in a node; "" where there is no such rule.
inline std::string words_of(const ir::Policy& policy, uint32_t node, const std::string& pattern) {
  if (node >= policy.nodes.size()) return "";
  for (const ir::FileRule& rule : policy.nodes[node].files) {
    if (rule.path.text == pattern) return ir::names::access_text(rule.access);
  }
  return "";
}

inline size_t count_questions(const Learned& learned, const std::string& code) {
  size_t count = 0;
  for (const Question& question : learned.questions) count += question.code == code;
  return count;
}

}  // namespace treeline::learn::test
