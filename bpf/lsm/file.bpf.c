/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files.
 *
 *   file_open                        may the node read, write, append, list this object?
 *   mmap_file, file_mprotect         may the node have this memory executable? Was the file written?
 *   path_unlink, path_rmdir          delete
 *   path_mkdir, path_mknod, path_symlink   create, mkdir, mknod, link under this name
 *   path_link, path_rename           both names; the new one must not grant any node more than the old one did
 *   path_truncate, file_truncate     write
 *   path_chmod, path_chown           setattr; inode_setattr where the kernel cannot attach to path_chown
 */
#include "mounts.bpf.h"
#include "own.bpf.h"
#include "written.bpf.h"
#include <bpf/bpf_tracing.h>

#define PROT_WRITE 2
#define PROT_EXEC 4
#define VM_WRITE 2
#define VM_EXEC 4
#define VM_SHARED 8
#define MAP_SHARED 1

/* Words that an open file needs. */
static __always_inline u32 words_of_open(u32 flags, u32 mode, u16 inode_mode)
{
	u32 words = 0;

	if ((inode_mode & S_IFMT) == S_IFDIR)
		return TL_LIST;
	if (mode & FMODE_READ)
		words |= TL_READ;
	if (mode & FMODE_WRITE)
		words |= flags & O_APPEND ? TL_APPEND : TL_WRITE;
	if (flags & O_TRUNC)
		words |= TL_WRITE;
	/* Access mode 3: the kernel asks for both rights and gives a descriptor for ioctl alone (open(2)). */
	if (!(mode & (FMODE_READ | FMODE_WRITE)))
		words |= TL_READ | TL_WRITE;
	return words;
}

/* The fast answer for an open file. One that was not found by its name has perhaps none. */
static __always_inline enum held file_held(const struct subject *s, struct file *file, u32 words)
{
	struct dentry *dentry = file->f_path.dentry;

	return dentry->d_hash.pprev ? held_fast(s, dentry, file->f_path.mnt, words) : NOT_KNOWN;
}

/* In a frame of its own: with the hook's, what lies below has too little left on 5.10. */
static __noinline enum held map_held(struct tl_tag *tag, struct file *file)
{
	struct subject s;

	if (tag->flags & TL_TAG_RUNTIME)
		return NOT_KNOWN;
	subject_of(&s, tag);
	return file_held(&s, file, TL_MAP);
}

static __always_inline bool is_open_of_layer(struct file *file)
{
	return is_stacked_layer(file->f_path.mnt) || file->f_path.dentry->d_inode != file->f_inode;
}

#define OPENED(words) WHAT(TL_HOOK_FILE_OPEN, TL_REASON_ACCESS, TL_KIND_FILE, words)
#define UNMARKED WHAT(TL_HOOK_FILE_OPEN, TL_REASON_NO_MEMORY, TL_KIND_FILE, TL_WRITE)

