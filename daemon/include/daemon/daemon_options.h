/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a daemon's start. */
#pragma once

#include "base/progress_count.h"
#include "config/config.h"
#include "daemon/news.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* Absolute path. */
    const char *bucket;
    /* Path of thumbq-thumbnail. */
    const char *handler_program;
    /* Brings everything up to date, then returns. */
    bool once;
    /* Takes over an absolute prefix of another bucket. */
    bool adopt;
    /* Logs no REPORT lines. */
    bool quiet;
    /* Logs the totals at the end; `once` does so always. */
    bool summary;
    /* A stop by a signal is ERROR_INTERRUPTED. */
    bool must_finish;
    /* Ends with ERROR_TIMEOUT after this; 0: never. */
    int64_t timeout_us;
    /* With `once`: runs only until this job has ended, without a scan. */
    uint32_t job;
    /* Called with the progress ten times a second; may be NULL. */
    ProgressFunction progress;
    void *progress_data;
    /* Called with the result of each object; may be NULL. */
    NewsFunction news;
    void *news_data;
    /* Reads the configuration anew, for SIGHUP; `state_fd` is the open state folder. Owner:
     * config_free. NULL: SIGHUP has no effect. */
    Config *(*load_config)(int state_fd, void *data, GError **error);
    void *load_data;
} DaemonOptions;
