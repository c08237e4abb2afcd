/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a dentry and a mount to the bytes of its path, fed to a sink from the root of the mount namespace down to the leaf:
 *
 *   an image     the automaton of that policy; the result is a state
 *   SINK_HASH    the object hash (learning, counting)
 *   SINK_TEXT    the text of the event that this task drafts; the result is its length
 *
 * The path is read from dentries and mounts, never through current->fs->root, so symlinks, "..", chroot and bind mounts cannot lie, and
 * a mount that is not of the namespace asked for is WALK_FOREIGN. d_path() cannot serve: it stops at the caller's root and
 * names detached mounts as if they were not.
 *
 * Two walks with one meaning. walk_fast (fast.bpf.h): straight-line code up to 16 levels, inline names, known mounts: what nearly every
 * check takes. walk_slow: any depth up to 4,096 bytes, any number of mounts, by probe reads in global functions (each verified once).
 *
 * A rename while walking: every dentry's d_seq is read on the way up, before its name, and on the way down, after its name. Equal
 * sums of even counts mean that all of them stood unchanged at the turning point, so the path existed (d_seq only grows; __d_move
 * and d_delete bump it). Else the walk is repeated, then WALK_RACED.
 */
#ifndef TREELINE_BPF_LSM_WALK_BPF_H
#define TREELINE_BPF_LSM_WALK_BPF_H

#include "arena.bpf.h"
#include <bpf/bpf_core_read.h>

#define SINK_HASH 0u
#define SINK_TEXT 0xffffffffu
#define SINK_TEXT_SECOND (1ull << 32) /* start state: the second text of the event */

#define WALK_ERROR 0xfffffffffffffff0ull
#define WALK_FOREIGN (WALK_ERROR + 1)
#define WALK_UNREADABLE (WALK_ERROR + 2)
#define WALK_RACED (WALK_ERROR + 3)
#define WALK_DEEP (WALK_ERROR + 4) /* walk_fast only: take walk_slow */
#define WALK_UNKNOWN (WALK_ERROR + 5) /* likewise: the path above this mount is not in the cache */

#define MAX_DEPTH 2112 /* 33 * 64 components: more than 4,096 bytes hold */
#define MAX_MOUNTS 32 /* mounts above a mount */
#define RETRIES 4

#define SEGMENT_TEXT (TL_PATH_MAX + 256)

/* ---------------------------------------------------------------------------------------------------------- sinks --- */
__noinline u64 feed(u32 sink, u64 state, u64 word, u32 n)
{
	if (n < 8)
		word &= (1ull << (8 * n)) - 1;
	if (sink == SINK_HASH)
		return tl_hash_word(state, word);
	if (sink == SINK_TEXT) {
		u64 me = bpf_get_current_task();
		struct tl_draft *draft = bpf_map_lookup_elem(&scratch, &me);
		u32 at = (u32)state & (TL_PATH_MAX - 1);

		if (!draft || (u32)state + n > TL_PATH_MAX)
			return WALK_UNREADABLE;
		if (state & SINK_TEXT_SECOND)
			at += SEGMENT_TEXT;
		*(u64 *)(draft->text + at) = word;
		return state + n;
	}
	return tl_dfa_step(sink, tl_words(sink), (u32)state, word, n);
}

/* --------------------------------------------------------------------------------------------- the slow walk --- */
/*
 * The u64 at an address of the kernel's; 0 where nothing can be read. With bpf_rdonly_cast it is a load in line with an entry in the exception
 * table, about 8 instructions; else a probe read, 84. The cast wants a type of the kernel's that begins with a number of 64 bits.
 */
extern void *bpf_rdonly_cast(const void *obj__ign, u32 btf_id__k) __ksym __weak;
static __always_inline u64 read_u64(u64 address)
{
	u64 v = 0;

	if (k_direct_reads)
		return ((struct timespec64 *)bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct timespec64)))->tv_sec;
	bpf_probe_read_kernel(&v, sizeof(v), (void *)address);
	return v;
}
#define FIELD(type, field) ((u64)bpf_core_field_offset(type, field))
#define READ(type, field, address) read_u64((u64)(address) + FIELD(type, field))
#define READ32(type, field, address) ((u32)READ(type, field, address))

/* Goes up n (at most 64) levels. */
__noinline u64 climb(u64 dentry, u32 n)
{
	for (u32 i = 0; i < 64; i++) {
		if (i >= n)
			break;
		dentry = READ(struct dentry, d_parent, dentry);
	}
	return dentry;
}

