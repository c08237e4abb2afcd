/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Network.
 *
 *   socket_create            may the node have a socket of this kind?
 *   socket_connect           may it reach this peer and port?
 *   socket_sendmsg           the same for a message that names its peer: UDP, raw, and TCP Fast Open, which connect never sees
 *   socket_bind, _listen     may it serve this port? (incoming.bpf.c: to whom?)
 *   unix_stream_connect, unix_may_send   may it connect to the socket of this name?
 *
 * The address is the kernel's copy, normalised: an IPv4-mapped IPv6 address is that IPv4 address.
 */
#include "mounts.bpf.h"
#include <bpf/bpf_tracing.h>

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_ALG 38
#define AF_VSOCK 40
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

static __always_inline u32 inet_kind(int type, int protocol)
{
	if (type == SOCK_RAW)
		return TL_SOCK_INET_RAW;
	if (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP))
		return TL_SOCK_INET_STREAM;
	if (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP))
		return TL_SOCK_INET_DGRAM;
	if (type == SOCK_DGRAM && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6))
		return TL_SOCK_INET_PING;
	if (protocol == IPPROTO_SCTP)
		return TL_SOCK_INET_SCTP;
	if (protocol == IPPROTO_MPTCP)
		return TL_SOCK_INET_MPTCP;
	return TL_SOCK_INET_OTHER;
}

static __always_inline u32 socket_kind(int family, int type, int protocol)
{
	switch (family) {
	case AF_INET:
	case AF_INET6:
		return inet_kind(type, protocol);
	case AF_UNIX:
		return type == SOCK_STREAM ? TL_SOCK_UNIX_STREAM : type == SOCK_SEQPACKET ? TL_SOCK_UNIX_SEQPACKET : TL_SOCK_UNIX_DGRAM;
	case AF_NETLINK:
		return TL_SOCK_NETLINK;
	case AF_PACKET:
		return TL_SOCK_PACKET;
	case AF_VSOCK:
		return TL_SOCK_VSOCK;
	case AF_ALG:
		return TL_SOCK_ALG;
	case AF_XDP:
		return TL_SOCK_XDP;
	default:
		return TL_SOCK_OTHER;
	}
}

SEC("lsm/socket_create")
int BPF_PROG(tl_socket_create, int family, int type, int protocol, int kern)
{
	struct subject s;
	u32 kind, netlink;

	if (kern || !subject(&s))
		return 0;
	kind = socket_kind(family, type & 0xf, protocol);
	netlink = kind == TL_SOCK_NETLINK ? (u32)protocol & 0xff : 0;
	if (s.mode != TL_MODE_LEARN && tl_socket_allowed(s.img, s.row, kind, netlink))
		return 0;
	return finish(ctx, report_number(WHAT(TL_HOOK_SOCKET_CREATE, TL_REASON_SOCKET_KIND, TL_KIND_SOCKET, 0), (u64)kind << 32 | netlink));
}

/* ------------------------------------------------------------------------------------------------ addresses --- */
/* A socket address as the decisions take it. IPv4: high is the address in network order, low 0. */
struct endpoint {
	u64 high, low; /* the sixteen bytes of the address, in network order */
	u16 port; /* host order */
	u8 family; /* AF_INET or AF_INET6; 0: not an internet address, or not readable */
};

#define bswap16(x) __builtin_bswap16(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap64(x) __builtin_bswap64(x)

static __always_inline void normalise(struct endpoint *e)
{
	/* ::ffff:a.b.c.d (RFC 4291, 2.5.5.2): on the wire it is IPv4. */
	if (e->family == AF_INET6 && !e->high && (u32)e->low == 0xffff0000u) {
		e->family = AF_INET;
		e->high = e->low >> 32;
		e->low = 0;
	}
}

static __always_inline void read_endpoint(struct endpoint *e, u64 address, u32 length, u16 socket_family)
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

