/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of an act that was judged: in learn it is recorded, in monitor and enforce what is not allowed is counted, told and, in
 * enforce, refused.
 *
 *   u64 what = judge_path(WHAT(...), dentry, mount);         // 0: allowed; else what was missing
 *   u32 r = report_path(what, dentry, mount, 0, 0);          // counts, drafts the event
 *   return finish(ctx, r);                                   // sends the draft, signals, returns the error
 *
 * Three calls from the hook's own frame, since the kernel allows eight frames and 512 bytes of stack, and the walk needs six of them.
 * All take addresses: a global function is verified once, and takes only numbers (5.10).
 *
 * A count is exact and lives in a map; which of what is counted is told by an event, tell.h says. Losing an event never changes a verdict.
 */
#ifndef TREELINE_BPF_LSM_REPORT_BPF_H
#define TREELINE_BPF_LSM_REPORT_BPF_H

#include "count.bpf.h"

#define EPERM 1
#define EACCES 13
#define SIGKILL 9

/* The answer of report_*: what finish() does. */
#define REPORT_ERRNO 0xffu
#define REPORT_DRAFT 0x100u
#define REPORT_KILL 0x200u

static __always_inline struct tl_event *my_draft(void)
{
	u64 me = bpf_get_current_task();

	return bpf_map_lookup_elem(&scratch, &me);
}

/* What a violation costs beside the refusal: by what the operator said of the policy, else by the path, else by the reason. */
static __always_inline u32 cost_of_violation(const struct subject *s, u64 slot_flags, u64 what, u32 reason)
{
	/* A descriptor is somebody else's act: whoever may send one would have the receiver killed. It is left out, which is all. */
	if ((slot_flags & TL_SLOT_DENY) || what_hook(what) == TL_HOOK_FILE_RECEIVE)
		return TL_COST_DENY;
	if (slot_flags & TL_SLOT_FREEZE_CONTAINER)
		return TL_COST_FREEZE_CONTAINER;
	if (slot_flags & TL_SLOT_KILL)
		return slot_flags & TL_SLOT_KILL_CONTAINER ? TL_COST_KILL_CONTAINER : TL_COST_KILL;
	if (s->row == TL_ROW_NONE)
		return TL_COST_DENY;
	return what_cost(what) ? what_cost(what) - 1 : tl_cost_of_reason(s->img, s->row, reason);
}

static __always_inline bool cost_kills(u64 slot_flags, u64 what, u32 reason, u32 cost)
{
	return cost == TL_COST_KILL || cost == TL_COST_KILL_CONTAINER || (what_flags(what) & WHAT_ALWAYS_KILL) ||
	       ((reason == TL_REASON_ORPHAN || reason == TL_REASON_OUTSIDE) && (slot_flags & TL_SLOT_ORPHANS_KILL));
}

/* What is user space's to do is asked for at the container; true: that is news. */
static __always_inline bool ask_daemon(u32 container, u32 cost)
{
	struct tl_container *c;
	bool news = false;

	if (cost < TL_COST_FREEZE_CONTAINER || !(c = bpf_map_lookup_elem(&containers, &container)))
		return false;
	if (cost == TL_COST_KILL_CONTAINER && !c->kill_asked)
		news = c->kill_asked = 1;
	if (cost == TL_COST_FREEZE_CONTAINER && !c->freeze_asked)
		news = c->freeze_asked = 1;
	return news;
}

/*
 * Counts the act and, where it is to be told, begins the draft of this task (REPORT_DRAFT; my_draft() finds it). The rest of the answer is
 * the verdict.
 */
