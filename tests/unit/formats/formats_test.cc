// SPDX-License-Identifier: Apache-2.0
// One document in each format: what a reader of that format sees, and that hostile text stays text.
#include <gmock/gmock.h>

#include "policy-compiler/cli/formats/document.h"

namespace treeline::cli::formats {
namespace {

using testing::HasSubstr;
using testing::Not;

Finding finding(Severity severity, const char* code, const char* message, Position position, const char* line = "") {
  Finding f;
  f.diagnostic.severity = severity;
  f.diagnostic.code = code;
  f.diagnostic.message = message;
  f.diagnostic.remedy = "mend it";
  f.diagnostic.file = "profiles/web.yaml";
  f.diagnostic.position = position;
  f.line = line;
  return f;
}

Document document() {
  Document d;
  d.command = "check";
  d.exit = 1;
  d.subjects.push_back({"profiles/web.yaml",
                        {finding(Severity::kError, "unknown-key", "unknown key 'filse'", {5, 5}, "    filse: {}"),
                         finding(Severity::kWarning, "any-egress", "may send anywhere", {9, 9}, "      - {out}"),
                         finding(Severity::kNote, "any-user", "may run as any user", {4, 5}, "  - exec: /a")},
                        0,
                        {}});
  d.subjects.push_back({"profiles/db.yaml", {}, 0, {}});
  return d;
}

Json sarif(const Document& d, std::string_view root = "/home/me") { return Json::parse(to_sarif(d, root)); }

TEST(Names, EachFormatIsFoundByItsName) {
  for (const Format format : {Format::kText, Format::kJson, Format::kSarif, Format::kJunit, Format::kMarkdown})
    EXPECT_EQ(find_format(format_name(format)), format);
  EXPECT_FALSE(find_format("xml"));
}

TEST(Sarif, AFindingHasRulePlaceLevelAndFingerprint) {
  const Json run = sarif(document())["runs"][0];
  ASSERT_EQ(run["results"].size(), 3u);
  const Json first = run["results"][0];
  EXPECT_EQ(first["ruleId"], "unknown-key");
  EXPECT_EQ(first["level"], "error");
  EXPECT_EQ(first["message"]["text"], "unknown key 'filse'; mend it");
  const Json place = first["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "profiles/web.yaml");
  EXPECT_EQ(place["region"], Json({{"startLine", 5}, {"startColumn", 5}}));
  EXPECT_FALSE(first["partialFingerprints"]["primaryLocationLineHash"].get<std::string>().empty());
  EXPECT_EQ(run["invocations"][0]["exitCode"], 1);
  EXPECT_EQ(run["columnKind"], "unicodeCodePoints");
}

TEST(Sarif, ARuleSaysWhatItMeansWhereToReadAndHowGraveItIs) {
  const Json run = sarif(document())["runs"][0];
  const Json rules = run["tool"]["driver"]["rules"];
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0]["id"], "any-egress");  // sorted
  EXPECT_EQ(rules[0]["properties"]["security-severity"], "6.5");
  EXPECT_THAT(rules[0]["helpUri"].get<std::string>(), HasSubstr("DIAGNOSTICS.md#any-egress"));
  EXPECT_FALSE(rules[2].contains("properties"));  // unknown-key opens nothing
  for (const Json& result : run["results"]) EXPECT_EQ(rules[result["ruleIndex"].get<size_t>()]["id"], result["ruleId"]);
}

TEST(Sarif, AFindingThatIsGraverThanItsCodeHasARuleOfItsOwn) {
  Document d = document();
  d.subjects[0].findings = {finding(Severity::kWarning, "newly-allowed", "a", {1, 1}), finding(Severity::kWarning, "newly-allowed", "b", {2, 1})};
  d.subjects[0].findings[0].diagnostic.risk = "critical";
  d.subjects[0].findings[1].diagnostic.risk = "medium";
  const Json run = sarif(d)["runs"][0];
  const Json rules = run["tool"]["driver"]["rules"];
  EXPECT_EQ(run["results"][0]["ruleId"], "newly-allowed/critical");
  EXPECT_EQ(rules[run["results"][0]["ruleIndex"].get<size_t>()]["properties"]["security-severity"], "9.5");
  EXPECT_EQ(run["results"][1]["ruleId"], "newly-allowed");
  EXPECT_EQ(rules[run["results"][1]["ruleIndex"].get<size_t>()]["properties"]["security-severity"], "5.0");
}

TEST(Sarif, AFingerprintSurvivesLinesThatAreAddedAbove) {
  const Json before = sarif(document());
  Document moved = document();
  moved.subjects[0].findings[0].diagnostic.position = {50, 7};
  moved.subjects[0].findings[0].line = "      filse:  {}";
  EXPECT_EQ(before["runs"][0]["results"][0]["partialFingerprints"],
            sarif(moved)["runs"][0]["results"][0]["partialFingerprints"]);
  Document other = document();
  other.subjects[0].findings[0].line = "    flies: {}";
  EXPECT_NE(before["runs"][0]["results"][0]["partialFingerprints"],
            sarif(other)["runs"][0]["results"][0]["partialFingerprints"]);
}

TEST(Sarif, EqualLinesAreCounted) {
  Document d = document();
  d.subjects[0].findings.push_back(d.subjects[0].findings[0]);
  const Json results = sarif(d)["runs"][0]["results"];
  EXPECT_NE(results[0]["partialFingerprints"], results[3]["partialFingerprints"]);
}

TEST(Sarif, FilesAreRelativeToTheRootAndEscaped) {
  const auto uri = [](const char* file) {
    Document d = document();
    d.subjects[0].findings[0].diagnostic.file = file;
    return sarif(d)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        .get<std::string>();
  };
  EXPECT_EQ(uri("/home/me/a b/x.yaml"), "a%20b/x.yaml");
  EXPECT_EQ(uri("./x.yaml"), "x.yaml");
  EXPECT_EQ(uri("/home/meme/x.yaml"), "file:///home/meme/x.yaml");
  EXPECT_EQ(uri("a:b\xc3\xa4"), "a%3ab%c3%a4");
}

TEST(Sarif, AnAcceptedFindingIsSuppressedWithItsReason) {
  Document d = document();
  d.subjects[0].findings[1].diagnostic.accepted = "the proxy needs it";
  const Json result = sarif(d)["runs"][0]["results"][1];
  EXPECT_EQ(result["suppressions"], Json::parse(R"([{"kind":"inSource","justification":"the proxy needs it"}])"));
}

TEST(Sarif, AFailureIsANotificationOfARunThatDidNotSucceed) {
  Document d;
  d.command = "check";
  d.exit = 3;
  d.error = Error{"cannot read 'x'", 2};
  const Json invocation = sarif(d)["runs"][0]["invocations"][0];
  EXPECT_EQ(invocation["executionSuccessful"], false);
  EXPECT_EQ(invocation["toolExecutionNotifications"][0]["message"]["text"], "cannot read 'x'");
}

TEST(Junit, AnErrorFailsAWarningPassesANoteIsOutput) {
  const std::string xml = to_junit(document());
  EXPECT_THAT(xml,
              HasSubstr("<testsuites name=\"treelinec check\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\""));
  EXPECT_THAT(xml, HasSubstr("<testcase name=\"unknown-key: unknown key &apos;filse&apos;\" "
                             "classname=\"profiles/web.yaml\" file=\"profiles/web.yaml\" line=\"5\""));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"unknown key &apos;filse&apos;\" type=\"unknown-key\">"));
  EXPECT_THAT(xml, HasSubstr("<testcase name=\"no mistakes\" classname=\"profiles/db.yaml\""));
  Document strict = document();
  strict.strict = true;
  EXPECT_THAT(to_junit(strict), HasSubstr("failures=\"2\""));
}

