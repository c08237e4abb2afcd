// SPDX-License-Identifier: Apache-2.0
//
// What the wrapper and the hook do where treelined, or who starts them, does not do its part.
#include "start.h"

namespace treeline::oci {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Start, what_is_refused_here_is_told_to_treelined_and_what_it_refused_is_not) {
  std::vector<std::string> told;
  FakeDaemon daemon(world, [&](const Json& request) {
    if (request["do"] != "refused") return no(request, "there is no such policy here", "not-found");
    told.push_back(text_at(request, "container") + ": " + text_at(request, "why"));
    return yes(request, Json::object());
  });
  EXPECT_EQ(create().status, 1);
  EXPECT_EQ(hook(state()).status, 1);
  EXPECT_TRUE(told.empty()) << told[0];
  world.config("{\"annotations\":");
  EXPECT_EQ(create().status, 1);
  EXPECT_EQ(wrapper({"run", "--bundle=" + world.path + "/b", "--", "web-2"}).status, 1);
  EXPECT_EQ(hook(state()).status, 1);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_THAT(told[0], AllOf(HasSubstr("web-1: "), HasSubstr("the text ends")));
  EXPECT_THAT(told[1], AllOf(HasSubstr("web-2: "), HasSubstr("the text ends")));
  EXPECT_THAT(told[2], AllOf(HasSubstr("web-1: "), HasSubstr("the text ends")));
}

TEST_F(Start, what_treelined_refuses_has_a_name_there) {
  std::vector<std::string> of;
  FakeDaemon daemon(world, [&](const Json& request) {
    of.push_back(text_at(request, "do") + " " + text_at(request, "container"));
    return no(request, "there is no such policy here", "not-found");
  });
  EXPECT_EQ(create().status, 1);
  EXPECT_EQ(hook(state()).status, 1);
  EXPECT_THAT(of, ElementsAre("resolve web-1", "resolve web-1"));
}

TEST_F(Start, a_daemon_that_talks_nonsense_is_a_refusal) {
  for (const char* line : {"nonsense", "{}", "[]", R"({"id":1,"ok":true})", R"({"id":7,"ok":true,"action":"unbound"})",
                           R"({"id":1,"ok":"true"})"}) {
    World other;
    other.config(kPlain);
    FakeDaemon daemon(other, [line](const Json&) { return line; });
    const std::vector<std::string> args = {"--conf", other.path + "/conf", "--runtime",       other.path + "/runtime",
                                           "create", "--bundle",           other.path + "/b", "w"};
    EXPECT_NE(in_child("", [&] { return run_wrapper(args); }).status, 42) << line;
    EXPECT_FALSE(other.exists("started"));
  }
  FakeDaemon daemon(world, [](const Json& request) { return no(request, "not proven", "not-enforced"); });
  EXPECT_EQ(create().status, 4);
}

TEST_F(Start, a_hung_daemon_refuses_in_time) {
  FakeDaemon daemon(world, [](const Json&) { return std::string(); });
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = hook(state());
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("did not answer in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(40));
}

TEST_F(Start, a_restart_of_the_daemon_is_waited_for) {
  FakeDaemon daemon(world, knows_web("monitor", world.policy("web", {})));
  const std::string here = world.path + "/treeline.sock", aside = world.path + "/aside";
  std::filesystem::rename(here, aside);
  const std::vector<std::string> args = {"--conf", world.path + "/conf"};
  const Outcome released = in_child(R"({"id":"web-1","status":"stopped","bundle":"/gone"})", [&] { return run_poststop(args); });
  EXPECT_THAT(released.errors, HasSubstr("no treelined answers")) << "a container's end does not wait";
  const pid_t restart = fork();
  if (restart == 0) {
    usleep(500000);
    _exit(rename(aside.c_str(), here.c_str()));
  }
  EXPECT_EQ(create().status, 42);
  waitpid(restart, nullptr, 0);
}

TEST_F(Start, an_input_that_never_ends_refuses_in_time) {
  const std::vector<std::string> args = {"--conf", world.path + "/conf"};
  const Outcome outcome = in_child(
      state().substr(0, 20), [&] { return run_hook(args); }, /*close_input=*/false);
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("did not end within"));
}

TEST_F(Start, a_request_that_a_restart_cut_off_is_made_again) {
  int asked = 0;
  FakeDaemon daemon(world, [&](const Json& request) {
    if (++asked == 1) return std::string(kHangUp);
    return knows_web("monitor", world.exists("policy-web") ? world.path + "/policy-web" : world.policy("web", {}))(request);
  });
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(daemon.asked(), ElementsAre("resolve", "resolve"));
}

TEST_F(Start, a_daemon_that_always_hangs_up_is_a_refusal) {
  FakeDaemon daemon(world, [](const Json&) { return std::string(kHangUp); });
  const Outcome outcome = create();
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("closed the connection before it answered"));
  EXPECT_FALSE(started());
}

}  // namespace
}  // namespace treeline::oci
