/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * procfs: whose directory is it? Judged by the relation of two tasks, never by digits: a pid says nothing of who it belongs to, and
 * changes its owner. The first component below a procfs root is fed as //own, //descendant, //workload or //other where it is the
 * directory of a process, and by its name otherwise.
 */
#ifndef TREELINE_BPF_LSM_PROC_BPF_H
#define TREELINE_BPF_LSM_PROC_BPF_H

#define PROC_SUPER_MAGIC 0x9fa0
#define MAX_ANCESTORS 32

enum relation { RELATION_OWN, RELATION_DESCENDANT, RELATION_WORKLOAD, RELATION_OTHER };

/* The task that a struct pid stands for, as an address to compare and to probe. 0: gone. */
static __always_inline u64 task_of_pid(u64 pid)
{
	u64 node = read_u64(pid + FIELD(struct pid, tasks[PIDTYPE_PID]));

	return node ? node - FIELD(struct task_struct, pid_links[PIDTYPE_PID]) : 0;
}

/* Relation of another task to the current one. In doubt: other, the widest circle, so the fewest rights. */
__noinline u32 relation_of(u64 task)
{
	u64 me = bpf_get_current_task(), leader, my_leader, up;
	struct tl_tag *mine, *theirs;

	if (!task)
		return RELATION_OTHER;
	leader = READ(struct task_struct, group_leader, task);
	my_leader = READ(struct task_struct, group_leader, me);
	if (leader == my_leader)
		return RELATION_OWN;
	up = leader;
	for (u32 i = 0; i < MAX_ANCESTORS; i++) {
		up = READ(struct task_struct, real_parent, up);
		up = READ(struct task_struct, group_leader, up);
		if (!up)
			break;
		if (up == my_leader)
			return RELATION_DESCENDANT;
	}
	mine = bpf_map_lookup_elem(&tags_by_task, &me);
	theirs = bpf_map_lookup_elem(&tags_by_task, &task);
	/* Asked for again: an element that was replaced meanwhile may be another task's already. */
	if (mine && theirs && mine->container == theirs->container && mine->slot == theirs->slot && bpf_map_lookup_elem(&tags_by_task, &task) == theirs)
		return RELATION_WORKLOAD;
	return RELATION_OTHER;
}

/* The container runtime on its way in: in the workload by its tag, and free, so that whoever acts on it acts freely. */
__noinline bool is_runtime_at_work(u64 task)
{
	struct tl_tag *theirs = bpf_map_lookup_elem(&tags_by_task, &task);

	return theirs && (theirs->flags & TL_TAG_RUNTIME);
}

/* The directory directly below a procfs root. */
__noinline u64 feed_proc_top(u32 sink, u64 state, u64 dentry)
{
	u64 inode = READ(struct dentry, d_inode, dentry), pid = 0;

	if (inode)
		pid = read_u64(inode - FIELD(struct proc_inode, vfs_inode) + FIELD(struct proc_inode, pid));
	if (!pid)
		return feed_name(sink, state, dentry);
	switch (relation_of(task_of_pid(pid))) {
	case RELATION_OWN:
		return feed(sink, state, 0x6e776f2f2full, 5); /* //own */
	case RELATION_DESCENDANT:
		state = feed(sink, state, 0x6e65637365642f2full, 8); /* //descen */
		return feed(sink, state, 0x746e6164ull, 4); /* dant */
	case RELATION_WORKLOAD:
		state = feed(sink, state, 0x6f6c6b726f772f2full, 8); /* //worklo */
		return feed(sink, state, 0x6461ull, 2); /* ad */
	default:
		return feed(sink, state, 0x726568746f2f2full, 7); /* //other */
	}
}
#endif
