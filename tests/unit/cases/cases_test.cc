// SPDX-License-Identifier: Apache-2.0
// One table, two executors: evaluate(), the slow meaning of a policy, and decide.h on the compiled image.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <set>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/unit/cases/load.h"
#include "tests/unit/decide/decisions.h"

namespace treeline::cases {
namespace {

using cli::Question;
using Kind = Question::Kind;

// The image's answers, as the hooks would ask for them.
class Image {
 public:
  explicit Image(const std::string& bytes)
      : image_{reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<uint32_t>(bytes.size())} {}

  bool allows(const Question& q) const {
    const decisions& d = treeline_decisions;
    const auto net = [&](uint32_t direction, uint32_t peer) {
      return d.net(&image_, q.row, direction, static_cast<uint32_t>(q.protocol), peer, d.port(&image_, q.port)) != 0;
    };
    switch (q.kind) {
      case Kind::kAccess:
        return d.missing_access(&image_, q.row, class_of(q.object), q.words) == 0;
      case Kind::kExec:
        return d.exec_edge(&image_, q.row, class_of(q.object), 0) != 0;
      case Kind::kInterpret:
        return d.exec_edge(&image_, q.row, class_of(q.object), TL_EDGE_INTERPRETER) != 0;
      case Kind::kConnect:
        return net(TL_NET_OUT, peer(q.address));
      case Kind::kAccept:
        return net(TL_NET_IN, peer(q.address));
      case Kind::kListen:
        return net(TL_NET_IN, TL_SOME_PEER);
      case Kind::kCapability:
        return d.capability(&image_, q.row, q.number) != 0;
      case Kind::kOperation:
        return d.operation(&image_, q.row, q.number) != 0;
      case Kind::kUser:
        return d.user(&image_, q.row, q.number) != 0;
      case Kind::kSocket:
        return d.socket(&image_, q.row, q.number, q.netlink) != 0;
      case Kind::kSyscall:
        ADD_FAILURE() << "no hook knows system calls, say so under residual";
        return false;
    }
    return false;
  }

 private:
  uint32_t class_of(const passes::Object& object) const {
    if (object.reserved_class != 0) return object.reserved_class;
    uint32_t state = TL_DFA_START;
    for (size_t at = 0; at < object.path.size();) {
      const size_t n = std::min<size_t>({8, object.path.size() - at, object.path.find('/', at + 1) - at});
      uint64_t word = 0;
      std::memcpy(&word, object.path.data() + at, n);
      state = treeline_decisions.step(&image_, state, word, static_cast<uint32_t>(n));
      at += n;
    }
    return treeline_decisions.class_of(&image_, state);
  }

  uint32_t peer(const passes::Address& address) const {
    const passes::Address plain = passes::normalised(address);
    uint64_t high = 0, low = 0;
    for (size_t i = 0; i < 8; ++i) high = high << 8 | plain.bytes[i], low = low << 8 | plain.bytes[8 + i];
    return plain.v6 ? treeline_decisions.peer6(&image_, high, low)
                    : treeline_decisions.peer4(&image_, static_cast<uint32_t>(high >> 32));
  }

  tl_image image_{};
};

struct Counts {
  size_t cases = 0, allowed = 0, image = 0, residual = 0, live = 0;
  std::map<std::string, size_t> not_live;  // reason -> cases
};

void run(const Loaded& loaded, Counts& counts) {
  const auto& [file, table, policy] = loaded;
  Diagnostics diagnostics(file);
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  const bool proven = paths && passes::check_paths(policy, *paths, diagnostics);
  std::optional<backends::bpf::Lowered> lowered;
  if (proven && !diagnostics.has_errors()) lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
  fail_on_errors(diagnostics, file + ", policy");
  ASSERT_TRUE(lowered) << file;
  ASSERT_TRUE(backends::bpf::validate(lowered->image));
  for (const Residual& expected : table.residuals) {
    if (expected.backend != "bpf") continue;
    bool named = false;
    for (const backends::bpf::Residual& r : lowered->residuals)
      named |= r.message.find(expected.text) != std::string::npos;
    EXPECT_TRUE(named) << file << ": the bpf back end names no residual '" << expected.text << "' for " << expected.act;
  }

  const Image image(lowered->image);
  passes::Evaluator evaluator(policy);
  for (const Case& c : table.cases) {
    const std::string what = loaded.where(c);
    ++counts.cases;
    counts.allowed += c.allowed;
    if (c.not_live.empty())
      ++counts.live;
    else
      ++counts.not_live[c.not_live];
    const Result<Question> question = cli::read_question(policy, c.node, c.act, c.object);
    if (!question) {
      ADD_FAILURE() << what << ": " << question.error().message;
      continue;
    }
    EXPECT_EQ(cli::evaluate(evaluator, *question).allowed, c.allowed) << what << ": by evaluate";
    if (table.residual("bpf", c.act) != nullptr) {
      ++counts.residual;
      continue;
    }
    EXPECT_EQ(image.allows(*question), c.allowed) << what << ": by decide.h";
    ++counts.image;
  }
}

TEST(Cases, EvaluateAndTheImageAnswerAsTheTableSays) {
  Counts counts;
  const std::vector<std::string> files = table_files(kTables);
  for (const std::string& file : files)
    if (const std::optional<Loaded> loaded = load(file)) run(*loaded, counts);
  std::cout << counts.cases << " cases in " << files.size() << " files, " << counts.allowed << " allowed; evaluate "
            << counts.cases << ", image " << counts.image << ", residual of bpf " << counts.residual << "; live "
            << counts.live << "\n";
  for (const auto& [reason, n] : counts.not_live) std::cout << "  not live, " << n << ": " << reason << "\n";
  EXPECT_GE(counts.cases, 500u);
  EXPECT_GE(counts.allowed * 3, counts.cases) << "too few are allowed";
  EXPECT_LE(counts.allowed * 3, counts.cases * 2) << "too few are denied";
}

TEST(CaseTable, MistakesAreAllNamedWithTheirLine) {
  Diagnostics diagnostics("t");
  EXPECT_FALSE(
      read_table("policy: x\nnot-live: {fly: no wings}\ncases:\n  a:\n    maybe: {read: [/x]}\n    deny: {read: [/x, "
                 "/x]}\nmore: 1\n",
                 diagnostics));
  std::set<std::string> codes;
  for (const Diagnostic& d : diagnostics.list()) codes.insert(d.code + " " + std::to_string(d.position.line));
  EXPECT_EQ(codes, (std::set<std::string>{"not-live 2", "outcome 5", "twice 6", "unknown-key 7"}));
}

}  // namespace
}  // namespace treeline::cases
