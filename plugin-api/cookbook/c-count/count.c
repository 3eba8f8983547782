/*
 * features/c-count: a translator in C. Counts the bytes that were written to each file since somebody opened it here, lets no file
 * take more than `limit` of them at a time, and tells the count as the virtual xattr user.c-count.written.
 *
 * It shows: options, a context on an inode, an answer at once, a fop wound on with its answer now or later, a future of
 * its own that waits, values of dicts, the bytes of a write.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mortar.h"

static const struct mortar_api *api;

/* An instance. */
struct counter {
    _Atomic int64_t limit;
    _Atomic int64_t delay_ms;
    atomic_ullong total;
    atomic_uint ups;
};

/* What is known of a file: the context of its inode, counted by the inode and by each write under way. */
struct file {
    atomic_uint users;
    atomic_ullong written;
};

static void file_retain(const void *value)
{
    atomic_fetch_add(&((struct file *)value)->users, 1);
}

static void file_release(const void *value)
{
    struct file *file = (struct file *)value;
    if (atomic_fetch_sub(&file->users, 1) == 1)
        free(file);
}

/* The file's context, counted for the caller; null when there is no memory. */
static struct file *file_of(const struct mortar_node *node, const struct mortar_inode *inode)
{
    const void *there = api->ctx_get(inode, node, file_retain);
    if (there)
        return (struct file *)there;
    struct file *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    atomic_init(&made->users, 2); /* the inode's and the caller's */
    const void *first = api->ctx_put(inode, node, made, file_release, true);
    if (!first)
        return made;
    free(made); /* somebody else was first, and nobody has seen ours */
    return (struct file *)api->ctx_get(inode, node, file_retain);
}

/* ---- writev: wound on, counted when it is answered ---- */

/* A write that waits for the child. */
struct writing {
    struct mortar_future child;
    const struct mortar_node *node;
    struct file *file;
};

static void count(const struct mortar_node *node, struct file *file, const struct mortar_written *reply)
{
    struct counter *self = mortar_self(node);
    atomic_fetch_add(&file->written, reply->count);
    atomic_fetch_add(&self->total, reply->count);
}

static uint8_t writing_poll(void *state, const struct mortar_waker *waker, void *out)
{
    struct writing *writing = state;
    uint8_t done = mortar_poll(&writing->child, waker, out);
    if (done == MORTAR_READY)
        count(writing->node, writing->file, out);
    return done;
}

static void writing_drop(void *state)
{
    struct writing *writing = state;
    mortar_future_drop(&writing->child);
    file_release(writing->file);
    free(writing);
}

static uint8_t refused(uint32_t fop, void *args, void *out, int error)
{
    api->args_drop(fop, args);
    return api->answer_error(out, error);
}

static uint8_t on_writev(const struct mortar_node *node, const struct mortar_frame *frame,
                         const struct mortar_waker *waker, void *args, void *out, struct mortar_future *later)
{
    struct counter *self = mortar_self(node);
    struct mortar_writev *write = args;
    int64_t limit = atomic_load(&self->limit);
    if (limit > 0 && api->payload_len(&write->data) > (size_t)limit)
        return refused(MORTAR_FOP_WRITEV, args, out, EDQUOT);
    struct file *file = file_of(node, api->fd_inode(&write->fd));
    struct writing *writing = malloc(sizeof *writing);
    if (!file || !writing) {
        if (file)
            file_release(file);
        free(writing);
        return refused(MORTAR_FOP_WRITEV, args, out, ENOMEM);
    }
    writing->node = node;
    writing->file = file;
    uint8_t done = api->wind(node, 0, frame, waker, MORTAR_FOP_WRITEV, args, out, &writing->child);
    if (done == MORTAR_PENDING) {
        *later = (struct mortar_future){writing, writing_poll, writing_drop};
        return MORTAR_PENDING;
    }
    if (done == MORTAR_READY)
        count(node, file, out);
    file_release(file);
    free(writing);
    return done;
}

/* ---- fgetxattr: answers at once for its own name ---- */

static const char own_name[] = "user.c-count.written";

static uint8_t on_fgetxattr(const struct mortar_node *node, const struct mortar_frame *frame,
                            const struct mortar_waker *waker, void *args, void *out, struct mortar_future *later)
{
    struct mortar_fgetxattr *asked = args;
    bool ours = asked->name.len == sizeof own_name - 1 && !memcmp(asked->name.ptr, own_name, asked->name.len);
    if (!ours)
        return api->wind(node, 0, frame, waker, MORTAR_FOP_FGETXATTR, args, out, later);
    const struct file *file = api->ctx_get(api->fd_inode(&asked->fd), node, file_retain);
    if (!file)
        return refused(MORTAR_FOP_FGETXATTR, args, out, ENODATA);
    char text[32];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)atomic_load(&file->written));
    file_release(file);
    api->args_drop(MORTAR_FOP_FGETXATTR, args);
    api->answer_empty(MORTAR_FOP_FGETXATTR, out);
    struct mortar_xattrs *reply = out;
    api->dict_set_bytes(&reply->xattrs, own_name, (const uint8_t *)text, (size_t)len);
    return MORTAR_READY;
}

/* ---- fsync: waits for `delay` before it winds, with a future of its own ---- */

