/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exec, the check: which node would this lead to?
 *
 *   bprm_check_security       once per hop: the node is kept as pending, for this bprm
 *
 * A failed exec has no hook, so a pending node is honoured only by a later hop of the same bprm and by its commit (commit.bpf.c); the first
 * hop of the next exec overwrites it (a first hop is told by bprm->interp == bprm->filename, so a reused address is no way in).
 */
#include "fast.bpf.h"
#include "written.bpf.h"
#include <bpf/bpf_tracing.h>

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
