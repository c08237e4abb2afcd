// SPDX-License-Identifier: Apache-2.0
//
// The control socket with hostile peers. Peers are this process: the tests run as root or are skipped.
#include "enforcer/daemon/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <ctime>
#include <thread>

#include "enforcer/daemon/client.h"
#include "enforcer/daemon/protocol.h"

namespace treeline::daemon {
namespace {
using testing::HasSubstr;

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "the socket is root's";
    path_ = testing::TempDir() + "treeline-" + std::to_string(getpid()) + ".sock";
    ASSERT_TRUE(loop_.open());
    ASSERT_TRUE(server_.listen(path_));
    int wake[2];
    ASSERT_EQ(pipe(wake), 0);
    wake_read_ = UniqueFd(wake[0]);
    wake_write_ = UniqueFd(wake[1]);
    ASSERT_TRUE(loop_.add(wake[0], EPOLLIN, [this](uint32_t) { loop_.stop(); }));
    ASSERT_TRUE(loop_.every_second([this] { server_.tick(); }));
    thread_ = std::thread([this] { (void)loop_.run().has_value(); });
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    wake_write_.reset();
    thread_.join();
  }
  UniqueFd raw() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static std::string all_of(int fd) {
    std::string text;
    char chunk[4096];
    for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;) text.append(chunk, static_cast<size_t>(n));
    return text;
  }

  std::string path_;
  std::atomic<bool> admit_{true};
  std::atomic<int> gone_{0}, floods_{0}, parts_{0};
  Loop loop_;
  Server server_{loop_,
                 {[this](pid_t) { return admit_ ? std::string() : std::string("not from inside"); },
                  [this](Peer& peer, const Json& request) {
                    if (text_at(request, "do") == "fail") return peer.refuse(request, Error{"no such thing", ENOENT});
                    if (text_at(request, "do") == "flood") {
                      for (int i = 0; i < 400; ++i) peer.event_line(std::string(64 << 10, 'x'));
                      ++floods_;
                    }
                    peer.reply(request, {{"echo", text_at(request, "text")}});
                    if (text_at(request, "do") == "stream")
                      peer.stream([this, left = 400](Peer& to) mutable {
                        ++parts_;
                        to.line(std::string(64 << 10, 'y'));
                        to.line("of a part");
                        return --left > 0;
                      });
                  },
                  [this](uint64_t) { ++gone_; }}};
  UniqueFd wake_read_, wake_write_;
  std::thread thread_;
};

TEST_F(ServerTest, AStreamIsMadeAsItIsReadAndArrivesWhole) {
  Result<Client> client = Client::connect(path_);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->request({{"do", "stream"}}));
  usleep(200'000);
  EXPECT_LT(parts_, 100) << "a part waits until what was before it is on its way";
  for (int i = 0; i < 400; ++i) {
    std::optional<std::string> part = client->next_line(), end = client->next_line();
    ASSERT_TRUE(part && end) << i;
    ASSERT_EQ(part->size(), size_t{64 << 10});
    ASSERT_EQ(*end, "of a part");
  }
  EXPECT_EQ(parts_, 400);
  EXPECT_TRUE(client->request({{"do", "echo"}}));
}

TEST_F(ServerTest, RequestsAreAnsweredWithTheirId) {
  Result<Client> client = Client::connect(path_);
  ASSERT_TRUE(client);
  for (int i = 0; i < 50; ++i) {
    Result<Json> answer = client->request({{"do", "x"}, {"text", std::to_string(i)}});
    ASSERT_TRUE(answer);
    EXPECT_EQ((*answer)["echo"], std::to_string(i));
  }
  Result<Json> refused = client->request({{"do", "fail"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(client->reply_code(), kCodeNotFound);
}

TEST_F(ServerTest, WhatIsNoRequestEndsTheConnectionAndNothingElse) {
  std::string deep(5000, '[');
  for (std::string garbage : {std::string("hello\n"), std::string("[1]\n"), std::string("{\"do\":\n"), deep + "\n", std::string(200000, 'a'),
                              std::string("\0\0\0\n", 4), std::string("{\"a\":\"\xff\"}\n")}) {
    UniqueFd fd = raw();
    (void)!send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
    shutdown(fd.get(), SHUT_WR);
    std::string answer = all_of(fd.get());
    EXPECT_EQ(answer.find("\"ok\":true"), std::string::npos) << garbage.substr(0, 20);
  }
  Result<Client> client = Client::connect(path_);
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->request({{"do", "x"}}));
}

TEST_F(ServerTest, HalfALineIsWaitedForByteByByte) {
  UniqueFd fd = raw();
  std::string line = "{\"id\":7,\"do\":\"x\",\"text\":\"slow\"}\n";
  for (char c : line) ASSERT_EQ(send(fd.get(), &c, 1, MSG_NOSIGNAL), 1);
  char chunk[256];
  ssize_t n = read(fd.get(), chunk, sizeof chunk);
  ASSERT_GT(n, 0);
  EXPECT_THAT(std::string(chunk, static_cast<size_t>(n)), HasSubstr("\"id\":7,\"ok\":true,\"echo\":\"slow\""));
}

TEST_F(ServerTest, WhoIsNotAdmittedHearsWhy) {
  admit_ = false;
  UniqueFd fd = raw();
  EXPECT_THAT(all_of(fd.get()), HasSubstr("not from inside"));
  for (int i = 0; i < 20; ++i) {  // before the question was sent, and after
    Result<Client> client = Client::connect(path_);
    ASSERT_TRUE(client);
    if (i % 2) usleep(2000);
    Result<Json> answer = client->request({{"do", "status"}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "not from inside");
    EXPECT_EQ(client->reply_code(), kCodeRefused);
  }
}

// A treelined that hangs: it listens, and the test says what else it does.
class Hung : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "hung-" + std::to_string(getpid()) + ".sock";
    unlink(path_.c_str());
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener_.get(), 0), 0);
  }
  void TearDown() override { unlink(path_.c_str()); }
  Patience until(int calls) {
    return {std::chrono::seconds(1), [this, calls](pid_t pid) {
              pid_ = pid;
              return ++called_ < calls;
            }};
  }

  std::string path_;
  UniqueFd listener_;
  pid_t pid_ = -1;
  int called_ = 0;
};

