// SPDX-License-Identifier: Apache-2.0
//
// Folding. Policy: fold_paths.h, moves, the directories of an image. Act: names of two starts. Outcome: classes, or why not.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "bpf/lsm/abi.h"
#include "policy-compiler/learn/object_name.h"
#include "tests/unit/learn/two_starts.h"

namespace treeline::learn::test {
namespace {

TEST(Folding, DirectoriesFromTheRootDownwards) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    for (int i = 0; i < 3; i++) {
      const std::string base = "/data/base/" + std::to_string(16384 + 8 * i + e);
      r.file(n, "mkdir", base);
      r.file(n, "create write", base + "/PG_VERSION");
      for (int k = 0; k < 2; k++) r.file(n, "create read write", base + "/" + std::to_string(20000 + 10 * i + k));
    }
    r.file(n, "read", "/data/base/16384/only-here");
  });
  EXPECT_THAT(patterns(learned), testing::ElementsAre("/data/base/16384/only-here: read", "/data/base/{digits}: mkdir",
                                                      "/data/base/{digits}/PG_VERSION: write create",
                                                      "/data/base/{digits}/{digits}: read write create"));
}

TEST(Folding, ACounterThatTheImageBegan) {
  // The image holds 06 to 0A; the workload deletes the oldest and goes on. Each start sees the same numbers, or one
  // more.
  const auto act = [](Recording& r, const std::string& n, int e) {
    for (const char* old : {"06", "07", "0A"})
      r.file(n, "read write", std::string("/data/wal/0000000000000000000000") + old);
    for (const char* old : {"06", "07"}) r.file(n, "delete", std::string("/data/wal/0000000000000000000000") + old);
    for (int i = 0; i < 1 + e; i++) r.file(n, "create", std::string("/data/wal/00000000000000000000000") + "BC"[i]);
  };
  const std::string pattern = [] {
    std::string s = "/data/wal/";
    for (int i = 0; i < 24; i++) s += "[0-9A-F]";
    return s;
  }();
  EXPECT_THAT(patterns(two_starts(act)), testing::ElementsAre(pattern + ": read write create delete"));
  std::set<std::string> held = {"/data", "/data/wal"};
  for (const char* old : {"06", "07", "0A"}) held.insert(std::string("/data/wal/0000000000000000000000") + old);
  EXPECT_THAT(patterns(two_starts(act, image_of(held))), testing::ElementsAre(pattern + ": read write create delete"));
  // One that it only read is the image's still: 05 may not be made anew.
  const auto reads = [&](Recording& r, const std::string& n, int e) {
    act(r, n, e);
    r.file(n, "read", "/data/wal/000000000000000000000005");
  };
  held.insert("/data/wal/000000000000000000000005");
  const Learned learned = two_starts(reads, image_of(held));
  EXPECT_EQ(words_of(learned.policy, 0, pattern), "read");
  EXPECT_EQ(count_questions(learned, "image-among-names"), 1u);
  // Were the names only read, or the born ones not its continuation, they would stay as they are.
  EXPECT_EQ(two_starts([](Recording& r, const std::string& n, int e) {
              for (const char* old : {"06", "07", "0D"})
                r.file(n, "delete", std::string("/data/wal/0000000000000000000000") + old);
              for (int i = 0; i < 1 + e; i++)
                r.file(n, "create", std::string("/data/wal/00000000000000000000000") + "BC"[i]);
            }).permits.patterns.size(),
            0u);
}

TEST(Folding, RandomNamesTakeOExclOrWhereNoRecorderTellsItAFileThatIsGoneAgain) {
  const auto act = [](bool told, bool removed) {
    return two_starts([=](Recording& r, const std::string& n, int e) {
             if (told) r.file(n, "read write excl", "/data/other");
             for (const char* core : {"aB3dE9", "Zk2Qq0"}) {
               const std::string name = "/tmp/x." + std::string(core, 5) + (e == 0 ? "7" : "w");
               r.file(n, "create", name);
               if (removed) r.file(n, "delete", name);
             }
           })
        .permits.patterns.size();
  };
  EXPECT_EQ(act(false, true), 1u);
  EXPECT_EQ(act(false, false), 0u);
  EXPECT_EQ(act(true, true), 0u);  // O_EXCL is told, and these had none
}