__noinline u32 begin(u64 what, u64 object)
{
	struct tl_tag *tag = my_tag();
	u64 me = bpf_get_current_task(), node, counted;
	u32 verdict = TL_VERDICT_ALLOW, reason = what_reason(what), cost = 0, answer = 0;
	struct tl_event *e;
	struct subject subject_now, *s = &subject_now;
	void *zero;

	if (!tag || ((tag->flags & TL_TAG_RUNTIME) && what_hook(what) != TL_HOOK_BPRM_CHECK))
		return 0; /* the runtime at work is free, but for what it may exec inside */
	subject_of(s, tag);
	node = what_flags(what) & WHAT_PENDING ? tag->pending_node : tag->node;
	if (what_flags(what) & WHAT_PROTECTED) {
		verdict = TL_VERDICT_DENY;
		answer = EPERM;
		/* In learn each exec makes a node: as one, so that who executes itself over and over does not fill the table for all. */
		counted = count_denial(tag->slot, s->mode == TL_MODE_LEARN ? 0 : node, what, object, tag->container);
		if (!(counted & COUNT_TELL))
			return answer;
	} else if (s->mode == TL_MODE_LEARN) {
		counted = count_learned(tag->container, node, what, object);
		if (!counted)
			return answer;
	} else {
		if (s->mode == TL_MODE_MONITOR && s->row == TL_ROW_OUTSIDE) {
			/* The exec that led here was told. What follows has no node to be judged by: one count for each hook, no event. */
			count_untold(tag->slot, node, WHAT(what_hook(what), TL_REASON_OUTSIDE, 0, 0) | WHAT_FLAGS(WHAT_MONITOR));
			return answer;
		}
		if (s->mode < TL_MODE_LEARN || s->mode > TL_MODE_ENFORCE || !s->img)
			reason = TL_REASON_NO_POLICY;
		else if (s->row == TL_ROW_NONE)
			reason = TL_REASON_ORPHAN;
		else if (s->row == TL_ROW_OUTSIDE)
			reason = TL_REASON_OUTSIDE;
		else if (what_class(what) == TL_CLASS_UNREADABLE)
			reason = TL_REASON_UNREADABLE;
		else if (what_class(what) == TL_CLASS_DETACHED)
			reason = TL_REASON_FOREIGN;
		if (reason >= TL_REASON_DOUBT)
			doubt(what_hook(what), reason);
		what = (what & ~0xff00ull) | (u64)reason << 8;
		if (s->mode == TL_MODE_MONITOR) {
			verdict = TL_VERDICT_WOULD_DENY;
			what |= (u64)WHAT_MONITOR << 24;
		} else {
			struct tl_slot *slot = bpf_map_lookup_elem(&policies, &tag->slot);
			u64 slot_flags = slot ? slot->flags[s->policy >> 3 & 1] : 0; /* TL_PUBLISHED_WHICH of the word that decided */

			cost = cost_of_violation(s, slot_flags, what, reason);
			if (ask_daemon(tag->container, cost))
				what |= WHAT_URGENT;
			verdict = cost_kills(slot_flags, what, reason, cost) ? TL_VERDICT_KILL : TL_VERDICT_DENY;
			answer = (what_flags(what) & WHAT_EPERM ? EPERM : EACCES) | (verdict == TL_VERDICT_KILL ? REPORT_KILL : 0);
		}
		counted = count_denial(tag->slot, node, what, object, tag->container);
		if (!(counted & COUNT_TELL))
			return answer;
	}
	zero = zero_draft();
	if (!zero || bpf_map_update_elem(&scratch, &me, zero, BPF_ANY) || !(e = bpf_map_lookup_elem(&scratch, &me))) {
		lost(TL_LOSS_SCRATCH);
		if (counted & COUNT_TELL)
			due_again(tag->slot, node, what, object);
		return answer;
	}
	answer |= REPORT_DRAFT;
	e->type = s->mode == TL_MODE_LEARN && !(what_flags(what) & WHAT_PROTECTED) ? TL_EVENT_LEARNED : TL_EVENT_DENIAL;
	e->hook = what_hook(what);
	e->verdict = verdict;
	e->mode = s->mode;
	e->reason = reason;
	e->kind = what_kind(what);
	e->access = what_words(what);
	e->class_id = what_class(what);
	e->flags = (tag->flags & TL_TAG_JOINED ? TL_EVENT_JOINED : 0) | (what_flags(what) & WHAT_EXCL ? TL_EVENT_EXCL : 0) |
		   (cost == TL_COST_KILL_CONTAINER ? TL_EVENT_KILL_CONTAINER : 0) | (cost == TL_COST_FREEZE_CONTAINER ? TL_EVENT_FREEZE_CONTAINER : 0);
	e->time = bpf_ktime_get_boot_ns();
	e->node = node;
	e->object = object;
	e->count = count_of(counted);
	e->slot = tag->slot;
	e->container = tag->container;
	e->generation = s->policy >> 4;
	{
		u64 pid_tgid = bpf_get_current_pid_tgid(), uid_gid = bpf_get_current_uid_gid();

		e->tgid = pid_tgid >> 32;
		e->pid = (u32)pid_tgid;
		e->uid = (u32)uid_gid;
		e->gid = uid_gid >> 32;
		e->ppid = READ32(struct task_struct, tgid, READ(struct task_struct, real_parent, me));
	}
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	return answer;
}

static __always_inline u64 seed(void)
{
	struct tl_control *c = the_control();

	return c ? c->seed : 0;
}

static __always_inline u64 my_namespace(void)
{
	struct tl_tag *tag = my_tag();

	return tag ? tag->mount_ns : 0;
}

