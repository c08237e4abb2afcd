// SPDX-License-Identifier: Apache-2.0
//
// Kubescape's ApplicationProfile, ContainerProfile and NetworkNeighborhood
// (spdx.softwarecomposition.kubescape.io/v1beta1): what one container was seen to start, open and call. One container
// is one profile.
#include <algorithm>
#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/frontend/network.h"
#include "policy-compiler/import/draft.h"
#include "policy-compiler/import/flags.h"
#include "policy-compiler/import/readers.h"
#include "policy-compiler/import/strace_state.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr std::string_view kDynamic = "\xe2\x8b\xaf";  // U+22EF, one component of any name

class KubescapeReader {
 public:
  KubescapeReader(Draft& draft, const Options& options, Diagnostics& diagnostics)
      : draft_(draft), options_(options), diagnostics_(diagnostics) {}

  bool document(const Value& value) {
    Object root(value, "the profile", diagnostics_);
    root.ignore({"apiVersion", "status"});
    if (const Value* metadata = root.get("metadata")) completeness(*metadata);
    const std::string_view kind = root.text("kind");
    const Value* spec_value = root.get("spec");
    root.finish();
    if (spec_value == nullptr) return true;
    Object spec(*spec_value, "spec", diagnostics_);
    spec.ignore({"imageID", "imageTag"});
    architectures_ = spec.list("architectures");
    for (const char* key : {"matchLabels", "matchExpressions"})
      refuse_said(spec, *spec_value, key, "for which workload it is, a profile does not say",
                  "bind the profile to that workload");
    if (kind == "ContainerProfile") {
      container(*spec_value, spec);
      spec.finish();
      return true;
    }
    std::vector<const Value*> all;
    for (const char* key : {"containers", "initContainers", "ephemeralContainers"})
      for (const Value* item : spec.list(key)) all.push_back(item);
    spec.finish();
    std::string names;
    const Value* chosen = nullptr;
    for (const Value* item : all) {
      const Value* name = member(*item, "name");
      const std::string_view text =
          name != nullptr && name->is_scalar() ? std::string_view(name->text) : std::string_view();
      names += (names.empty() ? "" : ", ") + text::printable(text, 63);
      if (options_.container.empty() ? all.size() == 1 : text == options_.container) chosen = item;
    }
    if (chosen == nullptr) {
      diagnostics_.error(
          spec_value->position, "import-format",
          all.empty() ? "there is no container" : "there is more than one container, or none of that name: " + names,
          "name one with --container: a profile is that of one container");
      return false;
    }
    neighbours_only_ = kind == "NetworkNeighborhood";
    Object item(*chosen, "the container", diagnostics_);
    container(*chosen, item);
    item.finish();
    return true;
  }

 private:
  // "partial": recording began after the container did. Before "completed" it still goes on, or it was given up.
  void completeness(const Value& metadata) {
    const Value* annotations = member(metadata, "annotations");
    if (annotations == nullptr) return;
    for (const auto& [key, whole] : {std::pair("kubescape.io/completion", "complete"), std::pair("kubescape.io/status", "completed")})
      if (const Value* word = member(*annotations, key); word != nullptr && word->is_scalar() && word->text != whole)
        diagnostics_.note(word->position, "import-question",
                          "the recording is not whole (" + std::string(key) + ": " + text::printable(word->text, 63) + "), so the draft lacks what it did not see",
                          "record from the container's start to its end, or run the draft in the mode monitor first");
  }

