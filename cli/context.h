/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket, configuration and store that a command works on. Each is opened when it is needed.
 */
#pragma once

#include "config/config.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Asking Asking;

/* One page of a command's output, which another process has asked for (reader/). */
typedef struct {
    /* Where the page begins. "" means the first page. */
    const char *after;
    /* Rows of the page, at most. */
    uint64_t rows;
    /* Sequencer of the newest event that may be shown. */
    uint64_t durable;
    /* The output so far. */
    GByteArray *output;
    /* Set by the command: where the next page begins. "" means that this is the last page. */
    GString *next;
    /* Set by the command: `after` is unknown, or no longer in the event log. */
    bool reset;
} ContextPage;

/* Returns true if the page has all its rows, or its bytes: the command stops printing. */
bool context_page_is_full(const ContextPage *page);

typedef struct {
    /* From the command line, borrowed. */
    /* The struct of the command's own options. */
    const void *options;
    /* The arguments before BUCKET. */
    const char *const *words;
    /* The number after the words. 0 means none. */
    uint64_t number;
    /* The name after the words. NULL means none. */
    const char *name;
    const char *bucket_argument;
    const char *config_path;
    /* Root does not become the owner of the state. */
    bool stays_root;
    /* Set by a command that changes something: the daemon's reader is not asked for it. */
    bool changes;
    StoreFilter filter;

    /* Wall clock, read once for the whole command. */
    int64_t now_us;

    /* From context_open_bucket. */
    /* Absolute path. */
    char *bucket;
    /* Folder of the thumbnails: a key if it lies in the bucket, else an absolute path. */
    char *prefix;
    Config *config;
    /* Why conf.d in the state folder could not be read. NULL means that it was read. */
    GError *unread;

    /* Borrowed: the folders of disk_space.h. NULL means that they are opened by their names. */
    const int *disk_fds;
    /* Borrowed. NULL means that the command prints everything. */
    ContextPage *page;
    /* Borrowed. Not NULL means that the daemon is asked instead of opening the store. */
    Asking *asking;

    /* From context_open_store. */
    Store *store;
    StoreSnapshot *snapshot;
    /* Another user owns the store: see context_try_store. */
    bool is_closed;
} Context;

/*
 * Finds the bucket (locate.h) and reads its configuration. The first of these is used: --config,
 * $THUMBQ_CONFIG, the file in /etc/thumbq that names the bucket, thumbq.conf in the bucket's
 * .thumbq, the defaults. Then conf.d of the state folder is added, unless another user owns the
 * state. A root process becomes the owner of the state before it opens any file there, unless
 * `stays_root` is set. Does nothing if the bucket is open. Errors: ERROR_NOT_FOUND, ERROR_CONFIG,
 * ERROR_NOT_TRUSTED, ERROR_IO.
 */
bool context_open_bucket(Context *context, GError **error);

/* Reads the main configuration file of the open bucket again. `state_fd` is the folder .thumbq, or
 * -1 if the caller has not opened it. Owner: config_free. Errors: as context_open_bucket. */
Config *context_load_config(const Context *context, int state_fd, GError **error);

/* Reads the configuration file `path`, which the user named. Owner: config_free. Errors: as
 * context_open_bucket. */
Config *context_load_file(const char *path, GError **error);

/* Opens the bucket, then its store for reading, with a snapshot. Does nothing if the store is open.
 * Errors: ERROR_NOT_FOUND, with advice; those of the store. */
bool context_open_store(Context *context, GError **error);

/* Returns true if the error means that another user owns the state. */
bool context_is_closed(const GError *error);

/*
 * Opens the store as context_open_store does, for a command that asks a daemon for a change. If
 * another user owns the store, it is not opened, and context->is_closed is set. Errors: the others
 * of context_open_store.
 */
bool context_try_store(Context *context, GError **error);

/*
 * Replaces the snapshot by a new one, which has the changes made since. Errors: those of the store.
 */
bool context_renew_snapshot(Context *context, GError **error);

/* Releases the snapshot, and writes the output that was gathered under it (output.h). Call it
 * before anything that takes long. */
void context_end_snapshot(Context *context);

/* Returns the message for a selection without objects. Static. */
const char *context_nothing_found(const Context *context);

/* Closes the store and its snapshot. The bucket stays open. */
void context_close_store(Context *context);

/* Closes all that is open. */
void context_clear(Context *context);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Context, context_clear)
