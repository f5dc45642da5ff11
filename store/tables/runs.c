/* SPDX-License-Identifier: Apache-2.0 */
/* The last run of each schedule, and the time up to which its due times were handled. */
#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"

/*
 * Table runs, key: the schedule's name; value: time i64, duration i64, outcome u8; then, except in
 * rows of the oldest version, due i64, handled i64, definition u64, text; then, except in rows of
 * older versions, succeeded i64.
 */
#define ROW_MAX (6 * 8 + 1 + 2 + RUN_TEXT_MAX)

static MDB_val name_key(const char *name, uint8_t buffer[static KEY_MAX])
{
    return (MDB_val){key_from_name(name, KEY_MAX, buffer), buffer};
}

bool store_put_schedule(Store *store, const char *name, const ScheduleState *schedule,
                        GError **error)
{
    uint8_t key[KEY_MAX], row[ROW_MAX];
    Packer packer = {.data = row, .max = sizeof row};

    pack_i64(&packer, schedule->time_us);
    pack_i64(&packer, schedule->duration_us);
    pack_u8(&packer, (uint8_t)schedule->outcome);
    pack_i64(&packer, schedule->due_us);
    pack_i64(&packer, schedule->handled_us);
    pack_u64(&packer, schedule->definition);
    pack_text(&packer, schedule->text);
    pack_i64(&packer, schedule->succeeded_us);
    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_RUNS, name_key(name, key), (MDB_val){packer.len, row}, 0, error))
        return false;
    store->batch_size++;
    return true;
}

bool store_get_schedule(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                        ScheduleState *ret_schedule, GError **error)
{
    uint8_t key[KEY_MAX];
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_RUNS, name_key(name, key), &found, &value,
                 error))
        return false;
    *ret_found = found;
    if (!found)
        return true;

    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    ScheduleState schedule = {0};

    schedule.time_us = unpack_i64(&unpacker);
    schedule.duration_us = unpack_i64(&unpacker);
    schedule.outcome = (RunOutcome)unpack_u8(&unpacker);
    if (unpacker.at < unpacker.len) {
        schedule.due_us = unpack_i64(&unpacker);
        schedule.handled_us = unpack_i64(&unpacker);
        schedule.definition = unpack_u64(&unpacker);
        unpack_text(&unpacker, schedule.text, sizeof schedule.text);
    }
    if (unpacker.at < unpacker.len)
        schedule.succeeded_us = unpack_i64(&unpacker);
    else if (schedule.outcome == RUN_OK)
        schedule.succeeded_us = schedule.time_us + schedule.duration_us;
    if (unpacker.failed || schedule.outcome >= RUN_OUTCOMES)
        return env_fail_corrupt(snapshot->store, "the row of a schedule cannot be read", error);
    *ret_schedule = schedule;
    return true;
}
