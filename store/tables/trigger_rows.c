/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/trigger_rows.h"

#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"

#include <string.h>

/*
 * Table triggers. Key of a state: the trigger's name, NUL; value: cursor u64, generation u32,
 * paused u8. Key of a delivery: the name, NUL, id u64; value: state u8, attempts u32, generation
 * u32, time i64, due i64, first u64, last u64, number of events u64, error, and the input with its
 * NUL.
 */
#define NAME_MAX_LEN 64
G_STATIC_ASSERT(sizeof((DeliveryPlace *)NULL)->bytes == NAME_MAX_LEN + 1 + 8);
#define STATE_LEN (8 + 4 + 1)
#define FIXED_MAX (1 + 2 * 4 + 5 * 8 + 2 + DELIVERY_ERROR_MAX)

/*
 * A change of a batch has room for about 30 pages (schema.c). A delivery with a long input counts
 * as several changes.
 */
#define CHANGE_BYTES (64 << 10)

typedef DeliveryPlace TriggerKey;

static MDB_val val_of(const TriggerKey *key)
{
    return (MDB_val){key->len, (void *)(uintptr_t)key->bytes};
}

/* Makes the key of the trigger's state, or with an id that of a delivery. */
static bool make_key(const char *name, uint64_t id, TriggerKey *ret_key)
{
    size_t len = strlen(name);

    g_return_val_if_fail(len > 0 && len <= NAME_MAX_LEN, false);
    memcpy(ret_key->bytes, name, len + 1);
    ret_key->len = len + 1;
    if (id > 0) {
        (void)key_put_u64(ret_key->bytes + ret_key->len, id);
        ret_key->len += 8;
    }
    return true;
}

/* Splits the key of a row. *ret_id is 0 for a state. */
static bool split_key(MDB_val key, const char **ret_name, uint64_t *ret_id)
{
    const char *bytes = key.mv_data;
    size_t len = strnlen(bytes, key.mv_size);

    if (len == 0 || len > NAME_MAX_LEN || (key.mv_size != len + 1 && key.mv_size != len + 1 + 8))
        return false;
    *ret_name = bytes;
    *ret_id = key.mv_size == len + 1 ? 0 : key_get_u64((const uint8_t *)bytes + len + 1);
    return key.mv_size == len + 1 || *ret_id > 0;
}

static bool fail_corrupt(const Store *store, GError **error)
{
    return env_fail_corrupt(store, "a row of its triggers cannot be read", error);
}

static bool decode_state(MDB_val value, TriggerState *ret_state)
{
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};

    ret_state->cursor = unpack_u64(&unpacker);
    ret_state->generation = unpack_u32(&unpacker);
    ret_state->is_paused = unpack_bool(&unpacker);
    return !unpacker.failed && unpacker.at == unpacker.len;
}

static bool decode_delivery(uint64_t id, MDB_val value, Delivery *ret_delivery)
{
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    Delivery *delivery = ret_delivery;

    delivery->id = id;
    delivery->state = (DeliveryState)unpack_u8(&unpacker);
    delivery->attempts = unpack_u32(&unpacker);
    delivery->generation = unpack_u32(&unpacker);
    delivery->time_us = unpack_i64(&unpacker);
    delivery->due_us = unpack_i64(&unpacker);
    delivery->first = unpack_u64(&unpacker);
    delivery->last = unpack_u64(&unpacker);
    delivery->n_events = unpack_u64(&unpacker);
    unpack_text(&unpacker, delivery->error, sizeof delivery->error);
    size_t input_len = unpacker.len - unpacker.at;
    delivery->input = unpack_bytes(&unpacker, input_len);
    return !unpacker.failed && input_len > 0 &&
           memchr(delivery->input, '\0', input_len) == delivery->input + input_len - 1 &&
           delivery->state >= DELIVERY_WAITING && delivery->state <= DELIVERY_RANGE;
}

bool store_put_trigger(Store *store, const char *name, const TriggerState *state, GError **error)
{
    uint8_t row[STATE_LEN];
    Packer packer = {.data = row, .max = sizeof row};
    TriggerKey key;

    if (!make_key(name, 0, &key) || !batch_begin(store, error))
        return false;
    pack_u64(&packer, state->cursor);
    pack_u32(&packer, state->generation);
    pack_u8(&packer, state->is_paused);
    store->batch_size++;
    return batch_put(store, TABLE_TRIGGERS, val_of(&key), (MDB_val){packer.len, row}, 0, error);
}

