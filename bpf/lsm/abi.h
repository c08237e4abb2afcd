/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract. Everything that the BPF programs and user space both read stands here, once: the policy image that the
 * compiler writes and the hooks read, the maps that the enforcer fills, the events that come back.
 *
 * Included by BPF C (clang -target bpf), by C and by C++; sizes and offsets are asserted at the end, so a change that
 * one side would not notice does not build. All integers are in the byte order of the machine (little endian on every
 * supported one). "Offset" is in bytes from the start of the image unless said otherwise.
 *
 * Frozen across upgrades (maps are pinned and taken over by the next version): struct tl_tag, tl_slot, tl_container, tl_owner,
 * tl_written, tl_streams_key, tl_streams, tl_denial_key, tl_count_key, tl_denial, tl_bucket, and their map names. A change to one of them raises TL_ABI_MAPS.
 * The image has its own number, TL_ABI_IMAGE.
 */
#ifndef TREELINE_BPF_LSM_ABI_H
#define TREELINE_BPF_LSM_ABI_H

#ifdef __bpf__
#include "kernel_types.h"
#else
#include <linux/types.h>
#include <stddef.h>
#endif

#define TL_ABI_MAPS 9
#define TL_ABI_IMAGE 4

#define TL_INLINE static inline __attribute__((always_inline, unused))

/* ------------------------------------------------------------------------------------------------ access words --- */
/* What may be done to an object that has a name. One bit each; the matrix holds 16 bits per (node, class). */
enum tl_access {
	TL_READ = 1u << 0, /* open for reading; list of a directory is TL_LIST */
	TL_WRITE = 1u << 1, /* open for writing without O_APPEND, truncate; what was opened with O_APPEND written elsewhere */
	TL_APPEND = 1u << 2, /* open for writing with O_APPEND; TL_WRITE includes it */
	TL_CREATE = 1u << 3, /* a regular file is made (parent + name), target of rename */
	TL_DELETE = 1u << 4, /* unlink, rmdir, source of rename, what a rename replaces */
	TL_LINK = 1u << 5, /* hard or symbolic link made under this name */
	TL_RENAME_IN = 1u << 6, /* something is renamed to this name */
	TL_SETATTR = 1u << 7, /* chmod, chown, xattr, times */
	TL_LIST = 1u << 8, /* open of a directory */
	TL_MKDIR = 1u << 9,
	TL_MKNOD = 1u << 10, /* device, fifo, socket node */
	TL_EXECUTE = 1u << 11, /* there is an exec edge for this class; see tl_edge */
	TL_MAP = 1u << 12, /* mmap with PROT_EXEC */
	TL_CONNECT = 1u << 13, /* unix socket with this name: connect or send to */
	TL_UNSAFE = 1u << 14, /* no word of its own: a person signed that what lies here is written and executed all the same */
};
#define TL_ACCESS_ALL 0x3fffu /* the words that a rule may say */

/* ------------------------------------------------------------------------------------------------ path classes --- */
/* Objects without a path: each its own right. These numbers are fixed, the automaton's classes start behind them. */
enum tl_class {
	TL_CLASS_NONE = 0, /* no rule meets it: no node has a right */
	TL_CLASS_PIPE = 1,
	TL_CLASS_SOCKET = 2,
	TL_CLASS_MEMFD = 3, /* memfd, unlinked shmem, hugetlb without a name */
	TL_CLASS_UNLINKED = 4, /* had a name, link count is 0 */
	TL_CLASS_NSFS = 5,
	TL_CLASS_DETACHED = 6, /* reached through a mount that is in no namespace, or in another one: never granted */
	TL_CLASS_ANON_OTHER = 7, /* an anonymous inode whose kind is not in this list */
	TL_CLASS_ANON_EVENTFD = 8,
	TL_CLASS_ANON_EVENTPOLL = 9,
	TL_CLASS_ANON_TIMERFD = 10,
	TL_CLASS_ANON_SIGNALFD = 11,
	TL_CLASS_ANON_INOTIFY = 12,
	TL_CLASS_ANON_FANOTIFY = 13,
	TL_CLASS_ANON_PIDFD = 14,
	TL_CLASS_ANON_IO_URING = 15,
	TL_CLASS_ANON_BPF = 16,
	TL_CLASS_ANON_PERF = 17,
	TL_CLASS_ANON_USERFAULTFD = 18,
	TL_CLASS_ANON_SECCOMP = 19,
	TL_CLASS_SYSV_SHM = 20,
	TL_CLASS_UNREADABLE = 21, /* a path that cannot be read (too long, raced, unreachable): never granted */
	TL_CLASS_FIRST = 32, /* first class of the automaton */
};

/*
 * Pseudo components. No kernel name is empty, so "//" cannot occur in a path that was walked; what the walk wants to say
 * beside names starts with it, and `**` never crosses it:
 *   DIR//tmpfile            an unnamed temporary file (O_TMPFILE) in DIR
 *   MOUNT//own/...          procfs: the directory of the caller's own process; likewise //descendant //workload //other.
 *                           "MOUNT" is where that procfs is mounted, so normally /proc//own/environ
 *   //abstract/NAME         an abstract unix socket (NUL bytes in NAME read as '\x01')
 */
#define TL_PSEUDO_TMPFILE "//tmpfile"
#define TL_PSEUDO_OWN "//own"
#define TL_PSEUDO_DESCENDANT "//descendant"
#define TL_PSEUDO_WORKLOAD "//workload"
#define TL_PSEUDO_OTHER "//other"
#define TL_PSEUDO_ABSTRACT "//abstract"

#define TL_PATH_MAX 4096u /* bytes; a longer path is TL_CLASS_UNREADABLE */

