/* SPDX-License-Identifier: Apache-2.0 */
/* The state of each alarm, and the state before it, as rows of the table meta. A row that cannot be
 * read is reported as a corrupt store. */
#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"

#include <string.h>

/*
 * Table meta, key: "alarm:" and the name; value: definition u64; state u8, since i64, reason; the
 * same of the state before; notified u8.
 */
#define KEY_PREFIX  "alarm:"
#define VERDICT_MAX (1 + 8 + 2 + ALARM_REASON_MAX)
#define ROW_MAX     (8 + 2 * VERDICT_MAX + 1)

static MDB_val name_key(const char *name, uint8_t buffer[static KEY_MAX])
{
    static const char prefix[] = KEY_PREFIX;
    size_t prefix_len = sizeof prefix - 1;

    memcpy(buffer, prefix, prefix_len);
    return (MDB_val){prefix_len + key_from_name(name, KEY_MAX - prefix_len, buffer + prefix_len),
                     buffer};
}

static void pack_verdict(Packer *packer, const AlarmVerdict *verdict)
{
    pack_u8(packer, (uint8_t)verdict->state);
    pack_i64(packer, verdict->time_us);
    pack_text(packer, verdict->reason);
}

static void unpack_verdict(Unpacker *unpacker, AlarmVerdict *verdict)
{
    verdict->state = (AlarmState)unpack_u8(unpacker);
    verdict->time_us = unpack_i64(unpacker);
    unpack_text(unpacker, verdict->reason, sizeof verdict->reason);
    unpacker->failed |= verdict->state >= ALARM_STATES;
}

bool store_put_alarm(Store *store, const char *name, const AlarmStatus *alarm, GError **error)
{
    uint8_t key[KEY_MAX], row[ROW_MAX];
    Packer packer = {.data = row, .max = sizeof row};

    pack_u64(&packer, alarm->definition);
    pack_verdict(&packer, &alarm->now);
    pack_verdict(&packer, &alarm->before);
    pack_u8(&packer, alarm->is_notified);
    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_META, name_key(name, key), (MDB_val){packer.len, row}, 0, error))
        return false;
    store->batch_size++;
    return true;
}

bool store_get_alarm(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                     AlarmStatus *ret_alarm, GError **error)
{
    uint8_t key[KEY_MAX];
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_META, name_key(name, key), &found, &value,
                 error))
        return false;
    *ret_found = found;
    if (!found)
        return true;

    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    AlarmStatus alarm;

    alarm.definition = unpack_u64(&unpacker);
    unpack_verdict(&unpacker, &alarm.now);
    unpack_verdict(&unpacker, &alarm.before);
    alarm.is_notified = unpack_bool(&unpacker);
    if (unpacker.failed)
        return env_fail_corrupt(snapshot->store, "the state of an alarm cannot be read", error);
    *ret_alarm = alarm;
    return true;
}
