/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of the tests of the store: a store in a temporary folder, and calls that must
 * succeed. */
#pragma once

#include "engine/store_limits.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)
/* The time 2026-01-01T00:00:00Z. */
#define T0 (INT64_C(1767225600) * SECOND)

typedef struct {
    char *directory;
    Store *store;
} Fixture;

/* Limits that are so small that a test reaches each of them. */
static const StoreLimits small_limits = {
    .map_bytes = 1 << 20,
    .headroom_bytes = 512 << 10,
    .batch_max = 64,
    .events_max = 200,
    .renew_rows = 7,
    .selection_max = 16,
};

static inline Store *open_store(const char *directory, StoreMode mode, const StoreLimits *limits)
{
    g_autoptr(GError) error = NULL;
    Store *store = store_open_with_limits(directory, mode, limits, &error);

    g_assert_no_error(error);
    g_assert_nonnull(store);
    return store;
}

static inline void fixture_init(Fixture *fixture, const StoreLimits *limits)
{
    g_autofree char *parent = g_dir_make_tmp("thumbq-store-XXXXXX", NULL);

    g_assert_nonnull(parent);
    fixture->directory = g_build_filename(parent, "store", NULL);
    fixture->store = open_store(fixture->directory, STORE_WRITE, limits);
}

static inline void fixture_clear(Fixture *fixture)
{
    g_autofree char *parent = g_path_get_dirname(fixture->directory);
    g_autofree char *data = g_build_filename(fixture->directory, "data.mdb", NULL);
    g_autofree char *lock = g_build_filename(fixture->directory, "lock.mdb", NULL);

    store_close(fixture->store);
    /* A test may have removed them. */
    (void)g_remove(data);
    (void)g_remove(lock);
    (void)g_rmdir(fixture->directory);
    (void)g_rmdir(parent);
    g_free(fixture->directory);
}

static inline void commit(Store *store)
{
    g_autoptr(GError) error = NULL;
    bool ok = store_commit(store, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

static inline StoreSeen seen_as(Store *store, const char *key, ObjectVersion version,
                                Priority priority, int64_t now_us)
{
    g_autoptr(GError) error = NULL;
    StoreSeen seen;
    uint64_t id;
    bool ok = store_seen(store, key, &version, priority, now_us, &seen, &id, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpuint(id, >, 0);
    return seen;
}

static inline ObjectVersion version_of(int n)
{
    return (ObjectVersion){.ino = 100, .size = 1000 + n, .mtime_ns = T0 * 1000, .ctime_ns = n};
}

/* Claims the next object that is due. False if there is none. */
static inline bool claim(Store *store, int64_t now_us, Record *ret_record, int64_t *ret_due_us)
{
    g_autoptr(GError) error = NULL;
    bool found = false;
    bool ok = store_claim(store, now_us, &found, ret_record, ret_due_us, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static inline bool finish(Store *store, const char *key, const StoreOutcome *outcome,
                          Record *ret_record)
{
    g_autoptr(GError) error = NULL;
    bool found = false;
    bool ok = store_finish(store, key, outcome, &found, ret_record, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static inline bool peek(Store *store, const char *key, Record *ret_record)
{
    g_autoptr(GError) error = NULL;
    bool found = false;
    bool ok = store_peek(store, key, &found, ret_record, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static inline bool remove_object(Store *store, const char *key, int64_t now_us)
{
    g_autoptr(GError) error = NULL;
    Record record;
    bool found = false;
    bool ok = store_remove(store, key, now_us, &found, &record, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static inline bool move_object(Store *store, const char *from, const char *to,
                               ObjectVersion version, int64_t now_us, Record *ret_record)
{
    g_autoptr(GError) error = NULL;
    bool moved = false;
    bool ok = store_move(store, from, to, &version, now_us, &moved, ret_record, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return moved;
}

static inline bool requeue(Store *store, const char *key, Priority priority, int64_t now_us)
{
    g_autoptr(GError) error = NULL;
    bool found = false;
    bool ok = store_requeue(store, key, priority, now_us, &found, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static inline StoreSnapshot *begin_snapshot(Store *store)
{
    g_autoptr(GError) error = NULL;
    StoreSnapshot *snapshot = store_snapshot_begin(store, &error);

    g_assert_no_error(error);
    g_assert_nonnull(snapshot);
    return snapshot;
}

/* Makes the outcome of an invocation that took 20 ms, with one thumbnail if the state is done. */
static inline StoreOutcome outcome_of(ObjectState state, ObjectVersion version, int64_t now_us)
{
    StoreOutcome outcome = {
        .state = state,
        .version = version,
        .counts = true,
        .now_us = now_us,
        .attempt = {.start_us = now_us - 20000, .duration_us = 20000},
    };

    if (state == STATE_DONE) {
        outcome.has_facts = true;
        outcome.facts = (ImageFacts){.type = IMAGE_JPEG, .width = 40, .height = 30, .pages = 1};
        outcome.n_thumbnails = 1;
        outcome.thumbnails[0] = (Thumbnail){
            .rendition = "small",
            .facts = {IMAGE_WEBP, 4, 3, 77},
            .recipe = rendition_recipe(&(Rendition){.recipe = 1}, IMAGE_JPEG),
        };
    }
    return outcome;
}

static inline void expect_text(const char *actual, const char *expected, const char *name)
{
    if (g_strcmp0(actual, expected) != 0)
        g_error("%s: '%s' instead of '%s'", name, actual, expected);
}
