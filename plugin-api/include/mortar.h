/*
 * mortar.h: a translator for Mortar in C.
 *
 * Written by plugin-api's tests/header.rs from the Rust types, and compared with them by every test run: do not edit it.
 * `UPDATE=1 cargo test -p plugin-api --test header` writes it anew.
 *
 * A library exports one function,
 *
 *     const struct mortar_plugin *mortar_plugin_v1(const struct mortar_api *api);
 *
 * keeps `api`, and answers a static table. cookbook/c-count is a whole translator.
 *
 * Ownership. What lies in a struct belongs to who has the struct; `=` moves it, so that only one of the two may be dropped.
 * An entry owns its `args`: it winds them on, or gives them up with `args_drop`. It owns nothing of `node`, `frame` and
 * `waker`, which outlive the call and the future it leaves. What it writes to `out` and `later` belongs to the caller.
 * A pointer that a function answers into a struct (`mortar_bytes`, `fd_inode`) is good as long as that struct.
 *
 * Answering. An entry answers MORTAR_READY with the reply written to `out`, MORTAR_FAILED with a `struct mortar_error` written
 * there (`answer_error` does), or MORTAR_PENDING with `later` written: a future whose `poll` answers just so later.
 * A child's answer that is handed on is answered with the code it came with, whatever that is. `poll` gets a waker, which is borrowed; to wake later, clone it
 * (`waker->vtable->clone`) and give the clone up by `wake` or `release`, once. Once it has answered, a future is only dropped,
 * and it is dropped once, done or not. A fop is answered once: a waker that wakes after that does nothing.
 *
 * Winding. `api->wind` starts a fop in a child with the waker of the entry or of the poll it is called from; what it leaves in
 * `later` is polled by that future and dropped with it. A fop that was wound is driven to its end.
 *
 * Threads. Entries, `notify`, `dump` and `reconfigure` may run on any thread, several at once; a future is polled by one
 * thread at a time, not always the same. Nothing of it may block for long: there is `spawn_blocking`.
 *
 * Versions. A plugin built with this header loads in every later 1.y. Structs that grow say so, with their size in them.
 */
#ifndef MORTAR_H
#define MORTAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "mortar.h is for C11"
#endif

/* What an entry and a poll answer: the reply is written; a future is written, or not done yet; an error is written. */
#define MORTAR_READY 0
#define MORTAR_PENDING 1
#define MORTAR_FAILED 3
/* What an entry may answer with nothing touched, so that its arguments are still the caller's: nobody knows this fop. */
#define MORTAR_UNKNOWN 4

/* The version of the ABI, for 'abi' and 'needs'. */
#define MORTAR_ABI {1, 0}

/* Kinds of option. */
enum {
    MORTAR_OPTION_TEXT = 0,
    MORTAR_OPTION_INT = 1,
    MORTAR_OPTION_SIZE = 2,
    MORTAR_OPTION_PERCENT = 3,
    MORTAR_OPTION_PERCENT_OR_SIZE = 4,
    MORTAR_OPTION_BOOL = 5,
    MORTAR_OPTION_TIME = 6,
    MORTAR_OPTION_DOUBLE = 7,
    MORTAR_OPTION_PATH = 8,
    MORTAR_OPTION_CHOICE = 9,
};

/* What happens to unknown fops. */
enum {
    MORTAR_PASS = 0,
    MORTAR_DENY = 1,
    MORTAR_DECOMPOSE = 2,
};

/* Kinds of event, as in GlusterFS 10. */
enum {
    MORTAR_EVENT_PARENT_UP = 1,
    MORTAR_EVENT_POLLIN = 2,
    MORTAR_EVENT_POLLOUT = 3,
    MORTAR_EVENT_POLLERR = 4,
    MORTAR_EVENT_CHILD_UP = 5,
    MORTAR_EVENT_CHILD_DOWN = 6,
    MORTAR_EVENT_CHILD_CONNECTING = 7,
    MORTAR_EVENT_CLEANUP = 9,
    MORTAR_EVENT_TRANSPORT_CONNECTED = 10,
    MORTAR_EVENT_VOLFILE_MODIFIED = 11,
    MORTAR_EVENT_GRAPH_NEW = 12,
    MORTAR_EVENT_TRANSLATOR_INFO = 13,
    MORTAR_EVENT_TRANSLATOR_OP = 14,
    MORTAR_EVENT_AUTH_FAILED = 15,
    MORTAR_EVENT_VOLUME_DEFRAG = 16,
    MORTAR_EVENT_PARENT_DOWN = 17,
    MORTAR_EVENT_VOLUME_BARRIER_OP = 18,
    MORTAR_EVENT_UPCALL = 19,
    MORTAR_EVENT_SCRUB_STATUS = 20,
    MORTAR_EVENT_SOME_DESCENDENT_DOWN = 21,
    MORTAR_EVENT_SCRUB_ONDEMAND = 22,
    MORTAR_EVENT_SOME_DESCENDENT_UP = 23,
    MORTAR_EVENT_CHILD_PING = 24,
};

/* Graphs that a translator may stand in. */
enum { MORTAR_CLIENT = 1, MORTAR_BRICK = 2, MORTAR_MANAGEMENT = 4 };

/* Which way an event goes. */
enum { MORTAR_UP = 0, MORTAR_DOWN = 1 };

/* The fops. */
enum {
    MORTAR_FOP_STAT = 1,
    MORTAR_FOP_READLINK = 2,
    MORTAR_FOP_MKNOD = 3,
    MORTAR_FOP_MKDIR = 4,
    MORTAR_FOP_UNLINK = 5,
    MORTAR_FOP_RMDIR = 6,
    MORTAR_FOP_SYMLINK = 7,
    MORTAR_FOP_RENAME = 8,
    MORTAR_FOP_LINK = 9,
    MORTAR_FOP_TRUNCATE = 10,
    MORTAR_FOP_OPEN = 11,
    MORTAR_FOP_READV = 12,
    MORTAR_FOP_WRITEV = 13,
    MORTAR_FOP_STATFS = 14,
    MORTAR_FOP_FLUSH = 15,
    MORTAR_FOP_FSYNC = 16,
    MORTAR_FOP_SETXATTR = 17,
    MORTAR_FOP_GETXATTR = 18,
    MORTAR_FOP_REMOVEXATTR = 19,
    MORTAR_FOP_OPENDIR = 20,
    MORTAR_FOP_FSYNCDIR = 21,
    MORTAR_FOP_ACCESS = 22,
    MORTAR_FOP_CREATE = 23,
    MORTAR_FOP_FTRUNCATE = 24,
    MORTAR_FOP_FSTAT = 25,
    MORTAR_FOP_LK = 26,
    MORTAR_FOP_LOOKUP = 27,
    MORTAR_FOP_READDIR = 28,
    MORTAR_FOP_INODELK = 29,
    MORTAR_FOP_FINODELK = 30,
    MORTAR_FOP_ENTRYLK = 31,
    MORTAR_FOP_FENTRYLK = 32,
    MORTAR_FOP_XATTROP = 33,
    MORTAR_FOP_FXATTROP = 34,
    MORTAR_FOP_FGETXATTR = 35,
    MORTAR_FOP_FSETXATTR = 36,
    MORTAR_FOP_RCHECKSUM = 37,
    MORTAR_FOP_SETATTR = 38,
    MORTAR_FOP_FSETATTR = 39,
    MORTAR_FOP_READDIRP = 40,
    MORTAR_FOP_FREMOVEXATTR = 45,
    MORTAR_FOP_FALLOCATE = 46,
    MORTAR_FOP_DISCARD = 47,
    MORTAR_FOP_ZEROFILL = 48,
    MORTAR_FOP_IPC = 49,
    MORTAR_FOP_SEEK = 50,
    MORTAR_FOP_LEASE = 51,
    MORTAR_FOP_GETACTIVELK = 53,
    MORTAR_FOP_SETACTIVELK = 54,
    MORTAR_FOP_PUT = 55,
    MORTAR_FOP_ICREATE = 56,
    MORTAR_FOP_NAMELINK = 57,
    MORTAR_FOP_COPY_FILE_RANGE = 58,
    MORTAR_FOPS = 59
};

