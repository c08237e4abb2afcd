// SPDX-License-Identifier: Apache-2.0
// diff, replay, test, check and explain --matrix as a script sees them: exit status, standard output, standard error.

#include "policy-compiler/cli/commands.h"
#include "tests/unit/cli/run.h"

namespace treeline::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kProfile = R"(treeline: 1
name: web
entry:
  - exec: /entry.sh
    interpreter: /bin/sh
    users: [0, 33]
    files: {/etc/web.conf: read}
    children:
      - exec: /usr/sbin/web
        id: web
        users: [33]
        files: {/var/log/web.log: append}
        network: [{direction: in, protocol: tcp, port: 80}]
        sockets: [inet-stream]
)";

class ReviewTest : public InDirectory {
 protected:
  void SetUp() override {
    InDirectory::SetUp();
    profile_ = put("web.yaml", kProfile);
  }
  // The profile with these lines in the node `web`.
  std::string with(const std::string& name, const std::string& lines) { return put(name, kProfile + lines); }
  Outcome diff(const std::string& after, const std::string& fail_on = "", bool json = false) {
    return run([&] { return cli::diff({profile_, after, fail_on, json}); });
  }
  Outcome replay(const std::string& trace, bool unused = false, bool json = false) {
    return run([&] { return cli::replay({profile_, {trace}, unused, json}); });
  }
  Outcome cases(const std::string& text, bool json = false) {
    const std::string file = put("web.cases.yaml", text);
    return run([&] { return cli::test({profile_, "", json}); });
  }

  std::string profile_;
};

TEST_F(ReviewTest, NoDifferenceExitsWithZero) {
  const Outcome o = diff(profile_);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("no difference"));
  EXPECT_EQ(diff(profile_, "any", true).json()["same"], true);
}

TEST_F(ReviewTest, NewlyAllowedExitsWithOneAndNamesLineAndExample) {
  const std::string wider = with("wider.yaml", "        capabilities: [chown]\n");
  const Outcome o = diff(wider);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("1 newly allowed (worst: medium), 0 newly denied"));
  EXPECT_THAT(o.out, HasSubstr("+ medium    capability  chown"));
  EXPECT_THAT(o.out, HasSubstr("wider.yaml:15:24"));
  EXPECT_THAT(o.err, IsEmpty());
  const Outcome j = diff(wider, "", true);
  EXPECT_EQ(j.json()["nodes"][0]["changes"][0]["what"], "chown");
  EXPECT_THAT(j.codes(), ElementsAre("newly-allowed 15"));
}

TEST_F(ReviewTest, WhereTheLineIsDrawn) {
  const std::string wider = with("wider.yaml", "        capabilities: [chown]\n");
  EXPECT_EQ(diff(wider, "none").exit, 0);
  EXPECT_EQ(diff(wider, "denied").exit, 0);
  EXPECT_EQ(diff(wider, "medium").exit, 1);
  EXPECT_EQ(diff(wider, "high").exit, 0);
  EXPECT_EQ(diff(wider, "some").exit, 2);
  const Outcome back = run([&] { return cli::diff({wider, profile_, "", false}); });
  EXPECT_EQ(back.exit, 0);
  EXPECT_EQ(run([&] { return cli::diff({wider, profile_, "denied", false}); }).exit, 1);
  EXPECT_EQ(run([&] { return cli::diff({profile_, base_ + "/none", "", false}); }).exit, 3);
}

TEST_F(ReviewTest, BundleAgainstItsProfileNoDifference) {
  ASSERT_EQ(run([&] { return cli::compile({profile_, base_ + "/b", false, false}); }).exit, 0);
  EXPECT_EQ(diff(base_ + "/b", "any").exit, 0);
}

constexpr const char* kTrace =
    R"({"schema":1,"type":"trace","workload":"web","container":"c","late":false}
{"type":"node","node":"0x0000000000000011","parent":"entry","exec":"/entry.sh","interpreter":"/bin/sh","users":[0]}
{"type":"node","node":"0x0000000000000012","parent":"0x0000000000000011","exec":"/usr/sbin/web","users":[33]}
{"type":"file","node":"0x0000000000000012","access":["append"],"path":"/var/log/web.log"}
)";

TEST_F(ReviewTest, ReplayOfWhatIsAllowed) {
  const std::string trace = put("a.jsonl", std::string(kTrace) + "{\"type\":\"end\"}\n");
  const Outcome o = replay(trace);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("all allowed"));
  const Outcome unused = replay(trace, true);
  EXPECT_THAT(unused.out, HasSubstr("web.yaml:7:13: file /etc/web.conf  read"));
  EXPECT_EQ(replay(trace, true, true).json()["unused"].size(), 4u);
}

