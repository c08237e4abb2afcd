// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/image.h"

#include <gtest/gtest.h>

#include "bpf/lsm/decide.h"
#include "enforcer/canary/victim.h"
#include "enforcer/events/words.h"
#include "enforcer/store/image.h"

namespace treeline::canary {
namespace {

constexpr char kSelf[] = "/usr/sbin/treelined";

class CanaryImage : public testing::Test {
 protected:
  uint32_t class_of(std::string_view path) const {
    uint32_t state = TL_DFA_START;
    for (char c : path) state = tl_dfa_feed(&view_, state, static_cast<uint8_t>(c), 1);
    return tl_dfa_class(&view_, state);
  }
  std::string bytes_ = build_image(kSelf);
  tl_image view_{reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size()};
};

TEST_F(CanaryImage, IsAnImage) {
  Result<void> whole = store::check_image(bytes_);
  EXPECT_TRUE(whole) << whole.error().message;
  EXPECT_FALSE(store::check_image(bytes_.substr(0, bytes_.size() - 64)));
  EXPECT_FALSE(store::check_image(""));
}

TEST_F(CanaryImage, OnlyTheExecutableItselfIsItsClass) {
  const uint32_t self = class_of(kSelf), other = class_of("/etc/passwd");
  EXPECT_NE(self, other);
  for (const char* path : {"/usr/sbin/treeline", "/usr/sbin/treelinedx", "/usr/sbin/treelined/x", "/", "/usr", "/proc//own/environ", "\xff"})
    EXPECT_EQ(class_of(path), other) << path;
}

TEST_F(CanaryImage, EntryMayStartTheVictimAndTheVictimNothingButItself) {
  const uint32_t self = class_of(kSelf), other = class_of("/bin/true");
  const uint32_t victim = tl_exec_edge(&view_, TL_ROW_ENTRY, self, 0);
  ASSERT_NE(victim, uint32_t{TL_ROW_NONE});
  EXPECT_EQ(tl_exec_edge(&view_, TL_ROW_ENTRY, other, 0), uint32_t{TL_ROW_NONE});
  EXPECT_EQ(tl_exec_edge(&view_, victim, other, 0), uint32_t{TL_ROW_NONE});
  const uint32_t heir = tl_exec_edge(&view_, victim, self, 0);
  ASSERT_NE(heir, uint32_t{TL_ROW_NONE});
  EXPECT_NE(heir, victim);
}

TEST_F(CanaryImage, RightsAreReadingAndNothingElse) {
  const uint32_t victim = tl_exec_edge(&view_, TL_ROW_ENTRY, class_of(kSelf), 0), heir = victim + 1, file = class_of("/etc/passwd");
  EXPECT_EQ(tl_missing_access(&view_, victim, file, TL_READ | TL_MAP | TL_LIST), 0u);
  for (uint32_t word = 1; word <= TL_CONNECT; word <<= 1)
    EXPECT_EQ(tl_missing_access(&view_, victim, file, word), word & ~uint32_t{TL_READ | TL_MAP | TL_LIST});
  EXPECT_EQ(tl_missing_access(&view_, victim, TL_CLASS_PIPE, TL_READ | TL_WRITE), 0u);
  EXPECT_NE(tl_missing_access(&view_, heir, TL_CLASS_PIPE, TL_READ), 0u);
  EXPECT_EQ(tl_missing_access(&view_, victim, TL_CLASS_MEMFD, TL_READ), uint32_t{TL_READ});
  EXPECT_FALSE(tl_capability_allowed(&view_, victim, 18));
  EXPECT_FALSE(tl_operation_allowed(&view_, victim, TL_OP_JIT));
  EXPECT_TRUE(tl_socket_allowed(&view_, victim, TL_SOCK_INET_STREAM, 0));
  EXPECT_FALSE(tl_socket_allowed(&view_, victim, TL_SOCK_NETLINK, 0));
  EXPECT_TRUE(tl_user_allowed(&view_, victim, 0));
  EXPECT_FALSE(tl_user_allowed(&view_, victim, 65534));
  EXPECT_FALSE(tl_operation_allowed(&view_, victim, TL_OP_PTRACE));
  for (uint32_t direction = 0; direction < 2; ++direction)
    for (uint32_t protocol = 0; protocol < TL_PROTOCOLS; ++protocol) {
      EXPECT_FALSE(tl_net_allowed(&view_, victim, direction, protocol, tl_peer_class4(&view_, 0x7f000001), tl_port_class(&view_, 9)));
      EXPECT_FALSE(tl_net_allowed(&view_, victim, direction, protocol, TL_SOME_PEER, tl_port_class(&view_, 9)));
    }
  // It may listen where the kernel chooses the port and connect there, and no peer may connect to it.
  EXPECT_TRUE(tl_net_allowed(&view_, victim, TL_NET_IN, TL_PROTO_TCP, TL_SOME_PEER, tl_port_class(&view_, 0)));
  EXPECT_TRUE(tl_net_allowed(&view_, victim, TL_NET_OUT, TL_PROTO_TCP, tl_peer_class4(&view_, 0x7f000001), tl_port_class(&view_, 40000)));
  EXPECT_FALSE(tl_net_allowed(&view_, victim, TL_NET_IN, TL_PROTO_TCP, tl_peer_class4(&view_, 0x7f000001), tl_port_class(&view_, 40000)));
}

TEST_F(CanaryImage, HoldsItsNodesAndNoOthers) {
  EXPECT_TRUE(store::image_holds(bytes_, TL_ROW64(&view_, TL_ROW_FIRST, key)));
  EXPECT_FALSE(store::image_holds(bytes_, 0x1234));
}

TEST(CanaryImageLong, PathsOfAnyLengthAndByteAreSpelled) {
  std::string path = "/";
  for (int c = 1; c < 256; ++c) path += static_cast<char>(c == '/' ? 'x' : c);
  path += std::string(600, 'a') + "/" + std::string(200, 'a');
  std::string bytes = build_image(path);
  tl_image view{reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()};
  uint32_t state = TL_DFA_START;
  for (char c : path) state = tl_dfa_feed(&view, state, static_cast<uint8_t>(c), 1);
  EXPECT_EQ(tl_dfa_class(&view, state), uint32_t{TL_CLASS_FIRST + 1});
}

TEST(Victim, HasAnActForEveryHookThatRefuses) {
  std::vector<std::string> hooks = victim_hooks();
  for (uint32_t hook = TL_HOOK_TASK_ALLOC; hook <= TL_HOOK_LAST; ++hook) {
    if (hook == TL_HOOK_TASK_FREE || hook == TL_HOOK_SYS_ENTER) continue;
    // These keep treelined and its files from signals and locks, and nothing else: their victim would be treelined.
    if (hook == TL_HOOK_FILE_SEND_SIGIOTASK || hook == TL_HOOK_FILE_LOCK) continue;
    EXPECT_NE(std::find(hooks.begin(), hooks.end(), events::hook_word(hook)), hooks.end()) << events::hook_word(hook);
  }
}

}  // namespace
}  // namespace treeline::canary
