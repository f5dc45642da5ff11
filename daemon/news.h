/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of an object, told while the daemon runs: to a person on a terminal, or to a journal.
 * The daemon tells; whoever starts it decides what is shown.
 */
#pragma once

#include "error.h"
#include "image.h"

#include <stdint.h>

typedef enum {
    NEWS_DONE,
    NEWS_SKIPPED,
    NEWS_DEAD,
    NEWS_RETRY, /* an attempt failed; another one follows */
    NEWS_REMOVED,
    NEWS_RENAMED,
} NewsKind;

/* All that is pointed to is borrowed for the call. */
typedef struct {
    NewsKind kind;
    const char *key;
    const char *from;        /* NEWS_RENAMED: the name before; else NULL */
    const ImageFacts *facts; /* NEWS_DONE; else NULL */
    int64_t duration_us;     /* of the invocation; 0: none took place */
    ErrorCode error;
    const char *message; /* of the error, which may be hostile text; "" for none */
} News;

typedef void (*NewsFunction)(const News *news, void *data);
