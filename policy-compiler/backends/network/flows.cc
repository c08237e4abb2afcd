// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/network/flows.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "policy-compiler/backends/network/blocks.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::backends::network {
namespace {

constexpr uint32_t kMostSplit = 256;  // ports of one range that are written singly

// What mends a residual where loading the bundle does not.
constexpr std::string_view kWithFilter =
    "the bpf back end holds them, system calls the seccomp back end: load a bundle of --backend bpf,seccomp as well";
constexpr std::string_view kNoHosts = "a profile has none either: name blocks or pods";
constexpr std::string_view kAllowDns = "learn it, or add the rule to the profile";
constexpr std::string_view kNodes = "write 'peer: any', or a policy of your own for them";
constexpr std::string_view kWhoConnects = "name the pods that connect: 'peer: {pods: ...}'";
constexpr std::string_view kPodsMeant = "write 'peer: {pods: ...}' where pods are meant";
constexpr std::string_view kBehindService = "name the pods behind it: 'peer: {pods: ...}', or --service";
constexpr std::string_view kBehindServices = "name the pods behind them in a rule of their own: 'peer: {pods: ...}'";
constexpr std::string_view kOnePort = "name the pods in a rule for each port: 'peer: {pods: ...}' with their port";
constexpr std::string_view kAsCalico = "emit --as calico, which knows icmp";
constexpr std::string_view kOwnPolicy = "let it through by a policy of your own, of a kind that knows it";
constexpr std::string_view kPickedPort = "add the ports that it picks from, such as 32768-60999";
constexpr std::string_view kRanges = "leave out --split-ranges, or narrow the range";

std::string text_of(const ir::NetworkRule& rule) {
  return std::string(ir::names::directions().name(static_cast<uint32_t>(rule.direction))) + " " +
         std::string(ir::names::protocols().name(static_cast<uint32_t>(rule.protocol))) + " " +
         ir::names::peer_text(rule.peer);
}

bool has_ports(ir::Protocol protocol) {
  return protocol == ir::Protocol::kTcp || protocol == ir::Protocol::kUdp || protocol == ir::Protocol::kSctp;
}

class Gatherer {
 public:
  Gatherer(const ir::Policy& policy, const Options& options, Target target)
      : policy_(policy), options_(options), target_(target) {}

  Flows run() {
    standing();
    for (const ir::Node& node : policy_.nodes)
      for (const ir::NetworkRule& rule : node.network) {
        not_held_.insert(rule.position);
        add(rule);
      }
    if (!dns_)
      residual({}, "no rule allows DNS (udp or tcp port 53): names do not resolve behind this policy", kAllowDns);
    Flows out;
    for (auto& [key, flow] : flows_) {
      normalise(flow.ports);
      out.list.push_back(std::move(flow));
    }
    std::stable_sort(residuals_.begin(), residuals_.end(),
                     [](const Residual& a, const Residual& b) { return a.position < b.position; });
    out.residuals = std::move(residuals_);
    for (const ir::Position held : held_) not_held_.erase(held);
    out.not_held = std::move(not_held_);
    return out;
  }

 private:
  void residual(ir::Position position, std::string message, std::string_view remedy = {}) {
    residuals_.push_back({position, std::move(message), remedy});
  }

  void standing() {
    residual({}, "process: every program of the pod has the rights of all " + std::to_string(policy_.nodes.size()) +
                     " nodes together; programs, files, capabilities and calls are not judged at all",
             kWithFilter);
    residual({}, "deny: policies only add up, so another one that selects the pod can allow more");
    residual({}, "DNS names: a rule knows addresses and labels, no names of hosts", kNoHosts);
    residual({}, "loopback: what stays within the pod is not judged");
    residual({}, "hostNetwork: a pod in the network of its node is not judged");
  }

