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

