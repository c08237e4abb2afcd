// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/ir/names.h"

#include <gmock/gmock.h>

#include <set>

#include "bpf/lsm/abi.h"

namespace treeline::ir {
namespace {

TEST(Names, EachTableIsAOneToOneMap) {
  for (const names::Table* table :
       {&names::access_words(), &names::capabilities(), &names::operations(), &names::socket_kinds(),
        &names::netlink_protocols(), &names::reserved_classes(), &names::protocols(), &names::directions(),
        &names::peer_kinds(), &names::violations()}) {
    std::set<uint32_t> values;
    for (const names::Entry& entry : table->entries()) {
      EXPECT_TRUE(values.insert(entry.value).second) << entry.name;
      EXPECT_EQ(table->find(entry.name), entry.value);
      EXPECT_EQ(table->name(entry.value), entry.name);
    }
    EXPECT_EQ(table->find("no such thing"), std::nullopt);
    EXPECT_EQ(table->name(12345), "");
  }
  EXPECT_EQ(names::capabilities().entries().size(), 41u);
  EXPECT_EQ(names::capabilities().find("checkpoint_restore"), 40u);
}

TEST(Names, AllWordsButExecuteAreTheWholeOfTheAccessSet) {
  uint32_t all = TL_EXECUTE;
  for (const names::Entry& entry : names::access_words().entries()) all |= entry.value;
  EXPECT_EQ(all, TL_ACCESS_ALL);
  EXPECT_EQ(names::access_text(TL_READ | TL_MAP | TL_EXECUTE), "read execute map");
  EXPECT_EQ(names::access_text(0), "");
}

TEST(Names, ValuesAsTheProfileWritesThem) {
  Cidr cidr;
  cidr.address = {10, 0, 0, 0};
  cidr.prefix = 8;
  EXPECT_EQ(names::cidr_text(cidr), "10.0.0.0/8");
  cidr.v6 = true;
  cidr.address = {0xfd};
  EXPECT_EQ(names::cidr_text(cidr), "fd00::/8");
  EXPECT_EQ(names::port_text({80, 80}), "80");
  EXPECT_EQ(names::port_text({0, 65535}), "0-65535");
  EXPECT_EQ(names::netlink_text(0), "route");
  EXPECT_EQ(names::netlink_text(31), "31");
}

Policy tree() {
  Policy policy;
  policy.nodes.resize(4);
  policy.nodes[0].executable.text = "/entrypoint.sh";
  policy.nodes[0].interpreter = Pattern{"/bin/sh", {}};
  policy.nodes[1].executable.text = "/usr/sbin/nginx";
  policy.nodes[1].parent = 0;
  policy.nodes[2].executable.text = "/usr/bin/curl";
  policy.nodes[3].executable.text = "/usr/sbin/nginx";
  policy.nodes[3].parent = 2;
  policy.entry = {0};
  policy.join = {2};
  return policy;
}

TEST(Keys, TheCanonicalPathIsTheNodesPlaceInTheTree) {
  const Policy policy = tree();
  EXPECT_EQ(canonical_path(policy, 0), "entry > /entrypoint.sh (/bin/sh)");
  EXPECT_EQ(canonical_path(policy, 1), "entry > /entrypoint.sh (/bin/sh) > /usr/sbin/nginx");
  EXPECT_EQ(canonical_path(policy, 3), "join > /usr/bin/curl > /usr/sbin/nginx");
}

TEST(Keys, AreFixedForever) {
  // Running tasks carry keys across upgrades: a changed value here would orphan them.
  EXPECT_EQ(node_key(""), tl_mix(0xcbf29ce484222325ull));
  EXPECT_EQ(node_key("entry > /entrypoint.sh (/bin/sh)"), 0xa2b470097ef54ac2ull);
  EXPECT_NE(node_key(canonical_path(tree(), 1)), node_key(canonical_path(tree(), 3)));
}

}  // namespace
}  // namespace treeline::ir
