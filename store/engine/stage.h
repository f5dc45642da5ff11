/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that take part in opening the store and in each batch, as rows of a table. The engine
 * calls the rows without knowing the modules; schema.c has the table. Private to the store.
 */
#pragma once

#include <glib.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Store Store;

/* A module with a state of its own, or with work at each commit. NULL: nothing to do. */
typedef struct Stage {
    /* Makes an empty state. */
    void (*init)(Store *store);
    /*
     * Reads the state as `txn` sees it: when the store is opened, and for each snapshot of a
     * reader.
     */
    bool (*load)(Store *store, MDB_txn *txn, GError **error);
    /* Writes what the batch has gathered, within the batch and before its commit. */
    bool (*flush)(Store *store, GError **error);
    /* Resets the state after the batch. If the batch is lost, the state has to be read again. */
    void (*clear)(Store *store, bool is_committed);
    void (*free)(Store *store);
} Stage;

/* Describes the content of a store. */
typedef struct Schema {
    uint32_t version;
    /* Older versions store metrics in another form, see convert.c. */
    uint32_t metrics_version;
    /* TABLES names. */
    const char *const *table_names;
    /* Converts the tables of an older version, within the transaction. */
    bool (*convert)(Store *store, MDB_txn *txn, uint32_t version, GError **error);
    /* In the order of their flush. */
    const Stage *stages;
    size_t n_stages;
} Schema;

/* Call this function of all stages, until one fails. */
void stage_init_all(Store *store);
bool stage_load_all(Store *store, MDB_txn *txn, GError **error);
bool stage_flush_all(Store *store, GError **error);
void stage_clear_all(Store *store, bool is_committed);
void stage_free_all(Store *store);
