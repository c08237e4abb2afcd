/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors that are handed over, and what is done to a file through one.
 *
 *   file_receive                     SCM_RIGHTS, pidfd_getfd: what an open of it would need
 *   file_ioctl, file_ioctl_compat    input into a terminal; the flags of an inode (chattr): setattr; the receiver of its signals; fallocate;
 *                                    subvolumes and snapshots of btrfs, files by handle of XFS, blocks that are traded: mount
 *   file_fcntl                       F_SETOWN: who gets SIGIO; F_SETSIG: or any signal; F_SETFL: what was opened to append is written
 *   file_lock                        locks and leases of treelined's own files and of a bpffs, whose lock is treelined's
 *   inode_setxattr, _removexattr, _set_acl, _remove_acl, _file_setattr    setattr under every name that the container has for the inode
 *   inode_follow_link                another process's descriptors and mappings by /proc/PID/fd and map_files
 *   shm_shmat                        System V shared memory
 */
#include "mounts.bpf.h"
#include "own.bpf.h"
#include "written.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("lsm/file_receive")
int BPF_PROG(tl_file_receive, struct file *received)
{
	struct tl_tag *tag = my_tag();
	struct inode *inode;
	u64 file, what;

	if (!tag)
		return 0;
	file = raw_argument(ctx, 0);
	what = handed_question(file, TL_HOOK_FILE_RECEIVE, 0);
	if (what)
		ASK_PATH(what, dentry_of_file(file), mount_of_file(file));
	if (!(received->f_mode & FMODE_WRITE) || ((inode = received->f_inode)->i_mode & S_IFMT) != S_IFREG)
		return 0;
	what = WHAT(TL_HOOK_FILE_RECEIVE, TL_REASON_NO_MEMORY, TL_KIND_FILE, TL_WRITE);
	if (unsigned_for(tag, what, file) && !mark_written(tag, inode))
		ASK(report_file(what, file));
	return 0;
}

