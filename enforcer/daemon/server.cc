// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "enforcer/base/files.h"
#include "enforcer/base/log.h"
#include "enforcer/daemon/protocol.h"
#include "enforcer/events/json_encoder.h"

namespace treeline::daemon {

void Peer::reply(const Json& request, Json fields) {
  Json answer;
  if (auto id = request.find("id"); id != request.end()) answer["id"] = *id;
  answer["ok"] = true;
  if (fields.is_object())
    for (auto& [key, value] : fields.items()) answer[key] = std::move(value);
  line(to_line(answer));
}

void Peer::refuse(const Json& request, const Error& error) {
  Json answer;
  if (auto id = request.find("id"); id != request.end()) answer["id"] = *id;
  answer["ok"] = false;
  answer["error"] = error.message;
  answer["code"] = code_of(error.code);
  line(to_line(answer));
}

void Peer::line(const std::string& text) {
  out_ += text;
  out_ += '\n';
  server_.flush(*this);
}

void Peer::stream(std::function<bool(Peer&)> more) {
  more_ = std::move(more);
  server_.flush(*this);
}

void Peer::event_line(const std::string& text) {
  if (out_.size() - sent_ > Server::kMaxBacklog) {
    ++dropped_;
    return;
  }
  tell_dropped();
  line(text);
}

void Peer::tell_dropped() {
  if (dropped_) out_ += to_line(events::loss_to_json("events-slow-reader", dropped_)) + "\n";
  dropped_ = 0;
}

Server::~Server() {
  if (!path_.empty()) unlink(path_.c_str());
}

Result<void> Server::listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{"the socket's path is too long: " + path, ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());
  // A socket that someone answers at is another daemon's; a dead one is what a killed daemon left.
  UniqueFd trial(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(trial.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return Error{"another treelined answers at " + path + "; stop it first: systemctl stop treelined", EADDRINUSE};
  unlink(path.c_str());
  listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener_) return system_error("cannot make a socket", errno);
  const mode_t before = umask(0177);
  const int bound = bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int code = errno;
  umask(before);
  if (bound != 0) return system_error("cannot bind " + path, code);
  path_ = path;
  if (::listen(listener_.get(), 64) != 0) return system_error("cannot listen at " + path, errno);
  return loop_.add(listener_.get(), EPOLLIN, [this](uint32_t) { on_listener(); });
}

void Server::on_listener() {
  const int lacking = accept_all();
  if ((lacking != 0) == resting_) return;
  resting_ = lacking != 0;
  if (resting_) log_warning("cannot take connections for now: " + system_error("accept", lacking).message + "; tried again each second");
  // Who waits in the queue stays there: watched on, it would be reported without end.
  loop_.change(listener_.get(), resting_ ? 0 : uint32_t{EPOLLIN});
}

void Server::tick() {
  if (resting_) on_listener();
}

int Server::accept_all() {
  for (;;) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? errno : 0;
    ucred who{};
    socklen_t length = sizeof who;
    std::string refused;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) refused = "your credentials cannot be read";
    else if (who.uid != 0) refused = "only root may talk to treelined";
    else refused = handlers_.admit(who.pid);
    const uint64_t id = next_id_++;
    const int number = fd.get();
    auto peer = std::unique_ptr<Peer>(new Peer(*this, fd.release(), id, who.pid));
    if (!loop_.add(number, EPOLLIN, [this, id](uint32_t events) { on_peer(id, events); })) continue;
    Peer& added = *(peers_[id] = std::move(peer));
    if (!refused.empty()) {
      added.closing_ = true;
      added.refuse(Json::object(), Error{refused, EPERM});
      drop(id);
    }
  }
}

Peer* Server::find(uint64_t id) {
  auto it = peers_.find(id);
  return it == peers_.end() ? nullptr : it->second.get();
}

void Server::drop(uint64_t id) {
  auto it = peers_.find(id);
  if (it == peers_.end()) return;
  loop_.remove(it->second->fd_.get());
  peers_.erase(it);
  handlers_.gone(id);
}

void Server::send_queued(Peer& peer) {
  while (peer.sent_ < peer.out_.size()) {
    ssize_t n = send(peer.fd_.get(), peer.out_.data() + peer.sent_, peer.out_.size() - peer.sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        peer.closing_ = true;  // who holds this peer may still use it: it is dropped from the loop
        peer.sent_ = peer.out_.size();
      }
      break;
    }
    peer.sent_ += static_cast<size_t>(n);
  }
  if (peer.sent_ <= peer.out_.size() / 2) return;  // so that each byte is moved once at most, however long the queue
  peer.out_.erase(0, peer.sent_);
  peer.sent_ = 0;
}

void Server::flush(Peer& peer) {
  send_queued(peer);
  if (!peer.producing_) {
    peer.producing_ = true;
    while (peer.out_.empty() && !peer.closing_ && peer.more_)
      if (!peer.more_(peer)) peer.more_ = nullptr;
    peer.producing_ = false;
  }
  const bool want = !peer.out_.empty() || peer.closing_;
  if (want != peer.watching_out_) {
    peer.watching_out_ = want;
    loop_.change(peer.fd_.get(), want ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

void Server::on_peer(uint64_t id, uint32_t events) {
  Peer* peer = find(id);
  if (!peer) return;
  if (events & EPOLLOUT) flush(*peer);
  if (peer->closing_ && peer->out_.empty()) return drop(id);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  char chunk[16384];
  ssize_t n = recv(peer->fd_.get(), chunk, sizeof chunk, 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n <= 0) return drop(id);
  peer->in_.append(chunk, static_cast<size_t>(n));
  for (size_t end; (end = peer->in_.find('\n')) != std::string::npos;) {
    std::string line = peer->in_.substr(0, end);
    peer->in_.erase(0, end + 1);
    std::optional<Json> request = line.size() <= kMaxRequest ? parse_json(line) : std::nullopt;
    if (!request) {
      peer->refuse(Json::object(), Error{"a request is one JSON object on a line of at most " + std::to_string(kMaxRequest) + " bytes", EINVAL});
      return drop(id);
    }
    handlers_.request(*peer, *request);
    peer = find(id);
    if (!peer) return;
  }
  if (peer->in_.size() > kMaxRequest) drop(id);
}

}  // namespace treeline::daemon
