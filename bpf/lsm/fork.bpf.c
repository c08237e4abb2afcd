/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fork and exit: how a tag comes to a task, and goes with it.
 *
 *   task_alloc                fork copies the tag; an untagged parent below a bound cgroup is adopted
 *   task_free                 the tag's entry by address goes with the task
 */
#include "count.bpf.h"
#include <bpf/bpf_tracing.h>

/* A refusal in doubt without an object to tell of: counted as a doubt and, as all are, by policy and node. */
static __always_inline void refuse_in_doubt(const struct tl_tag *tag, u32 hook, u32 reason)
{
	doubt(hook, reason);
	count_untold(tag->slot, tag->node, WHAT(hook, reason, 0, 0));
}

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
			/* The address may have been a tagged task's whose entry could not be deleted (a bucket that is in use here already: -EBUSY). */
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
