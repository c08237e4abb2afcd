/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What reaches for the kernel itself: each a special operation of the node.
 *
 *   sb_mount, sb_umount, sb_pivotroot, sb_remount, move_mount    mounts; one that fsmount made is in no namespace, so nothing opens there
 *   fs_context_parse_param                                       a file system that is being made: an overlay copies by itself, mounted or not
 *   path_notify                                                  fanotify: marks of a mount or a whole file system, and permission events
 *   userns_create                                                user namespaces (from 6.1)
 *   bpf, bpf_map, bpf_prog                                       bpf(); Treeline's own maps and programs are out of reach
 *   perf_event_open, key_alloc, key_permission, syslog
 *   kernel_module_request, kernel_load_data, kernel_read_file    modules, kexec
 *   inode_init_security_anon                                     io_uring, userfaultfd: whoever has no ring meets no other hook of it
 */
#include "mounts.bpf.h"
#include "own.bpf.h"
#include <bpf/bpf_tracing.h>

#define OPERATION_HOOK(hook, HOOK, operation) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		struct tl_tag *tag = my_tag(); \
\
		return tag ? finish(ctx, check_operation(tag, TL_HOOK_##HOOK, operation, 0)) : 0; \
	}
OPERATION_HOOK(sb_mount, SB_MOUNT, TL_OP_MOUNT)
OPERATION_HOOK(sb_umount, SB_UMOUNT, TL_OP_MOUNT)
OPERATION_HOOK(sb_pivotroot, SB_PIVOTROOT, TL_OP_MOUNT)
OPERATION_HOOK(sb_remount, SB_REMOUNT, TL_OP_MOUNT)
OPERATION_HOOK(move_mount, MOVE_MOUNT, TL_OP_MOUNT)
OPERATION_HOOK(userns_create, USERNS_CREATE, TL_OP_USERNS)
OPERATION_HOOK(perf_event_open, PERF_EVENT_OPEN, TL_OP_PERF)
OPERATION_HOOK(kernel_module_request, KERNEL_MODULE_REQUEST, TL_OP_AUTOLOAD_MODULE)
OPERATION_HOOK(syslog, SYSLOG, TL_OP_KERNEL_LOG)

/* The kernel's own keys (NFS and CIFS name users and servers by them), under credentials of its own in whoever's call, are not the task's act. */
#define KEY_HOOK(hook, HOOK) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		struct tl_tag *tag = my_tag(); \
\
		return tag && !has_other_credentials() ? finish(ctx, check_operation(tag, TL_HOOK_##HOOK, TL_OP_KEYRING, 0)) : 0; \
	}
KEY_HOOK(key_alloc, KEY_ALLOC)
KEY_HOOK(key_permission, KEY_PERMISSION)

/*
 * (context, parameter): mount(2) and fsconfig; what a file system mounts by itself when a path leads there (NFS, tracefs below debugfs) or when it is used
 * for the first time is nobody's right. Those two flags no caller can set (path_mount, FSCONFIG_SET_FLAG).
 */
#define SB_SUBMOUNT (1u << 26)
SEC("lsm/fs_context_parse_param")
int BPF_PROG(tl_fs_context_parse_param, struct fs_context *context)
{
	struct tl_tag *tag;

	if (BPF_CORE_READ_BITFIELD(context, purpose) == FS_CONTEXT_FOR_SUBMOUNT || (context->sb_flags & (SB_KERNMOUNT | SB_SUBMOUNT)) || !(tag = my_tag()))
		return 0;
	return finish(ctx, check_operation(tag, TL_HOOK_FS_CONTEXT_PARSE_PARAM, TL_OP_MOUNT, 0));
}

/* linux/fsnotify_backend.h: FS_OPEN_PERM, FS_ACCESS_PERM, FS_OPEN_EXEC_PERM, FS_PRE_ACCESS (from 6.14) */
#define PERMISSION_EVENTS 0x170000

/*
 * What a single object reports is no more than reading it, and file_open judged that. A mark of a mount or a whole file system is about other people's
 * files; a permission event holds up whoever opens the object, in every container and outside: for treelined's own files nobody's right, in any mode.
 */
SEC("lsm/path_notify")
int BPF_PROG(tl_path_notify, const struct path *path, u64 mask, unsigned int marked)
{
	bool object = !marked; /* FSNOTIFY_OBJ_TYPE_INODE on every kernel */
	struct tl_tag *tag;
	u64 address;

	if ((object && !(mask & PERMISSION_EVENTS)) || !(tag = my_tag()))
		return 0;
	address = raw_argument(ctx, 0);
	if (object)
		KEEP_OWN(path->dentry, OWN_NAME, TL_HOOK_PATH_NOTIFY, TL_READ, READ(struct path, dentry, address), READ(struct path, mnt, address));
	return finish(ctx, check_operation(tag, TL_HOOK_PATH_NOTIFY, TL_OP_MOUNT, 0));
}

/* What the kernel is to read: the numbers of the enumeration are this kernel's. */
enum kernel_load_data_id {
	LOADING_FIRMWARE = 1,
	LOADING_KEXEC_IMAGE = 3,
	LOADING_KEXEC_INITRAMFS = 4,
};
enum kernel_read_file_id {
	READING_FIRMWARE = 1,
	READING_KEXEC_IMAGE = 3,
	READING_KEXEC_INITRAMFS = 4,
};
#define IS_ID(type, name, value) (bpf_core_enum_value_exists(enum type, name) && (value) == bpf_core_enum_value(enum type, name))

SEC("lsm/kernel_load_data")
int tl_kernel_load_data(u64 *ctx)
{
	u32 id = (u32)ctx[0], operation = TL_OP_LOAD_MODULE;
	struct tl_tag *tag = my_tag();

	if (!tag)
		return 0;
	if (IS_ID(kernel_load_data_id, LOADING_KEXEC_IMAGE, id) || IS_ID(kernel_load_data_id, LOADING_KEXEC_INITRAMFS, id))
		operation = TL_OP_KEXEC;
	else if (IS_ID(kernel_load_data_id, LOADING_FIRMWARE, id))
		operation = TL_OP_AUTOLOAD_MODULE;
	return finish(ctx, check_operation(tag, TL_HOOK_KERNEL_LOAD_DATA, operation, 0));
}

SEC("lsm/kernel_read_file")
int tl_kernel_read_file(u64 *ctx)
{
	u32 id = (u32)ctx[1], operation = TL_OP_LOAD_MODULE;
	struct tl_tag *tag = my_tag();

	if (!tag)
		return 0;
	if (IS_ID(kernel_read_file_id, READING_KEXEC_IMAGE, id) || IS_ID(kernel_read_file_id, READING_KEXEC_INITRAMFS, id))
		operation = TL_OP_KEXEC;
	else if (IS_ID(kernel_read_file_id, READING_FIRMWARE, id)) /* the kernel asks for it on its own when a device is opened */
		operation = TL_OP_AUTOLOAD_MODULE;
	return finish(ctx, check_operation(tag, TL_HOOK_KERNEL_READ_FILE, operation, 0));
}

/* (inode, name, context inode): io_uring and userfaultfd are known by the name of their inode. */
SEC("lsm/inode_init_security_anon")
int tl_inode_init_security_anon(u64 *ctx)
{
	struct tl_tag *tag = my_tag();
	u32 operation;

	if (!tag)
		return 0;
	switch (read_u64(READ(struct qstr, name, raw_argument(ctx, 1)))) {
	case NAME8('[', 'i', 'o', '_', 'u', 'r', 'i', 'n'):
		operation = TL_OP_IO_URING;
		break;
	case NAME8('[', 'u', 's', 'e', 'r', 'f', 'a', 'u'):
		operation = TL_OP_USERFAULTFD;
		break;
	default:
		return 0;
	}
	return finish(ctx, check_operation(tag, TL_HOOK_INODE_INIT_SECURITY_ANON, operation, 0));
}

/* ------------------------------------------------------------------------------------------------------- bpf() --- */
/* Links have no hook of their own: what could reach or change one of ours is refused to all that are bound. (uapi/linux/bpf.h) */
#define BPF_LINK_UPDATE 29
#define BPF_LINK_GET_FD_BY_ID 30
#define BPF_LINK_DETACH 34

SEC("lsm/bpf")
int tl_bpf(u64 *ctx)
{
	u32 command = (u32)ctx[0];
	struct tl_tag *tag = my_tag();

	if (!tag)
		return 0;
	ASK(check_operation(tag, TL_HOOK_BPF, TL_OP_BPF, 0));
	if (command == BPF_LINK_UPDATE || command == BPF_LINK_GET_FD_BY_ID || command == BPF_LINK_DETACH)
		ASK(protect(TL_HOOK_BPF));
	return 0;
}

/* Of the optional maps the address may be taken only where the map is made: the barrier keeps the loads behind the question. */
#define IS_MAP(map, name) ((map) == (u64)&(name))
#define IS_MAP_IF(made, map, name) ({ bool is = false; if (made) { barrier(); is = IS_MAP(map, name); } is; })
SEC("lsm/bpf_map")
int tl_bpf_map(u64 *ctx)
{
	struct tl_tag *tag = my_tag();
	u64 map;

	if (!tag)
		return 0;
	map = raw_argument(ctx, 0);
	if (IS_MAP(map, arena) || IS_MAP(map, policies) || IS_MAP(map, tags_by_task) || IS_MAP(map, bindings) || IS_MAP(map, containers) ||
	    IS_MAP(map, control) || IS_MAP(map, doubts) || IS_MAP(map, losses) || IS_MAP(map, counts) || IS_MAP(map, canary_counts) ||
	    IS_MAP(map, denials) || IS_MAP(map, shares) || IS_MAP(map, buckets) || IS_MAP(map, learned) || IS_MAP(map, syscalls) ||
	    IS_MAP(map, owners) || IS_MAP(map, asked) || IS_MAP(map, written) || IS_MAP(map, scratch) ||
	    IS_MAP(map, zeroes) || IS_MAP(map, prefixes) || IS_MAP(map, streams))
		return finish(ctx, protect(TL_HOOK_BPF_MAP));
	if (IS_MAP_IF(k_task_storage, map, tags) || IS_MAP_IF(k_ringbuf, map, events) || IS_MAP_IF(!k_ringbuf, map, events_perf))
		return finish(ctx, protect(TL_HOOK_BPF_MAP));
	return finish(ctx, check_operation(tag, TL_HOOK_BPF_MAP, TL_OP_BPF, 0));
}

/* Ours are known by their names; a container's own of such a name is refused as well. */
SEC("lsm/bpf_prog")
int tl_bpf_prog(u64 *ctx)
{
	struct tl_tag *tag = my_tag();
	u64 name;

	if (!tag)
		return 0;
	name = READ(struct bpf_prog, aux, raw_argument(ctx, 0)) + FIELD(struct bpf_prog_aux, name);
	if ((read_u64(name) & 0xffffff) == (NAME8('t', 'l', '_', 0, 0, 0, 0, 0)))
		return finish(ctx, protect(TL_HOOK_BPF_PROG));
	return finish(ctx, check_operation(tag, TL_HOOK_BPF_PROG, TL_OP_BPF, 0));
}