// O_CREAT asks to make what is there already, wherever the kernel does not remember the name.
TEST(Folding, WhatAnOpenWithOCreatFoundWasNotBornAndNeedsCreate) {
  const auto act = [](const char* words) {
    return two_starts([=](Recording& r, const std::string& n, int e) {
      for (const char* core : {"aB3dE9", "Zk2Qq0"}) {
        const std::string name = "/tmp/x." + std::string(core, 5) + (e == 0 ? "7" : "w");
        r.file(n, words, name);
        r.file(n, "delete", name);
      }
    });
  };
  EXPECT_THAT(patterns(act("create write"), 0), testing::Contains("/tmp/x.{rand:6}: write create delete"));
  EXPECT_THAT(patterns(act("create write existing"), 0), testing::Contains("/tmp/x.aB3dE7: write create delete"));
}

// A probe file a start: python's tempfile looks so whether its directory can be written to.
TEST(Folding, TwoTemporaryNamesOfTwoStartsSuffice) {
  struct Case {
    const char* names[2];
    const char* words;
    bool removed, again;
    const char* pattern;
  };
  const char *made = "create read write excl", *plain = "create read write";
  for (const Case& c : {
           Case{{"/tmp/v_udvfpu", "/tmp/ksf04mh2"}, made, true, false, "/tmp/{rand:8}"},
           Case{{"/tmp/ksf04mh2", "/tmp/a1b2c3d4"}, made, true, false, "/tmp/{rand:8}"},
           Case{{"/tmp/sortq2Zk0a", "/tmp/sortPPkkZr"}, made, true, false, "/tmp/sort{rand:6}"},
           Case{{"/tmp/tmp.Xk20alPq3c", "/tmp/tmp.lqmDDkeoai"}, made, true, false, "/tmp/tmp.{rand:10}"},
           Case{{"/tmp/go-build291820", "/tmp/go-build99177263"}, "mkdir", true, false, "/tmp/go-build{digits}"},
           Case{{"/tmp/.ZendSem.yZF8I0", "/tmp/.ZendSem.NPiYDQ"}, made, true, false, ""},  // hidden
           // One condition after the other is missing.
           Case{{"/tmp/v_udvfpu", "/tmp/ksf04mh2"}, plain, true, false, ""},
           Case{{"/tmp/v_udvfpu", "/tmp/ksf04mh2"}, made, false, false, ""},
           Case{{"/tmp/v_udvfpu", "/tmp/ksf04mh2"}, made, true, true, ""},  // the first one in both starts
           Case{{"/tmp/sessions", "/tmp/database"}, made, true, false, ""},   // words
           Case{{"/tmp/.udv1fpu", "/tmp/.sf04mh2"}, made, true, false, ""},
           Case{{"/etc/ssl/v_udvfpu", "/etc/ssl/ksf04mh2"}, made, true, false, ""},
       }) {
    const Learned learned = two_starts([&](Recording& r, const std::string& n, int e) {
      r.file(n, "read write excl", "/data/told");
      for (int i = c.again ? 0 : e; i <= e; i++) {
        r.file(n, c.words, c.names[i]);
        if (c.removed) r.file(n, "delete", c.names[i]);
      }
    });
    const auto& found = learned.permits.patterns;
    EXPECT_EQ(found.empty() ? "" : found[0].pattern, c.pattern) << c.names[0];
  }
}

