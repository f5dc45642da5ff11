/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command works on: the bucket, its configuration and its store, opened on demand.
 */
#pragma once

#include "config.h"
#include "store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* From the command line, borrowed. */
    const void *options;      /* the command's own struct */
    const char *const *words; /* the arguments before BUCKET */
    uint64_t number;          /* the one after them; 0: none */
    const char *bucket_argument;
    const char *config_path;
    bool keeps_user; /* root stays root, whoever has the state */
    StoreFilter filter;

    int64_t now_us; /* wall clock, one for the whole command */

    /* From context_open_bucket. */
    char *bucket; /* absolute path */
    char *prefix; /* of thumbnails: below the bucket a key, elsewhere an absolute path */
    Config *config;

    /* From context_open_store. */
    Store *store;
    StoreSnapshot *snapshot;
} Context;

/*
 * Finds the bucket (locate.h) and reads its configuration: --config, else $THUMBQ_CONFIG, else the
 * file in /etc/thumbq that names the bucket, else thumbq.conf in its .thumbq, else the defaults. A
 * process of root becomes the owner of the state before it opens anything in it, unless
 * `keeps_user`. Does nothing the second time.
 * Errors: ERROR_NOT_FOUND, ERROR_CONFIG, ERROR_NOT_TRUSTED, ERROR_IO.
 */
bool context_open_bucket(Context *context, GError **error);

/*
 * Reads the configuration of the open bucket anew. `state_fd` is the folder .thumbq where the
 * caller holds it open, else -1. Owner: config_free. Errors: the same.
 */
Config *context_load_config(const Context *context, int state_fd, GError **error);

/* Reads the file that somebody has named. Owner and errors: the same. */
Config *context_load_file(const char *path, GError **error);

/*
 * Opens the store for reading, with a snapshot, after the bucket. Does nothing where it is open.
 * Errors: ERROR_NOT_FOUND with what to do about it; those of the store.
 */
bool context_open_store(Context *context, GError **error);

/* A new snapshot in place of the old one: what has happened since becomes visible. */
bool context_renew_snapshot(Context *context, GError **error);

/*
 * Gives the snapshot back, and writes what was printed while it was held (output.h): before
 * anything that takes its time.
 */
void context_end_snapshot(Context *context);

/* Closes the store and its snapshot; the bucket stays. */
void context_close_store(Context *context);

/* Closes what is open. */
void context_clear(Context *context);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Context, context_clear)
