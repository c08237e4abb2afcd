/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Unix sockets.
 *
 *   unix_stream_connect, unix_may_send   may it connect to the socket of this name?
 */
#include "mounts.bpf.h"
#include <bpf/bpf_tracing.h>

/* An abstract socket's name as a path: //abstract/NAME, NUL bytes as 0x01. `address` is a struct unix_address. */
__noinline u64 feed_abstract(u32 sink, u64 state, u64 address)
{
	u32 length = READ32(struct unix_address, len, address);
	u64 name = address + FIELD(struct unix_address, name) + 3; /* behind the family and the leading NUL */

	state = feed(sink, state, NAME8('/', '/', 'a', 'b', 's', 't', 'r', 'a'), 8);
	state = feed(sink, state, NAME8('c', 't', '/', 0, 0, 0, 0, 0), 3);
	for (u32 i = 0; i < 108; i++) {
		u64 byte;

		if (i + 3 >= length)
			break;
		byte = read_u64(name + i) & 0xff;
		state = feed(sink, state, byte ? byte : 1, 1);
	}
	return state;
}

/* A socket without a path: the answer of the report, or 0. */
__noinline u32 check_abstract(u32 hook, u64 address)
{
	u64 what = WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_CONNECT), length;
	struct subject s;
	struct tl_event *e;
	u32 answer, class_id;

	if (!subject(&s))
		return 0;
	if (s.mode != TL_MODE_LEARN) {
		class_id = class_of_state(s.img, feed_abstract(s.img, TL_DFA_START, address));
		if (!tl_missing_access(s.img, s.row, class_id, TL_CONNECT))
			return 0;
		what |= WHAT_COST(tl_cost_of_class(s.img, s.row, class_id));
	}
	answer = begin(what, feed_abstract(SINK_HASH, seed(), address));
	if ((answer & REPORT_DRAFT) && (e = my_draft())) {
		e->object_type = TL_OBJECT_PATH;
		length = feed_abstract(SINK_TEXT, 0, address);
		e->text_length = length < WALK_ERROR ? (u16)length : 0;
		if (length >= WALK_ERROR)
			e->flags |= TL_EVENT_TRUNCATED;
	}
	return answer;
}

/* The socket's mount is its binder's, which may be another namespace's: it is judged by the container's own names for it. */
#define ASK_UNIX(hook, other) \
	do { \
		u64 bound = (other) + FIELD(struct unix_sock, path), name = READ(struct unix_sock, addr, other); \
		u64 node = READ(struct path, dentry, bound); \
		if (node) \
			ASK_NAMES(WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_CONNECT), node); \
		else if (name) \
			ASK(check_abstract(hook, name)); \
	} while (0)

/* Does treelined listen there? By the process that called listen(). */
static __always_inline bool of_daemon(u64 sk)
{
	struct tl_control *c = the_control();
	u64 pid = READ(struct sock, sk_peer_pid, sk);

	return c && c->daemon && pid && READ32(struct upid, nr, pid + FIELD(struct pid, numbers)) == c->daemon;
}

/* By the object that was found, never by the caller's address. A socket without any name is one end of a pair that was handed over. */
SEC("lsm/unix_stream_connect")
int BPF_PROG(tl_unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk)
{
	u64 peer;

	if (!my_tag())
		return 0;
	peer = raw_argument(ctx, 1);
	if (of_daemon(peer))
		return finish(ctx, protect(TL_HOOK_UNIX_STREAM_CONNECT));
	ASK_UNIX(TL_HOOK_UNIX_STREAM_CONNECT, peer);
	return 0;
}

SEC("lsm/unix_may_send")
int BPF_PROG(tl_unix_may_send, struct socket *sock, struct socket *other)
{
	u64 peer;

	if (!my_tag())
		return 0;
	peer = READ(struct socket, sk, raw_argument(ctx, 1));
	ASK_UNIX(TL_HOOK_UNIX_MAY_SEND, peer);
	return 0;
}
