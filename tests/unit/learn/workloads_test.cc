// SPDX-License-Identifier: Apache-2.0
//
// Policy: what is learned from some starts of a program. Act: another start, from another seed. Outcome: not one
// denial; and still refused what no start did. Leave one episode out: of five recordings each is held against the
// profile learned from others.
#include "tests/unit/learn/workloads.h"

#include <gmock/gmock.h>

#include <fstream>
#include <random>
#include <sstream>

#include "bpf/lsm/abi.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/passes/check.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/unit/common.h"

namespace treeline::learn::test {

namespace {

std::string pick(std::mt19937& random, std::string_view alphabet, int length) {
  std::string out;
  for (int i = 0; i < length; i++) out += alphabet[random() % alphabet.size()];
  return out;
}
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kMkstemp = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view kPython = "abcdefghijklmnopqrstuvwxyz0123456789_";

std::string uuid(std::mt19937& random) {
  return pick(random, kHex, 8) + "-" + pick(random, kHex, 4) + "-4" + pick(random, kHex, 3) + "-a" +
         pick(random, kHex, 3) + "-" + pick(random, kHex, 12);
}
std::string padded(uint64_t number, size_t width) {
  std::string digits = std::to_string(number);
  return std::string(width > digits.size() ? width - digits.size() : 0, '0') + digits;
}

Recording start(const char* name, uint32_t seed) {
  return Recording(std::string(name) + "-" + std::to_string(seed),
                   "2026-03-" + padded(1 + seed % 28, 2) + "T10:00:00.123456789Z");
}

void libraries(Recording& r, const std::string& node, std::initializer_list<const char*> names) {
  r.file(node, "read", "/etc/ld.so.cache");
  for (const char* name : names) r.file(node, "read map", std::string("/usr/lib/x86_64-linux-gnu/") + name);
}

std::string shell(Recording& r, const std::string& parent, const std::string& script) {
  const auto sh = r.node(parent, script, {0}, "/usr/bin/dash");
  r.file(sh, "read", script);
  libraries(r, sh, {"libc.so.6"});
  r.calls(sh, R"("execve","openat","read","clone","wait4","exit_group")");
  return sh;
}

}  // namespace

Recording nginx(uint32_t seed, int requests) {
  std::mt19937 random(seed);
  Recording r = start("nginx", seed);
  const auto sh = shell(r, "entry", "/entrypoint.sh");
  const auto mkdir = r.node(sh, "/usr/bin/mkdir", {0});
  libraries(r, mkdir, {"libc.so.6", "libselinux.so.1", "libpcre2-8.so.0"});
  r.file(mkdir, "mkdir", "/run/nginx");
  const auto sed = r.node(sh, "/usr/bin/sed", {0});
  libraries(r, sed, {"libc.so.6", "libacl.so.1"});
  r.file(sed, "read", "/etc/nginx/workers.conf.template");
  r.file(sh, "create write", "/run/nginx/workers.conf");
  r.file(sed, "write", "/run/nginx/workers.conf");
  const auto server = r.node(sh, "/usr/sbin/nginx", {0});
  libraries(r, server, {"libc.so.6", "libcrypt.so.1", "libssl.so.3", "libz.so.1"});
  for (const char* f :
       {"/etc/nginx/nginx.conf", "/run/nginx/workers.conf", "/etc/passwd", "/etc/group", "/etc/nginx/mime.types"})
    r.file(server, "read", f);
  r.file(server, "create write", "/run/nginx/nginx.pid");
  r.file(server, "append", "/var/log/nginx/access.log");
  r.file(server, "append", "/var/log/nginx/error.log");
  for (const char* c : {"chown", "setuid", "setgid", "net_bind_service", "dac_override"}) r.capability(server, c);
  r.net(server, "in", "0.0.0.0", 80);
  r.net(server, "in", "127.0.0.1", 8081);
  r.socket(server, "inet-stream");
  r.socket(server, "unix-stream");
  r.user(server, 33);
  r.calls(server, R"("epoll_wait","epoll_create","accept4","openat","fstat","writev","sendfile")");
  uint64_t counter = 0;
  for (int i = 0; i < requests; i++) {
    switch (random() % 4) {
      case 0:
        r.file(server, "read", "/srv/www/articles/" + std::to_string(random() % 5) + ".html");
        break;
      case 1: {  // PUT: a body in a temporary file, put in place
        const std::string body = "/var/lib/nginx/body/" + padded(++counter, 10),
                          target = "/srv/upload/" + uuid(random) + ".bin";
        r.file(server, "create write read excl", body);
        r.file(server, "setattr", body);
        r.rename(server, body, target);
        r.file(server, "read", target);
        r.file(server, "delete", target);
        break;
      }
      case 2: {  // a cached answer of the backend
        const std::string temporary = "/var/lib/nginx/proxy/" + padded(++counter, 10),
                          target = "/var/cache/nginx/" + pick(random, kHex, 32);
        r.net(server, "out", "127.0.0.1", 8081);
        r.file(server, "create write read excl", temporary);
        r.rename(server, temporary, target);
        r.file(server, "read", target);
        break;
      }
      default:
        r.file(server, "list", "/srv/www/listing");
        break;
    }
  }
  r.file(server, "delete", "/run/nginx/nginx.pid");
  return r;
}

Recording redis(uint32_t seed, int requests) {
  std::mt19937 random(seed);
  Recording r = start("redis", seed);
  const auto sh = shell(r, "entry", "/entrypoint.sh");
  const auto server = r.node(sh, "/usr/bin/redis-check-rdb", {0});  // where redis-server points to
  libraries(r, server, {"libc.so.6", "libjemalloc.so.2", "liblua5.1.so.0"});
  for (const char* f : {"/etc/redis/redis.conf", "/proc/{own}/stat", "/proc/sys/net/core/somaxconn",
                        "/sys/kernel/mm/transparent_hugepage/enabled"})
    r.file(server, "read", f);
  r.file(server, "append create", "/var/log/redis/redis.log");
  r.file(server, "list", "/var/lib/redis");
  r.net(server, "in", "0.0.0.0", 6379);
  r.socket(server, "inet-stream");
  r.user(server, 999);
  const std::string data = "/var/lib/redis/";
  auto pid = static_cast<uint32_t>(8 + random() % 30);
  uint64_t incr = 1;
  r.file(server, "mkdir", data + "appendonlydir");
  r.file(server, "create write append read", data + "appendonlydir/appendonly.aof.1.incr.aof");
  r.file(server, "create write", data + "appendonlydir/temp-appendonly.aof.manifest");
  r.rename(server, data + "appendonlydir/temp-appendonly.aof.manifest", data + "appendonlydir/appendonly.aof.manifest");
  r.file(server, "read", data + "appendonlydir/appendonly.aof.manifest");
  for (int i = 0; i < requests; i++) {
    pid += static_cast<uint32_t>(1 + random() % 3);
    if (random() % 2 == 0) {  // BGSAVE
      const std::string temporary = data + "temp-" + std::to_string(pid) + ".rdb";
      r.file(server, "create write", temporary);
      r.rename(server, temporary, data + "dump.rdb");
    } else {  // BGREWRITEAOF
      const std::string id = std::to_string(pid);
      r.file(server, "create write", data + "temp-rewriteaof-bg-" + id + ".aof");
      r.file(server, "create write", data + "temp-rewriteaof-" + id + ".aof");
      r.rename(server, data + "temp-rewriteaof-" + id + ".aof", data + "temp-rewriteaof-bg-" + id + ".aof");
      incr++;
      r.file(server, "create write append",
             data + "appendonlydir/appendonly.aof." + std::to_string(incr) + ".incr.aof");
      r.rename(server, data + "temp-rewriteaof-bg-" + id + ".aof",
               data + "appendonlydir/appendonly.aof." + std::to_string(incr) + ".base.rdb");
      r.file(server, "create write", data + "appendonlydir/temp-appendonly.aof.manifest");
      r.rename(server, data + "appendonlydir/temp-appendonly.aof.manifest",
               data + "appendonlydir/appendonly.aof.manifest");
      r.file(server, "delete", data + "appendonlydir/appendonly.aof." + std::to_string(incr - 1) + ".incr.aof");
      if (incr > 2)
        r.file(server, "delete", data + "appendonlydir/appendonly.aof." + std::to_string(incr - 1) + ".base.rdb");
    }
  }
  r.file(server, "read", data + "dump.rdb");
  return r;
}

Recording postgres(uint32_t seed, int requests, bool fresh) {
  std::mt19937 random(seed);
  Recording r = start("postgres", seed);
  const auto sh = shell(r, "entry", "/entrypoint.sh");
  const std::string data = "/var/lib/postgresql/data/";
  const auto setpriv = r.node(sh, "/usr/bin/setpriv", {0, 999});
  libraries(r, setpriv, {"libc.so.6", "libcap-ng.so.0"});
  for (const char* c : {"setuid", "setgid", "setpcap"}) r.capability(setpriv, c);
  if (fresh) {
    const auto initdb = r.node(setpriv, "/usr/lib/postgresql/15/bin/initdb", {999});
    libraries(r, initdb, {"libc.so.6", "libpq.so.5"});
    for (const char* d : {"base", "global", "pg_wal", "pg_xact"}) r.file(initdb, "mkdir", data + d);
    r.file(initdb, "create write", data + "PG_VERSION");
    r.file(initdb, "read", "/usr/share/postgresql/15/postgres.bki");
  }
  const auto server = r.node(setpriv, "/usr/lib/postgresql/15/bin/postgres", {999});
  libraries(r, server, {"libc.so.6", "libssl.so.3", "libicuuc.so.72"});
  r.file(server, "read", data + "PG_VERSION");
  r.file(server, "read write create delete", data + "postmaster.pid");
  r.file(server, "mknod delete", "/run/postgresql/.s.PGSQL.5432");
  r.net(server, "in", "0.0.0.0", 5432);
  r.socket(server, "inet-stream");
  r.file(server, "create write read excl delete", "/dev/shm/PostgreSQL." + std::to_string(random()));
  auto pid = static_cast<uint32_t>(30 + random() % 40);
  uint64_t oid = 16384, segment = 1;
  for (const char* catalog : {"1259", "1249", "2619", "1259_fsm", "2703"})
    r.file(server, "read write", data + "base/5/" + catalog);
  r.file(server, "read write", data + "pg_wal/000000010000000000000001");
  r.file(server, "read write", data + "pg_xact/0000");
  for (int i = 0; i < requests; i++) {
    pid += static_cast<uint32_t>(1 + random() % 4);
    switch (random() % 5) {
      case 0: {
        const std::string file = data + "base/5/" + std::to_string(++oid);
        r.file(server, "create excl", file);
        r.file(server, "read write", file);
        r.file(server, "create", file + "_fsm");
        r.file(server, "read write", file + "_fsm");
        r.file(server, "create", file + "_vm");
        r.file(server, "read write", file + "_vm");
        for (const char* fork : {"", "_fsm", "_vm"}) r.file(server, "delete", file + fork);
        break;
      }
      case 1: {  // a sort that spills
        const std::string file =
            data + "base/pgsql_tmp/pgsql_tmp" + std::to_string(pid) + "." + std::to_string(random() % 2);
        r.file(server, "create", file);
        r.file(server, "read write", file);
        r.file(server, "delete", file);
        break;
      }
      case 2: {  // the log moves on
        const std::string made = data + "pg_wal/xlogtemp." + std::to_string(pid);
        std::ostringstream name;
        segment += 1 + random() % 6;
        name << data << "pg_wal/00000001" << std::uppercase << std::hex;
        name.width(16);
        name.fill('0');
        name << segment;
        r.file(server, "create write excl", made);
        r.rename(server, made, name.str());
        r.file(server, "read write", name.str());
        r.file(server, "delete", name.str());
        break;
      }
      case 3: {  // caches of the catalogue
        const std::string made = data + "global/pg_internal.init." + std::to_string(pid);
        r.file(server, "create write", made);
        r.rename(server, made, data + "global/pg_internal.init");
        r.file(server, "read delete", data + "global/pg_internal.init");
        break;
      }
      default: {  // parallel workers
        const std::string name = "/dev/shm/PostgreSQL." + std::to_string(random());
        r.file(server, "create write read excl", name);
        r.file(server, "delete", name);
      }
    }
  }
  return r;
}

Recording app(uint32_t seed, int requests) {
  std::mt19937 random(seed);
  Recording r = start("app", seed);
  const auto sh = r.node("entry", "/app/start.sh", {1000}, "/usr/bin/dash");
  r.file(sh, "read", "/app/start.sh");
  libraries(r, sh, {"libc.so.6"});
  const auto mkdir = r.node(sh, "/usr/bin/mkdir", {1000});
  libraries(r, mkdir, {"libc.so.6"});
  r.file(mkdir, "mkdir", "/app/data/uploads");
  r.file(sh, "create write", "/app/data/secret.key");
  const auto python = r.node(sh, "/usr/bin/python3.11", {1000});
  libraries(r, python, {"libc.so.6", "libexpat.so.1", "libsqlite3.so.0"});
  for (const char* f :
       {"/app/app.py", "/app/files.py", "/usr/lib/python3.11/os.py", "/app/data/secret.key", "/proc/{own}/status"})
    r.file(python, "read", f);
  r.file(python, "append create", "/var/log/app/access.log");
  r.file(python, "read write create", "/app/data/app.db");
  r.net(python, "in", "0.0.0.0", 8000);
  r.socket(python, "inet-stream");
  r.socket(python, "netlink");
  for (int worker = 0; worker < 2; worker++) {
    const std::string name = "/tmp/wgunicorn-" + pick(random, kPython, 8);
    r.file(python, "create read write excl", name);
    r.file(python, "delete", name);
  }
  r.file(python, "setattr", "{unlinked}");
  const auto gzip = r.node(python, "/usr/bin/gzip", {1000});
  libraries(r, gzip, {"libc.so.6"});
  for (int i = 0; i < requests; i++) {
    if (random() % 2 == 0) {
      const std::string temporary = "/app/data/uploads/tmp" + pick(random, kPython, 8),
                        target = "/app/data/uploads/" + uuid(random);
      r.file(python, "create read write excl", temporary);
      r.file(python, "setattr", temporary);
      r.rename(python, temporary, target);
      r.file(python, "read", target);
      r.file(python, "delete", target);
    } else {
      r.file(python, "create read write", "/app/data/app.db-journal");
      r.file(python, "delete", "/app/data/app.db-journal");
      r.file(python, "list", "/app/data");
    }
  }
  return r;
}

namespace {

// Judges every act of a trace by the slow meaning of the policy; the text of each denial.
class Judge {
 public:
  explicit Judge(const ir::Policy& policy) : policy_(policy), evaluator_(policy) {}