struct waiting {
    struct mortar_future part; /* the sleep, then the child's fsync */
    struct mortar_fsync args;
    const struct mortar_node *node;
    const struct mortar_frame *frame;
    enum { SLEEPS, SYNCS, DONE } step;
};

static uint8_t waiting_poll(void *state, const struct mortar_waker *waker, void *out)
{
    struct waiting *waiting = state;
    if (waiting->step == SLEEPS) {
        if (mortar_poll(&waiting->part, waker, NULL) == MORTAR_PENDING)
            return MORTAR_PENDING;
        mortar_future_drop(&waiting->part);
        waiting->step = DONE; /* the arguments are moved by `wind`, whatever it answers */
        uint8_t done = api->wind(waiting->node, 0, waiting->frame, waker, MORTAR_FOP_FSYNC, &waiting->args, out,
                                 &waiting->part);
        if (done == MORTAR_PENDING)
            waiting->step = SYNCS;
        return done;
    }
    return mortar_poll(&waiting->part, waker, out);
}

static void waiting_drop(void *state)
{
    struct waiting *waiting = state;
    if (waiting->step != DONE)
        mortar_future_drop(&waiting->part);
    if (waiting->step == SLEEPS)
        api->args_drop(MORTAR_FOP_FSYNC, &waiting->args);
    free(waiting);
}

static uint8_t on_fsync(const struct mortar_node *node, const struct mortar_frame *frame,
                        const struct mortar_waker *waker, void *args, void *out, struct mortar_future *later)
{
    struct counter *self = mortar_self(node);
    int64_t delay = atomic_load(&self->delay_ms);
    if (delay <= 0)
        return api->wind(node, 0, frame, waker, MORTAR_FOP_FSYNC, args, out, later);
    struct waiting *waiting = malloc(sizeof *waiting);
    if (!waiting)
        return refused(MORTAR_FOP_FSYNC, args, out, ENOMEM);
    waiting->node = node;
    waiting->frame = frame;
    waiting->step = SLEEPS;
    memcpy(&waiting->args, args, sizeof waiting->args); /* moved */
    api->sleep((uint64_t)delay * 1000000, &waiting->part);
    uint8_t done = waiting_poll(waiting, waker, out);
    if (done == MORTAR_PENDING)
        *later = (struct mortar_future){waiting, waiting_poll, waiting_drop};
    else
        waiting_drop(waiting);
    return done;
}

/* ---- lifecycle ---- */

static void *create(void)
{
    return calloc(1, sizeof(struct counter));
}

static bool read_options(void *own, const struct mortar_init *init)
{
    struct counter *self = own;
    int64_t limit = 0, delay = 0;
    if (!api->option_number(init, "limit", &limit) || !api->option_number(init, "delay", &delay)) {
        api->refuse(init, "limit or delay is no number");
        return false;
    }
    if (limit == 13) {
        api->refuse(init, "a limit of 13 brings bad luck");
        return false;
    }
    atomic_store(&self->limit, limit);
    atomic_store(&self->delay_ms, delay);
    return true;
}

static void on_event(void *own, const struct mortar_node *node, const struct mortar_node *source, uint8_t direction,
                     const struct mortar_event *event)
{
    struct counter *self = own;
    (void)source;
    if (event->kind == MORTAR_EVENT_CHILD_UP)
        atomic_fetch_add(&self->ups, 1);
    api->notify(node, direction, event);
}

static void dump(void *own, mortar_put put, void *to)
{
    struct counter *self = own;
    char line[64];
    snprintf(line, sizeof line, "written=%llu", (unsigned long long)atomic_load(&self->total));
    put(to, line);
    snprintf(line, sizeof line, "child-ups=%u", atomic_load(&self->ups));
    put(to, line);
}

static const struct mortar_option options[] = {
    {.key = "limit", .help = "bytes that one write may bring, 0 for any number", .default_value = "0",
     .kind = MORTAR_OPTION_SIZE, .reconfigurable = true},
    {.key = "delay", .help = "milliseconds that an fsync waits", .default_value = "0", .max = 1000,
     .kind = MORTAR_OPTION_INT, .reconfigurable = true},
};

static const struct mortar_fop_slot fops[] = {
    {MORTAR_FOP_WRITEV, on_writev},
    {MORTAR_FOP_FGETXATTR, on_fgetxattr},
    {MORTAR_FOP_FSYNC, on_fsync},
};

static const uint64_t layouts[MORTAR_FOPS] = MORTAR_LAYOUTS;

static const struct mortar_plugin plugin = {
    .size = sizeof plugin,
    .abi = MORTAR_ABI,
    .needs = MORTAR_ABI,
    .layouts = layouts,
    .known_fops = MORTAR_FOPS,
    .positions = MORTAR_CLIENT | MORTAR_BRICK,
    .version = "1.0.0",
    .type_name = "features/c-count",
    .doc = "Counts the bytes written to each file, in C.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .fops = fops,
    .fop_count = sizeof fops / sizeof *fops,
    .unknown_fops = MORTAR_DECOMPOSE,
    .create = create,
    .init = read_options,
    .reconfigure = read_options,
    .notify = on_event,
    .dump = dump,
    .destroy = free,
};

const struct mortar_plugin *mortar_plugin_v1(const struct mortar_api *host)
{
    api = host;
    return &plugin;
}
