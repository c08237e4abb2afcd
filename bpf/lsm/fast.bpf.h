/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk that nearly every check takes, and the check by it:
 *
 *   if (held_fast(&s, mnt, dentry, words))
 *           return 0;                          // the node holds these words on this path
 *   ...                                        // not known yet: judge_path (report.bpf.h) decides, and tells
 *
 * It only ever says yes, and only for a path that walk_slow would have read: up to 16 levels, names that lie in the dentry, a mount that
 * is the container's root or whose place is in `prefixes`, no rename meanwhile. Pointers with types, read directly: 2 to 9 instructions
 * where a probe read takes 84. The sixteen dentries are spilled to the stack, where the verifier keeps their types.
 */
#ifndef TREELINE_BPF_LSM_FAST_BPF_H
#define TREELINE_BPF_LSM_FAST_BPF_H

#include "subject.bpf.h"

/* -------------------------------------------------------------------------------------------------- the prefixes --- */
/* Without a type in BTF: addresses. Their first member is the count, odd while somebody writes. Absent: nothing is cached. */
extern const void mount_lock __ksym __weak;
extern const void rename_lock __ksym __weak;

#define LOCKS_BUSY ~0ull
static __always_inline u64 locks_now(void)
{
	u32 mounts, names;

	if (!&mount_lock || !&rename_lock)
		return LOCKS_BUSY;
	mounts = (u32)read_u64((u64)&mount_lock);
	names = (u32)read_u64((u64)&rename_lock);
	/* 0 is what a read that failed gives, and no count of a machine that has booted (its root was mounted). */
	return !mounts || ((mounts | names) & 1) ? LOCKS_BUSY : (u64)mounts << 32 | names;
}

/* Whose automaton: no two images ever share this number, as a slot's generations only count up. */
static __always_inline u64 policy_of(const struct subject *s)
{
	return s->policy | (u64)(s->tag->container & 0xffff) << 32 | (u64)s->tag->slot << 48;
}

static __always_inline u32 prefix_bucket(u64 policy, u32 dev, u64 ino)
{
	return ((policy ^ ino * 0x9e3779b97f4a7c15ull ^ (u64)dev << 40) * 0xbf58476d1ce4e5b9ull >> 32) & (PREFIXES - 1);
}

static __always_inline u64 prefix_check(u64 mount, u64 ns, u64 policy, u64 locks, u64 state)
{
	return tl_hash_word(tl_hash_word(mount ^ locks, ns), policy ^ state << 13);
}

/* Puts the state at a mount's root into the cache. By address; called where walk_fast did not find it. */
__noinline u32 remember_prefix(u64 vfsmount)
{
	u64 root = READ(struct vfsmount, mnt_root, vfsmount), superblock = READ(struct dentry, d_sb, root);
	u64 ino = READ(struct inode, i_ino, READ(struct dentry, d_inode, root)), locks = locks_now(), policy, ns, state;
	struct tl_prefix *p;
	struct subject s;
	u32 at;

	/* Below a procfs root a name may stand for a relation; that is walk_slow's. */
	if (locks == LOCKS_BUSY || READ(struct super_block, s_magic, superblock) == PROC_SUPER_MAGIC || !subject(&s) || s.mode < TL_MODE_MONITOR)
		return 0;
	policy = policy_of(&s);
	ns = s.tag->mount_ns;
	state = walk_slow(s.img, TL_DFA_START, 0, vfsmount, ns);
	if (state >= WALK_ERROR || locks_now() != locks)
		return 0;
	at = 2 * prefix_bucket(policy, READ32(struct super_block, s_dev, superblock), ino);
	p = bpf_map_lookup_elem(&prefixes, &at);
	if (p && p->locks == locks && p->policy == policy && p->mount != vfsmount) { /* the same directory, mounted twice */
		at++;
		p = bpf_map_lookup_elem(&prefixes, &at);
	}
	if (!p)
		return 0;
	p->check = 0;
	p->mount = vfsmount;
	p->ns = ns;
	p->policy = policy;
	p->locks = locks;
	p->state = state;
	p->check = prefix_check(vfsmount, ns, policy, locks, state);
	return 1;
}