__noinline u64 climb_far(u64 dentry, u32 n)
{
	for (u32 i = 0; i < MAX_DEPTH / 64; i++) {
		u32 rest = n - i * 64;

		if (i * 64 >= n)
			break;
		dentry = climb(dentry, rest < 64 ? rest : 64);
	}
	return dentry;
}

/*
 * What lies between a dentry and a root above it, packed: levels (12 bits), bytes of their names with slashes (20), sum of d_seq (32). At
 * most 64 levels; SURVEY_ON where the root was not reached, SURVEY_BAD where a count was odd or the tree ended.
 */
#define SURVEY_BAD ~0ull
#define SURVEY_LEVELS(s) ((u32)((s) & 0xfff))
#define SURVEY_BYTES(s) ((u32)((s) >> 12) & 0xfffff)
__noinline u64 survey64(u64 dentry, u64 root)
{
	u64 levels = 0, bytes = 0, sum = 0;

	for (u32 i = 0; i < 64; i++) {
		u64 parent;
		u32 seq;

		if (dentry == root)
			break;
		seq = READ32(struct dentry, d_seq.seqcount.sequence, dentry);
		parent = READ(struct dentry, d_parent, dentry);
		bytes += 1 + READ32(struct dentry, d_name.len, dentry);
		if ((seq & 1) || parent == dentry || !parent)
			return SURVEY_BAD;
		sum += seq;
		levels++;
		dentry = parent;
	}
	return levels | (bytes & 0xfffff) << 12 | sum << 32;
}

__noinline u64 survey(u64 dentry, u64 root)
{
	u64 all = 0;

	for (u32 i = 0; i <= MAX_DEPTH / 64; i++) {
		u64 some = survey64(dentry, root);

		if (some == SURVEY_BAD || SURVEY_BYTES(all) > 2 * TL_PATH_MAX)
			return SURVEY_BAD;
		all += some; /* fields are wide enough: at most 34 * 64 levels, 34 * 64 * 256 bytes; the sum may wrap */
		if (SURVEY_LEVELS(some) < 64)
			return all;
		dentry = climb(dentry, 64);
	}
	return SURVEY_BAD;
}

/* A function of its own, as of its result the verifier knows nothing: a caller's loop is followed once, not once for each case of each turn. */
__noinline u32 at_most_32(u32 n) { return n < 32 ? n : 32; }

/* '/' and the dentry's name. */
__noinline u64 feed_name(u32 sink, u64 state, u64 dentry)
{
	u64 name = READ(struct dentry, d_name.name, dentry);
	u32 len = READ32(struct dentry, d_name.len, dentry);
	u64 buf[4] = {};

	if (state >= WALK_ERROR)
		return state;
	if (!len || len > 255)
		return WALK_UNREADABLE;
	for (u32 i = 0; i < 8; i++) {
		u32 at = i * 32, n = at_most_32(len + 1 - at);
		u64 have; /* of this piece to read, in the form that 5.10 sees the bound of: masked, and not merged with n again */

		if (at > len)
			break;
		if (i == 0) {
			have = n - 1;
			barrier_var(have);
			have &= 31;
			buf[0] = '/';
			if (bpf_probe_read_kernel((char *)buf + 1, have, (void *)name))
				return WALK_UNREADABLE;
		} else {
			have = n - 1;
			barrier_var(have);
			have &= 31;
			if (bpf_probe_read_kernel(buf, have + 1, (void *)(name + at - 1)))
				return WALK_UNREADABLE;
		}
		state = feed(sink, state, buf[0], n < 8 ? n : 8);
		if (n > 8)
			state = feed(sink, state, buf[1], n < 16 ? n - 8 : 8);
		if (n > 16)
			state = feed(sink, state, buf[2], n < 24 ? n - 16 : 8);
		if (n > 24)
			state = feed(sink, state, buf[3], n - 24);
	}
	return state;
}

/* The n (at most 32) levels that end at `bottom`, from the highest down. */
__noinline u64 feed_some(u32 sink, u64 state, u64 bottom, u32 n)
{
	for (u32 i = 0; i < 32; i++) {
		if (i >= n)
			break;
		state = feed_name(sink, state, climb(bottom, n - 1 - i));
	}
	return state;
}

/* The lowest `levels` levels of a path that ends at `dentry`. */
__noinline u64 feed_levels(u32 sink, u64 state, u64 dentry, u32 levels)
{
	for (u32 i = 0; i < MAX_DEPTH / 32; i++) {
		u32 rest = levels - i * 32;
		u32 n = at_most_32(rest);

		if (i * 32 >= levels)
			break;
		state = feed_some(sink, state, climb_far(dentry, rest - n), n);
	}
	return state;
}

#include "proc.bpf.h"