  std::vector<std::string> denials(const Trace& trace) {
    std::vector<std::string> out;
    std::vector<uint32_t> rows;
    for (const TracedNode& node : trace.nodes) {
      const uint32_t parent = node.parent == ir::kNoNode ? uint32_t{TL_ROW_ENTRY} : rows[node.parent];
      const passes::Verdict step = evaluator_.exec(parent, passes::Object::at(node.executable));
      if (!step.allowed) out.push_back("exec " + node.executable);
      rows.push_back(step.next);
      if (node.interpreter && !evaluator_.interpreter(step.next, passes::Object::at(*node.interpreter)).allowed)
        out.push_back("interpreter " + *node.interpreter);
      for (const uint32_t user : node.users) {
        if (!evaluator_.user(step.next, user).allowed) out.push_back("user " + std::to_string(user));
      }
    }
    for (const TracedFile& file : trace.files) {
      passes::Object object = passes::Object::at(file.name);
      if (file.name.starts_with('{')) {
        object = passes::Object::without_path(
            *ir::names::reserved_classes().find(file.name.substr(1, file.name.size() - 2)));
      }
      const passes::Verdict v = evaluator_.access(rows[file.node], object, file.access);
      if (!v.allowed) out.push_back(ir::names::access_text(v.missing) + " " + file.name);
    }
    for (const TracedMove& move : trace.moves) {
      if (!evaluator_.move(passes::Object::at(move.from), passes::Object::at(move.to)).allowed)
        out.push_back("move " + move.from + " to " + move.to);
    }
    for (const TracedNet& net : trace.nets) {
      passes::Address peer;
      peer.v6 = net.address.v6;
      peer.bytes = net.address.address;
      const bool fine = net.direction == ir::Direction::kOut
                            ? evaluator_.connect(rows[net.node], net.protocol, peer, net.port).allowed
                            : evaluator_.listen(rows[net.node], net.protocol, net.port).allowed;
      if (!fine) out.push_back("net port " + std::to_string(net.port));
    }
    for (const TracedNumber& n : trace.capabilities) {
      if (!evaluator_.capability(rows[n.node], n.value).allowed) out.push_back("capability " + std::to_string(n.value));
    }
    for (const TracedNumber& n : trace.users) {
      if (!evaluator_.user(rows[n.node], n.value).allowed) out.push_back("user " + std::to_string(n.value));
    }
    for (const TracedNumber& n : trace.sockets) {
      if (!evaluator_.socket(rows[n.node], n.value, n.detail).allowed)
        out.push_back("socket " + std::to_string(n.value));
    }
    return out;
  }