/* ---------------------------------------------------------------------------------------------------- the image --- */
/*
 * Placed in the arena at a base that is a multiple of 64. An image of up to one element lies in one element; a larger
 * one starts at an element and spans several, and then no automaton row, tl_row, block or table entry crosses a border
 * (a multiple of TL_ELEMENT from the image's start).
 */
#define TL_ELEMENT_SHIFT 22
#define TL_ELEMENT (1u << TL_ELEMENT_SHIFT) /* 4 MiB: the largest array value 5.10 takes */
#define TL_IMAGE_MAGIC 0x314c5254u /* "TRL1" */
#define TL_IMAGE_ALIGN 64u
#define TL_IMAGE_MAX (1u << 30)

/* The automaton: comb of 8-byte entries, at a fixed offset so that no lookup precedes the walk. */
#define TL_DFA_OFFSET 1024u /* entries start here; slot n is at TL_DFA_OFFSET + 8n */
#define TL_DFA_DEAD 0u /* slots 0..255 are all zero: the dead state stays dead */
#define TL_DFA_START 256u
#define TL_DFA_HEAD 0x80000000u
/*
 * State id = slot of its row. Slot id+0 is {TL_DFA_HEAD | class, default next}; slot id+c (c = 1..255) is {id, next} where
 * the row has its own transition on byte c, and something else (another row's entry, or 0) where it takes the default.
 */
struct tl_dfa_entry {
	__u32 check;
	__u32 next;
};

struct tl_section {
	__u32 offset;
	__u32 count; /* entries of the section's type */
};

struct tl_image_header {
	__u32 magic; /* TL_IMAGE_MAGIC */
	__u32 abi; /* TL_ABI_IMAGE */
	__u32 size; /* bytes of the whole image, a multiple of 64 */
	__u32 flags; /* 0 */
	__u64 policy; /* hash of the policy's name: two images with different names never share a slot */
	struct tl_section dfa; /* struct tl_dfa_entry; offset is TL_DFA_OFFSET */
	struct tl_section keys; /* struct tl_key, power of two, open addressing */
	struct tl_section rows; /* struct tl_row */
	struct tl_section block_index; /* __u32, see tl_row.rights */
	struct tl_section blocks; /* __u16[TL_BLOCK] each */
	struct tl_section edges; /* struct tl_edge, power of two, open addressing */
	struct tl_section moves; /* struct tl_move, power of two, open addressing */
	struct tl_section peers4; /* struct tl_range4, sorted, first starts at 0 */
	struct tl_section peers6; /* struct tl_range6, sorted, first starts at :: */
	struct tl_section ports; /* struct tl_port_range, sorted, first starts at 0 */
	struct tl_section nets; /* __u64 words of the tables that tl_row.net points at */
	struct tl_section users; /* __u32, the lists that tl_row.users points at */
	__u32 classes; /* number of classes, reserved ones included */
	__u32 peer_classes; /* number of peer classes (class 0: no rule names it) */
	__u32 port_classes; /* number of port classes (class 0: no rule names it) */
	__u32 zero; /* 0: where the searches start, as a number that the verifier does not know (it would follow each way otherwise) */
	struct tl_section words; /* struct tl_word, buckets of TL_WORD_WAYS, a power of two of buckets and at least two */
	__u32 word_shift; /* 64 - log2 of the number of buckets */
	__u32 reserved;
	struct tl_section path_costs; /* struct tl_path_cost, power of two, open addressing */
};

/*
 * Shortcuts of the automaton: (state, up to eight bytes) -> the state that they lead to, for what the rules spell out, so that a name costs
 * a look for eight bytes instead of one for each. Nothing but a cache in the image: the automaton gives the same answer to every entry, and
 * answers where there is none. A path is fed component by component, '/' and the name, in words of eight bytes from the slash on; the last
 * word of a component is padded with zeroes (no name holds a NUL). word = 0: empty. Bucket: tl_hash_step().
 */
#define TL_WORD_WAYS 2
struct tl_word {
	__u64 word; /* lowest byte first */
	__u32 state;
	__u32 next;
};

/* Node key -> row. Hash: tl_hash_key. At most TL_PROBES entries are looked at; the compiler grows the table till that holds. */
#define TL_PROBES 8
struct tl_key {
	__u64 key; /* 0 = empty */
	__u32 row;
	__u32 reserved;
};

/* Rows 0..3 are fixed; a policy's nodes follow. */
enum tl_fixed_row {
	TL_ROW_NONE = 0, /* never a node: all zero */
	TL_ROW_ENTRY = 1, /* the runtime: its exec edges are the entry edges */
	TL_ROW_JOIN = 2, /* a process that joins a started container: its exec edges are the join edges */
	TL_ROW_OUTSIDE = 3, /* monitor: where an exec leads that the tree does not hold */
	TL_ROW_FIRST = 4,
};
/* The keys of the fixed rows; no hash of a path gives them (the compiler checks). */
#define TL_KEY_ENTRY 1ull
#define TL_KEY_JOIN 2ull
#define TL_KEY_OUTSIDE 3ull

enum tl_row_flag {
	TL_ROW_ANY_USER = 1u << 0, /* no list of users */
	TL_ROW_WX_MEMORY = 1u << 1, /* may have memory that is or was writable and executable (JIT) */
	TL_ROW_FOREIGN_MOUNTS = 1u << 2, /* some node of the policy may mount or unshare: the root mount shortcut is not used */
	TL_ROW_UNSAFE = 1u << 3, /* holds TL_UNSAFE somewhere */
};

/* What a violation costs beside the refusal, from the mildest; where rules of a node meet on a path, the dearest. An odd cost kills. */
enum tl_cost {
	TL_COST_DENY = 0, /* nothing more */
	TL_COST_KILL = 1, /* the process */
	TL_COST_FREEZE_CONTAINER = 2, /* treelined freezes the container for whoever looks into it */
	TL_COST_KILL_CONTAINER = 3, /* the process, and everything else in the container goes, by treelined */
};

