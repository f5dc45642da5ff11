/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table meta, key "filling": the first scan of the bucket has not ended yet. Value: the time when
 * the store was made by the clock of files (nanoseconds), the wall clock and the time since the
 * start of the machine (microseconds), i64 each. It is empty in the store of an older thumbq.
 */
#include "tables/filling.h"

#include "base/clock.h"
#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "store/store_filling.h"

#include <time.h>

/* Two clocks of one machine differ by less, unless one of them was set. */
#define CLOCKS_DIFFER_US CLOCK_US_PER_SEC

#define ROW_LEN 24

static const char key_text[] = "filling";

static MDB_val filling_key(void)
{
    return (MDB_val){sizeof key_text - 1, (void *)(uintptr_t)key_text};
}

/*
 * Local file systems take the times of files from CLOCK_REALTIME_COARSE, which is some milliseconds
 * behind CLOCK_REALTIME. Since Linux 6.13 a file that is examined and changed within these
 * milliseconds has a time between the two.
 */
static int64_t read_clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 * 1000 * 1000 + now.tv_nsec;
}

/* Reads two clocks at one time, also if this process is stopped between the two. */
static void read_both_clocks(int64_t *ret_wall_us, int64_t *ret_boot_us)
{
    int64_t before_us;

    do {
        before_us = clock_boot_us();
        *ret_wall_us = clock_wall_us();
        *ret_boot_us = clock_boot_us();
    } while (*ret_boot_us - before_us > CLOCKS_DIFFER_US / 10);
}

bool filling_begin(Store *store, GError **error)
{
    uint8_t row[ROW_LEN];
    Packer packer = {.data = row, .max = sizeof row};
    Filling *filling = &store->filling;

    filling->goes_on = true;
    filling->made_ns = read_clock_ns(CLOCK_REALTIME_COARSE);
    read_both_clocks(&filling->wall_us, &filling->boot_us);
    pack_i64(&packer, filling->made_ns);
    pack_i64(&packer, filling->wall_us);
    pack_i64(&packer, filling->boot_us);
    store->batch_size++;
    return batch_begin(store, error) &&
           batch_put(store, TABLE_META, filling_key(), (MDB_val){packer.len, row}, 0, error);
}

/* True for a time that a clock can have. The difference of two of them does not overflow. */
static bool is_time(int64_t time)
{
    return time >= 0 && time < INT64_MAX / 4;
}

bool filling_load(Store *store, MDB_txn *txn, GError **error)
{
    Filling filling = {.goes_on = false};
    MDB_val value;

    if (!env_get(store, txn, TABLE_META, filling_key(), &filling.goes_on, &value, error))
        return false;
    if (filling.goes_on && value.mv_size > 0) {
        Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
        filling.made_ns = unpack_i64(&unpacker);
        filling.wall_us = unpack_i64(&unpacker);
        filling.boot_us = unpack_i64(&unpacker);
        if (unpacker.failed || !is_time(filling.made_ns) || !is_time(filling.wall_us) ||
            !is_time(filling.boot_us))
            return env_fail_corrupt(store, "the time of its first scan cannot be read", error);
    }
    store->filling = filling;
    return true;
}

/* Reads the clocks, and compares them with those of the time when the store was made. */
static void check_clocks(Filling *filling)
{
    int64_t wall_us, boot_us;

    read_both_clocks(&wall_us, &boot_us);
    int64_t differ_us = (wall_us - filling->wall_us) - (boot_us - filling->boot_us);
    filling->is_steady = filling->made_ns > 0 && ABS(differ_us) < CLOCKS_DIFFER_US;
    filling->read_ns = read_clock_ns(CLOCK_REALTIME);
}

bool filling_has_older(Store *store, const ObjectVersion *version)
{
    Filling *filling = &store->filling;

    if (!filling->goes_on)
        return false;
    /* The file may have been changed since the clocks were read. */
    if (filling->read_ns == 0 || version->ctime_ns > filling->read_ns)
        check_clocks(filling);
    return !filling->is_steady || version->ctime_ns < filling->made_ns ||
           version->ctime_ns > filling->read_ns;
}

void filling_clear(Store *store, bool is_committed)
{
    (void)is_committed;
    store->filling.read_ns = 0;
}

bool store_end_filling(Store *store, GError **error)
{
    if (!store->filling.goes_on)
        return true;
    if (!batch_begin(store, error) || !batch_delete(store, TABLE_META, filling_key(), error))
        return false;
    store->filling.goes_on = false;
    store->batch_size++;
    return true;
}
