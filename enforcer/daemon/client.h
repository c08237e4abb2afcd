// SPDX-License-Identifier: Apache-2.0
//
// The other end of the control socket (protocol.h): for the operator's command and the OCI hook. Blocking.
//
//   Result<Client> client = Client::connect(kDefaultSocket);
//   if (!client) ...                                            // code ENOENT or ECONNREFUSED: no daemon runs
//   Result<Json> reply = client->request({{"do", "status"}});   // an Error when the answer is not ok; its code: reply_code()
//   while (std::optional<std::string> line = client->next_line()) ...
#pragma once

#include <optional>
#include <string>

#include "enforcer/base/fd.h"
#include "enforcer/base/json.h"
#include "policy-compiler/support/result.h"

namespace treeline::daemon {

class Client {
 public:
  static Result<Client> connect(const std::string& socket_path);

  // Sends and waits for the answer with the same id; lines of a stream that come before it are dropped. A refusal without an id is meant
  // for this peer, whatever it asks.
  Result<Json> request(Json request);
  // For those who also watch other fds: send now, read the answer from next_line().
  Result<int> send(Json request);
  // The next line without its end; nothing at the end of the stream.
  std::optional<std::string> next_line();
  // The "code" of the last answer that was not ok.
  [[nodiscard]] const std::string& reply_code() const { return code_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // A whole line is buffered already: next_line() does not block.
  [[nodiscard]] bool has_line() const { return buffer_.find('\n') != std::string::npos; }

 private:
  UniqueFd fd_;
  std::string buffer_;
  std::string code_;
  int last_id_ = 0;
};

}  // namespace treeline::daemon