/*
 * Special operations, bits of tl_row.operations. All denied unless granted. What is done to another process has up to three: to descendants,
 * to the same workload, to any; each holds those before it. What a process does to itself is free.
 */
enum tl_operation {
	TL_OP_JIT = 0, /* anonymous memory writable and executable, or made executable after a write */
	TL_OP_PTRACE = 1, /* any process: attach, read and write its memory, take its descriptors; look into one outside the workload */
	TL_OP_MOUNT = 2, /* mount, remount, move, unmount, pivot_root */
	TL_OP_USERNS = 3, /* a user namespace */
	TL_OP_SPAWN_WORKLOADS = 4,
	TL_OP_SETUID = 5, /* exec of a setuid/setgid/file-capability program that gains rights */
	TL_OP_STACK_EXEC = 6, /* executable stack or heap */
	TL_OP_PTRACE_DESCENDANT = 7, /* and to be traced by the parent */
	TL_OP_PTRACE_WORKLOAD = 8,
	TL_OP_SIGNAL_DESCENDANT = 9,
	TL_OP_SIGNAL_WORKLOAD = 10,
	TL_OP_SIGNAL = 11, /* any process; signals by descriptor (F_SETOWN) to another process */
	TL_OP_TUNE_WORKLOAD = 12, /* priority, scheduling, affinity, I/O priority, memory placement of another process of the workload */
	TL_OP_TUNE = 13, /* of any process, and its resource limits */
	TL_OP_BPF = 14, /* bpf() */
	TL_OP_KEYRING = 15, /* add_key, keyctl, request_key */
	TL_OP_LOAD_MODULE = 16, /* kernel modules and other code and data for the kernel */
	TL_OP_AUTOLOAD_MODULE = 17, /* an act for which the kernel would load a module by itself */
	TL_OP_KEXEC = 18,
	TL_OP_PERF = 19, /* perf_event_open */
	TL_OP_IO_URING = 20,
	TL_OP_USERFAULTFD = 21,
	TL_OP_TTY_INJECT = 22, /* input into a terminal: TIOCSTI, TIOCLINUX */
	TL_OP_KERNEL_LOG = 23, /* syslog(2), /dev/kmsg */
	TL_OP_LDT = 24, /* modify_ldt(2); by the seccomp filter alone, for the whole workload: no hook sees it */
	TL_OP_SECCOMP_LISTENER = 25, /* a seccomp filter with a listener; by the seccomp filter alone, as above */
	TL_OP_COUNT = 26,
};

#define TL_BLOCK 64 /* classes per block of the (node, class) matrix */
struct tl_row { /* 128 bytes, aligned to 128 */
	__u64 key;
	__u64 capabilities; /* bit n = CAP n */
	__u64 operations; /* bit n = enum tl_operation n */
	__u64 sockets; /* bit n = enum tl_socket_kind n */
	__u32 flags; /* enum tl_row_flag */
	__u32 rights; /* index into block_index of this row's first entry; entry class/64 holds a block's number */
	__u32 net; /* index into nets of this row's table, see tl_net_bit */
	__u32 users; /* index into users; count first, then that many ids, ascending */
	__u64 parent; /* key of the parent node; 0 for fixed rows */
	__u64 costs; /* by enum tl_reason, two bits (enum tl_cost) each; of TL_REASON_NONE: what every reason from 32 on costs */
	__u64 reserved[7];
	__u64 netlink; /* bit n = AF_NETLINK protocol n */
};

/* (row, class) -> the node an exec leads to. Hash: tl_hash_pair(row, class). row = 0: empty. */
enum tl_edge_flag {
	TL_EDGE_INTERPRETER = 1u << 0, /* not a step in the tree: class may be the interpreter of node `row` (row == next) */
	TL_EDGE_SETUID = 1u << 1, /* reserved for the target's set-id bits having been signed for */
};
struct tl_edge {
	__u32 row;
	__u32 class_id;
	__u32 next; /* row of the child */
	__u32 flags;
};

/*
 * What an act on a class costs (row, class) if it is refused, instead of tl_row.costs. Row TL_ROW_NONE: for every row that has no entry of
 * its own. Hash: tl_hash_pair(row, class). class_id = 0: empty.
 */
struct tl_path_cost {
	__u32 row;
	__u32 class_id;
	__u32 cost; /* enum tl_cost */
	__u32 reserved;
};

/*
 * (old class, new class): a file of the old class may get a name of the new one, since no node has a right on new that it
 * lacks on old. Pairs of equal classes are not listed. Hash: tl_hash_pair. old = 0: empty.
 */
struct tl_move {
	__u32 old_class;
	__u32 new_class;
};

/* Address ranges to peer classes: the range with the largest `first` that is <= address. Binary search. */
struct tl_range4 {
	__u32 first; /* host byte order */
	__u32 peer; /* class */
};
struct tl_range6 {
	__u64 first_hi; /* host byte order: bytes 0..7 of the address */
	__u64 first_lo;
	__u32 peer;
	__u32 reserved[3];
};
struct tl_port_range {
	__u32 first;
	__u32 port; /* class */
};
#define TL_RANGE_STEPS 17 /* at most 2^17 - 1 ranges */