/* The hash that names an object in learned and denials. */
static __always_inline u64 object_hash(u64 dentry, u64 vfsmount, u64 ns_and_flags, u32 class_id)
{
	u64 hash;

	if (class_id && class_id < TL_CLASS_FIRST && class_id != TL_CLASS_DETACHED && class_id != TL_CLASS_UNREADABLE)
		return tl_hash_word(seed(), class_id);
	hash = object_state(SINK_HASH, seed(), dentry, vfsmount, ns_and_flags);
	/* Unreadable or foreign: one object per inode, so that a flood of them still folds. */
	return hash < WALK_ERROR ? hash : tl_hash_word(seed() ^ hash, READ(struct dentry, d_inode, dentry));
}

static __always_inline void write_path(struct tl_event *e, u64 ns_and_flags, u64 dentry, u64 vfsmount, bool second)
{
	u64 length = object_state(SINK_TEXT, second ? SINK_TEXT_SECOND : 0, dentry, vfsmount, ns_and_flags);

	if (length == WALK_FOREIGN) /* name it by its own namespace: for the reader, not for a verdict */
		length = object_state(SINK_TEXT, second ? SINK_TEXT_SECOND : 0, dentry, vfsmount, namespace_of(vfsmount) | (ns_and_flags & NS_TMPFILE));
	if (length >= WALK_ERROR) {
		e->flags |= TL_EVENT_TRUNCATED;
		length = 0;
	}
	if (second)
		e->text2_length = (u16)length;
	else
		e->text_length = (u16)length;
}

/* An act on a path; (dentry2, vfsmount2): the second name of a rename or link, or 0. */
__noinline u32 report_path(u64 what, u64 dentry, u64 vfsmount, u64 dentry2, u64 vfsmount2)
{
	u64 ns = my_namespace() | (what_flags(what) & WHAT_TMPFILE ? NS_TMPFILE : 0), object, next = 0;
	struct tl_tag *tag = my_tag();
	u32 class_id = what_class(what), answer;
	struct tl_event *e;

	if (what_kind(what) == TL_KIND_EXEC && tag)
		next = tag->pending_node;
	if (what_kind(what) == TL_KIND_EXEC && what_reason(what) == TL_REASON_NONE) {
		object = next; /* learn: the child's key, which holds the path */
	} else {
		object = object_hash(dentry, vfsmount, ns, class_id);
		if (dentry2)
			object = tl_hash_word(object, object_hash(dentry2, vfsmount2, ns, 0));
	}
	answer = begin(what, object);
	if (!(answer & REPORT_DRAFT) || !(e = my_draft()))
		return answer;
	e->next_node = next;
	if (class_id && class_id < TL_CLASS_FIRST && class_id != TL_CLASS_DETACHED && class_id != TL_CLASS_UNREADABLE) {
		e->object_type = TL_OBJECT_CLASS;
		return answer;
	}
	e->object_type = TL_OBJECT_PATH;
	write_path(e, ns, dentry, vfsmount, false);
	if (dentry2)
		write_path(e, ns, dentry2, vfsmount2, true);
	return answer;
}

/* A capability, an operation, a user, a kind of socket. */
__noinline u32 report_number(u64 what, u64 number)
{
	u32 answer = begin(what, number);
	struct tl_event *e;

	if ((answer & REPORT_DRAFT) && (e = my_draft())) {
		e->object_type = TL_OBJECT_NUMBER;
		e->number = what_kind(what) == TL_KIND_SOCKET ? (u32)(number >> 32) : (u32)number;
		if (what_kind(what) == TL_KIND_SOCKET)
			e->protocol = (u8)number;
	}
	return answer;
}

/* An act on the network: `endpoint` is port | protocol << 16 | direction << 24 | family << 32; the address as two words in network order. */
__noinline u32 report_net(u64 what, u64 endpoint, u64 high, u64 low)
{
	u64 object = tl_hash_word(tl_hash_word(tl_hash_word(seed(), endpoint), high), low);
	u32 answer = begin(what, object);
	struct tl_event *e;

	if ((answer & REPORT_DRAFT) && (e = my_draft())) {
		e->object_type = TL_OBJECT_NET;
		e->port = (u16)endpoint;
		e->protocol = (u8)(endpoint >> 16);
		e->direction = (u8)(endpoint >> 24);
		e->family = (u8)(endpoint >> 32);
		__builtin_memcpy(e->address, &high, 8);
		__builtin_memcpy(e->address + 8, &low, 8);
	}
	return answer;
}