/* asm-generic/ioctls.h, linux/fs.h, linux/sockios.h */
#define TIOCSTI 0x5412
#define TIOCLINUX 0x541c
#define FIOASYNC 0x5452
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_IOC_FSSETXATTR 0x401c5820
#define FS_IOC_SETVERSION 0x40087602
#define FS_IOC32_SETVERSION 0x40047602
#define FS_IOC_UNRESVSP 0x40305829 /* linux/falloc.h: fallocate by another name */
#define FS_IOC_UNRESVSP64 0x4030582b
#define FS_IOC_ZERO_RANGE 0x40305839
#define FS_IOC32_UNRESVSP 0x402c5829
#define FS_IOC32_UNRESVSP64 0x402c582b
#define FS_IOC32_ZERO_RANGE 0x402c5839
#define XFS_IOC_ALLOCSP 0x4030580a
#define XFS_IOC_FREESP 0x4030580b
#define XFS_IOC_ALLOCSP64 0x40305824
#define XFS_IOC_FREESP64 0x40305825
#define XFS_IOC_ALLOCSP_32 0x402c580a
#define XFS_IOC_FREESP_32 0x402c580b
#define XFS_IOC_ALLOCSP64_32 0x402c5824
#define XFS_IOC_FREESP64_32 0x402c5825
#define BTRFS_IOC_SNAP_CREATE 0x50009401 /* linux/btrfs.h */
#define BTRFS_IOC_SUBVOL_CREATE 0x5000940e
#define BTRFS_IOC_SNAP_DESTROY 0x5000940f
#define BTRFS_IOC_SNAP_CREATE_V2 0x50009417
#define BTRFS_IOC_SUBVOL_CREATE_V2 0x50009418
#define BTRFS_IOC_SNAP_DESTROY_V2 0x5000943f
#define BTRFS_IOC_SUBVOL_SETFLAGS 0x4008941a
#define BTRFS_IOC_SEND 0x40489426
#define BTRFS_IOC_SEND_32 0x40449426
#define BTRFS_IOC_TREE_SEARCH 0xd0009411
#define BTRFS_IOC_TREE_SEARCH_V2 0xc0709411
#define BTRFS_IOC_ADD_DEV 0x5000940a
#define BTRFS_IOC_DEV_REPLACE 0xca289435
#define BTRFS_IOC_DEFAULT_SUBVOL 0x40089413
#define BCH_IOC_SUBVOLUME_CREATE 0x4020bc10 /* fs/bcachefs/bcachefs_ioctl.h, 6.7 to 6.17 */
#define BCH_IOC_SUBVOLUME_DESTROY 0x4020bc11
#define BCH_IOC_REINHERIT_ATTRS 0x8008bc40
#define BCH_IOC_REINHERIT_ATTRS_32 0x8004bc40
#define EXT4_IOC_MOVE_EXT 0xc028660f /* fs/ext4/ext4.h */
#define EXT4_IOC_SWAP_BOOT 0x6611
#define F2FS_IOC_MOVE_RANGE 0xc020f509 /* uapi/linux/f2fs.h */
#define F2FS_IOC32_MOVE_RANGE 0xc01cf509
#define F2FS_IOC_START_ATOMIC_REPLACE 0xf519
#define F2FS_IOC_SEC_TRIM_FILE 0x4018f514
#define CIFS_IOC_COPYCHUNK_FILE 0x4004cf03 /* fs/smb/client/cifs_ioctl.h */
#define OCFS2_IOC_REFLINK 0x40186f04 /* fs/ocfs2/ocfs2_ioctl.h */
#define XFS_IOC_OPEN_BY_HANDLE 0xc038586b /* fs/xfs/libxfs/xfs_fs.h */
#define XFS_IOC_OPEN_BY_HANDLE_32 0xc01c586b
#define XFS_IOC_ATTRMULTI_BY_HANDLE 0x4048587b
#define XFS_IOC_ATTRMULTI_BY_HANDLE_32 0x4024587b
#define EXT4_IOC_SETVERSION 0x40086604
#define EXT4_IOC32_SETVERSION 0x40046604
#define FS_IOC_SET_ENCRYPTION_POLICY 0x800c6613 /* linux/fscrypt.h */
#define FS_IOC_ENABLE_VERITY 0x40806685 /* linux/fsverity.h */
#define FAT_IOCTL_SET_ATTRIBUTES 0x40047211 /* linux/msdos_fs.h */

/*
 * One that signals its foreground group when it is made asynchronous and has no owner (__tty_fasync): with a signal of the caller's choice
 * (F_SETSIG), and without an F_SETOWN that could be asked about.
 */
static __always_inline bool is_terminal(const struct file *file) { return (file->f_inode->i_mode & S_IFMT) == S_IFCHR; }