enum tl_direction { TL_NET_OUT = 0, TL_NET_IN = 1, TL_NET_DIRECTIONS = 2 };
/* OUT: connect, send to. IN: bind, listen (peer class of the local side is not asked: any row bit of that port), accept. */
enum tl_protocol {
	TL_PROTO_TCP = 0,
	TL_PROTO_UDP = 1,
	TL_PROTO_SCTP = 2,
	TL_PROTO_ICMP = 3, /* ping sockets; port 0 */
	TL_PROTO_RAW = 4, /* raw sockets; port 0 */
	TL_PROTO_OTHER = 5,
	TL_PROTOCOLS = 6,
};
/*
 * A row's net table is bits: ((direction * TL_PROTOCOLS + protocol) * (peer_classes + 1) + peer) * port_classes + port.
 * The extra peer value `peer_classes` is "some peer": set where any peer has the bit, it answers bind and listen.
 */

/* What socket() may make. MPTCP, SMC and the like are kinds of their own: they carry TCP past rules on TCP. */
enum tl_socket_kind {
	TL_SOCK_INET_STREAM = 0, /* AF_INET/AF_INET6, TCP */
	TL_SOCK_INET_DGRAM = 1, /* UDP */
	TL_SOCK_INET_RAW = 2,
	TL_SOCK_INET_PING = 3,
	TL_SOCK_INET_SCTP = 4,
	TL_SOCK_INET_MPTCP = 5,
	TL_SOCK_INET_OTHER = 6,
	TL_SOCK_UNIX_STREAM = 7,
	TL_SOCK_UNIX_DGRAM = 8,
	TL_SOCK_UNIX_SEQPACKET = 9,
	TL_SOCK_NETLINK = 10, /* and the bit of its protocol in tl_row.netlink */
	TL_SOCK_PACKET = 11,
	TL_SOCK_VSOCK = 12,
	TL_SOCK_ALG = 13,
	TL_SOCK_XDP = 14,
	TL_SOCK_OTHER = 15,
	TL_SOCK_KINDS = 16,
};

/* -------------------------------------------------------------------------------------------------------- maps --- */
enum tl_mode {
	TL_MODE_OFF = 0, /* slot not in use; a task tagged with it is denied (in doubt) */
	TL_MODE_LEARN = 1,
	TL_MODE_MONITOR = 2,
	TL_MODE_ENFORCE = 3,
};

/*
 * policies: ARRAY[TL_SLOTS], mmapable. One 64-bit store publishes: generation << 36 | which << 35 | mode << 32 | arena address of the image.
 * `which` says which of the two flags go with it: the next ones are written beside those in force before the store. Address is in bytes from the arena's start, a multiple of 64; no image is ever placed at 0: 0 means none (learn). Generation counts per slot
 * from 1 and wraps within 28 bits.
 */
#define TL_SLOTS 1024
#define TL_SLOT_CANARY (TL_SLOTS - 1) /* what is refused there is counted in canary_counts, and never told */
struct tl_slot {
	__u64 published;
	__u32 flags[2]; /* enum tl_slot_flag */
};
enum tl_slot_flag {
	TL_SLOT_KILL = 1u << 0, /* a violation kills, whatever the row says */
	TL_SLOT_ORPHANS_KILL = 1u << 1, /* a task on a node that the image does not hold, or outside the tree, is killed, else denied */
	TL_SLOT_KILL_CONTAINER = 1u << 2, /* with TL_SLOT_KILL; as TL_COST_KILL_CONTAINER, whatever the row says */
	TL_SLOT_FREEZE_CONTAINER = 1u << 3,
	TL_SLOT_DENY = 1u << 4, /* a violation is refused and costs no more, whatever the row says */
};
#define TL_PUBLISHED_MODE(p) ((__u32)((p) >> 32) & 0x7)
#define TL_PUBLISHED_WHICH(p) ((__u32)((p) >> 35) & 1)
#define TL_PUBLISHED_BASE(p) ((__u32)(p))
#define TL_PUBLISHED_GENERATION(p) ((__u32)((p) >> 36))
#define TL_PUBLISH(generation, mode, which, base) \
	(((__u64)(generation) << 36) | ((__u64)(which) << 35) | ((__u64)(mode) << 32) | (__u64)(__u32)(base))

/* Where a row's rights lie: offsets into the image and the row's index, see tl_row.rights. */
struct tl_rights_at {
	__u32 block_index;
	__u32 blocks;
	__u32 rights;
};

/* tags: TASK_STORAGE, and tags_by_task: HASH keyed by the task's address. */
enum tl_tag_flag {
	TL_TAG_RUNTIME = 1u << 0, /* the container runtime at work: free until its first exec of a file inside */
	TL_TAG_JOINED = 1u << 1, /* adopted after the container had started */
	TL_TAG_LATE = 1u << 2, /* bound while it was running */
	TL_TAG_PENDING_EDGE = 1u << 3, /* pending_node is set for pending_bprm */
	TL_TAG_ENTRY_PENDING = 1u << 4, /* pending exec is the entry (or join) step: fds 0-2 are granted by identity */
};
struct tl_tag {
	__u64 node; /* key */
	__u64 mount_ns; /* sequence number of the container's mount namespace, never reused; 0 = not known yet */
	__u64 root_mount; /* for `cache`: address of the vfsmount that is the namespace's visible root; 0 = no shortcut */
	__u64 cache; /* published word >> 32, row; what follows from both is kept beside it: */
	__u64 words; /* tl_words() */
	struct tl_rights_at rights;
	__u32 row_flags; /* enum tl_row_flag */
	__u32 slot;
	__u32 container; /* index into containers */
	__u32 flags; /* enum tl_tag_flag */
	__u32 join; /* with TL_TAG_JOINED: which one it came by, see tl_streams */
	__u64 pending_bprm; /* address; compared only. After the commit that of the last exec */
	__u64 pending_node; /* key. After the commit the self_exec_id of that exec */
	__u64 start_time; /* of the task; not compared: task_alloc deletes what a reused address had */
};