SEC("lsm/file_open")
int BPF_PROG(tl_file_open, struct file *file)
{
	struct subject s;
	struct inode *inode;
	u32 words, flags;
	u64 what, file_address;
	enum held answer;

	/*
	 * A stacked file system opens a layer under its mounter's credentials: every second open there, so it is told before anything else, by the
	 * credentials first, which are cheap. (Where they are not, as they take probe reads, the mount comes first.) Under the task's own ones it is
	 * the task's open: fanotify hands out descriptors on a layer (create_fd). Before 6.5 the layer's file bears the overlay's own path, which was asked
	 * about, and another inode than that path's (open_with_fake_path).
	 */
	if (k_task_storage) {
		struct task_struct *me = (void *)bpf_get_current_task_btf();
		bool layer = me->cred != me->real_cred && is_open_of_layer(file);

		if (layer && !(file->f_mode & FMODE_WRITE))
			return 0;
		s.tag = bpf_task_storage_get(&tags, me, 0, 0);
		if (!s.tag || (s.tag->flags & TL_TAG_RUNTIME))
			return 0;
		if (layer)
			goto allowed;
	} else {
		s.tag = my_tag();
		if (!s.tag || (s.tag->flags & TL_TAG_RUNTIME))
			return 0;
		if (is_open_of_layer(file) && has_other_credentials())
			goto allowed;
	}
	subject_of(&s, s.tag);
	flags = file->f_flags;
	inode = file->f_inode;
	/*
	 * An exec's own opens are judged by the exec hooks. The caller's flags reach dentry_open() as they are in mq_open and in TIOCGPTPEER (a
	 * terminal): an exec opens nothing but regular files (may_open).
	 */
	if ((flags & FMODE_EXEC_FLAG) && (inode->i_mode & S_IFMT) == S_IFREG && inode->i_sb->s_magic != MQUEUE_MAGIC)
		return 0;
	if ((file->f_mode & FMODE_WRITE) && inode->i_sb->s_magic == PROC_SUPER_MAGIC && is_switch_of_hooks(file_dentry(raw_argument(ctx, 0))))
		ASK(report_path(PROTECTED(TL_HOOK_FILE_OPEN, TL_WRITE), file_dentry(raw_argument(ctx, 0)), file_mount(raw_argument(ctx, 0)), 0, 0));
	words = words_of_open(flags, file->f_mode, inode->i_mode);
	answer = file_held(&s, file, words);
	if (answer == HELD)
		goto held;
	if (answer == NO_PREFIX)
		remember_prefix(file_mount(raw_argument(ctx, 0)));
	/*
	 * An open with O_CREAT asks to make the file (path_mknod) whenever the kernel does not remember its name, before it looks whether there is one
	 * (fs/namei.c, lookup_open): what learned it while the name was remembered needs the same.
	 */
	if (s.mode == TL_MODE_LEARN && (flags & O_CREAT) && !(file->f_mode & FMODE_CREATED) && (inode->i_mode & S_IFMT) == S_IFREG)
		words |= TL_CREATE;
	what = OPENED(words) |
	       WHAT_FLAGS((flags & O_TMPFILE_BIT) && (words & (TL_WRITE | TL_APPEND)) && !inode->i_nlink ? WHAT_TMPFILE : 0) |
	       WHAT_FLAGS((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) ? WHAT_EXCL : 0); /* learning: its name was born here */
	file_address = raw_argument(ctx, 0);
	/* A terminal that the operator gave as a standard stream is opened by its name, too (/dev/stdout), by who has it as one. */
	if ((inode->i_mode & S_IFMT) != S_IFCHR || !is_own_stream(file_address) || !granted_stdio(file_address))
		ASK_PATH(what, file_dentry(file_address), file_mount(file_address));
held:
	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	KEEP_OWN(file->f_path.dentry, OWN_CONTENT, TL_HOOK_FILE_OPEN, TL_WRITE, file_dentry(raw_argument(ctx, 0)), file_mount(raw_argument(ctx, 0)));
allowed: /* or a stacked file system's own open, after the container's was allowed: what is open for writing bears a mark (written.bpf.h) */
	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	inode = file->f_inode;
	if ((inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	if (unsigned_for(s.tag, OPENED(TL_WRITE), raw_argument(ctx, 0)) && !mark_written(s.tag, inode))
		ASK(report_file(UNMARKED, raw_argument(ctx, 0)));
	return 0;
}

/* ----------------------------------------------------------------------------------------- executable memory --- */
/* Is this file the task's program? Exec judged it. (Its mapping by the kernel comes after the commit, so it belongs to the new node.) */
static __always_inline bool own_program(u64 file)
{
	u64 exe = READ(struct mm_struct, exe_file, READ(struct task_struct, mm, bpf_get_current_task()));

	return file == exe || (READ(struct file, f_inode, file) == READ(struct file, f_inode, exe) &&
			       READ(struct file, f_path.mnt, file) == READ(struct file, f_path.mnt, exe));
}

#define ASK_MAP(hook, file) \
	do { \
		u64 mapped = user_path(file); \
		if (!own_program(file)) \
			ASK_PATH(WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_MAP), READ(struct path, dentry, mapped), READ(struct path, mnt, mapped)); \
	} while (0)

/* Code that the container wrote itself, or somebody may write now. */
#define ASK_WRITTEN(tag, hook, file, file_address) \
	do { \
		if (was_written(tag, (file)->f_inode) && !own_program(file_address)) { \
			u64 question = WHAT(hook, TL_REASON_WX, TL_KIND_FILE, TL_MAP); \
			if (unsigned_for(tag, question, file_address)) \
				ASK(report_file(question, file_address)); \
		} \
	} while (0)

/*
 * `append` is less than `write`: what was opened with O_APPEND is not written elsewhere by a mapping that reaches the file (MADV_REMOVE punches
 * through one that may only read, too), nor by taking the flag away (file_fcntl), nor by an ioctl (file_ioctl).
 */
#define ASK_OVERWRITE(hook, file_address) \
	do { \
		u64 appended = user_path(file_address); \
		ASK_PATH(WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, TL_WRITE), READ(struct path, dentry, appended), READ(struct path, mnt, appended)); \
	} while (0)