  void add(const ir::NetworkRule& rule) {
    std::vector<Port> ports;
    if (!read_ports(rule, ports)) return;
    const bool dns =
        rule.direction == ir::Direction::kOut && std::any_of(ports.begin(), ports.end(), [](const Port& port) {
          return port.first <= 53 && port.last >= 53 && port.protocol != ir::Protocol::kSctp;
        });
    if (rule.peer.selector) {
      Peer peer;
      peer.pods = rule.peer.selector;
      left_to_image(rule);
      dns_ |= dns || (rule.direction == ir::Direction::kOut && target_port(rule, 53));
      put(rule, std::move(peer), target_ports(rule, ports));
      return;
    }
    Peer peer;
    switch (rule.peer.kind) {
      case ir::PeerKind::kLocalhost:
        residual(rule.position, "loopback: " + text::quoted(text_of(rule), 200) + " does not leave the pod");
        return;
      case ir::PeerKind::kAny:
        peer.everything = true;
        break;
      case ir::PeerKind::kInternal:
        peer.blocks = without_services(internal_blocks(), rule);
        peer.every_pod = target_ != Target::kCalico;
        if (peer.every_pod)
          residual(rule.position, "not held: " + text::quoted(text_of(rule), 200) +
                                      ": every pod is let through, whatever its address");
        if (target_ == Target::kCilium)
          residual(rule.position, "narrower: " + text::quoted(text_of(rule), 200) +
                                      ": a block does not match the nodes of the cluster",
                   kNodes);
        break;
      case ir::PeerKind::kExternal:
        peer.blocks = without_services(external_blocks(), rule);
        break;
      case ir::PeerKind::kBlocks:
        if (!explicit_blocks(rule, ports, dns, peer)) return;
        break;
    }
    if (!peer.everything && peer.blocks.empty() && !peer.every_pod) return;
    dns_ |= dns;
    put(rule, std::move(peer), ports);
  }

  // Of a peer of pods: this policy knows their labels alone.
  void left_to_image(const ir::NetworkRule& rule) {
    std::string words = rule.peer.kind == ir::PeerKind::kAny ? "" : "the addresses";
    if (!rule.peer.selector->target_ports.empty()) words += (words.empty() ? "" : " and ") + std::string("the Service's ports");
    if (!words.empty())
      residual(rule.position, "not held: " + text::quoted(text_of(rule), 200) + ": " + words +
                                  "; the labels of the pods are held");
  }

  // Of a Service: its pods are let through by their own addresses and other Services' too.
  void behind_service(const ir::NetworkRule& rule, const Service& service, const std::vector<Port>& ports) {
    const bool translated = !service.pods.target_ports.empty();
    residual(rule.position, "not held: " + text::quoted(text_of(rule), 200) + ": the Service's address " + ir::names::cidr_text(service.address) +
                                (translated ? " and its port" : "") + "; the labels of the pods are held");
    if (translated && (ports.size() > 1 || ports[0].first != ports[0].last))
      residual(rule.position,
               "narrower: " + text::quoted(text_of(rule), 200) + ": one port of the pods stands for all that the rule names", kOnePort);
  }