/* What each fop carries, as a number; the host compares them with its own. */
#define MORTAR_LAYOUTS { \
    UINT64_C(0xf421a053a46c01eb), \
    UINT64_C(0xc0b523185b9f5d2a), \
    UINT64_C(0x8dab361f1fb8449d), \
    UINT64_C(0x4c80a4edea6694b0), \
    UINT64_C(0x30fffe748ca55eeb), \
    UINT64_C(0xf72a9404fc1d25ec), \
    UINT64_C(0x655fdcb835b9bf9e), \
    UINT64_C(0xb10f0a9c2e21aa8f), \
    UINT64_C(0xe4aa1b90aeab24c4), \
    UINT64_C(0x0b9f39d08d1be136), \
    UINT64_C(0x476e1bfce5fe80f0), \
    UINT64_C(0xef13d6130b21b78e), \
    UINT64_C(0xf4b43ff089ca4760), \
    UINT64_C(0x54206ae11a41686e), \
    UINT64_C(0x865ce6c20f486f63), \
    UINT64_C(0xe38610ed13f0007c), \
    UINT64_C(0x79891cc334885b98), \
    UINT64_C(0x35f77dca6c880f12), \
    UINT64_C(0xc7688c6ec35a894d), \
    UINT64_C(0x15b68d3fa998ed8a), \
    UINT64_C(0x64a400231ac7b61f), \
    UINT64_C(0x435e23726597247b), \
    UINT64_C(0xfe84f39e7344de21), \
    UINT64_C(0x39a57a34a32e33d6), \
    UINT64_C(0x7769ef96e77c0987), \
    UINT64_C(0xac3a88e93c1560ca), \
    UINT64_C(0x3f7059ea6e508b86), \
    UINT64_C(0xd755ebb4eba0743e), \
    UINT64_C(0x7ce49f60af26947b), \
    UINT64_C(0xddfb0219a5fdb325), \
    UINT64_C(0x900018ae6df4d293), \
    UINT64_C(0xd6dfd4d018c8d637), \
    UINT64_C(0xd3ba633a188608a4), \
    UINT64_C(0x24c7b17a657b947b), \
    UINT64_C(0x6f94a26baa4053f7), \
    UINT64_C(0x31800bcc269aa01c), \
    UINT64_C(0x23203f1b4b28d170), \
    UINT64_C(0x57db55690cedc44b), \
    UINT64_C(0x843458ad644e525e), \
    UINT64_C(0x1a65f5313cdae672), \
    UINT64_C(0xc3de19531143760b), \
    UINT64_C(0x0000000000000000), \
    UINT64_C(0x0000000000000000), \
    UINT64_C(0x0000000000000000), \
    UINT64_C(0x0000000000000000), \
    UINT64_C(0xcacd16ed710d5b87), \
    UINT64_C(0xbd27edf4d1b12beb), \
    UINT64_C(0xec3bcd2875123724), \
    UINT64_C(0x13b30aba0b979fa0), \
    UINT64_C(0x338d758323543621), \
    UINT64_C(0xb0c2448b67ec2b4a), \
    UINT64_C(0x2173b0e5e29656f6), \
    UINT64_C(0x0000000000000000), \
    UINT64_C(0x5a13090cf92e9256), \
    UINT64_C(0xb3234f77361606d9), \
    UINT64_C(0x96c22fd21ab6eae0), \
    UINT64_C(0x9a5b31e0ed2be72e), \
    UINT64_C(0xfb4df7e4db51685f), \
    UINT64_C(0x7d16529b0da547d2) }

struct mortar_waker;
/* The functions behind a 'WakerHeader'; any thread may call them. */
struct mortar_waker_vtable {
    /* One more handle to the same task; the answer may be another header. */
    const struct mortar_waker *(*clone)(const struct mortar_waker *);
    /* Wakes and gives the handle up. */
    void (*wake)(const struct mortar_waker *);
    /* Wakes and keeps the handle. */
    void (*wake_by_ref)(const struct mortar_waker *);
    /* Gives the handle up. */
    void (*release)(const struct mortar_waker *);
};

/* What a waker points to: the first word of something its maker counts. */
struct mortar_waker {
    /* Static in the maker's library. */
    const struct mortar_waker_vtable *vtable;
};

/* A future that another library may drive: owned by who holds it, freed by 'drop'. */
struct mortar_future {
    /* The state; meaningful to 'poll' and 'drop' alone. */
    void *state;
    /* Drives it one step. */
    uint8_t (*poll)(void *state, const struct mortar_waker *waker, void *out);
    /* Frees the state, done or not. */
    void (*drop)(void *state);
};

/* A bump allocator for the futures of one call. */
struct mortar_arena {
    size_t owner;
    size_t at;
    size_t end;
    size_t start;
};

struct mortar_node;
/* Rust's own; for C to move, not to make. */
struct mortar_rust_vec {
    void *data;
    size_t len;
    size_t capacity;
    const void *vtable;
};

struct mortar_io_buf_vtable;
/* A slice of bytes that is shared and never changes. */
struct mortar_io_buf {
    const uint8_t *ptr;
    size_t len;
    const void *owner;
    const struct mortar_io_buf_vtable *vtable;
};

/* Up to 1024 bytes that a client makes up for each owner of locks; usually 8. */
struct mortar_lk_owner {
    struct mortar_io_buf value;
};

/* Who asks, as the caller's credential says. Frozen: what later versions know besides goes to the end of
 * 'FrameHead'. */
struct mortar_identity {
    /* User. */
    uint32_t uid;
    /* Primary group. */
    uint32_t gid;
    /* Process; negative for GlusterFS's own services (−6 self-heal, −3 rebalance …). */
    int32_t pid;
    /* Further groups. */
    struct mortar_rust_vec groups;
    /* Owner of POSIX and internal locks. */
    struct mortar_lk_owner lk_owner;
    /* The client's clock: seconds since the epoch, 0 where it sent none. Times on disk come from it (ctime feature). */
    int64_t time;
    /* Nanoseconds of 'time'. */
    uint32_t time_nsec;
    /* What 'time' is for, bits of the credential (v3). */
    uint32_t time_flags;
};

/* Somebody who signed in to a brick, counted; one for each SETVOLUME. */
struct mortar_client {
    void *handle;
};

struct mortar_maybe_client {
    /* 0: 'value' is there; 1: it is not. */
    uint8_t none;
    struct mortar_client value;
};


/* The head of a frame. The host allocates it, with the first of the arena behind it; fields are only ever added at
 * its end, so a plugin may read those it knows. */
struct mortar_frame {
    /* Where futures of this call live. */
    struct mortar_arena arena;
    /* The translator whose code runs for this call, or ran last: set when a fop is handed to it or its future is
     * polled, and set back when control comes back to its caller. For watchers: any thread may read and compare it,
     * and must know by other means that the graph lives before it reads the node. */
    struct mortar_node *current;
    /* The translator that the call waits in: after a poll of the root that was pending, the deepest one whose future
     * was (the first of them, where one waits in several children). Null before, and not changed by an answer. */
    struct mortar_node *waiting;
    /* Counts up in a process: for logs. */
    uint64_t unique;
    /* Monotonic nanoseconds after which the call is given up: its root answers 'ETIMEDOUT'. 0 for the host's default,
     * which counts from when the call is first seen waiting; 'u64::MAX' for never. */
    uint64_t deadline;
    /* Who asks. */
    struct mortar_identity identity;
    /* From which client, in a brick. */
    struct mortar_maybe_client client;
    /* Who keeps the memory: the frame's owner, and every call that was given up and still runs. The last one gives the
     * frame back. */
    uint32_t users;
    /* How often it was forked off others. */
    uint32_t depth;
    /* The number of the fop that the root of the call winds, or wound last. */
    uint32_t fop;
};

struct mortar_node_link;
/* Rust's own; for C to move, not to make. */
struct mortar_rust_slice {
    void *data;
    size_t len;
};

/* A translator in a graph. The host allocates it, and fields are only ever added at its end. */
struct mortar_node {
    /* The translator's instance; the plugin's own type. */
    const void *instance;
    /* Never used twice in a process: names the slots of this instance. */
    uint64_t id;
    /* What 'frame.child()' calls, in the volfile's order, and behind them one that refuses every fop. */
    const struct mortar_node_link *links;
    /* How many, without the last. */
    size_t link_count;
    /* 'UP', or why not; read before every fop. */
    uint8_t state;
    /* The name in the volfile. */
    const uint8_t *name;
    /* Bytes of 'name'. */
    size_t name_len;
    /* Tells the host of a fault: a panic that the barrier caught. Any thread. */
    void (*fault)(const struct mortar_node *node, uint32_t fop, const uint8_t *what, size_t what_len);
    /* Counts a user of the node beside the calls in its graph. */
    void (*retain)(const struct mortar_node *node);
    /* Gives such a count up; the last one frees a node that stands in no graph any more. */
    void (*release)(const struct mortar_node *node);
    /* A call is about to begin: the instances of the graph stay until it has ended.
     * The answer is for 'end'. */
    size_t (*begin)(const struct mortar_node *node);
    /* Such a call has ended, of which 'begin' answered 'call'; the caller still counts the node. */
    void (*end)(const struct mortar_node *node, size_t call);
    /* The fops that the translator implements. */
    struct mortar_rust_slice fops;
    /* One more than the highest fop number that it has heard of. */
    uint32_t known_fops;
};