/* Deletes a row if it exists. */
static bool remove_row(Store *store, const char *name, uint64_t id, GError **error)
{
    MDB_val value;
    TriggerKey key;
    bool found;

    if (!make_key(name, id, &key) || !batch_begin(store, error) ||
        !env_get(store, store->batch, TABLE_TRIGGERS, val_of(&key), &found, &value, error))
        return false;
    store->batch_size++;
    return !found || batch_delete(store, TABLE_TRIGGERS, val_of(&key), error);
}

bool store_remove_trigger(Store *store, const char *name, GError **error)
{
    return remove_row(store, name, 0, error);
}

bool store_remove_delivery(Store *store, const char *trigger, uint64_t id, GError **error)
{
    g_return_val_if_fail(id > 0, false);
    return remove_row(store, trigger, id, error);
}

bool store_get_trigger(StoreSnapshot *snapshot, const char *name, bool *ret_found,
                       TriggerState *ret_state, GError **error)
{
    MDB_val value;
    TriggerKey key;

    if (!make_key(name, 0, &key) || !env_get(snapshot->store, snapshot->txn, TABLE_TRIGGERS,
                                             val_of(&key), ret_found, &value, error))
        return false;
    return !*ret_found || decode_state(value, ret_state) || fail_corrupt(snapshot->store, error);
}

bool store_peek_trigger(Store *store, const char *name, bool *ret_found, TriggerState *ret_state,
                        GError **error)
{
    MDB_val value;
    TriggerKey key;
    MDB_txn *txn;

    if (!make_key(name, 0, &key) || !view_begin(store, &txn, error))
        return false;
    bool ok = env_get(store, txn, TABLE_TRIGGERS, val_of(&key), ret_found, &value, error) &&
              (!*ret_found || decode_state(value, ret_state) || fail_corrupt(store, error));
    view_end(store);
    return ok;
}

bool store_put_delivery(Store *store, const char *trigger, Delivery *delivery, GError **error)
{
    size_t input_len = strlen(delivery->input) + 1;
    g_autofree uint8_t *row = g_malloc(FIXED_MAX + input_len);
    Packer packer = {.data = row, .max = FIXED_MAX + input_len};
    TriggerKey key;

    g_return_val_if_fail(input_len <= DELIVERY_INPUT_MAX + 1, false);
    if (!batch_begin(store, error))
        return false;
    if (delivery->id == 0)
        delivery->id = store->next_sequencer++;
    if (!make_key(trigger, delivery->id, &key))
        return false;
    pack_u8(&packer, (uint8_t)delivery->state);
    pack_u32(&packer, delivery->attempts);
    pack_u32(&packer, delivery->generation);
    pack_i64(&packer, delivery->time_us);
    pack_i64(&packer, delivery->due_us);
    pack_u64(&packer, delivery->first);
    pack_u64(&packer, delivery->last);
    pack_u64(&packer, delivery->n_events);
    pack_text(&packer, delivery->error);
    pack_bytes(&packer, delivery->input, input_len);
    store->batch_size += 1 + input_len / CHANGE_BYTES;
    return batch_put(store, TABLE_TRIGGERS, val_of(&key), (MDB_val){packer.len, row}, 0, error);
}

bool store_get_delivery(StoreSnapshot *snapshot, const char *trigger, uint64_t id, bool *ret_found,
                        Delivery *ret_delivery, GError **error)
{
    MDB_val value;
    TriggerKey key;

    g_return_val_if_fail(id > 0, false);
    if (!make_key(trigger, id, &key) || !env_get(snapshot->store, snapshot->txn, TABLE_TRIGGERS,
                                                 val_of(&key), ret_found, &value, error))
        return false;
    return !*ret_found || decode_delivery(id, value, ret_delivery) ||
           fail_corrupt(snapshot->store, error);
}

bool store_peek_delivery(Store *store, const char *trigger, uint64_t id, bool *ret_found,
                         Delivery *ret_delivery, GError **error)
{
    MDB_val value;
    TriggerKey key;
    MDB_txn *txn;

    g_return_val_if_fail(id > 0, false);
    if (!make_key(trigger, id, &key) || !view_begin(store, &txn, error))
        return false;
    bool ok =
        env_get(store, txn, TABLE_TRIGGERS, val_of(&key), ret_found, &value, error) &&
        (!*ret_found || decode_delivery(id, value, ret_delivery) || fail_corrupt(store, error));
    view_end(store);
    return ok;
}

