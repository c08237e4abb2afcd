// SPDX-License-Identifier: Apache-2.0
//
// Tasks whose node the next image does not hold. A swap never walks tasks to change them: their tag holds a node key, and each
// image maps keys to rows. So the only question is whether somebody stands on a key that is about to disappear; asked of the hash
// `tags_by_task` before publishing. A task that moves during the question meets the new image's answer: denied (or killed, with
// TL_SLOT_ORPHANS_KILL), never free.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "bpf/lsm/abi.h"

namespace treeline::store {

// node key -> number of tasks of `slot` that stand on it.
using NodeCounts = std::map<uint64_t, uint32_t>;

// Walks all tags.
using TagWalk = std::function<void(const std::function<void(const tl_tag&)>&)>;
using TaskWalk = std::function<void(const std::function<void(const tl_task&)>&)>;
NodeCounts count_nodes(const TagWalk& walk, uint32_t slot);

// What of `standing` the image does not hold. With `outside`, tasks on the OUTSIDE node count as well: in enforce it may do nothing.
NodeCounts find_orphans(const NodeCounts& standing, std::string_view image, bool outside);

// "3 tasks on entry > /bin/sh, 1 task on 0x..." ; `path` gives a node's name or "".
std::string describe(const NodeCounts& counts, const std::function<std::string(uint64_t)>& path);

}  // namespace treeline::store