TEST(Folding, TemporaryNamesOfAnotherNodeTakeTwoOfOnesOwn) {
  // mktemp makes the name, the shell writes it, sort reads it, rm removes it; only the second start cleans up by cut.
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    const std::string name = std::string("/tmp/tmp.") + (e == 0 ? "Xk20alPq3c" : "lqmD2keoai");
    const auto mktemp = r.node(n, "/bin/mktemp", {0}), rm = r.node(n, "/bin/rm", {0}), cut = r.node(n, "/bin/cut", {0});
    r.file(mktemp, "create read write excl", name);
    r.file(n, "write", name);
    r.file(rm, "delete", name);
    if (e == 1) r.file(cut, "read", name);
  });
  EXPECT_THAT(patterns(learned, 0), testing::ElementsAre("/tmp/tmp.{rand:10}: write"));
  for (const LearnedNodeOf of : {LearnedNodeOf{"/bin/mktemp", "/tmp/tmp.{rand:10}: read write create"},
                                 LearnedNodeOf{"/bin/rm", "/tmp/tmp.{rand:10}: delete"},
                                 LearnedNodeOf{"/bin/cut", "/tmp/tmp.lqmD2keoai: read"}}) {
    for (uint32_t i = 0; i < learned.policy.nodes.size(); i++) {
      if (learned.policy.nodes[i].executable.text != of.executable) continue;
      EXPECT_THAT(patterns(learned, i), testing::ElementsAre(of.rule)) << of.executable;
    }
  }
}

TEST(Folding, OwnThreadsAndDescriptorsAreTheKernelsNames) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    r.file(n, "read", "/proc/{own}/task/" + std::to_string(7 + e) + "/comm");
    r.file(n, "read", "/proc/{own}/task/" + std::to_string(9 + e) + "/environ");
    r.file(n, "read", "/proc/{own}/fdinfo/" + std::to_string(3 + e));
    r.file(n, "read", "/proc/{other}/task/" + std::to_string(30 + e) + "/comm");
  });
  EXPECT_THAT(patterns(learned),
              testing::ElementsAre("/proc/{other}/task/30/comm: read", "/proc/{other}/task/31/comm: read",
                                   "/proc/{own}/fdinfo/{digits}: read", "/proc/{own}/task/10/environ: read",
                                   "/proc/{own}/task/9/environ: read", "/proc/{own}/task/{digits}/comm: read"));
}

TEST(Folding, ProjectedVolumes) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    r.file(
        n, "read",
        "/run/secrets/token/..2026_03_0" + std::to_string(1 + e) + "_10_00_00.12345678" + std::to_string(e) + "/token");
  });
  EXPECT_THAT(
      patterns(learned),
      testing::ElementsAre("/run/secrets/token/"
                           "..{digits:4}_{digits:2}_{digits:2}_{digits:2}_{digits:2}_{digits:2}.{digits}/token: read"));
}

TEST(Folding, HostileNamesStayNames) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "create write", R"(/tmp/\\x2a\\x2a)");
    r.file(n, "create write", R"(/tmp/\\x7bdigits\\x7d)");
    r.file(n, "create write", R"(/tmp/a\\x0ab: read)");
    r.file(n, "create write", R"(/tmp/\\xff)");
  });
  EXPECT_THAT(patterns(learned),
              testing::ElementsAre(R"(/tmp/\x2a\x2a: write create)", R"(/tmp/\x7bdigits\x7d: write create)",
                                   R"(/tmp/\xff: write create)", R"(/tmp/a\x0ab: read: write create)"));
}

// sem_open(3): a temporary file, a link to it under the name that is meant, the temporary name deleted.
TEST(Moves, ALinkWhoseOldNameGoesIsOne) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    r.tell_moves = false;
    const std::string core = e == 0 ? "W3MSl1" : "q0PPzk", name = e == 0 ? "6viin0ls" : "v_udvf7u";
    r.file(n, "create read write excl", "/dev/shm/sem." + core);
    r.file(n, "link", "/dev/shm/sem.mp-" + name);
    r.file(n, "delete", "/dev/shm/sem." + core);
    r.file(n, "read write", "/dev/shm/sem.mp-" + name);
    r.file(n, "delete", "/dev/shm/sem.mp-" + name);
  });
  EXPECT_EQ(words_of(learned.policy, 0, "/dev/shm/sem.{rand:6}"), "read write create delete link");
  EXPECT_EQ(words_of(learned.policy, 0, "/dev/shm/sem.mp-{rand:8}"), "read write delete link");
}

TEST(Moves, ARenamedDirectoryIsAQuestion) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "mkdir", "/srv/new");
    r.file(n, "create write", "/srv/new/file");
    r.rename(n, "/srv/new", "/srv/site");
  });
  EXPECT_EQ(count_questions(learned, "renamed-directory"), 1u);
}