static __always_inline u32 protocol_of(u64 sk)
{
	u32 protocol = READ32(struct sock, sk_protocol, sk) & 0xffff;

	if ((READ32(struct sock, sk_type, sk) & 0xffff) == SOCK_RAW)
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

/* Was the local port chosen by the program? Then what it answers from there is the service's traffic. */
static __always_inline bool bound_by_program(u64 sk)
{
	struct sock *s = (void *)sk;

	return BPF_CORE_READ_BITFIELD_PROBED(s, sk_userlocks) & SOCK_BINDPORT_LOCK;
}

__noinline u32 peer_class4(u32 img, u32 address) { return tl_peer_class4(img, address); }
__noinline u32 peer_class6(u32 img, u64 high, u64 low) { return tl_peer_class6(img, high, low); }
__noinline u32 port_class(u32 img, u32 port) { return tl_port_class(img, port); }

static __always_inline u32 peer_of(u32 img, const struct endpoint *e)
{
	if (e->family == AF_INET)
		return peer_class4(img, bswap32((u32)e->high));
	return peer_class6(img, bswap64(e->high), bswap64(e->low));
}

#define ENDPOINT(port, protocol, direction, family) ((u64)(port) | (u64)(protocol) << 16 | (u64)(direction) << 24 | (u64)(family) << 32)

/* Whose this socket is, for what comes in there (incoming.bpf.c). False: no memory to say so. Static: the kernel has to see where `sk` is from. */
static __noinline bool own_socket(struct sock *sk)
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
	return true;
}

#define OWN(hook, sk) \
	do { \
		if (!own_socket(sk)) \
			ASK(report_number(WHAT(hook, TL_REASON_NO_MEMORY, TL_KIND_SOCKET, 0), 0)); \
	} while (0)

static __always_inline bool is_udp(const struct sock *sk) { return sk && sk->sk_protocol == IPPROTO_UDP; }

/* ------------------------------------------------------------------------------------------------ going out --- */
/* connect, and a message that names its peer. */
static __noinline u32 check_out(const struct subject *s, u32 hook, u64 sk, u64 address, u32 length)
{
	u16 family = (u16)READ32(struct sock, __sk_common.skc_family, sk), local;
	u32 protocol, peer;
	bool serving;
	struct endpoint e;

	if (family != AF_INET && family != AF_INET6)
		return 0;
	read_endpoint(&e, address, length, family);
	protocol = protocol_of(sk);
	if (!e.family) {
		/* The kernel refuses what it cannot read as well, but it is not for us to trust that. */
		return report_net(WHAT(hook, TL_REASON_BAD_ADDRESS, TL_KIND_NET, 0), ENDPOINT(0, protocol, TL_NET_OUT, 0), 0, 0);
	}
	if (protocol == TL_PROTO_RAW || protocol == TL_PROTO_ICMP)
		e.port = 0;
	local = (u16)READ32(struct sock, __sk_common.skc_num, sk);
	serving = protocol == TL_PROTO_UDP && hook == TL_HOOK_SOCKET_SENDMSG && local && bound_by_program(sk);
	if (s->mode == TL_MODE_LEARN) {
		if (serving)
			return report_net(WHAT(hook, TL_REASON_NETWORK, TL_KIND_NET, 0), ENDPOINT(local, protocol, TL_NET_IN, e.family), e.high, e.low);
	} else {
		peer = peer_of(s->img, &e);
		if (tl_net_allowed(s->img, s->row, TL_NET_OUT, protocol, peer, port_class(s->img, e.port)))
			return 0;
		if (serving && tl_net_allowed(s->img, s->row, TL_NET_IN, protocol, peer, port_class(s->img, local)))
			return 0;
	}
	return report_net(WHAT(hook, TL_REASON_NETWORK, TL_KIND_NET, 0), ENDPOINT(e.port, protocol, TL_NET_OUT, e.family), e.high, e.low);
}

