// SPDX-License-Identifier: Apache-2.0
//
// policy -> the module; secilc compiles it with a stub of a base policy, and sesearch reads back what it allows.
#include "policy-compiler/backends/selinux/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "policy-compiler/backends/selinux/types.h"
#include "policy-compiler/frontend/profile.h"
#include "tests/unit/common.h"

namespace treeline::backends::selinux {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

ir::Policy profile(const std::string& rules, const std::string& name = "web") {
  Diagnostics diagnostics("test.yaml");
  ir::Policy policy =
      frontend::read_profile("treeline: 1\nname: " + name + "\nentry:\n  - exec: /a\n" + rules, diagnostics);
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) ADD_FAILURE() << d.position.line << ": " << d.message;
  return policy;
}

ir::Policy everything() {
  return profile(R"(    files:
      /var/log/web/*.log: append create
      /etc/web/**: read list map
      /data/x: read write create delete link rename-in setattr mkdir mknod connect
      /image/only: read write
    network:
      - {direction: in, protocol: tcp, port: [80, 8080]}
      - {direction: in, protocol: udp, port: 53}
      - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 5432}
      - {direction: out, protocol: tcp, peer: internal, port: 5000}
      - {direction: out, protocol: sctp, peer: any, port: any}
      - {direction: out, protocol: icmp, peer: any}
    sockets: [inet-stream, inet-dgram, inet-raw, inet-ping, inet-sctp, unix-stream, unix-dgram, unix-seqpacket, netlink, packet, vsock, alg, xdp, other]
    netlink: [route, audit, 31]
    capabilities: [net_bind_service, setuid, bpf, perfmon]
    operations: [jit, stack-exec, ptrace, signal-workload, tune, bpf, mount]
    syscalls: [read]
)");
}

const Options kMounts{{{"/var/log/web", ""}, {"/etc/web", ""}, {"/data", "user_data_t"}, {"/odd", ""}}};

std::string run(const std::string& command) {
  std::string out;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  size_t n = 0;
  while (pipe != nullptr && (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) != 0) out.append(buffer.data(), n);
  const int status = pipe != nullptr ? pclose(pipe) : -1;
  return status == 0 ? out : out + "\nexit status " + std::to_string(status);
}

bool installed(const char* program) {
  return std::system((std::string("command -v ") + program + " >/dev/null").c_str()) == 0;
}

// Compiled with the stub: what sesearch -A prints, or what secilc said.
std::string compiled(const Lowered& lowered) {
  const fs::path folder = fs::path(testing::TempDir()) / ("treeline_selinux_" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "web.cil") << lowered.text;
  const std::string base = in_sources("tests/unit/backend_selinux/base.cil");
  const std::string policy = (folder / "policy").string();
  const std::string said =
      run("secilc -c 33 -o " + policy + " -f /dev/null " + base + " " + (folder / "web.cil").string());
  const std::string rules = said.find("exit status") == std::string::npos ? run("sesearch -A " + policy) : said;
  fs::remove_all(folder);
  return rules;
}

TEST(Selinux, EveryRuleOfTheLanguage_Lowered_IsCompiledAndReadBack) {
  if (!installed("secilc") || !installed("sesearch")) GTEST_SKIP() << "secilc and setools are not installed";
  const Lowered made = lower(everything(), kMounts);
  EXPECT_EQ(made.label, "treeline_web.process");
  const std::string rules = compiled(made);
  for (const char* rule : {
           "allow treeline_web.process http_port_t:tcp_socket name_bind;",
           "allow treeline_web.process http_cache_port_t:tcp_socket name_bind;",
           "allow treeline_web.process postgresql_port_t:tcp_socket name_connect;",
           "allow treeline_web.process unreserved_port_t:tcp_socket name_connect;",
           "allow treeline_web.process dns_port_t:udp_socket name_bind;",
           "allow treeline_web.process port_type:sctp_socket name_connect;",
           "allow treeline_web.process treeline_web.process:capability { net_bind_service setuid };",
           "allow treeline_web.process treeline_web.process:capability2 { bpf perfmon };",
           "allow treeline_web.process var_log_t:file { append create getattr ioctl lock open };",
           "allow treeline_web.process etc_t:dir { getattr ioctl lock open read search };",
           "allow treeline_web.process user_data_t:sock_file { create getattr write };",
       })
    EXPECT_THAT(rules, HasSubstr(rule)) << rules << made.text;
  EXPECT_THAT(rules, Not(HasSubstr("etc_t:file { write")));
}

// A class or a type that base.cil lacks would be one that nothing tries: secilc resolves what the module names.
TEST(Selinux, EveryClassAndTypeThatIsKnown_Lowered_IsCompiledAndReadBack) {
  if (!installed("secilc") || !installed("sesearch")) GTEST_SKIP() << "secilc and setools are not installed";
  std::string numbers, files;
  for (uint32_t protocol = 0; protocol < 32; ++protocol) numbers += (numbers.empty() ? "" : ", ") + std::to_string(protocol);
  Options mounts;
  for (const char* path : {"/etc", "/etc/pki", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/var", "/var/lib", "/var/log", "/var/spool", "/var/www"}) {
    files += "      " + std::string(path) + "/x: read\n";
    mounts.mounts.push_back({path, ""});
  }
  const std::string rules = compiled(lower(profile("    files:\n" + files + R"(    network:
      - {direction: out, protocol: tcp, peer: any, port: [1-40000, 40001-65535]}
      - {direction: in, protocol: udp, port: [1-40000, 40001-65535]}
    sockets: [inet-stream, inet-dgram, netlink]
    netlink: [)" + numbers + "]\n"), mounts));
  for (uint32_t protocol = 0; protocol < 32; ++protocol)
    EXPECT_THAT(rules, HasSubstr("allow treeline_web.process treeline_web.process:" + std::string(netlink_class(protocol)) + " {")) << rules;
  for (const auto& [protocol, of] : {std::pair(ir::Protocol::kTcp, "tcp"), std::pair(ir::Protocol::kUdp, "udp")})
    for (const PortType& port : port_types(protocol, {1, 65535}))
      EXPECT_THAT(rules, HasSubstr("allow treeline_web.process " + std::string(port.type) + ":" + of + "_socket ")) << rules;
  for (const Mount& mount : mounts.mounts) EXPECT_THAT(rules, HasSubstr("allow treeline_web.process " + std::string(path_type(mount.path)) + ":file ")) << mount.path;
}

TEST(Selinux, NoRules_Lowered_IsTheBlockAlone) {
  const Lowered made = lower(profile(""));
  EXPECT_THAT(made.text, HasSubstr("(block treeline_web\n    (blockinherit container)\n)\n"));
  for (const char* word : {"process:", "container:", "files:"}) EXPECT_THAT(made.text, HasSubstr(word));
  if (!installed("secilc") || !installed("sesearch")) GTEST_SKIP() << "secilc and setools are not installed";
  EXPECT_THAT(compiled(made), Not(HasSubstr("exit status")));
}

TEST(Selinux, WhatIsNotHeld_Lowered_IsAResidualWithItsLine) {
  const Lowered made = lower(everything(), kMounts);
  const auto says = [&](uint32_t line, std::string_view text) {
    return std::any_of(made.residuals.begin(), made.residuals.end(), [&](const Residual& residual) {
      return residual.position.line == line && residual.message.find(text) != std::string::npos;
    });
  };
  EXPECT_TRUE(says(11, "http_port_t holds 80-81, 443"));
  EXPECT_TRUE(says(13, "peer '10.0.0.0/8'"));
  EXPECT_TRUE(says(14, "unreserved_port_t holds every port of 1024-32767"));
  EXPECT_TRUE(says(16, "icmp and raw"));
  EXPECT_TRUE(says(17, "narrower: sockets other"));
  EXPECT_TRUE(says(20, "narrower: operation mount"));
  EXPECT_TRUE(says(21, "system calls"));
}

// The image holds what has no remedy of its own.
TEST(Selinux, WhatTheImageDoesNotMend_Lowered_HasARemedyOfItsOwn) {
  for (const Residual& residual : lower(everything(), kMounts).residuals) {
    const bool narrower = residual.message.starts_with("narrower:"), calls = residual.message.starts_with("system calls");
    EXPECT_EQ(residual.remedy.empty(), !narrower && !calls) << residual.message;
    EXPECT_TRUE(!calls || residual.remedy.find("--backend bpf,seccomp") != std::string_view::npos) << residual.remedy;
  }
  const Lowered pods = lower(profile("    network: [{direction: out, protocol: tcp, peer: {pods: {app: db}}, port: 1}]\n    sockets: [inet-stream]\n"));
  EXPECT_TRUE(std::any_of(pods.residuals.begin(), pods.residuals.end(), [](const Residual& residual) { return residual.remedy.find("emit --as networkpolicy") != std::string_view::npos; }));
}

TEST(Selinux, FileWithoutAMount_Lowered_IsNotGrantedOnTheHost) {
  EXPECT_THAT(lower(everything()).text, Not(HasSubstr("etc_t")));
  EXPECT_THAT(lower(everything(), {{{"/var/log", ""}}}).text, Not(HasSubstr("(allow process etc_t")));
}

TEST(Selinux, MountOfATypeThatIsNotUsual_Lowered_IsAResidual) {
  const Lowered made = lower(profile("    files: {/odd/a: read}\n"), {{{"/odd", ""}}});
  EXPECT_THAT(made.text, HasSubstr("narrower: '/odd/a'"));
}

TEST(Selinux, WhatOfAMountIsNotGranted_Lowered_IsSaid) {
  const Options options{{{"/data", "user_data_t"}}};
  const std::string text = lower(profile("    files: {/data/x: delete mknod}\n    children: [{exec: /data/run}]\n"), options).text;
  EXPECT_THAT(text, HasSubstr("narrower: '/data/x': fifos, sockets and devices there are not removed; grant it by a module of your own"));
  EXPECT_THAT(text, HasSubstr("symbolic links there are not removed"));
  EXPECT_THAT(text, HasSubstr("devices there are not made"));
  EXPECT_THAT(text, HasSubstr("narrower: '/data/run': programs that lie at '/data' are not started"));
  EXPECT_THAT(lower(profile("    files: {/data/x: list}\n    children: [{exec: /bin/run}]\n"), options).text, Not(HasSubstr("narrower")));
}

TEST(Selinux, NamesThatDifferInASign_Lowered_AreTwoModules) {
  EXPECT_EQ(lower(profile("", "web_x")).label, "treeline_web_x.process");
  std::set<std::string> labels;
  for (const char* name : {"web-x", "web_x", "web.x"}) labels.insert(lower(profile("", name)).label);
  EXPECT_EQ(labels.size(), 3u);
}

TEST(Selinux, PatternThatReachesIntoAMount_Lowered_IsGrantedAndSaid) {
  const auto granted = [](const std::string& pattern) {
    const Lowered made = lower(profile("    files: {'" + pattern + "': append}\n"), {{{"/srv/a", "var_log_t"}}});
    const bool said = made.text.find("held for all that has the type var_log_t") != std::string::npos;
    EXPECT_EQ(said, made.text.find("(allow process var_log_t") != std::string::npos) << pattern;
    return said;
  };
  for (const char* pattern :
       {"/srv/*/log/x.log", "/srv/**/y", "/srv/\\x61/z", "/srv/**", "/**", "/srv/a", "/srv/{a,b}/c", "/srv/a/b/*"})
    EXPECT_TRUE(granted(pattern)) << pattern;
  for (const char* pattern : {"/srv/*x/log", "/srv", "/srv/b/**", "/srv/ab", "/*/b/c"})
    EXPECT_FALSE(granted(pattern)) << pattern;
}

TEST(Selinux, SamePolicy_LoweredTwice_IsTheSameText) {
  EXPECT_EQ(lower(everything(), kMounts).text, lower(everything(), kMounts).text);
}

TEST(SelinuxTypes, EveryPort_HasAType) {
  for (const ir::Protocol protocol : {ir::Protocol::kTcp, ir::Protocol::kUdp, ir::Protocol::kSctp})
    for (uint32_t port = 1; port <= 65535; port += port < 11300 ? 1 : 97) {
      const auto one = static_cast<uint16_t>(port);
      ASSERT_EQ(port_types(protocol, {one, one}).size(), 1u) << port;
    }
}

}  // namespace
}  // namespace treeline::backends::selinux