  void container(const Value& value, Object& item) {
    item.ignore({"name", "imageID", "imageTag"});
    refuse_said(item, value, "identifiedCallStacks", "from where in a program a call came, which no hook asks for",
                "what a program may do holds for all of it");
    refuse_said(item, value, "rulePolicies", "what Kubescape does not alert on, which is no right by itself",
                "grant by hand what those programs need");
    // Always there; of its own only with a path or with calls.
    if (const Value* profile = item.get("seccompProfile");
        profile != nullptr && (said(member(*profile, "path")) || said(member(*profile, "spec"))))
      diagnostics_.warning(profile->position, "not-carried", "'seccompProfile': a filter of system calls of its own",
                           "store it as a file and import it: --from docker-seccomp");
    for (const Value* exec : item.list("execs")) {
      Object one(*exec, "an exec", diagnostics_);
      const std::string_view path = one.text("path");
      one.ignore({"args", "envs"});
      const bool strict = one.flag("argsRequired");
      one.finish();
      if (strict) {
        diagnostics_.warning(exec->position, "not-carried",
                             text::quoted(path) + " is for certain arguments only, which the language cannot say",
                             "write the rule by hand if the workload may start it with any");
        continue;
      }
      if (auto pattern = translate(path, exec->position)) {
        arguments_ |= said(member(*exec, "args")) || said(member(*exec, "envs"));
        draft_.programs[draft_.program(*pattern, exec->position)].anywhere = true;
      }
    }
    for (const Value* open : item.list("opens")) {
      Object one(*open, "an open", diagnostics_);
      const std::string_view path = one.text("path");
      std::string flags;
      bool known = true;
      for (const Value* flag : one.list("flags")) {
        flags += flag->text + " ";
        if (known_open_flag(flag->text)) continue;
        known = false;
        diagnostics_.note(flag->position, "narrower", text::quoted(path) + " is opened with " + text::quoted(flag->text) + ", which is not known",
                            "add to the file's words what that flag asks for");
      }
      one.finish();
      OpenFlags wanted = open_flags(flags);
      if (!wanted.known && known && !flags.empty()) wanted = open_flags("O_RDONLY " + flags);  // it is 0, and may stand unsaid
      if (!wanted.known) {
        diagnostics_.warning(open->position, "not-carried",
                             text::quoted(path) + " is opened with flags that are not known", "write the rule by hand");
        continue;
      }
      if (auto pattern = translate(path, open->position)) {
        if (wanted.unnamed) *pattern += "/{tmpfile}";
        draft_.grant_file(draft_.common, *pattern, wanted.access, open->position);
        maps_ |= pattern->find(".so") != std::string::npos;
      }
    }
    for (const Value* capability : item.list("capabilities"))
      draft_.grant_capability(draft_.common, capability->text, capability->position);
    const std::vector<const Value*> calls = item.list("syscalls");
    for (const Value* call : calls) draft_.grant_syscall(draft_.common, call->text, call->position);
    if (!calls.empty()) ask_architectures(architectures_, diagnostics_);
    for (const Value* peer : item.list("egress")) neighbour(*peer, ir::Direction::kOut);
    for (const Value* peer : item.list("ingress")) neighbour(*peer, ir::Direction::kIn);
    item.refuse("endpoints", "requests of HTTP, which no hook sees", "hold them in a proxy");
    if (arguments_)
      diagnostics_.note(value.position, "narrower",
                        "arguments and environments of programs are not part of a profile: none is asked for",
                        "where an argument matters, hold it by the files that the node may read");
    if (maps_)
      diagnostics_.note(value.position, "import-question", "the source does not say which files are mapped as code",
                        "add 'map' to the shared libraries");
    if (!neighbours_only_)
      diagnostics_.note(value.position, "import-question",
                        "the source knows only opens: making and deleting of other kinds is not in it",
                        "add 'mkdir', 'delete', 'rename-in' where the workload needs them");
  }

  // A key that the server fills in, empty: not carried over where it says something.
  static void refuse_said(Object& object, const Value& value, std::string_view key, std::string_view why,
                          std::string_view remedy) {
    object.ignore({key});
    if (said(member(value, key))) object.refuse(key, why, remedy);
  }

  // Does it say anything? What the server fills in is empty.
  static bool said(const Value* value) {
    if (value == nullptr) return false;
    return !value->text.empty() || std::any_of(value->entries.begin(), value->entries.end(), [](const auto& entry) {
      return said(&entry.value);
    }) || !value->items.empty();
  }

  std::optional<std::string> translate(std::string_view path, Position position) {
    if (path.empty() || path[0] != '/' || path.size() > TL_PATH_MAX) {
      diagnostics_.warning(position, "not-carried", text::quoted(path) + " is no path from the root",
                           "write the rule by hand with the whole path");
      return std::nullopt;
    }
    std::string out;
    bool proc = false;
    size_t number = 0;
    for (size_t at = 0; at < path.size();) {
      const size_t end = std::min(path.find('/', at + 1), path.size());
      const std::string_view name = path.substr(at + 1, end - at - 1);
      at = end;
      if (name.empty()) continue;
      if (number == 0) proc = name == "proc";
      const bool digits = std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (name == "..") {
        diagnostics_.warning(position, "not-carried", text::quoted(path) + " goes up", "write the path it leads to");
        return std::nullopt;
      }
      if (proc && number == 1 && (name == kDynamic || name == "*" || name == "self" || digits)) {
        if (name != "self")
          diagnostics_.note(position, "narrower", "of /proc only the own process is granted, by {own}",
                            "name others by their relation: {descendant}, {workload}, {other}");
        out += "/{own}";
      } else if (proc && number == 1 && name == "thread-self") {
        out += "/{own}/task/{digits}";
      } else if (name == kDynamic) {
        out += "/*";
      } else if (name == "*") {  // any number of components
        out += "/**";
      } else if (name.find(kDynamic) != std::string_view::npos) {
        diagnostics_.warning(position, "not-carried", text::quoted(path) + " has a dynamic part within a name",
                             "write the rule by hand");
        return std::nullopt;
      } else {
        out += "/" + passes::literal_pattern(name);
      }
      ++number;
    }
    return out.empty() ? "/" : out;
  }

