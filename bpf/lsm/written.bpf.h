/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one may write, no one may execute: the file itself, whatever its names say.
 *
 *   mark_written(...)    a bound process has it open for writing
 *   was_written(...)     did this container write it since it was bound, or does anybody have it open for writing, or mapped so, now?
 *
 * The compiler proves of each profile that no path is both written and executed; this is for a file that is reached in two ways: a hard
 * link that was there before, one directory mounted twice. A mark lives as long as the inode is in memory, so at least as long as anybody
 * has the file open or mapped.
 *
 * Overlay: an open of its file opens the layer's as well, and the hook sees both, so both inodes bear the mark.
 */
#ifndef TREELINE_BPF_LSM_WRITTEN_BPF_H
#define TREELINE_BPF_LSM_WRITTEN_BPF_H

#include "report.bpf.h"

#define S_IFREG 0100000

static __always_inline u64 file_dentry(u64 file) { return READ(struct file, f_path.dentry, file); }
static __always_inline u64 file_mount(u64 file) { return READ(struct file, f_path.mnt, file); }

/* The path that the container knows a file by: a mapping of an overlay's file holds, from 6.5 on, the layer's. */
static __always_inline u64 user_path(u64 file)
{
	if (bpf_core_field_exists(struct backing_file, user_path) && stacked_layer(file_mount(file)))
		return file + FIELD(struct backing_file, user_path);
	return file + FIELD(struct file, f_path);
}

/* When the container of this task was bound: what it is known by in a mark. */
static __always_inline u64 my_container(const struct tl_tag *tag)
{
	u32 index = tag->container;
	struct tl_container *c = bpf_map_lookup_elem(&containers, &index);

	return c ? c->bound_at : 0;
}

/* How a second writer is kept: when it was bound, in 65,536 ns, and a count of those that were added below that. */
#define SECOND(bound_at) (((bound_at) & ~0xffffull) | 1)
#define MORE_THAN_TWO(others) ((others) == 1 /* of programs before */ || ((others) & 0xffff) > 1)

/* False: no memory for the mark. Static, since the kernel has to see where `tag` and `inode` come from. */
static __noinline bool mark_written(struct tl_tag *tag, struct inode *inode)
{
	struct tl_written mark = {}, *found;
	u64 me;

	if ((tag->flags & TL_TAG_RUNTIME) || !inode)
		return true;
	me = my_container(tag);
	mark.first = me;
	found = bpf_inode_storage_get(&written, inode, &mark, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!found)
		return false;
	/* Added, not stored: of two at once neither takes the other's mark away. (There is no compare and exchange before 5.12.) */
	if (found->first != me && found->others != SECOND(me) && !MORE_THAN_TWO(found->others))
		__sync_fetch_and_add(&found->others, SECOND(me));
	return true;
}

static __noinline bool was_written(struct tl_tag *tag, struct inode *inode)
{
	struct tl_written *found;

	if (!inode || (inode->i_mode & S_IFMT) != S_IFREG)
		return false;
	if (inode->i_writecount.counter > 0 || (int)READ32(struct address_space, i_mmap_writable.counter, (u64)inode->i_mapping) > 0)
		return true;
	found = bpf_inode_storage_get(&written, inode, 0, 0);
	return found && (found->first == my_container(tag) || found->others == SECOND(my_container(tag)) || MORE_THAN_TWO(found->others));
}

/* Has a person signed for what this node does to written files? */
enum signing { NOT_ASKED /* learning */, NOT_SIGNED, SIGNED_SOMEWHERE /* ask by the path */ };
static __noinline u32 signing(struct tl_tag *tag)
{
	struct subject s;

	subject_of(&s, tag); /* of the runtime too: what joins executes inside */
	if (s.mode == TL_MODE_LEARN)
		return NOT_ASKED;
	return s.row != TL_ROW_NONE && (tag->row_flags & TL_ROW_UNSAFE) ? SIGNED_SOMEWHERE : NOT_SIGNED;
}

/* Nobody signed for this file. In the hook's own frame, as the walk below it takes all the frames that there are. */
static __always_inline bool unsigned_for(struct tl_tag *tag, u64 what, u64 file)
{
	u32 signed_for = signing(tag);
	u64 path;

	if (signed_for != SIGNED_SOMEWHERE)
		return signed_for == NOT_SIGNED;
	path = user_path(file);
	return judge_path(WITH_WORDS(what, TL_UNSAFE), READ(struct path, dentry, path), READ(struct path, mnt, path));
}

static __always_inline u32 report_file(u64 what, u64 file)
{
	u64 path = user_path(file);

	return report_path(what, READ(struct path, dentry, path), READ(struct path, mnt, path), 0, 0);
}
#endif
