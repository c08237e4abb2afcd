// SPDX-License-Identifier: Apache-2.0
//
// The control socket, /run/treeline/treeline.sock: a stream, root only (SO_PEERCRED), refused to anyone who is itself inside a bound
// container. One JSON object a line in each direction, a request at most kMaxRequest bytes. `id` comes back as it was sent.
//
//   -> {"id":1,"do":"policy.mode","name":"nginx","mode":"enforce"}
//   <- {"id":1,"ok":true,"policy":{...}}
//   <- {"id":1,"ok":false,"error":"there is no policy 'nginx' here; ...","code":"not-found"}
//
// Codes: "usage" (the request is wrong), "not-found", "refused" (it would do harm, the text says which option allows it), "not-enforced"
// (this machine cannot enforce, or it is not proven that it does), "full", "failed".
//
// do                 fields                                             answer beside ok
// -----------------  -------------------------------------------------  -----------------------------------------------------------
// status                                                                see Service::status: one object with everything
// doctor                                                                "prerequisites", "canary": runs the canary again
// denials            policy ("": of all)                                "denials": [policy, node, hook, reason, count, objects, first, last],
//                                                                       "total", "uncounted" (refused while the table of counts was full)
// processes          only (a policy or a container, "": all)            "processes": [pid, command, container, policy, mode, node, state]
// events             follow, backlog (number, -1 all), learned (bool)   then one event a line (enforcer/events/json_encoder.h);
//                                                                       without follow a last line {"type":"end"}
// policy.load        bundle (directory), name, mode, on_violation,      "policy"
//                    orphans ("deny"|"kill"), reason (asked for where
//                    mode takes a policy out of enforce),
//                    without_filter: enforce what was started in monitor, or under a generation that closed less
//                    where its seccomp filter stands in for hooks
// policy.list                                                           "policies", "not_in_force": of the store, with "policy", "mode", "why"
// policy.show        name                                               "policy" with nodes and residuals
// policy.mode        name, mode, on_violation, orphans, reason,         "policy"
//                    without_filter (as in policy.load)
// policy.rollback    name, orphans, reason, without_filter              "policy"
// policy.unload      name, reason
// learn.start        name, reason, discard (bool: traces of an earlier
//                    learning of that name that nobody has collected)
// learn.stop         name                                               "traces": N, then N traces, each ending in {"type":"end",...}; ask nothing
//                                                                       more on this connection before the last one
// learn.collected    name: they were written out                        their copies are removed
// learn.status                                                          "learning"
// run                pid, learn (bool), name | bundle, mode, ...        "container", "mode", "policy", "closing" (as in resolve): the waiting
//                                                                       process `pid` was put into a cgroup of its own and bound; let it put
//                                                                       on its filter and exec now
// run.end            container, exit, rest ("wait"|"kill"|"leave")      after the tree has ended (wait, kill): "denied", "would",
//                                                                       "traces": 0|1, then the trace
// run.kill           container                                          SIGKILL to the whole tree
// resolve            policy ("": the default), container                "action": "bind"|"learn"|"unbound", "policy", "mode", "directory"
//                                                                       (of the bundle, "" for learn), "closing": "required" where the
//                                                                       seccomp filter has to be there for want of hooks, "optional"
//                                                                       where hooks are proven to refuse as well; an error when it is
//                                                                       refused: "not-enforced" where the policy is in enforce and the
//                                                                       canary does not prove it
// bind               pid, container, policy, bundle (OCI), filter:      "bound": bool, "policy", "mode", "generation", "directory", "closing";
//                    is the policy's in config.json? two_names: why     refused as in resolve
//                    enforce would not start it ("": it would)
// refused            container, why: treeline-oci refused a start       nothing; `status` tells of it
// unbind             container                                          the binding goes once its cgroup is empty
// thaw               container                                          "container", "was_frozen": what a violation froze goes on
// containers                                                            "containers", "unbound"; of each whether it is "frozen", and of its
//                                                                       refusals how many no event told, "not_shown"
// detach             reason                                             "freed": N, "pinned"; then every hook is detached, every pin removed,
//                                                                       and the daemon ends with status 5
#pragma once

#include <cstddef>

namespace treeline::daemon {

constexpr size_t kMaxRequest = 64 << 10;
constexpr char kSocketName[] = "treeline.sock";

constexpr char kCodeUsage[] = "usage";
constexpr char kCodeNotFound[] = "not-found";
constexpr char kCodeRefused[] = "refused";
constexpr char kCodeNotEnforced[] = "not-enforced";
constexpr char kCodeFull[] = "full";
constexpr char kCodeFailed[] = "failed";

// The code of an error by its errno value.
const char* code_of(int error_number);
// The exit status that an operator's command gives for a code: 2 usage, 4 not enforced, 1 otherwise.
int exit_status_of(const char* code);

}  // namespace treeline::daemon
