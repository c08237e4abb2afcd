// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy-compiler/backends/network/lower.h"
#include "policy-compiler/backends/selinux/lower.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"
#include "policy-compiler/frontend/network.h"
#include "policy-compiler/support/files.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli {
namespace {

namespace network = backends::network;
namespace selinux = backends::selinux;

Error malformed(std::string_view option, const std::string& value, std::string_view form) {
  return Error{std::string(option) + " " + text::quoted(value) + ": write " + std::string(form)};
}

// Of a namespace: RFC 1123.
bool is_dns_label(std::string_view name) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && word(name.front()) && word(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return word(c) || c == '-'; });
}

Result<ir::Label> parse_label(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (equals == std::string::npos || !frontend::is_label_key(key) || !frontend::is_label_value(value))
    return Error{text::quoted(text) + " is no label; write KEY=VALUE"};
  return ir::Label{key, value};
}

Result<std::vector<ir::Label>> parse_labels(std::string_view text) {
  std::vector<ir::Label> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    Result<ir::Label> label = parse_label(std::string(text.substr(at, end - at)));
    if (!label) return label.error();
    out.push_back(std::move(*label));
    at = end + 1;
  }
  return out;
}

// 10.96.0.10=kube-system/k8s-app=kube-dns:53
Result<network::Service> parse_service(const std::string& text) {
  constexpr std::string_view kForm =
      "ADDRESS=NAMESPACE/KEY=VALUE, such as 10.96.0.10=kube-system/k8s-app=kube-dns, and :PORT where the pods have "
      "another port";
  const size_t equals = text.find('='), slash = text.find('/', equals == std::string::npos ? 0 : equals);
  if (equals == std::string::npos || slash == std::string::npos) return malformed("--service", text, kForm);
  std::string problem, remedy;
  const auto address = frontend::parse_cidr(text.substr(0, equals), problem, remedy);
  const std::string name_space = text.substr(equals + 1, slash - equals - 1);
  if (!address || address->prefix != (address->v6 ? 128 : 32) || !is_dns_label(name_space))
    return malformed("--service", text, kForm);
  network::Service service;
  service.address = *address;
  service.pods.name_space = {{"kubernetes.io/metadata.name", name_space}};
  std::string labels = text.substr(slash + 1);
  if (const size_t colon = labels.find(':'); colon != std::string::npos) {
    const auto port = frontend::parse_ports(labels.substr(colon + 1));
    if (!port) return malformed("--service", text, kForm);
    service.pods.target_ports = {*port};
    labels.resize(colon);
  }
  Result<std::vector<ir::Label>> pods = parse_labels(labels);
  if (!pods) return malformed("--service", text, kForm);
  service.pods.pods = std::move(*pods);
  return service;
}

Result<network::Options> network_options(const EmitOptions& options) {
  network::Options out = network::default_options();
  if (!options.name_space.empty() && !is_dns_label(options.name_space))
    return malformed("--namespace", options.name_space, "the name of a namespace: at most 63 of a-z, 0-9 and '-', the first and last no '-'");
  out.name_space = options.name_space;
  out.split_ranges = options.split_ranges;
  for (const std::string& pod : options.pods) {
    Result<ir::Label> label = parse_label(pod);
    if (!label) return malformed("--pods", pod, "KEY=VALUE");
    for (const ir::Label& known : out.pods)
      if (known.key == label->key && known.value != label->value) return Error{"--pods: " + text::quoted(known.key) + " is given two values, which no pod has; name one"};
    out.pods.push_back(std::move(*label));
  }
  const std::vector<std::string>& blocks = options.service_cidrs;
  if (!blocks.empty()) out.service_blocks.clear();
  const auto is_none = [](const std::string& text) { return text == "none"; };
  if (std::any_of(blocks.begin(), blocks.end(), is_none) && !std::all_of(blocks.begin(), blocks.end(), is_none))
    return Error{"--service-cidr: 'none' stands beside others; name the blocks, or none alone"};
  for (const std::string& text : blocks) {
    if (is_none(text)) continue;
    std::string problem, remedy;
    const auto block = frontend::parse_cidr(text, problem, remedy);
    if (!block) return Error{"--service-cidr: " + problem + "; write a block such as 10.96.0.0/12, or none"};
    out.service_blocks.push_back(*block);
  }
  for (auto at = options.services.begin(); at != options.services.end(); ++at) {
    const std::string& text = *at;
    if (std::find(options.services.begin(), at, text) != at) continue;  // said twice
    Result<network::Service> service = parse_service(text);
    if (!service) return service.error();
    for (const network::Service& known : out.services)
      if (known.address.v6 == service->address.v6 && known.address.address == service->address.address)
        return Error{"--service: " + text::quoted(text) + " is of an address that another one has; name each once, and pods of several ports in the profile: 'peer: {pods: ...}'"};
    out.services.push_back(std::move(*service));
  }
  return out;
}