/*
 * A file of the kernel's own that is memory: memfd_create, System V shared memory, MAP_SHARED | MAP_ANONYMOUS (shmem_zero_setup), which nothing else
 * can name. No open of it is ever asked for, so no mark tells that it was written: what it holds is code that was made here.
 */
enum memory_file { NO_MEMORY_FILE, NAMED_MEMORY, NAMELESS_MEMORY };
__noinline u32 memory_file(u64 file)
{
	u64 dentry = file_dentry(file), magic;

	if (!(READ32(struct vfsmount, mnt_flags, file_mount(file)) & MNT_INTERNAL))
		return NO_MEMORY_FILE;
	magic = READ(struct super_block, s_magic, READ(struct dentry, d_sb, dentry));
	if (magic != TMPFS_MAGIC && magic != HUGETLBFS_MAGIC)
		return NO_MEMORY_FILE;
	return read_u64(READ(struct dentry, d_name.name, dentry)) == NAME8('d', 'e', 'v', '/', 'z', 'e', 'r', 'o') ? NAMELESS_MEMORY : NAMED_MEMORY;
}

static __always_inline bool appends(struct file *file)
{
	return (file->f_flags & O_APPEND) && (file->f_mode & FMODE_WRITE) && (file->f_inode->i_mode & S_IFMT) == S_IFREG;
}