static __always_inline int on_ioctl(void *ctx, u32 hook, struct file *opened, u64 file, u32 command)
{
	struct tl_tag *tag = my_tag();

	if (!tag)
		return 0;
	switch (command) {
	case TIOCSTI:
	case TIOCLINUX:
		return finish(ctx, check_operation(tag, hook, TL_OP_TTY_INJECT, 0));
	case FIOASYNC:
		if (!is_terminal(opened))
			return 0;
		/* fallthrough */
	case FIOSETOWN:
	case SIOCSPGRP: /* the number is the caller's memory, which can change after a look at it */
		return finish(ctx, check_operation(tag, hook, TL_OP_SIGNAL, 0));
	case FS_IOC_SETFLAGS:
	case FS_IOC32_SETFLAGS:
	case FS_IOC_FSSETXATTR:
	case FS_IOC_SETVERSION:
	case FS_IOC32_SETVERSION:
	case EXT4_IOC_SETVERSION:
	case EXT4_IOC32_SETVERSION:
	case FS_IOC_SET_ENCRYPTION_POLICY:
	case FAT_IOCTL_SET_ATTRIBUTES:
	case BTRFS_IOC_SUBVOL_SETFLAGS:
		if (stacked_layer(mount_of_file(file)) && has_other_credentials()) /* an overlay asks again for its layer's file (ovl_real_fileattr_set) */
			return 0;
		ASK_PATH(WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_SETATTR), dentry_of_file(file), mount_of_file(file));
		return 0;
	case FS_IOC_ENABLE_VERITY: /* by a descriptor to read: nobody writes the file any more */
		KEEP_OWN(opened->f_path.dentry, OWN_CONTENT, hook, TL_WRITE, dentry_of_file(file), mount_of_file(file));
		ASK_PATH(WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_WRITE), dentry_of_file(file), mount_of_file(file));
		return 0;
	case FS_IOC_UNRESVSP:
	case FS_IOC_UNRESVSP64:
	case FS_IOC_ZERO_RANGE:
	case FS_IOC32_UNRESVSP:
	case FS_IOC32_UNRESVSP64:
	case FS_IOC32_ZERO_RANGE:
	case XFS_IOC_ALLOCSP:
	case XFS_IOC_FREESP:
	case XFS_IOC_ALLOCSP64:
	case XFS_IOC_FREESP64:
	case XFS_IOC_ALLOCSP_32:
	case XFS_IOC_FREESP_32:
	case XFS_IOC_ALLOCSP64_32:
	case XFS_IOC_FREESP64_32:
	case EXT4_IOC_SWAP_BOOT: /* these four ask for a descriptor to write, and write elsewhere than at the end */
	case F2FS_IOC_START_ATOMIC_REPLACE:
	case F2FS_IOC_SEC_TRIM_FILE:
	case CIFS_IOC_COPYCHUNK_FILE:
		if (appends(opened))
			ASK_OVERWRITE(hook, file);
		return 0;
	case BTRFS_IOC_SNAP_CREATE:
	case BTRFS_IOC_SUBVOL_CREATE:
	case BTRFS_IOC_SNAP_DESTROY:
	case BTRFS_IOC_SNAP_CREATE_V2:
	case BTRFS_IOC_SUBVOL_CREATE_V2:
	case BTRFS_IOC_SNAP_DESTROY_V2: /* a tree gets a second name, or goes, and no hook for paths is asked */
	case BTRFS_IOC_DEFAULT_SUBVOL:
	case BCH_IOC_SUBVOLUME_CREATE:
	case BCH_IOC_SUBVOLUME_DESTROY:
	case BCH_IOC_REINHERIT_ATTRS: /* of a name in the directory */
	case BCH_IOC_REINHERIT_ATTRS_32:
	case OCFS2_IOC_REFLINK: /* likewise a file, by two names in memory */
	case BTRFS_IOC_SEND_32:
	case BTRFS_IOC_SEND: /* all files of a tree, or its metadata with small files in it, are read */
	case BTRFS_IOC_TREE_SEARCH:
	case BTRFS_IOC_TREE_SEARCH_V2:
	case BTRFS_IOC_ADD_DEV: /* a device is written that nobody opened */
	case BTRFS_IOC_DEV_REPLACE:
	case XFS_IOC_OPEN_BY_HANDLE: /* any inode of the file system, with flags of the caller's: also one that says "an exec's open" */
	case XFS_IOC_OPEN_BY_HANDLE_32:
	case XFS_IOC_ATTRMULTI_BY_HANDLE:
	case XFS_IOC_ATTRMULTI_BY_HANDLE_32:
	case EXT4_IOC_MOVE_EXT: /* trades blocks with a second descriptor, which may be one to append */
	case F2FS_IOC_MOVE_RANGE:
	case F2FS_IOC32_MOVE_RANGE:
		return finish(ctx, check_operation(tag, hook, TL_OP_MOUNT, 0));
	default:
		return 0;
	}
}

