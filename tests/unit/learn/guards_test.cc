// SPDX-License-Identifier: Apache-2.0
//
// The guards of folding. Policy: guards.h. Act: names that would have a class. Outcome: literal, with the
// reason.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "tests/unit/learn/two_starts.h"

namespace treeline::learn::test {
namespace {

TEST(Guards, TheOrdinaryCaseFolds) {
  const Learned learned =
      two_starts([](Recording& r, const std::string& n, int e) { numbered(r, n, "/data/job-", ".tmp", e); });
  EXPECT_THAT(patterns(learned), testing::ElementsAre("/data/job-{digits}.tmp: write create delete"));
  ASSERT_EQ(learned.permits.patterns.size(), 1u);
  EXPECT_EQ(learned.permits.patterns[0].used, 6u);
  EXPECT_TRUE(learned.questions.empty());
}

TEST(Guards, SecretsAndControlStayLiteral) {
  for (const char* directory : {"/etc/ssl/", "/etc/ssh/k-", "/run/secrets/", "/sys/kernel/x-", "/dev/x-",
                                "/home/u/.ssh/k-", "/x/.aws/", "/etc/shadow-", "/etc/sudoers.d/a"}) {
    const Learned learned =
        two_starts([&](Recording& r, const std::string& n, int e) { numbered(r, n, directory, "", e); });
    EXPECT_EQ(learned.permits.patterns.size(), 0u) << directory;
    EXPECT_EQ(learned.permits.literal_files, 6u) << directory;
    EXPECT_EQ(count_questions(learned, "literal-names"), 1u) << directory;
  }
  const Learned keys =
      two_starts([&](Recording& r, const std::string& n, int e) { numbered(r, n, "/data/k", ".pem", e); });
  EXPECT_EQ(keys.permits.patterns.size(), 0u);
  const Learned shared_memory =
      two_starts([&](Recording& r, const std::string& n, int e) { numbered(r, n, "/dev/shm/x", "", e); });
  EXPECT_EQ(shared_memory.permits.patterns.size(), 1u);
}

TEST(Guards, SecretsBelowAFoldedNameStayLiteral) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    for (int i = 0; i < 3; i++) {
      const std::string home = "/home/user" + std::to_string(10 + 7 * i + e);
      r.file(n, "mkdir", home);
      r.file(n, "create write", home + "/notes");
      r.file(n, "create write", home + "/.ssh/authorized_keys");
      r.file(n, "read", home + "/server.key");
      r.file(n, "create write", home + "/site/.git/hooks/post-checkout");
      r.file(n, "create write", home + "/site/.git/objects/list");
    }
  });
  std::vector<std::string> found;
  for (const auto& pattern : learned.permits.patterns) found.push_back(pattern.pattern);
  EXPECT_THAT(found, testing::ElementsAre("/home/user{digits}", "/home/user{digits}/notes",
                                          "/home/user{digits}/site/.git/objects/list"));
  EXPECT_EQ(words_of(learned.policy, 0, "/home/user10/.ssh/authorized_keys"), "write create");
  EXPECT_EQ(words_of(learned.policy, 0, "/home/user10/server.key"), "read");
  EXPECT_EQ(count_questions(learned, "protected-among-names"), 3u);  // a pattern each, whatever the words
}

TEST(Guards, NoClassMatchesAKnownSecretOrSocket) {
  for (const char* directory : {"/etc/", "/run/", "/srv/"}) {
    const Learned learned = two_starts([&](Recording& r, const std::string& n, int e) {
      for (const char* core : {"aB3dE", "Zk2Qq"})
        r.file(n, "create read write excl",
               directory + std::string(core) + (e == 0 ? "7" : "w") + (directory[1] == 'e' ? "" : ".sock"));
    });
    EXPECT_EQ(learned.permits.patterns.size(), 0u) << directory;  // passwd, shadow; docker.sock, podman.sock
    EXPECT_EQ(count_questions(learned, "protected-among-names"), 1u) << directory;
  }
}

