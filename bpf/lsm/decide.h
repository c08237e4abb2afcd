/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The decisions, as pure functions of a policy image (abi.h). Compiled into the hooks, into the compiler and into the tests:
 * what replay says is what the kernel does.
 *
 * The world is not read here and nothing is changed here. An image is read through three macros:
 *
 *   TL_ELEM(img, off)         handle of the element that holds offset `off`
 *   TL_AT64(elem, img, off)   the u64 at `off` (a multiple of 8) in that element; 0 where elem is none
 *   TL_LOAD64(img, off)       both in one
 *
 * In the kernel `img` is an arena address and a handle a masked pointer into the arena map; in user space `img` is a
 * bounds-checked byte range. Either way what cannot be read is 0, and 0 grants nothing: dead state, class none, no rights, no
 * edge, no row. So a damaged image denies; it never grants and never reads outside.
 *
 *   __u32 s = tl_dfa_step(img, tl_words(img), TL_DFA_START, word, 8);  ...   // once per eight bytes of each component
 *   __u32 missing = tl_missing_access(img, row, tl_dfa_class(img, s), TL_READ);
 */
#ifndef TREELINE_BPF_LSM_DECIDE_H
#define TREELINE_BPF_LSM_DECIDE_H

#include "abi.h"

#ifndef __bpf__
struct tl_image {
	const unsigned char *bytes;
	__u64 size;
};
typedef const struct tl_image *tl_img;

TL_INLINE __u64 tl_image_load64(tl_img img, __u32 off)
{
	__u64 v = 0;

	if ((__u64)off + 8 > img->size)
		return 0;
	__builtin_memcpy(&v, img->bytes + off, sizeof(v));
	return v;
}
typedef __u32 tl_elem;
#define TL_ELEM(img, off) ((void)(img), (tl_elem)0)
#define TL_AT64(elem, img, off) ((void)(elem), tl_image_load64(img, (__u32)(off) & ~7u))
/* Slots of the automaton that lie in the same element as slot `s`: the first of them. One element here. */
#define TL_ELEM_FIRST_SLOT(img, s) ((void)(img), 0u)
#define TL_ELEM_SLOTS 0xffffffffu
#else
/* tl_img, TL_ELEM, TL_AT64, TL_ELEM_FIRST_SLOT and TL_ELEM_SLOTS come from arena.bpf.h. */
#endif
#define TL_LOAD64(img, off) TL_AT64(TL_ELEM(img, off), img, off)

TL_INLINE __u32 tl_load32(tl_img img, __u32 off)
{
	return (__u32)(TL_LOAD64(img, off & ~7u) >> ((off & 4u) * 8));
}

TL_INLINE struct tl_section tl_section_at(tl_img img, __u32 header_offset)
{
	__u64 v = TL_LOAD64(img, header_offset);
	struct tl_section s = {(__u32)v, (__u32)(v >> 32)};

	return s;
}
#define TL_SECTION(img, name) tl_section_at(img, offsetof(struct tl_image_header, name))

/* ------------------------------------------------------------------------------------------------ the automaton --- */
#define TL_SLOT_OFFSET(s) (TL_DFA_OFFSET + 8u * (s))

/* Feeds the first `n` (0..8) bytes of `word`, lowest first, and returns the state they lead to. */
TL_INLINE __u32 tl_dfa_feed(tl_img img, __u32 state, __u64 word, __u32 n)
{
	tl_elem elem = TL_ELEM(img, TL_SLOT_OFFSET(state));
	__u32 first = TL_ELEM_FIRST_SLOT(img, state);

	for (__u32 i = 0; i < 8; i++) {
		__u64 entry;
		__u32 next;

		if (i >= n)
			break;
		entry = TL_AT64(elem, img, TL_SLOT_OFFSET(state + (__u32)(word & 0xff)));
		if ((__u32)entry != state)
			entry = TL_AT64(elem, img, TL_SLOT_OFFSET(state));
		next = (__u32)(entry >> 32);
		if (next - first >= TL_ELEM_SLOTS) {
			elem = TL_ELEM(img, TL_SLOT_OFFSET(next));
			first = TL_ELEM_FIRST_SLOT(img, next);
		}
		state = next;
		word >>= 8;
	}
	return state;
}