SEC("lsm/socket_connect")
int BPF_PROG(tl_socket_connect, struct socket *sock, struct sockaddr *address, int length)
{
	struct subject s;
	struct sock *own;

	if (!subject(&s))
		return 0;
	if (address->sa_family == AF_UNSPEC) /* dissolves the association */
		return 0;
	ASK(check_out(&s, TL_HOOK_SOCKET_CONNECT, READ(struct socket, sk, raw_argument(ctx, 0)), raw_argument(ctx, 1), (u32)length));
	own = sock->sk;
	if (is_udp(own))
		OWN(TL_HOOK_SOCKET_CONNECT, own);
	return 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(tl_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size)
{
	u64 sk, address;
	struct subject s;
	struct sock *own;

	if (!msg->msg_name) {
		own = sock->sk;
		if (is_udp(own) && !own->__sk_common.skc_num) /* inet_send_prepare gives it a port before it misses the name */
			OWN(TL_HOOK_SOCKET_SENDMSG, own);
		return 0;
	}
	if (!subject(&s))
		return 0;
	sk = READ(struct socket, sk, raw_argument(ctx, 0));
	/* A stream that is connected ignores the name, unless it is to be connected by this very message. */
	if ((READ32(struct sock, sk_type, sk) & 0xffff) == SOCK_STREAM && !(msg->msg_flags & MSG_FASTOPEN))
		return 0;
	address = READ(struct msghdr, msg_name, raw_argument(ctx, 1));
	ASK(check_out(&s, TL_HOOK_SOCKET_SENDMSG, sk, address, (u32)msg->msg_namelen));
	own = sock->sk;
	if (is_udp(own) && !own->__sk_common.skc_num) /* it gets its port by this very message */
		OWN(TL_HOOK_SOCKET_SENDMSG, own);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- coming in --- */
/* The local port that a socket is about to serve. */
__noinline u32 check_in(u32 hook, u64 sk, u32 port, u64 high, u64 low)
{
	u16 family = (u16)READ32(struct sock, __sk_common.skc_family, sk);
	u32 protocol = protocol_of(sk);
	struct endpoint e = {.high = high, .low = low, .port = (u16)port, .family = (u8)family};
	struct subject s;

	if (!subject(&s) || (family != AF_INET && family != AF_INET6))
		return 0;
	normalise(&e);
	if (protocol == TL_PROTO_RAW || protocol == TL_PROTO_ICMP)
		e.port = 0;
	if (s.mode != TL_MODE_LEARN && tl_net_allowed(s.img, s.row, TL_NET_IN, protocol, TL_SOME_PEER, port_class(s.img, e.port)))
		return 0;
	return report_net(WHAT(hook, TL_REASON_NETWORK, TL_KIND_NET, 0), ENDPOINT(e.port, protocol, TL_NET_IN, e.family), e.high, e.low);
}

__noinline u32 check_bind(u64 sk, u64 address, u32 length)
{
	struct endpoint e;

	read_endpoint(&e, address, length, (u16)READ32(struct sock, __sk_common.skc_family, sk));
	/* Of another family: the kernel refuses it, or (AF_UNSPEC, 0.0.0.0) takes it as IPv4; the port stands in the same place. */
	return check_in(TL_HOOK_SOCKET_BIND, sk, e.port, e.high, e.low);
}

SEC("lsm/socket_bind")
int BPF_PROG(tl_socket_bind, struct socket *sock, struct sockaddr *address, int length)
{
	struct sock *own;

	if (!my_tag())
		return 0;
	ASK(check_bind(READ(struct socket, sk, raw_argument(ctx, 0)), raw_argument(ctx, 1), (u32)length));
	own = sock->sk;
	if (is_udp(own))
		OWN(TL_HOOK_SOCKET_BIND, own);
	return 0;
}

SEC("lsm/socket_listen")
int BPF_PROG(tl_socket_listen, struct socket *sock, int backlog)
{
	u64 sk;

	if (!my_tag())
		return 0;
	sk = READ(struct socket, sk, raw_argument(ctx, 0));
	ASK(check_in(TL_HOOK_SOCKET_LISTEN, sk, READ32(struct sock, __sk_common.skc_num, sk) & 0xffff, 0, 0));
	OWN(TL_HOOK_SOCKET_LISTEN, sock->sk);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- unix sockets --- */
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
