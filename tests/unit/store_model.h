/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of the store: a hash table of records that follows the rules of store.h in the simplest
 * way, and random operations that do the same to a store and to the model.
 */
#pragma once

#include "store_fixture.h"

#define KEYS 80
/* The ids of the jobs are 1 and 2. */
#define JOBS 2

typedef struct {
    /* The record. The hash table owns its key. */
    Record record;
    /* Number of its newest event; it stands for the sequencer. */
    uint64_t order;
} Entry;

typedef struct {
    uint64_t queued, done, failed, gone;
} Counts;

typedef struct {
    Fixture fixture;
    GRand *rand;
    int64_t now_us;
    uint64_t order;
    /* Key -> Entry, as the batch sees it. */
    GHashTable *objects;
    /* The same as it was at the last commit. */
    GHashTable *committed;
    Counts jobs[JOBS + 1], committed_jobs[JOBS + 1];
    char *keys[KEYS];
    Rendition rendition;
} Model;

/* A table of keys and values that owns both. Owner: the caller. */
GHashTable *objects_new(void);

void model_init(Model *model);

void model_clear(Model *model);

/* A random number from 0 to `end` - 1. */
int draw(Model *model, int end);

/* Each operation chooses its key and its arguments at random, and asserts the store's answer. */
void op_seen(Model *model);
void op_claim(Model *model);
void op_finish(Model *model);
void op_remove(Model *model);
void op_move(Model *model);
void op_requeue(Model *model);
void op_take(Model *model);
void op_recipe(Model *model);

/* The model keeps a copy of its state. */
void op_commit(Model *model);

/* The model returns to its state at the last commit. */
void op_abort(Model *model);

/* Aborts, opens the store again, recovers the running objects, and commits. */
void op_reopen(Model *model);