/* The state at this mount's root, now; WALK_UNKNOWN. */
static __noinline u64 prefix_now(const struct subject *s, struct vfsmount *mnt)
{
	u64 policy = policy_of(s), ns = s->tag->mount_ns, locks;
	u32 at = 2 * prefix_bucket(policy, mnt->mnt_sb->s_dev, mnt->mnt_root->d_inode->i_ino);

	locks = locks_now();
	for (u32 i = 0; i < 2; i++, at++) {
		struct tl_prefix *p = bpf_map_lookup_elem(&prefixes, &at);
		u64 mount, same, state;

		if (!p)
			continue;
		/* Read once: what was checked is what is used. The compiler must not put the pointer for its equal: it is no number. */
		same = mount = *(volatile u64 *)&p->mount;
		barrier_var(same);
		state = *(volatile u64 *)&p->state;
		/* Was this written for the same namespace, policy and counts? Their hash says so, and that the state was written with them. */
		if (same == (u64)mnt && p->check == prefix_check(mount, ns, policy, locks, state))
			return state;
	}
	return WALK_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------------- the walk --- */
/* Eight bytes of the inline name. */
static __always_inline u64 inline_word(struct dentry *d, int i)
{
	struct dentry___shortname *s = (void *)d;

	if (bpf_core_field_exists(s->d_shortname))
		return s->d_shortname.words[i];
	return *(u64 *)__builtin_preserve_access_index(&d->d_iname[8 * i]);
}

#define INLINE_NAME 32 /* a name shorter than this is inline on every kernel (40 from 6.12 on) */

/* Up to eight bytes of a component. A function of its own: verified once. */
__noinline u32 step(u32 img, u64 words, u32 state, u64 word, u32 n)
{
	return tl_dfa_step(img, words, state, word, n);
}

static __always_inline u32 step_name(u32 img, u64 words, u32 state, struct dentry *d)
{
	u32 n = d->d_name.len + 1;
	u64 w0, w1;

	w0 = inline_word(d, 0);
	state = step(img, words, state, '/' | w0 << 8, n < 8 ? n : 8);
	if (n <= 8)
		return state;
	w1 = inline_word(d, 1);
	state = step(img, words, state, w0 >> 56 | w1 << 8, n < 16 ? n - 8 : 8);
	if (n <= 16)
		return state;
	w0 = inline_word(d, 2);
	state = step(img, words, state, w1 >> 56 | w0 << 8, n < 24 ? n - 16 : 8);
	if (n <= 24)
		return state;
	w1 = inline_word(d, 3);
	return step(img, words, state, w0 >> 56 | w1 << 8, n - 24);
}

/*
 * The turning point: every name on the way up was read after its count, and will be read before it again on the way down. So if the counts
 * stand, all the names stood here, where the mount's place is asked for.
 */
#define FAST_UP(i, next) \
	if (d##i == root) { \
		state = known ? TL_DFA_START : prefix_now(s, mnt); \
		if (state >= WALK_ERROR) \
			return state; \
		goto at##i; \
	} \
	seq = d##i->d_seq.seqcount.sequence; \
	odd |= seq; \
	sum += seq; \
	d##next = d##i->d_parent;
#define FAST_DOWN(i, next) \
	at##next: \
	if (d##i->d_name.len >= INLINE_NAME) \
		return WALK_DEEP; \
	state = step_name(img, words, (u32)state, d##i); \
	sum -= d##i->d_seq.seqcount.sequence;

static __noinline u64 walk_fast(const struct subject *s, struct dentry *d0, struct vfsmount *mnt)
{
	struct dentry *d1, *d2, *d3, *d4, *d5, *d6, *d7, *d8, *d9, *d10, *d11, *d12, *d13, *d14, *d15, *d16, *root = mnt->mnt_root;
	bool known = (u64)mnt == s->tag->root_mount;
	u32 seq, odd = 0, sum = 0, img = s->img;
	u64 state, words = s->tag->words;

	if (d0 == root) /* a root of a mount is asked for as a directory, rarely */
		return WALK_DEEP;
	FAST_UP(0, 1) FAST_UP(1, 2) FAST_UP(2, 3) FAST_UP(3, 4) FAST_UP(4, 5) FAST_UP(5, 6) FAST_UP(6, 7) FAST_UP(7, 8)
	FAST_UP(8, 9) FAST_UP(9, 10) FAST_UP(10, 11) FAST_UP(11, 12) FAST_UP(12, 13) FAST_UP(13, 14) FAST_UP(14, 15) FAST_UP(15, 16)
	if (d16 != root)
		return WALK_DEEP;
	state = known ? TL_DFA_START : prefix_now(s, mnt);
	if (state >= WALK_ERROR)
		return state;
	goto at16;
	FAST_DOWN(15, 16) FAST_DOWN(14, 15) FAST_DOWN(13, 14) FAST_DOWN(12, 13) FAST_DOWN(11, 12) FAST_DOWN(10, 11) FAST_DOWN(9, 10)
	FAST_DOWN(8, 9) FAST_DOWN(7, 8) FAST_DOWN(6, 7) FAST_DOWN(5, 6) FAST_DOWN(4, 5) FAST_DOWN(3, 4) FAST_DOWN(2, 3) FAST_DOWN(1, 2)
	FAST_DOWN(0, 1)
at0:
	return (odd & 1) || sum ? WALK_DEEP : state;
}

/* ------------------------------------------------------------------------------------------------------ the check --- */
enum held { NOT_KNOWN, HELD, NO_PREFIX };

static __always_inline enum held held_fast(const struct subject *s, struct dentry *dentry, struct vfsmount *mnt, u32 words)
{
	u64 state;

	if (s->mode < TL_MODE_MONITOR)
		return NOT_KNOWN;
	state = walk_fast(s, dentry, mnt);
	if (state >= WALK_ERROR)
		return state == WALK_UNKNOWN ? NO_PREFIX : NOT_KNOWN;
	return tl_missing_there(s->img, s->tag->rights, tl_dfa_class(s->img, (u32)state), words) ? NOT_KNOWN : HELD;
}

/* Leaves the hook where the words are held; else goes on to the questions, with the mount's place known for the next one. */
#define ALLOW_IF(question, mount_address) \
	do { \
		enum held answer = question; \
		if (answer == HELD) \
			return 0; \
		if (answer == NO_PREFIX) \
			remember_prefix(mount_address); \
	} while (0)
#endif
