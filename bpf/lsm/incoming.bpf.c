/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What comes in.
 *
 *   inet_conn_request      may this peer connect to what the node serves here?
 *   socket_sock_rcv_skb    may this peer's datagram reach the node's UDP socket? As a peer that may come in at the local port, or as one that
 *                          the node may send to at the port it answers from
 *
 * Both run in softirq with a stranger as current: the subject is the node that called listen(), that bound the UDP socket or sent its first
 * message, kept at the socket. What that node may accept follows from what is published now, so a swap reaches sockets that are open already.
 * Nobody is killed here. Learning records of those that come in only who answers from elsewhere than asked: as a peer to send to.
 */
#include "peer.bpf.h"
#include <bpf/bpf_tracing.h>

#define ETH_P_IP_NETWORK_ORDER 0x0008
#define ETH_P_IPV6_NETWORK_ORDER 0xdd86

struct arrival {
	struct tl_endpoint peer; /* its port: the local one for a connection, the peer's for a datagram */
	u32 local; /* port */
	u32 protocol;
	u32 hook;
};

static __always_inline u32 published_mode(const struct tl_owner *owner, u64 *published)
{
	struct tl_slot *slot = bpf_map_lookup_elem(&policies, &owner->slot);

	*published = slot ? *(volatile u64 *)&slot->published : 0;
	return TL_PUBLISHED_MODE(*published);
}

/* The owner's row in the published image, kept at the socket till the next one is published. */
static __always_inline u32 row_of_owner(struct tl_owner *owner, u64 published)
{
	u64 cache = owner->cache;
	u32 row;

	if (cache >> 32 == published >> 32)
		return (u32)cache;
	row = row_of_key(TL_PUBLISHED_BASE(published), owner->node);
	owner->cache = (published & ~0xffffffffull) | row;
	return row;
}

/* An event of the socket's owner; `mine`: the draft's key, a socket's, as the task that was interrupted may be at one of its own. */
static __noinline bool draft(const struct tl_owner *owner, const struct arrival *a, u64 mine, u64 object, u64 counted)
{
	void *zero = zero_draft();
	struct tl_event *e;

	if (!zero || bpf_map_update_elem(&scratch, &mine, zero, BPF_NOEXIST) || !(e = bpf_map_lookup_elem(&scratch, &mine))) {
		lost(TL_LOSS_SCRATCH);
		return false;
	}
	e->hook = a->hook;
	e->kind = TL_KIND_NET;
	e->time = bpf_ktime_get_boot_ns();
	e->node = owner->node;
	e->object = object;
	e->count = counted;
	e->slot = owner->slot;
	e->container = owner->container;
	e->object_type = TL_OBJECT_NET;
	e->protocol = a->protocol;
	e->family = a->peer.family;
	__builtin_memcpy(e->address, &a->peer.high, 8);
	__builtin_memcpy(e->address + 8, &a->peer.low, 8);
	return true;
}

static __always_inline void send_draft(void *ctx, u64 key)
{
	struct tl_draft *d = bpf_map_lookup_elem(&scratch, &key);
	u32 size = sizeof(struct tl_event);

	if (!d)
		return;
	d->event.size = size;
	settle(&d->event, (k_ringbuf ? bpf_ringbuf_output(&events, d, size, 0) : bpf_perf_event_output(ctx, &events_perf, BPF_F_CURRENT_CPU, d, size)) != 0);
	bpf_map_delete_elem(&scratch, &key);
}

