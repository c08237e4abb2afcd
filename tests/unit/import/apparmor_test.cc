// SPDX-License-Identifier: Apache-2.0
//
// Profiles as apparmor_parser 3.0.8 reads them (`-QK -D rule-exprs` prints it): what is granted is never more, and what
// is left out is listed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/glob.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/unit/import/taken.h"

namespace treeline::import_ {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// Line 2 is the first of the rules.
Outcome web(const std::string& rules, const std::string& before = "", const std::string& behind = "") {
  Options options;
  options.format = Format::kAppArmor;
  return take(before + "profile web /usr/sbin/web {\n" + rules + "\n}\n" + behind, options);
}

std::vector<std::string> files(const Outcome& out) {
  std::vector<std::string> paths;
  if (out.imported)
    for (const ir::FileRule& rule : out.imported->policy.nodes[0].files) paths.push_back(rule.path.text);
  return paths;
}

bool allows(const Outcome& out, const char* path, uint32_t words) {
  passes::Evaluator evaluator(out.imported->policy);
  return evaluator.access(TL_ROW_FIRST, passes::Object::at(path), static_cast<ir::AccessSet>(words)).allowed;
}

// As `treelinec check` judges it.
bool compiles(const Outcome& out) {
  Diagnostics draft("draft");
  const ir::Policy policy = frontend::read_profile(out.profile(), draft);
  const auto paths = passes::compile_paths(policy, draft);
  return paths && passes::check_paths(policy, *paths, draft) && !draft.has_errors();
}

std::vector<std::string> patterns(std::string_view glob, Meant meant, const Variables& variables = {}) {
  std::vector<std::string> out;
  for (const Translated& one : translate_glob(glob, variables, meant).patterns)
    out.push_back(one.pattern + (one.directory ? "/" : ""));
  return out;
}

TEST(AppArmor, VariableThatIsOnlyAddedTo_Imported_IsNotKnown) {
  const std::string rules = "  /home/** r,\n  deny @{HOME}/.ssh/** r,\n  @{HOME}/pub r,";
  for (const char* more : {"@{HOME}+=/srv/home/\n", "@{HOME} += /srv/home/\n@{HOME} = /x/\n"}) {
    const Outcome out = web(rules, std::string("include <tunables/global>\n") + more);
    ASSERT_TRUE(out.imported);
    EXPECT_THAT(files(out), IsEmpty());
    for (const char* lost : {"/home/**", "deny @{HOME}", "@{HOME}/pub"})
      EXPECT_TRUE(std::any_of(out.findings.list().begin(), out.findings.list().end(), [&](const Diagnostic& d) {
        return d.code == "not-carried" && d.message.find(lost) != std::string::npos;
      })) << lost;
  }
  EXPECT_THAT(files(web(rules, "@{HOME}=/home/*/\n@{HOME}+=/srv/home/\n")),
              ElementsAre("/home/*/pub", "/srv/home/pub"));
}

TEST(AppArmor, VariableOfMoreValuesThanAGlobMayHave_Imported_IsNotCut) {
  std::string values = "@{X}=";
  for (int i = 0; i < 80; ++i) values += " /srv/" + std::to_string(i);
  const Outcome out = web("  /srv/79 r,\n  deny @{X} r,", values + "\n");
  ASSERT_TRUE(out.imported);
  EXPECT_THAT(files(out), IsEmpty());
}

TEST(AppArmor, BlockOfQualifiers_Imported_IsPartOfItsProfile) {
  const Outcome out =
      web("  /srv/** r,\n  audit {\n    deny /srv/secret/** r,\n    /var/x w,\n  }\n  owner {\n    /home/** r,\n  }\n"
          "  { allow { /opt/a r, } }");
  ASSERT_TRUE(out.imported);
  EXPECT_THAT(files(out), ElementsAre("/opt/a", "/var/x"));
  EXPECT_TRUE(out.says("not-carried", 2));
  EXPECT_TRUE(out.says("not-carried", 8)) << "for the owner only";
  EXPECT_THAT(files(web("  /srv/a r,\n  deny { /srv/a r, }")), IsEmpty());
  EXPECT_THAT(files(web("  /srv/a r,\n  priority=1 { /srv/a w, }")), IsEmpty());
}

TEST(AppArmor, BlocksUnderACondition_Imported_DenyAndGrantNothing) {
  const Outcome out =
      web("  /srv/** r,\n  /opt/** r,\n  if $x {\n    deny /srv/a r,\n    /var/x r,\n    capability chown,\n"
          "  } else if not $y { owner { /var/y r, }\n  } else {\n    deny /opt/b r,\n  }\n  /etc/a r,",
          "$x=true\n");
  ASSERT_TRUE(out.imported);
  EXPECT_THAT(files(out), ElementsAre("/etc/a"));
  EXPECT_THAT(out.imported->policy.nodes[0].capabilities, IsEmpty());
  for (const uint32_t line : {3u, 4u, 7u, 8u, 9u}) EXPECT_TRUE(out.says("not-carried", line)) << line;
}

TEST(AppArmor, ProfileUnderACondition_Imported_IsNoTargetAndListed) {
  const Outcome out = web("  /bin/a cix,\n  /bin/** ix,\n  if $x {\n    profile a /bin/a { /etc/a r, }\n  }");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 5));
  EXPECT_THAT(out.profile(), Not(HasSubstr("/bin/a")));
  EXPECT_TRUE(out.says("narrower", 3)) << "/bin/a may be started under that profile";
}

