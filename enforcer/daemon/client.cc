// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "enforcer/base/boot.h"
#include "enforcer/base/files.h"

namespace treeline::daemon {

namespace {

Error no_answer() { return Error{"treelined did not answer in time", ETIMEDOUT}; }

}  // namespace

Result<Client> Client::connect(const std::string& path, Patience patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return Error{"the socket's path is empty or too long: " + path, EINVAL};
  std::memcpy(address.sun_path, path.data(), path.size());
  Client client;
  client.fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!client.fd_) return system_error("cannot make a socket", errno);
  client.patience_ = std::move(patience);
  const timeval each{client.patience_.after.count(), 0};
  for (int direction : {SO_SNDTIMEO, SO_RCVTIMEO})
    if (setsockopt(client.fd_.get(), SOL_SOCKET, direction, &each, sizeof each) != 0) return system_error("cannot set a timeout", errno);
  while (::connect(client.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int code = errno;
    if (code == EINTR) continue;
    if (code == EAGAIN) {  // its queue is full
      if (!client.wait_longer()) return no_answer();
      continue;
    }
    if (code == ENOENT || code == ECONNREFUSED) return Error{"no treelined answers at " + path + (switched_off() ? ", and none starts: the machine was booted with treeline=off on the kernel's command line; boot without it"
                                                                   : "; start it: systemctl start treelined"),
                   code};
    if (code == EACCES || code == EPERM) return Error{"only root may talk to treelined: run it with sudo", code};
    return system_error("cannot connect to " + path, code);
  }
  return client;
}

pid_t Client::treelined() const {
  ucred peer{};
  socklen_t length = sizeof peer;
  return getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

bool Client::wait_longer() {
  gave_up_ = patience_.still && !patience_.still(treelined());
  return !gave_up_;
}

Result<int> Client::send(Json request) {
  request["id"] = ++last_id_;
  std::string line = to_line(request) + "\n";
  for (std::string_view rest = line; !rest.empty();) {
    ssize_t n = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (!wait_longer()) return no_answer();
      continue;
    }
    if (n < 0) return system_error("treelined went away", errno);
    rest.remove_prefix(static_cast<size_t>(n));
  }
  return last_id_;
}

std::optional<std::string> Client::next_line() {
  for (;;) {
    if (size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char chunk[65536];
    ssize_t n = read(fd_.get(), chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || (errno == EAGAIN && (!waiting_ || wait_longer())))) continue;
    if (n <= 0) return std::nullopt;
    buffer_.append(chunk, static_cast<size_t>(n));
  }
}

Result<void> Client::wait_for_end() {
  waiting_ = true;
  while (next_line()) {
  }
  if (gave_up_) return no_answer();
  return {};
}

Result<Json> Client::request(Json request) {
  waiting_ = true;
  Result<int> id = send(std::move(request));
  // Who refuses a peer says so and closes, maybe before it was asked.
  if (!id && id.error().code != EPIPE && id.error().code != ECONNRESET) return id.error();
  while (std::optional<std::string> line = next_line()) {
    std::optional<Json> reply = parse_json(*line);
    if (!reply) continue;
    const bool refuses_peer = !reply->contains("id") && reply->contains("ok") && !flag_at(*reply, "ok");
    if (!refuses_peer && (!id || number_at(*reply, "id", -1) != *id)) continue;
    waiting_ = false;
    if (flag_at(*reply, "ok")) return std::move(*reply);
    code_ = text_at(*reply, "code", "failed");
    return Error{text_at(*reply, "error", "treelined gave no reason"), 0};
  }
  if (gave_up_) return no_answer();
  return Error{"treelined closed the connection before it answered; see: journalctl -u treelined", ECONNRESET};
}

}  // namespace treeline::daemon
