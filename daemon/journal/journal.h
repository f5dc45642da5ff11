/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: the batch of changes under way, its commit, and the recovery when a commit fails.
 * Only the journal knows whether the store takes changes, and only the journal gives a batch up.
 *
 * A caller passes the result of each call of the store to journal_check or journal_change, with
 * journal_error() as the place of the call's error. False means that the batch is lost. The caller
 * stops, because nothing of the batch is true any more. The journal reopens the store, and sends
 * the facts (fact.h) to the modules that keep state in memory: see facts.c.
 */
#pragma once

#include "fact.h"
#include "journal/bucket_state.h"
#include "journal/left.h"
#include "run.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Journal Journal;

/* The callbacks of the journal into the rest of the daemon. */
typedef struct {
    void (*publish)(Fact fact, void *data);
    /*
     * The store was reopened, and takes no changes yet: calls the modules that must be correct
     * before it does. Returns false with an error, or without one if the batch is lost once
     * more.
     */
    bool (*renewed)(void *data, GError **error);
    /* A file in the state folder or beside it was removed or moved, but none of the open ones. */
    void (*neighbours_changed)(void *data);
    /* True while invocations are under way: then more changes share a commit. */
    bool (*is_busy)(void *data);
    void *data;
} JournalListener;

typedef struct {
    /* The lock is held before journal_open. The journal changes lock, key and store. */
    BucketState *state;
    /* Ends by an error that no later try can correct. */
    DaemonRun *run;
    /* No later try follows an error of the disk. */
    bool once;
    /* A command without a daemon. */
    bool offline;
    JournalListener listener;
} JournalOptions;

/* Copies `options`. Owner: journal_free, after journal_close. */
Journal *journal_new(const JournalOptions *options);
void journal_free(Journal *journal);

/* Returns where to put a store call's error, for the argument list of that call only. */
GError **journal_error(Journal *journal);

/* The error of the last of these calls; NULL: none. Owner: the journal. */
const GError *journal_reason(const Journal *journal);

/* Checks the result of a store call that changes nothing. Returns false if the call has failed;
 * then the batch is given up. */
bool journal_check(Journal *journal, bool ok);

/* Checks the result of a store call that makes a change. The change is committed at once, or soon.
 * Returns false if the batch is given up, or was given up before. */
bool journal_change(Journal *journal, bool ok);

/* Commits now. Blocks for the disk. Returns false if the batch was lost; then the recovery has
 * begun, or the loop ends. */
bool journal_commit(Journal *journal);

/* False from the loss of a batch until the store takes changes again. */
bool journal_is_open(const Journal *journal);

/* Returns a number that changes with each lost batch. Work from an earlier generation has no
 * effect. */
uint64_t journal_generation(const Journal *journal);

/* Returns the number of changes until now. A different number means that there may be new work. */
uint64_t journal_changes(const Journal *journal);

/*
 * Compares the open descriptors (folder of the thumbnails, state folder, lock, store) with their
 * names. Call it before each group of work. Returns false if the batch is given up, or was given up
 * before.
 */
bool journal_holds(Journal *journal);

/* Watches these names: a removal or a move is detected at once, also while the daemon is idle. */
void journal_watch(Journal *journal);

/* Opens the store. A damaged store is moved aside with a warning, and a new one made. After a crash
 * the store is checked first. */
bool journal_open(Journal *journal, GError **error);

/* Passes the settings in force to the store. */
void journal_configure(const Journal *journal);

/* Returns the kinds of work that may be half done. A sweep clears them, and sets again those that
 * it could not correct. */
JournalLeft journal_left(const Journal *journal);
void journal_clear_left(Journal *journal, JournalLeft left);
void journal_leave(Journal *journal, JournalLeft left);

/* Stops commits and recoveries from the loop, then closes the store. `is_whole`: the last commit
 * has succeeded, and no sweep is under way. */
void journal_close(Journal *journal, bool is_whole);
