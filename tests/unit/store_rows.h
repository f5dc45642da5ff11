/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a store in the tests: many objects, their number, and the file that holds them. */
#pragma once

#include "store_fixture.h"

static inline char *data_path(const Fixture *fixture)
{
    return g_build_filename(fixture->directory, "data.mdb", NULL);
}

static inline bool count_row(const Record *record, void *data)
{
    /* The test does not use it. */
    (void)record;
    ++*(uint64_t *)data;
    return true;
}

static inline uint64_t count_rows(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    const StoreFilter everything = {0};
    uint64_t rows = 0;

    g_assert_true(
        store_query(snapshot, &everything, STORE_SORT_DATE, false, 0, count_row, &rows, &error));
    g_assert_no_error(error);
    return rows;
}

/* Adds `n` objects with long keys, from number `first` on, a few per batch. */
static inline void add_objects(Store *store, int first, int n)
{
    g_autofree char *filler = g_strnfill(400, 'n');

    for (int i = first; i < first + n; i++) {
        g_autofree char *key = g_strdup_printf("%d/%s", i, filler);
        (void)seen_as(store, key, version_of(i), PRIORITY_UPLOAD, T0);
        if (i % 20 == 19)
            commit(store);
    }
    commit(store);
}