/* Where the shortcuts lie and how they are hashed, in one number: read once for all the words of a path. */
TL_INLINE __u64 tl_words(tl_img img)
{
	tl_elem head = TL_ELEM(img, 0);

	return (TL_AT64(head, img, offsetof(struct tl_image_header, words)) & 0xffffffff) |
	       TL_AT64(head, img, offsetof(struct tl_image_header, word_shift)) << 32;
}

/* As tl_dfa_feed, by a shortcut where there is one. `word` is a component's next eight bytes, counted from its slash; `n` how many it has. */
TL_INLINE __u32 tl_dfa_step(tl_img img, __u64 words, __u32 state, __u64 word, __u32 n)
{
	__u32 off;
	tl_elem elem;

	if (n < 8)
		word &= (1ull << (8 * n)) - 1;
	off = (__u32)words + TL_WORD_WAYS * (__u32)sizeof(struct tl_word) * tl_hash_step(state, word, (__u32)(words >> 32));
	elem = TL_ELEM(img, off); /* the bucket lies in one */
	for (__u32 i = 0; i < TL_WORD_WAYS; i++, off += (__u32)sizeof(struct tl_word)) {
		__u64 states;

		if (TL_AT64(elem, img, off) != word)
			continue;
		states = TL_AT64(elem, img, off + 8);
		if ((__u32)states == state)
			return (__u32)(states >> 32);
	}
	return tl_dfa_feed(img, state, word, n);
}

/* The class of a path that ends in `state`. TL_CLASS_NONE where no rule meets it. */
TL_INLINE __u32 tl_dfa_class(tl_img img, __u32 state)
{
	return (__u32)TL_LOAD64(img, TL_SLOT_OFFSET(state)) & ~TL_DFA_HEAD;
}

/* ----------------------------------------------------------------------------------------------- rows and rights --- */
/* The row of a node in this image; TL_ROW_NONE: the image does not hold it. */
TL_INLINE __u32 tl_row_of_key(tl_img img, __u64 key)
{
	struct tl_section keys = TL_SECTION(img, keys);
	__u32 at = tl_hash_key(key);

	if (!key)
		return TL_ROW_NONE;
	for (__u32 i = 0; i < TL_PROBES; i++, at++) {
		__u32 off = keys.offset + (__u32)sizeof(struct tl_key) * (at & (keys.count - 1));
		__u64 found = TL_LOAD64(img, off);

		if (found == key)
			return tl_load32(img, off + (__u32)offsetof(struct tl_key, row));
		if (!found)
			break;
	}
	return TL_ROW_NONE;
}

TL_INLINE __u32 tl_row_offset(tl_img img, __u32 row)
{
	return TL_SECTION(img, rows).offset + (__u32)sizeof(struct tl_row) * row;
}
#define TL_ROW64(img, row, field) TL_LOAD64(img, tl_row_offset(img, row) + (__u32)offsetof(struct tl_row, field))
#define TL_ROW32(img, row, field) tl_load32(img, tl_row_offset(img, row) + (__u32)offsetof(struct tl_row, field))

/* Where the rights of `row` lie; kept by the hooks, as it is the same for every check of a node. */
TL_INLINE struct tl_rights_at tl_rights_of(tl_img img, __u32 row)
{
	struct tl_rights_at at = {
		TL_SECTION(img, block_index).offset,
		TL_SECTION(img, blocks).offset,
		TL_ROW32(img, row, rights),
	};

	return at;
}