  bool may(uint32_t node, const std::string& path, ir::AccessSet words) {
    return evaluator_.access(passes::row_of_node(node), passes::Object::at(path), words).allowed;
  }

 private:
  const ir::Policy& policy_;
  passes::Evaluator evaluator_;
};

struct Program {
  const char* name;
  std::function<Recording(uint32_t seed, int requests)> record;
};

class Workload : public testing::TestWithParam<Program> {};

TEST_P(Workload, LeaveOneEpisodeOut) {
  constexpr uint32_t kSeeds = 4;
  for (uint32_t left_out = 1; left_out <= kSeeds; left_out++) {
    std::vector<Trace> traces;
    for (uint32_t seed = 1; seed <= kSeeds; seed++) {
      if (seed != left_out) traces.push_back(GetParam().record(seed, 30).trace());
    }
    const Learned learned = learn_ok(std::move(traces));
    EXPECT_THAT(Judge(learned.policy).denials(GetParam().record(left_out, 30).trace()), testing::IsEmpty())
        << "seed " << left_out;
  }
}

TEST_P(Workload, TwoStartsThenAThousandRequestsOfAnotherSeed) {
  const Learned learned = learn_ok({GetParam().record(1, 200).trace(), GetParam().record(2, 200).trace()});
  EXPECT_THAT(Judge(learned.policy).denials(GetParam().record(77, 1000).trace()), testing::IsEmpty());
}

TEST_P(Workload, WithoutMoveRecordsToo) {
  const auto silent = [&](uint32_t seed, int requests) {
    const std::string text = GetParam().record(seed, requests).text();
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.find("\"type\":\"move\"") == std::string::npos) out += line + "\n";
    }
    return read_ok(out);
  };
  const Learned learned = learn_ok({silent(1, 120), silent(2, 120)});
  EXPECT_THAT(Judge(learned.policy).denials(GetParam().record(78, 200).trace()), testing::IsEmpty());
}