/* One step of a walk over the states: reads the row, and sets the place where the next one is. */
typedef struct {
    const char *name;
    TriggerState state;
} StateRow;

/*
 * Finds the first state at or after `at`, which is then set behind the deliveries of that trigger.
 * Deliveries without a state are passed over.
 */
static bool next_state(Store *store, MDB_cursor *cursor, TriggerKey *at, bool *ret_found,
                       StateRow *ret_row, GError **error)
{
    for (;;) {
        MDB_val key = val_of(at), value;
        int rc = mdb_cursor_get(cursor, &key, &value, at->len > 0 ? MDB_SET_RANGE : MDB_FIRST);
        uint64_t id;
        *ret_found = rc == 0;
        if (rc != 0)
            return rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error);
        if (!split_key(key, &ret_row->name, &id) ||
            (id == 0 && !decode_state(value, &ret_row->state)))
            return fail_corrupt(store, error);
        /* No name has the byte 1, so this key is behind all rows of the trigger. */
        at->len = strlen(ret_row->name) + 1;
        memcpy(at->bytes, ret_row->name, at->len - 1);
        at->bytes[at->len - 1] = 1;
        if (id == 0)
            return true;
    }
}

bool store_triggers(StoreSnapshot *snapshot, StoreVisitTrigger visit, void *data, GError **error)
{
    Store *store = snapshot->store;
    TriggerKey at = {.len = 0};
    MDB_cursor *cursor;
    StateRow row;
    bool ok, found;

    if (!env_cursor(store, snapshot->txn, TABLE_TRIGGERS, &cursor, error))
        return false;
    if (!cursor)
        return true;
    do
        ok = next_state(store, cursor, &at, &found, &row, error);
    while (ok && found && visit(row.name, &row.state, data));
    mdb_cursor_close(cursor);
    return ok;
}

bool triggers_floor(Store *store, MDB_txn *txn, uint64_t *ret_floor, GError **error)
{
    TriggerKey at = {.len = 0};
    MDB_cursor *cursor;
    StateRow row = {0};
    bool found = true, ok = true;

    *ret_floor = UINT64_MAX;
    if (!env_cursor(store, txn, TABLE_TRIGGERS, &cursor, error))
        return false;
    while (cursor && ok && found) {
        ok = next_state(store, cursor, &at, &found, &row, error);
        if (ok && found)
            *ret_floor = MIN(*ret_floor, row.state.cursor);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return ok;
}

/* Visits the rows of a cursor that stands at `key`. */
static bool visit_deliveries(Store *store, MDB_cursor *cursor, MDB_val key, const char *trigger,
                             StoreVisitDelivery visit, void *data, GError **error)
{
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, key.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);

    while (rc == 0) {
        Delivery delivery;
        const char *name;
        uint64_t id;
        if (!split_key(key, &name, &id) || (id > 0 && !decode_delivery(id, value, &delivery)))
            return fail_corrupt(store, error);
        if ((trigger && strcmp(name, trigger) != 0) || (id > 0 && !visit(name, &delivery, data)))
            return true;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error);
}

bool store_deliveries(StoreSnapshot *snapshot, const char *trigger, uint64_t from,
                      StoreVisitDelivery visit, void *data, GError **error)
{
    Store *store = snapshot->store;
    TriggerKey key = {.len = 0};
    MDB_cursor *cursor;

    if (trigger && !make_key(trigger, from, &key))
        return false;
    if (!env_cursor(store, snapshot->txn, TABLE_TRIGGERS, &cursor, error))
        return false;
    if (!cursor)
        return true;
    bool ok = visit_deliveries(store, cursor, val_of(&key), trigger, visit, data, error);
    mdb_cursor_close(cursor);
    return ok;
}

typedef struct {
    Store *store;
    DeliveryEdit *edit;
    /* TriggerKey of each dead letter. */
    GArray *keys;
    /* Number of rows that were examined, and of changes that follow from them. */
    size_t n_rows, n_changes;
} EditSlice;