SEC("lsm/mmap_file")
int BPF_PROG(tl_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
{
	bool shared = flags & MAP_SHARED, made_here;
	struct tl_tag *tag;
	u64 file_address;

	/* prot, not reqprot: READ_IMPLIES_EXEC shows only there. */
	if ((!(prot & PROT_EXEC) && !shared) || !(tag = my_tag()))
		return 0;
	file_address = raw_argument(ctx, 0); /* as a number as well: 6.12 takes `file` to be never NULL, 7.3 wants to see it asked */
	if (shared && file_address && file && appends(file)) /* a reader maps what it opened to read */
		ASK_OVERWRITE(TL_HOOK_MMAP_FILE, file_address);
	if (!(prot & PROT_EXEC))
		return 0;
	made_here = file_address && memory_file(file_address) && !own_program(file_address);
	if (!file_address || (prot & PROT_WRITE) || made_here)
		ASK(check_operation(tag, TL_HOOK_MMAP_FILE, TL_OP_JIT, 0));
	if (!file_address || !file)
		return 0;
	if (!made_here)
		ASK_WRITTEN(tag, TL_HOOK_MMAP_FILE, file, file_address);
	ALLOW_IF(map_held(tag, file), file_mount(file_address));
	ASK_MAP(TL_HOOK_MMAP_FILE, file_address);
	return 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(tl_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	unsigned long had = vma->vm_flags;
	bool shared = (prot & PROT_WRITE) && (had & (VM_SHARED | VM_WRITE)) == VM_SHARED;
	struct tl_tag *tag;
	struct file *file;
	u64 file_address;
	u32 memory;

	if ((!(prot & PROT_EXEC) && !shared) || !(tag = my_tag()))
		return 0;
	if (shared && (file = vma->vm_file) && appends(file))
		ASK_OVERWRITE(TL_HOOK_FILE_MPROTECT, READ(struct vm_area_struct, vm_file, raw_argument(ctx, 0)));
	if (!(prot & PROT_EXEC))
		return 0;
	if ((had & VM_EXEC) && !((prot & PROT_WRITE) && !(had & VM_WRITE)))
		return 0; /* it was executable and does not become writable */
	file = vma->vm_file;
	file_address = READ(struct vm_area_struct, vm_file, raw_argument(ctx, 0));
	memory = file && !own_program(file_address) ? memory_file(file_address) : NO_MEMORY_FILE;
	/* Writable and executable, or executable after it could be written: memory, or private pages of a file. */
	if ((prot & PROT_WRITE) || !file || memory || vma->anon_vma) {
		struct mm_struct *mm = vma->vm_mm;
		u32 operation = TL_OP_JIT;

		if (mm && vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
			operation = TL_OP_STACK_EXEC;
		ASK(check_operation(tag, TL_HOOK_FILE_MPROTECT, operation, 0));
	}
	if (!file || memory == NAMELESS_MEMORY)
		return 0;
	if (!memory)
		ASK_WRITTEN(tag, TL_HOOK_FILE_MPROTECT, file, file_address);
	ASK_MAP(TL_HOOK_FILE_MPROTECT, file_address);
	return 0;
}

/* ------------------------------------------------------------------------------------------------------ names --- */
#define NAME(hook, words) (WHAT(hook, TL_REASON_ACCESS, TL_KIND_FILE, words) | WHAT_FLAGS(WHAT_NAME))

static __always_inline enum held name_held(const struct subject *s, struct dentry *dentry, struct vfsmount *mnt, u32 words)
{
	return mnt->mnt_sb->s_magic == BPF_FS_MAGIC ? NOT_KNOWN : held_fast(s, dentry, mnt, words); /* judge_path has more to say of those */
}

#define NAME_HOOK(hook, HOOK, words) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		struct subject s; \
		u64 dentry, vfsmount; \
\
		if (!subject(&s)) \
			return 0; \
		dentry = raw_argument(ctx, 1); \
		vfsmount = READ(struct path, mnt, raw_argument(ctx, 0)); \
		KEEP_OWN((struct dentry *)ctx[1], OWN_NAME, TL_HOOK_##HOOK, words, dentry, vfsmount); \
		ALLOW_IF(name_held(&s, (struct dentry *)ctx[1], ((struct path *)ctx[0])->mnt, words), vfsmount); \
		ASK_PATH(NAME(TL_HOOK_##HOOK, words), dentry, vfsmount); \
		return 0; \
	}
/* All of them: (const struct path *parent, struct dentry *name, ...) */
NAME_HOOK(path_unlink, PATH_UNLINK, TL_DELETE)
NAME_HOOK(path_rmdir, PATH_RMDIR, TL_DELETE)
NAME_HOOK(path_mkdir, PATH_MKDIR, TL_MKDIR)
NAME_HOOK(path_symlink, PATH_SYMLINK, TL_LINK)

SEC("lsm/path_mknod")
int tl_path_mknod(u64 *ctx)
{
	struct subject s;
	u64 dentry, vfsmount;
	u32 mode, word;

	if (!subject(&s))
		return 0;
	/* Every open(O_CREAT) that makes a file comes through here, with S_IFREG or no type at all. */
	mode = (u32)ctx[2] & S_IFMT;
	word = !mode || mode == S_IFREG ? TL_CREATE : TL_MKNOD;
	dentry = raw_argument(ctx, 1);
	vfsmount = READ(struct path, mnt, raw_argument(ctx, 0));
	KEEP_OWN((struct dentry *)ctx[1], OWN_CONTENT, TL_HOOK_PATH_MKNOD, word, dentry, vfsmount);
	ALLOW_IF(name_held(&s, (struct dentry *)ctx[1], ((struct path *)ctx[0])->mnt, word), vfsmount);
	ASK_PATH(NAME(TL_HOOK_PATH_MKNOD, word), dentry, vfsmount);
	return 0;
}

/*
 * An existing object gets a second or another name. Each name needs its word, and beyond that no node may have a right on the new name
 * that it lacks on the old one. A directory takes its whole subtree along: behind both names and a '/' the automaton must be in the same state.
 */
__noinline bool move_allowed(u64 from, u64 vfsmount_from, u64 to, u64 vfsmount_to)
{
	struct subject s;
	u64 old_state, new_state, inode;

	if (!subject(&s))
		return true;
	if (s.mode == TL_MODE_LEARN)
		return false; /* told: the profile has to allow this pair of names, and no other record says which became which */
	old_state = walk_slow(s.img, TL_DFA_START, from, vfsmount_from, s.tag->mount_ns);
	new_state = walk_slow(s.img, TL_DFA_START, to, vfsmount_to, s.tag->mount_ns);
	if (old_state >= WALK_ERROR || new_state >= WALK_ERROR)
		return false;
	inode = READ(struct dentry, d_inode, from);
	if (inode && (READ32(struct inode, i_mode, inode) & S_IFMT) == S_IFDIR && feed(s.img, old_state, '/', 1) != feed(s.img, new_state, '/', 1))
		return false;
	return tl_move_allowed(s.img, tl_dfa_class(s.img, (u32)old_state), tl_dfa_class(s.img, (u32)new_state));
}
#define ASK_MOVE(hook, words, from, vfsmount_from, to, vfsmount_to) \
	do { \
		if (!move_allowed(from, vfsmount_from, to, vfsmount_to)) \
			ASK(report_path(WHAT(hook, TL_REASON_MOVE, TL_KIND_FILE, words) | WHAT_FLAGS(WHAT_NAME), to, vfsmount_to, from, vfsmount_from)); \
	} while (0)

#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4

#define GONE NAME(TL_HOOK_PATH_RENAME, TL_DELETE)
#define MADE NAME(TL_HOOK_PATH_RENAME, TL_CREATE | TL_RENAME_IN)

SEC("lsm/path_rename")
int tl_path_rename(u64 *ctx)
{
	u64 from, to, old_dentry, new_dentry;
	bool exchange, replaces;

	if (!my_tag())
		return 0;
	from = READ(struct path, mnt, raw_argument(ctx, 0));
	to = READ(struct path, mnt, raw_argument(ctx, 2));
	old_dentry = raw_argument(ctx, 1);
	new_dentry = raw_argument(ctx, 3);
	KEEP_OWN((struct dentry *)ctx[1], OWN_NAME, TL_HOOK_PATH_RENAME, TL_DELETE, old_dentry, from);
	KEEP_OWN((struct dentry *)ctx[3], OWN_NAME, TL_HOOK_PATH_RENAME, TL_CREATE | TL_RENAME_IN, new_dentry, to);
	/* The flags came as a fifth argument in 6.0 (100f59d96405); before, the caller asked once for each direction of an exchange. */
	exchange = k_rename_flags && ((u32)raw_argument(ctx, 4) & RENAME_EXCHANGE);
	replaces = READ(struct dentry, d_inode, new_dentry) != 0;
	ASK_PATH(GONE, old_dentry, from);
	ASK_PATH(MADE, new_dentry, to);
	if (replaces)
		ASK_PATH(GONE, new_dentry, to);
	if (exchange)
		ASK_PATH(MADE, old_dentry, from);
	if (k_rename_flags && ((u32)raw_argument(ctx, 4) & RENAME_WHITEOUT)) /* a device 0:0 takes the old name's place */
		ASK_PATH(NAME(TL_HOOK_PATH_RENAME, TL_MKNOD), old_dentry, from);
	ASK_MOVE(TL_HOOK_PATH_RENAME, TL_RENAME_IN, old_dentry, from, new_dentry, to);
	if (exchange)
		ASK_MOVE(TL_HOOK_PATH_RENAME, TL_RENAME_IN, new_dentry, to, old_dentry, from);
	return 0;
}

/* (struct dentry *old, const struct path *new_dir, struct dentry *new): the old name's mount is not given; it has to be new_dir's (linkat
 * refuses to cross mounts, EXDEV). */
SEC("lsm/path_link")
int tl_path_link(u64 *ctx)
{
	u64 from, to, vfsmount, inode;

	if (!my_tag())
		return 0;
	from = raw_argument(ctx, 0);
	vfsmount = READ(struct path, mnt, raw_argument(ctx, 1));
	to = raw_argument(ctx, 2);
	KEEP_OWN((struct dentry *)ctx[0], OWN_CONTENT, TL_HOOK_PATH_LINK, TL_LINK, from, vfsmount);
	KEEP_OWN((struct dentry *)ctx[2], OWN_CONTENT, TL_HOOK_PATH_LINK, TL_LINK, to, vfsmount);
	ASK_PATH(NAME(TL_HOOK_PATH_LINK, TL_LINK), to, vfsmount);
	inode = READ(struct dentry, d_inode, from);
	/* An O_TMPFILE file gets its first name: that makes a file under it. */
	if (inode && !READ32(struct inode, i_nlink, inode))
		ASK_PATH(NAME(TL_HOOK_PATH_LINK, TL_CREATE), to, vfsmount);
	else
		ASK_MOVE(TL_HOOK_PATH_LINK, TL_LINK, from, vfsmount, to, vfsmount);
	return 0;
}

/* An existing object by its struct path. */
#define PATH_HOOK(hook, HOOK, words) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		u64 path, dentry, vfsmount; \
\
		if (!my_tag()) \
			return 0; \
		path = raw_argument(ctx, 0); \
		dentry = READ(struct path, dentry, path); \
		vfsmount = READ(struct path, mnt, path); \
		KEEP_OWN(((struct path *)ctx[0])->dentry, OWN_CONTENT, TL_HOOK_##HOOK, words, dentry, vfsmount); \
		ASK_PATH(WHAT(TL_HOOK_##HOOK, TL_REASON_ACCESS, TL_KIND_FILE, words), dentry, vfsmount); \
		return 0; \
	}
PATH_HOOK(path_truncate, PATH_TRUNCATE, TL_WRITE)
PATH_HOOK(path_chmod, PATH_CHMOD, TL_SETATTR)
PATH_HOOK(path_chown, PATH_CHOWN, TL_SETATTR)

/* 6.2: ftruncate has a hook of its own (3350607dc563); before, path_truncate served it. */
SEC("lsm/file_truncate")
int tl_file_truncate(u64 *ctx)
{
	u64 file_address;

	if (!my_tag())
		return 0;
	file_address = raw_argument(ctx, 0);
	KEEP_OWN(((struct file *)ctx[0])->f_path.dentry, OWN_CONTENT, TL_HOOK_FILE_TRUNCATE, TL_WRITE, file_dentry(file_address), file_mount(file_address));
	ASK_PATH(WHAT(TL_HOOK_FILE_TRUNCATE, TL_REASON_ACCESS, TL_KIND_FILE, TL_WRITE), file_dentry(file_address), file_mount(file_address));
	return 0;
}

/*
 * Before 6.0 a trampoline takes no structure by value, so path_chown (kuid_t, kgid_t) has no program: inode_setattr answers, which is
 * given no mount. A stacked file system asks again for its layer's inode under its mounter's credentials: not the container's act.
 */
#define ATTR_UID_OR_GID ((1u << 1) | (1u << 2))
SEC("lsm/inode_setattr")
int tl_inode_setattr(u64 *ctx)
{
	u64 dentry, me = bpf_get_current_task();

	if (!my_tag() || !(READ32(struct iattr, ia_valid, raw_argument(ctx, 1)) & ATTR_UID_OR_GID))
		return 0;
	if (READ(struct task_struct, cred, me) != READ(struct task_struct, real_cred, me))
		return 0;
	dentry = raw_argument(ctx, 0);
	KEEP_OWN((struct dentry *)ctx[0], OWN_CONTENT, TL_HOOK_PATH_CHOWN, TL_SETATTR, dentry, 0);
	ASK_NAMES(WHAT(TL_HOOK_PATH_CHOWN, TL_REASON_ACCESS, TL_KIND_FILE, TL_SETATTR), dentry);
	return 0;
}