/* What tl_tasks (tasks.bpf.c) writes of each process that bears a tag, in the order of pids. Not kept anywhere. */
struct tl_task {
	__u64 node; /* key */
	__u64 cgroup; /* id of the one it is in */
	__u32 slot;
	__u32 container; /* index into containers */
	__u32 flags; /* enum tl_tag_flag */
	__u32 pid; /* of the process, in the pid namespace that the machine started with */
	char comm[16];
};

/* bindings: HASH cgroup id (u64) -> __u32 index into containers. containers: ARRAY[TL_CONTAINERS], mmapable. */
#define TL_CONTAINERS 4096
#define TL_CGROUP_DEPTH 64 /* ancestors looked at in an adoption; a task below more is in doubt */
enum tl_container_flag {
	TL_CONTAINER_BOUND = 1u << 0,
	TL_CONTAINER_PLAIN = 1u << 1, /* no container: a process tree in the host's mount namespace; first exec is the entry */
	TL_CONTAINER_STARTED = 1u << 2, /* set by the kernel when the entry exec commits; later ones join */
};
struct tl_file_id { /* by identity: superblock's device and inode number */
	__u64 dev;
	__u64 ino;
};
#define TL_STDIO 3
struct tl_container {
	__u64 cgroup;
	__u64 mount_ns; /* filled by the kernel at the entry exec */
	__u32 slot;
	__u32 flags;
	struct tl_file_id stdio[TL_STDIO]; /* fds 0-2 of the entry */
	__u64 bound_at; /* ktime_get_boot_ns at binding, written by user space */
	__u32 mount_ns_inum; /* inode number of the container's mount namespace at binding, written by user space; 0 for a plain tree */
	__u32 joined; /* processes that joined; two at once may count as one */
	__u8 kill_asked, freeze_asked; /* 1: a violation asks treelined for it; set by the kernel, cleared by treelined once it is done */
	__u16 reserved0;
	__u32 reserved1;
	__u64 reserved[2];
};

/* streams: LRU_HASH, fds 0-2 of a process that joined, for it and what it starts. Which container: by when it was bound. */
struct tl_streams_key {
	__u64 bound_at;
	__u64 join; /* tl_tag.join */
};
struct tl_streams {
	struct tl_file_id of[TL_STDIO];
};

/* A socket address as the decisions take it: an IPv4-mapped IPv6 address is that IPv4 address. */
struct tl_endpoint {
	__u64 high, low; /* the sixteen bytes of the address in network order; IPv4: high is the address, low 0 */
	__u16 port; /* host order */
	__u8 family; /* AF_INET or AF_INET6; 0: not an internet address, or not readable */
	__u8 reserved[5];
};

/* owners: SK_STORAGE of a listening socket and of a UDP socket: whose it is. */
struct tl_owner {
	__u64 node; /* key */
	__u32 slot;
	__u32 container;
	__u64 cache; /* published word >> 32, row */
	__u64 yes[TL_NET_DIRECTIONS]; /* the last allowed peer, as yes_of() of net.bpf.c has it; 0: none */
	struct tl_endpoint peer; /* whom connect() named, before a load balancer puts another in its place; family 0: nobody */
};

/*
 * written: INODE_STORAGE of a regular file that a bound process opened for writing (no mark where a rule with `unsafe` allowed it). A
 * container is known by when it was bound. Two are told apart; where a third one wrote, or two at once, every container counts as a writer.
 */
struct tl_written {
	__u64 first; /* tl_container.bound_at */
	__u64 others; /* 0: nobody else; the second one, or a sum of those that came (written.bpf.h) */
};

/*
 * asked: LRU_HASH of who sent a datagram that was let in: what may be answered. By address, since some protocols answer to another port
 * than they were asked from (SIP, RFC 3261 18.2.2).
 */
struct tl_asked {
	__u64 high, low; /* as in tl_endpoint */
	__u32 container;
	__u16 local; /* port */
	__u16 reserved;
};

/*
 * Treeline's own files: nobody who is bound changes its store, its tables, its configuration or its programs, whatever a policy grants. By
 * inode, as a container may have them under any name. The generation tells a number apart that was given again, and the same number in another
 * subvolume (FS_IOC_GETVERSION; 0: that file system has none).
 */
enum tl_own_kind {
	TL_OWN_TREE = 1u << 0, /* a directory and all that lies below */
	TL_OWN_FILE = 1u << 1,
	TL_OWN_WAY = 1u << 2, /* a directory on the way to one of those: keeps its name */
};
#define TL_OWN_TREES 4
#define TL_OWN_DEVICES 8
#define TL_OWN_MAX 24
struct tl_own {
	__u64 inode;
	__u32 generation;
	__u32 device; /* s_dev: MKDEV, 12:20 bits */
	__u64 kind; /* enum tl_own_kind */
};

/* control: ARRAY[1], mmapable. */
struct tl_control {
	__u32 bound; /* containers bound now: 0 lets an untagged task leave fork and exec at once */
	__u32 daemon; /* tgid of treelined, 0 = none: exempt from nothing, protected from bound containers */
	__u64 seed; /* of object hashes; random per boot */
	__u32 tracing; /* containers in learn mode: 0 lets the system call recorder leave at once */
	__u32 reserved;
	__u64 told_from; /* ns, CLOCK_BOOTTIME: refusals that were last told before are told again (a start, a load, another mode) */
	__u32 own_devices[TL_OWN_DEVICES]; /* of `own`, each once; 0 ends them */
	struct tl_own own[TL_OWN_MAX]; /* trees, then files, then ways; an inode of 0 ends them */
};

