/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who acts: the tag of the current task, and what the published generation says about its node.
 *
 * The tag is the task's. Fork copies it, exec moves it, nothing else touches it; a task without one is not bound and leaves the hook.
 */
#ifndef TREELINE_BPF_LSM_SUBJECT_BPF_H
#define TREELINE_BPF_LSM_SUBJECT_BPF_H

#include "walk.bpf.h"

struct subject {
	struct tl_tag *tag;
	u32 img; /* 0: none (learn) */
	u32 row; /* TL_ROW_NONE: the image does not hold the node */
	u32 mode;
	u32 policy; /* the upper half of the published word: what is kept for one is good for no other */
};

static __always_inline struct tl_tag *my_tag(void)
{
	u64 me;

	if (k_task_storage)
		return bpf_task_storage_get(&tags, bpf_get_current_task_btf(), 0, 0);
	me = bpf_get_current_task();
	return bpf_map_lookup_elem(&tags_by_task, &me);
}

__noinline u32 row_of_key(u32 img, u64 key)
{
	if (key <= TL_KEY_OUTSIDE)
		return (u32)key; /* the fixed rows have the numbers of their keys */
	return tl_row_of_key(img, key);
}

/*
 * The mount that is the visible root of namespace `ns`, if the whole path above it is empty: paths that end there need no more. 0: none.
 * An address, so good only while nobody there can mount: see remember_row.
 */
__noinline u64 root_shortcut(u64 ns)
{
	u64 fs = READ(struct task_struct, fs, bpf_get_current_task());
	u64 vfsmount = READ(struct path, mnt, fs + FIELD(struct fs_struct, root));
	u64 root = READ(struct vfsmount, mnt_root, vfsmount);
	u64 mount = mount_of(vfsmount);

	if (namespace_of(vfsmount) != ns || READ(struct super_block, s_magic, READ(struct dentry, d_sb, root)) == PROC_SUPER_MAGIC)
		return 0;
	for (u32 i = 0; i < 4; i++) {
		u64 parent = READ(struct mount, mnt_parent, mount);

		if (parent == mount)
			return vfsmount;
		if (READ(struct mount, mnt_mountpoint, mount) != READ(struct mount, mnt.mnt_root, parent))
			return 0;
		mount = parent;
	}
	return 0;
}

/*
 * What follows from the node and the published word alone, kept in the tag till either changes. The root's mount is kept only where no
 * node of the policy could change mounts and that is enforced: then it lives as long as the namespace. Not inline: seldom run, and the hooks'
 * frames are short of room.
 */
static __noinline u32 remember_row(struct tl_tag *tag, u32 img, u32 policy, u32 mode)
{
	u32 row = row_of_key(img, tag->node);

	tag->root_mount = mode != TL_MODE_ENFORCE || (tl_row_flags(img, row) & TL_ROW_FOREIGN_MOUNTS) ? 0 : root_shortcut(tag->mount_ns);
	tag->words = tl_words(img);
	tag->rights = tl_rights_of(img, row);
	tag->row_flags = tl_row_flags(img, row);
	tag->cache = (u64)policy << 32 | row;
	return row;
}

/* Reads the slot once: everything that a check needs follows from this one word. */
static __always_inline void subject_of(struct subject *s, struct tl_tag *tag)
{
	struct tl_slot *slot = bpf_map_lookup_elem(&policies, &tag->slot);
	u64 published = slot ? *(volatile u64 *)&slot->published : 0;

	s->tag = tag;
	s->mode = TL_PUBLISHED_MODE(published);
	s->policy = published >> 32;
	s->img = TL_PUBLISHED_BASE(published);
	s->row = TL_ROW_NONE;
	if (s->mode < TL_MODE_MONITOR || !s->img)
		return;
	s->row = (tag->cache >> 32) == s->policy ? (u32)tag->cache : remember_row(tag, s->img, s->policy, s->mode);
}

