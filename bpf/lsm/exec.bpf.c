/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fork, exec, exit: how a tag comes to a task and moves through the tree.
 *
 *   task_alloc                fork copies the tag; an untagged parent below a bound cgroup is adopted
 *   task_free                 the tag's entry by address goes with the task
 *   bprm_check_security       once per hop: which node would this exec lead to? Kept as pending, for this bprm
 *   bprm_committing_creds     pending becomes the node; its users and the inherited file descriptors are judged
 *
 * A failed exec has no hook, so a pending node is honoured only by a later hop of the same bprm and by its commit; the first hop of
 * the next exec overwrites it (a first hop is told by bprm->interp == bprm->filename, so a reused address is no way in).
 */
#include "fast.bpf.h"
#include "written.bpf.h"
#include <bpf/bpf_tracing.h>

/* A refusal in doubt without an object to tell of: counted as a doubt and, as all are, by policy and node. */
static __always_inline void refuse_in_doubt(const struct tl_tag *tag, u32 hook, u32 reason)
{
	doubt(hook, reason);
	count_untold(tag->slot, tag->node, WHAT(hook, reason, 0, 0));
}

/* ------------------------------------------------------------------------------------------------- adoption --- */
/*
 * The container whose cgroup, or an ancestor of it, the current task is in; TL_CONTAINERS: none; TOO_DEEP: it lies deeper than is looked at.
 * Read from the cgroup v2 hierarchy by hand: LSM programs got bpf_get_current_ancestor_cgroup_id only after 5.10.
 */
#define TOO_DEEP (TL_CONTAINERS + 1)
__noinline u32 bound_container(void)
{
	u64 cgroup = READ(struct css_set, dfl_cgrp, READ(struct task_struct, cgroups, bpf_get_current_task()));

	for (int level = 0; level <= TL_CGROUP_DEPTH; level++) { /* that many below the root, and the root */
		u64 parent, id;
		u32 *index;

		parent = READ(struct cgroup, self.parent, cgroup);
		if (!parent) /* the root: never bound */
			return TL_CONTAINERS;
		id = READ(struct kernfs_node, id, READ(struct cgroup, kn, cgroup));
		index = bpf_map_lookup_elem(&bindings, &id);
		if (index)
			return *index;
		cgroup = parent - FIELD(struct cgroup, self);
	}
	return TOO_DEEP;
}

static __always_inline int write_tag(struct task_struct *task, u64 address, struct tl_tag *tag)
{
	if (bpf_map_update_elem(&tags_by_task, &address, tag, BPF_ANY))
		return -1;
	if (k_task_storage && !bpf_task_storage_get(&tags, task, tag, BPF_LOCAL_STORAGE_GET_F_CREATE))
		return -1;
	return 0;
}

/*
 * An untagged task in fork or exec. 0: not bound. 1: it was, and has a tag now (the runtime's). -1: it was, and could not be tagged.
 */
static __noinline int adopt(u32 hook)
{
	struct tl_control *c = the_control();
	struct tl_container *container;
	struct tl_tag tag = {};
	u32 index;

	if (!c || !c->bound)
		return 0;
	index = bound_container();
	if (index == TOO_DEEP) {
		doubt(hook, TL_REASON_NO_TAG);
		return -1;
	}
	if (index >= TL_CONTAINERS)
		return 0;
	container = bpf_map_lookup_elem(&containers, &index);
	if (!container || !(container->flags & TL_CONTAINER_BOUND))
		return 0;
	tag.node = container->flags & TL_CONTAINER_STARTED ? TL_KEY_JOIN : TL_KEY_ENTRY;
	tag.slot = container->slot;
	tag.container = index;
	tag.flags = TL_TAG_RUNTIME | (container->flags & TL_CONTAINER_STARTED ? TL_TAG_JOINED : 0);
	tag.start_time = READ(struct task_struct, start_time, bpf_get_current_task());
	if (write_tag(k_task_storage ? bpf_get_current_task_btf() : NULL, bpf_get_current_task(), &tag)) {
		refuse_in_doubt(&tag, hook, TL_REASON_NO_MEMORY);
		return -1;
	}
	return 1;
}

