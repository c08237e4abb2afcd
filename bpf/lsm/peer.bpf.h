/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Peers: a socket address as the decisions take it, whose a socket is, and whom it was allowed to talk to last.
 *
 * The address is the kernel's copy, normalised: an IPv4-mapped IPv6 address is that IPv4 address.
 */
#ifndef TREELINE_BPF_LSM_PEER_BPF_H
#define TREELINE_BPF_LSM_PEER_BPF_H

#include "report.bpf.h"

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_ALG 38
#define AF_VSOCK 40
#define AF_SMC 43 /* over a TCP socket, also one that was given the ULP "smc": its addresses are that one's */
#define AF_XDP 44
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132
#define IPPROTO_MPTCP 262
#define MSG_FASTOPEN 0x20000000
#define SOCK_BINDPORT_LOCK 8 /* the port was chosen by bind() */

/* ------------------------------------------------------------------------------------------------ addresses --- */
#define bswap16(x) __builtin_bswap16(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap64(x) __builtin_bswap64(x)

static __always_inline void normalise(struct tl_endpoint *e)
{
	/* ::ffff:a.b.c.d (RFC 4291, 2.5.5.2): on the wire it is IPv4. */
	if (e->family == AF_INET6 && !e->high && (u32)e->low == 0xffff0000u) {
		e->family = AF_INET;
		e->high = e->low >> 32;
		e->low = 0;
	}
}

static __always_inline void read_endpoint(struct tl_endpoint *e, u64 address, u32 length, u16 socket_family)
{
	u64 first = length < 16 ? 0 : read_u64(address);
	u16 family = (u16)first;

	__builtin_memset(e, 0, sizeof(*e));
	if (!first) /* not readable, or neither a family nor a port nor an address */
		return;
	/* UDP takes AF_UNSPEC for AF_INET on an IPv4 socket (udp_sendmsg). */
	if (family == AF_UNSPEC && socket_family == AF_INET)
		family = AF_INET;
	e->port = bswap16((u16)(first >> 16));
	if (family == AF_INET) {
		e->family = AF_INET;
		e->high = first >> 32;
		return;
	}
	if (family != AF_INET6 || length < 24)
		return;
	e->family = AF_INET6;
	e->high = read_u64(address + 8);
	e->low = read_u64(address + 16);
	normalise(e);
}

/* `family`: of an SMC socket the protocol says IPv4 or IPv6 (SMCPROTO_SMC, SMCPROTO_SMC6), and it is TCP that it falls back to. */
static __always_inline u32 protocol_of_kind(u32 family, u32 type, u32 protocol)
{
	if (family == AF_SMC)
		return TL_PROTO_TCP;
	if (type == SOCK_RAW)
		return TL_PROTO_RAW;
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return TL_PROTO_TCP;
	case IPPROTO_UDP:
		return TL_PROTO_UDP;
	case IPPROTO_SCTP:
		return TL_PROTO_SCTP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return TL_PROTO_ICMP;
	default:
		return TL_PROTO_OTHER;
	}
}

static __always_inline u32 protocol_of(u64 sk)
{
	return protocol_of_kind(READ32(struct sock, __sk_common.skc_family, sk) & 0xffff, READ32(struct sock, sk_type, sk) & 0xffff, READ32(struct sock, sk_protocol, sk) & 0xffff);
}

/* Was the local port chosen by the program? Then what it answers from there is the service's traffic. */
static __always_inline bool bound_by_program(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
}

__noinline u32 peer_class4(u32 img, u32 address) { return tl_peer_class4(img, address); }
__noinline u32 peer_class6(u32 img, u64 high, u64 low) { return tl_peer_class6(img, high, low); }
__noinline u32 port_class(u32 img, u32 port) { return tl_port_class(img, port); }

static __always_inline u32 peer_of(u32 img, const struct tl_endpoint *e)
{
	if (e->family == AF_INET)
		return peer_class4(img, bswap32((u32)e->high));
	return peer_class6(img, bswap64(e->high), bswap64(e->low));
}

#define ENDPOINT(port, protocol, direction, family) ((u64)(port) | (u64)(protocol) << 16 | (u64)(direction) << 24 | (u64)(family) << 32)

/*
 * Whose this socket is, for what comes in there (incoming.bpf.c), and whom connect() named (or NULL). False: no memory to say so. Static: the
 * kernel has to see where `sk` is from.
 */
static __noinline bool own_socket(struct sock *sk, const struct tl_endpoint *peer)
{
	struct tl_tag *tag = my_tag();
	struct tl_owner *owner;

	if (!tag || (tag->flags & TL_TAG_RUNTIME) || !sk)
		return true;
	owner = bpf_sk_storage_get(&owners, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!owner)
		return false;
	owner->node = tag->node;
	owner->slot = tag->slot;
	owner->container = tag->container;
	owner->cache = 0;
	if (peer)
		owner->peer = *peer;
	return true;
}

/*
 * "Yes, this node may", as a number that is kept at the socket: of this published policy, this node and this endpoint, and of no other. tl_mix
 * is one to one, so two endpoints never share a number where the rest is the same; and the rest is nothing that a confined process
 * chooses. IPv4 alone: an IPv6 endpoint takes two words, and two could be chosen so that they meet. `port` is the peer's going out, the local
 * one coming in. 0: not kept.
 */
static __always_inline u64 yes_of(u32 policy, u32 slot, u64 node, u32 direction, u32 protocol, const struct tl_endpoint *peer, u32 port)
{
	if (peer->family != AF_INET)
		return 0;
	return tl_hash_word(tl_hash_word(tl_hash_word(seed(), (u64)policy << 32 | slot), node),
			    (u64)(u32)peer->high | (u64)(u16)port << 32 | (u64)protocol << 48 | (u64)direction << 56);
}

static __always_inline bool said_yes(const struct tl_owner *owner, u32 direction, u64 yes)
{
	return yes && *(const volatile u64 *)&owner->yes[direction] == yes;
}

static __always_inline void say_yes(struct tl_owner *owner, u32 direction, u64 yes)
{
	if (owner && yes)
		*(volatile u64 *)&owner->yes[direction] = yes;
}

/* Whom a node has let a datagram come in from, at this port of its container: whom it may answer. */
static __always_inline void remember_asker(u32 container, const struct tl_endpoint *e, u32 local)
{
	struct tl_asked key = {.high = e->high, .low = e->low, .container = container, .local = (u16)local};
	u64 yes = 1;

	if (!bpf_map_lookup_elem(&asked, &key))
		bpf_map_update_elem(&asked, &key, &yes, BPF_ANY);
}

static __always_inline bool has_asked(u32 container, const struct tl_endpoint *e, u32 local)
{
	struct tl_asked key = {.high = e->high, .low = e->low, .container = container, .local = (u16)local};

	return bpf_map_lookup_elem(&asked, &key);
}

#define OWN(hook, sk, peer) \
	do { \
		if (!own_socket(sk, peer)) \
			ASK(report_number(WHAT(hook, TL_REASON_NO_MEMORY, TL_KIND_SOCKET, 0), 0)); \
	} while (0)

/* A raw socket of that protocol is none. */
static __always_inline bool is_udp(const struct sock *sk) { return sk->sk_protocol == IPPROTO_UDP && sk->sk_type == SOCK_DGRAM; }
#endif