  // Blocks as written. Those of Services leave; false: nothing is left.
  bool explicit_blocks(const ir::NetworkRule& rule, const std::vector<Port>& ports, bool dns, Peer& peer) {
    std::vector<Block> blocks;
    bool pods = false;
    for (const ir::Cidr& cidr : rule.peer.blocks) {
      if (loopback(cidr)) {
        residual(rule.position, "loopback: " + ir::names::cidr_text(cidr) + " does not leave the pod");
        continue;
      }
      const auto service = std::find_if(options_.services.begin(), options_.services.end(),
                                        [&](const Service& one) { return within(cidr, one.address); });
      if (service != options_.services.end() && rule.direction != ir::Direction::kOut) {
        residual(rule.position,
                 "narrower: " + ir::names::cidr_text(cidr) + " is a Service's address, which nothing comes from",
                 kWhoConnects);
        continue;
      }
      if (service != options_.services.end()) {
        Peer behind;
        behind.pods = service->pods;
        behind_service(rule, *service, ports);
        ir::NetworkRule translated = rule;
        translated.peer.selector = service->pods;
        dns_ |= dns;
        put(rule, std::move(behind), target_ports(translated, ports));
        continue;
      }
      blocks.push_back({cidr, {}});
      pods |= std::any_of(private_.begin(), private_.end(),
                          [&](const Block& one) { return within(cidr, one.cidr) || within(one.cidr, cidr); });
    }
    peer.blocks = without_services(std::move(blocks), rule);
    if (pods && !peer.blocks.empty() && target_ != Target::kCalico)
      residual(rule.position,
               "narrower: " + text::quoted(text_of(rule), 200) + ": " +
                   (target_ == Target::kCilium ? "a block matches no pod and no node of the cluster"
                                               : "whether a block matches pods is left to the implementation"),
               kPodsMeant);
    return true;
  }

  std::vector<Block> without_services(std::vector<Block> blocks, const ir::NetworkRule& rule) {
    std::vector<Block> out;
    for (Block& block : blocks) {
      bool inside = false;
      for (const ir::Cidr& services : options_.service_blocks) {
        const std::string text = ir::names::cidr_text(services);
        if (within(block.cidr, services)) {
          inside = true;
          residual(rule.position,
                   "narrower: " + ir::names::cidr_text(block.cidr) + " lies in the block of Services (" + text +
                       "), whose addresses are translated before a policy is asked",
                   kBehindService);
          break;
        }
        if (!within(services, block.cidr)) continue;
        const bool known = std::any_of(block.except.begin(), block.except.end(),
                                       [&](const ir::Cidr& cidr) { return within(services, cidr); });
        if (known) continue;
        block.except.push_back(services);
        residual(rule.position,
                 "narrower: " + text::quoted(text_of(rule), 200) + ": without the Services of " + text +
                     ", whose addresses are translated before a policy is asked",
                 kBehindServices);
      }
      if (!inside) out.push_back(std::move(block));
    }
    for (Block& block : out)
      std::sort(block.except.begin(), block.except.end(),
                [](const ir::Cidr& a, const ir::Cidr& b) { return a.address < b.address; });
    return out;
  }

  bool read_ports(const ir::NetworkRule& rule, std::vector<Port>& out) {
    if (rule.protocol == ir::Protocol::kIcmp && target_ == Target::kCalico) {
      out.push_back({ir::Protocol::kIcmp, 1, 65535});
      return true;
    }
    if (!has_ports(rule.protocol)) {
      residual(rule.position, "narrower: " + text::quoted(text_of(rule), 200) +
                                  ": this kind of policy knows tcp, udp and sctp" +
                                  (target_ == Target::kCalico ? ", icmp" : "") + " only",
               rule.protocol == ir::Protocol::kIcmp ? kAsCalico : kOwnPolicy);
      return false;
    }
    return convert(rule, rule.ports, out);
  }

  bool convert(const ir::NetworkRule& rule, const std::vector<ir::PortRange>& ranges, std::vector<Port>& out) {
    for (ir::PortRange range : ranges) {
      if (range.last == 0) {
        residual(rule.position, "narrower: port 0 means one that the kernel picks, which a policy cannot name",
                 kPickedPort);
        continue;
      }
      range.first = std::max<uint16_t>(range.first, 1);
      const Port port{rule.protocol, range.first, range.last};
      const uint32_t count = static_cast<uint32_t>(range.last) - range.first + 1;
      if (!options_.split_ranges || port.all() || count == 1) {
        out.push_back(port);
      } else if (count > kMostSplit) {
        residual(rule.position, "narrower: ports " + ir::names::port_text(range) +
                                    " are too many to be written singly",
                 kRanges);
      } else {
        for (uint32_t one = range.first; one <= range.last; ++one)
          out.push_back({rule.protocol, static_cast<uint16_t>(one), static_cast<uint16_t>(one)});
      }
    }
    return !out.empty();
  }

