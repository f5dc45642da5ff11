/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: bucket events -> store -> handlers -> thumbnails -> store, in one event loop.
 * The only place that knows watcher, store and handlers.
 */
#pragma once

#include "config.h"
#include "news.h"
#include "progress_count.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *bucket;          /* absolute path */
    const char *handler_program; /* path of thumbq-thumbnail */
    bool once;                   /* bring everything up to date, then return */
    bool adopt;                  /* take over an absolute prefix that is another bucket's */
    bool quiet;                  /* no REPORT lines */
    bool summary;                /* says at the end what there is; `once` does so always */
    bool must_finish;            /* to be stopped by a signal is ERROR_INTERRUPTED */
    int64_t timeout_us;          /* ends with ERROR_TIMEOUT after this; 0: never */
    uint32_t job;                /* with `once`: only until this job has ended, without a scan */
    ProgressFunction progress;   /* told of the work ten times a second; NULL: nobody */
    void *progress_data;
    NewsFunction news; /* told what becomes of each object; NULL: nobody */
    void *news_data;
    /* Reads the configuration anew, for SIGHUP; `state_fd` is the state folder, as it is held open.
     * Owner: config_free. NULL: SIGHUP does nothing. */
    Config *(*load_config)(int state_fd, void *data, GError **error);
    void *load_data;
} DaemonOptions;

/*
 * Runs until SIGINT or SIGTERM, or with `once` until everything is up to date.
 * *ret_dead is the number of dead objects at the end.
 * Errors: ERROR_NOT_FOUND (no such bucket), ERROR_LOCKED (another daemon holds it), those of the
 * store.
 */
bool daemon_run(const DaemonOptions *options, const Config *config, uint64_t *ret_dead,
                GError **error);

/*
 * Compares the bucket with the store, where no daemon runs: *ret_is is true if all that lies there
 * has been handled, and nothing else. Reads only. Errors: ERROR_NOT_FOUND, ERROR_ACCESS_DENIED (the
 * bucket).
 */
bool daemon_is_up_to_date(const char *bucket, const Config *config, bool *ret_is, GError **error);

/*
 * The folders of a bucket: owned by the caller. `state` and `prefix` of the configuration are
 * resolved against the bucket.
 */
char *daemon_state_path(const char *bucket, const Config *config);
char *daemon_store_path(const char *bucket, const Config *config);

/*
 * Checks what a daemon checks before it touches anything: schedules with their zones and runs, and,
 * where `handler_program` is given, whether it can write the formats. Errors: ERROR_CONFIG, with
 * file and line, and those of the handler program.
 */
bool daemon_check_config(const Config *config, const char *handler_program, GError **error);
