/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Network.
 *
 *   socket_create            may the node have a socket of this kind?
 *   socket_connect           may it reach this peer and port?
 *   socket_sendmsg           the same for a message that names its peer: UDP, raw, SCTP, and TCP Fast Open, which connect never sees
 *   socket_setsockopt, _getsockopt    may it send by way of somebody else (a source route)?
 *   socket_bind, _listen     may it serve this port? (incoming.bpf.c: to whom?)
 */
#include "peer.bpf.h"
#include <bpf/bpf_tracing.h>

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
	/* SOCK_SEQPACKET has no other default (sctp_seqpacket_protosw, net/sctp/protocol.c). */
	if (protocol == IPPROTO_SCTP || (type == SOCK_SEQPACKET && protocol == 0))
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

/* ------------------------------------------------------------------------------------------------ options --- */
/* in.h, in6.h, sctp.h. An option also goes with one datagram, as a control message. */
#define SOL_IP 0
#define SOL_IPV6 41
#define SOL_SCTP 132
#define IP_OPTIONS 4
#define IP_RETOPTS 7
#define IPV6_2292RTHDR 5
#define IPV6_2292PKTOPTIONS 6
#define IPV6_FLOWLABEL_MGR 32
#define IPV6_RTHDR 57
#define SCTP_SOCKOPT_BINDX_ADD 100
#define SCTP_SOCKOPT_CONNECTX_OLD 107
#define SCTP_SOCKOPT_CONNECTX 110
#define SCTP_SOCKOPT_CONNECTX3 111

/*
 * What sends packets to another address than the one that is judged: a source route (the kernel asks for no capability), also one that a flow
 * label keeps, and SCTP's addresses in memory.
 */
static __always_inline bool reroutes_option(u32 level, u32 name)
{
	switch (level) {
	case SOL_IP:
		return name == IP_OPTIONS || name == IP_RETOPTS;
	case SOL_IPV6:
		return name == IPV6_RTHDR || name == IPV6_2292RTHDR || name == IPV6_2292PKTOPTIONS || name == IPV6_FLOWLABEL_MGR;
	case SOL_SCTP:
		return name == SCTP_SOCKOPT_BINDX_ADD || name == SCTP_SOCKOPT_CONNECTX || name == SCTP_SOCKOPT_CONNECTX_OLD;
	default:
		return false;
	}
}

/* Who may have a raw socket writes what it likes into a header, and may route too. */
__noinline u32 check_route(u32 hook, u32 reason)
{
	struct subject s;

	if (!subject(&s) || (s.mode != TL_MODE_LEARN && tl_socket_allowed(s.img, s.row, TL_SOCK_INET_RAW, 0)))
		return 0;
	return report_number(WHAT(hook, reason, TL_KIND_SOCKET, 0), (u64)TL_SOCK_INET_RAW << 32);
}

SEC("lsm/socket_setsockopt")
int BPF_PROG(tl_socket_setsockopt, struct socket *sock, int level, int name)
{
	if (!reroutes_option((u32)level, (u32)name) || !my_tag())
		return 0;
	return finish(ctx, check_route(TL_HOOK_SOCKET_SETSOCKOPT, TL_REASON_SOCKET_KIND));
}

/* SCTP connects to addresses in memory by a question, too (sctp_getsockopt_connectx3): the one that sctp_connectx(3) asks first. */
SEC("lsm/socket_getsockopt")
int BPF_PROG(tl_socket_getsockopt, struct socket *sock, int level, int name)
{
	if ((u32)level != SOL_SCTP || (u32)name != SCTP_SOCKOPT_CONNECTX3 || !my_tag())
		return 0;
	return finish(ctx, check_route(TL_HOOK_SOCKET_GETSOCKOPT, TL_REASON_SOCKET_KIND));
}

/* ------------------------------------------------------------------------------------------------ going out --- */
#define NOT_ALLOWED (1ull << 63)
/* connect, and a message that names its peer: 0, or NOT_ALLOWED and the ENDPOINT to tell (learn: always). */
static __noinline u64 judge_out(const struct subject *s, u32 hook, struct sock *sk, struct tl_endpoint *e)
{
	u32 protocol = protocol_of_kind(sk->__sk_common.skc_family, sk->sk_type, sk->sk_protocol), peer;
	u16 local = sk->__sk_common.skc_num;
	struct tl_owner *owner = NULL;
	u64 out = 0, in = 0;
	bool serving;

	if (protocol == TL_PROTO_RAW || protocol == TL_PROTO_ICMP)
		e->port = 0;
	if (!e->family) /* The kernel refuses what it cannot read as well, but it is not for us to trust that. */
		return NOT_ALLOWED | ENDPOINT(0, protocol, TL_NET_OUT, 0);
	serving = protocol == TL_PROTO_UDP && hook == TL_HOOK_SOCKET_SENDMSG && local && bound_by_program(sk);
	if (s->mode == TL_MODE_LEARN)
		return NOT_ALLOWED | (serving && has_asked(s->tag->container, e, local) ? ENDPOINT(local, protocol, TL_NET_IN, e->family) : ENDPOINT(e->port, protocol, TL_NET_OUT, e->family));
	if (protocol == TL_PROTO_UDP && (owner = bpf_sk_storage_get(&owners, sk, 0, 0))) {
		out = yes_of(s->policy, s->tag->slot, s->tag->node, TL_NET_OUT, protocol, e, e->port);
		if (said_yes(owner, TL_NET_OUT, out))
			return 0;
		if (serving) {
			in = yes_of(s->policy, s->tag->slot, s->tag->node, TL_NET_IN, protocol, e, local);
			if (said_yes(owner, TL_NET_IN, in))
				return 0;
		}
	}
	peer = peer_of(s->img, e);
	if (tl_net_allowed(s->img, s->row, TL_NET_OUT, protocol, peer, port_class(s->img, e->port))) {
		say_yes(owner, TL_NET_OUT, out);
		return 0;
	}
	if (serving && has_asked(s->tag->container, e, local) && tl_net_allowed(s->img, s->row, TL_NET_IN, protocol, peer, port_class(s->img, local)))
		return 0;
	return NOT_ALLOWED | ENDPOINT(e->port, protocol, TL_NET_OUT, e->family);
}

