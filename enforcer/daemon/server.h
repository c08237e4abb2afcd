// SPDX-License-Identifier: Apache-2.0
//
// The listening side of the control socket: connections, framing, back pressure. What requests mean is the service's business.
//
//   Server server(loop, {.admit = ..., .request = [&](Peer& peer, const Json& request) { ... peer.reply(...); }, .gone = ...});
//   server.listen("/run/treeline/treeline.sock");
//
// A peer that does not read its stream is not waited for: past kMaxBacklog bytes its events are dropped and counted, and it is told
// how many. A request that is no JSON object, or longer than kMaxRequest, ends the connection.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "enforcer/base/json.h"
#include "enforcer/daemon/loop.h"

namespace treeline::daemon {

class Server;

class Peer {
 public:
  [[nodiscard]] uint64_t id() const { return id_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // The answer to `request`: its id is put in, "ok" is set.
  void reply(const Json& request, Json fields);
  void refuse(const Json& request, const Error& error);
  void line(const std::string& text);
  // What is too much to be queued at once: `more` queues a part each time that all before it is sent, and says whether there is another one.
  void stream(std::function<bool(Peer&)> more);
  // A line of a stream that may be dropped when the peer is slow.
  void event_line(const std::string& text);
  // How many of them were dropped, where some were: before the end of a stream as well as before its next line.
  void tell_dropped();

 private:
  friend class Server;
  Peer(Server& server, int fd, uint64_t id, pid_t pid) : server_(server), fd_(fd), id_(id), pid_(pid) {}
  Server& server_;
  UniqueFd fd_;
  uint64_t id_;
  pid_t pid_;
  std::string in_, out_;
  size_t sent_ = 0;  // bytes of out_
  std::function<bool(Peer&)> more_;
  bool producing_ = false;
  uint64_t dropped_ = 0;
  bool closing_ = false;
  bool watching_out_ = false;
};

class Server {
 public:
  static constexpr size_t kMaxBacklog = 8u << 20;
  struct Handlers {
    std::function<std::string(pid_t)> admit;  // "" or why this peer is refused
    std::function<void(Peer&, const Json&)> request;
    std::function<void(uint64_t peer)> gone;
  };
  Server(Loop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)) {}
  ~Server();

  Result<void> listen(const std::string& path);
  // Once a second. Without descriptors or memory for one more connection the listener rests until then.
  void tick();
  [[nodiscard]] Peer* find(uint64_t id);
  [[nodiscard]] size_t peers() const { return peers_.size(); }
  [[nodiscard]] bool had_peers() const { return next_id_ > 1; }

 private:
  friend class Peer;
  void on_listener();
  int accept_all();  // 0, or the errno of what it lacks
  void on_peer(uint64_t id, uint32_t events);
  void send_queued(Peer& peer);
  void flush(Peer& peer);
  void drop(uint64_t id);

  Loop& loop_;
  Handlers handlers_;
  UniqueFd listener_;
  bool resting_ = false;
  std::string path_;
  std::map<uint64_t, std::unique_ptr<Peer>> peers_;
  uint64_t next_id_ = 1;
};

}  // namespace treeline::daemon
