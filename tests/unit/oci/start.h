// SPDX-License-Identifier: Apache-2.0
//
// The wrapper and the hook as wholes, with a treelined that answers what the case says and a runtime that only says
// that it was started.
#pragma once

#include <gmock/gmock.h>

#include "enforcer/oci/hook.h"
#include "enforcer/oci/wrapper.h"
#include "fake.h"

namespace treeline::oci {

inline constexpr char kFilter[] =
    R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})";
inline constexpr char kPlain[] =
    R"({ "ociVersion":"1.0.2", "x-unknown":[1.50,18446744073709551616], "annotations":{"treeline.policy":"web"} })";

class Start : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root starts containers under Treeline";
    world.config(kPlain);
  }
  // A daemon for which `web` is a policy in this mode with this bundle.
  FakeDaemon::Answer knows_web(const std::string& mode, const std::string& directory, const std::string& closing = "required") {
    return [=](const Json& request) {
      if (request["do"] == "unbind") return yes(request, {{"bound", false}});
      if (text_at(request, "policy") != "web")
        return no(request, "there is no policy '" + text_at(request, "policy") + "' here; load it", "not-found");
      Json answer{
          {"action", mode == "learn" ? "learn" : "bind"}, {"policy", "web"}, {"mode", mode}, {"directory", directory},
          {"closing", closing}};
      if (request["do"] == "bind") answer["bound"] = true;
      return yes(request, answer);
    };
  }
  Outcome wrapper(std::vector<std::string> runtime_args) {
    std::vector<std::string> args = {"--conf", world.path + "/conf", "--runtime", world.path + "/runtime"};
    args.insert(args.end(), runtime_args.begin(), runtime_args.end());
    return in_child("", [&] { return run_wrapper(args); });
  }
  Outcome create() {
    return wrapper(
        {"--log", world.path + "/log", "--log-format", "json", "create", "--bundle", world.path + "/b", "web-1"});
  }
  Outcome hook(const std::string& state, const std::vector<std::string>& more = {}) {
    std::vector<std::string> args = {"--conf", world.path + "/conf"};
    args.insert(args.end(), more.begin(), more.end());
    return in_child(state, [&] { return run_hook(args); });
  }
  std::string state(const std::string& policy = "web") {
    return to_line(Json{{"ociVersion", "1.0.2"},
                        {"id", "web-1"},
                        {"status", "creating"},
                        {"pid", 4711},
                        {"bundle", world.path + "/b"},
                        {"annotations", {{"treeline.policy", policy}}}});
  }
  bool started() { return world.exists("started"); }

  World world;
};

}  // namespace treeline::oci
