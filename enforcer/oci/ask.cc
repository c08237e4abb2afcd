// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/ask.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "enforcer/base/files.h"
#include "enforcer/daemon/protocol.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

constexpr size_t kMaxAnswer = 1 << 20;

ino_t pid_namespace(const std::string& process) {
  struct stat status {};
  return stat(("/proc/" + process + "/ns/pid").c_str(), &status) == 0 ? status.st_ino : 0;
}

Result<void> check_peer(int fd, const std::string& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
    return system_error("cannot see who listens at " + socket, errno);
  if (peer.uid != 0 && peer.uid != geteuid())
    return Error{"who listens at " + socket + " is not root but uid " + std::to_string(peer.uid) + ": it is not asked",
                 ECONNREFUSED};
  const ino_t mine = pid_namespace("self");
  if (peer.pid <= 0 || mine == 0 || pid_namespace(std::to_string(peer.pid)) != mine)
    return Error{
        "treelined is in another pid namespace than this runtime, where process numbers mean others: run the container "
        "engine and "
        "treelined on the same host, outside of containers",
        ECONNREFUSED};
  return {};
}

}  // namespace

int milliseconds_left(Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left < INT32_MAX ? left : INT32_MAX);
}

Error Daemon::too_late(const char* what) const {
  return Error{std::string("treelined at ") + socket_ + " " + what +
                   " in time; see: systemctl status treelined, journalctl -u treelined",
               ETIMEDOUT};
}

Result<void> Daemon::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path)
    return Error{"the socket's path is too long: " + socket_, ECONNREFUSED};
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_) return system_error("cannot make a socket", errno);
  while (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int code = errno;
    if (code == EINTR) continue;
    const bool late = milliseconds_left(deadline_) == 0, none = code == ENOENT || code == ECONNREFUSED;
    if (none && (late || absent_ == Absent::kRefuse))
      return Error{"no treelined answers at " + socket_ + "; start it: systemctl start treelined", ECONNREFUSED};
    if (!none && code != EAGAIN)  // EAGAIN: its queue of connections is full
      return Error{"cannot connect to treelined: " + system_error(socket_, code).message, ECONNREFUSED};
    if (late) return too_late("takes no connection");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return check_peer(fd_.get(), socket_);
}

Result<std::string> Daemon::exchange(const std::string& line) {
  std::string_view rest = line;
  std::string answer;
  for (;;) {
    pollfd ready{fd_.get(), static_cast<short>(rest.empty() ? POLLIN : POLLOUT), 0};
    const int n = poll(&ready, 1, milliseconds_left(deadline_));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return too_late("did not answer");
    char chunk[16384];
    const ssize_t moved = n < 0          ? -1
                          : rest.empty() ? recv(fd_.get(), chunk, sizeof chunk, 0)
                                         : send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (moved < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (moved < 0 && !rest.empty() && errno == EPIPE) {  // it closed: maybe it said why
      rest = {};
      continue;
    }
    if (moved <= 0)
      return Error{"treelined closed the connection before it answered; see: journalctl -u treelined", ECONNRESET};
    if (!rest.empty()) {
      rest.remove_prefix(static_cast<size_t>(moved));
      continue;
    }
    answer.append(chunk, static_cast<size_t>(moved));
    if (size_t end = answer.find('\n'); end != std::string::npos) return answer.substr(0, end);
    if (answer.size() > kMaxAnswer) return Error{"treelined's answer has no end", ECONNREFUSED};
  }
}

Result<std::string> Daemon::exchange_again(const std::string& line) {
  constexpr int kTimes = 5;  // a restart closes one connection; what closes each is none
  for (int again = absent_ == Absent::kWait ? kTimes : 0;; --again) {
    if (!fd_)
      if (Result<void> connected = connect(); !connected) {
        fd_.reset();
        return connected.error();
      }
    Result<std::string> answer = exchange(line);
    if (answer || answer.error().code != ECONNRESET) return answer;
    fd_.reset();
    if (again == 0 || milliseconds_left(deadline_) == 0) return Error{answer.error().message, ECONNREFUSED};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Result<Json> Daemon::ask(Json request) {
  request["id"] = ++last_id_;
  Result<std::string> line = exchange_again(to_line(request) + "\n");
  if (!line) return line.error();
  std::optional<Json> answer = parse_json(*line);
  if (!answer) return Error{"treelined's answer is no JSON object; is it of another version?", ECONNREFUSED};
  if (!flag_at(*answer, "ok")) {
    said_no_ = true;
    const bool cannot = text_at(*answer, "code") == daemon::kCodeNotEnforced;
    return Error{text_at(*answer, "error", "treelined gave no reason"), cannot ? ENOTSUP : EPERM};
  }
  if (number_at(*answer, "id", -1) != last_id_)
    return Error{"treelined answered another question; is it of another version?", ECONNREFUSED};
  return std::move(*answer);
}

void Daemon::tell_refused(const std::string& container, const std::string& why) const {
  constexpr size_t kMaxWhy = 4000;
  if (!said_no_) (void)Daemon(socket_, std::chrono::seconds(1), Absent::kRefuse).ask({{"do", "refused"}, {"container", container}, {"why", text::printable(why, kMaxWhy)}}).has_value();
}

}  // namespace treeline::oci