TEST(Guards, LeadingDotsStayLiteral) {
  EXPECT_EQ(two_starts([](Recording& r, const std::string& n, int e) {
              numbered(r, n, "/data/.job-", "", e);
            }).permits.patterns.size(),
            0u);
}

TEST(Guards, StaticNamesStayLiteral) {
  // Only read: nothing shows that they were born at run time.
  EXPECT_EQ(two_starts([](Recording& r, const std::string& n, int e) {
              numbered(r, n, "/usr/share/x/page", ".html", e, "read");
            }).permits.patterns.size(),
            0u);
}

TEST(Guards, ADirectoryMadeAtRunTimeHoldsOnlyNamesBornAtRunTime) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "mkdir", "/run/x");
    for (const char* id : {"a", "b"}) r.file(n, "read", "/run/x/123e4567-e89b-42d3-a456-42661417400" + std::string(id));
  });
  EXPECT_THAT(patterns(learned), testing::ElementsAre("/run/x: mkdir", "/run/x/{uuid}: read"));
}

TEST(Guards, WhatTheImageHoldsStaysLiteralAndWhatItDoesNotIsBorn) {
  const auto act = [](Recording& r, const std::string& n, int e) {
    numbered(r, n, "/data/job-", "", e);
    r.file(n, "create write", "/data/lock");
    for (const char* id : {"a", "b"}) r.file(n, "read", "/data/123e4567-e89b-42d3-a456-42661417400" + std::string(id));
  };
  // In doubt, all.
  const Learned held =
      two_starts(act, {[](const std::string&) { return true; }, [](const std::string&) { return std::nullopt; }});
  EXPECT_EQ(held.permits.patterns.size(), 0u);
  EXPECT_EQ(two_starts(act, image_of({"/data"})).permits.patterns.size(), 2u);
  // A name of the image that was used with the same words does no harm.
  const Learned one = two_starts(act, image_of({"/data", "/data/job-10"}));
  EXPECT_EQ(words_of(one.policy, 0, "/data/job-10"), "write create delete");
  EXPECT_EQ(words_of(one.policy, 0, "/data/job-{digits}"), "write create delete");
}

TEST(Guards, NoClassTakesInANameOfTheImage) {
  const auto act = [](Recording& r, const std::string& n, int e) {
    for (const char* page : {"1", "2"}) r.file(n, "read", "/srv/page-" + std::string(page) + ".html");
    numbered(r, n, "/srv/page-", ".html", e, "create read write delete");
    numbered(r, n, "/srv/new/page-", ".html", e, "create read write delete");
  };
  const Learned learned = two_starts(act, image_of({"/srv", "/srv/new", "/srv/page-1.html", "/srv/page-2.html"}));
  EXPECT_EQ(words_of(learned.policy, 0, "/srv/page-{digits}.html"), "read");  // as of the two that it holds
  EXPECT_EQ(words_of(learned.policy, 0, "/srv/page-10.html"), "write create delete");
  EXPECT_EQ(words_of(learned.policy, 0, "/srv/new/page-{digits}.html"), "read write create delete");
  ASSERT_EQ(count_questions(learned, "image-among-names"), 1u);
  for (const Question& question : learned.questions) {
    if (question.code == "image-among-names") {
      EXPECT_THAT(question.text, testing::HasSubstr("would match /srv/page-1.html"));
    }
  }
  EXPECT_EQ(words_of(two_starts(act, image_of({"/srv", "/srv/page-3.html"})).policy, 0, "/srv/page-{digits}.html"), "");
}

TEST(Guards, AVolumeThatIsOnlyReadIsStatic) {
  const auto act = [](bool beside) {
    return [=](Recording& r, const std::string& n, int e) {
      for (int i = 0; i < 3; i++)
        r.file(n, "read", "/etc/config/123e4567-e89b-42d3-a456-42661417400" + std::to_string(3 * e + i) + ".json");
      if (beside) r.file(n, "create write", "/etc/config/state");
    };
  };
  const Learned learned = two_starts(act(false), image_of({"/etc", "/etc/config"}));
  EXPECT_EQ(learned.permits.patterns.size(), 0u);
  EXPECT_EQ(count_questions(learned, "literal-names"), 1u);
  EXPECT_EQ(two_starts(act(true), image_of({"/etc", "/etc/config"})).permits.patterns.size(), 1u);
}

