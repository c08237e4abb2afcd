/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/decide/decisions.h"

#include "bpf/lsm/decide.h"

static __u32 feed(tl_img image, __u32 state, __u64 word, __u32 n) { return tl_dfa_feed(image, state, word, n); }
static __u32 step(tl_img image, __u32 state, __u64 word, __u32 n)
{
	return tl_dfa_step(image, tl_words(image), state, word, n);
}
static __u32 class_of(tl_img image, __u32 state) { return tl_dfa_class(image, state); }
static __u32 row_of_key(tl_img image, __u64 key) { return tl_row_of_key(image, key); }
static __u32 missing_access(tl_img image, __u32 row, __u32 class_id, __u32 words)
{
	return tl_missing_access(image, row, class_id, words);
}
static __u32 row_flags(tl_img image, __u32 row) { return tl_row_flags(image, row); }
static __u32 cost_of_reason(tl_img image, __u32 row, __u32 reason) { return tl_cost_of_reason(image, row, reason); }
static __u32 cost_of_class(tl_img image, __u32 row, __u32 class_id) { return tl_cost_of_class(image, row, class_id); }
static __u32 exec_edge(tl_img image, __u32 row, __u32 class_id, __u32 flags)
{
	return tl_exec_edge(image, row, class_id, flags);
}
static __u32 user(tl_img image, __u32 row, __u32 uid) { return tl_user_allowed(image, row, uid); }
static __u32 move(tl_img image, __u32 from, __u32 to) { return tl_move_allowed(image, from, to); }
static __u32 capability(tl_img image, __u32 row, __u32 number) { return tl_capability_allowed(image, row, number); }
static __u32 operation(tl_img image, __u32 row, __u32 number) { return tl_operation_allowed(image, row, number); }
static __u32 socket(tl_img image, __u32 row, __u32 kind, __u32 netlink)
{
	return tl_socket_allowed(image, row, kind, netlink);
}
static __u32 peer4(tl_img image, __u32 address) { return tl_peer_class4(image, address); }
static __u32 peer6(tl_img image, __u64 high, __u64 low) { return tl_peer_class6(image, high, low); }
static __u32 port(tl_img image, __u32 number) { return tl_port_class(image, number); }
static __u32 net(tl_img image, __u32 row, __u32 direction, __u32 protocol, __u32 peer, __u32 port_class)
{
	return tl_net_allowed(image, row, direction, protocol, peer, port_class);
}

const struct decisions treeline_decisions = {
	.feed = feed,
	.step = step,
	.class_of = class_of,
	.row_of_key = row_of_key,
	.missing_access = missing_access,
	.row_flags = row_flags,
	.cost_of_reason = cost_of_reason,
	.cost_of_class = cost_of_class,
	.exec_edge = exec_edge,
	.user = user,
	.move = move,
	.capability = capability,
	.operation = operation,
	.socket = socket,
	.peer4 = peer4,
	.peer6 = peer6,
	.port = port,
	.net = net,
};