/* In the hook's own frame: what judges and what tells take turns below it. */
#define ASK_OUT(hook, s, sk, e, address, length) \
	do { \
		u64 not_allowed; \
\
		read_endpoint(e, address, length, (sk)->__sk_common.skc_family); \
		not_allowed = judge_out(s, hook, sk, e); \
		if (not_allowed) \
			ASK(report_net(WHAT(hook, (e)->family ? TL_REASON_NETWORK : TL_REASON_BAD_ADDRESS, TL_KIND_NET, 0), not_allowed & ~NOT_ALLOWED, (e)->high, (e)->low)); \
	} while (0)

static __always_inline bool is_inet(const struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_SMC;
}

SEC("lsm/socket_connect")
int BPF_PROG(tl_socket_connect, struct socket *sock, struct sockaddr *address, int length)
{
	struct tl_endpoint e;
	struct subject s;
	struct sock *own;

	if (!subject(&s))
		return 0;
	own = sock->sk;
	if (!own || !is_inet(own) || address->sa_family == AF_UNSPEC) /* dissolves the association */
		return 0;
	ASK_OUT(TL_HOOK_SOCKET_CONNECT, &s, own, &e, raw_argument(ctx, 1), (u32)length);
	if (is_udp(own))
		OWN(TL_HOOK_SOCKET_CONNECT, own, &e);
	return 0;
}

/*
 * Does a control message send the datagram by way of somebody else (a source route)? The reason to refuse it, or 0. The buffer is the
 * kernel's copy. More of them than are looked at: in doubt, yes.
 */
#define MAX_CONTROL 8
__noinline u32 reroutes(u64 control, u64 length)
{
	u64 at = 0;

	for (u32 i = 0; i < MAX_CONTROL; i++) {
		u64 size, kind;

		if (at + 16 > length)
			return 0;
		size = read_u64(control + at); /* struct cmsghdr: size_t cmsg_len; int cmsg_level, cmsg_type */
		kind = read_u64(control + at + 8);
		if (reroutes_option((u32)kind, (u32)(kind >> 32)))
			return TL_REASON_SOCKET_KIND;
		if (size < 16 || size > length)
			return 0; /* the kernel reads no further (CMSG_OK) */
		at += (size + 7) & ~7ull;
	}
	return at + 16 <= length ? TL_REASON_BAD_ADDRESS : 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(tl_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size)
{
	struct sock *own = sock->sk;
	struct tl_endpoint e;
	struct subject s;
	u32 reason;

	if (!own || !is_inet(own))
		return 0;
	reason = msg->msg_controllen ? reroutes(READ(struct msghdr, msg_control, raw_argument(ctx, 1)), msg->msg_controllen) : 0;
	if (reason && my_tag())
		ASK(check_route(TL_HOOK_SOCKET_SENDMSG, reason));
	if (!msg->msg_name) {
		if (is_udp(own) && !own->__sk_common.skc_num) /* inet_send_prepare gives it a port before it misses the name */
			OWN(TL_HOOK_SOCKET_SENDMSG, own, NULL);
		return 0;
	}
	if (!subject(&s))
		return 0;
	/* A TCP stream that is connected ignores the name, unless it is to be connected by this very message. */
	if (own->sk_type == SOCK_STREAM && (own->sk_protocol == IPPROTO_TCP || own->sk_protocol == IPPROTO_MPTCP) && !(msg->msg_flags & MSG_FASTOPEN))
		return 0;
	ASK_OUT(TL_HOOK_SOCKET_SENDMSG, &s, own, &e, READ(struct msghdr, msg_name, raw_argument(ctx, 1)), (u32)msg->msg_namelen);
	if (is_udp(own) && !own->__sk_common.skc_num) /* it gets its port by this very message */
		OWN(TL_HOOK_SOCKET_SENDMSG, own, NULL);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- coming in --- */
/* The local port that a socket is about to serve. */
__noinline u32 check_in(u32 hook, u64 sk, u32 port, u64 high, u64 low)
{
	u16 family = (u16)READ32(struct sock, __sk_common.skc_family, sk);
	u32 protocol = protocol_of(sk);
	struct tl_endpoint e = {.high = high, .low = low, .port = (u16)port, .family = (u8)family};
	struct subject s;

	if (!subject(&s) || (family != AF_INET && family != AF_INET6 && family != AF_SMC))
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
	struct tl_endpoint e;

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
	if (own && is_udp(own))
		OWN(TL_HOOK_SOCKET_BIND, own, NULL);
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
	OWN(TL_HOOK_SOCKET_LISTEN, sock->sk, NULL);
	return 0;
}