TEST(Junit, AcceptedIsSkippedAndCasesAreTestCases) {
  Document d = document();
  d.subjects[0].findings[0].diagnostic.accepted = "signed";
  d.subjects[0].cases = {
      {"web reads /etc/hosts", "cases.yaml", {3, 5}, Case::Outcome::kPassed, ""},
      {"web reads /etc/shadow", "cases.yaml", {4, 5}, Case::Outcome::kFailed, "allowed, not denied"}};
  const std::string xml = to_junit(d);
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"accepted: signed\"/>"));
  EXPECT_THAT(xml, HasSubstr("tests=\"5\" failures=\"1\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"allowed, not denied\""));
}

TEST(Junit, AnAcceptedNoteIsSkippedWithItsReason) {
  Document d = document();
  Finding note = d.subjects[0].findings[0];
  note.diagnostic.severity = Severity::kNote;
  note.diagnostic.message = "taken as it is";
  note.diagnostic.accepted = "the platform filters";
  d.subjects[0].findings.push_back(note);
  const std::string xml = to_junit(d);
  EXPECT_THAT(xml, HasSubstr("taken as it is\""));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"accepted: the platform filters\"/>"));
  EXPECT_THAT(xml, HasSubstr("skipped=\"1\""));
}

TEST(Junit, ControlCharactersAndMarkupStayText) {
  Document d = document();
  d.subjects[0].findings[0].diagnostic.message = "\x1b[2J <b>&\"'\x01\xff\xef\xbf\xbf\n]]>";
  const std::string xml = to_junit(d);
  for (const char c : xml) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  EXPECT_THAT(xml, HasSubstr("\\x1b[2J &lt;b&gt;&amp;&quot;&apos;\\x01\\xff\\xef\\xbf\\xbf"));
  EXPECT_THAT(xml, Not(HasSubstr("]]>")));
}