// Nobody made or listed it: that something lies below its name says what it is.
TEST(Moves, SoIsOneThatWasOnlyUsed) {
  for (const char* used : {"/srv/app/index.html", "/srv/app.old/x/y"}) {
    const Learned learned = two_starts([&](Recording& r, const std::string& n, int) {
      r.file(n, "read", used);
      r.rename(n, "/srv/app", "/srv/app.old");
    });
    EXPECT_EQ(count_questions(learned, "renamed-directory"), 1u) << used;
  }
  const Learned with_program = two_starts([](Recording& r, const std::string& n, int) {
    r.node(n, "/srv/app/bin/b", {0});
    r.rename(n, "/srv/app", "/srv/app.old");
  });
  EXPECT_EQ(count_questions(with_program, "renamed-directory"), 1u);
  const Learned file = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "read", "/srv/app.html");
    r.rename(n, "/srv/app", "/srv/app.old");
  });
  EXPECT_EQ(count_questions(file, "renamed-directory"), 0u);
}

// W and X never meet: who puts a name in place may write it.
TEST(Moves, WhatIsExecutedOrMappedIsNotRenamed) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    const auto mv = r.node(n, "/usr/bin/mv", {0});
    r.file(n, "read map", "/opt/app/plugin.so");
    r.file(n, "read", "/opt/app/plugin.so.old");
    r.node(n, "/opt/app/tool", {0});
    r.rename(mv, "/opt/app/plugin.so", "/opt/app/plugin.so.old");
    r.rename(mv, "/opt/app/tool", "/opt/app/tool.old");
  });
  EXPECT_EQ(words_of(learned.policy, 0, "/opt/app/plugin.so"), "read map");
  EXPECT_EQ(words_of(learned.policy, 2, "/opt/app/plugin.so"), "delete");
  EXPECT_EQ(learned.permits.implied_words, 0u);
  ASSERT_EQ(count_questions(learned, "renamed-and-executed"), 1u);
  for (const Question& question : learned.questions) {
    if (question.code != "renamed-and-executed") continue;
    EXPECT_EQ(question.kind, QuestionKind::kLeftOut);
    EXPECT_THAT(question.node, testing::EndsWith("/usr/bin/mv"));
    EXPECT_THAT(question.examples, testing::ElementsAre("/opt/app/plugin.so -> /opt/app/plugin.so.old", "/opt/app/tool -> /opt/app/tool.old"));
  }
  // Written as well, it is mapped by no node of the draft: the words for the rename harm nobody.
  const Learned written = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "create write map", "/opt/app/plugin.so");
    r.rename(n, "/opt/app/plugin.so", "/opt/app/plugin.so.old");
  });
  EXPECT_EQ(count_questions(written, "renamed-and-executed"), 0u);
  EXPECT_EQ(words_of(written.policy, 0, "/opt/app/plugin.so"), "write create delete rename-in");
}

// git's objects, a cache's levels: two digits are no class, but these directories only spread digests.
TEST(Folding, DirectoriesThatSpreadDigests) {
  const auto object = [](int e, int i) {
    static const char* const kFirst[2][4] = {{"0c", "54", "a7", "ff"}, {"0c", "18", "9e", "d0"}};
    std::string rest;
    for (int d = 0; d < 38; d++) rest += "0123456789abcdef"[(d * 7 + i * 5 + e * 3 + d * d) % 16];
    return std::pair(std::string(kFirst[e][i]), rest);
  };
  const Learned learned = two_starts([&](Recording& r, const std::string& n, int e) {
    for (int i = 0; i < 4; i++) {
      const auto [first, rest] = object(e, i);
      r.file(n, "mkdir", "/srv/a/.git/objects/" + first);
      r.file(n, "create", "/srv/a/.git/objects/" + first + "/" + rest);
      r.file(n, "mkdir", "/srv/plain/" + first);  // nothing is in it
      r.file(n, "create", "/srv/a/.git/hooks/" + first + rest);
    }
  });
  EXPECT_EQ(words_of(learned.policy, 0, "/srv/a/.git/objects/{hex:2}"), "mkdir");
  EXPECT_EQ(words_of(learned.policy, 0, "/srv/a/.git/objects/{hex:2}/{hex:38}"), "create");
  EXPECT_EQ(learned.permits.patterns.size(), 2u);
}

