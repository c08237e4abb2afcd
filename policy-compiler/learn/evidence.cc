// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/evidence.h"

#include <nlohmann/json.hpp>

#include "policy-compiler/ir/names.h"

namespace treeline::learn {
namespace {

using nlohmann::json;

json time_json(const Use::Time& time) { return {{"episode", time.episode}, {"ns", time.ns}}; }

json use_json(const Use& use) {
  json out = {{"count", use.count}, {"episodes", use.episodes}};
  if (use.first.episode != UINT32_MAX) {
    out["first"] = time_json(use.first);
    out["last"] = time_json(use.last);
  }
  return out;
}

json words_json(ir::AccessSet words) {
  json out = json::array();
  for (uint32_t bit = 1; bit != 0 && bit <= words; bit <<= 1) {
    if ((words & bit) != 0) out.push_back(ir::names::access_text(static_cast<ir::AccessSet>(bit)));
  }
  return out;
}

json file_json(const LearnedFile& file) {
  json out = {{"pattern", file.pattern}, {"words", json::object()}};
  for (const auto& [word, use] : file.words) out["words"][ir::names::access_text(word)] = use_json(use);
  if (file.implied != 0) out["implied"] = words_json(file.implied);
  if (file.folded) {
    out["names"] = file.names;
    out["examples"] = file.examples;
  }
  return out;
}

json net_json(const LearnedNet& net) {
  return {{"direction", ir::names::directions().name(static_cast<uint32_t>(net.rule.direction))},
          {"protocol", ir::names::protocols().name(static_cast<uint32_t>(net.rule.protocol))},
          {"peer", ir::names::peer_text(net.rule.peer)},
          {"port", ir::names::port_text(net.rule.ports.front())},
          {"use", use_json(net.use)}};
}

json numbers_json(const std::map<uint32_t, Use>& numbers, const ir::names::Table* table) {
  json out = json::object();
  for (const auto& [number, use] : numbers) {
    const std::string_view name = table == nullptr ? "" : table->name(number);
    out[name.empty() ? std::to_string(number) : std::string(name)] = use_json(use);
  }
  return out;
}

json node_json(const DraftNode& draft, const ObservedNode& node) {
  json out = {{"node", draft.path},        {"executions", use_json(node.executions)},
              {"files", json::array()},    {"network", json::array()},
              {"sockets", json::object()}, {"system_calls", node.calls}};
  for (const LearnedFile& file : draft.files) out["files"].push_back(file_json(file));
  for (const LearnedNet& net : draft.network) out["network"].push_back(net_json(net));
  for (const auto& [kind, use] : node.sockets) {
    std::string name(ir::names::socket_kinds().name(kind.first));
    if (name == "netlink") name += " " + ir::names::netlink_text(kind.second);
    out["sockets"][name] = use_json(use);
  }
  out["capabilities"] = numbers_json(node.capabilities, &ir::names::capabilities());
  out["operations"] = numbers_json(node.operations, &ir::names::operations());
  out["users"] = numbers_json(node.users, nullptr);
  return out;
}

}  // namespace

std::string evidence_json(const std::string& profile, const std::vector<Trace>& episodes, const Observed& observed,
                          const std::vector<DraftNode>& nodes, const std::vector<Question>& questions) {
  json out = {{"schema", 1}, {"type", "evidence"}, {"profile", profile}};
  json& list = out["episodes"] = json::array();
  for (const Trace& trace : episodes) {
    list.push_back({{"started", trace.started},
                    {"stopped", trace.stopped},
                    {"container", trace.container},
                    {"kernel", trace.host_kernel},
                    {"complete", !trace.incomplete && !trace.late},
                    {"losses", trace.losses}});
  }
  out["nodes"] = json::array();
  for (const DraftNode& node : nodes) out["nodes"].push_back(node_json(node, observed.nodes[node.observed]));
  out["questions"] = json::array();
  for (const Question& question : questions) {
    out["questions"].push_back({{"kind", question_kind_name(question.kind)},
                                {"code", question.code},
                                {"node", question.node},
                                {"text", question.text},
                                {"remedy", question.remedy},
                                {"examples", question.examples}});
  }
  return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace treeline::learn
