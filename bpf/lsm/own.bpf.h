/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Treeline's own files (struct tl_own): nobody who is bound changes them, in any mode, by whatever mount and name they are reached. Nor the kernel's
 * switch that would take the hooks off.
 *
 *   KEEP_OWN(dentry, kinds, hook, words, ...);     // before the policy is asked; in file_open after it, so that readers pay nothing
 *
 * Names are made, removed and moved in their directory, so it is the dentry and what lies above it that are looked at. The reads are direct,
 * by pointers with types where that is safe. Where nothing of ours is on the file system, all of it is one look at the table.
 */
#ifndef TREELINE_BPF_LSM_OWN_BPF_H
#define TREELINE_BPF_LSM_OWN_BPF_H

#include "report.bpf.h"

#define OWN_LEVELS 8 /* the store is four deep, and nobody but treelined makes it deeper */

#define PROTECTED(hook, words) (WHAT(hook, TL_REASON_PROTECTED, TL_KIND_FILE, words) | WHAT_FLAGS(WHAT_PROTECTED | WHAT_NAME))

/* Its generation is read only where the number is ours. */
#define SAME_INODE(own, number, device_here, its_generation) \
	((own)->inode == (number) && (own)->device == (device_here) && (!(own)->generation || (own)->generation == (its_generation)))

/* An overlay of several file systems numbers its directories by itself and gives files the number that they have below: the two meet. */
static __always_inline bool is_directory(u64 inode_address)
{
	return (READ32(struct inode, i_mode, inode_address) & S_IFMT) == S_IFDIR;
}

/*
 * Is this one of ours of these kinds, or does it lie below a tree of ours? `address`: the same dentry. Its inode is asked for by that alone: a name
 * that is being made has none, and 6.12's verifier takes d_inode of a dentry that a hook is given to be never NULL, so it drops the question and
 * reads without a fault handler. What lies above has an inode.
 */
static __noinline bool is_own(struct dentry *d, u64 address, u64 kinds)
{
	struct tl_control *control = the_control();
	u32 device = d->d_sb->s_dev;
	u64 inode_address, number;

	if (!control)
		return false;
	for (u32 i = 0;; i++) {
		if (i == TL_OWN_DEVICES || !control->own_devices[i])
			return false;
		if (control->own_devices[i] == device)
			break;
	}
	inode_address = READ(struct dentry, d_inode, address);
	number = inode_address ? READ(struct inode, i_ino, inode_address) : 0;
	for (u32 i = 0; number && i < TL_OWN_MAX; i++) {
		struct tl_own *own = &control->own[i];

		if (!(own->kind & kinds))
			break;
		if (SAME_INODE(own, number, device, READ32(struct inode, i_generation, inode_address)) &&
		    is_directory(inode_address) == (own->kind != TL_OWN_FILE))
			return true;
	}
	for (u32 level = 0; level < OWN_LEVELS; level++) {
		struct dentry *above = d->d_parent;

		if (above == d)
			return false;
		d = above;
		number = d->d_inode->i_ino;
		for (u32 i = 0; i < TL_OWN_TREES; i++) {
			struct tl_own *own = &control->own[i];

			if (own->kind != TL_OWN_TREE)
				break;
			if (SAME_INODE(own, number, device, d->d_inode->i_generation))
				return true;
		}
	}
	return false;
}

/*
 * kernel.ftrace_enabled: 0 takes every BPF program off its hook (seen on 6.12). The programs' trampolines are ftrace's direct calls, which there
 * do not keep the switch from being thrown (FTRACE_OPS_FL_PERMANENT; Documentation/trace/ftrace-uses.rst). A dentry of procfs.
 */
static __always_inline bool is_switch_of_hooks(u64 dentry)
{
	u64 name = READ(struct dentry, d_name.name, dentry);

	return read_u64(name) == NAME8('f', 't', 'r', 'a', 'c', 'e', '_', 'e') &&
	       (read_u64(name + 8) & 0xffffffffffffffull) == NAME8('n', 'a', 'b', 'l', 'e', 'd', 0, 0);
}

/* What is made, written or changed; what keeps its name as well. */
#define OWN_CONTENT (TL_OWN_TREE | TL_OWN_FILE)
#define OWN_NAME (TL_OWN_TREE | TL_OWN_FILE | TL_OWN_WAY)

/* Refuses in the hook's own frame; the dentry also as an address, for the report. */
#define KEEP_OWN(dentry_pointer, kinds, hook, words, dentry_address, vfsmount) \
	do { \
		if (is_own(dentry_pointer, dentry_address, kinds)) \
			ASK(report_path(PROTECTED(hook, words), dentry_address, vfsmount, 0, 0)); \
	} while (0)
#endif