// A class of six characters beside git's `config` would match it.
TEST(Folding, NoClassMatchesWhatDecidesWhichProgramsAreStarted) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    for (const char* name : {"aB3dE", "Zk2Qq"}) {
      r.file(n, "create read write excl", "/srv/a/.git/" + std::string(name) + (e == 0 ? "7" : "w"));
      r.file(n, "create read write excl", "/srv/a/.git/t" + std::string(name) + (e == 0 ? "7" : "w"));
    }
  });
  ASSERT_EQ(learned.permits.patterns.size(), 1u);
  EXPECT_EQ(learned.permits.patterns[0].pattern, "/srv/a/.git/t{rand:6}");
  EXPECT_EQ(count_questions(learned, "executed-among-names"), 1u);
}

TEST(Moves, WhoMayTheNewNameMayTheOldOne) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int e) {
    const auto reader = r.node(n, "/bin/reader", {0});
    for (int i = 0; i < 3; i++) {
      const std::string temporary = "/data/t" + std::to_string(10 + 7 * i + e);
      r.file(n, "create write", temporary);
      r.rename(n, temporary, "/data/final");
    }
    r.file(reader, "read", "/data/final");
  });
  EXPECT_EQ(words_of(learned.policy, 0, "/data/t{digits}"), "write create delete rename-in");
  EXPECT_EQ(words_of(learned.policy, 1, "/data/t{digits}"), "read");  // implied
  EXPECT_EQ(learned.permits.implied_words, 2u);
  EXPECT_THAT(learned.evidence, testing::HasSubstr("\"implied\""));
}

TEST(Moves, WhatIsPutInPlaceOnceIsReplacedTheNextTime) {
  const Learned learned = two_starts([](Recording& r, const std::string& n, int) {
    r.file(n, "create write", "/data/state.tmp");
    r.rename(n, "/data/state.tmp", "/data/state");
    r.file(n, "create append", "/data/log");
    r.rename(n, "/data/log", "/data/log.1");
  });
  EXPECT_EQ(words_of(learned.policy, 0, "/data/state"), "create delete rename-in");
  EXPECT_EQ(words_of(learned.policy, 0, "/data/log.1"), "create rename-in") << "what may only be appended to stays";
}

TEST(ImageDirectory, LooksInsideAndNeverOut) {
  std::string root = testing::TempDir() + "treeline-image-XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  ASSERT_EQ(mkdir((root + "/etc").c_str(), 0755), 0);
  std::ofstream(root + "/etc/hosts") << "x";
  ASSERT_EQ(symlink("/", (root + "/out").c_str()), 0);
  const Result<ImageHolds> holds = image_directory(root);
  ASSERT_TRUE(holds);
  EXPECT_TRUE(holds->path("/etc"));
  EXPECT_TRUE(holds->path("/etc/hosts"));
  EXPECT_FALSE(holds->path("/etc/passwd"));
  EXPECT_FALSE(holds->path("/out/etc/passwd"));  // the link is the image's, what it points to is not
  EXPECT_TRUE(holds->path("/out"));
  EXPECT_THAT(holds->names("/etc"), testing::Optional(testing::ElementsAre("hosts")));
  EXPECT_THAT(holds->names(""), testing::Optional(testing::UnorderedElementsAre("etc", "out")));
  EXPECT_THAT(holds->names("/out"), testing::Optional(testing::IsEmpty()));
  EXPECT_THAT(holds->names("/nothing"), testing::Optional(testing::IsEmpty()));
  EXPECT_FALSE(image_directory(root + "/nothing"));
  unlink((root + "/etc/hosts").c_str());
  unlink((root + "/out").c_str());
  rmdir((root + "/etc").c_str());
  rmdir(root.c_str());
}

}  // namespace
}  // namespace treeline::learn::test