SEC("lsm/file_ioctl")
int BPF_PROG(tl_file_ioctl, struct file *file, unsigned int command)
{
	return on_ioctl(ctx, TL_HOOK_FILE_IOCTL, file, raw_argument(ctx, 0), command);
}

/* f1bb47a31dff (6.8, and in later releases of 5.10, 6.1 and 6.6): a 32-bit program's calls have a hook of their own; else file_ioctl serves them. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(tl_file_ioctl_compat, struct file *file, unsigned int command)
{
	return on_ioctl(ctx, TL_HOOK_FILE_IOCTL_COMPAT, file, raw_argument(ctx, 0), command);
}

#define F_SETFL 4
#define F_SETOWN 8
#define F_SETSIG 10
#define F_SETOWN_EX 15
#define O_ASYNC 020000
#define SIGIO 29

/* The number of a task in the innermost pid namespace that it is in. */
static __always_inline u32 number_of(u64 task)
{
	u64 pid = READ(struct task_struct, thread_pid, task);

	return READ32(struct upid, nr, pid + FIELD(struct pid, numbers) + (READ32(struct pid, level, pid) & 31) * bpf_core_type_size(struct upid));
}

/*
 * Would a signal of this file come to somebody else? Whoever made itself the owner wanted SIGIO; everybody who shares the file may choose another
 * signal, which the kernel then sends with the owner's own credentials (sigio_perm, fs/fcntl.c). 6.12 (1934b212615d): the owner behind a pointer.
 */
static __always_inline bool is_owned_by_another(u64 file)
{
	u64 owner = file, number, me = bpf_get_current_task();

	if (bpf_core_field_exists(struct file___owner_inside, f_owner.pid))
		owner += FIELD(struct file___owner_inside, f_owner);
	else if (!(owner = READ(struct file___owner_behind, f_owner, file)))
		return false;
	number = READ(struct fown_struct, pid, owner);
	return number && number != READ(struct task_struct, thread_pid, me) &&
	       number != READ(struct task_struct, thread_pid, READ(struct task_struct, group_leader, me));
}

SEC("lsm/file_fcntl")
int BPF_PROG(tl_file_fcntl, struct file *file, unsigned int command, unsigned long argument)
{
	struct tl_tag *tag;
	u32 whom;
	u64 me;

	if (command == F_SETFL) {
		if ((argument & O_ASYNC) && !(file->f_flags & O_ASYNC) && is_terminal(file) && (tag = my_tag()))
			ASK(check_operation(tag, TL_HOOK_FILE_FCNTL, TL_OP_SIGNAL, 0));
		if ((argument & O_APPEND) || !appends(file) || !my_tag() || granted_stdio(raw_argument(ctx, 0)))
			return 0;
		ASK_OVERWRITE(TL_HOOK_FILE_FCNTL, raw_argument(ctx, 0));
		return 0;
	}
	if ((command != F_SETOWN && command != F_SETOWN_EX && (command != F_SETSIG || !argument || argument == SIGIO)) || !(tag = my_tag()))
		return 0;
	if (command == F_SETSIG && !is_owned_by_another(raw_argument(ctx, 0)))
		return 0;
	if (command == F_SETOWN) {
		whom = (u32)argument;
		me = bpf_get_current_task();
		if (!whom || whom == number_of(READ(struct task_struct, group_leader, me)) || whom == number_of(me))
			return 0;
	}
	return finish(ctx, check_operation(tag, TL_HOOK_FILE_FCNTL, TL_OP_SIGNAL, 0));
}

/*
 * (file, command): locks are advice, but treelined takes one, on the bpffs' root, to be alone; who holds it for a lock of any kind, or a lease of one of its
 * files, keeps it from starting. No write access is asked for (flock(2)).
 */