SEC("lsm/task_alloc")
int BPF_PROG(tl_task_alloc, struct task_struct *task)
{
	struct tl_tag *mine = my_tag(), tag;
	u64 address = (u64)task;
	int adopted;

	if (!mine) {
		adopted = adopt(TL_HOOK_TASK_ALLOC);
		if (adopted < 0)
			return -EPERM;
		if (!adopted) {
			/* The address may have been a tagged task's whose entry could not be deleted. */
			if (!k_task_storage)
				bpf_map_delete_elem(&tags_by_task, &address);
			return 0;
		}
		mine = my_tag();
		if (!mine) {
			doubt(TL_HOOK_TASK_ALLOC, TL_REASON_NO_TAG);
			return -EPERM;
		}
	}
	tag = *mine;
	tag.flags &= ~(TL_TAG_PENDING_EDGE | TL_TAG_ENTRY_PENDING);
	tag.pending_bprm = 0;
	tag.pending_node = 0;
	tag.start_time = 0;
	if (write_tag(task, address, &tag)) {
		refuse_in_doubt(&tag, TL_HOOK_TASK_ALLOC, TL_REASON_NO_MEMORY);
		return -EPERM;
	}
	return 0;
}

SEC("lsm/task_free")
int BPF_PROG(tl_task_free, struct task_struct *task)
{
	u64 address = (u64)task;

	bpf_map_delete_elem(&tags_by_task, &address);
	return 0;
}

/* ---------------------------------------------------------------------------------------------------- exec --- */
static __always_inline u64 my_mount_namespace(void)
{
	return READ(struct nsproxy, mnt_ns, READ(struct task_struct, nsproxy, bpf_get_current_task()));
}

static __always_inline u64 sequence_of(u64 ns)
{
	if (!ns)
		return 0;
	if (bpf_core_field_exists(struct ns_common___id, ns_id))
		return read_u64(ns + FIELD(struct mnt_namespace, ns) + FIELD(struct ns_common___id, ns_id));
	return READ(struct mnt_namespace, seq, ns);
}

/*
 * Is an exec by the runtime one inside the container? It is free only where the runtime itself is, in its parent's mount namespace. In any
 * other one it enters, whatever file it executes: a memfd (/proc/self/exe of the runtime as entrypoint, CVE-2019-5736), or one of the host
 * that a descriptor leads to (CVE-2024-21626). (runc and crun start themselves as a memfd or a detached mount, before they leave the host.)
 */
static __always_inline bool enters(const struct tl_container *c)
{
	u64 parent = READ(struct task_struct, real_parent, bpf_get_current_task());

	return (c->flags & TL_CONTAINER_PLAIN) || my_mount_namespace() != READ(struct nsproxy, mnt_ns, READ(struct task_struct, nsproxy, parent));
}

/*
 * The sequence number of the namespace that a process which enters is judged by: the one that was bound. 0, which nothing is in: it is
 * in another one.
 */
static __always_inline u64 entered(const struct tl_container *c)
{
	u64 ns = my_mount_namespace(), seq = sequence_of(ns);

	if (c->mount_ns)
		return c->mount_ns;
	return !c->mount_ns_inum || READ32(struct ns_common, inum, ns + FIELD(struct mnt_namespace, ns)) == c->mount_ns_inum ? seq : 0;
}

#define EXEC(reason) \
	(WHAT(TL_HOOK_BPRM_CHECK, reason, TL_KIND_EXEC, TL_EXECUTE) | WHAT_FLAGS(WHAT_EPERM))

/*
 * The tag takes a pending node: in learn its key is made from the path, in monitor and enforce it is the edge's. `state` is that of the path by
 * fast_state, if one of `policy`. Returns 0, or `what` to report; EXEC_REFUSE where there is nothing to tell beyond the count.
 */
