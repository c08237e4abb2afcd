/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exec, the commit: the credentials are new, no instruction of the program has run.
 *
 *   bprm_committing_creds     pending becomes the node; its users and the inherited file descriptors are judged
 */
#include "report.bpf.h"
#include <bpf/bpf_tracing.h>

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
	c->joined++;
	tag->join = bpf_get_prandom_u32() | 1; /* not that count: two that join at once must not be one */
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
	u64 me = bpf_get_current_task(), this_exec = READ(struct task_struct, self_exec_id, me);
	struct tl_container *c;
	u32 entry;

	if (!tag)
		return 0;
	if (!(tag->flags & TL_TAG_PENDING_EDGE) || tag->pending_bprm != bprm) {
		if (tag->flags & TL_TAG_RUNTIME)
			return 0;
		/* An upgrade has both builds' programs attached for a moment: the other one has committed and judged this very exec. */
		if (!(tag->flags & TL_TAG_PENDING_EDGE) && tag->pending_bprm == bprm && tag->pending_node == this_exec)
			return 0;
		refuse_in_doubt(tag, TL_HOOK_BPRM_COMMITTING, TL_REASON_NO_PENDING);
		return 2;
	}
	entry = tag->flags & TL_TAG_ENTRY_PENDING;
	tag->node = tag->pending_node;
	tag->cache = 0;
	tag->pending_node = this_exec;
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