/* Which hook. Order is part of the layout of `doubts` and of events. */
enum tl_hook {
	TL_HOOK_NONE = 0,
	TL_HOOK_TASK_ALLOC,
	TL_HOOK_TASK_FREE,
	TL_HOOK_BPRM_CHECK,
	TL_HOOK_BPRM_COMMITTING,
	TL_HOOK_FILE_OPEN,
	TL_HOOK_MMAP_FILE,
	TL_HOOK_FILE_MPROTECT,
	TL_HOOK_PATH_UNLINK,
	TL_HOOK_PATH_RMDIR,
	TL_HOOK_PATH_MKDIR,
	TL_HOOK_PATH_MKNOD,
	TL_HOOK_PATH_SYMLINK,
	TL_HOOK_PATH_LINK,
	TL_HOOK_PATH_RENAME,
	TL_HOOK_PATH_TRUNCATE,
	TL_HOOK_FILE_TRUNCATE,
	TL_HOOK_PATH_CHMOD,
	TL_HOOK_PATH_CHOWN,
	TL_HOOK_SOCKET_CREATE,
	TL_HOOK_SOCKET_BIND,
	TL_HOOK_SOCKET_LISTEN,
	TL_HOOK_SOCKET_CONNECT,
	TL_HOOK_SOCKET_SENDMSG,
	TL_HOOK_UNIX_STREAM_CONNECT,
	TL_HOOK_UNIX_MAY_SEND,
	TL_HOOK_CAPABLE,
	TL_HOOK_SYS_ENTER, /* the system call recorder; no verdicts */
	TL_HOOK_PTRACE_ACCESS_CHECK,
	TL_HOOK_PTRACE_TRACEME,
	TL_HOOK_TASK_KILL,
	TL_HOOK_TASK_SETNICE,
	TL_HOOK_TASK_SETIOPRIO,
	TL_HOOK_TASK_SETSCHEDULER,
	TL_HOOK_TASK_MOVEMEMORY,
	TL_HOOK_TASK_PRLIMIT,
	TL_HOOK_TASK_FIX_SETUID,
	TL_HOOK_TASK_PRCTL,
	TL_HOOK_BPRM_CREDS_FROM_FILE,
	TL_HOOK_SB_MOUNT,
	TL_HOOK_SB_UMOUNT,
	TL_HOOK_SB_PIVOTROOT,
	TL_HOOK_SB_REMOUNT,
	TL_HOOK_MOVE_MOUNT,
	TL_HOOK_USERNS_CREATE,
	TL_HOOK_BPF,
	TL_HOOK_BPF_MAP,
	TL_HOOK_BPF_PROG,
	TL_HOOK_PERF_EVENT_OPEN,
	TL_HOOK_KEY_ALLOC,
	TL_HOOK_KEY_PERMISSION,
	TL_HOOK_KERNEL_MODULE_REQUEST,
	TL_HOOK_KERNEL_LOAD_DATA,
	TL_HOOK_KERNEL_READ_FILE,
	TL_HOOK_SYSLOG,
	TL_HOOK_INODE_INIT_SECURITY_ANON,
	TL_HOOK_FILE_RECEIVE,
	TL_HOOK_FILE_IOCTL,
	TL_HOOK_FILE_IOCTL_COMPAT,
	TL_HOOK_FILE_FCNTL,
	TL_HOOK_INODE_SETXATTR,
	TL_HOOK_INODE_REMOVEXATTR,
	TL_HOOK_INODE_SET_ACL,
	TL_HOOK_INODE_REMOVE_ACL,
	TL_HOOK_INET_CONN_REQUEST,
	TL_HOOK_SOCKET_SOCK_RCV_SKB,
	TL_HOOK_SOCKET_SETSOCKOPT,
	TL_HOOK_INODE_FOLLOW_LINK,
	TL_HOOK_SHM_SHMAT,
	TL_HOOK_FS_CONTEXT_PARSE_PARAM,
	TL_HOOK_PATH_NOTIFY,
	TL_HOOK_SOCKET_GETSOCKOPT,
	TL_HOOK_INODE_FILE_SETATTR,
	TL_HOOK_FILE_SEND_SIGIOTASK,
	TL_HOOK_FILE_LOCK,
	TL_HOOK_LAST = TL_HOOK_FILE_LOCK,
	TL_HOOKS = 96, /* room: the layout of `doubts` does not move when hooks are added */
};

/* Why. Reasons from TL_REASON_DOUBT on are in-doubt verdicts: the hook could not know, and denied. */
enum tl_reason {
	TL_REASON_NONE = 0,
	TL_REASON_NOT_IN_TREE = 1, /* exec: no edge */
	TL_REASON_ACCESS = 2, /* the node lacks a word on this object's class */
	TL_REASON_CAPABILITY = 3,
	TL_REASON_OPERATION = 4,
	TL_REASON_SOCKET_KIND = 5,
	TL_REASON_NETWORK = 6,
	TL_REASON_USER = 7,
	TL_REASON_INHERITED_FD = 8,
	TL_REASON_MOVE = 9, /* new name would grant more than the old one */
	TL_REASON_INTERPRETER = 10, /* hop two of an exec is not the script's interpreter */
	TL_REASON_FOREIGN = 11, /* object reached through another mount namespace, or detached */
	TL_REASON_OUTSIDE = 12, /* the task is on the OUTSIDE node: in monitor only counted, by hook */
	TL_REASON_WX = 13, /* the file was written by this container since it was bound, or is open for writing, or mapped so */
	TL_REASON_PROTECTED = 14, /* Treeline's own maps, programs, links, process, socket: out of reach in every mode, whatever the policy grants */
	TL_REASON_DOUBT = 32,
	TL_REASON_NO_TAG = 32, /* the tag could not be read or written */
	TL_REASON_NO_POLICY = 33, /* slot off or its image missing */
	TL_REASON_ORPHAN = 34, /* the published image does not hold the task's node */
	TL_REASON_UNREADABLE = 35, /* path too long, unreachable, or moved by renames at each of the walks */
	TL_REASON_NO_PENDING = 37, /* commit without the check that precedes it */
	TL_REASON_TOO_MANY_FDS = 38,
	TL_REASON_BAD_ADDRESS = 39, /* socket address could not be read */
	TL_REASON_NO_MEMORY = 40, /* a map was full */
	TL_REASONS = 64,
};