/* The part of a path that lies in one mount: from below `root` to `dentry`. */
__noinline u64 walk_segment(u32 sink, u64 state, u64 dentry, u64 root)
{
	bool proc;

	if (dentry == root)
		return state;
	proc = READ(struct super_block, s_magic, READ(struct dentry, d_sb, root)) == PROC_SUPER_MAGIC;
	for (u32 i = 0; i < RETRIES; i++) {
		u64 before = survey(dentry, root), out = state;
		u32 levels = SURVEY_LEVELS(before);

		if (before == SURVEY_BAD)
			continue;
		if (SURVEY_BYTES(before) > TL_PATH_MAX)
			return WALK_UNREADABLE;
		if (proc) {
			out = feed_proc_top(sink, out, climb_far(dentry, levels - 1));
			levels--;
		}
		out = feed_levels(sink, out, dentry, levels);
		if (survey(dentry, root) == before)
			return out;
	}
	return WALK_RACED;
}

static __always_inline u64 mount_of(u64 vfsmount) { return vfsmount - FIELD(struct mount, mnt); }

/* Goes up n (at most MAX_MOUNTS) mounts. */
__noinline u64 climb_mounts(u64 mount, u32 n)
{
	for (u32 i = 0; i < MAX_MOUNTS; i++) {
		if (i >= n)
			break;
		mount = READ(struct mount, mnt_parent, mount);
	}
	return mount;
}

/* How many mounts lie above; MAX_MOUNTS: that many, or more. (A function of its own for the same reason as at_most_32.) */
__noinline u32 mounts_above(u64 mount)
{
	u32 mounts = 0;

	for (u32 i = 0; i < MAX_MOUNTS; i++) {
		u64 parent = READ(struct mount, mnt_parent, mount);

		if (parent == mount || !parent)
			break;
		mount = parent;
		mounts++;
	}
	return mounts;
}

/* Each mount's part of a path may be short enough, and all of them not. (A function of its own, as walk_slow's frame is full.) */
__noinline bool too_long(u64 dentry, u64 mount)
{
	u32 bytes = 0;

	for (u32 i = 0; i < MAX_MOUNTS && dentry; i++) {
		u64 part = survey(dentry, READ(struct mount, mnt.mnt_root, mount)), parent = READ(struct mount, mnt_parent, mount);

		if (part != SURVEY_BAD)
			bytes += SURVEY_BYTES(part);
		if (parent == mount)
			break;
		dentry = READ(struct mount, mnt_mountpoint, mount);
		mount = parent;
	}
	return bytes > TL_PATH_MAX;
}

/* Sequence number of the namespace that a mount is in: unique for a boot, never reused. 0: in none. */
__noinline u64 namespace_of(u64 vfsmount)
{
	u64 ns = READ(struct mount, mnt_ns, mount_of(vfsmount));

	/* MNT_NS_INTERNAL is ERR_PTR(-EINVAL) */
	if (!ns || ns >= (u64)-4095)
		return 0;
	if (bpf_core_field_exists(struct ns_common___id, ns_id))
		return read_u64(ns + FIELD(struct mnt_namespace, ns) + FIELD(struct ns_common___id, ns_id));
	return READ(struct mnt_namespace, seq, ns);
}

/*
 * The whole path of (dentry, mount) in mount namespace `ns`. "/" is fed as one slash. Nothing is ever granted on an error. A dentry of 0:
 * only what lies above the mount's root.
 */
__noinline u64 walk_slow(u32 sink, u64 state, u64 dentry, u64 vfsmount, u64 ns)
{
	u64 start = state, mount = mount_of(vfsmount);
	u32 mounts;

	if (!ns || namespace_of(vfsmount) != ns)
		return WALK_FOREIGN;
	mounts = mounts_above(mount);
	if (mounts >= MAX_MOUNTS || (mounts && too_long(dentry, mount)))
		return WALK_UNREADABLE;
	for (u32 i = 0; i <= MAX_MOUNTS; i++) {
		u64 root, leaf = dentry;

		if (i > mounts || (i == mounts && !dentry))
			break;
		root = READ(struct mount, mnt.mnt_root, climb_mounts(mount, mounts - i));
		if (i < mounts)
			leaf = READ(struct mount, mnt_mountpoint, climb_mounts(mount, mounts - i - 1));
		state = walk_segment(sink, state, leaf, root);
		if (state >= WALK_ERROR)
			return state;
	}
	/* Taken off meanwhile (umount_tree: the namespace goes first, then what lies above): then not all of the path was read. */
	if (namespace_of(mount + FIELD(struct mount, mnt)) != ns)
		return WALK_RACED;
	return state == start && dentry ? feed(sink, state, '/', 1) : state;
}

#endif
