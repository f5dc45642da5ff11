/* SPDX-License-Identifier: Apache-2.0 */
/* Table meta, key "window"; value: paused u8, due i64. */
#include "store/backfill_window.h"
#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/snapshot.h"

static const char window_key_text[] = "window";

static MDB_val window_key(void)
{
    return (MDB_val){sizeof window_key_text - 1, (void *)(uintptr_t)window_key_text};
}

bool store_put_window(Store *store, const StoreWindow *window, GError **error)
{
    uint8_t row[1 + 8];
    Packer packer = {.data = row, .max = sizeof row};

    pack_u8(&packer, window->is_paused);
    pack_i64(&packer, window->due_us);
    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_META, window_key(), (MDB_val){packer.len, row}, 0, error))
        return false;
    store->batch_size++;
    return true;
}

bool store_get_window(StoreSnapshot *snapshot, StoreWindow *ret_window, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_META, window_key(), &found, &value, error))
        return false;
    *ret_window = (StoreWindow){0};
    if (!found)
        return true;
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    bool is_paused = unpack_u8(&unpacker) != 0;
    int64_t due_us = unpack_i64(&unpacker);
    if (unpacker.failed)
        return env_fail_corrupt(snapshot->store, "the row of the back-fill pause cannot be read",
                                error);
    *ret_window = (StoreWindow){.is_paused = is_paused, .due_us = due_us};
    return true;
}

void store_hold_backfill(Store *store, bool held)
{
    store->holds_backfill = held;
}