TEST_P(Workload, TheDraftIsCompilable) {
  const Learned learned = learn_ok({GetParam().record(1, 100).trace(), GetParam().record(2, 100).trace()});
  const std::string text = frontend::emit_profile(learned.policy);
  Diagnostics diagnostics("profile.yaml");
  const ir::Policy policy = frontend::read_profile(text, diagnostics);
  if (const auto paths = passes::compile_paths(policy, diagnostics)) passes::check_paths(policy, *paths, diagnostics);
  for (const Diagnostic& d : diagnostics.list()) ADD_FAILURE() << d.code << ": " << d.message << "\n" << text;
  EXPECT_EQ(frontend::emit_profile(policy), text);
  EXPECT_EQ(text.find("**"), std::string::npos);
  EXPECT_EQ(text.find("unsafe"), std::string::npos);
}

TEST_P(Workload, TheOrderOfTheTracesDoesNotMatter) {
  std::vector<Trace> traces;
  for (uint32_t seed = 1; seed <= 3; seed++) traces.push_back(GetParam().record(seed, 40).trace());
  const Learned first = learn_ok(traces);
  std::sort(traces.begin(), traces.end(), [](const Trace& a, const Trace& b) { return a.file > b.file; });
  traces.push_back(traces.front());  // and one given twice counts once
  const Learned second = learn_ok(traces);
  EXPECT_EQ(frontend::emit_profile(first.policy), frontend::emit_profile(second.policy));
  EXPECT_EQ(first.evidence, second.evidence);
  EXPECT_EQ(questions_text(first), questions_text(second));
  EXPECT_EQ(summary_text(first), summary_text(second));
}