/* False: this task is not bound, or is the container runtime at work: the hook leaves. */
static __always_inline bool subject(struct subject *s)
{
	struct tl_tag *tag = my_tag();

	if (!tag || (tag->flags & TL_TAG_RUNTIME))
		return false;
	subject_of(s, tag);
	return true;
}

/* An argument of the hook as a plain number, for the functions that take addresses (and for no other use). */
static __always_inline u64 raw_argument(void *ctx, int n)
{
	return read_u64((u64)ctx + 8 * n);
}

/* ------------------------------------------------------------------------------------------------ objects --- */
#define S_IFMT 0170000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFLNK 0120000
#define MNT_INTERNAL 0x4000
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_PATH 0x4000
#define FMODE_CREATED 0x100000
#define O_TRUNC 01000
#define O_APPEND 02000
#define O_CREAT 0100
#define O_EXCL 0200
#define O_TMPFILE_BIT 020000000
#define FMODE_EXEC_FLAG 0x20 /* __FMODE_EXEC in f_flags */

#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define NSFS_MAGIC 0x6e736673
#define PID_FS_MAGIC 0x50494446
#define BPF_FS_MAGIC 0xcafe4a11
#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define MQUEUE_MAGIC 0x19800202

#define NAME8(a, b, c, d, e, f, g, h) \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)

/* The kind of an anonymous inode, by the first eight bytes of the name that its maker gave it. */
static __always_inline u32 anon_class(u64 dentry)
{
	switch (read_u64(READ(struct dentry, d_name.name, dentry))) {
	case NAME8('[', 'e', 'v', 'e', 'n', 't', 'f', 'd'):
		return TL_CLASS_ANON_EVENTFD;
	case NAME8('[', 'e', 'v', 'e', 'n', 't', 'p', 'o'):
		return TL_CLASS_ANON_EVENTPOLL;
	case NAME8('[', 't', 'i', 'm', 'e', 'r', 'f', 'd'):
		return TL_CLASS_ANON_TIMERFD;
	case NAME8('[', 's', 'i', 'g', 'n', 'a', 'l', 'f'):
		return TL_CLASS_ANON_SIGNALFD;
	case NAME8('i', 'n', 'o', 't', 'i', 'f', 'y', 0):
		return TL_CLASS_ANON_INOTIFY;
	case NAME8('[', 'f', 'a', 'n', 'o', 't', 'i', 'f'):
		return TL_CLASS_ANON_FANOTIFY;
	case NAME8('[', 'p', 'i', 'd', 'f', 'd', ']', 0):
		return TL_CLASS_ANON_PIDFD;
	case NAME8('[', 'i', 'o', '_', 'u', 'r', 'i', 'n'):
		return TL_CLASS_ANON_IO_URING;
	case NAME8('b', 'p', 'f', '-', 'm', 'a', 'p', 0):
	case NAME8('b', 'p', 'f', '-', 'p', 'r', 'o', 'g'):
	case NAME8('b', 'p', 'f', '_', 'l', 'i', 'n', 'k'):
	case NAME8('b', 'p', 'f', '-', 'l', 'i', 'n', 'k'):
		return TL_CLASS_ANON_BPF;
	case NAME8('[', 'p', 'e', 'r', 'f', '_', 'e', 'v'):
		return TL_CLASS_ANON_PERF;
	case NAME8('[', 'u', 's', 'e', 'r', 'f', 'a', 'u'):
		return TL_CLASS_ANON_USERFAULTFD;
	case NAME8('s', 'e', 'c', 'c', 'o', 'm', 'p', ' '):
		return TL_CLASS_ANON_SECCOMP;
	default:
		return TL_CLASS_ANON_OTHER;
	}
}