/* The access words that are held there on a class. */
TL_INLINE __u32 tl_rights_there(tl_img img, struct tl_rights_at at, __u32 class_id)
{
	__u32 block = tl_load32(img, at.block_index + 4 * (at.rights + class_id / TL_BLOCK));
	__u32 off = at.blocks + 2 * (block * TL_BLOCK + class_id % TL_BLOCK);

	return (__u32)(TL_LOAD64(img, off & ~7u) >> ((off & 6u) * 8)) & 0xffff;
}

/* Of `words`, those that are lacking there on this class; 0: allowed. TL_WRITE includes TL_APPEND. */
TL_INLINE __u32 tl_missing_there(tl_img img, struct tl_rights_at at, __u32 class_id, __u32 words)
{
	__u32 held = tl_rights_there(img, at, class_id);

	if (held & TL_WRITE)
		held |= TL_APPEND;
	return words & ~held;
}

TL_INLINE __u32 tl_rights(tl_img img, __u32 row, __u32 class_id)
{
	return tl_rights_there(img, tl_rights_of(img, row), class_id);
}
TL_INLINE __u32 tl_missing_access(tl_img img, __u32 row, __u32 class_id, __u32 words)
{
	return tl_missing_there(img, tl_rights_of(img, row), class_id, words);
}

TL_INLINE __u32 tl_row_flags(tl_img img, __u32 row)
{
	return TL_ROW32(img, row, flags);
}

/* ------------------------------------------------------------------------------------------------------- exec --- */
/*
 * The row that an exec of class `class_id` leads to, TL_ROW_NONE where there is none. `flags` is the kind of edge asked for: 0 for a
 * step in the tree, TL_EDGE_INTERPRETER for "may this class interpret the script that is node `row`" (the answer is row itself).
 */
TL_INLINE __u32 tl_exec_edge(tl_img img, __u32 row, __u32 class_id, __u32 flags)
{
	struct tl_section edges = TL_SECTION(img, edges);
	__u32 at = tl_hash_pair(row, class_id);

	if (!row || !class_id)
		return TL_ROW_NONE;
	for (__u32 i = 0; i < 2 * TL_PROBES; i++, at++) {
		__u32 off = edges.offset + (__u32)sizeof(struct tl_edge) * (at & (edges.count - 1));
		__u64 pair = TL_LOAD64(img, off);
		__u64 to = TL_LOAD64(img, off + 8);

		if (!pair)
			break;
		if (pair == (((__u64)class_id << 32) | row) && ((__u32)(to >> 32) & TL_EDGE_INTERPRETER) == flags)
			return (__u32)to;
	}
	return TL_ROW_NONE;
}

/* May a process of this node run as user `uid`? Lists are short (the compiler holds them to TL_USERS_MAX). */
#define TL_USERS_MAX 64
TL_INLINE __u32 tl_user_allowed(tl_img img, __u32 row, __u32 uid)
{
	__u32 base, n;

	if (TL_ROW32(img, row, flags) & TL_ROW_ANY_USER)
		return 1;
	base = TL_SECTION(img, users).offset + 4 * TL_ROW32(img, row, users);
	n = tl_load32(img, base);
	for (__u32 i = 0; i < TL_USERS_MAX; i++) {
		if (i >= n)
			break;
		if (tl_load32(img, base + 4 + 4 * i) == uid)
			return 1;
	}
	return 0;
}