#define EXEC_REFUSE ~0ull
__noinline u64 exec_check(u64 bprm, u64 state, u32 policy)
{
	struct tl_tag *tag = my_tag();
	u64 file = READ(struct linux_binprm, file, bprm), dentry = file_dentry(file), vfsmount = file_mount(file), ns, hash;
	bool later_hop = READ(struct linux_binprm, interp, bprm) != READ(struct linux_binprm, filename, bprm);
	struct tl_container *c;
	u32 class_id, next;
	struct subject s;

	if (!tag)
		return 0;
	if (tag->flags & TL_TAG_RUNTIME) {
		c = container_of_tag(tag);
		if (!c) {
			refuse_in_doubt(tag, TL_HOOK_BPRM_CHECK, TL_REASON_NO_TAG);
			return EXEC_REFUSE;
		}
		if (!enters(c)) {
			tag->flags &= ~TL_TAG_PENDING_EDGE;
			return 0;
		}
		if (!later_hop) {
			tag->mount_ns = entered(c);
			tag->node = c->flags & TL_CONTAINER_STARTED ? TL_KEY_JOIN : TL_KEY_ENTRY;
			tag->cache = 0;
			tag->flags |= TL_TAG_ENTRY_PENDING;
			if (c->flags & TL_CONTAINER_STARTED)
				tag->flags |= TL_TAG_JOINED;
		}
	}
	if (later_hop && (!(tag->flags & TL_TAG_PENDING_EDGE) || tag->pending_bprm != bprm)) {
		refuse_in_doubt(tag, TL_HOOK_BPRM_CHECK, TL_REASON_NO_PENDING);
		return EXEC_REFUSE;
	}
	if (!later_hop)
		tag->flags &= ~TL_TAG_PENDING_EDGE;
	tag->pending_bprm = bprm;
	subject_of(&s, tag);
	ns = tag->mount_ns;
	class_id = reserved_class(dentry, vfsmount, 0);

	if (s.mode == TL_MODE_LEARN) {
		if (later_hop)
			return WITH_CLASS(WHAT(TL_HOOK_BPRM_CHECK, 0, TL_KIND_INTERPRETER, 0) | WHAT_FLAGS(WHAT_PENDING), class_id);
		hash = object_hash(dentry, vfsmount, ns, class_id);
		tag->pending_node = tl_child_key(tag->node, hash);
		tag->flags |= TL_TAG_PENDING_EDGE;
		return WITH_CLASS(EXEC(TL_REASON_NONE), class_id);
	}

	if (!class_id)
		class_id = class_of_state(s.img, state < WALK_ERROR && policy == s.policy ? state : walk_slow(s.img, TL_DFA_START, dentry, vfsmount, ns));
	if (later_hop) {
		/* Outside, one event told it all; and where the script was refused, this is not reached. */
		if (tag->pending_node == TL_KEY_OUTSIDE)
			return 0;
		next = row_of_key(s.img, tag->pending_node);
		if (tl_exec_edge(s.img, next, class_id, TL_EDGE_INTERPRETER))
			return 0;
		if (s.mode == TL_MODE_MONITOR)
			tag->pending_node = TL_KEY_OUTSIDE;
		return REFUSED(s, EXEC(TL_REASON_INTERPRETER), class_id);
	}
	next = tl_exec_edge(s.img, s.row, class_id, 0);
	tag->flags |= TL_TAG_PENDING_EDGE;
	if (next) {
		tag->pending_node = TL_ROW64(s.img, next, key);
		return 0;
	}
	tag->pending_node = TL_KEY_OUTSIDE;
	if (s.mode != TL_MODE_MONITOR)
		tag->flags &= ~TL_TAG_PENDING_EDGE;
	return REFUSED(s, EXEC(TL_REASON_NOT_IN_TREE), class_id);
}

/*
 * The state of the path of what is executed, and the policy that it is one of; an error where the fast walk does not say, and while it is not known
 * yet what the task enters.
 */
