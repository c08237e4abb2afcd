// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/ask.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "enforcer/daemon/protocol.h"
#include "enforcer/kernel/probe.h"

namespace treeline::cli {

void say(const std::string& text) { std::fprintf(stderr, "treeline: %s\n", text.c_str()); }

void print_line(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& cells : rows) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  for (const auto& cells : rows) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) line += i + 1 < cells.size() ? padded(cells[i], widths[i] + 2) : cells[i];
    print_line(line);
  }
}

std::string signature_note(const Json& policy) {
  const auto signature = policy.find("signature");
  if (signature == policy.end()) return "";
  const std::string state = text_at(*signature, "state");
  if (state == "expired") return "signature EXPIRED at " + text_at(*signature, "expires") + " (it goes on; load one that is signed anew)";
  return state == "refused" ? "signature REFUSED: " + text_at(*signature, "why") : "";
}

std::string not_in_force_line(const Json& left_out) {
  const std::string name = text_at(left_out, "policy"), mode = text_at(left_out, "mode");
  return padded(name.empty() ? "what is stored" : name, 24) + " " + padded(mode, 8) + " NOT IN FORCE, its containers do not start: it " + text_at(left_out, "why") +
         ". Mend that, then: systemctl restart treelined; or: treeline policy load BUNDLE";
}

bool colour_on(int fd) {
  const char* off = std::getenv("NO_COLOR");
  return isatty(fd) && !(off && *off);
}

daemon::Patience patience(const std::string& socket) {
  static constexpr std::chrono::seconds kSilence{5};
  return {kSilence, [socket, said = false](pid_t pid) mutable {
            if (!said)
              say("waiting for treelined at " + socket + (pid ? ", pid " + std::to_string(pid) : "") + ": no answer for " + std::to_string(kSilence.count()) +
                  " s. If it hangs: journalctl -u treelined; systemctl restart treelined (what it enforces stays enforced)");
            return said = true;
          }};
}

std::optional<daemon::Client> connect(const Context& context, int& status) {
  Result<daemon::Client> client = daemon::Client::connect(context.socket, patience(context.socket));
  if (client) return std::move(*client);
  const bool absent = client.error().code == ENOENT || client.error().code == ECONNREFUSED;
  if (absent && geteuid() == 0) {
    // Starting it would not help here: say what would.
    if (std::optional<Error> why = kernel::why_not_load(kernel::probe())) {
      say("no treelined answers at " + context.socket + ", and none can start: " + why->message);
      status = kNotEnforced;
      return std::nullopt;
    }
  }
  say(client.error().message);
  status = kCannotAsk;
  return std::nullopt;
}

int status_of_refusal(const daemon::Client& client) {
  return client.reply_code().empty() ? kCannotAsk : daemon::exit_status_of(client.reply_code().c_str());
}

std::optional<Json> ask(const Context& context, const Json& request, int& status, std::optional<int> not_found) {
  std::optional<daemon::Client> client = connect(context, status);
  if (!client) return std::nullopt;
  Result<Json> answer = client->request(request);
  if (answer) return std::move(*answer);
  say(answer.error().message);
  status = not_found && client->reply_code() == daemon::kCodeNotFound ? *not_found : status_of_refusal(*client);
  return std::nullopt;
}

std::string absolute_path(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  if (!resolved) {
    say(path + ": " + std::strerror(errno));
    return "";
  }
  std::string result = resolved;
  std::free(resolved);
  return result;
}

bool read_trace(daemon::Client& client, std::string& text, std::string& last_line) {
  while (std::optional<std::string> line = client.next_line()) {
    text += *line + "\n";
    std::optional<Json> json = parse_json(*line);
    if (json && text_at(*json, "type") == "end") {
      last_line = *line;
      return true;
    }
  }
  return false;
}

bool is_one_file(const std::string& path) {
  struct stat status {};
  return path != "-" && (stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

std::string why_not_writable(const std::string& output) {
  if (!is_one_file(output)) return "";
  struct stat status {};
  const std::string directory = std::filesystem::path(output).parent_path().string();
  const bool there = stat(output.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) errno = EISDIR;
  else if (there ? access(output.c_str(), W_OK) == 0 : access(directory.empty() ? "." : directory.c_str(), W_OK | X_OK) == 0) return "";
  return "cannot write to " + output + ": " + std::strerror(errno);
}

std::string numbered(const std::string& path, size_t number) {
  if (number <= 1 || !is_one_file(path)) return path;
  const size_t slash = path.rfind('/'), dot = path.rfind('.');
  const std::string middle = "." + std::to_string(number);
  if (dot == std::string::npos || dot == 0 || (slash != std::string::npos && dot <= slash + 1)) return path + middle;
  return path.substr(0, dot) + middle + path.substr(dot);
}

}  // namespace treeline::cli