/* May the node do one of these operations (bits)? Told as `operation`, the narrowest of them. 0, or the answer of a report. */
static __noinline u32 check_operation(struct tl_tag *tag, u32 hook, u32 operation, u64 any_of)
{
	struct subject s;

	if (tag->flags & TL_TAG_RUNTIME)
		return 0;
	subject_of(&s, tag);
	if (s.mode != TL_MODE_LEARN && tl_operations_held(s.img, s.row, any_of | 1ull << operation))
		return 0;
	return report_number(WHAT(hook, TL_REASON_OPERATION, TL_KIND_OPERATION, 0), operation);
}

/* What is Treeline's own is out of reach, whatever the policy grants. */
__noinline u32 protect(u32 hook)
{
	return begin(WHAT(hook, TL_REASON_PROTECTED, TL_KIND_OPERATION, 0) | WHAT_FLAGS(WHAT_PROTECTED), 0); /* an event without an object */
}

static __always_inline struct tl_container *container_of_tag(const struct tl_tag *tag)
{
	u32 index = tag->container;

	return bpf_map_lookup_elem(&containers, &index);
}

static __always_inline bool same_file(const struct tl_file_id *id, u64 dev, u64 ino)
{
	return id->ino == ino && id->dev == dev && ino;
}

/*
 * fds 0-2 of an entry are the operator's: granted by identity, on whatever number they are inherited later. Those of a join as well, to what
 * came by that join.
 */
__noinline bool granted_stdio(u64 file)
{
	struct tl_tag *tag = my_tag();
	struct tl_container *c = tag ? container_of_tag(tag) : NULL;
	u64 inode = READ(struct file, f_inode, file), dev, ino;
	struct tl_streams_key key;
	struct tl_streams *own;

	if (!c || !inode)
		return false;
	ino = READ(struct inode, i_ino, inode);
	dev = READ32(struct super_block, s_dev, READ(struct inode, i_sb, inode));
	for (u32 i = 0; i < TL_STDIO; i++)
		if (same_file(&c->stdio[i], dev, ino))
			return true;
	if (!tag->join)
		return false;
	key.bound_at = c->bound_at;
	key.join = tag->join;
	own = bpf_map_lookup_elem(&streams, &key);
	for (u32 i = 0; own && i < TL_STDIO; i++)
		if (same_file(&own->of[i], dev, ino))
			return true;
	return false;
}

/* Is this object what the current task has as one of its fds 0-2 now? The object, not its number: a terminal's is given again. */
__noinline bool is_own_stream(u64 file)
{
	u64 inode = READ(struct file, f_inode, file);
	u64 files = READ(struct task_struct, files, bpf_get_current_task());
	u64 table = READ(struct fdtable, fd, READ(struct files_struct, fdt, files));

	for (u32 i = 0; inode && i < TL_STDIO; i++) {
		u64 stream = read_u64(table + 8 * i);

		if (stream && READ(struct file, f_inode, stream) == inode)
			return true;
	}
	return false;
}

/* Sends the draft of this task, if any, and turns the answer into the hook's return value: 0, -EACCES or -EPERM, nothing else. */
static __always_inline int finish(void *ctx, u32 answer)
{
	u64 me = bpf_get_current_task();

	if (answer & REPORT_DRAFT) {
		struct tl_draft *d = bpf_map_lookup_elem(&scratch, &me);

		if (d) {
			u32 text = d->event.text_length, size;

			if (d->event.text2_length)
				text = SEGMENT_TEXT + d->event.text2_length;
			size = sizeof(struct tl_event) + text;
			if (size > sizeof(*d))
				size = sizeof(*d);
			d->event.size = size;
			settle_mine(me, (k_ringbuf ? bpf_ringbuf_output(&events, d, size, 0) : bpf_perf_event_output(ctx, &events_perf, BPF_F_CURRENT_CPU, d, size)) != 0);
		}
	}
	if (answer & REPORT_KILL)
		bpf_send_signal(SIGKILL);
	switch (answer & REPORT_ERRNO) {
	case 0:
		return 0;
	case EPERM:
		return -EPERM;
	default:
		return -EACCES;
	}
}

/* ------------------------------------------------------------------------------------------------- judging --- */
#define WITH_CLASS(what, class_id) ((what) | WHAT_CLASS((class_id) < TL_CLASS_FIRST ? (class_id) : 0))
#define REFUSED(s, what, class_id) (WITH_CLASS(what, class_id) | WHAT_COST(tl_cost_of_class((s).img, (s).row, class_id)))

/*
 * A name is looked up first and judged then; in between it may go (unlink, a rename over it). That cannot be told from an open by
 * /proc/PID/fd of what lost its name long ago. So such an act may go by {unlinked} or by the last name, which the dentry keeps (d_delete
 * and __d_move leave d_name and d_parent alone): it allows what it allowed while it was there. What was not looked up just now (inherited,
 * received) and what becomes code goes by {unlinked} alone.
 */
