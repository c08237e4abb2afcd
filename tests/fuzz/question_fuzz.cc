// SPDX-License-Identifier: Apache-2.0
// links: treeline_cli treeline_frontend
//
// NODE, ACT and OBJECT, one a line: whatever the words, a question is read or refused with what would have had a meaning, and what is read can be
// answered, alike each time.
#include <cstdlib>
#include <string>
#include <string_view>

#include "bpf/lsm/abi.h"
#include "policy-compiler/cli/question.h"
#include "policy-compiler/frontend/profile.h"

namespace {

using namespace treeline;

const ir::Policy& policy() {
  static const ir::Policy one = [] {
    Diagnostics diagnostics("fuzz.yaml");
    ir::Policy read = frontend::read_profile(R"(treeline: 1
name: web
entry:
  - exec: /entrypoint.sh
    interpreter: /bin/sh
    users: [0]
    files: {/etc/web/**: read list, "{pipe}": read write, "/proc/{own}/status": read, "/tmp/{tmpfile}": read write, "{abstract}/bus": connect}
    children:
      - exec: /usr/sbin/web
        id: web
        users: [0, 33]
        files: {/var/log/*.log: append create, /run/web.sock: connect}
        network:
          - {direction: in, protocol: tcp, port: 80}
          - {direction: out, protocol: udp, peer: 10.0.0.0/8, port: 53}
          - {direction: out, protocol: icmp, peer: any}
        sockets: [inet-stream, netlink]
        netlink: [route]
        capabilities: [net_bind_service]
        operations: [ptrace]
        syscalls: [read, write]
        children: [{exec: /usr/sbin/web, back_to: web}]
join:
  - exec: /bin/sh
)",
                                               diagnostics);
    if (diagnostics.has_errors()) std::abort();
    return read;
  }();
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 10'000) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::string words[3];
  for (std::string& word : words) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto& [node, act, object] = words;
  const Result<cli::Question> question = cli::read_question(policy(), node, act, object);
  if (!question) {
    if (question.error().message.empty()) std::abort();
    if (cli::ask(policy(), node, act, object)) std::abort();
    return 0;
  }
  if (question->row >= TL_ROW_FIRST + policy().nodes.size()) std::abort();
  passes::Evaluator evaluator(policy());
  const Result<cli::Answer> first = cli::ask(policy(), evaluator, node, act, object), second = cli::ask(policy(), node, act, object);
  if (!first || !second || first->allowed != second->allowed || first->missing != second->missing || first->next != second->next) std::abort();
  if (first->allowed != cli::evaluate(evaluator, *question).allowed) std::abort();
  if (!first->allowed && !first->next.empty()) std::abort();
  return 0;
}
