// SPDX-License-Identifier: Apache-2.0
//
// Asking the daemon, and saying what went wrong in the same words everywhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "enforcer/base/json.h"
#include "enforcer/cli/commands.h"
#include "enforcer/daemon/client.h"

namespace treeline::cli {

// "treeline: TEXT" on stderr.
void say(const std::string& text);
void print_line(const std::string& text);  // stdout
std::string padded(std::string text, size_t width);  // with spaces behind it, never cut
// In columns, the last one as long as it is.
void print_table(const std::vector<std::vector<std::string>>& rows);
// What a person has to know of the signature of a policy (as treelined describes it): "" where all is well or none is asked for.
std::string signature_note(const Json& policy);
// Of a policy that is in the store and not in force, which treelined tells by name, mode and why.
std::string not_in_force_line(const Json& left_out);
bool colour_on(int fd);                    // a terminal, and NO_COLOR is not set

// One request, one answer. Nothing: it failed, was said, and `status` is what to exit with; `not_found` where there is no such thing.
std::optional<Json> ask(const Context& context, const Json& request, int& status, std::optional<int> not_found = std::nullopt);
std::optional<daemon::Client> connect(const Context& context, int& status);
// Waits as long as it takes, and says so once after 5 s.
daemon::Patience patience(const std::string& socket);

// What to exit with after a request that `client` refused.
int status_of_refusal(const daemon::Client& client);

// An absolute path without symbolic links; says so and gives "" when there is nothing.
std::string absolute_path(const std::string& path);
// Reads the trace that follows an answer: lines up to and with {"type":"end"}. False: the stream ended before.
bool read_trace(daemon::Client& client, std::string& text, std::string& last_line);
// Not standard output ("-"), a device or a pipe, which take all that is written one after the other.
bool is_one_file(const std::string& path);
// Asked before anything is begun whose result goes there. "" where it can be written, as far as can be seen.
std::string why_not_writable(const std::string& output);
// trace.jsonl -> trace.2.jsonl for the second one.
std::string numbered(const std::string& path, size_t number);

}  // namespace treeline::cli