/* May a file of class `from` get a name of class `to`? Only where no node gains a right by it. */
TL_INLINE __u32 tl_move_allowed(tl_img img, __u32 from, __u32 to)
{
	struct tl_section moves = TL_SECTION(img, moves);
	__u32 at = tl_hash_pair(from, to);

	if (from == to)
		return 1;
	if (!from)
		return 0;
	for (__u32 i = 0; i < TL_PROBES; i++, at++) {
		__u64 pair = TL_LOAD64(img, moves.offset + (__u32)sizeof(struct tl_move) * (at & (moves.count - 1)));

		if (pair == (((__u64)to << 32) | from))
			return 1;
		if (!pair)
			break;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------------ what it costs --- */
/* What a violation costs a process of this node by its reason (enum tl_cost). */
TL_INLINE __u32 tl_cost_of_reason(tl_img img, __u32 row, __u32 reason)
{
	return (__u32)(TL_ROW64(img, row, costs) >> (2 * (reason < 32 ? reason : 0))) & 3;
}

TL_INLINE __u32 tl_cost_entry(tl_img img, struct tl_section costs, __u32 row, __u32 class_id)
{
	__u32 at = tl_hash_pair(row, class_id);

	for (__u32 i = 0; i < TL_PROBES; i++, at++) {
		__u32 off = costs.offset + (__u32)sizeof(struct tl_path_cost) * (at & (costs.count - 1));
		__u64 pair = TL_LOAD64(img, off);

		if (pair == (((__u64)class_id << 32) | row))
			return 1 + ((__u32)TL_LOAD64(img, off + 8) & 3);
		if (!(pair >> 32))
			break;
	}
	return 0;
}

/* What a refused act on this class costs, as 1 + enum tl_cost; 0: as its reason says. */
TL_INLINE __u32 tl_cost_of_class(tl_img img, __u32 row, __u32 class_id)
{
	struct tl_section costs = TL_SECTION(img, path_costs);
	__u32 own;

	if (!costs.count || !class_id)
		return 0;
	own = tl_cost_entry(img, costs, row, class_id);
	return own ? own : tl_cost_entry(img, costs, TL_ROW_NONE, class_id);
}

/* ------------------------------------------------------------------------------------------- plain bits of a row --- */
TL_INLINE __u32 tl_capability_allowed(tl_img img, __u32 row, __u32 capability)
{
	return capability < 64 && ((TL_ROW64(img, row, capabilities) >> capability) & 1);
}

/* The operations that grant this one, as bits: itself, and of what is done to another process the wider relations. */
TL_INLINE __u64 tl_operations_granting(__u32 operation)
{
	switch (operation) {
	case TL_OP_PTRACE_DESCENDANT:
		return 1ull << TL_OP_PTRACE_DESCENDANT | 1ull << TL_OP_PTRACE_WORKLOAD | 1ull << TL_OP_PTRACE;
	case TL_OP_PTRACE_WORKLOAD:
		return 1ull << TL_OP_PTRACE_WORKLOAD | 1ull << TL_OP_PTRACE;
	case TL_OP_SIGNAL_DESCENDANT:
		return 1ull << TL_OP_SIGNAL_DESCENDANT | 1ull << TL_OP_SIGNAL_WORKLOAD | 1ull << TL_OP_SIGNAL;
	case TL_OP_SIGNAL_WORKLOAD:
		return 1ull << TL_OP_SIGNAL_WORKLOAD | 1ull << TL_OP_SIGNAL;
	case TL_OP_TUNE_WORKLOAD:
		return 1ull << TL_OP_TUNE_WORKLOAD | 1ull << TL_OP_TUNE;
	default:
		return operation < 64 ? 1ull << operation : 0;
	}
}

TL_INLINE __u32 tl_operation_allowed(tl_img img, __u32 row, __u32 operation)
{
	return (TL_ROW64(img, row, operations) & tl_operations_granting(operation)) != 0;
}

/* Those of `wanted` (bits of enum tl_operation) that the node holds. */
TL_INLINE __u64 tl_operations_held(tl_img img, __u32 row, __u64 wanted)
{
	return TL_ROW64(img, row, operations) & wanted;
}

/* `netlink` is asked only for TL_SOCK_NETLINK. */
TL_INLINE __u32 tl_socket_allowed(tl_img img, __u32 row, __u32 kind, __u32 netlink)
{
	if (kind >= TL_SOCK_KINDS || !((TL_ROW64(img, row, sockets) >> kind) & 1))
		return 0;
	if (kind != TL_SOCK_NETLINK)
		return 1;
	return netlink < 64 && ((TL_ROW64(img, row, netlink) >> netlink) & 1);
}

/* ---------------------------------------------------------------------------------------------------- network --- */
/*
 * Ranges are sorted by their first value and cover all from 0 on, so a value's range is the last that does not begin above it. The half that
 * holds it, till one is left: as many looks as the section needs, not as the largest would.
 */
/* The second word of the range of `value`; 0 where there is none. */
TL_INLINE __u32 tl_range_class(tl_img img, struct tl_section ranges, __u32 value)
{
	__u32 at = tl_load32(img, offsetof(struct tl_image_header, zero)), left = ranges.count;

	for (__u32 i = 0; i < TL_RANGE_STEPS && left > 1; i++) {
		__u32 half = left / 2;

		if ((__u32)TL_LOAD64(img, ranges.offset + 8 * (at + half)) <= value)
			at += half;
		left -= half;
	}
	return ranges.count ? (__u32)(TL_LOAD64(img, ranges.offset + 8 * at) >> 32) : 0;
}

/* Peer class of an IPv4 address in host byte order. */
TL_INLINE __u32 tl_peer_class4(tl_img img, __u32 address)
{
	return tl_range_class(img, TL_SECTION(img, peers4), address);
}

/* Peer class of an IPv6 address as two halves in host byte order. Callers turn ::ffff:a.b.c.d into IPv4 first. */
TL_INLINE __u32 tl_peer_class6(tl_img img, __u64 high, __u64 low)
{
	struct tl_section ranges = TL_SECTION(img, peers6);
	__u32 at = tl_load32(img, offsetof(struct tl_image_header, zero)), left = ranges.count;

	for (__u32 i = 0; i < TL_RANGE_STEPS && left > 1; i++) {
		__u32 half = left / 2, off = ranges.offset + (__u32)sizeof(struct tl_range6) * (at + half);
		__u64 first = TL_LOAD64(img, off);

		if (first < high || (first == high && TL_LOAD64(img, off + 8) <= low))
			at += half;
		left -= half;
	}
	return ranges.count ? tl_load32(img, ranges.offset + (__u32)sizeof(struct tl_range6) * at + 16) : 0;
}

TL_INLINE __u32 tl_port_class(tl_img img, __u32 port)
{
	return tl_range_class(img, TL_SECTION(img, ports), port);
}

/* `peer` is a peer class, or TL_SOME_PEER for bind and listen. */
#define TL_SOME_PEER 0xffffffffu
TL_INLINE __u32 tl_net_allowed(tl_img img, __u32 row, __u32 direction, __u32 protocol, __u32 peer, __u32 port_class)
{
	__u64 classes = TL_LOAD64(img, offsetof(struct tl_image_header, peer_classes) & ~7u);
	__u32 peers, ports, bit;

	/* classes and peer_classes share a word, port_classes follows: see the assertions below. */
	peers = (__u32)(classes >> 32);
	ports = tl_load32(img, offsetof(struct tl_image_header, port_classes));
	if (peer == TL_SOME_PEER)
		peer = peers;
	if (direction >= TL_NET_DIRECTIONS || protocol >= TL_PROTOCOLS || peer > peers || port_class >= ports)
		return 0;
	bit = ((direction * TL_PROTOCOLS + protocol) * (peers + 1) + peer) * ports + port_class;
	return (__u32)(TL_LOAD64(img, TL_SECTION(img, nets).offset + 8 * (TL_ROW32(img, row, net) + bit / 64)) >> (bit % 64)) & 1;
}
TL_ASSERT(offsetof(struct tl_image_header, word_shift) % 8 == 0 && offsetof(struct tl_image_header, words) % 8 == 0);
TL_ASSERT(offsetof(struct tl_image_header, peer_classes) % 8 == 4);
TL_ASSERT(offsetof(struct tl_image_header, port_classes) % 8 == 0);
#endif