TEST(AppArmor, EscapesByNumber_Imported_AreTheirBytes) {
  const Outcome out =
      web("  /etc/* r,\n  /srv/* r,\n  deny /etc/shad\\157w r,\n  deny \"/srv/pass\\x77d\" r,\n  /tmp/a\\x20b r,\n"
          "  \"/tmp/c\\\"d, e\" r,\n  /tmp/\\001 r,\n  /tmp/\\x2a r,\n  /tmp/\\d065 r,");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 2));
  EXPECT_TRUE(out.says("not-carried", 3));
  EXPECT_THAT(files(out), UnorderedElementsAre("/tmp/a b", "/tmp/c\"d, e", "/tmp/\\x01", "/tmp/\\x2a", "/tmp/A"));
  EXPECT_THAT(patterns("/a\\x2fb\\n\\400\\9\\xg", Meant::kGranted), ElementsAre("/a/b\\x0a 09xg"));
  EXPECT_NE(translate_glob("/a\\0b", {}, Meant::kGranted).problem, "");
  EXPECT_THAT(patterns("@{X}", Meant::kGranted, {{"X", {"/a\\x7b"}}}), ElementsAre("/a\\x7b"));
}

TEST(AppArmor, DenialOfALink_Imported_TakesTheWordAway) {
  for (const char* denial : {"deny link /srv/a -> /srv/b,", "audit deny link subset /srv/* -> /srv/b,"}) {
    const Outcome out = web("  /srv/a rwl,\n  " + std::string(denial));
    ASSERT_TRUE(out.imported);
    EXPECT_TRUE(out.says("not-carried", 2)) << denial;
    EXPECT_EQ(out.imported->policy.nodes[0].files[0].access & (TL_LINK | TL_WRITE), TL_WRITE) << denial;
  }
}

TEST(AppArmor, DenialOfAnyOtherKind_Imported_IsListed) {
  for (const char* denial : {"signal", "ptrace (read)", "mount", "dbus", "change_profile -> x", "mqueue", "later"})
    EXPECT_TRUE(web("  /srv/a r,\n  deny " + std::string(denial) + ",").says("not-carried", 3)) << denial;
  EXPECT_THAT(files(web("  /srv/a r,\n  /srv/b r,\n  deny /srv/a R,")), ElementsAre("/srv/b"));
  EXPECT_THAT(files(web("  /srv/a r,\n  /srv/b r,\n  deny /srv/a z,")), ElementsAre("/srv/b"));
}

