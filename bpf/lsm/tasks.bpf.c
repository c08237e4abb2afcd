/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is bound, wherever it has got to: an iterator over tasks (5.8), no hook. A read gives a struct tl_task for each process that bears a
 * tag. `treeline ps` shows them, and a kill or freeze of a container asks for those that have left its cgroup.
 */
#include "subject.bpf.h"

SEC("iter/task")
int tl_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u64 address = (u64)task;
	struct tl_task out = {};
	struct tl_tag *tag;

	if (!task || task->pid != task->tgid) /* a process's threads stand where it stands: exec leaves but one of them */
		return 0;
	/* Its own, as the hooks have it: an entry by address could be left of a task that was there before. */
	tag = k_task_storage ? bpf_task_storage_get(&tags, task, 0, 0) : bpf_map_lookup_elem(&tags_by_task, &address);
	if (!tag || !task->signal->live.counter) /* no thread of it runs any more: it waits to be reaped */
		return 0;
	out.node = tag->node;
	out.slot = tag->slot;
	out.container = tag->container;
	out.flags = tag->flags;
	out.pid = task->tgid;
	out.cgroup = READ(struct kernfs_node, id, READ(struct cgroup, kn, READ(struct css_set, dfl_cgrp, READ(struct task_struct, cgroups, address))));
	bpf_probe_read_kernel(out.comm, sizeof(out.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out)); /* where the buffer is full the kernel asks again (bpf_seq_read) */
	return 0;
}