TEST(Guards, EachWordHasItsOwnSupport) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    numbered(r, n, "/data/job-", "", e, "create delete");
    r.file(n, "setattr", "/data/job-10");
    r.file(n, "setattr", "/data/job-11");
  });
  EXPECT_EQ(words_of(learned.policy, 0, "/data/job-{digits}"), "create delete");
  EXPECT_EQ(words_of(learned.policy, 0, "/data/job-10"), "setattr");
  EXPECT_EQ(words_of(learned.policy, 0, "/data/job-11"), "setattr");
}

TEST(Guards, OneNodesEvidenceServesNoOther) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    numbered(r, n, "/data/job-", "", e);
    r.file(r.node(n, "/bin/b", {0}), "read", "/data/job-" + std::to_string(10 + e));
  });
  EXPECT_EQ(words_of(learned.policy, 1, "/data/job-{digits}"), "");
  EXPECT_EQ(words_of(learned.policy, 1, "/data/job-10"), "read");
  EXPECT_EQ(words_of(learned.policy, 1, "/data/job-11"), "read");
  EXPECT_EQ(count_questions(learned, "literal-names"), 1u);
}

TEST(Guards, ExecutablesNeverFoldAndWhatIsWrittenIsNotExecuted) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    for (int i = 0; i < 3; i++) {
      const std::string tool = "/data/tool-" + std::to_string(10 + 7 * i + e);
      r.file(n, "create write delete", tool);
      r.file(r.node(n, tool, {0}), "read", "/etc/passwd");
    }
  });
  EXPECT_EQ(learned.permits.patterns.size(), 0u);
  EXPECT_EQ(learned.policy.nodes.size(), 1u);  // none of them may be started
  EXPECT_EQ(count_questions(learned, "written-and-executed"), 6u);
}

TEST(Guards, APatternThatWouldMatchAnExecutableIsNotWritten) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    numbered(r, n, "/data/job-", "", e);
    r.node(n, "/data/job-500", {0});
  });
  EXPECT_EQ(learned.permits.patterns.size(), 0u);
  EXPECT_EQ(learned.policy.nodes.size(), 2u);
  EXPECT_EQ(count_questions(learned, "executed-among-names"), 1u);
}

TEST(Guards, AWrittenFileIsNotMapped) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "create write", "/tmp/lib.so");
    r.file(n, "read map", "/tmp/lib.so");
    r.file(n, "read map", "/usr/lib/libc.so.6");
  });
  EXPECT_THAT(patterns(learned),
              testing::ElementsAre("/tmp/lib.so: read write create", "/usr/lib/libc.so.6: read map"));
  EXPECT_EQ(count_questions(learned, "written-and-mapped"), 1u);
}

TEST(Guards, AMemoryFileIsNeverExecuted) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) { r.node(n, "{memfd}", {0}); });
  EXPECT_EQ(learned.policy.nodes.size(), 1u);
  EXPECT_EQ(count_questions(learned, "executed-without-path"), 1u);
}

TEST(Guards, AMemoryFileIsNeverMapped) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "read map", "{memfd}");
    for (const char* object : {"{sysv-shm}", "{socket}", "{anon:bpf}", "{anon:other}"}) r.file(n, "map", object);
    r.file(n, "map", "{nsfs}");
  });
  EXPECT_THAT(patterns(learned), testing::ElementsAre("{memfd}: read", "{nsfs}: map"));
  EXPECT_EQ(count_questions(learned, "made-and-mapped"), 1u);
}