struct mortar_route;
/* From a translator to a child: for every fop, the first translator below that implements it. */
struct mortar_node_link {
    /* The child itself, whoever answers; null where there is none any more, and in the link behind the last. It may be
     * another one at the next look, and whoever looks has begun a call. */
    struct mortar_node *child;
    /* Indexed by fop number; fops that the host does not know have a route that refuses them. As the child, it may change
     * while calls run: loaded once for each fop. */
    struct mortar_route *routes;
    /* How many routes there are: 'ROUTES' or more. */
    size_t route_count;
};

/* Starts a fop in a translator. The answer is 'READY' with the reply written to 'out',
 * 'FAILED' with a 'FopError' written there, 'PENDING' with 'later'
 * written, whose polls answer just so; or 'UNKNOWN' or 'DOWN' with
 * nothing touched. A panic has been turned into 'EIO' before. */
typedef uint8_t (*mortar_fop_entry)(const struct mortar_node *node, const struct mortar_frame *frame, const struct mortar_waker *waker, void *args, void *out, struct mortar_future *later);

/* Where a fop goes. Frozen, since routes lie in a row. */
struct mortar_route {
    /* The entry to call. */
    mortar_fop_entry entry;
    /* The translator it belongs to. */
    const struct mortar_node *node;
};

/* A fop that a translator implements. Frozen: it lies in a row. */
struct mortar_fop_slot {
    /* Its number. */
    uint32_t code;
    /* Where it starts. */
    mortar_fop_entry entry;
};

/* An ordered map of keys to typed values. Empty and absent are the same, and cost nothing. */
struct mortar_dict {
    void *handle;
};

/* An event with what belongs to it. */
struct mortar_event {
    /* What happened. */
    uint32_t kind;
    /* What belongs to it; a translator that answers an event through its data shares it with the sender. */
    struct mortar_dict data;
};

/* Why a fop failed, and what the failing translator adds for those above it. */
struct mortar_error {
    /* The error number that reaches the application. */
    int32_t number;
    /* Extra data for the translators above. */
    struct mortar_dict xdata;
};

/* A file of a graph, counted. 'Deref's to nothing but its id and type; contexts are reached with
 * 'ctx' and its siblings through 'inode.object()'. */
struct mortar_inode {
    void *handle;
};

struct mortar_maybe_inode {
    /* 0: 'value' is there; 1: it is not. */
    uint8_t none;
    struct mortar_inode value;
};


/* A file id: what names an inode on every brick, in the order the bytes travel in. */
struct mortar_gfid {
    uint8_t value[16];
};

/* A place in the tree: an inode, or a name in a parent, or both. */
struct mortar_loc {
    /* The path from the root, where somebody knows it; empty otherwise. For people and for translators that act by
     * path; never opened. */
    struct mortar_io_buf path;
    /* The last component, without a NUL; empty when the place is known by gfid alone. The edge that read it from the
     * wire has refused '/', '.', '..' and NUL. */
    struct mortar_io_buf name;
    /* The file there, when it is known. */
    struct mortar_maybe_inode inode;
    /* The directory that holds 'name'. */
    struct mortar_maybe_inode parent;
    /* The file's id, when it is known. */
    struct mortar_gfid gfid;
    /* The parent's id, when there is one. */
    struct mortar_gfid parent_gfid;
};

/* Arguments of 'stat'. */
struct mortar_stat {
    /* The file. */
    struct mortar_loc loc;
    /* Extras. */
    struct mortar_dict xdata;
};

/* The attributes of an inode; all zero where there are none (an error, a nameless lookup's parent). */
struct mortar_iatt {
    /* The inode's id. */
    struct mortar_gfid gfid;
    /* Which fields hold something, see 'iatt_flags'. */
    uint64_t flags;
    /* The inode number that applications see: 'Gfid::ino'. */
    uint64_t ino;
    /* Device of the brick's file system. */
    uint64_t dev;
    /* For device nodes: major in the high 32 bits, minor in the low. */
    uint64_t rdev;
    /* Bytes. */
    uint64_t size;
    /* Allocated units of 512 bytes. */
    uint64_t blocks;
    /* 'stx_attributes'; 0 in GlusterFS 10. */
    uint64_t attributes;
    /* 'stx_attributes_mask'; 0 in GlusterFS 10. */
    uint64_t attributes_mask;
    /* Last read, seconds since the epoch. */
    int64_t atime;
    /* Last change of content, seconds since the epoch. */
    int64_t mtime;
    /* Last change of attributes, seconds since the epoch. */
    int64_t ctime;
    /* Birth, seconds since the epoch; 0 in GlusterFS 10. */
    int64_t btime;
    /* Nanoseconds of 'atime'. */
    uint32_t atime_nsec;
    /* Nanoseconds of 'mtime'. */
    uint32_t mtime_nsec;
    /* Nanoseconds of 'ctime'. */
    uint32_t ctime_nsec;
    /* Nanoseconds of 'btime'. */
    uint32_t btime_nsec;
    /* Hard links. */
    uint32_t nlink;
    /* Owner. */
    uint32_t uid;
    /* Group. */
    uint32_t gid;
    /* Preferred I/O size, bytes. */
    uint32_t blksize;
    /* 'st_mode': type and permission bits. */
    uint32_t mode;
};

