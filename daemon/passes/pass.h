/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes: work over many rows (records, files, folders) that is done a slice at a time from the
 * main loop, so that no other work waits for long. The kind of a pass is a row of functions, called
 * with the pass's own data, the work. The work holds the position: see record_cursor.h.
 *
 * Passes of one queue run one after another, in the order of their start; a waiting pass lets those
 * behind it go first. Queues run beside each other, by their priority in the main loop.
 *
 * When a batch of changes is lost, no pass knows which of its changes were kept: each pass ends as
 * lost. Only this module checks for that; a row need not check.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order of priority. */
typedef enum {
    /* Records follow events about folders. */
    PASS_WALKS,
    /* Folders of thumbnails get their missing rights. */
    PASS_FOLDERS,
    PASS_SWEEPS,
    PASS_JOBS,
    PASS_QUEUES,
} PassQueue;

typedef enum {
    /* There may be another row. */
    PASS_MORE,
    /* Waits for passes_wake. */
    PASS_WAIT,
    /* There are no more rows. */
    PASS_END,
    /* Failed with `error`; without an error the batch has been given up, and the pass is lost. */
    PASS_FAILED,
} PassStep;

/* Limits of a slice. After either the loop serves all other sources. */
typedef struct {
    int64_t time_us;
    /* Applies even if the clock stands still. */
    unsigned rows;
} PassBudget;

/* The usual budget of a pass in this program. */
#define PASS_BUDGET ((PassBudget){.time_us = 5000, .rows = 10000})

/* Each function may be NULL, except for `next` and `free`. */
typedef struct {
    PassQueue queue;
    PassBudget budget;
    /* Called before the first row, until it returns PASS_MORE. */
    PassStep (*begin)(void *work, GError **error);
    /* Processes the next row. */
    PassStep (*next)(void *work, GError **error);
    /* Called at the end of a slice; false: as PASS_FAILED. */
    bool (*end_slice)(void *work, GError **error);
    /* Called after PASS_END; false: as PASS_FAILED. */
    bool (*end)(void *work, GError **error);
    /* The batch is lost, and the pass ends. */
    void (*lost)(void *work);
    /* Called after the others, or alone by passes_free. */
    void (*free)(void *work);
} PassKind;

/* Callbacks of the passes into the rest of the program. */
typedef struct {
    /* Gives up the batch; frees `error`. */
    void (*failed)(GError *error, void *data);
    /* A queue has no work for now; may be NULL. */
    void (*idle)(void *data);
    /* Monotonic. */
    int64_t (*now_us)(void);
    void *data;
} PassCallbacks;

typedef struct Passes Passes;

/* Makes the queues, without any pass. Copies `callbacks`. Owner: passes_free. */
Passes *passes_new(const PassCallbacks *callbacks);

/* Frees the passes that have not ended; neither `end` nor `lost` is called. Do not call it from
 * within a pass. */
void passes_free(Passes *passes);

/* Starts a pass. It begins soon, from the loop, behind the others of its queue. `kind` must outlive
 * the pass. Takes `work`. */
void pass_start(Passes *passes, const PassKind *kind, void *work);

/* Makes the waiting passes of the queue try again, from the loop. */
void passes_wake(Passes *passes, PassQueue queue);

/* Notes that a batch was lost: all passes, and all that begin before passes_resumed, end as lost,
 * from the loop. May be called from within a row, whose pass ends as soon as the row returns. */
void passes_lost(Passes *passes);
void passes_resumed(Passes *passes);

/* True if no pass is in the queue. */
bool passes_is_empty(const Passes *passes, PassQueue queue);

/* True if the queue has no pass, or only waiting ones. */
bool passes_is_idle(const Passes *passes, PassQueue queue);

/* Returns the work of the first pass of this kind that is not lost and for which `is` (NULL: any)
 * returns true; NULL if there is none. Borrowed until the pass ends. */
void *passes_find(const Passes *passes, const PassKind *kind,
                  bool (*is)(const void *work, const void *data), const void *data);
