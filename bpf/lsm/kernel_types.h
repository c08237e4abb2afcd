/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types as far as the programs read them, declared by hand: CO-RE finds each field by name in the running kernel's
 * BTF at load, so order and offsets here mean nothing, and a build needs neither BTF nor kernel headers.
 *
 * A type with a ___suffix is another kernel's shape of the same type (libbpf strips the suffix when it matches).
 */
#ifndef TREELINE_BPF_LSM_KERNEL_TYPES_H
#define TREELINE_BPF_LSM_KERNEL_TYPES_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_INODE_STORAGE = 28,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
	BPF_F_NO_PREALLOC = 1u << 0,
	BPF_F_MMAPABLE = 1u << 10,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1u << 0,
};
#define BPF_F_CURRENT_CPU 0xffffffffull

struct timespec64 {
	__s64 tv_sec;
	__s64 tv_nsec;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	u32 hash;
	u32 len;
	const unsigned char *name;
};
typedef struct {
	unsigned int sequence;
} seqcount_t;
typedef struct {
	seqcount_t seqcount;
} seqcount_spinlock_t;
typedef struct {
	int counter;
} atomic_t;
struct address_space {
	atomic_t i_mmap_writable;
};
struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};
struct list_head {
	struct list_head *next, *prev;
};
struct super_block {
	unsigned long s_flags;
	unsigned long s_magic;
	u32 s_dev;
	struct dentry *s_root;
};
struct inode {
	u16 i_mode;
	unsigned int i_nlink;
	unsigned long i_ino;
	u32 i_generation;
	struct super_block *i_sb;
	u32 i_rdev;
	struct address_space *i_mapping;
	atomic_t i_writecount;
};
struct dentry {
	unsigned int d_flags;
	seqcount_spinlock_t d_seq;
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32];
	struct super_block *d_sb;
};
/* 6.14: the inline name became a union of bytes and words (d58ee9f3d8a9 family) */
union shortname_store {
	unsigned char string[32];
	unsigned long words[4];
};
struct dentry___shortname {
	union shortname_store d_shortname;
};
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};
struct ns_common {
	unsigned int inum;
};
struct ns_common___id { /* 6.18: one counter numbers all namespaces */
	u64 ns_id;
};
struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
	u64 seq;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	struct list_head mnt_instance;
};
struct mount___for_sb {
	struct mount *mnt_next_for_sb;
};
/* the mounts of a superblock: a list up to 6.16, then a chain */
struct super_block___list {
	struct list_head s_mounts;
};
struct super_block___chain {
	struct mount *s_mounts;
};
struct iattr {
	unsigned int ia_valid;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
	const struct file_operations *f_op;
};
struct fown_struct {
	struct pid *pid;
};
struct file___owner_inside {
	struct fown_struct f_owner;
};
/* 6.12 */
struct file___owner_behind {
	struct fown_struct *f_owner;
};
/* 6.5: the file that a stacked file system opens on its layer; 6.8 renamed real_path to user_path, the overlay's own path */
struct backing_file {
	struct file file;
	struct path user_path;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds;
};
struct files_struct {
	struct fdtable *fdt;
};
struct fs_struct {
	struct path root;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
};
typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u32 val;
} kgid_t;
typedef struct {
	u64 val; /* two words of 32 bits before 6.3 */
} kernel_cap_t;
struct user_namespace;
struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kernel_cap_t cap_permitted;
	struct user_namespace *user_ns;
};
struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};
struct mm_struct {
	struct file *exe_file;
	unsigned long start_stack;
	unsigned long start_brk;
	unsigned long brk;
};
struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};
struct kernfs_node {
	u64 id;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct signal_struct {
	struct {
		int counter;
	} live;
};
struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	u64 start_time;
	u64 self_exec_id; /* counts execs, before security_bprm_committing_creds (begin_new_exec); 64 bits from 5.7 on */
	const struct cred *real_cred;
	const struct cred *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct mm_struct *mm;
	char comm[16];
};
struct upid {
	int nr;
};
struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};
struct bpf_prog_aux {
	char name[16];
};
struct bpf_prog {
	struct bpf_prog_aux *aux;
};
enum pid_type { PIDTYPE_PID = 0, PIDTYPE_TGID = 1 };
struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};
struct linux_binprm {
	struct file *file;
	struct cred *cred;
	const char *filename;
	const char *interp;
};
struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	struct anon_vma *anon_vma;
	struct file *vm_file;
};
struct in6_addr {
	unsigned char bytes[16];
};
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
};
struct request_sock {
	struct sock_common __req_common;
};
struct sk_buff {
	__be16 protocol;
	u16 transport_header; /* both from `head` */
	u16 network_header;
	unsigned char *head;
};
struct sock {
	struct sock_common __sk_common;
	u16 sk_type;
	u16 sk_protocol;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
	u8 sk_userlocks : 4;
};
/* before 5.6 sk_type and sk_protocol were bit fields; 5.7 is the oldest kernel that Treeline runs on */
struct socket {
	short type;
	struct sock *sk;
};
struct sockaddr {
	unsigned short sa_family;
};
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct path path;
};
struct msghdr {
	void *msg_name;
	int msg_namelen;
	unsigned int msg_flags;
	void *msg_control;
	unsigned long msg_controllen;
};
enum fs_context_purpose {
	FS_CONTEXT_FOR_SUBMOUNT = 1,
};
struct fs_context {
	unsigned int sb_flags;
	enum fs_context_purpose purpose : 8;
};
struct pt_regs {
	unsigned long orig_ax;
	unsigned long cs;
};
struct thread_info {
	unsigned long flags;
	u32 status;
};
struct task_struct___thread_info {
	struct thread_info thread_info;
};
struct bpf_raw_tracepoint_args {
	u64 args[0];
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop
#endif
