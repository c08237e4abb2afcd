// SPDX-License-Identifier: Apache-2.0
//
// Crashes on purpose, for the tests: `treelined --crash-at POINT` dies by SIGKILL where it comes to that point, so that what a power cut or
// the kernel's out-of-memory killer could interrupt is interrupted. Not armed, a point is one comparison.
#pragma once

#include <string_view>

namespace treeline {

// In the order in which a load, a change of mode, a rollback, an unload and a binding come to them.
inline constexpr std::string_view kFaultPoints[] = {
    "image-placed",     // its bytes lie in the arena, nothing points there
    "bundle-written",   // and on disk
    "slot-saved",       // a new name has its slot on disk
    "state-written",    // on disk as the current one
    "flags-stored",     // what a violation costs is that of the new policy, the image still the old one
    "published",        // in force
    "forgotten",        // an unload: the policy is gone from disk, its slot still in force
    "unpublished",      // and off
    "removed",          // and its bundles gone, the table of slots still names it
    "container-saved",  // a container has its entry, in the map and on disk; the hooks do not find it by its cgroup yet
};
// Of a start; the others count from when it is done, since restoring publishes as well.
inline constexpr std::string_view kStartFaultPoints[] = {
    "maps-pinned",    // maps are pinned, no program is attached
    "half-attached",  // some programs are attached and pinned
    "all-attached",   // all of them, the build not yet named
};

// `point`: one of the above, "" for none. To be called before a start, and again when it is done.
void arm_fault(std::string_view point, bool started);
void fault_point(std::string_view point);

}  // namespace treeline