/* True for a row that waits for a trigger which is not configured any more. */
static bool waits_in_vain(const EditSlice *slice, const char *trigger, const Delivery *delivery)
{
    MDB_val value;
    TriggerKey key;
    bool found = true;

    /* Without an answer the row counts as one that waits. */
    return delivery->state == DELIVERY_WAITING && make_key(trigger, 0, &key) &&
           env_get(slice->store, slice->store->batch, TABLE_TRIGGERS, val_of(&key), &found, &value,
                   NULL) &&
           !found;
}

/* Returns how many changes of the batch a delivery counts as: a long input counts as several. */
static size_t changes_of(const Delivery *delivery)
{
    return 1 + (strlen(delivery->input) + 1) / CHANGE_BYTES;
}

/* Notes a row that is to be changed. Returns false before the first row of the next slice. */
static bool note_dead(const char *trigger, const Delivery *delivery, void *data)
{
    EditSlice *slice = data;
    DeliveryEdit *edit = slice->edit;
    TriggerKey key;

    bool is_chosen = delivery->state == DELIVERY_DEAD ||
                     (edit->drops && (delivery->state == DELIVERY_RANGE ||
                                      waits_in_vain(slice, trigger, delivery)));
    if (slice->n_rows > 0 && (slice->n_rows >= DELIVERY_EDITS_MAX ||
                              slice->n_changes + changes_of(delivery) > DELIVERY_EDITS_MAX)) {
        edit->has_ended = false;
        return false;
    }
    if (!make_key(trigger, delivery->id, &key))
        return false;
    edit->after = key;
    slice->n_rows++;
    if (is_chosen) {
        slice->n_changes += changes_of(delivery);
        g_array_append_val(slice->keys, key);
    }
    return true;
}

/* Makes the dead letter wait again. */
static bool retry_row(Store *store, const TriggerKey *key, int64_t now_us, GError **error)
{
    g_autofree char *input = NULL;
    Delivery delivery;
    const char *name;
    MDB_val value;
    uint64_t id;
    bool found;

    if (!split_key(val_of(key), &name, &id) ||
        !env_get(store, store->batch, TABLE_TRIGGERS, val_of(key), &found, &value, error))
        return false;
    if (!found || !decode_delivery(id, value, &delivery))
        return fail_corrupt(store, error);
    /* The row moves when it is written. */
    input = g_strdup(delivery.input);
    delivery.input = input;
    delivery.state = DELIVERY_WAITING;
    delivery.attempts = 0;
    delivery.generation++;
    delivery.due_us = now_us;
    return store_put_delivery(store, name, &delivery, error);
}

static bool edit_rows(const EditSlice *slice, GError **error)
{
    Store *store = slice->store;
    bool ok = true;

    for (guint i = 0; ok && i < slice->keys->len; i++) {
        const TriggerKey *key = &g_array_index(slice->keys, TriggerKey, i);
        ok = slice->edit->drops ? batch_delete(store, TABLE_TRIGGERS, val_of(key), error)
                                : retry_row(store, key, slice->edit->now_us, error);
        store->batch_size += slice->edit->drops;
    }
    return ok;
}

/* Sets the key of the first row that the slice may have: behind `after`, or of the trigger. */
static bool first_key(const DeliveryEdit *edit, TriggerKey *ret_key)
{
    const char *name;
    uint64_t id;

    *ret_key = edit->after;
    if (edit->after.len > 0)
        return split_key(val_of(&edit->after), &name, &id) && make_key(name, id + 1, ret_key);
    return !*edit->trigger || make_key(edit->trigger, 0, ret_key);
}

bool store_edit_deliveries(Store *store, DeliveryEdit *edit, GError **error)
{
    EditSlice slice = {
        .store = store, .edit = edit, .keys = g_array_new(FALSE, FALSE, sizeof(TriggerKey))};
    TriggerKey key;
    MDB_cursor *cursor;

    edit->has_ended = true;
    bool ok = first_key(edit, &key) && batch_begin(store, error) &&
              env_cursor(store, store->batch, TABLE_TRIGGERS, &cursor, error);
    if (ok) {
        ok = visit_deliveries(store, cursor, val_of(&key), *edit->trigger ? edit->trigger : NULL,
                              note_dead, &slice, error);
        mdb_cursor_close(cursor);
    }
    ok = ok && edit_rows(&slice, error);
    edit->changed += ok ? slice.keys->len : 0;
    g_array_unref(slice.keys);
    return ok;
}
