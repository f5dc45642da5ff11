/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kind of invocation, as the daemon sees it: how a record becomes an order, how an answer is
 * judged, and the clean-up after the outcome is recorded. dispatch.c and outcome.c use only this
 * interface. A new kind is a new file with these functions, and a choice in daemon.c.
 *
 * The data of a kind for a work item is a struct of the kind that begins with the WorkItem.
 */
#pragma once

#include "handlers/executor.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct WorkItem WorkItem;

typedef struct {
    /* The kind as executors see it. */
    const InvocationKind *invocation;
    /* Bytes of the struct that begins with a WorkItem. */
    size_t item_size;

    void (*init)(WorkItem *item, const Record *record);
    void (*clear)(WorkItem *item);

    /* Decides what to make; the source is open, and its version is known. Returns false if there is
     * nothing to make. */
    bool (*prepare)(WorkItem *item, const Record *record);

    /* Makes the output files. Errors: those of publisher_create. */
    bool (*open_outputs)(WorkItem *item, GError **error);

    /* Fills in the order and the files of the invocation; its other members are set. */
    void (*fill)(WorkItem *item, Invocation *invocation);

    /* Returns true if the answer says that the work item needs another handler program. */
    bool (*needs)(const WorkItem *item, const Answer *answer, size_t *ret_program);

    /* Sets the order for that program, and discards what the last one may have written. */
    void (*move)(WorkItem *item, size_t program);

    /* Judges the answer: sets error and message, facts, and output, which is put into its place.
     * `answer` NULL: there was nothing to make. The outcome has version and time. */
    void (*judge)(WorkItem *item, const Answer *answer, StoreOutcome *outcome);

    /* Called after the outcome was recorded. `record` is the object's; NULL: it has none any more.
     * Removes old and new output that the record does not name. */
    void (*settle)(const WorkItem *item, const StoreOutcome *outcome, const Record *record);
} Kind;