TEST_F(ReviewTest, ReplayOfWhatIsDeniedExitsWithOneFromTheBundleToo) {
  const std::string trace =
      put("a.jsonl", std::string(kTrace) + R"({"type":"file","node":"0x0000000000000012","access":["read"],"path":"/etc/shadow","count":4})" + "\n{\"type\":\"end\"}\n");
  const Outcome o = replay(trace);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("denied  read /etc/shadow  4 times"));
  ASSERT_EQ(run([&] { return cli::compile({profile_, base_ + "/b", false, false}); }).exit, 0);
  const Outcome of_bundle = run([&] { return cli::replay({base_ + "/b", {trace}, false, true}); });
  EXPECT_EQ(of_bundle.exit, 1);
  EXPECT_EQ(of_bundle.json()["denied"][0]["object"], "/etc/shadow");
  EXPECT_EQ(of_bundle.json()["denied"][0]["count"], 4);
}

TEST_F(ReviewTest, ReplayOfATraceWithMistakes) { EXPECT_EQ(replay(put("bad.jsonl", "{}\n")).exit, 1); }

TEST_F(ReviewTest, CasesThatHold) {
  const Outcome o = cases("treeline-cases: 1\ncases:\n  - {node: web, act: append, object: /var/log/web.log, expect: allow}\n"
                          "  - {node: web, act: exec, object: /bin/sh, expect: deny}\n"
                          "  - {node: entry, act: exec, object: /entry.sh, expect: allow, next: /entry.sh}\n");
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("3 cases, all as expected"));
}

TEST_F(ReviewTest, CasesThatFailAreErrorsAtTheirLine) {
  const Outcome o = cases("treeline-cases: 1\ncases:\n  - {node: web, act: read, object: /etc/shadow, expect: allow}\n"
                          "  - {node: web, act: append, object: /var/log/web.log, expect: deny}\n  - {node: nobody, act: read, object: /a, expect: deny}\n"
                          "  - {node: entry, act: exec, object: /entry.sh, expect: allow, next: web}\n",
                          true);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.codes(), ElementsAre("case-failed 3", "case-failed 4", "case-question 5", "case-failed 6"));
  EXPECT_EQ(o.json()["passed"], 0);
}

TEST_F(ReviewTest, CasesThatAreNotThere) { EXPECT_EQ(run([&] { return cli::test({profile_, "", false}); }).exit, 3); }

TEST_F(ReviewTest, CheckFailsOnARiskThatIsNotAccepted) {
  const std::string risky = with("risky.yaml", "        capabilities: [net_raw]\n");
  const auto check = [&](const std::string& profile, const std::string& fail_on, const std::string& kernel = "", bool json = false) {
    return run([&] { return cli::check({{profile}, json, false, fail_on, kernel}); });
  };
  EXPECT_EQ(check(risky, "").exit, 0);
  EXPECT_EQ(check(risky, "high").exit, 1);
  EXPECT_EQ(check(risky, "critical").exit, 0);
  EXPECT_EQ(check(risky, "grave").exit, 2);
  EXPECT_EQ(check(risky, "", "six").exit, 2);
  EXPECT_THAT(check(risky, "high").err, HasSubstr("[dangerous-capability, high]"));
  EXPECT_THAT(check(risky, "", "5.10", true).codes(), testing::Contains("kernel-limit 0"));
  const std::string accepted = with("accepted.yaml", "        capabilities: [net_raw]\n        accept: {dangerous-capability: pings}\n");
  const Outcome o = check(accepted, "high");
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.err, IsEmpty());
  EXPECT_THAT(o.out, HasSubstr("no mistakes, 1 accepted"));
  EXPECT_EQ(check(accepted, "", "", true).json()["diagnostics"][0]["accepted"], "pings");
}

TEST_F(ReviewTest, MatrixSaysWhatIsNotEnforcedExactly) {
  const std::string weak = with("weak.yaml", "        syscalls: [read]\n        operations: [ldt]\n");
  const Outcome o = run([&] { return cli::explain({weak, {}, true, true}); });
  EXPECT_EQ(o.exit, 0);
  EXPECT_EQ(o.json()["weak"], 2);
  std::vector<std::string> rows;
  const Json whole = o.json();
  for (const Json& rule : whole["rules"])
    if (rule["exact"] == false) rows.push_back(rule["pattern"].get<std::string>() + " " + rule["mechanisms"]["bpf"].get<std::string>() + " " + rule["mechanisms"]["seccomp"].get<std::string>());
  EXPECT_THAT(rows, ElementsAre("ldt - in part", "read - -"));
  EXPECT_EQ(run([&] { return cli::explain({weak, {"a", "b", "c"}, false, true}); }).exit, 2);
}

}  // namespace
}  // namespace treeline::cli
