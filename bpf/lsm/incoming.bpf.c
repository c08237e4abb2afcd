/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections that come in.
 *
 *   inet_conn_request    may this peer connect to what the node serves here?
 *
 * It runs in softirq with a stranger as current: the subject is the node that called listen(), kept at the socket. What that node may accept is
 * read anew for each request, so a swap reaches sockets that listen already. Nobody is killed here. Learning records no peers.
 */
#include "report.bpf.h"
#include <bpf/bpf_tracing.h>

#define ETH_P_IP_NETWORK_ORDER 0x0008

/* Counts a refused peer by port (a flood of made-up addresses is one behaviour) and tells it where the count reaches a power of two. */
static __noinline u32 refuse_peer(const struct tl_owner *owner, u32 mode_and_reason, u64 endpoint, u64 high, u64 low)
{
	u32 mode = mode_and_reason & 0xff, reason = mode_and_reason >> 8;
	u64 what = WHAT(TL_HOOK_INET_CONN_REQUEST, reason, TL_KIND_NET, 0), object = tl_hash_word(seed(), endpoint), mine = (u64)owner, counted;
	u32 verdict = mode == TL_MODE_MONITOR ? TL_VERDICT_WOULD_DENY : TL_VERDICT_DENY;
	struct tl_event *e;
	void *zero;

	if (reason >= TL_REASON_DOUBT)
		doubt(TL_HOOK_INET_CONN_REQUEST, reason);
	counted = count_denial(owner->slot, owner->node, what, object);
	if (!power_of_two(counted))
		return verdict;
	zero = zero_draft(); /* the draft's key is the socket's: the task that was interrupted may be at one of its own */
	if (!zero || bpf_map_update_elem(&scratch, &mine, zero, BPF_NOEXIST) || !(e = bpf_map_lookup_elem(&scratch, &mine))) {
		lost(TL_LOSS_SCRATCH);
		return verdict;
	}
	e->type = TL_EVENT_DENIAL;
	e->hook = TL_HOOK_INET_CONN_REQUEST;
	e->verdict = verdict;
	e->mode = mode;
	e->reason = reason;
	e->kind = TL_KIND_NET;
	e->time = bpf_ktime_get_boot_ns();
	e->node = owner->node;
	e->object = object;
	e->count = counted;
	e->slot = owner->slot;
	e->container = owner->container;
	e->object_type = TL_OBJECT_NET;
	e->port = (u16)endpoint;
	e->protocol = (u8)(endpoint >> 16);
	e->direction = TL_NET_IN;
	e->family = (u8)(endpoint >> 32);
	__builtin_memcpy(e->address, &high, 8);
	__builtin_memcpy(e->address + 8, &low, 8);
	return verdict | REPORT_DRAFT;
}

static __always_inline void send_draft(void *ctx, u64 key)
{
	struct tl_draft *d = bpf_map_lookup_elem(&scratch, &key);
	u32 size = sizeof(struct tl_event);

	if (!d)
		return;
	d->event.size = size;
	if (k_ringbuf ? bpf_ringbuf_output(&events, d, size, 0) : bpf_perf_event_output(ctx, &events_perf, BPF_F_CURRENT_CPU, d, size))
		lost(TL_LOSS_EVENTS);
	bpf_map_delete_elem(&scratch, &key);
}

/* (listener, skb, request) */
SEC("lsm/inet_conn_request")
int BPF_PROG(tl_inet_conn_request, struct sock *listener, struct sk_buff *skb, struct request_sock *request)
{
	struct tl_owner *owner = bpf_sk_storage_get(&owners, listener, 0, 0);
	struct endpoint e = {};
	u64 published, address, asked, img;
	struct tl_slot *slot;
	u32 mode, row, reason, protocol, peer, answer;

	if (!owner)
		return 0;
	slot = bpf_map_lookup_elem(&policies, &owner->slot);
	published = slot ? *(volatile u64 *)&slot->published : 0;
	mode = TL_PUBLISHED_MODE(published);
	if (mode == TL_MODE_LEARN || (mode == TL_MODE_MONITOR && owner->node == TL_KEY_OUTSIDE))
		return 0;
	img = TL_PUBLISHED_BASE(published);
	row = img ? row_of_key((u32)img, owner->node) : TL_ROW_NONE;
	asked = raw_argument(ctx, 2);
	address = asked + FIELD(struct request_sock, __req_common);
	if (skb->protocol == ETH_P_IP_NETWORK_ORDER) {
		e.family = AF_INET;
		e.high = READ32(struct sock_common, skc_daddr, address);
	} else {
		e.family = AF_INET6;
		e.high = read_u64(address + FIELD(struct sock_common, skc_v6_daddr));
		e.low = read_u64(address + FIELD(struct sock_common, skc_v6_daddr) + 8);
		normalise(&e);
	}
	e.port = (u16)READ32(struct sock_common, skc_num, raw_argument(ctx, 0) + FIELD(struct sock, __sk_common));
	protocol = protocol_of(raw_argument(ctx, 0));
	if (mode != TL_MODE_MONITOR && mode != TL_MODE_ENFORCE) {
		reason = TL_REASON_NO_POLICY;
	} else if (row == TL_ROW_NONE) {
		reason = img ? TL_REASON_ORPHAN : TL_REASON_NO_POLICY;
	} else {
		peer = peer_of((u32)img, &e);
		if (tl_net_allowed((u32)img, row, TL_NET_IN, protocol, peer, port_class((u32)img, e.port)))
			return 0;
		reason = TL_REASON_NETWORK;
	}
	answer = refuse_peer(owner, mode | reason << 8, ENDPOINT(e.port, protocol, TL_NET_IN, e.family), e.high, e.low);
	if (answer & REPORT_DRAFT)
		send_draft(ctx, (u64)owner);
	return (answer & 0xff) == TL_VERDICT_WOULD_DENY ? 0 : -EACCES;
}