SEC("lsm/file_lock")
int BPF_PROG(tl_file_lock, struct file *file)
{
	u64 address = raw_argument(ctx, 0);

	if (!my_tag())
		return 0;
	if (file->f_inode->i_sb->s_magic == BPF_FS_MAGIC)
		ASK(report_path(PROTECTED(TL_HOOK_FILE_LOCK, TL_WRITE), dentry_of_file(address), mount_of_file(address), 0, 0));
	KEEP_OWN(file->f_path.dentry, OWN_CONTENT, TL_HOOK_FILE_LOCK, TL_WRITE, dentry_of_file(address), mount_of_file(address));
	return 0;
}

/* The inode's dentry stands behind the mount's user namespace (from 5.12) or idmap. A stacked file system's own call for its layer passes. */
#define ATTRIBUTE_HOOK(hook, HOOK, argument) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		u64 dentry, me = bpf_get_current_task(); \
\
		if (!my_tag() || READ(struct task_struct, cred, me) != READ(struct task_struct, real_cred, me)) \
			return 0; \
		dentry = raw_argument(ctx, argument); \
		ASK_NAMES(WHAT(TL_HOOK_##HOOK, TL_REASON_ACCESS, TL_KIND_FILE, TL_SETATTR), dentry); \
		return 0; \
	}
#define BEHIND_IDMAP (k_idmap_first ? 1 : 0)
ATTRIBUTE_HOOK(inode_setxattr, INODE_SETXATTR, BEHIND_IDMAP)
ATTRIBUTE_HOOK(inode_removexattr, INODE_REMOVEXATTR, BEHIND_IDMAP)
ATTRIBUTE_HOOK(inode_set_acl, INODE_SET_ACL, BEHIND_IDMAP)
ATTRIBUTE_HOOK(inode_remove_acl, INODE_REMOVE_ACL, BEHIND_IDMAP)
/* 6.17: file_setattr(2), which sets by a name what the ioctls of chattr set by a descriptor; they come here as well. */
ATTRIBUTE_HOOK(inode_file_setattr, INODE_FILE_SETATTR, 0)

/*
 * /proc/PID/fd/N is followed, not opened: a pipe or a memfd behind it has no path that would say whose it is. So the link itself is asked for,
 * by its path (/proc/{workload}/fd/N), unless it is the task's own. Likewise /proc/PID/map_files/RANGE.
 */
SEC("lsm/inode_follow_link")
int BPF_PROG(tl_inode_follow_link, struct dentry *dentry, struct inode *inode)
{
	u64 link, pid, place;

	if (dentry->d_sb->s_magic != PROC_SUPER_MAGIC || !my_tag())
		return 0;
	link = raw_argument(ctx, 0);
	place = read_u64(READ(struct dentry, d_name.name, READ(struct dentry, d_parent, link)));
	if ((place & 0xffffff) != NAME8('f', 'd', 0, 0, 0, 0, 0, 0) && place != NAME8('m', 'a', 'p', '_', 'f', 'i', 'l', 'e'))
		return 0;
	pid = read_u64(raw_argument(ctx, 1) - FIELD(struct proc_inode, vfs_inode) + FIELD(struct proc_inode, pid));
	if (!pid || relation_of(task_of_pid(pid)) == RELATION_OWN)
		return 0;
	ASK_NAMES(WHAT(TL_HOOK_INODE_FOLLOW_LINK, TL_REASON_ACCESS, TL_KIND_FILE, TL_READ), link);
	return 0;
}

#define SHM_RDONLY 010000
/* (permission, address, flags); executable is mmap_file's. */
SEC("lsm/shm_shmat")
int tl_shm_shmat(u64 *ctx)
{
	struct tl_tag *tag = my_tag();
	u32 words = (u32)ctx[2] & SHM_RDONLY ? TL_READ : TL_READ | TL_WRITE;
	u64 what;

	if (!tag)
		return 0;
	what = judge_class(tag, WHAT(TL_HOOK_SHM_SHMAT, TL_REASON_ACCESS, TL_KIND_FILE, words), TL_CLASS_SYSV_SHM);
	if (what)
		ASK(report_path(what, 0, 0, 0, 0));
	return 0;
}
