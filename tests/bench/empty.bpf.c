/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program that does nothing on each hook that Treeline has one on and that the measured acts pass. */
#define SEC(name) __attribute__((section(name), used))
#define EMPTY(hook) \
	SEC("lsm/" #hook) int empty_##hook(void *ctx) \
	{ \
		(void)ctx; \
		return 0; \
	}

EMPTY(task_alloc)
EMPTY(task_free)
EMPTY(task_kill)
EMPTY(bprm_check_security)
EMPTY(bprm_creds_from_file)
EMPTY(bprm_committing_creds)
EMPTY(file_open)
EMPTY(mmap_file)
EMPTY(file_mprotect)
EMPTY(path_unlink)
EMPTY(path_mknod)
EMPTY(path_rename)
EMPTY(path_truncate)
EMPTY(path_chmod)
EMPTY(inode_setattr)
EMPTY(socket_create)
EMPTY(socket_bind)
EMPTY(socket_listen)
EMPTY(socket_connect)
EMPTY(socket_sendmsg)
EMPTY(socket_setsockopt)
EMPTY(socket_sock_rcv_skb)
EMPTY(inet_conn_request)
EMPTY(unix_stream_connect)
EMPTY(unix_may_send)
EMPTY(capable)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
