// SPDX-License-Identifier: Apache-2.0
//
// A world for the wrapper and the hook without a kernel side: a directory with an OCI bundle, policy bundles, a fake
// runtime, a conf file, and a treelined that answers what the test says and remembers what it was asked.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/base/fd.h"
#include "enforcer/base/json.h"
#include "policy-compiler/bundle/bundle.h"

namespace treeline::oci {

class World {
 public:
  World() {
    char name[] = "/tmp/treeline-oci-test-XXXXXX";
    path = mkdtemp(name);
    std::filesystem::create_directory(path + "/b");
    write("conf", "runtime = " + path + "\n");
    // Says that it was started, with what, and with which config.json.
    write("runtime", "#!/bin/sh\necho \"$@\" > " + path + "/started\nexit 42\n");
    chmod((path + "/runtime").c_str(), 0755);
  }
  ~World() { std::filesystem::remove_all(path); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(path + "/" + name) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path + "/" + name).rdbuf();
    return text.str();
  }
  [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(path + "/" + name); }
  void config(const std::string& text) const { write("b/config.json", text); }
  [[nodiscard]] std::string config() const { return read("b/config.json"); }

  // A bundle of policy `name` with these artifacts beside the image; its directory. Without a closing.json among them, one that
  // refuses nothing.
  [[nodiscard]] std::string policy(const std::string& name,
                                   std::vector<std::pair<std::string, std::string>> artifacts) const {
    bundle::Bundle made;
    made.name = name;
    made.compiler = "0.1.0";
    made.abi = TL_ABI_IMAGE;
    made.policy = 7;
    tl_image_header header{};
    header.magic = TL_IMAGE_MAGIC;
    header.abi = TL_ABI_IMAGE;
    header.size = TL_DFA_OFFSET;
    header.policy = 7;
    std::string image(TL_DFA_OFFSET, '\0');
    std::memcpy(image.data(), &header, sizeof header);
    made.artifacts.push_back({"policy.img", "bpf-image", image, 0, ""});
    bool closing = false;
    for (auto& [file, text] : artifacts) closing |= file == "closing.json";
    if (!closing) artifacts.emplace_back("closing.json", R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"syscalls":[]})");
    for (auto& [file, text] : artifacts) made.artifacts.push_back({file, "text", text, 0, ""});
    const std::string directory = path + "/policy-" + name;
    Result<void> written = bundle::write(directory, made);
    EXPECT_TRUE(written) << (written ? "" : written.error().message);
    return directory;
  }

  std::string path;
};

constexpr std::string_view kHangUp = "hang up";  // as an answer: the connection is closed instead, as by a daemon that ends

// Answers while in_child waits for its child: a process with a second thread must not fork and go on (an allocator's lock that
// the other thread held at that instant is never released in the child).
class FakeDaemon {
 public:
  using Answer = std::function<std::string(const Json& request)>;  // a line; "": none, and the connection stays open
  FakeDaemon(const World& world, Answer answer) : answer_(std::move(answer)) {
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s/treeline.sock", world.path.c_str());
    unlink(address.sun_path);  // of one before it
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    EXPECT_EQ(running_, nullptr) << "one at a time";
    running_ = this;
  }
  ~FakeDaemon() { running_ = nullptr; }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  [[nodiscard]] static FakeDaemon* running() { return running_; }
  [[nodiscard]] std::vector<std::string> asked() const { return asked_; }

  // What it waits for, to be polled by who runs the child.
  void wait_for(std::vector<pollfd>& on) const {
    on.push_back({listener_.get(), POLLIN, 0});
    for (const Peer& peer : peers_) on.push_back({peer.fd.get(), POLLIN, 0});
  }
  // Takes what has come; never blocks.
  void serve() {
    while (UniqueFd fd{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)}) peers_.push_back({std::move(fd), {}});
    std::erase_if(peers_, [this](Peer& peer) { return !serve(peer); });
  }

 private:
  struct Peer {
    UniqueFd fd;
    std::string buffer;
  };

  bool serve(Peer& peer) {  // false: it has gone, or talks nonsense
    char chunk[4096];
    for (;;) {
      const ssize_t n = recv(peer.fd.get(), chunk, sizeof chunk, 0);
      if (n < 0) return errno == EAGAIN;
      if (n == 0) return false;
      peer.buffer.append(chunk, static_cast<size_t>(n));
      for (size_t end; (end = peer.buffer.find('\n')) != std::string::npos;) {
        std::optional<Json> request = parse_json(peer.buffer.substr(0, end));
        peer.buffer.erase(0, end + 1);
        if (!request) return false;
        asked_.push_back(text_at(*request, "do"));
        std::string line = answer_(*request);
        if (line.empty()) continue;
        if (line == kHangUp) return false;
        line += '\n';
        EXPECT_EQ(send(peer.fd.get(), line.data(), line.size(), MSG_NOSIGNAL), static_cast<ssize_t>(line.size()));
      }
    }
  }

  static inline FakeDaemon* running_ = nullptr;
  Answer answer_;
  UniqueFd listener_;
  std::vector<Peer> peers_;
  std::vector<std::string> asked_;
};

inline std::string yes(const Json& request, Json fields) {
  Json answer{{"id", request["id"]}, {"ok", true}};
  answer.update(fields);
  return to_line(answer);
}
inline std::string no(const Json& request, const std::string& error, const std::string& code = "refused") {
  return to_line(Json{{"id", request["id"]}, {"ok", false}, {"error", error}, {"code", code}});
}

struct Outcome {
  int status = -1;
  std::string errors;  // stderr
};

// Runs `body` in a child, since the wrapper turns into the runtime; `input` is its standard input. The FakeDaemon, where there is one,
// answers meanwhile.
inline Outcome in_child(const std::string& input, const std::function<int()>& body, bool close_input = true) {
  int in[2], err[2];
  EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(err[1], 2);
    close(in[1]);
    _exit(body());
  }
  close(in[0]);
  close(err[1]);
  signal(SIGPIPE, SIG_IGN);
  for (size_t done = 0; done < input.size();) {
    const ssize_t n = ::write(in[1], input.data() + done, input.size() - done);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  if (close_input) close(in[1]);
  Outcome outcome;
  for (;;) {
    std::vector<pollfd> on = {{err[0], POLLIN, 0}};
    if (FakeDaemon* daemon = FakeDaemon::running()) daemon->wait_for(on);
    if (poll(on.data(), on.size(), -1) < 0) break;
    if (FakeDaemon* daemon = FakeDaemon::running()) daemon->serve();
    if (on[0].revents == 0) continue;
    char chunk[4096];
    const ssize_t n = ::read(err[0], chunk, sizeof chunk);
    if (n <= 0) break;
    outcome.errors.append(chunk, static_cast<size_t>(n));
  }
  close(err[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!close_input) close(in[1]);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace treeline::oci
