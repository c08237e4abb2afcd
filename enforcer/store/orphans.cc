// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/orphans.h"

#include "enforcer/store/image.h"
#include "policy-compiler/support/text.h"

namespace treeline::store {

NodeCounts count_nodes(const TagWalk& walk, uint32_t slot) {
  NodeCounts counts;
  walk([&](const tl_tag& tag) {
    if (tag.slot == slot && !(tag.flags & TL_TAG_RUNTIME)) ++counts[tag.node];
  });
  return counts;
}

NodeCounts find_orphans(const NodeCounts& standing, std::string_view image, bool outside) {
  NodeCounts orphans;
  for (auto [node, count] : standing)
    if ((node == TL_KEY_OUTSIDE && outside) || !image_holds(image, node)) orphans[node] = count;
  return orphans;
}

std::string describe(const NodeCounts& counts, const std::function<std::string(uint64_t)>& path) {
  std::string out;
  for (auto [node, count] : counts) {
    std::string name = node == TL_KEY_OUTSIDE ? "outside the tree" : path(node);
    if (!out.empty()) out += ", ";
    out += std::to_string(count) + (count == 1 ? " task on " : " tasks on ") + (name.empty() ? text::hex64(node) : name);
  }
  return out;
}

}  // namespace treeline::store
