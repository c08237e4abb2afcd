/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an object without a mount to the container's names for it: the mounts of its superblock in the container's namespace that it lies
 * below. For hooks that give only a dentry, and for unix sockets, whose own mount is the binder's.
 *
 * An object may have several names (bind mounts). What is asked has to be allowed under each of them; none, more than MAX_NAMES, or more
 * mounts than are looked at, is in doubt.
 */
#ifndef TREELINE_BPF_LSM_MOUNTS_BPF_H
#define TREELINE_BPF_LSM_MOUNTS_BPF_H

#include "report.bpf.h"

#define MAX_NAMES 8
/* Mounts of one superblock, in all namespaces, that are looked at: each container of a node has some of the node's root file system. */
#define CHUNK 128
#define CHUNKS 128

/* No mount's address is odd. */
#define FURTHER 1
#define LOST 3

/*
 * The next mount of a superblock's list; 0: the end; LOST: the one before it has gone from the list. Called with 0 for the first. (Not inline: clang would
 * move the other kernel's offset, which does not resolve, out of the caller's loop and past the question whether it exists.)
 */
__noinline u64 next_instance(u64 superblock, u64 mount)
{
	struct mount___for_sb *chained = NULL;
	u64 head, link;

	if (bpf_core_field_exists(chained->mnt_next_for_sb)) /* 6.17: a chain of mounts instead of a list_head */
		return mount ? READ(struct mount___for_sb, mnt_next_for_sb, mount) : READ(struct super_block___chain, s_mounts, superblock);
	head = superblock + FIELD(struct super_block___list, s_mounts);
	link = read_u64(mount ? mount + FIELD(struct mount, mnt_instance) : head);
	if (!link) /* behind a poisoned one (list_del), which leads to nothing that can be read; the list itself ends at its head */
		return LOST;
	return link == head ? 0 : link - FIELD(struct mount, mnt_instance);
}

/* The vfsmount if the dentry has a name under it in namespace `ns`, else 0. */
__noinline u64 names(u64 mount, u64 dentry, u64 ns)
{
	u64 vfsmount = mount + FIELD(struct mount, mnt);

	if (!ns || namespace_of(vfsmount) != ns || survey(dentry, READ(struct vfsmount, mnt_root, vfsmount)) == SURVEY_BAD)
		return 0;
	return vfsmount;
}

/* As name_mount, of the next CHUNK mounts behind `mount`; not found among them: the last of them, and FURTHER; or LOST. */
__noinline u64 name_among(u64 dentry, u64 ns, u64 mount)
{
	u64 superblock = READ(struct dentry, d_sb, dentry), found;

	for (u32 i = 0; i < CHUNK; i++) {
		mount = next_instance(superblock, mount);
		if (!mount || mount == LOST)
			return mount;
		found = names(mount, dentry, ns);
		if (found)
			return found;
	}
	return mount | FURTHER;
}

/*
 * The next vfsmount behind `after` (0: the first) under which the dentry has a name in namespace `ns`; 0: there are no more; odd: too many. Nobody holds
 * the list meanwhile: from a mount that goes (a container that ends) the walk begins again.
 */
__noinline u64 name_mount(u64 dentry, u64 ns, u64 after)
{
	u64 first = (after ? mount_of(after) : 0) | FURTHER, found = first;

	for (u32 i = 0; i < CHUNKS && (found & FURTHER); i++) {
		found = name_among(dentry, ns, found & ~(u64)FURTHER);
		if (found == LOST)
			found = first;
	}
	return found;
}

/* A file that was made without a name (O_TMPFILE) and has none yet: its number for a name is another one each time. */
__noinline bool is_nameless(u64 dentry)
{
	return !READ32(struct inode, i_nlink, READ(struct dentry, d_inode, dentry)) && has_name_of_tmpfile(dentry);
}

#define SB_KERNMOUNT (1u << 22) /* linux/fs.h: the kernel mounted it for itself, which no caller of mount(2) can say */

/*
 * What has no name in the container. An object of the kernel's own, a pipe, a socket, a memfd, never had one (d_alloc_pseudo, d_alloc_anon), and is judged by its
 * class; devtmpfs is the kernel's own too, and its files lie below its root. Any other is in doubt: it may have a path elsewhere.
 */
__noinline u64 judge_nameless(u64 what, u64 dentry)
{
	u64 superblock = READ(struct dentry, d_sb, dentry);
	struct tl_tag *tag = my_tag();

	if (!tag)
		return 0;
	if (READ(struct dentry, d_parent, dentry) != dentry || READ(struct super_block, s_root, superblock) == dentry ||
	    !(READ(struct super_block, s_flags, superblock) & SB_KERNMOUNT))
		return what | WHAT_CLASS(TL_CLASS_DETACHED);
	return judge_class(tag, what, internal_class(dentry));
}

/* Asks for each name that the container has for the dentry. */
#define ASK_NAMES(what, dentry) \
	do { \
		u64 my_ns = my_namespace(), named = name_mount(dentry, my_ns, 0), asked = (what) | WHAT_FLAGS(is_nameless(dentry) ? WHAT_TMPFILE : 0); \
		if (!named) { \
			u64 not_held = judge_nameless(asked, dentry); \
			if (not_held) /* said of the object itself */ \
				ASK(report_path(not_held, dentry, 0, 0, 0)); \
		} \
		for (u32 i = 0; i < MAX_NAMES && named && !(named & FURTHER); i++) { \
			ASK_PATH(asked | WHAT_FLAGS(WHAT_NAME), dentry, named); \
			named = name_mount(dentry, my_ns, named); \
		} \
		if (named) \
			ASK(report_path(asked | WHAT_CLASS(TL_CLASS_UNREADABLE), dentry, named & FURTHER ? 0 : named, 0, 0)); \
	} while (0)
#endif
