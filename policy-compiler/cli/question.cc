// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/question.h"

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/seccomp/arguments.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/backends/seccomp/program.h"
#include "policy-compiler/backends/seccomp/runtime_calls.h"
#include "policy-compiler/frontend/network.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/process_name.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

namespace names = ir::names;
namespace seccomp = backends::seccomp;

constexpr size_t kLongestName = 255;  // NAME_MAX

Error wrong(const std::string& what, const std::string& given, const std::string& remedy) {
  return Error{what + " " + text::quoted(given) + "; " + remedy};
}

// What the hooks' walk would feed for a name as the profile writes it.
Result<passes::Object> parse_object(const std::string& text) {
  if (text.size() > 2 && text.front() == '{' && text.back() == '}' && text.find('/') == std::string::npos) {
    const auto number = names::reserved_classes().find(std::string_view(text).substr(1, text.size() - 2));
    if (number) return passes::Object::without_path(*number);
    return wrong("there is no object", text, "without a path there are: " + names::reserved_classes().list());
  }
  constexpr std::string_view kAbstract = "{abstract}/";
  if (text.rfind(kAbstract, 0) == 0) return passes::Object::at(TL_PSEUDO_ABSTRACT "/" + text.substr(kAbstract.size()));
  if (text.empty() || text[0] != '/')
    return wrong("this is no object", text, "write an absolute path, or {pipe} and the like");
  std::string path;
  size_t at = 1;
  while (at <= text.size()) {
    const size_t end = std::min(text.find('/', at), text.size());
    const std::string name = text.substr(at, end - at);
    if (name.size() > kLongestName)
      return wrong("no file has this name:", name, "a name has at most " + std::to_string(kLongestName) + " bytes");
    at = end + 1;
    if (name == "{own}" || name == "{descendant}" || name == "{workload}" || name == "{other}" || name == "{tmpfile}") {
      path += "//" + name.substr(1, name.size() - 2);
      continue;
    }
    if (name.empty() && text.size() > 1)
      return wrong("this is no path", text, "write it without '//' and without a '/' at its end");
    if (name == "." || name == "..")
      return wrong("this is no path as the kernel walks it", text, "write it without '.' and '..'");
    if (path == "/proc" && passes::names_process(name)) return wrong("the hooks know no process by number, self or thread-self:", text, std::string(passes::kProcessRemedy));
    path += "/" + name;
  }
  // The hooks read no more, and deny what is longer.
  if (path.size() > TL_PATH_MAX) return passes::Object::without_path(TL_CLASS_UNREADABLE);
  return passes::Object::at(path);
}

struct Endpoint {
  ir::Protocol protocol = ir::Protocol::kTcp;
  passes::Address address;
  uint32_t port = 0;
};

// PROTOCOL[:ADDRESS][:PORT]
Result<Endpoint> parse_endpoint(const std::string& text, bool with_address) {
  const std::string form = with_address ? "write PROTOCOL:ADDRESS:PORT, such as tcp:10.0.0.1:5432 or udp:[::1]:53"
                                        : "write PROTOCOL:PORT, such as tcp:80";
  Endpoint endpoint;
  const size_t colon = std::min(text.find(':'), text.size());
  const auto protocol = names::protocols().find(text.substr(0, colon));
  if (!protocol) return wrong("unknown protocol in", text, form);
  endpoint.protocol = static_cast<ir::Protocol>(*protocol);
  std::string rest = colon < text.size() ? text.substr(colon + 1) : "";
  if (with_address) {
    std::string address;
    if (!rest.empty() && rest[0] == '[') {
      const size_t close = rest.find(']');
      if (close == std::string::npos) return wrong("']' is missing in", text, form);
      address = rest.substr(1, close - 1);
      rest = rest.substr(close + 1);
      if (!rest.empty() && rest[0] != ':') return wrong("this is no endpoint", text, form);
      rest = rest.empty() ? "" : rest.substr(1);
    } else {
      const size_t end = std::min(rest.find(':'), rest.size());
      address = rest.substr(0, end);
      rest = end < rest.size() ? rest.substr(end + 1) : "";
    }
    std::string problem, remedy;
    const auto cidr =
        address.find('/') == std::string::npos ? frontend::parse_cidr(address, problem, remedy) : std::nullopt;
    if (!cidr) return wrong("no address in", text, form);
    endpoint.address.v6 = cidr->v6;
    endpoint.address.bytes = cidr->address;
  }
  const bool has_ports = endpoint.protocol == ir::Protocol::kTcp || endpoint.protocol == ir::Protocol::kUdp ||
                         endpoint.protocol == ir::Protocol::kSctp;
  if (rest.empty() && !has_ports) return endpoint;
  const auto port = text::decimal(rest, 65535);
  if (!port) return wrong("no port in", text, form);
  endpoint.port = static_cast<uint32_t>(*port);
  return endpoint;
}