static __noinline u64 fast_state(struct tl_tag *tag, struct file *file, u32 *policy)
{
	struct dentry *dentry = file->f_path.dentry;
	struct subject s;

	if (tag->flags & TL_TAG_RUNTIME)
		return WALK_DEEP;
	subject_of(&s, tag);
	*policy = s.policy;
	if (s.mode < TL_MODE_MONITOR || !dentry->d_hash.pprev)
		return WALK_DEEP;
	return walk_fast(&s, dentry, file->f_path.mnt);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(tl_bprm_check_security, struct linux_binprm *bprm)
{
	u64 file_address = READ(struct linux_binprm, file, raw_argument(ctx, 0)), what, state = WALK_DEEP;
	struct tl_tag *mine = my_tag();
	u32 policy = 0;

	if (mine) {
		state = fast_state(mine, bprm->file, &policy);
		if (state == WALK_UNKNOWN)
			remember_prefix(file_mount(file_address));
	} else {
		int adopted = adopt(TL_HOOK_BPRM_CHECK);

		if (adopted <= 0)
			return adopted ? -EPERM : 0;
	}
	what = exec_check(raw_argument(ctx, 0), state, policy);
	if (what == EXEC_REFUSE)
		return -EPERM;
	if (!what) {
		struct tl_tag *tag = my_tag();

		if (!tag || !(tag->flags & TL_TAG_PENDING_EDGE)) /* the runtime at work, outside */
			return 0;
		if (!memory_file(file_address) && !was_written(tag, bprm->file->f_inode))
			return 0;
		what = EXEC(TL_REASON_WX);
		if (!unsigned_for(tag, what, file_address))
			return 0;
	}
	return finish(ctx, report_path(what, file_dentry(file_address), file_mount(file_address), 0, 0));
}

/* -------------------------------------------------------------------------------------------------- commit --- */
#define MAX_FDS 4096

/* fds 0-2 as they are now, of an entry or of a join, which gets a number of its own. */
__noinline u32 remember_stdio(u64 files)
{
	struct tl_tag *tag = my_tag();
	struct tl_container *c = tag ? container_of_tag(tag) : NULL;
	u64 table = READ(struct fdtable, fd, READ(struct files_struct, fdt, files));
	struct tl_streams_key key;
	struct tl_streams now = {};

	if (!c)
		return 0;
	for (u32 i = 0; i < TL_STDIO; i++) {
		u64 file = read_u64(table + 8 * i), inode = file ? READ(struct file, f_inode, file) : 0;

		if (!inode)
			continue;
		now.of[i].ino = READ(struct inode, i_ino, inode);
		now.of[i].dev = READ32(struct super_block, s_dev, READ(struct inode, i_sb, inode));
		if (!(tag->flags & TL_TAG_JOINED))
			c->stdio[i] = now.of[i];
	}
	if (!(tag->flags & TL_TAG_JOINED))
		return 0;
	tag->join = ++c->joined;
	key.bound_at = c->bound_at;
	key.join = tag->join;
	if (bpf_map_update_elem(&streams, &key, &now, BPF_ANY))
		doubt(TL_HOOK_BPRM_COMMITTING, TL_REASON_NO_MEMORY);
	return 0;
}

/* What an inherited or received file is to the node that the task is on now: 0, or the question to ask. */
__noinline u64 handed_question(u64 file, u32 hook, u32 flags)
{
	u32 mode = READ32(struct file, f_mode, file), words;
	u64 inode = READ(struct file, f_inode, file);

	/* O_PATH gives nothing by itself: what is done with it is judged then. */
	if ((mode & FMODE_PATH) || granted_stdio(file))
		return 0;
	words = words_of_open(READ32(struct file, f_flags, file) & ~O_TRUNC, mode, (u16)READ(struct inode, i_mode, inode));
	return WHAT(hook, hook == TL_HOOK_BPRM_COMMITTING ? TL_REASON_INHERITED_FD : TL_REASON_ACCESS, TL_KIND_FILE, words) | WHAT_FLAGS(flags);
}

/* The first open descriptor at or after `from`; MAX_FDS: none. */
__noinline u32 next_fd(u64 fdt, u32 from)
{
	u64 bits = READ(struct fdtable, open_fds, fdt);
	u32 max = READ32(struct fdtable, max_fds, fdt);

	u32 word = from / 64;
	u64 mask = ~0ull << (from & 63);

	for (u32 i = 0; i < MAX_FDS / 64; i++) {
		u64 open;

		if (word * 64 >= max || word >= MAX_FDS / 64)
			break;
		open = read_u64(bits + 8 * word) & mask;
		if (open) {
			/* lowest set bit, without a loop */
			open &= -open;
			return word * 64 + (open & 0xffffffff00000000 ? 32 : 0) + (open & 0xffff0000ffff0000 ? 16 : 0) +
			       (open & 0xff00ff00ff00ff00 ? 8 : 0) + (open & 0xf0f0f0f0f0f0f0f0 ? 4 : 0) + (open & 0xcccccccccccccccc ? 2 : 0) +
			       (open & 0xaaaaaaaaaaaaaaaa ? 1 : 0);
		}
		mask = ~0ull;
		word++;
	}
	return MAX_FDS;
}

/* Is any of the 1,024 words of open descriptors from `word` on set, up to `end`? */
__noinline bool any_fd(u64 bits, u32 word, u32 end)
{
	for (u32 i = 0; i < 1024; i++, word++) {
		if (word >= end)
			return false;
		if (read_u64(bits + 8ull * word))
			return true;
	}
	return false;
}

/* Descriptors beyond the bound cannot be judged in a bounded program. A table can be large and empty there: up to nr_open's default is looked. */
#define NR_OPEN (1024 * 1024)
__noinline bool too_many_fds(u64 files)
{
	u64 fdt = READ(struct files_struct, fdt, files), bits = READ(struct fdtable, open_fds, fdt);
	u32 max = READ32(struct fdtable, max_fds, fdt);

	for (u32 from = MAX_FDS / 64; from < NR_OPEN / 64; from += 1024) {
		if (from >= max / 64)
			return false;
		if (any_fd(bits, from, max / 64))
			return true;
	}
	return max > NR_OPEN;
}

/* Pending becomes the node. 0: nothing to do; 1: the node is new, judge what comes with it; 2: in doubt, the task has to go. */
__noinline u32 exec_commit(u64 bprm)
{
	struct tl_tag *tag = my_tag();
	u64 me = bpf_get_current_task();
	struct tl_container *c;
	u32 entry;

	if (!tag)
		return 0;
	if (!(tag->flags & TL_TAG_PENDING_EDGE) || tag->pending_bprm != bprm) {
		if (tag->flags & TL_TAG_RUNTIME)
			return 0;
		refuse_in_doubt(tag, TL_HOOK_BPRM_COMMITTING, TL_REASON_NO_PENDING);
		return 2;
	}
	entry = tag->flags & TL_TAG_ENTRY_PENDING;
	tag->node = tag->pending_node;
	tag->cache = 0;
	tag->pending_bprm = 0;
	tag->pending_node = 0;
	tag->flags &= ~(TL_TAG_PENDING_EDGE | TL_TAG_ENTRY_PENDING | TL_TAG_RUNTIME);
	if (k_task_storage && bpf_map_update_elem(&tags_by_task, &me, tag, BPF_ANY))
		doubt(TL_HOOK_BPRM_COMMITTING, TL_REASON_NO_MEMORY);
	if (entry) {
		c = container_of_tag(tag);
		if (c && !(c->flags & TL_CONTAINER_STARTED)) {
			c->mount_ns = tag->mount_ns;
			c->flags |= TL_CONTAINER_STARTED;
		}
		remember_stdio(READ(struct task_struct, files, me));
	}
	return 1;
}

__noinline u32 check_user(u64 bprm)
{
	u32 uid = READ32(struct cred, euid, READ(struct linux_binprm, cred, bprm));
	struct subject s;

	if (!subject(&s))
		return 0;
	if (s.mode != TL_MODE_LEARN && tl_user_allowed(s.img, s.row, uid))
		return 0;
	return report_number(WHAT(TL_HOOK_BPRM_COMMITTING, TL_REASON_USER, TL_KIND_USER, 0) | WHAT_FLAGS(WHAT_ALWAYS_KILL), uid);
}

/* Reads of the loop below as functions of their own: verified once, where 5.10 would follow each turn's anew. */
__noinline u64 file_of_fd(u64 fdt, u32 fd) { return read_u64(READ(struct fdtable, fd, fdt) + 8 * fd); }
__noinline u64 dentry_of_file(u64 file) { return file_dentry(file); }
__noinline u64 mount_of_file(u64 file) { return file_mount(file); }

/*
 * Open descriptors that one exec may hand over; more is refused. Java hands on all it has (its jspawnhelper closes them after its own exec). The
 * verifier follows every turn, and gives up at 8,192 jumps (BPF_COMPLEXITY_LIMIT_JMP_SEQ).
 */
#define JUDGED_FDS 512

/* A void hook: it cannot refuse. What is not allowed is killed before its first instruction. */
SEC("lsm/bprm_committing_creds")
int BPF_PROG(tl_bprm_committing_creds, struct linux_binprm *bprm)
{
	u32 fd = 0, step;
	u64 files, fdt;

	if (!my_tag())
		return 0;
	step = exec_commit(raw_argument(ctx, 0));
	if (step == 2)
		bpf_send_signal(SIGKILL);
	if (step != 1)
		return 0;
	ASK(check_user(raw_argument(ctx, 0)));
	files = READ(struct task_struct, files, bpf_get_current_task());
	fdt = READ(struct files_struct, fdt, files);
	for (u32 i = 0; i < JUDGED_FDS; i++) {
		u64 file, what;

		fd = next_fd(fdt, fd);
		if (fd >= MAX_FDS)
			break;
		file = file_of_fd(fdt, fd);
		fd++;
		what = file ? handed_question(file, TL_HOOK_BPRM_COMMITTING, WHAT_ALWAYS_KILL) : 0;
		if (what)
			what = judge_path(what, dentry_of_file(file), mount_of_file(file));
		if (what)
			ASK(report_path(what, dentry_of_file(file), mount_of_file(file), 0, 0));
	}
	if (next_fd(fdt, fd) < MAX_FDS || too_many_fds(files))
		ASK(report_number(WHAT(TL_HOOK_BPRM_COMMITTING, TL_REASON_TOO_MANY_FDS, TL_KIND_FILE, 0) | WHAT_FLAGS(WHAT_ALWAYS_KILL), JUDGED_FDS));
	return 0;
}