// The shape of the whole draft. TREELINE_UPDATE_GOLDEN=1 writes the files (and the fuzzer's seeds) anew.
TEST_P(Workload, Golden) {
  const Learned learned = learn_ok({GetParam().record(1, 60).trace(), GetParam().record(2, 60).trace()},
                                   {.name = GetParam().name, .join = false, .image = {}});
  const std::string text = frontend::emit_profile(learned.policy) + "--- summary\n" + summary_text(learned) +
                           "--- questions\n" + questions_text(learned);
  const std::string file = in_sources("tests/golden/learn/") + GetParam().name + ".txt";
  if (std::getenv("TREELINE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(file) << text;
    // A short one is a seed of the fuzzer.
    std::ofstream(in_sources("tests/fuzz/corpus/trace/") + GetParam().name + ".jsonl")
        << GetParam().record(1, 6).text();
  }
  std::ifstream in(file);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(text, golden.str()) << "run with TREELINE_UPDATE_GOLDEN=1 if this is meant";
}

INSTANTIATE_TEST_SUITE_P(Programs, Workload,
                         testing::Values(Program{"nginx", nginx}, Program{"redis", redis},
                                         Program{"postgres", [](uint32_t s, int n) { return postgres(s, n, false); }},
                                         Program{"postgres-fresh",
                                                 [](uint32_t s, int n) { return postgres(s, n, true); }},
                                         Program{"app", app}),
                         [](const auto& p) {
                           std::string n = p.param.name;
                           std::replace(n.begin(), n.end(), '-', '_');
                           return n;
                         });

TEST(WorkloadRefuses, WhatNoStartDid) {
  const Learned learned = learn_ok({nginx(1, 200).trace(), nginx(2, 200).trace()});
  Judge judge(learned.policy);
  uint32_t server = 0;
  for (uint32_t i = 0; i < learned.policy.nodes.size(); i++) {
    if (learned.policy.nodes[i].executable.text == "/usr/sbin/nginx") server = i;
  }
  EXPECT_FALSE(judge.may(server, "/etc/shadow", TL_READ));
  EXPECT_FALSE(judge.may(server, "/srv/www/articles/0.html", TL_WRITE));
  EXPECT_FALSE(judge.may(server, "/srv/www/articles/17.html", TL_READ));  // the image's: listed, not folded
  EXPECT_FALSE(judge.may(server, "/var/lib/nginx/body/x000000001", TL_CREATE));
  EXPECT_FALSE(judge.may(server, "/var/lib/nginx/body/0000000001/x", TL_CREATE));
  EXPECT_TRUE(judge.may(server, "/var/lib/nginx/body/0000099999", TL_CREATE));
}

}  // namespace
}  // namespace treeline::learn::test