TEST(AppArmor, SetThatLeavesCharactersOut_Denied_HoldsASlash) {
  const Outcome out = web("  /srv/*/c r,\n  deny /srv/a[^b]c r,");
  ASSERT_TRUE(out.imported);
  EXPECT_FALSE(allows(out, "/srv/a/c", TL_READ));
  EXPECT_THAT(patterns("/a[^b]c", Meant::kDenied), UnorderedElementsAre("/a[!b]c", "/a/c"));
  EXPECT_THAT(patterns("/a[^b]*", Meant::kDenied), UnorderedElementsAre("/a[!b]*", "/a/*", "/a/"));
  EXPECT_THAT(patterns("/a[+-9]c", Meant::kDenied), UnorderedElementsAre("/a[+-9]c", "/a/c"));
  EXPECT_THAT(patterns("/a[/]c", Meant::kDenied), ElementsAre("/a/c"));
  EXPECT_THAT(patterns("/a/[^b]/c", Meant::kDenied), ElementsAre("/a/[!b]/c"));
  for (const Meant meant : {Meant::kDenied, Meant::kGranted}) {
    EXPECT_THAT(patterns("/a[^/b]c", meant), ElementsAre("/a[!b]c"));
    EXPECT_THAT(patterns("/a[^/]c", meant), ElementsAre("/a?c"));
  }
  EXPECT_THAT(patterns("/a[^b]c", Meant::kGranted), ElementsAre("/a[!b]c"));
  EXPECT_NE(translate_glob("/a[^b]c", {}, Meant::kGranted).narrower, "");
  EXPECT_EQ(translate_glob("/[^b]c", {}, Meant::kGranted).narrower, "");
  // A `*` in a set is none: what such a denial means is below the directory.
  EXPECT_THAT(patterns("/a/b[0*]c", Meant::kDenied), ElementsAre("/a/**"));
  EXPECT_NE(translate_glob("/a/b[0*]c", {}, Meant::kGranted).problem, "");
}

TEST(AppArmor, WildcardsAboveDirectoriesOfProcesses_Imported_AreSaidToBeNarrower) {
  for (const char* glob : {"/**", "/*/**", "/p**", "/{,proc/}**", "/*/[0-9]*/status", "/proc/**", "/[^a]*/?/x"})
    EXPECT_NE(translate_glob(glob, {}, Meant::kGranted).narrower, "") << glob;
  for (const char* glob : {"/*", "/srv/**", "/*/x/**", "/proc/sys/**", "/proc/sys*", "/v**"})
    EXPECT_EQ(translate_glob(glob, {}, Meant::kGranted).narrower, "") << glob;
  EXPECT_TRUE(web("  /** r,").says("narrower", 2));
  EXPECT_FALSE(allows(web("  /proc/sys/kernel/x r,\n  deny /proc/*/kernel/x r,"), "/proc/sys/kernel/x", TL_READ));
}

TEST(AppArmor, NamesWithAPrefixAtAnyDepth_Imported_AreFilesAndDirectories) {
  const Outcome out = web("  /var/tmp** rw,");
  ASSERT_TRUE(out.imported);
  for (const char* path : {"/var/tmp", "/var/tmpdir", "/var/tmpdir/x"})
    EXPECT_TRUE(allows(out, path, TL_MKDIR | TL_LIST | TL_READ | TL_CREATE)) << path;
  EXPECT_THAT(patterns("/a{,/**}", Meant::kGranted), UnorderedElementsAre("/a", "/a/**", "/a/"));
}

TEST(AppArmor, RightsToLinks_Imported_AreGrantedWhereBothKindsAre) {
  const auto access = [](const Outcome& out, size_t file) { return out.imported->policy.nodes[0].files[file].access; };
  const Outcome both = web("  /a wl,\n  /b w,\n  /b l,");
  ASSERT_EQ(files(both).size(), 2u);
  EXPECT_TRUE((access(both, 0) & TL_LINK) != 0 && (access(both, 1) & TL_LINK) != 0);
  EXPECT_FALSE(both.says("narrower"));
  const Outcome one = web("  /a w,\n  /b rl,\n  /c/ rw,\n  /d rw,");
  EXPECT_THAT(one.profile(), Not(HasSubstr(" link")));
  EXPECT_TRUE(one.says("narrower", 2)) << "symbolic links";
  EXPECT_TRUE(one.says("narrower", 3)) << "hard links";
  EXPECT_EQ(one.findings.list().size(), 2u) << "once for all rules";
}

TEST(AppArmor, DoubledSlashes_Imported_MatchWhatTheyDid) {
  EXPECT_THAT(files(web("  /c/{,a}/ rw,")), ElementsAre("/c/a"));
  EXPECT_THAT(patterns("/a//b", Meant::kGranted), ElementsAre("/a/b"));
  EXPECT_THAT(patterns("/a/{b/,c}/d", Meant::kGranted), ElementsAre("/a/c/d"));
  EXPECT_THAT(patterns("@{X}/d", Meant::kGranted, {{"X", {"/a/", "/b"}}}), ElementsAre("/a/d", "/b/d"));
  EXPECT_THAT(patterns("/m/{@{X},c}/d", Meant::kGranted, {{"X", {"a/"}}}), ElementsAre("/m/c/d"));
  EXPECT_THAT(patterns("//a", Meant::kGranted), IsEmpty());
  EXPECT_THAT(patterns("/a{x*,y}*", Meant::kGranted), ElementsAre("/ax*", "/ay*")) << "two stars of which none crosses";
  EXPECT_THAT(patterns("/{[a,b]c,d}", Meant::kGranted), ElementsAre("/[a,b]c", "/d"));
}