  void neighbour(const Value& value, ir::Direction direction) {
    Object peer(value, "a neighbour", diagnostics_);
    peer.ignore({"identifier", "type", "dns"});
    peer.refuse("podSelector", "pods by labels: whose addresses they are is not in the source",
                "write 'peer: {pods: {KEY: VALUE}, ...}' by hand");
    peer.refuse("namespaceSelector", "namespaces by labels",
                "write 'peer: {pods: ..., namespace: {KEY: VALUE}}' by hand");
    std::vector<const Value*> addresses = peer.list("ipAddresses");
    if (const Value* one = peer.get("ipAddress"); one != nullptr && one->is_scalar() && !one->text.empty())
      addresses.push_back(one);
    // 'dns' is the older key, of one name, and repeats it.
    peer.ignore({"dnsNames"});
    const std::string_view names = said(member(value, "dnsNames")) ? "dnsNames" : "dns";
    refuse_said(peer, value, names, "names of hosts are not part of the language",
                addresses.empty() ? "write the addresses behind them"
                                  : "the address that was seen is held: add the others behind them");
    const std::vector<const Value*> ports = peer.list("ports");
    peer.finish();
    const bool named =
        said(member(value, "podSelector")) || said(member(value, "namespaceSelector")) || said(member(value, names));
    if (addresses.empty() && !named)
      diagnostics_.warning(value.position, "not-carried", "a neighbour without an address", "write the rule by hand");
    if (!addresses.empty() && ports.empty())
      diagnostics_.warning(value.position, "not-carried",
                           "the neighbour " + text::quoted(addresses[0]->text) +
                               " without a port: which protocol it speaks is not in the source",
                           "write the rule by hand: {direction: out, protocol: tcp, peer: ADDRESS, port: NUMBER}");
    ir::NetworkRule rule;
    rule.direction = direction;
    rule.peer.kind = ir::PeerKind::kBlocks;
    for (const Value* address : addresses) {
      std::string problem, remedy;
      if (const auto cidr = frontend::parse_cidr(address->text, problem, remedy))
        rule.peer.blocks.push_back(*cidr);
      else
        diagnostics_.warning(address->position, "not-carried", problem, remedy);
    }
    if (rule.peer.blocks.empty()) return;
    for (const Value* item : ports) {
      Object port(*item, "a port", diagnostics_);
      std::string protocol;
      for (const char c : port.text("protocol"))
        protocol += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      const auto number = frontend::parse_ports(port.text("port"));
      port.ignore({"name"});
      port.finish();
      rule.position = item->position;
      const bool tcp = protocol == "tcp", udp = protocol == "udp", sctp = protocol == "sctp";
      if (!number || (!tcp && !udp && !sctp)) {
        diagnostics_.warning(item->position, "not-carried",
                             "a port without a number or of protocol " + text::quoted(protocol),
                             "write the rule by hand");
        continue;
      }
      rule.protocol = tcp ? ir::Protocol::kTcp : udp ? ir::Protocol::kUdp : ir::Protocol::kSctp;
      rule.ports = {*number};
      draft_.common.network.push_back(rule);
      add_number(draft_.common.sockets,
                 tcp   ? TL_SOCK_INET_STREAM
                 : udp ? TL_SOCK_INET_DGRAM
                       : TL_SOCK_INET_SCTP,
                 item->position);
    }
  }

  Draft& draft_;
  const Options& options_;
  Diagnostics& diagnostics_;
  std::vector<const Value*> architectures_;
  bool arguments_ = false, maps_ = false, neighbours_only_ = false;
};

}  // namespace

std::optional<ir::Policy> read_kubescape(const Source& source, const Options& options, Diagnostics& diagnostics) {
  Draft draft(diagnostics);
  KubescapeReader reader(draft, options, diagnostics);
  std::string name = options.name;
  bool good = true;
  for (const Value& document : source.documents) {
    good &= reader.document(document);
    if (name.empty()) name = name_of(document);
  }
  if (!good) return std::nullopt;
  add_programs(draft, options);
  return std::move(draft).finish(name);
}

}  // namespace treeline::import_