Result<uint32_t> parse_number(const names::Table& table, const std::string& text, const std::string& what) {
  const auto number = table.find(text);
  if (number) return *number;
  const std::string guess = text::did_you_mean(table.closest(text));
  return wrong("unknown " + what, text, guess.empty() ? "one of: " + table.list() : guess);
}

std::vector<std::string> words_of(const std::string& act) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= act.size();) {
    const size_t end = std::min(act.find(',', at), act.size());
    words.push_back(act.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::optional<uint32_t> access_word(const std::string& word) {
  return word == "execute" ? std::optional<uint32_t>(TL_EXECUTE) : names::access_words().find(word);
}

Result<ir::AccessSet> parse_words(const std::string& act) {
  ir::AccessSet access = 0;
  for (const std::string& word : words_of(act)) {
    if (const auto bit = access_word(word)) {
      access = static_cast<ir::AccessSet>(access | *bit);
      continue;
    }
    const std::vector<std::string> all = acts();
    if (std::find(all.begin(), all.end(), word) != all.end())
      return wrong("this is no access word:", word, "ask for it alone; with commas stand " + names::access_words().list() + ", execute");
    const std::vector<std::string_view> views(all.begin(), all.end());
    const std::string guess = text::did_you_mean(text::closest(word, views));
    std::string list;
    for (const std::string& one : all) list += (list.empty() ? "" : ", ") + one;
    return wrong("unknown act", word, guess.empty() ? "one of: " + list : guess);
  }
  return access;
}

using Kind = Question::Kind;

Result<Question> read_endpoint(Question question, const std::string& object) {
  const auto endpoint = parse_endpoint(object, question.kind != Kind::kListen);
  if (!endpoint) return endpoint.error();
  question.protocol = endpoint->protocol;
  question.address = endpoint->address;
  question.port = endpoint->port;
  return question;
}

Result<Question> read_socket(Question question, const std::string& object) {
  const size_t colon = object.find(':');
  const auto kind = parse_number(names::socket_kinds(), object.substr(0, colon), "kind of socket");
  if (!kind) return kind.error();
  question.number = *kind;
  if (*kind != TL_SOCK_NETLINK) {
    if (colon != std::string::npos)
      return wrong("only netlink sockets have a protocol here:", object, "write the kind alone");
    return question;
  }
  const std::string protocol = colon == std::string::npos ? "" : object.substr(colon + 1);
  const auto plain = text::decimal(protocol, names::kNetlinkProtocols - 1);
  const auto number = plain ? Result<uint32_t>(static_cast<uint32_t>(*plain))
                            : parse_number(names::netlink_protocols(), protocol, "netlink protocol");
  if (!number) return number.error();
  question.netlink = *number;
  return question;
}

Result<Question> read_number(Question question, const names::Table& table, const std::string& object,
                             const std::string& what) {
  const auto number = parse_number(table, object, what);
  if (!number) return number.error();
  question.number = *number;
  return question;
}

Result<Question> read_act(Question question, const std::string& act, const std::string& object) {
  if (act == "out" || act == "in" || act == "listen") {
    question.kind = act == "out" ? Kind::kConnect : act == "in" ? Kind::kAccept : Kind::kListen;
    return read_endpoint(std::move(question), object);
  }
  if (act == "capability") {
    question.kind = Kind::kCapability;
    return read_number(std::move(question), names::capabilities(), object, act);
  }
  if (act == "operation") {
    question.kind = Kind::kOperation;
    return read_number(std::move(question), names::operations(), object, act);
  }
  if (act == "user") {
    const auto uid = text::decimal(object, UINT32_MAX - 1);
    if (!uid) return wrong("this is no user id", object, "write the number that 'id -u' prints");
    question.kind = Kind::kUser;
    question.number = static_cast<uint32_t>(*uid);
    return question;
  }
  if (act == "socket") {
    question.kind = Kind::kSocket;
    return read_socket(std::move(question), object);
  }
  if (act == "syscall") {
    if (!seccomp::call_known(object)) {
      const std::string guess = text::did_you_mean(seccomp::closest_call(object));
      return wrong("unknown system call", object, guess.empty() ? "write a name of syscalls(2), such as openat" : guess);
    }
    question.kind = Kind::kSyscall;
    question.call = object;
    return question;
  }
  question.kind = act == "exec" ? Kind::kExec : act == "interpret" ? Kind::kInterpret : Kind::kAccess;
  const auto words = question.kind == Kind::kAccess ? parse_words(act) : Result<ir::AccessSet>(ir::AccessSet{0});
  if (!words) return words.error();
  const auto thing = parse_object(object);
  if (!thing) return thing.error();
  question.words = *words;
  question.object = *thing;
  return question;
}

}  // namespace

std::vector<std::string> acts() {
  std::vector<std::string> all;
  for (const names::Entry& entry : names::access_words().entries()) all.emplace_back(entry.name);
  for (const char* act :
       {"execute", "exec", "interpret", "out", "in", "listen", "capability", "operation", "user", "socket", "syscall"})
    all.emplace_back(act);
  return all;
}

bool act_known(const std::string& act) {
  const std::vector<std::string> all = acts(), words = words_of(act);
  if (words.size() == 1) return std::find(all.begin(), all.end(), act) != all.end();
  return std::all_of(words.begin(), words.end(), [](const std::string& word) { return access_word(word).has_value(); });
}

std::string row_path(const ir::Policy& policy, uint32_t row) {
  if (row == TL_ROW_ENTRY) return "entry";
  if (row == TL_ROW_JOIN) return "join";
  if (row < TL_ROW_FIRST || row - TL_ROW_FIRST >= policy.nodes.size()) return "";
  return ir::canonical_path(policy, row - TL_ROW_FIRST);
}

Result<uint32_t> find_node(const ir::Policy& policy, const std::string& text) {
  // The runtime's rows first: a node whose id is one of these words is named by its path.
  if (text == "entry") return uint32_t{TL_ROW_ENTRY};
  if (text == "join") return uint32_t{TL_ROW_JOIN};
  const auto count = static_cast<uint32_t>(policy.nodes.size());
  for (uint32_t i = 0; i < count; ++i)
    if (!policy.nodes[i].id.empty() && policy.nodes[i].id == text) return passes::row_of_node(i);
  const auto key = text::parse_hex64(text);
  std::vector<uint32_t> found;
  std::vector<std::string> known;
  for (uint32_t i = 0; i < count; ++i) {
    const std::string path = ir::canonical_path(policy, i);
    if (path == text || (key && ir::node_key(path) == *key)) return passes::row_of_node(i);
    if (policy.nodes[i].executable.text == text) found.push_back(i);
    if (known.size() < 8) known.push_back(path);
  }
  if (found.size() == 1) return passes::row_of_node(found[0]);
  std::string list;
  if (found.size() > 1) {
    for (const uint32_t i : found) list += "\n  " + text::printable(ir::canonical_path(policy, i), 4096);
    return wrong("several nodes run", text, "name one by its path in the tree:" + list);
  }
  for (const std::string& path : known) list += "\n  " + text::printable(path, 4096);
  if (count > known.size()) list += "\n  and " + std::to_string(count - known.size()) + " more";
  return wrong("there is no node", text, "there are:" + list);
}

Result<Question> read_question(const ir::Policy& policy, const std::string& node, const std::string& act,
                               const std::string& object) {
  const Result<uint32_t> row = find_node(policy, node);
  if (!row) return row.error();
  Question question;
  question.row = *row;
  return read_act(std::move(question), act, object);
}

passes::Verdict evaluate(passes::Evaluator& evaluator, const Question& q) {
  switch (q.kind) {
    case Kind::kAccess:
      return evaluator.access(q.row, q.object, q.words);
    case Kind::kExec:
      return evaluator.exec(q.row, q.object);
    case Kind::kInterpret:
      return evaluator.interpreter(q.row, q.object);
    case Kind::kConnect:
      return evaluator.connect(q.row, q.protocol, q.address, q.port);
    case Kind::kAccept:
      return evaluator.accept(q.row, q.protocol, q.address, q.port);
    case Kind::kListen:
      return evaluator.listen(q.row, q.protocol, q.port);
    case Kind::kCapability:
      return evaluator.capability(q.row, q.number);
    case Kind::kOperation:
      return evaluator.operation(q.row, q.number);
    case Kind::kUser:
      return evaluator.user(q.row, q.number);
    case Kind::kSocket:
      return evaluator.socket(q.row, q.number, q.netlink);
    case Kind::kSyscall:
      return evaluator.syscall(q.row, q.call);
  }
  return {};
}

namespace {

ir::ViolationKind violated(const Question& question) {
  switch (question.kind) {
    case Kind::kAccess: return (question.words & TL_EXECUTE) != 0 ? ir::ViolationKind::kExec : ir::ViolationKind::kFiles;
    case Kind::kExec:
    case Kind::kInterpret: return ir::ViolationKind::kExec;
    case Kind::kConnect:
    case Kind::kAccept:
    case Kind::kListen:
    case Kind::kSocket: return ir::ViolationKind::kNetwork;
    case Kind::kCapability: return ir::ViolationKind::kCapabilities;
    case Kind::kOperation: return ir::ViolationKind::kOperations;
    case Kind::kUser: return ir::ViolationKind::kUsers;
    case Kind::kSyscall: break;  // the filter's errno is all that it costs
  }
  return ir::ViolationKind::kFiles;
}

ir::OnViolation cost_of(const ir::Policy& policy, const Question& question, passes::Evaluator& evaluator) {
  if (question.kind == Kind::kSyscall) return ir::OnViolation::kDeny;
  const bool of_path = question.kind == Kind::kAccess || question.kind == Kind::kExec || question.kind == Kind::kInterpret;
  if (of_path)
    if (const std::optional<ir::OnViolation> cost = evaluator.path_cost(question.row, question.object)) return *cost;
  return ir::cost_of(policy, question.row < TL_ROW_FIRST ? ir::kNoNode : question.row - TL_ROW_FIRST, violated(question));
}

constexpr std::string_view kNoClone3 = "the filter answers ENOSYS, for which a libc calls clone: its flags lie in memory, and no node holds ";
constexpr std::string_view kRefused = "the filter refuses it whatever its arguments: no node holds ";

// What a listed call, or any where none is listed, meets all the same; "" where it passes with some arguments. clone3 is answered, not refused.
std::string refused_all_the_same(const ir::Policy& policy, const std::string& call) {
  if (call == "clone3") return "";
  const bool refused = seccomp::lists_calls(policy) ? !seccomp::may_pass(call, seccomp::held_by_any(policy)) : seccomp::closing_errno(policy, call) != 0;
  return refused ? std::string(kRefused) + seccomp::opened_by(call) : "";
}

// The filter knows no nodes (backends/seccomp/calls.h). `allowed`: by the list.
std::string what_the_filter_does(const ir::Policy& policy, const std::string& call, bool allowed) {
  if (const std::string why = refused_all_the_same(policy, call); !why.empty()) return why;
  if (!seccomp::lists_calls(policy))
    return call == "clone3" && seccomp::closing_errno(policy, call) != 0 ? "yet " + std::string(kNoClone3) + "the operation userns"
                                                                          : "no node lists system calls, so there is no filter of them but the closing one";
  if (call == "clone3" && !seccomp::may_pass(call, seccomp::held_by_any(policy))) return (allowed ? "yet " : "") + std::string(kNoClone3) + seccomp::opened_by(call);
  if (allowed) return "";
  for (uint32_t n = 0; n < policy.nodes.size(); ++n)
    for (const ir::SyscallRule& rule : policy.nodes[n].syscalls)
      if (rule.name == call)
        return "yet it passes: the filter is one for the workload, and " + text::printable(ir::canonical_path(policy, n), 4096) +
               " lists it on line " + std::to_string(rule.position.line);
  for (const seccomp::RuntimeCalls& runtime : seccomp::runtime_calls())
    if (std::find(runtime.calls.begin(), runtime.calls.end(), call) != runtime.calls.end())
      return "yet it passes: the filter is one for the workload, and the container runtime makes it before the entrypoint";
  return "no node lists it, and the filter refuses it to the workload as a whole";
}

// What no hook asks for is the filter's alone, and that knows no nodes either.
std::string open_for_another(const ir::Policy& policy, uint32_t operation) {
  if (operation != TL_OP_LDT && operation != TL_OP_SECCOMP_LISTENER) return "";
  for (uint32_t n = 0; n < policy.nodes.size(); ++n)
    for (const ir::NumberRule& rule : policy.nodes[n].operations)
      if (rule.value == operation)
        return "yet it passes: no hook asks for it, the filter is one for the workload, and " + text::printable(ir::canonical_path(policy, n), 4096) +
               " holds it on line " + std::to_string(rule.position.line);
  return "";
}

}  // namespace

Result<Answer> ask(const ir::Policy& policy, const std::string& node, const std::string& act, const std::string& object) {
  passes::Evaluator evaluator(policy);
  return ask(policy, evaluator, node, act, object);
}

Result<Answer> ask(const ir::Policy& policy, passes::Evaluator& evaluator, const std::string& node, const std::string& act,
                   const std::string& object) {
  const Result<Question> question = read_question(policy, node, act, object);
  if (!question) return question.error();
  passes::Verdict verdict = evaluate(evaluator, *question);
  Answer answer;
  if (question->kind == Kind::kSyscall) {
    answer.note = what_the_filter_does(policy, question->call, verdict.allowed);
    verdict.allowed &= refused_all_the_same(policy, question->call).empty();
  }
  answer.allowed = verdict.allowed;
  answer.row = question->row;
  answer.node = row_path(policy, question->row);
  answer.act = act;
  answer.object = object;
  if (!verdict.allowed) {
    answer.missing = names::access_text(verdict.missing);
    answer.cost = names::cost_text(cost_of(policy, *question, evaluator));
  }
  if (verdict.allowed && verdict.next != 0 && act != "interpret") answer.next = row_path(policy, verdict.next);
  if (question->kind == Kind::kOperation && !verdict.allowed) answer.note = open_for_another(policy, question->number);
  answer.rules = verdict.rules;
  return answer;
}

}  // namespace treeline::cli