TEST(AppArmor, BooleanAtTheTop_Imported_EndsWithItsLine) {
  for (const char* boolean : {"$FOO=true\n", "${x}=true\n", "$FOO = false # why\n"}) {
    const Outcome out = web("  /srv/a r,", boolean);
    ASSERT_TRUE(out.imported) << boolean;
    EXPECT_EQ(out.imported->policy.name, "web") << boolean;
    EXPECT_THAT(files(out), ElementsAre("/srv/a")) << boolean;
  }
}

TEST(AppArmor, StepByAPatternBesideOneByName_Imported_GivesWay) {
  const std::string shell = "profile shell {\n  /etc/shells r,\n}\n";
  const Outcome out =
      web("  /usr/bin/** ix,\n  /usr/bin/sh px -> shell,\n  /usr/bin/id Cx,\n  /opt/* ix,\n  /opt/x ix,\n  profile id "
          "/usr/bin/id { /etc/passwd r, }",
          "", shell);
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(compiles(out)) << out.profile();
  EXPECT_TRUE(out.says("narrower", 2));
  EXPECT_FALSE(out.says("narrower", 5)) << "the same profile: nothing is lost";
  for (const char* step : {"exec: /usr/bin/sh", "exec: /usr/bin/id", "exec: /opt/*"})
    EXPECT_THAT(out.profile(), HasSubstr(step));
  EXPECT_THAT(out.profile(), Not(HasSubstr("/usr/bin/**")));
}

TEST(AppArmor, StepsOfWhichSomeLeadToWhereIsNotKnown_Imported_DoNotStayByAPattern) {
  for (const char* rule :
       {"/usr/bin/sh px,", "owner /usr/bin/sh px -> web,", "@{bin}/sh px -> web,", "if $x { /usr/bin/sh cx, }"}) {
    const Outcome out = web("  /usr/bin/* ix,\n  " + std::string(rule));
    ASSERT_TRUE(out.imported) << rule;
    EXPECT_TRUE(out.says("narrower", 2)) << rule;
    EXPECT_EQ(out.imported->policy.nodes.size(), 1u) << rule;
  }
  const Outcome meet = web("  /usr/bin/a* ix,\n  /usr/bin/*b ix,\n  /usr/bin/sh ux,");
  EXPECT_TRUE(meet.says("narrower", 3));
  EXPECT_TRUE(compiles(meet)) << meet.profile();
}

TEST(AppArmor, StepToTheProfileThatIsAttached_Imported_LeadsThere) {
  const std::string shell = "profile shell /usr/bin/sh {\n  /etc/shells r,\n}\n";
  for (const char* rule : {"/usr/bin/* pix,", "/usr/bin/* px,"}) {
    const Outcome out = web("  /srv/a r,\n  " + std::string(rule), "", shell);
    ASSERT_TRUE(out.imported);
    EXPECT_TRUE(compiles(out)) << out.profile();
    ASSERT_GE(out.imported->policy.nodes.size(), 2u) << rule;
    EXPECT_EQ(out.imported->policy.nodes[1].executable.text, "/usr/bin/sh") << rule;
    ASSERT_EQ(out.imported->policy.nodes[1].files.size(), 1u);
    EXPECT_EQ(out.imported->policy.nodes[1].files[0].path.text, "/etc/shells") << "not what web may do";
    EXPECT_THAT(out.profile(), Not(HasSubstr("/usr/bin/*")));
  }
  const Outcome one = web("  /srv/a r,\n  /usr/bin/sh pix,", "", "profile all /usr/bin/* {\n  /etc/a r,\n}\n");
  ASSERT_EQ(one.imported->policy.nodes.size(), 3u) << one.profile();
  EXPECT_EQ(one.imported->policy.nodes[1].files[0].path.text, "/etc/a");
  EXPECT_THAT(web("  /opt/* pix,", "", shell).profile(), HasSubstr("/opt/*"));
}