enum tl_verdict {
	TL_VERDICT_ALLOW = 0,
	TL_VERDICT_WOULD_DENY = 1, /* monitor: happened */
	TL_VERDICT_DENY = 2, /* stopped */
	TL_VERDICT_KILL = 3, /* stopped, SIGKILL sent */
};

/* doubts: PERCPU_ARRAY[TL_HOOKS * TL_REASONS] of u64, index hook * TL_REASONS + reason. Counts every in-doubt verdict. */

/* losses: PERCPU_ARRAY[TL_LOSSES] of u64. */
enum tl_loss {
	TL_LOSS_EVENTS = 0, /* ring or perf buffer full */
	TL_LOSS_SCRATCH = 1, /* no scratch to build an event in */
	TL_LOSS_LEARNED = 2, /* learned map full: an act was not recorded */
	TL_LOSS_COUNTS = 3, /* counts map full: an act was refused but not counted by node, hook and reason */
	TL_LOSS_SYSCALLS = 4,
	TL_LOSSES = 16,
};

/*
 * counts: HASH, every refusal by slot, node, hook and reason: exact, whatever becomes of events and of `denials`. canary_counts: the same, of the
 * canary alone, which has to see each refusal counted whatever the others do.
 */
struct tl_count_key {
	__u64 node;
	__u32 slot;
	__u8 hook;
	__u8 reason;
	__u16 reserved;
};
/*
 * denials: HASH, by object as well: what is a repeat, so that a flood of the same is a few events. Which are told: tell.h. Each slot may have
 * TL_DENIALS_SHARE of its entries (shares: ARRAY[TL_SLOTS] of u64, mmapable, those that it has), so that it takes sixteen workloads to fill it; an object that
 * has none is counted in `counts` alone, and told with all others there.
 */
#define TL_DENIALS 65536u
#define TL_DENIALS_SHARE (TL_DENIALS / 16)
struct tl_denial_key {
	__u64 node;
	__u64 object; /* hash, see tl_event.object */
	__u32 slot;
	__u8 hook;
	__u8 reason;
	__u16 access;
};
/* The value of all three. */
struct tl_denial {
	__u64 count; /* stopped */
	__u64 would; /* monitor: happened */
	__u64 first; /* ns, CLOCK_BOOTTIME (5.10: bpf_ktime_get_boot_ns) */
	__u64 last;
	__u64 told; /* the last event */
	__u32 container; /* whose that was */
	__u32 objects; /* counts: how many entries of `denials` were made of it */
};

/*
 * buckets: ARRAY[TL_CONTAINERS], mmapable: how many events of its refusals a container may still cost. A burst is room for a program that meets a
 * new policy in monitor and shows at its start all that is missing; the rate is more than a person reads, and little enough that a hundred containers
 * flooding at once send 6,400 events a second, some 2 MB, of which the default ring holds two seconds.
 */
#define TL_TELL_BURST 256u
#define TL_TELL_EACH_NS (1000000000ull / 64)
struct tl_bucket {
	__u64 spent_till; /* ns, CLOCK_BOOTTIME: each event moves it on by TL_TELL_EACH_NS, and it is never more than a burst behind */
	__u64 not_shown; /* refusals that were to be told and were not; since the binding */
};

/* learned: HASH, what was seen in learn mode. The first sight sends an event with the text; then only counts. */
enum tl_kind {
	TL_KIND_FILE = 1, /* object = hash of the path, access = words */
	TL_KIND_EXEC = 2, /* object = key of the child node */
	TL_KIND_NET = 3, /* object = hash of (direction, protocol, address, port) */
	TL_KIND_CAPABILITY = 4, /* object = number */
	TL_KIND_OPERATION = 5, /* object = enum tl_operation */
	TL_KIND_SOCKET = 6, /* object = enum tl_socket_kind << 32 | netlink protocol */
	TL_KIND_USER = 7, /* object = uid */
	TL_KIND_FORK = 8,
	TL_KIND_EXIT = 9,
	TL_KIND_INTERPRETER = 10, /* object = hash of the interpreter's path, of a pending script node */
	TL_KIND_LOAD = 11,
};
struct tl_learned_key {
	__u64 node;
	__u64 object;
	__u32 container;
	__u16 access;
	__u8 kind;
	__u8 reserved;
};
struct tl_learned {
	__u64 count;
	__u64 first; /* ns since boot */
	__u64 last;
	__u64 told; /* 0: the event with the text was lost, send it again */
};

/* syscalls: HASH {node, container, arch} -> a byte per number: bytes can be set by many threads at once and none is lost. */
#define TL_SYSCALLS 512
struct tl_syscalls_key {
	__u64 node;
	__u32 container;
	__u32 arch; /* 0 native, 1 compat (ia32), 2 x32 */
};
struct tl_syscalls {
	__u8 seen[TL_SYSCALLS]; /* 1: number n was called */
};