// Without --image: what the traces show standing there and only read is not what a class of temporary names means.
TEST(Guards, NoClassTakesInANameThatStoodThereBefore) {
  const auto learned = [](const std::string& stands, const char* words) {
    return two_starts([&](Recording& r, const std::string& n, int e) {
      r.file(n, words, stands);
      for (const char* core : {"aB3dE", "Zk2Qq"}) {
        const std::string name = "/app/" + std::string(core) + (e == 0 ? "7" : "w");
        r.file(n, "create write excl", name);
        r.file(n, "delete", name);
      }
    });
  };
  EXPECT_EQ(learned("/app/configs", "read").permits.patterns.size(), 1u) << "seven bytes: none of the class";
  const Learned beside = learned("/app/config", "read");
  EXPECT_EQ(beside.permits.patterns.size(), 0u);
  EXPECT_EQ(count_questions(beside, "standing-among-names"), 1u);
  EXPECT_EQ(learned("/app/config", "create write delete").permits.patterns.size(), 1u) << "it was made here too";
}

TEST(Guards, ARandomNameThatStoodThereIsOfItsKind) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    r.file(n, "read", "/objects/0123456789abcdef0123456789abcdef01234567");
    for (int i = 0; i < 2; i++) r.file(n, "create write", "/objects/" + std::string(38, static_cast<char>('a' + i)) + "0" + std::to_string(e));
  });
  EXPECT_EQ(count_questions(learned, "standing-among-names"), 0u);
  EXPECT_EQ(learned.permits.patterns.size(), 1u);
}

TEST(Guards, ALiteralNameWithTheDayOfTheRecordingIsAQuestion) {
  for (const char* name : {"/var/log/app/app-2026-03-01.log", "/data/2026/03/01/x.csv"}) {
    std::vector<Trace> traces;
    for (int start = 0; start < 2; start++) {
      Recording r("c" + std::to_string(start), "2026-03-01T1" + std::to_string(start) + ":00:00Z");
      r.file(r.node("entry", "/bin/a", {0}), "create append", name);
      traces.push_back(r.trace());
    }
    EXPECT_EQ(count_questions(learn_ok(std::move(traces), {.name = "x", .join = false, .image = {}}), "dated-name"), 1u) << name;
  }
}

TEST(Guards, OneStartFoldsNothing) {
  Recording r("c", "2026-03-01T10:00:00Z");
  const auto n = r.node("entry", "/bin/a", {0});
  numbered(r, n, "/data/job-", "", 0);
  const Learned learned = learn_ok({r.trace(), r.trace()});  // one recording given twice is one start
  EXPECT_EQ(learned.permits.patterns.size(), 0u);
  EXPECT_EQ(count_questions(learned, "one-start"), 1u);
  EXPECT_EQ(count_questions(learned, "literal-names"), 1u);
}

// A late recording may be of a run that another one shows: no evidence that the next run has other names.
TEST(Guards, OnlyStartsCount) {
  const auto learned = [](const char* container, const char* started, bool late_first, bool late_second) {
    std::vector<Trace> traces;
    for (int i = 0; i < 2; i++) {
      Recording r(i == 0 ? "c" : container, i == 0 ? "2026-03-01T10:00:00Z" : started);
      numbered(r, r.node("entry", "/bin/a", {0}), "/data/job-", "", i);
      traces.push_back(r.trace());
    }
    traces[0].late = late_first;
    traces[1].late = late_second;
    return learn_ok(std::move(traces));
  };
  const char* const later = "2026-03-02T10:00:00Z";
  EXPECT_EQ(learned("d", later, false, false).permits.patterns.size(), 1u);
  EXPECT_EQ(learned("c", later, false, false).permits.patterns.size(), 1u) << "a container that was started twice";
  for (const char* container : {"c", "d"}) {
    EXPECT_EQ(learned(container, later, false, true).permits.patterns.size(), 0u) << container;
    EXPECT_EQ(learned(container, later, true, true).permits.patterns.size(), 0u) << container;
    EXPECT_EQ(count_questions(learned(container, later, false, true), "one-start"), 1u) << container;
    EXPECT_EQ(count_questions(learned(container, later, true, true), "one-start"), 1u) << container;
  }
}

