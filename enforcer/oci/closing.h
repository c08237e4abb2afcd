// SPDX-License-Identifier: Apache-2.0
//
// The closing filter (enforcer/confine/closing.h) merged into the filter that a container engine wrote: what closing
// refuses is refused afterwards, and nothing is let pass that was refused before.
//
//   Result<std::string> merged = merge_closing(filter_text, *closing);
//   config.set({"linux", "seccomp"}, *merged);            // the same bytes where nothing had to change
//
//   name refused whatever the arguments   taken out of every entry that lets it pass; an entry that refuses it is added
//                                         where the default action would let it pass
//   name refused where an argument has one of some bits
//                                         an entry that lets it pass always, lets it pass without them; one that
//                                         lets it pass on conditions stays where these exclude the bits, else the merge
//                                         is an Error that names the entry; the refusal is added as above
//
// "Lets pass" is every action but SCMP_ACT_ERRNO, KILL, KILL_PROCESS, KILL_THREAD and TRAP: who traces or listens may
// say yes. Where a name was let pass and the default would refuse it otherwise than closing does, its refusal is added
// too: after ENOSYS for clone3 a libc calls clone, after EPERM it starts no thread. Text that is not touched stays byte
// for byte (flags, listenerPath, comments).
//
// Order between entries has no meaning in libseccomp, which the runtimes use; so none is relied on here.
#pragma once

#include <string>
#include <string_view>

#include "enforcer/confine/closing.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

// `filter` is the text of linux.seccomp, "" or "null" where there is none. merge(merge(f)) == merge(f).
Result<std::string> merge_closing(std::string_view filter, const confine::Closing& closing);

}  // namespace treeline::oci