/* An object on a mount that the kernel made for itself: nothing there has a path. */
__noinline u32 internal_class(u64 dentry)
{
	switch (READ(struct super_block, s_magic, READ(struct dentry, d_sb, dentry))) {
	case PIPEFS_MAGIC:
		return TL_CLASS_PIPE;
	case SOCKFS_MAGIC:
		return TL_CLASS_SOCKET;
	case NSFS_MAGIC:
		return TL_CLASS_NSFS;
	case PID_FS_MAGIC:
		return TL_CLASS_ANON_PIDFD;
	case ANON_INODE_FS_MAGIC:
		return anon_class(dentry);
	case TMPFS_MAGIC:
	case HUGETLBFS_MAGIC:
		if ((u32)read_u64(READ(struct dentry, d_name.name, dentry)) == (u32)NAME8('S', 'Y', 'S', 'V', 0, 0, 0, 0))
			return TL_CLASS_SYSV_SHM;
		return TL_CLASS_MEMFD;
	default:
		return TL_CLASS_ANON_OTHER;
	}
}

/* The reserved class of an object without a usable name, 0 where it has a path. By addresses; `file_flags` are the open file's, or 0. */
__noinline u32 reserved_class(u64 dentry, u64 vfsmount, u32 file_flags)
{
	u64 inode;

	if (READ32(struct vfsmount, mnt_flags, vfsmount) & MNT_INTERNAL)
		return internal_class(dentry);
	inode = READ(struct dentry, d_inode, dentry);
	if (!inode || dentry == READ(struct vfsmount, mnt_root, vfsmount))
		return 0;
	if (file_flags & O_TMPFILE_BIT)
		return 0;
	if (!READ32(struct inode, i_nlink, inode) || !READ(struct dentry, d_hash.pprev, dentry))
		return TL_CLASS_UNLINKED;
	return 0;
}

/*
 * Is this a stacked file system's private view of a layer? Such a mount is a clone in no namespace (MNT_NS_INTERNAL, clone_private_mount)
 * and not one of the kernel's own file systems; the only descriptors on it that reach user space are fanotify's. Told by the mount: the file's mode has a bit for it
 * from 6.5 on, but it has moved since.
 */
#define MNT_NS_INTERNAL ((u64)-22)
__noinline bool stacked_layer(u64 vfsmount)
{
	return READ(struct mount, mnt_ns, mount_of(vfsmount)) == MNT_NS_INTERNAL && !(READ32(struct vfsmount, mnt_flags, vfsmount) & MNT_INTERNAL);
}

/* The same of a pointer with a type; one probe read. */
static __always_inline bool is_stacked_layer(struct vfsmount *mnt)
{
	return !(mnt->mnt_flags & MNT_INTERNAL) && read_u64((u64)mnt - FIELD(struct mount, mnt) + FIELD(struct mount, mnt_ns)) == MNT_NS_INTERNAL;
}

/* Does the kernel act for this task under credentials that are not its own, as a stacked file system does in a layer? */
static __always_inline bool has_other_credentials(void)
{
	u64 me = bpf_get_current_task();

	return READ(struct task_struct, cred, me) != READ(struct task_struct, real_cred, me);
}

/* The path state of an object by addresses; an unnamed temporary file is DIR//tmpfile. */
static __always_inline u64 object_state(u32 sink, u64 state, u64 dentry, u64 vfsmount, u64 ns_and_flags)
{
	/* One bit of the namespace's number says O_TMPFILE: numbers count from 1 and stay far below it. */
	bool tmpfile = ns_and_flags >> 63;
	u64 ns = ns_and_flags & ~(1ull << 63);

	if (tmpfile) {
		dentry = READ(struct dentry, d_parent, dentry);
		state = walk_slow(sink, state, dentry, vfsmount, ns);
		if (state >= WALK_ERROR)
			return state;
		state = feed(sink, state, NAME8('/', '/', 't', 'm', 'p', 'f', 'i', 'l'), 8);
		return feed(sink, state, 'e', 1);
	}
	return walk_slow(sink, state, dentry, vfsmount, ns);
}
#define NS_TMPFILE (1ull << 63)

/* Errors of a walk as classes that nobody is ever granted, else what the automaton says. */
static __always_inline u32 class_of_state(u32 img, u64 state)
{
	if (state == WALK_FOREIGN)
		return TL_CLASS_DETACHED;
	if (state >= WALK_ERROR)
		return TL_CLASS_UNREADABLE;
	return tl_dfa_class(img, (u32)state);
}
#endif