TEST(Guards, WhatALateTraceShowsIsInTheDraft) {
  std::vector<Trace> traces;
  for (int i = 0; i < 3; i++) {
    Recording r("c" + std::to_string(i), "2026-03-0" + std::to_string(1 + i) + "T10:00:00Z");
    const auto n = r.node("entry", "/bin/a", {0});
    numbered(r, n, "/data/job-", "", i);
    if (i == 2) r.file(n, "read", "/etc/app.conf");
    traces.push_back(r.trace());
  }
  traces[2].late = true;
  const Learned learned = learn_ok(std::move(traces));
  EXPECT_THAT(patterns(learned), testing::ElementsAre("/data/job-{digits}: write create delete", "/etc/app.conf: read"));
  EXPECT_EQ(learned.permits.patterns[0].used, 9u);
}

TEST(Guards, WithoutAnImageNoClassWhereItsProgramsAre) {
  const auto learned = [](const std::string& directory, bool made, ImageHolds image) {
    return two_starts([&](Recording& r, const std::string& n, int e) {
      if (made) r.file(n, "mkdir", directory);
      for (const char* core : {"aB3dE", "Zk2Qq"}) {
        const std::string name = (directory == "/" ? "" : directory) + "/" + std::string(core) + (e == 0 ? "7" : "w");
        r.file(n, "create write delete excl", name);
      }
    }, std::move(image));
  };
  for (const char* directory : {"/", "/bin", "/usr/bin", "/usr/local/sbin", "/usr/lib/app", "/opt/app/lib", "/opt/app/bin"}) {
    const Learned found = learned(directory, false, {});
    EXPECT_EQ(found.permits.patterns.size(), 0u) << directory;
    EXPECT_EQ(found.permits.literal_files, 4u) << directory;
    EXPECT_EQ(count_questions(found, "programs-among-names"), 1u) << directory;
  }
  for (const char* directory : {"/var/lib", "/tmp", "/opt/app", "/binaries"})
    EXPECT_EQ(learned(directory, false, {}).permits.patterns.size(), 1u) << directory;
  EXPECT_EQ(learned("/tmp/venv/bin", true, {}).permits.patterns.size(), 1u) << "it was made at run time: nothing of the image is in it";
  EXPECT_EQ(learned("/usr/bin", false, image_of({"/usr/bin", "/usr/bin/ls"})).permits.patterns.size(), 1u);
  EXPECT_EQ(learned("/usr/bin", false, image_of({"/usr/bin", "/usr/bin/passwd"})).permits.patterns.size(), 0u);
}

// What stands there is looked for from the bytes before the class on.
TEST(Guards, ANameThatStandsThereIsFoundWhereverTheClassBegins) {
  for (const auto& [before, after, stands] : {std::tuple("/app/job-", ".tmp", "/app/job-7.tmp"), std::tuple("/app/", "", "/app/7"),
                                              std::tuple("/app/", ".tmp", "/app/7.tmp")}) {
    for (const bool executed : {false, true}) {
      const Learned learned = two_starts([&, b = before, a = after, s = stands](Recording& r, const std::string& n, int e) {
        if (executed)
          r.node(n, s, {0});
        else
          r.file(n, "read", s);
        r.file(n, "read", "/app/job");
        r.file(n, "read", "/app/job.tmp");
        numbered(r, n, b, a, e);
      });
      EXPECT_EQ(learned.permits.patterns.size(), 0u) << stands;
      EXPECT_GE(count_questions(learned, executed ? "executed-among-names" : "standing-among-names"), 1u) << stands;
    }
  }
}

TEST(Guards, ARefusedClassIsAQuestionWithItsReason) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    r.file(n, "create write delete", "/data/job-" + std::to_string(10 + e));
  });
  ASSERT_EQ(count_questions(learned, "literal-names"), 1u);
  const Question& q = learned.questions[0];
  EXPECT_THAT(q.text, testing::HasSubstr("in /data, like job-{digits}"));
  EXPECT_THAT(q.text, testing::HasSubstr("2 such names were seen, 3 are needed"));
  EXPECT_THAT(q.examples, testing::ElementsAre("/data/job-10", "/data/job-11"));
}

}  // namespace
}  // namespace treeline::learn::test
