/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that knows all tables and all modules with a state: the engine uses the rows below.
 */
#include "schema.h"

#include "engine/engine.h"
#include "engine/resident.h"
#include "engine/tables.h"
#include "tables/claims.h"
#include "tables/convert.h"
#include "tables/events.h"
#include "tables/filling.h"
#include "tables/metric_rows.h"
#include "tables/mounts.h"
#include "tables/object_state.h"
#include "tables/retention.h"
#include "tables/totals.h"

#include <fcntl.h>

/*
 * Space for a batch. A change touches at most about 30 pages of 4 KiB that no other change of its
 * batch touches: the leaves of 7 tables, at the old and the new place, an upper page for some of
 * them, and twice the overflow pages of a record and an event with the longest key. 2048 changes
 * fit into the headroom. The headroom is also smaller than the 131,071 dirty pages at which LMDB
 * begins to spill.
 */
const StoreLimits store_default_limits = {
    .map_bytes = (size_t)1 << 30,
    .headroom_bytes = (size_t)256 << 20,
    .batch_max = STORE_BATCH_MAX,
    .events_max = STORE_EVENTS_MAX,
    .renew_rows = 4096,
    .selection_max = 1 << 20,
    .resident_bytes = RESIDENT_BYTES,
};

static const char *const table_names[TABLES] = {
    [TABLE_META] = "meta",
    [TABLE_OBJECTS] = "objects",
    [TABLE_QUEUE] = "queue",
    [TABLE_BY_STATE] = "by_state",
    [TABLE_BY_DATE] = "by_date",
    [TABLE_BY_SIZE] = "by_size",
    [TABLE_BY_TYPE] = "by_type",
    [TABLE_TOTALS] = "totals",
    [TABLE_METRICS] = "metrics",
    [TABLE_EVENTS] = "events",
    [TABLE_EVENTS_BY_OBJECT] = "events_by_object",
    [TABLE_RUNS] = "runs",
    [TABLE_JOBS] = "jobs",
    [TABLE_TRIGGERS] = "triggers",
};

/*
 * In the order of a commit: claims change records, and with them totals and mounts; metrics read
 * the totals.
 */
static const Stage stages[] = {
    {.init = claims_init, .flush = claims_flush, .clear = claims_clear, .free = claims_free},
    {.init = totals_init, .flush = totals_flush, .clear = totals_clear, .free = totals_free},
    {.init = mounts_init,
     .load = mounts_load,
     .flush = mounts_flush,
     .clear = mounts_clear,
     .free = mounts_free},
    {.init = metrics_init, .flush = metrics_flush, .clear = metrics_clear, .free = metrics_free},
    {.flush = events_flush},
    {.clear = filling_clear},
    {.init = retention_init, .flush = retention_flush, .free = retention_free},
    {.init = state_init, .free = state_free},
};

static const Schema schema = {
    .version = 4,
    .metrics_version = 2,
    .table_names = table_names,
    .convert = convert_from,
    .stages = stages,
    .n_stages = G_N_ELEMENTS(stages),
};

Store *schema_open_alone(int dir_fd, const char *directory, GError **error)
{
    return engine_open(&schema, dir_fd, directory, STORE_READ, ENGINE_ALONE, &store_default_limits,
                       error);
}

Store *store_open_damaged(int dir_fd, const char *directory, GError **error)
{
    return engine_open(&schema, dir_fd, directory, STORE_READ, ENGINE_DAMAGED,
                       &store_default_limits, error);
}

Store *store_open_with_limits(const char *directory, StoreMode mode, const StoreLimits *limits,
                              GError **error)
{
    return engine_open(&schema, AT_FDCWD, directory, mode, ENGINE_SHARED, limits, error);
}

Store *store_open_at(int dir_fd, const char *directory, StoreMode mode, GError **error)
{
    return engine_open(&schema, dir_fd, directory, mode, ENGINE_SHARED, &store_default_limits,
                       error);
}

Store *store_open(const char *directory, StoreMode mode, GError **error)
{
    return store_open_at(AT_FDCWD, directory, mode, error);
}
