/* SPDX-License-Identifier: Apache-2.0 */
/* The results of objects, reported while the daemon runs: to a person on a terminal, or to a
 * journal. The daemon reports everything; the program that starts it decides what is shown. */
#pragma once

#include "base/error.h"
#include "model/image.h"

#include <stdint.h>

typedef enum {
    NEWS_DONE,
    NEWS_SKIPPED,
    NEWS_DEAD,
    /* An attempt failed; another one follows. */
    NEWS_RETRY,
    NEWS_REMOVED,
    NEWS_RENAMED,
} NewsKind;

/* All pointers are borrowed for the call. */
typedef struct {
    NewsKind kind;
    const char *key;
    /* NEWS_RENAMED: the name before; otherwise NULL. */
    const char *from;
    /* NEWS_DONE: the facts; otherwise NULL. */
    const ImageFacts *facts;
    /* Duration of the invocation; 0: none took place. */
    int64_t duration_us;
    ErrorCode error;
    /* Message of the error, which may be hostile text; "" for none. */
    const char *message;
} News;

typedef void (*NewsFunction)(const News *news, void *data);
