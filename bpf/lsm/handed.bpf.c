/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors that are handed over, and what is done to a file through one.
 *
 *   file_receive                     SCM_RIGHTS, pidfd_getfd: what an open of it would need
 *   file_ioctl, file_ioctl_compat    input into a terminal; the flags of an inode (chattr): setattr; the receiver of its signals
 *   file_fcntl                       F_SETOWN: who gets SIGIO, or any signal (F_SETSIG); F_SETFL: what was opened to append is written
 *   inode_setxattr, _removexattr, _set_acl, _remove_acl    setattr under every name that the container has for the inode
 */
#include "mounts.bpf.h"
#include "written.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("lsm/file_receive")
int BPF_PROG(tl_file_receive, struct file *received)
{
	struct inode *inode;
	u64 file, what;

	if (!my_tag())
		return 0;
	file = raw_argument(ctx, 0);
	what = handed_question(file, TL_HOOK_FILE_RECEIVE, 0);
	if (what)
		ASK_PATH(what, dentry_of_file(file), mount_of_file(file));
	if (!(received->f_mode & FMODE_WRITE) || ((inode = received->f_inode)->i_mode & S_IFMT) != S_IFREG)
		return 0;
	what = WHAT(TL_HOOK_FILE_RECEIVE, TL_REASON_NO_MEMORY, TL_KIND_FILE, TL_WRITE);
	if (unsigned_for(what, dentry_of_file(file), mount_of_file(file)) && !mark_written(inode))
		ASK(report_path(what, dentry_of_file(file), mount_of_file(file), 0, 0));
	return 0;
}

/* asm-generic/ioctls.h, linux/fs.h, linux/sockios.h */
#define TIOCSTI 0x5412
#define TIOCLINUX 0x541c
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_IOC_FSSETXATTR 0x401c5820
#define FS_IOC_SETVERSION 0x40087602
#define FS_IOC32_SETVERSION 0x40047602

static __always_inline int on_ioctl(void *ctx, u32 hook, u64 file, u32 command)
{
	switch (command) {
	case TIOCSTI:
	case TIOCLINUX:
		return finish(ctx, check_operation(hook, TL_OP_TTY_INJECT, 0));
	case FIOSETOWN:
	case SIOCSPGRP: /* the number is the caller's memory, which can change after a look at it */
		return finish(ctx, check_operation(hook, TL_OP_SIGNAL, 0));
	case FS_IOC_SETFLAGS:
	case FS_IOC32_SETFLAGS:
	case FS_IOC_FSSETXATTR:
	case FS_IOC_SETVERSION:
	case FS_IOC32_SETVERSION:
		if (stacked_layer(mount_of_file(file))) /* an overlay asks again for its layer's file (ovl_real_fileattr_set) */
			return 0;
		ASK_PATH(WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_SETATTR), dentry_of_file(file), mount_of_file(file));
		return 0;
	default:
		return 0;
	}
}

SEC("lsm/file_ioctl")
int tl_file_ioctl(u64 *ctx)
{
	if (!my_tag())
		return 0;
	return on_ioctl(ctx, TL_HOOK_FILE_IOCTL, raw_argument(ctx, 0), (u32)ctx[1]);
}

/* 6.8 (f1bb47a31dff): a 32-bit program's calls have a hook of their own; before, file_ioctl served them. */
SEC("lsm/file_ioctl_compat")
int tl_file_ioctl_compat(u64 *ctx)
{
	if (!my_tag())
		return 0;
	return on_ioctl(ctx, TL_HOOK_FILE_IOCTL_COMPAT, raw_argument(ctx, 0), (u32)ctx[1]);
}

#define F_SETFL 4
#define F_SETOWN 8
#define F_SETOWN_EX 15

/* The number of a task in the innermost pid namespace that it is in. */
static __always_inline u32 number_of(u64 task)
{
	u64 pid = READ(struct task_struct, thread_pid, task);

	return READ32(struct upid, nr, pid + FIELD(struct pid, numbers) + (READ32(struct pid, level, pid) & 31) * bpf_core_type_size(struct upid));
}

SEC("lsm/file_fcntl")
int BPF_PROG(tl_file_fcntl, struct file *file, unsigned int command, unsigned long argument)
{
	u32 whom;
	u64 me;

	if (command == F_SETFL) {
		if ((argument & O_APPEND) || !appends(file) || !my_tag() || granted_stdio(raw_argument(ctx, 0)))
			return 0;
		ASK_OVERWRITE(TL_HOOK_FILE_FCNTL, raw_argument(ctx, 0));
		return 0;
	}
	if ((command != F_SETOWN && command != F_SETOWN_EX) || !my_tag())
		return 0;
	if (command == F_SETOWN) {
		whom = (u32)argument;
		me = bpf_get_current_task();
		if (!whom || whom == number_of(READ(struct task_struct, group_leader, me)) || whom == number_of(me))
			return 0;
	}
	return finish(ctx, check_operation(TL_HOOK_FILE_FCNTL, TL_OP_SIGNAL, 0));
}

/* The inode's dentry stands behind the mount's user namespace (from 5.12) or idmap. A stacked file system's own call for its layer passes. */
#define ATTRIBUTE_HOOK(hook, HOOK) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		u64 dentry, me = bpf_get_current_task(); \
\
		if (!my_tag() || READ(struct task_struct, cred, me) != READ(struct task_struct, real_cred, me)) \
			return 0; \
		dentry = raw_argument(ctx, k_idmap_first ? 1 : 0); \
		ASK_NAMES(WHAT(TL_HOOK_##HOOK, TL_REASON_ACCESS, TL_KIND_FILE, TL_SETATTR), dentry); \
		return 0; \
	}
ATTRIBUTE_HOOK(inode_setxattr, INODE_SETXATTR)
ATTRIBUTE_HOOK(inode_removexattr, INODE_REMOVEXATTR)
ATTRIBUTE_HOOK(inode_set_acl, INODE_SET_ACL)
ATTRIBUTE_HOOK(inode_remove_acl, INODE_REMOVE_ACL)