TEST_F(Hung, WhoWaitsIsAskedHowLong) {
  Result<Client> client = Client::connect(path_, until(2));
  ASSERT_TRUE(client);
  Result<Json> answer = client->request({{"do", "status"}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ETIMEDOUT);
  EXPECT_EQ(called_, 2);
  EXPECT_EQ(pid_, getpid());
  EXPECT_EQ(client->wait_for_end().error().code, ETIMEDOUT);
  Result<Client> second = Client::connect(path_, until(1));  // its queue is full
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ETIMEDOUT);
  EXPECT_EQ(pid_, 0);
}

TEST_F(Hung, AStreamMayBeSilent) {
  Result<Client> client = Client::connect(path_, until(9));
  ASSERT_TRUE(client);
  std::thread daemon([this] {
    UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
    char request[256];
    (void)!read(peer.get(), request, sizeof request);
    (void)!write(peer.get(), "{\"id\":1,\"ok\":true}\n", 19);
    usleep(1500000);
    (void)!write(peer.get(), "event\n", 6);
  });
  EXPECT_TRUE(client->request({{"do", "events"}}));
  EXPECT_EQ(client->next_line(), "event");
  EXPECT_EQ(client->next_line(), std::nullopt);
  EXPECT_EQ(called_, 0);
  daemon.join();
}

TEST_F(ServerTest, AReaderThatSleepsLosesEventsAndIsToldHowMany) {
  Result<Client> client = Client::connect(path_);
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->send({{"do", "flood"}}));  // 25 MiB for a backlog of 8
  for (int i = 0; i < 3000 && floods_ == 0; ++i) usleep(10000);  // the reader sleeps till all of it was offered
  size_t lines = 0;
  while (std::optional<std::string> line = client->next_line()) {
    if (line->find("\"ok\":true") != std::string::npos) break;
    ++lines;
  }
  EXPECT_LT(lines, 400u);
  EXPECT_GT(lines, 50u);
  ASSERT_TRUE(client->send({{"do", "flood"}}));
  std::optional<std::string> first = client->next_line();
  ASSERT_TRUE(first);
  EXPECT_THAT(*first, HasSubstr("events-slow-reader"));
}

TEST_F(ServerTest, PeersThatVanishAreForgotten) {
  for (int i = 0; i < 20; ++i) raw();
  for (int i = 0; i < 100 && gone_ < 20; ++i) usleep(10000);
  EXPECT_EQ(gone_, 20);
}

// CPU time of this process in the next 300 ms.
clock_t cpu_time() {
  const clock_t before = clock();
  usleep(300000);
  return clock() - before;
}

TEST_F(ServerTest, WithoutDescriptorsItRestsAndTriesAgain) {
  rlimit all{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
  UniqueFd client = raw();
  usleep(50000);
  UniqueFd waiting(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path_.c_str());
  const rlimit none{static_cast<rlim_t>(waiting.get()) + 1, all.rlim_max};  // it took the lowest free number
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  ASSERT_EQ(connect(waiting.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_LT(cpu_time(), CLOCKS_PER_SEC / 10) << "it spins";
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
  const char request[] = "{\"id\":1,\"do\":\"x\"}\n";
  ASSERT_EQ(send(waiting.get(), request, sizeof request - 1, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof request - 1));
  char answer[256];
  EXPECT_GT(read(waiting.get(), answer, sizeof answer), 0) << "within the second";
}

TEST_F(ServerTest, ASecondServerDoesNotTakeALivingOnesPlace) {
  Loop loop;
  ASSERT_TRUE(loop.open());
  Server second(loop, {[](pid_t) { return std::string(); }, [](Peer&, const Json&) {}, [](uint64_t) {}});
  Result<void> listening = second.listen(path_);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, EADDRINUSE);
}

}  // namespace
}  // namespace treeline::daemon