/* ------------------------------------------------------------------------------------------------------ events --- */
enum tl_object_type {
	TL_OBJECT_NONE = 0,
	TL_OBJECT_PATH = 1, /* text: the path; text2: the second path of rename and link */
	TL_OBJECT_CLASS = 2, /* class_id: a reserved class */
	TL_OBJECT_NET = 3,
	TL_OBJECT_NUMBER = 4, /* number: capability, operation, uid, socket kind */
};
#define TL_EVENT_TEXT (2 * (TL_PATH_MAX + 256))
struct tl_event {
	__u32 size; /* bytes of this record, text included */
	__u8 type; /* enum tl_event_type */
	__u8 hook;
	__u8 verdict;
	__u8 mode;
	__u8 reason;
	__u8 kind; /* enum tl_kind */
	__u16 access; /* words: of a denial those that were missing */
	__u32 object_type;
	__u64 time; /* ns since boot */
	__u64 node; /* subject's node key */
	__u64 next_node; /* exec: the child's key */
	__u64 object; /* hash, equal for equal (kind, object) within a boot */
	__u64 count; /* of this behaviour, this one included */
	__u32 slot;
	__u32 generation;
	__u32 container;
	__u32 tgid;
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 class_id;
	__u32 number;
	__u8 family; /* AF_INET, AF_INET6 */
	__u8 protocol; /* enum tl_protocol */
	__u8 direction; /* enum tl_direction */
	__u8 text_kind; /* reserved */
	__u16 port; /* host byte order; OUT: the peer's, IN: the local one */
	__u16 text_length; /* bytes of text, no NUL */
	__u16 text2_length; /* bytes of the second text, at text + TL_EVENT_TEXT / 2 */
	__u16 flags; /* enum tl_event_flag */
	__u8 address[16]; /* network order; IPv4 in the first four */
	char comm[16];
	__u32 reserved[3];
	char text[];
};
enum tl_event_type { TL_EVENT_LEARNED = 1, TL_EVENT_DENIAL = 2, TL_EVENT_LIFE = 3 };
enum tl_event_flag {
	TL_EVENT_JOINED = 1u << 0,
	TL_EVENT_EXCL = 1u << 1, /* file was made with O_EXCL */
	TL_EVENT_SCRIPT = 1u << 2, /* exec: the child is a script; its interpreter follows as TL_KIND_INTERPRETER */
	TL_EVENT_FAILED = 1u << 3,
	TL_EVENT_TRUNCATED = 1u << 4, /* text could not be read whole: not to be learned */
	TL_EVENT_KILL_CONTAINER = 1u << 5, /* what the violation costs beyond the verdict */
	TL_EVENT_FREEZE_CONTAINER = 1u << 6,
};

/* ------------------------------------------------------------------------------------------------------ hashes --- */
static inline __u64 tl_mix(__u64 x) /* the finaliser of splitmix64 (Steele, Lea, Flood 2014): bijective */
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}
static inline __u32 tl_hash_key(__u64 key) { return (__u32)(tl_mix(key) >> 32); }
/* The bucket of a step: the product's top bits, which every bit of both reaches. */
static inline __u32 tl_hash_step(__u32 state, __u64 word, __u32 shift)
{
	return (__u32)(((word ^ (((__u64)state << 32) | state)) * 0x9e3779b97f4a7c15ull) >> (shift & 63));
}
static inline __u32 tl_hash_pair(__u32 a, __u32 b) { return (__u32)(tl_mix(((__u64)a << 32) | b) >> 32); }
/* One step of the object hash: eight bytes of text (zero padded, little endian), or a number. */
static inline __u64 tl_hash_word(__u64 h, __u64 w) { return tl_mix(h ^ w) + 0x9e3779b97f4a7c15ull; }
/* Learning: key of the child reached from `parent` by an executable whose path hashes to `path`. Never one of the fixed keys. */
static inline __u64 tl_child_key(__u64 parent, __u64 path) { return tl_hash_word(tl_hash_word(parent, path), 0x74726565ull) | (1ull << 63); }

#ifdef __cplusplus
#define TL_ASSERT(e) static_assert(e, #e)
#else
#define TL_ASSERT(e) _Static_assert(e, #e)
#endif
TL_ASSERT(sizeof(struct tl_dfa_entry) == 8);
TL_ASSERT(sizeof(struct tl_section) == 8);
TL_ASSERT(sizeof(struct tl_image_header) == 160 && sizeof(struct tl_image_header) <= TL_DFA_OFFSET);
TL_ASSERT(sizeof(struct tl_word) == 16);
TL_ASSERT(sizeof(struct tl_key) == 16);
TL_ASSERT(sizeof(struct tl_row) == 128);
TL_ASSERT(sizeof(struct tl_edge) == 16 && sizeof(struct tl_path_cost) == 16);
TL_ASSERT(sizeof(struct tl_move) == 8);
TL_ASSERT(sizeof(struct tl_range4) == 8 && sizeof(struct tl_range6) == 32 && sizeof(struct tl_port_range) == 8);
TL_ASSERT(sizeof(struct tl_slot) == 16);
TL_ASSERT(sizeof(struct tl_tag) == 96 && sizeof(struct tl_task) == 48);
TL_ASSERT(sizeof(struct tl_container) == 112);
TL_ASSERT(sizeof(struct tl_streams_key) == 16 && sizeof(struct tl_streams) == 48);
TL_ASSERT(sizeof(struct tl_owner) == 64 && sizeof(struct tl_written) == 16 && sizeof(struct tl_asked) == 24);
TL_ASSERT(sizeof(struct tl_own) == 24 && sizeof(struct tl_control) == 64 + TL_OWN_MAX * 24);
TL_ASSERT(sizeof(struct tl_denial_key) == 24 && sizeof(struct tl_count_key) == 16 && sizeof(struct tl_denial) == 48 && sizeof(struct tl_bucket) == 16);
TL_ASSERT(sizeof(struct tl_learned_key) == 24 && sizeof(struct tl_learned) == 32);
TL_ASSERT(sizeof(struct tl_syscalls_key) == 16 && sizeof(struct tl_syscalls) == 512);
TL_ASSERT(sizeof(struct tl_event) == 152);
#endif
