/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Treeline's own files (struct tl_own): nobody who is bound changes them, in any mode, by whatever mount and name they are reached.
 *
 *   KEEP_OWN(dentry, kinds, hook, words, ...);     // in the hook, before the policy is asked
 *
 * Names are made, removed and moved in their directory, so it is the dentry and what lies above it that are looked at. The reads are direct,
 * by pointers with types. Where nothing of ours is on the file system, all of it is one look at the table.
 */
#ifndef TREELINE_BPF_LSM_OWN_BPF_H
#define TREELINE_BPF_LSM_OWN_BPF_H

#include "report.bpf.h"

#define OWN_LEVELS 8 /* the store is four deep, and nobody but treelined makes it deeper */

#define PROTECTED(hook, words) (WHAT(hook, TL_REASON_PROTECTED, TL_KIND_FILE, words) | WHAT_FLAGS(WHAT_PROTECTED | WHAT_NAME))

static __always_inline bool same_inode(const struct tl_own *own, struct inode *inode)
{
	return own->inode == inode->i_ino && (!own->generation || own->generation == inode->i_generation);
}

/* Is this one of ours of these kinds, or does it lie below a tree of ours? */
static __noinline bool is_own(struct dentry *d, u64 kinds)
{
	struct tl_control *control = the_control();
	struct inode *inode = d->d_inode;
	u32 device = d->d_sb->s_dev;
	bool trees_here = false;

	if (!control)
		return false;
	for (u32 i = 0; i < TL_OWN_MAX; i++) {
		struct tl_own *own = &control->own[i];

		if (!own->inode && i >= TL_OWN_TREES)
			break;
		if (own->device != device || !own->inode)
			continue;
		trees_here |= i < TL_OWN_TREES;
		if (inode && (own->kind & kinds) && same_inode(own, inode))
			return true;
	}
	if (!trees_here)
		return false;
	for (u32 level = 0; level < OWN_LEVELS; level++) {
		struct dentry *above = d->d_parent;

		if (above == d)
			return false;
		d = above;
		inode = d->d_inode;
		if (!inode)
			return false;
		for (u32 i = 0; i < TL_OWN_TREES; i++) {
			struct tl_own *own = &control->own[i];

			if (own->inode && own->device == device && same_inode(own, inode))
				return true;
		}
	}
	return false;
}

/* What is made, written or changed; what keeps its name as well. */
#define OWN_CONTENT (TL_OWN_TREE | TL_OWN_FILE)
#define OWN_NAME (TL_OWN_TREE | TL_OWN_FILE | TL_OWN_WAY)

/* Refuses in the hook's own frame; the dentry also as an address, for the report. */
#define KEEP_OWN(dentry_pointer, kinds, hook, words, dentry_address, vfsmount) \
	do { \
		if (is_own(dentry_pointer, kinds)) \
			ASK(report_path(PROTECTED(hook, words), dentry_address, vfsmount, 0, 0)); \
	} while (0)
#endif
