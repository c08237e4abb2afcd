// SPDX-License-Identifier: Apache-2.0
#include "enforcer/events/line_encoder.h"

#include <cstdint>
#include <ctime>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/base/clock.h"
#include "enforcer/events/words.h"
#include "policy-compiler/support/text.h"

namespace treeline::events {
namespace {

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string base_name(std::string step) {
  if (size_t space = step.find(" ("); space != std::string::npos) step.resize(space);
  if (size_t slash = step.rfind('/'); slash != std::string::npos && slash + 1 < step.size()) step.erase(0, slash + 1);
  return step;
}

// RFC 3339 back to local time of day.
std::string time_of(const Json& event) {
  tm parts{};
  std::string text = text_at(event, "time");
  if (!strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts)) return "--:--:--";
  const int64_t seconds = timegm(&parts);
  if (seconds < 0 || seconds > INT64_MAX / 1'000'000'000) return "--:--:--";  // no event is from before 1970 or after 2262
  return clock_of_day(seconds * 1'000'000'000);
}

std::string object_of(const Json& event) {
  auto object = event.find("object");
  if (object == event.end() || !object->is_object()) return "-";
  std::string type = text_at(*object, "type");
  if (type == "path") {
    std::string second = text_at(*object, "second_path");
    return text_at(*object, "path") + (second.empty() ? "" : " -> " + second);
  }
  if (type == "class") return text_at(*object, "class");
  if (type == "net") {
    std::string address = text_at(*object, "address", "*");
    if (address.find(':') != std::string::npos) address = "[" + address + "]";
    return address + ":" + std::to_string(number_at(*object, "port")) + "/" + text_at(*object, "protocol");
  }
  return text_at(*object, "name", "-");
}

std::string reason_of(const Json& event) {
  std::string word = text_at(event, "reason");
  for (uint32_t i = 0; i < TL_REASONS; ++i)
    if (reason_word(i) == word) return std::string(reason_sentence(i));
  return word;
}

}  // namespace

std::string short_node(const std::string& path) {
  std::vector<std::string> steps;
  for (size_t at = 0; at != std::string::npos;) {
    size_t end = path.find(" > ", at);
    steps.push_back(base_name(path.substr(at, end == std::string::npos ? end : end - at)));
    at = end == std::string::npos ? end : end + 3;
  }
  if (steps.size() > 1) steps.erase(steps.begin());  // "entry"
  if (steps.size() == 1) return steps[0];
  return steps[steps.size() - 2] + " > " + steps.back();
}

std::string to_text(const Json& event, bool colour, bool wide) {
  const std::string type = text_at(event, "type");
  std::string line = time_of(event) + " ";
  if (type == "loss" && event.contains("container")) {
    const std::string policy = text_at(event, "policy");
    return text::printable(line + "MORE  " + padded(policy, 24) + " " + std::to_string(number_at(event, "count")) + " more refusals not shown, of container " +
                               text_at(event, "container") + "; counted exactly: treeline denials " + policy, 16384);
  }
  if (type == "loss") {
    const std::string what = text_at(event, "what");
    return line + "LOST  " + padded("-", 24) + " " + padded(what, 8) + " " + std::to_string(number_at(event, "count")) +
           (what == "counts"                          ? " refused, and not counted by node, hook and reason: the table is full"
            : what == "learned" || what == "syscalls" ? " not recorded: the table is full, and what is being learned says in its trace that it is not complete"
                                                      : " not shown; the counters are exact");
  }

  std::string verdict = text_at(event, "verdict");
  const char* word = verdict == "deny" ? "DENY " : verdict == "kill" ? "KILL " : verdict == "would-deny" ? "WOULD" : "SEEN ";
  const char* shade = verdict == "deny" || verdict == "kill" ? "\033[31m" : verdict == "would-deny" ? "\033[33m" : "";
  const std::string start = line + (colour && *shade ? std::string(shade) + word + "\033[0m" : word);
  line.clear();

  Json node = event.contains("node") && event["node"].is_object() ? event["node"] : Json::object();
  std::string path = text_at(node, "path");
  if (path.empty()) path = text_at(node, "key");
  std::string who = text_at(event, "policy", "-") + ": " + (wide ? path : short_node(path));
  line += " " + padded(who, 24) + " " + padded(text_at(event, "act"), 8) + " " + padded(object_of(event), 28) + " " + reason_of(event);
  if (number_at(node, "line")) line += " (profile line " + std::to_string(number_at(node, "line")) + ")";
  if (std::string reaction = text_at(event, "reaction"); !reaction.empty()) line += "  -> " + reaction;
  line += "  #" + text_at(event, "id").substr(0, 8);
  if (const int64_t count = number_at(event, "count")) line += " x" + std::to_string(count);
  if (wide) {
    Json process = event.contains("process") && event["process"].is_object() ? event["process"] : Json::object();
    line += "  hook " + text_at(event, "hook") + ", pid " + std::to_string(number_at(process, "pid")) + " (" +
            text_at(process, "comm") + ") uid " + std::to_string(number_at(process, "uid"));
    if (std::string container = text_at(event, "container"); !container.empty()) line += ", container " + container;
  }
  return start + text::printable(line, 16384);  // the stream is ours, its names are not
}

}  // namespace treeline::events