/* Counts a refused peer by port (a flood of made-up addresses is one behaviour) and tells it as count_denial() says. */
static __noinline u32 refuse_peer(const struct tl_owner *owner, const struct arrival *a, u32 mode, u32 reason)
{
	u32 verdict = mode == TL_MODE_MONITOR ? TL_VERDICT_WOULD_DENY : TL_VERDICT_DENY;
	u64 what = WHAT(a->hook, reason, TL_KIND_NET, 0) | WHAT_FLAGS(mode == TL_MODE_MONITOR ? WHAT_MONITOR : 0), mine = (u64)owner, object, counted;
	struct tl_event *e;

	object = tl_hash_word(seed(), ENDPOINT(a->local, a->protocol, TL_NET_IN, a->peer.family));
	if (reason >= TL_REASON_DOUBT)
		doubt(a->hook, reason);
	counted = count_denial(owner->slot, owner->node, what, object, owner->container);
	if (!(counted & COUNT_TELL) || !draft(owner, a, mine, object, count_of(counted)) || !(e = bpf_map_lookup_elem(&scratch, &mine)))
		return verdict;
	e->type = TL_EVENT_DENIAL;
	e->verdict = verdict;
	e->mode = mode;
	e->reason = reason;
	e->direction = TL_NET_IN;
	e->port = (u16)a->local;
	return verdict | REPORT_DRAFT;
}

/* Why the owner may not have this, or TL_REASON_NONE. */
static __noinline u32 judge_arrival(struct tl_owner *owner, const struct arrival *a, u64 published)
{
	u32 mode = TL_PUBLISHED_MODE(published), img = TL_PUBLISHED_BASE(published), policy = published >> 32, row, peer;
	bool datagram = a->hook == TL_HOOK_SOCKET_SOCK_RCV_SKB;
	u64 in, out = 0;

	if ((mode != TL_MODE_MONITOR && mode != TL_MODE_ENFORCE) || !img)
		return TL_REASON_NO_POLICY;
	in = yes_of(policy, owner->slot, owner->node, TL_NET_IN, a->protocol, &a->peer, a->local);
	if (said_yes(owner, TL_NET_IN, in))
		return TL_REASON_NONE;
	if (datagram) {
		out = yes_of(policy, owner->slot, owner->node, TL_NET_OUT, a->protocol, &a->peer, a->peer.port);
		if (said_yes(owner, TL_NET_OUT, out))
			return TL_REASON_NONE;
	}
	row = row_of_owner(owner, published);
	if (row == TL_ROW_NONE)
		return TL_REASON_ORPHAN;
	peer = peer_of(img, &a->peer);
	if (tl_net_allowed(img, row, TL_NET_IN, a->protocol, peer, port_class(img, a->local))) {
		say_yes(owner, TL_NET_IN, in);
		if (datagram)
			remember_asker(owner->container, &a->peer, a->local);
		return TL_REASON_NONE;
	}
	if (datagram && tl_net_allowed(img, row, TL_NET_OUT, a->protocol, peer, port_class(img, a->peer.port))) {
		say_yes(owner, TL_NET_OUT, out);
		return TL_REASON_NONE;
	}
	return TL_REASON_NETWORK;
}

static __always_inline int answer_peer(void *ctx, struct tl_owner *owner, const struct arrival *a, u64 published)
{
	u32 reason = judge_arrival(owner, a, published), answer;

	if (reason == TL_REASON_NONE)
		return 0;
	answer = refuse_peer(owner, a, TL_PUBLISHED_MODE(published), reason);
	if (answer & REPORT_DRAFT)
		send_draft(ctx, (u64)owner);
	return (answer & 0xff) == TL_VERDICT_WOULD_DENY ? 0 : -EACCES;
}

/* Nothing to judge: learning, or a node that monitoring judges no more. */
static __always_inline bool passes(const struct tl_owner *owner, u32 mode)
{
	return mode == TL_MODE_LEARN || (mode == TL_MODE_MONITOR && owner->node == TL_KEY_OUTSIDE);
}

