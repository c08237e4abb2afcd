// SPDX-License-Identifier: Apache-2.0
//
// The other end of the control socket (protocol.h): for the operator's command and the OCI hook. Blocking.
//
//   Result<Client> client = Client::connect("/run/treeline/treeline.sock");
//   if (!client) ...                                            // code ENOENT or ECONNREFUSED: no daemon runs
//   Result<Json> reply = client->request({{"do", "status"}});   // an Error when the answer is not ok; its code: reply_code()
//   while (std::optional<std::string> line = client->next_line()) ...
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "enforcer/base/fd.h"
#include "enforcer/base/json.h"
#include "policy-compiler/support/result.h"

namespace treeline::daemon {

// While treelined is waited for, to take the connection or to answer, `still` is called after each `after`, with its pid (0: not known yet).
// False gives up: an Error, code ETIMEDOUT.
struct Patience {
  std::chrono::seconds after{0};  // 0: as long as it takes, without a word
  std::function<bool(pid_t treelined)> still;
};

class Client {
 public:
  static Result<Client> connect(const std::string& socket_path, Patience patience = {});

  // Sends and waits for the answer with the same id; lines of a stream that come before it are dropped. A refusal without an id is meant
  // for this peer, whatever it asks.
  Result<Json> request(Json request);
  // For those who also watch other fds: send now, read the answer from next_line().
  Result<int> send(Json request);
  // The next line without its end; nothing at the end of the stream.
  std::optional<std::string> next_line();
  // Until treelined closes the connection.
  Result<void> wait_for_end();
  // The "code" of the last answer that was not ok.
  [[nodiscard]] const std::string& reply_code() const { return code_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // A whole line is buffered already: next_line() does not block.
  [[nodiscard]] bool has_line() const { return buffer_.find('\n') != std::string::npos; }

 private:
  [[nodiscard]] pid_t treelined() const;
  [[nodiscard]] bool wait_longer();  // a call timed out

  UniqueFd fd_;
  Patience patience_;
  bool waiting_ = false;  // for an answer, not for a stream's next line
  bool gave_up_ = false;
  std::string buffer_;
  std::string code_;
  int last_id_ = 0;
};

}  // namespace treeline::daemon