TEST(Junit, AFileNameBeginsNoLine) {
  Document d = document();
  d.subjects[0].findings[0].diagnostic.file = "a\x1b[31m\n::error x.yaml";
  EXPECT_THAT(to_junit(d), Not(HasSubstr("\n::error")));
}

TEST(Junit, AFailureIsAnError) {
  Document d;
  d.command = "check";
  d.error = Error{"cannot read 'x'", 2};
  EXPECT_THAT(to_junit(d), HasSubstr("<error message=\"cannot read &apos;x&apos;\""));
}

TEST(Markdown, FindingsAreATableAndNotesAreFolded) {
  const std::string text = to_markdown(document());
  EXPECT_THAT(text, HasSubstr("### treelinec check: 1 error, 1 warning\n"));
  EXPECT_THAT(text,
              HasSubstr("| **error** | `profiles/web.yaml:5:5` | unknown key 'filse' `unknown-key`<br>mend it |"));
  EXPECT_THAT(text, HasSubstr("<details><summary>1 note and accepted findings</summary>"));
}

TEST(Markdown, NothingInAMessageIsALinkAMentionOrATable) {
  Document d = document();
  d.subjects[0].findings[0].diagnostic.message = "@team | [x](https://evil) <img> `a` www.evil";
  d.subjects[0].findings[0].diagnostic.file = "a|b`c";
  const std::string text = to_markdown(d);
  EXPECT_THAT(text,
              HasSubstr("@<!-- -->team \\| \\[x\\]\\(https:<!-- -->//evil\\) &lt;img&gt; \\`a\\` www<!-- -->.evil"));
  EXPECT_THAT(text, HasSubstr("`a\\|b'c:5:5`"));
}

TEST(Markdown, MuchIsCutAndCounted) {
  Document d = document();
  for (int i = 0; i < 2000; ++i) d.subjects[0].findings.push_back(d.subjects[0].findings[0]);
  const std::string text = to_markdown(d);
  EXPECT_LE(text.size(), kMostMarkdown);
  EXPECT_THAT(text, HasSubstr(" more are not shown."));
}

TEST(Json, DiagnosticsAreOneListAndFieldsStandBeside) {
  Document d = document();
  d.fields["name"] = "web";
  const Json json = Json::parse(to_json(d));
  EXPECT_EQ(json["diagnostics"].size(), 3u);
  EXPECT_EQ(json["name"], "web");
  EXPECT_EQ(json["exit"], 1);
  EXPECT_FALSE(json.contains("error"));
}

}  // namespace
}  // namespace treeline::cli::formats