/* (listener, skb, request) */
SEC("lsm/inet_conn_request")
int BPF_PROG(tl_inet_conn_request, struct sock *listener, struct sk_buff *skb, struct request_sock *request)
{
	struct tl_owner *owner = bpf_sk_storage_get(&owners, listener, 0, 0);
	struct arrival a = {.hook = TL_HOOK_INET_CONN_REQUEST};
	u64 published, address;

	if (!owner || passes(owner, published_mode(owner, &published)))
		return 0;
	address = raw_argument(ctx, 2) + FIELD(struct request_sock, __req_common);
	if (skb->protocol == ETH_P_IP_NETWORK_ORDER) {
		a.peer.family = AF_INET;
		a.peer.high = READ32(struct sock_common, skc_daddr, address);
	} else {
		a.peer.family = AF_INET6;
		a.peer.high = read_u64(address + FIELD(struct sock_common, skc_v6_daddr));
		a.peer.low = read_u64(address + FIELD(struct sock_common, skc_v6_daddr) + 8);
		normalise(&a.peer);
	}
	a.local = listener->__sk_common.skc_num;
	a.protocol = protocol_of(raw_argument(ctx, 0));
	return answer_peer(ctx, owner, &a, published);
}

/* What a client's socket is answered from is learned as what it sends to: the same record in nearly every case. */
static __noinline bool learn_answer(const struct tl_owner *owner, const struct arrival *a)
{
	u64 endpoint = ENDPOINT(a->peer.port, a->protocol, TL_NET_OUT, a->peer.family), mine = (u64)owner, object, counted;
	struct tl_event *e;

	object = tl_hash_word(tl_hash_word(tl_hash_word(seed(), endpoint), a->peer.high), a->peer.low);
	counted = count_learned(owner->container, owner->node, WHAT(a->hook, 0, TL_KIND_NET, 0), object);
	if (!counted || !draft(owner, a, mine, object, counted) || !(e = bpf_map_lookup_elem(&scratch, &mine)))
		return false;
	e->type = TL_EVENT_LEARNED;
	e->mode = TL_MODE_LEARN;
	e->direction = TL_NET_OUT;
	e->port = a->peer.port;
	return true;
}

/*
 * (sk, skb): asked for each packet that reaches a socket on this machine, so what is not UDP leaves at once. The datagram's headers are in
 * the linear part by now (udp_rcv, udpv6_rcv).
 */
SEC("lsm/socket_sock_rcv_skb")
int BPF_PROG(tl_socket_sock_rcv_skb, struct sock *sk, struct sk_buff *skb)
{
	struct arrival a = {.hook = TL_HOOK_SOCKET_SOCK_RCV_SKB, .protocol = TL_PROTO_UDP};
	struct tl_owner *owner;
	u64 published, head, ip;
	u32 mode;

	if (!is_udp(sk))
		return 0;
	owner = bpf_sk_storage_get(&owners, sk, 0, 0);
	if (!owner)
		return 0;
	mode = published_mode(owner, &published);
	if (mode != TL_MODE_LEARN && passes(owner, mode))
		return 0;
	head = (u64)skb->head;
	ip = head + skb->network_header;
	if (skb->protocol == ETH_P_IP_NETWORK_ORDER) {
		a.peer.family = AF_INET;
		a.peer.high = (u32)read_u64(ip + 12); /* RFC 791, 3.1 */
	} else if (skb->protocol == ETH_P_IPV6_NETWORK_ORDER) {
		a.peer.family = AF_INET6;
		a.peer.high = read_u64(ip + 8); /* RFC 8200, 3 */
		a.peer.low = read_u64(ip + 16);
		normalise(&a.peer);
	}
	a.peer.port = bswap16((u16)read_u64(head + skb->transport_header)); /* RFC 768 */
	a.local = sk->__sk_common.skc_num;
	/* A connected socket is given its peer's datagrams alone; a load balancer may have put another in the place of whom connect() named. */
	if (sk->__sk_common.skc_dport && owner->peer.family)
		a.peer = owner->peer;
	if (mode == TL_MODE_LEARN) {
		if (bound_by_program(sk))
			remember_asker(owner->container, &a.peer, a.local);
		else if (learn_answer(owner, &a))
			send_draft(ctx, (u64)owner);
		return 0;
	}
	return answer_peer(ctx, owner, &a, published);
}