  static bool target_port(const ir::NetworkRule& rule, uint16_t port) {
    return std::any_of(rule.peer.selector->target_ports.begin(), rule.peer.selector->target_ports.end(),
                       [&](const ir::PortRange& range) { return range.first <= port && port <= range.last; });
  }

  // Where the pods of the peer listen. What comes in comes to the own ports.
  std::vector<Port> target_ports(const ir::NetworkRule& rule, const std::vector<Port>& ports) {
    if (rule.direction != ir::Direction::kOut || rule.peer.selector->target_ports.empty()) return ports;
    std::vector<Port> out;
    convert(rule, rule.peer.selector->target_ports, out);
    return out;
  }

  void put(const ir::NetworkRule& rule, Peer peer, const std::vector<Port>& ports) {
    if (ports.empty()) return;
    held_.insert(rule.position);
    std::string key = std::to_string(static_cast<int>(rule.direction)) + (peer.everything ? "a"
                                                                          : peer.pods     ? "p"
                                                                                          : "b");
    for (const Block& block : peer.blocks) {
      key += " " + ir::names::cidr_text(block.cidr);
      for (const ir::Cidr& cidr : block.except) key += "-" + ir::names::cidr_text(cidr);
    }
    if (peer.pods) {
      ir::Peer named;
      named.selector = peer.pods;
      named.selector->target_ports.clear();
      key += ir::names::peer_text(named);
    }
    Flow& flow = flows_[key];
    flow.direction = rule.direction;
    flow.peer = std::move(peer);
    flow.ports.insert(flow.ports.end(), ports.begin(), ports.end());
  }

  // Sorted; ranges that overlap are one, neighbours stay apart only where they are written singly.
  void normalise(std::vector<Port>& ports) const {
    std::sort(ports.begin(), ports.end(), [](const Port& a, const Port& b) {
      return std::tie(a.protocol, a.first, a.last) < std::tie(b.protocol, b.first, b.last);
    });
    std::vector<Port> out;
    for (const Port& port : ports) {
      if (!out.empty() && out.back().protocol == port.protocol && port.first <= out.back().last)
        out.back().last = std::max(out.back().last, port.last);
      else
        out.push_back(port);
    }
    ports = std::move(out);
  }

  const ir::Policy& policy_;
  const Options& options_;
  const Target target_;
  const std::vector<Block> private_ = internal_blocks();
  std::map<std::string, Flow> flows_;
  std::vector<Residual> residuals_;
  std::set<ir::Position> held_, not_held_;  // a group's rule stands once and is asked of in each of its nodes
  bool dns_ = false;
};

}  // namespace

Flows gather(const ir::Policy& policy, const Options& options, Target target) {
  return Gatherer(policy, options, target).run();
}

std::vector<ir::Label> own_labels(const ir::Policy& policy, const Options& options) {
  if (!options.pods.empty()) return options.pods;
  return {{"app.kubernetes.io/name", policy.name}};
}

std::string object_name(const ir::Policy& policy) {
  std::string out = "treeline-";
  for (const char c : policy.name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (word || (c == '-' && out.back() != '.')) out += c;
    if (c == '_' && out.back() != '.') out += '-';
    // A label between dots begins and ends with a letter or digit.
    if (c == '.') {
      while (out.back() == '-') out.pop_back();
      if (out.back() != '.') out += '.';
    }
  }
  while (out.back() == '-' || out.back() == '.') out.pop_back();
  // `web_x` is not to replace the policy of `web-x`.
  if (out != "treeline-" + policy.name) out += "-" + text::hex64(ir::node_key(policy.name)).substr(2, 8);
  return out;
}

}  // namespace treeline::backends::network