/* What 'stat' and 'fstat' answer. */
struct mortar_attr {
    /* The attributes. */
    struct mortar_iatt iatt;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of stat: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_stat {
    struct mortar_attr reply;
    struct mortar_error error;
};

/* Arguments of 'readlink'. */
struct mortar_readlink {
    /* The symbolic link. */
    struct mortar_loc loc;
    /* At most so many bytes. */
    size_t size;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'readlink' answers. */
struct mortar_target {
    /* Where the link points, byte for byte. */
    struct mortar_io_buf path;
    /* The link's own attributes. */
    struct mortar_iatt iatt;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of readlink: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_readlink {
    struct mortar_target reply;
    struct mortar_error error;
};

/* Arguments of 'mknod'. */
struct mortar_mknod {
    /* Parent and name. */
    struct mortar_loc loc;
    /* Type and permissions, before 'umask'. */
    uint32_t mode;
    /* Device number: major in the high 32 bits, minor in the low. */
    uint64_t rdev;
    /* The caller's umask. */
    uint32_t umask;
    /* Xattrs to set at once; 'gfid-req' carries the id of the new file. */
    struct mortar_dict xdata;
};

/* What the making fops answer. */
struct mortar_made {
    /* The new object. */
    struct mortar_iatt iatt;
    /* The parent before. */
    struct mortar_iatt pre_parent;
    /* The parent afterwards. */
    struct mortar_iatt post_parent;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of mknod: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_mknod {
    struct mortar_made reply;
    struct mortar_error error;
};

/* Arguments of 'mkdir'. */
struct mortar_mkdir {
    /* Parent and name. */
    struct mortar_loc loc;
    /* Permissions, before 'umask'. */
    uint32_t mode;
    /* The caller's umask. */
    uint32_t umask;
    /* As for 'Mknod'. */
    struct mortar_dict xdata;
};

/* Room for an answer of mkdir: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_mkdir {
    struct mortar_made reply;
    struct mortar_error error;
};

/* Arguments of 'unlink'. */
struct mortar_unlink {
    /* Parent and name. */
    struct mortar_loc loc;
    /* GlusterFS's own flags. */
    uint32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'unlink' and 'rmdir' answer. */
struct mortar_removed {
    /* The parent before. */
    struct mortar_iatt pre_parent;
    /* The parent afterwards. */
    struct mortar_iatt post_parent;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of unlink: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_unlink {
    struct mortar_removed reply;
    struct mortar_error error;
};

/* Arguments of 'rmdir'. */
struct mortar_rmdir {
    /* Parent and name. */
    struct mortar_loc loc;
    /* 1: with all that is in it. */
    int32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of rmdir: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_rmdir {
    struct mortar_removed reply;
    struct mortar_error error;
};

/* Arguments of 'symlink'. */
struct mortar_symlink {
    /* Where the link points, byte for byte. */
    struct mortar_io_buf target;
    /* Parent and name of the link. */
    struct mortar_loc loc;
    /* The caller's umask. */
    uint32_t umask;
    /* As for 'Mknod'. */
    struct mortar_dict xdata;
};

/* Room for an answer of symlink: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_symlink {
    struct mortar_made reply;
    struct mortar_error error;
};

/* Arguments of 'rename'. */
struct mortar_rename {
    /* Parent and name as they are. */
    struct mortar_loc old;
    /* Parent and name as they are to be. */
    struct mortar_loc new;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'rename' answers. */
struct mortar_renamed {
    /* The moved object. */
    struct mortar_iatt iatt;
    /* The old parent before. */
    struct mortar_iatt pre_old_parent;
    /* The old parent afterwards. */
    struct mortar_iatt post_old_parent;
    /* The new parent before. */
    struct mortar_iatt pre_new_parent;
    /* The new parent afterwards. */
    struct mortar_iatt post_new_parent;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of rename: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_rename {
    struct mortar_renamed reply;
    struct mortar_error error;
};

/* Arguments of 'link'. */
struct mortar_link {
    /* The file. */
    struct mortar_loc old;
    /* Parent and name of its new name. */
    struct mortar_loc new;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of link: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_link {
    struct mortar_made reply;
    struct mortar_error error;
};

/* Arguments of 'truncate'. */
struct mortar_truncate {
    /* The file. */
    struct mortar_loc loc;
    /* The new size, bytes. */
    uint64_t offset;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What fops answer that change one inode: its attributes before and after. */
struct mortar_pre_post {
    /* Before. */
    struct mortar_iatt pre;
    /* After. */
    struct mortar_iatt post;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of truncate: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_truncate {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* An open file or directory, counted. What a translator opened for it lies in its context and is closed when the last
 * count goes. */
struct mortar_fd {
    void *handle;
};

/* Arguments of 'open'. */
struct mortar_open {
    /* The file. */
    struct mortar_loc loc;
    /* Open flags as on Linux. */
    int32_t flags;
    /* The descriptor that the file will be open as. */
    struct mortar_fd fd;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'open' and 'opendir' answer. */
struct mortar_opened {
    /* The descriptor that was passed in, open now. */
    struct mortar_fd fd;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of open: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_open {
    struct mortar_opened reply;
    struct mortar_error error;
};

/* Arguments of 'readv'. */
struct mortar_readv {
    /* The open file. */
    struct mortar_fd fd;
    /* At most so many bytes. */
    size_t size;
    /* From where, bytes. */
    uint64_t offset;
    /* Open flags for this read alone ('O_DIRECT'). */
    uint32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* The bytes of a read or a write, in order. One buffer, the usual case, costs no allocation. */
struct mortar_payload {
    struct mortar_io_buf first;
    struct mortar_rust_vec rest;
};

/* What 'readv' answers. */
struct mortar_data {
    /* The bytes. */
    struct mortar_payload data;
    /* The file after the read. */
    struct mortar_iatt iatt;
    /* Whether the read reached the end of the file ('ENOENT' beside a success on the wire). */
    bool at_end;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of readv: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_readv {
    struct mortar_data reply;
    struct mortar_error error;
};

/* Arguments of 'writev'. */
struct mortar_writev {
    /* The open file. */
    struct mortar_fd fd;
    /* The bytes. */
    struct mortar_payload data;
    /* To where, bytes. */
    uint64_t offset;
    /* Open flags for this write alone ('O_DIRECT', 'O_SYNC'). */
    uint32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'writev' answers. */
struct mortar_written {
    /* Bytes written. */
    uint64_t count;
    /* The file before. */
    struct mortar_iatt pre;
    /* The file after. */
    struct mortar_iatt post;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of writev: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_writev {
    struct mortar_written reply;
    struct mortar_error error;
};

/* Arguments of 'statfs'. */
struct mortar_statfs {
    /* A file on the file system in question. */
    struct mortar_loc loc;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Space, as 'statvfs(3)' counts it. */
struct mortar_space {
    /* Block size, bytes. */
    uint64_t bsize;
    /* Fragment size, bytes; the unit of the three block counts. */
    uint64_t frsize;
    /* Blocks in all. */
    uint64_t blocks;
    /* Free blocks. */
    uint64_t bfree;
    /* Free blocks for users other than root. */
    uint64_t bavail;
    /* Inodes in all. */
    uint64_t files;
    /* Free inodes. */
    uint64_t ffree;
    /* Free inodes for users other than root. */
    uint64_t favail;
    /* File system id. */
    uint64_t fsid;
    /* Mount flags. */
    uint64_t flag;
    /* Longest name, bytes. */
    uint64_t namemax;
};

/* What 'statfs' answers. */
struct mortar_space_reply {
    /* The space. */
    struct mortar_space space;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of statfs: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_statfs {
    struct mortar_space_reply reply;
    struct mortar_error error;
};

/* Arguments of 'flush'. */
struct mortar_flush {
    /* The open file. */
    struct mortar_fd fd;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What fops answer that only succeed. */
struct mortar_done {
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of flush: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_flush {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'fsync'. */
struct mortar_fsync {
    /* The open file. */
    struct mortar_fd fd;
    /* Content only, as 'fdatasync(2)'. */
    bool data_only;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fsync: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fsync {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'setxattr'. */
struct mortar_setxattr {
    /* The file. */
    struct mortar_loc loc;
    /* Names and values. */
    struct mortar_dict xattrs;
    /* 'XATTR_CREATE', 'XATTR_REPLACE'. */
    int32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of setxattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_setxattr {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'getxattr'. */
struct mortar_getxattr {
    /* The file. */
    struct mortar_loc loc;
    /* Which; empty for all. */
    struct mortar_io_buf name;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What the reading xattr fops answer. */
struct mortar_xattrs {
    /* Names and values. */
    struct mortar_dict xattrs;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of getxattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_getxattr {
    struct mortar_xattrs reply;
    struct mortar_error error;
};

/* Arguments of 'removexattr'. */
struct mortar_removexattr {
    /* The file. */
    struct mortar_loc loc;
    /* Which. */
    struct mortar_io_buf name;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of removexattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_removexattr {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'opendir'. */
struct mortar_opendir {
    /* The directory. */
    struct mortar_loc loc;
    /* The descriptor that the directory will be open as. */
    struct mortar_fd fd;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of opendir: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_opendir {
    struct mortar_opened reply;
    struct mortar_error error;
};

/* Arguments of 'fsyncdir'. */
struct mortar_fsyncdir {
    /* The open directory. */
    struct mortar_fd fd;
    /* Content only, as 'fdatasync(2)'. */
    bool data_only;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fsyncdir: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fsyncdir {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'access'. */
struct mortar_access {
    /* The file. */
    struct mortar_loc loc;
    /* 'R_OK', 'W_OK', 'X_OK' together; 0 asks only whether the file is there. */
    int32_t mask;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of access: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_access {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'create'. */
struct mortar_create {
    /* Parent and name. */
    struct mortar_loc loc;
    /* Open flags as on Linux. */
    int32_t flags;
    /* Permissions, before 'umask'. */
    uint32_t mode;
    /* The caller's umask. */
    uint32_t umask;
    /* The descriptor that the file will be open as. */
    struct mortar_fd fd;
    /* As for 'Mknod'. */
    struct mortar_dict xdata;
};

/* What 'create' answers. */
struct mortar_created {
    /* The descriptor that was passed in, open now. */
    struct mortar_fd fd;
    /* The new file. */
    struct mortar_iatt iatt;
    /* The parent before. */
    struct mortar_iatt pre_parent;
    /* The parent afterwards. */
    struct mortar_iatt post_parent;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of create: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_create {
    struct mortar_created reply;
    struct mortar_error error;
};

/* Arguments of 'ftruncate'. */
struct mortar_ftruncate {
    /* The open file. */
    struct mortar_fd fd;
    /* The new size, bytes. */
    uint64_t offset;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of ftruncate: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_ftruncate {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'fstat'. */
struct mortar_fstat {
    /* The open file. */
    struct mortar_fd fd;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fstat: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fstat {
    struct mortar_attr reply;
    struct mortar_error error;
};

/* A range of a file, locked or to be locked. */
struct mortar_flock {
    /* The kind. */
    uint32_t kind;
    /* 'SEEK_SET' always, once a client has resolved it. */
    int16_t whence;
    /* First byte. */
    uint64_t start;
    /* Bytes; 0 reaches to the end of the file, however long it grows. */
    uint64_t len;
    /* The process, for show. */
    int32_t pid;
    /* Who owns it; empty where the frame's own owner counts. */
    struct mortar_lk_owner owner;
};

/* Arguments of 'lk'. */
struct mortar_lk {
    /* The open file. */
    struct mortar_fd fd;
    /* What to do. */
    uint32_t cmd;
    /* The range. */
    struct mortar_flock flock;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'lk' answers. */
struct mortar_locked {
    /* The lock that was set, or the one that is in the way. */
    struct mortar_flock flock;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of lk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_lk {
    struct mortar_locked reply;
    struct mortar_error error;
};

/* Arguments of 'lookup': by parent and name when 'loc.name' is set, else by 'loc.gfid'. */
struct mortar_lookup {
    /* What to find. */
    struct mortar_loc loc;
    /* Asks for xattrs (keys) and for extras such as 'gfid-req'. */
    struct mortar_dict xdata;
};

/* What 'lookup' found. */
struct mortar_looked {
    /* The object. */
    struct mortar_iatt iatt;
    /* The parent afterwards; zero for a lookup by gfid. */
    struct mortar_iatt post_parent;
    /* The xattrs that were asked for. */
    struct mortar_dict xdata;
};

/* Room for an answer of lookup: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_lookup {
    struct mortar_looked reply;
    struct mortar_error error;
};

/* Arguments of 'readdir'. */
struct mortar_readdir {
    /* The open directory. */
    struct mortar_fd fd;
    /* At most so many bytes of entries, as the wire counts them; at least one entry is answered before the end. */
    size_t size;
    /* 0 at the start, else 'DirEntry::offset' of the last entry seen. */
    uint64_t offset;
    /* Extras. */
    struct mortar_dict xdata;
};

struct mortar_dir_entry;
/* What 'readdir' and 'readdirp' answer. */
struct mortar_entries {
    /* The entries, in the directory's order. */
    struct mortar_rust_vec entries;
    /* Whether these reach the end ('ENOENT' beside a success on the wire). */
    bool at_end;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of readdir: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_readdir {
    struct mortar_entries reply;
    struct mortar_error error;
};

/* Arguments of 'inodelk'. */
struct mortar_inodelk {
    /* The lock domain: locks of different domains never meet. */
    struct mortar_io_buf domain;
    /* The file. */
    struct mortar_loc loc;
    /* What to do. */
    uint32_t cmd;
    /* The range. */
    struct mortar_flock flock;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of inodelk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_inodelk {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'finodelk'. */
struct mortar_finodelk {
    /* The lock domain. */
    struct mortar_io_buf domain;
    /* The open file. */
    struct mortar_fd fd;
    /* What to do. */
    uint32_t cmd;
    /* The range. */
    struct mortar_flock flock;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of finodelk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_finodelk {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'entrylk'. */
struct mortar_entrylk {
    /* The lock domain. */
    struct mortar_io_buf domain;
    /* The directory. */
    struct mortar_loc loc;
    /* The name; empty locks the whole directory. */
    struct mortar_io_buf name;
    /* What to do. */
    uint32_t cmd;
    /* Shared or exclusive. */
    uint32_t kind;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of entrylk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_entrylk {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'fentrylk'. */
struct mortar_fentrylk {
    /* The lock domain. */
    struct mortar_io_buf domain;
    /* The open directory. */
    struct mortar_fd fd;
    /* The name; empty locks the whole directory. */
    struct mortar_io_buf name;
    /* What to do. */
    uint32_t cmd;
    /* Shared or exclusive. */
    uint32_t kind;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fentrylk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fentrylk {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'xattrop'. */
struct mortar_xattrop {
    /* The file. */
    struct mortar_loc loc;
    /* The arithmetic, 'GF_XATTROP_*' of GlusterFS. */
    uint32_t op;
    /* Names and operands. */
    struct mortar_dict xattrs;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of xattrop: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_xattrop {
    struct mortar_xattrs reply;
    struct mortar_error error;
};

/* Arguments of 'fxattrop'. */
struct mortar_fxattrop {
    /* The open file. */
    struct mortar_fd fd;
    /* As for 'Xattrop'. */
    uint32_t op;
    /* Names and operands. */
    struct mortar_dict xattrs;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fxattrop: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fxattrop {
    struct mortar_xattrs reply;
    struct mortar_error error;
};

/* Arguments of 'fgetxattr'. */
struct mortar_fgetxattr {
    /* The open file. */
    struct mortar_fd fd;
    /* Which; empty for all. */
    struct mortar_io_buf name;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fgetxattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fgetxattr {
    struct mortar_xattrs reply;
    struct mortar_error error;
};

/* Arguments of 'fsetxattr'. */
struct mortar_fsetxattr {
    /* The open file. */
    struct mortar_fd fd;
    /* Names and values. */
    struct mortar_dict xattrs;
    /* As for 'Setxattr'. */
    int32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fsetxattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fsetxattr {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'rchecksum'. */
struct mortar_rchecksum {
    /* The open file. */
    struct mortar_fd fd;
    /* From where, bytes. */
    uint64_t offset;
    /* How many bytes. */
    size_t len;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'rchecksum' answers. */
struct mortar_checksum {
    /* rsync's rolling checksum. */
    uint32_t weak;
    /* MD5 or SHA-256 of the block, by the brick's configuration. */
    struct mortar_io_buf strong;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of rchecksum: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_rchecksum {
    struct mortar_checksum reply;
    struct mortar_error error;
};

/* Arguments of 'setattr'. */
struct mortar_setattr {
    /* The file. */
    struct mortar_loc loc;
    /* The new values. */
    struct mortar_iatt iatt;
    /* Which of them count, see 'set_attr'. */
    uint32_t valid;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of setattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_setattr {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'fsetattr'. */
struct mortar_fsetattr {
    /* The open file. */
    struct mortar_fd fd;
    /* The new values. */
    struct mortar_iatt iatt;
    /* Which of them count, see 'set_attr'. */
    uint32_t valid;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fsetattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fsetattr {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'readdirp'. */
struct mortar_readdirp {
    /* The open directory. */
    struct mortar_fd fd;
    /* As for 'Readdir'. */
    size_t size;
    /* As for 'Readdir'. */
    uint64_t offset;
    /* Asks for xattrs (keys) of every entry. */
    struct mortar_dict xdata;
};

/* Room for an answer of readdirp: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_readdirp {
    struct mortar_entries reply;
    struct mortar_error error;
};

/* Arguments of 'fremovexattr'. */
struct mortar_fremovexattr {
    /* The open file. */
    struct mortar_fd fd;
    /* Which. */
    struct mortar_io_buf name;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fremovexattr: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fremovexattr {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'fallocate'. */
struct mortar_fallocate {
    /* The open file. */
    struct mortar_fd fd;
    /* 'FALLOC_FL_*' of Linux. */
    int32_t mode;
    /* From where, bytes. */
    uint64_t offset;
    /* How many bytes. */
    uint64_t len;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of fallocate: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_fallocate {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'discard'. */
struct mortar_discard {
    /* The open file. */
    struct mortar_fd fd;
    /* From where, bytes. */
    uint64_t offset;
    /* How many bytes. */
    uint64_t len;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of discard: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_discard {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'zerofill'. */
struct mortar_zerofill {
    /* The open file. */
    struct mortar_fd fd;
    /* From where, bytes. */
    uint64_t offset;
    /* How many bytes. */
    uint64_t len;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of zerofill: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_zerofill {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'ipc'. */
struct mortar_ipc {
    /* Which message; GlusterFS uses 0 (changelog) and 1 (upcall). */
    int32_t op;
    /* The message. */
    struct mortar_dict xdata;
};

/* Room for an answer of ipc: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_ipc {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'seek'. */
struct mortar_seek {
    /* The open file. */
    struct mortar_fd fd;
    /* From where, bytes. */
    uint64_t offset;
    /* 0 finds data, 1 finds a hole ('GF_SEEK_DATA', 'GF_SEEK_HOLE'). */
    int32_t what;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'seek' answers. */
struct mortar_sought {
    /* Where it is, bytes. */
    uint64_t offset;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of seek: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_seek {
    struct mortar_sought reply;
    struct mortar_error error;
};

/* A lease. */
struct mortar_lease {
    /* 1 asks, 2 takes, 3 gives back. */
    uint32_t cmd;
    /* 0 none, 1 read, 2 read-write. */
    uint32_t kind;
    /* The holder's id. */
    uint8_t id[16];
};

/* Arguments of 'lease'. */
struct mortar_lease_fop {
    /* The file. */
    struct mortar_loc loc;
    /* The lease. */
    struct mortar_lease lease;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'lease' answers. */
struct mortar_leased {
    /* The lease as it is now. */
    struct mortar_lease lease;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of lease: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_lease {
    struct mortar_leased reply;
    struct mortar_error error;
};

/* Arguments of 'getactivelk'. */
struct mortar_getactivelk {
    /* The file. */
    struct mortar_loc loc;
    /* Extras. */
    struct mortar_dict xdata;
};

struct mortar_active_lock;
/* What 'getactivelk' answers. */
struct mortar_active_locks {
    /* The locks. */
    struct mortar_rust_vec locks;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of getactivelk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_getactivelk {
    struct mortar_active_locks reply;
    struct mortar_error error;
};

/* Arguments of 'setactivelk'. */
struct mortar_setactivelk {
    /* The file. */
    struct mortar_loc loc;
    /* The locks. */
    struct mortar_rust_vec locks;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of setactivelk: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_setactivelk {
    struct mortar_done reply;
    struct mortar_error error;
};

/* Arguments of 'put'. */
struct mortar_put {
    /* Parent and name. */
    struct mortar_loc loc;
    /* Permissions, before 'umask'. */
    uint32_t mode;
    /* The caller's umask. */
    uint32_t umask;
    /* Open flags as on Linux. */
    int32_t flags;
    /* The content. */
    struct mortar_payload data;
    /* Where the content goes, bytes. */
    uint64_t offset;
    /* Xattrs of the new file. */
    struct mortar_dict xattrs;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of put: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_put {
    struct mortar_made reply;
    struct mortar_error error;
};

/* Arguments of 'icreate'. */
struct mortar_icreate {
    /* The inode to make. */
    struct mortar_loc loc;
    /* Type and permissions. */
    uint32_t mode;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of icreate: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_icreate {
    struct mortar_attr reply;
    struct mortar_error error;
};

/* Arguments of 'namelink'. */
struct mortar_namelink {
    /* Inode, parent and name. */
    struct mortar_loc loc;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of namelink: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_namelink {
    struct mortar_pre_post reply;
    struct mortar_error error;
};

/* Arguments of 'copy_file_range'. */
struct mortar_copy_file_range {
    /* From this open file. */
    struct mortar_fd fd_in;
    /* From where, bytes. */
    uint64_t offset_in;
    /* To this open file. */
    struct mortar_fd fd_out;
    /* To where, bytes. */
    uint64_t offset_out;
    /* How many bytes. */
    size_t len;
    /* Flags of 'copy_file_range(2)'. */
    uint32_t flags;
    /* Extras. */
    struct mortar_dict xdata;
};

/* What 'copy_file_range' answers. */
struct mortar_copied {
    /* Bytes copied. */
    uint64_t count;
    /* The source. */
    struct mortar_iatt source;
    /* The destination before. */
    struct mortar_iatt pre;
    /* The destination after. */
    struct mortar_iatt post;
    /* Extras. */
    struct mortar_dict xdata;
};

/* Room for an answer of copy_file_range: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */
union mortar_answer_copy_file_range {
    struct mortar_copied reply;
    struct mortar_error error;
};

/* Bytes that belong to somebody else: good as long as what they were asked of. */
struct mortar_bytes {
    /* Where they are. */
    const uint8_t *data;
    /* How many. */
    size_t len;
};

/* An option that a translator takes. Frozen. */
struct mortar_option {
    /* Its name in a volfile. */
    const char *key;
    /* One line for people. */
    const char *help;
    /* The value when there is none, or null. */
    const char *default_value;
    /* For MORTAR_OPTION_CHOICE: the words, with spaces between them. */
    const char *choices;
    /* The smallest number allowed, where 'max' is larger than 'min'. */
    double min;
    /* The largest number allowed, where it is larger than 'min'. */
    double max;
    /* One of MORTAR_OPTION_*. */
    uint8_t kind;
    /* Whether a running translator takes a new value. */
    bool reconfigurable;
    /* Whether the translator cannot start without it. */
    bool required;
};

struct mortar_init;
/* Frees memory that was lent out, once nobody uses it any more; any thread may call it. */
typedef void (*mortar_free)(void *owner);

/* Counts a context once more or once less; any thread may call it. */
typedef void (*mortar_count)(const void *value);

/* The functions that C is handed. Any thread may call them but where it says otherwise, and none blocks. */
struct mortar_api {
    /* Bytes of this table. */
    size_t size;
    /* Writes a log record: level 1 error … 5 trace; 'xlator' may be null. */
    void (*log)(uint8_t level, const char *xlator, const char *message);
    /* The text of an option or its default, not ended by a NUL; false where there is neither. */
    bool (*option_text)(const struct mortar_init *init, const char *key, struct mortar_bytes *text);
    /* A whole number, a size in bytes, a duration in seconds, a switch as 0 or 1: as the option was declared. */
    bool (*option_number)(const struct mortar_init *init, const char *key, int64_t *number);
    /* Says why 'init' or 'reconfigure' is about to answer false. */
    void (*refuse)(const struct mortar_init *init, const char *why);
    /* The node that is being started: good until 'destroy'. */
    const struct mortar_node *(*init_node)(const struct mortar_init *init);
    /* The number of a key, read leniently from texts too; false where there is none. */
    bool (*dict_number)(const struct mortar_dict *dict, const char *key, int64_t *number);
    /* The bytes of a key (a text without its NUL), good until the dict changes; false where there are none. */
    bool (*dict_bytes)(const struct mortar_dict *dict, const char *key, struct mortar_bytes *bytes);
    /* The key and the bytes of the pair at a place, the oldest first; false past the last. Numbers have no bytes. */
    bool (*dict_pair)(const struct mortar_dict *dict, size_t at, struct mortar_bytes *key, struct mortar_bytes *bytes);
    /* Sets a key to a number. */
    void (*dict_set_number)(struct mortar_dict *dict, const char *key, int64_t number);
    /* Sets a key to a text. */
    void (*dict_set_text)(struct mortar_dict *dict, const char *key, const char *text);
    /* Sets a key to bytes, which are copied: the value of an xattr. */
    void (*dict_set_bytes)(struct mortar_dict *dict, const char *key, const uint8_t *data, size_t len);
    /* Takes a key out; whether it was there. */
    bool (*dict_remove)(struct mortar_dict *dict, const char *key);
    /* One more handle to a dict; a later change of one does not show in the other. */
    void (*dict_copy)(const struct mortar_dict *from, struct mortar_dict *to);
    /* Gives a dict up, and leaves it empty. An empty dict is all zero. */
    void (*dict_drop)(struct mortar_dict *dict);
    /* A buffer with a copy of bytes. */
    void (*buf_copy)(const uint8_t *data, size_t len, struct mortar_io_buf *to);
    /* A buffer over memory of the caller's, which stays as it is until 'free' is called with 'owner'. */
    void (*buf_lend)(const uint8_t *data, size_t len, void *owner, mortar_free free, struct mortar_io_buf *to);
    /* A buffer over a part of another, shared; false when it lies outside. */
    bool (*buf_part)(const struct mortar_io_buf *from, size_t offset, size_t len, struct mortar_io_buf *to);
    /* Gives a buffer up, and leaves it empty. */
    void (*buf_drop)(struct mortar_io_buf *buf);
    /* Bytes of a payload. */
    size_t (*payload_len)(const struct mortar_payload *payload);
    /* The bytes of the buffer at a place of a payload; false past the last. */
    bool (*payload_part)(const struct mortar_payload *payload, size_t at, struct mortar_bytes *bytes);
    /* All bytes of a payload in one buffer, shared where they are in one already. */
    void (*payload_flat)(const struct mortar_payload *payload, struct mortar_io_buf *to);
    /* Replaces what a payload carries by a buffer, which is moved. */
    void (*payload_set)(struct mortar_payload *payload, struct mortar_io_buf *buf);
    /* The id of a file; sixteen zero bytes while it is not known. */
    void (*inode_gfid)(const struct mortar_inode *inode, struct mortar_gfid *gfid);
    /* The type of a file: 0 not known, 1 regular, 2 directory, 3 link, 4 block, 5 char, 6 pipe, 7 socket. */
    uint8_t (*inode_type)(const struct mortar_inode *inode);
    /* The file of a descriptor; good as long as the descriptor. */
    const struct mortar_inode *(*fd_inode)(const struct mortar_fd *fd);
    /* Open flags as on Linux. */
    int32_t (*fd_flags)(const struct mortar_fd *fd);
    /* What a client calls itself. */
    void (*client_uid)(const struct mortar_client *client, struct mortar_bytes *uid);
    /* The translator's context on an inode, descriptor or client (a pointer to the handle), counted by 'retain' before it is
     * answered; null where there is none. */
    const void *(*ctx_get)(const void *holder, const struct mortar_node *node, mortar_count retain);
    /* Puts a context, whose one count the object gives up with 'release' in the end; null takes it out. Answers the one
     * that was there, which is the caller's to release; with 'only_if_empty', one that is there stays and 'value' is answered. */
    const void *(*ctx_put)(const void *holder, const struct mortar_node *node, const void *value, mortar_count release, bool only_if_empty);
    /* One more handle to all that a fop's arguments hold, into memory of the caller's; false for a fop that the host does
     * not know. */
    bool (*args_copy)(uint32_t fop, const void *from, void *to);
    /* Gives up what a fop's arguments hold. An entry owns its arguments: it winds them on or drops them. */
    void (*args_drop)(uint32_t fop, void *args);
    /* Gives up what an answer holds: the code says whether it is a reply or an error. */
    void (*answer_drop)(uint32_t fop, uint8_t code, void *answer);
    /* Writes an error into 'out' of an entry or a poll, and answers MORTAR_FAILED, which is the code to answer with. */
    uint8_t (*answer_error)(void *out, int32_t number);
    /* Writes a reply without anything in it, to be filled; false for fops whose reply has to hold something ('open'). */
    bool (*answer_empty)(uint32_t fop, void *out);
    /* Winds a fop to a child: moves 'args', and answers MORTAR_READY or MORTAR_FAILED with 'out' written or MORTAR_PENDING
     * with 'later' written. Within an entry or within the polling of its future only, with their waker. */
    uint8_t (*wind)(const struct mortar_node *node, size_t child, const struct mortar_frame *frame, const struct mortar_waker *waker, uint32_t fop, void *args, void *out, struct mortar_future *later);
    /* Sends an event from a node to its parents or to its children. */
    void (*notify)(const struct mortar_node *node, uint8_t direction, const struct mortar_event *event);
    /* Drives a future without output to its end on the event pool; it is moved. */
    void (*spawn)(struct mortar_future *task);
    /* As 'spawn', on a thread that may block. */
    void (*spawn_blocking)(struct mortar_future *task);
    /* A future without output that is done after so many nanoseconds. */
    void (*sleep)(uint64_t nanos, struct mortar_future *to);
};

/* The version of this ABI. A plugin loads when the major numbers are equal, the host is no older than what the plugin
 * needs, and the types that both sides know are the same. */
struct mortar_abi_version {
    /* Raised when old plugins have to be rebuilt. */
    uint32_t major;
    /* Raised when something is added at the end of a table. */
    uint32_t minor;
};

/* Takes one line of a statedump. */
typedef void (*mortar_put)(void *to, const char *line);

/* A translator in C: static in its library. What is null is done as if nobody had written it. */
struct mortar_plugin {
    /* 'sizeof(struct mortar_plugin)'. */
    size_t size;
    /* What it was built for: MORTAR_ABI. */
    struct mortar_abi_version abi;
    /* The oldest host that is enough for it: MORTAR_ABI, or older where it uses nothing newer. */
    struct mortar_abi_version needs;
    /* MORTAR_LAYOUTS: a number for what each fop carries, compared with the host's. */
    const uint64_t *layouts;
    /* MORTAR_FOPS: how many numbers there are; fops from here on are unknown to the translator. */
    uint32_t known_fops;
    /* Where it may stand: MORTAR_CLIENT, MORTAR_BRICK, MORTAR_MANAGEMENT, or 0 for anywhere. */
    uint32_t positions;
    /* Its own version. */
    const char *version;
    /* The volfile type: 'features/c-count'. */
    const char *type_name;
    /* What it does, for people. */
    const char *doc;
    /* Its options. */
    const struct mortar_option *options;
    /* How many. */
    size_t option_count;
    /* The fops it implements. */
    const struct mortar_fop_slot *fops;
    /* How many. */
    size_t fop_count;
    /* What happens to fops that it does not know: MORTAR_PASS, MORTAR_DENY, MORTAR_DECOMPOSE. */
    uint8_t unknown_fops;
    /* A new instance, which 'self' is in all that follows; null fails. */
    void *(*create)(void);
    /* Reads options and takes its place. One thread, before anything else of the instance; must not block. False refuses
     * the graph, with the sentence given to 'refuse'. */
    bool (*init)(void *own, const struct mortar_init *init);
    /* New options for a running instance. Any thread, while fops run. False keeps the old ones. */
    bool (*reconfigure)(void *own, const struct mortar_init *init);
    /* An event from a parent (down), a child (up) or the node itself. Any thread. Null passes it on. */
    void (*notify)(void *own, const struct mortar_node *node, const struct mortar_node *source, uint8_t direction, const struct mortar_event *event);
    /* A client is gone: what it held is to be given back. Any thread. */
    void (*client_disconnect)(void *own, const struct mortar_node *node, const struct mortar_client *client);
    /* Lines 'key=value' for a statedump, each handed to 'put' with 'to'. Any thread. */
    void (*dump)(void *own, mortar_put put, void *to);
    /* Has to stop: gives back what is not memory. Fops may still be under way. */
    void (*fini)(void *own);
    /* Frees the instance; nothing of it runs any more. */
    void (*destroy)(void *own);
};

/* Where everything lies; a compiler that sees it otherwise makes no plugins. */
_Static_assert(offsetof(struct mortar_waker_vtable, clone) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_waker_vtable, wake) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_waker_vtable, wake_by_ref) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_waker_vtable, release) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_waker_vtable) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_waker, vtable) == 0, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_waker) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_future, state) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_future, poll) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_future, drop) == 16, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_future) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_arena, owner) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_arena, at) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_arena, end) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_arena, start) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_arena) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_io_buf, ptr) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_io_buf, len) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_io_buf, owner) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_io_buf, vtable) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_io_buf) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lk_owner, value) == 0, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_lk_owner) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, uid) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, gid) == 4, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, pid) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, groups) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, lk_owner) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, time) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, time_nsec) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_identity, time_flags) == 92, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_identity) == 96, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_maybe_client) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, arena) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, current) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, waiting) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, unique) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, deadline) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, identity) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, client) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, users) == 176, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, depth) == 180, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_frame, fop) == 184, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_frame) == 192, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, instance) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, id) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, links) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, link_count) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, state) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, name) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, name_len) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, fault) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, retain) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, release) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, begin) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, end) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, fops) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node, known_fops) == 112, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_node) == 120, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node_link, child) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node_link, routes) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_node_link, route_count) == 16, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_node_link) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_route, entry) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_route, node) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_route) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fop_slot, code) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fop_slot, entry) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fop_slot) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_event, kind) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_event, data) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_event) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_error, number) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_error, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_error) == 16, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_maybe_inode) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_gfid, value) == 0, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_gfid) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_loc, path) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_loc, name) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_loc, inode) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_loc, parent) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_loc, gfid) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_loc, parent_gfid) == 112, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_loc) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_stat, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_stat, xdata) == 128, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_stat) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, gfid) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, flags) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, ino) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, dev) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, rdev) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, size) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, blocks) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, attributes) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, attributes_mask) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, atime) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, mtime) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, ctime) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, btime) == 104, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, atime_nsec) == 112, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, mtime_nsec) == 116, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, ctime_nsec) == 120, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, btime_nsec) == 124, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, nlink) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, uid) == 132, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, gid) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, blksize) == 140, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_iatt, mode) == 144, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_iatt) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_attr, iatt) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_attr, xdata) == 152, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_attr) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readlink, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readlink, size) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readlink, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_readlink) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_target, path) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_target, iatt) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_target, xdata) == 184, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_target) == 192, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mknod, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mknod, mode) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mknod, rdev) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mknod, umask) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mknod, xdata) == 152, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_mknod) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_made, iatt) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_made, pre_parent) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_made, post_parent) == 304, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_made, xdata) == 456, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_made) == 464, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mkdir, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mkdir, mode) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mkdir, umask) == 132, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_mkdir, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_mkdir) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_unlink, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_unlink, flags) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_unlink, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_unlink) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_removed, pre_parent) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_removed, post_parent) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_removed, xdata) == 304, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_removed) == 312, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rmdir, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rmdir, flags) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rmdir, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_rmdir) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_symlink, target) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_symlink, loc) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_symlink, umask) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_symlink, xdata) == 168, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_symlink) == 176, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rename, old) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rename, new) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rename, xdata) == 256, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_rename) == 264, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_renamed, iatt) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_renamed, pre_old_parent) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_renamed, post_old_parent) == 304, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_renamed, pre_new_parent) == 456, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_renamed, post_new_parent) == 608, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_renamed, xdata) == 760, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_renamed) == 768, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_link, old) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_link, new) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_link, xdata) == 256, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_link) == 264, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_truncate, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_truncate, offset) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_truncate, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_truncate) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_pre_post, pre) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_pre_post, post) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_pre_post, xdata) == 304, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_pre_post) == 312, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_open, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_open, flags) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_open, fd) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_open, xdata) == 144, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_open) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_opened, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_opened, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_opened) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readv, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readv, size) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readv, offset) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readv, flags) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readv, xdata) == 32, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_readv) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_payload, first) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_payload, rest) == 32, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_payload) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_data, data) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_data, iatt) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_data, at_end) == 216, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_data, xdata) == 224, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_data) == 232, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_writev, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_writev, data) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_writev, offset) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_writev, flags) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_writev, xdata) == 88, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_writev) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_written, count) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_written, pre) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_written, post) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_written, xdata) == 312, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_written) == 320, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_statfs, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_statfs, xdata) == 128, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_statfs) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, bsize) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, frsize) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, blocks) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, bfree) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, bavail) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, files) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, ffree) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, favail) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, fsid) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, flag) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space, namemax) == 80, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_space) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space_reply, space) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_space_reply, xdata) == 88, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_space_reply) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flush, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flush, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_flush) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_done, xdata) == 0, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_done) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsync, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsync, data_only) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsync, xdata) == 16, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fsync) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setxattr, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setxattr, xattrs) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setxattr, flags) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setxattr, xdata) == 144, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_setxattr) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_getxattr, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_getxattr, name) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_getxattr, xdata) == 160, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_getxattr) == 168, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_xattrs, xattrs) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_xattrs, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_xattrs) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_removexattr, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_removexattr, name) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_removexattr, xdata) == 160, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_removexattr) == 168, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_opendir, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_opendir, fd) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_opendir, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_opendir) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsyncdir, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsyncdir, data_only) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsyncdir, xdata) == 16, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fsyncdir) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_access, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_access, mask) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_access, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_access) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_create, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_create, flags) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_create, mode) == 132, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_create, umask) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_create, fd) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_create, xdata) == 152, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_create) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_created, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_created, iatt) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_created, pre_parent) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_created, post_parent) == 312, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_created, xdata) == 464, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_created) == 472, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_ftruncate, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_ftruncate, offset) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_ftruncate, xdata) == 16, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_ftruncate) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fstat, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fstat, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fstat) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flock, kind) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flock, whence) == 4, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flock, start) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flock, len) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flock, pid) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_flock, owner) == 32, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_flock) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lk, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lk, cmd) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lk, flock) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lk, xdata) == 80, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_lk) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_locked, flock) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_locked, xdata) == 64, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_locked) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lookup, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lookup, xdata) == 128, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_lookup) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_looked, iatt) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_looked, post_parent) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_looked, xdata) == 304, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_looked) == 312, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdir, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdir, size) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdir, offset) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdir, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_readdir) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entries, entries) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entries, at_end) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entries, xdata) == 40, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_entries) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_inodelk, domain) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_inodelk, loc) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_inodelk, cmd) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_inodelk, flock) == 168, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_inodelk, xdata) == 232, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_inodelk) == 240, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_finodelk, domain) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_finodelk, fd) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_finodelk, cmd) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_finodelk, flock) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_finodelk, xdata) == 112, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_finodelk) == 120, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entrylk, domain) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entrylk, loc) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entrylk, name) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entrylk, cmd) == 192, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entrylk, kind) == 196, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_entrylk, xdata) == 200, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_entrylk) == 208, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fentrylk, domain) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fentrylk, fd) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fentrylk, name) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fentrylk, cmd) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fentrylk, kind) == 76, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fentrylk, xdata) == 80, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fentrylk) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_xattrop, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_xattrop, op) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_xattrop, xattrs) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_xattrop, xdata) == 144, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_xattrop) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fxattrop, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fxattrop, op) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fxattrop, xattrs) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fxattrop, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fxattrop) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fgetxattr, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fgetxattr, name) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fgetxattr, xdata) == 40, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fgetxattr) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetxattr, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetxattr, xattrs) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetxattr, flags) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetxattr, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fsetxattr) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rchecksum, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rchecksum, offset) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rchecksum, len) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_rchecksum, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_rchecksum) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_checksum, weak) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_checksum, strong) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_checksum, xdata) == 40, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_checksum) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setattr, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setattr, iatt) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setattr, valid) == 280, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setattr, xdata) == 288, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_setattr) == 296, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetattr, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetattr, iatt) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetattr, valid) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fsetattr, xdata) == 168, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fsetattr) == 176, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdirp, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdirp, size) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdirp, offset) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_readdirp, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_readdirp) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fremovexattr, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fremovexattr, name) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fremovexattr, xdata) == 40, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fremovexattr) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fallocate, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fallocate, mode) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fallocate, offset) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fallocate, len) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_fallocate, xdata) == 32, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_fallocate) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_discard, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_discard, offset) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_discard, len) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_discard, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_discard) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_zerofill, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_zerofill, offset) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_zerofill, len) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_zerofill, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_zerofill) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_ipc, op) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_ipc, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_ipc) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_seek, fd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_seek, offset) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_seek, what) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_seek, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_seek) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_sought, offset) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_sought, xdata) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_sought) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lease, cmd) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lease, kind) == 4, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lease, id) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_lease) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lease_fop, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lease_fop, lease) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_lease_fop, xdata) == 152, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_lease_fop) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_leased, lease) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_leased, xdata) == 24, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_leased) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_getactivelk, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_getactivelk, xdata) == 128, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_getactivelk) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_active_locks, locks) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_active_locks, xdata) == 32, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_active_locks) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setactivelk, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setactivelk, locks) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_setactivelk, xdata) == 160, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_setactivelk) == 168, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, mode) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, umask) == 132, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, flags) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, data) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, offset) == 208, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, xattrs) == 216, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_put, xdata) == 224, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_put) == 232, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_icreate, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_icreate, mode) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_icreate, xdata) == 136, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_icreate) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_namelink, loc) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_namelink, xdata) == 128, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_namelink) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, fd_in) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, offset_in) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, fd_out) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, offset_out) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, len) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, flags) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copy_file_range, xdata) == 48, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_copy_file_range) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copied, count) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copied, source) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copied, pre) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copied, post) == 312, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_copied, xdata) == 464, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_copied) == 472, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_bytes, data) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_bytes, len) == 8, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_bytes) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, key) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, help) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, default_value) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, choices) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, min) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, max) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, kind) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, reconfigurable) == 49, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_option, required) == 50, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_option) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, size) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, log) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, option_text) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, option_number) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, refuse) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, init_node) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_number) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_bytes) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_pair) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_set_number) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_set_text) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_set_bytes) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_remove) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_copy) == 104, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, dict_drop) == 112, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, buf_copy) == 120, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, buf_lend) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, buf_part) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, buf_drop) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, payload_len) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, payload_part) == 160, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, payload_flat) == 168, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, payload_set) == 176, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, inode_gfid) == 184, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, inode_type) == 192, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, fd_inode) == 200, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, fd_flags) == 208, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, client_uid) == 216, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, ctx_get) == 224, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, ctx_put) == 232, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, args_copy) == 240, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, args_drop) == 248, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, answer_drop) == 256, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, answer_error) == 264, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, answer_empty) == 272, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, wind) == 280, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, notify) == 288, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, spawn) == 296, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, spawn_blocking) == 304, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_api, sleep) == 312, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_api) == 320, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_abi_version, major) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_abi_version, minor) == 4, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_abi_version) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, size) == 0, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, abi) == 8, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, needs) == 16, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, layouts) == 24, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, known_fops) == 32, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, positions) == 36, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, version) == 40, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, type_name) == 48, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, doc) == 56, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, options) == 64, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, option_count) == 72, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, fops) == 80, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, fop_count) == 88, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, unknown_fops) == 96, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, create) == 104, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, init) == 112, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, reconfigure) == 120, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, notify) == 128, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, client_disconnect) == 136, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, dump) == 144, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, fini) == 152, "rebuild mortar.h");
_Static_assert(offsetof(struct mortar_plugin, destroy) == 160, "rebuild mortar.h");
_Static_assert(sizeof(struct mortar_plugin) == 168, "rebuild mortar.h");

/* The instance that `create` made, of a node that an entry is called with. */
static inline void *mortar_self(const struct mortar_node *node)
{
    return *(void *const *)node->instance;
}

/* Polls a future once. */
static inline uint8_t mortar_poll(struct mortar_future *future, const struct mortar_waker *waker, void *out)
{
    return future->poll(future->state, waker, out);
}

/* Gives a future up, done or not. */
static inline void mortar_future_drop(struct mortar_future *future)
{
    future->drop(future->state);
}

/* What a library exports. */
const struct mortar_plugin *mortar_plugin_v1(const struct mortar_api *api);

#endif
