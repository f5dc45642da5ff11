/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the dates of files in the local time zone: see redate.c. A change of the zone is logged. */
#pragma once

#include "journal/bucket_state.h"
#include "passes/pass.h"
#include "queue/folders.h"

typedef struct Redate Redate;

/* Borrowed pointers. */
typedef struct {
    const BucketState *state;
    Passes *passes;
    Folders *folders;
    /* Called when the local zone has changed. */
    void (*zone_changed)(void *data);
    void *data;
} RedateOptions;

/* Copies `options`. Owner: redate_free. */
Redate *redate_new(const RedateOptions *options);
void redate_free(Redate *redate);

/* Converts dates of another zone into the local one. The store must be open. */
void redate_start(Redate *redate);

/* Detects changes of /etc/localtime from now on. */
void redate_watch(Redate *redate);

/* Checks whether /etc/localtime has changed. */
void redate_check(Redate *redate);