Result<selinux::Options> selinux_options(const EmitOptions& options) {
  selinux::Options out;
  const auto is_type = [](std::string_view type) {
    return !type.empty() && type.size() <= 128 && std::all_of(type.begin(), type.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
  };
  for (const std::string& text : options.mounts) {
    const size_t equals = text.rfind('=');
    selinux::Mount mount{text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
    while (mount.path.size() > 1 && mount.path.back() == '/') mount.path.pop_back();
    if (mount.path.empty() || mount.path[0] != '/' || (equals != std::string::npos && !is_type(mount.type)))
      return malformed("--mount", text, "PATH or PATH=TYPE, such as /var/log/web=var_log_t");
    out.mounts.push_back(std::move(mount));
  }
  return out;
}

// Options that the target does not know. Taken in silence they would be thought to be in the policy.
Result<void> only_known(const EmitOptions& options, bool of_network) {
  std::string unknown;
  const auto asked = [&](bool given, std::string_view option) {
    if (given) unknown += (unknown.empty() ? "" : ", no ") + std::string(option);
  };
  if (of_network) {
    asked(!options.mounts.empty(), "--mount");
  } else {
    asked(!options.name_space.empty(), "--namespace");
    asked(!options.pods.empty(), "--pods");
    asked(!options.service_cidrs.empty(), "--service-cidr");
    asked(!options.services.empty(), "--service");
    asked(options.split_ranges, "--split-ranges");
  }
  if (unknown.empty()) return {};
  return Error{"--as " + options.as + " knows no " + unknown + "; leave that out, or name what it is for: --as " +
               (of_network ? "selinux" : "networkpolicy, cilium or calico")};
}

struct Emitted {
  struct Residual {
    Position position;
    std::string message;
    std::string_view remedy;
  };
  std::string text;
  std::vector<Residual> residuals;
};

template <typename Lowered>
Emitted emitted(Lowered lowered) {
  constexpr std::string_view kHeldByImage = "the bpf back end holds it: load the bundle as well";
  Emitted out{std::move(lowered.text), {}};
  for (auto& residual : lowered.residuals)
    out.residuals.push_back({residual.position, std::move(residual.message), residual.remedy.empty() ? kHeldByImage : residual.remedy});
  return out;
}

}  // namespace

int emit(const EmitOptions& options) {
  Report report("emit", options.form);
  if (report.document() && options.output == "-")
    return report.usage(Error{"--json and the policy both go to standard output; name a file with -o"});
  const auto target = network::find_target(options.as);
  if (!target && options.as != "selinux")
    return report.usage(
        Error{"there is no " + text::quoted(options.as) + "; --as is one of networkpolicy, cilium, calico, selinux"});
  if (Result<void> known = only_known(options, target.has_value()); !known) return report.usage(known.error());
  const Result<network::Options> network_how = network_options(options);
  if (!network_how) return report.usage(network_how.error());
  const Result<selinux::Options> selinux_how = selinux_options(options);
  if (!selinux_how) return report.usage(selinux_how.error());

  Result<Loaded> loaded = load(options.profile);
  if (!loaded) return report.failed(loaded.error());
  if (!loaded->good()) {
    report.diagnostics(loaded->diagnostics, loaded->text);
    return report.finish(kNo);
  }
  // What is near it would be another workload's.
  if (target && options.pods.empty() && !frontend::is_label_value(loaded->policy.name))
    return report.usage(Error{text::quoted(loaded->policy.name) + " is no value of a label, so its pods cannot be found by app.kubernetes.io/name; "
                              "name their label with --pods KEY=VALUE"});
  const Emitted made = target ? emitted(network::lower(*target, loaded->policy, *network_how))
                              : emitted(selinux::lower(loaded->policy, *selinux_how));
  for (const auto& [position, message, remedy] : made.residuals) {
    if (options.strict && position.line != 0)
      loaded->diagnostics.error(position, "residual", message, std::string(remedy));
    else
      loaded->diagnostics.note(position, "residual", message, std::string(remedy));
  }
  loaded->diagnostics.sort();
  report.diagnostics(loaded->diagnostics, loaded->text);
  if (loaded->diagnostics.has_errors()) return report.finish(kNo);
  if (Result<void> written = files::write_file(options.output, made.text); !written)
    return report.failed(written.error());
  report.fields({{"as", options.as}, {"output", options.output}, {"residuals", made.residuals.size()}});
  return report.finish(kYes);
}

}  // namespace treeline::cli
