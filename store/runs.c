#include "pack.h"
#include "store_internal.h"

/* runs: key: the schedule's name; value: time i64, duration i64, ok u8. */
#define ROW_LEN (8 + 8 + 1)

static MDB_val name_key(const char *name, uint8_t buffer[static KEY_MAX])
{
    return (MDB_val){key_from_name(name, KEY_MAX, buffer), buffer};
}

bool store_put_run(Store *store, const char *schedule, const StoreRun *run, GError **error)
{
    uint8_t key[KEY_MAX], row[ROW_LEN];
    Packer packer = {.data = row, .max = sizeof row};

    pack_i64(&packer, run->time_us);
    pack_i64(&packer, run->duration_us);
    pack_u8(&packer, run->ok);
    if (!batch_begin(store, error) || !batch_put(store, TABLE_RUNS, name_key(schedule, key),
                                                 (MDB_val){sizeof row, row}, 0, error))
        return false;
    store->batch_size++;
    return true;
}

bool store_get_run(StoreSnapshot *snapshot, const char *schedule, bool *ret_found,
                   StoreRun *ret_run, GError **error)
{
    uint8_t key[KEY_MAX];
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_RUNS, name_key(schedule, key), &found,
                 &value, error))
        return false;
    *ret_found = found;
    if (!found)
        return true;

    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    StoreRun run;

    run.time_us = unpack_i64(&unpacker);
    run.duration_us = unpack_i64(&unpacker);
    run.ok = unpack_bool(&unpacker);
    if (unpacker.failed)
        return env_fail_corrupt(snapshot->store, "the last run of a schedule cannot be read",
                                error);
    *ret_run = run;
    return true;
}