static __always_inline bool may_go_by_last_name(u64 what)
{
	return !(what_words(what) & ~(TL_READ | TL_WRITE | TL_APPEND | TL_LIST | TL_SETATTR)) && what_hook(what) != TL_HOOK_BPRM_COMMITTING &&
	       what_hook(what) != TL_HOOK_FILE_RECEIVE;
}

/* d_tmpfile (fs/dcache.c) names a file without a name: "#" and its inode's number. */
static __noinline bool has_name_of_tmpfile(u64 dentry)
{
	u64 name = READ(struct dentry, d_name.name, dentry), number = 0;

	if ((u8)read_u64(name) != '#')
		return false;
	for (u32 i = 1; i <= 20; i++) {
		u32 digit = (u32)(u8)read_u64(name + i) - '0';

		if (digit > 9)
			return digit == (u32)-'0' /* its end */ && number == READ(struct inode, i_ino, READ(struct dentry, d_inode, dentry));
		number = 10 * number + digit;
	}
	return false;
}

/* May the node do this to the object at (dentry, vfsmount)? 0: yes. Else `what`, with the words that are missing (learn: all). */
__noinline u64 judge_path(u64 what, u64 dentry, u64 vfsmount)
{
	bool tmpfile = what_flags(what) & WHAT_TMPFILE, unnamed = false;
	u32 class_id = 0, missing;
	struct subject s;

	if (!subject(&s))
		return 0;
	/* Treeline's pins lie on a bpffs: nobody that is bound changes a name on one, nor who may open it, in any mode. */
	if (((what_flags(what) & WHAT_NAME) || (what_words(what) & TL_SETATTR)) && READ(struct super_block, s_magic, READ(struct dentry, d_sb, dentry)) == BPF_FS_MAGIC)
		return (what & ~0xff00ull) | TL_REASON_PROTECTED << 8 | WHAT_FLAGS(WHAT_PROTECTED);
	if (!(what_flags(what) & WHAT_NAME))
		class_id = reserved_class(dentry, vfsmount, tmpfile ? O_TMPFILE_BIT : 0);
	if (class_id == TL_CLASS_UNLINKED && may_go_by_last_name(what)) {
		if (s.mode != TL_MODE_LEARN && !tl_missing_access(s.img, s.row, class_id, what_words(what)))
			return 0;
		class_id = 0;
		unnamed = true;
	}
	/* Another one each time. What goes by such a name may go by {tmpfile}. */
	if (unnamed && has_name_of_tmpfile(dentry)) {
		what |= WHAT_FLAGS(WHAT_TMPFILE);
		if (s.mode != TL_MODE_LEARN &&
		    !tl_missing_access(s.img, s.row, class_of_state(s.img, object_state(s.img, TL_DFA_START, dentry, vfsmount, s.tag->mount_ns | NS_TMPFILE)), what_words(what)))
			return 0;
	}
	if (s.mode == TL_MODE_LEARN)
		return WITH_CLASS(what, class_id);
	if (!class_id)
		class_id = class_of_state(s.img, object_state(s.img, TL_DFA_START, dentry, vfsmount, s.tag->mount_ns | (tmpfile ? NS_TMPFILE : 0)));
	missing = tl_missing_access(s.img, s.row, class_id, what_words(what));
	return missing ? REFUSED(s, WITH_WORDS(what, missing), class_id) : 0;
}

/* The same for an object of a reserved class that the hook gives no dentry of. */
static __noinline u64 judge_class(struct tl_tag *tag, u64 what, u32 class_id)
{
	struct subject s;
	u32 missing;

	if (tag->flags & TL_TAG_RUNTIME)
		return 0;
	subject_of(&s, tag);
	if (s.mode == TL_MODE_LEARN)
		return WITH_CLASS(what, class_id);
	missing = tl_missing_access(s.img, s.row, class_id, what_words(what));
	return missing ? REFUSED(s, WITH_WORDS(what, missing), class_id) : 0;
}

/* One question of a hook that asks several: told before the next one is asked, and the first refusal ends the hook. */
#define ASK(report) \
	do { \
		int refused = finish(ctx, report); \
		if (refused) \
			return refused; \
	} while (0)
#define ASK_PATH(what, dentry, vfsmount) \
	do { \
		u64 not_held = judge_path(what, dentry, vfsmount); \
		if (not_held) \
			ASK(report_path(not_held, dentry, vfsmount, 0, 0)); \
	} while (0)
#endif