TEST(AppArmor, StepToAChildByItsFullName_Imported_LeadsThere) {
  const std::string kid = "\n  profile kid {\n    /k r,\n    profile grand {\n      /g r,\n    }\n  }";
  for (const auto& [rule, file] : {std::pair("/usr/bin/x px -> web//kid,", "/k: read"), {"/usr/bin/x px -> web//kid//grand,", "/g: read"}}) {
    const Outcome out = web("  " + std::string(rule) + kid);
    ASSERT_TRUE(out.imported);
    ASSERT_EQ(out.imported->policy.nodes.size(), 2u) << rule;
    EXPECT_FALSE(out.says("not-carried", 2)) << rule;
    EXPECT_THAT(out.profile(), HasSubstr(file)) << rule;
  }
  for (const char* name : {"web//other", "web//", "//kid", "other//kid", "web//kid//grand//x"}) {
    const Outcome out = web("  /usr/bin/x px -> " + std::string(name) + "," + kid);
    EXPECT_TRUE(out.says("not-carried", 2)) << name;
    EXPECT_EQ(out.imported->policy.nodes.size(), 1u) << name;
  }
  EXPECT_TRUE(web("  /usr/bin/x px -> web//HAT,\n  ^HAT {\n    /k r,\n  }").says("not-carried", 2)) << "a hat is no child";
}

TEST(AppArmor, ProfileThatNothingLeadsTo_Imported_IsListed) {
  const std::string orphan = "profile orphan {\n  /srv/o rw,\n}\n", kid = "  profile kid {\n    /k r,\n  }";
  const Outcome out = web("  /a r,\n" + kid, "", orphan);
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 3)) << "the child";
  EXPECT_TRUE(out.says("not-carried", 7));
  const Outcome led = web("  /usr/bin/x cx -> kid,\n  /usr/bin/y px -> orphan,\n" + kid, "", orphan);
  EXPECT_FALSE(led.says("not-carried")) << led.profile();
  Options options;
  options.format = Format::kAppArmor;
  options.programs = {"/bin/o"};
  EXPECT_FALSE(take("profile web /usr/sbin/web {\n  /a r,\n}\n" + orphan, options).says("not-carried"));
}

TEST(AppArmor, ProfilesAttachedToOnePath_Imported_AreTheNarrower) {
  const Outcome out = web("  /a r,", "", "profile all /usr/sbin/* {\n  /b r,\n}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(compiles(out));
  EXPECT_THAT(out.profile(), Not(HasSubstr("/usr/sbin/*")));
  EXPECT_TRUE(out.says("narrower", 4));
}

// The operator writes "ixr", "r" with "deny wlk", "wlk" with "deny r", and "rwlk".
TEST(SpoAppArmor, Globs_Imported_MeanWhatTheyDoInAProfile) {
  const Outcome out = take(
      "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: AppArmorProfile\nmetadata: {name: x}\nspec:\n"
      "  abstract:\n    executable: {allowedExecutables: [/usr/bin/*, /usr/bin/sh]}\n    filesystem:\n"
      "      readOnlyPaths: ['/srv/a[^b]c', '/**']\n      readWritePaths: ['/srv/*/c', '/opt/a\\x20b']\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(compiles(out)) << out.profile();
  EXPECT_TRUE(out.says("narrower", 8));
  EXPECT_TRUE(out.says("not-carried", 9));
  EXPECT_FALSE(allows(out, "/srv/a/c", TL_WRITE));
  EXPECT_THAT(out.profile(), HasSubstr("/opt/a b"));
}

TEST(AppArmor, ProfileThatAllowsWhatNoRuleDenies_Imported_IsListed) {
  for (const std::string flags : {"flags=(unconfined)", "flags=(default_allow)", "flags=(attach_disconnected, unconfined)", "flags = (default_allow)"}) {
    const Outcome out = take("# open\nprofile web /usr/sbin/web " + flags + " {\n  /a r,\n}\n");
    ASSERT_TRUE(out.imported) << flags;
    EXPECT_TRUE(out.says("not-carried", 2)) << flags;
    EXPECT_THAT(out.profile(), HasSubstr("/a: read"));
  }
  EXPECT_FALSE(take("profile web /usr/sbin/web flags=(attach_disconnected) {\n  /a r,\n}\n").says("not-carried"));
  EXPECT_TRUE(take("profile web /usr/sbin/web flags=(complain) {\n  /a r,\n}\n").says("import-question", 1));
}

}  // namespace
}  // namespace treeline::import_
