/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/handover_rows.h"

#include "base/clock.h"
#include "base/pack.h"
#include "rules/trigger_batch.h"
#include "store/epoch.h"
#include "store/store_triggers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A row: length u32, kind u8, and its fields, as the functions below pack them. */
typedef enum {
    /* The last sequencer of the store. */
    ROW_LAST = 1,
    ROW_STATE,
    ROW_DELIVERY,
    /* All rows have come. */
    ROW_END,
} RowKind;

/* Bytes of all fields but the input. */
#define FIELDS_MAX 512
#define ROW_MAX    (FIELDS_MAX + DELIVERY_INPUT_MAX + 1)

/* Sequencers are counted up from the time in microseconds. */
#define SEQUENCER_MAX ((uint64_t)INT64_MAX)

typedef struct {
    FILE *stream;
    StoreSnapshot *snapshot;
    uint8_t *row;
    bool failed;
} RowWriter;

static Packer begin_row(const RowWriter *writer, RowKind kind)
{
    Packer packer = {.data = writer->row, .max = ROW_MAX};

    pack_u8(&packer, (uint8_t)kind);
    return packer;
}

static void end_row(RowWriter *writer, const Packer *packer)
{
    uint8_t bytes[4];
    Packer len = {.data = bytes, .max = sizeof bytes};

    pack_u32(&len, (uint32_t)packer->len);
    /* The next row may end the process. */
    writer->failed |= packer->failed || fwrite(bytes, sizeof bytes, 1, writer->stream) != 1 ||
                      fwrite(packer->data, packer->len, 1, writer->stream) != 1 ||
                      fflush(writer->stream) != 0;
}

static bool write_state(const char *name, const TriggerState *state, void *data)
{
    RowWriter *writer = data;
    Packer packer = begin_row(writer, ROW_STATE);

    pack_text(&packer, name);
    pack_u32(&packer, state->generation);
    pack_u8(&packer, state->is_paused);
    end_row(writer, &packer);
    return !writer->failed;
}

static bool write_delivery(const char *name, const Delivery *delivery, void *data)
{
    RowWriter *writer = data;
    Packer packer = begin_row(writer, ROW_DELIVERY);

    pack_text(&packer, name);
    pack_u64(&packer, delivery->id);
    pack_u32(&packer, (uint32_t)delivery->state);
    pack_u32(&packer, delivery->attempts);
    pack_u32(&packer, delivery->generation);
    pack_i64(&packer, delivery->time_us);
    pack_i64(&packer, delivery->due_us);
    pack_u64(&packer, delivery->first);
    pack_u64(&packer, delivery->last);
    pack_u64(&packer, delivery->n_events);
    pack_text(&packer, delivery->error);
    pack_bytes(&packer, delivery->input, strlen(delivery->input) + 1);
    end_row(writer, &packer);
    return !writer->failed;
}

/* Writes the events that the trigger has not passed, as batches that wait. */
static bool write_events(RowWriter *writer, const TriggerConfig *config, const char *bucket)
{
    TriggerState state;
    bool found, ok = true;

    if (!store_get_trigger(writer->snapshot, config->name, &found, &state, NULL))
        return false;
    for (uint64_t after = state.cursor; found && ok;) {
        g_auto(TriggerBatch) batch = {0};
        ok = trigger_batch_read(writer->snapshot, config, after, UINT64_MAX, bucket, &batch, NULL);
        if (batch.n_events == 0)
            break;
        /* Deliveries and events have ids from one counter. */
        const Delivery delivery = {.id = batch.first,
                                   .state = DELIVERY_WAITING,
                                   .generation = state.generation,
                                   .time_us = batch.time_us,
                                   .due_us = clock_wall_us(),
                                   .first = batch.first,
                                   .last = batch.last,
                                   .n_events = batch.n_events,
                                   .input = batch.input->str};
        ok = write_delivery(config->name, &delivery, writer) && ok;
        after = batch.upto;
    }
    return ok;
}

static bool write_rows(RowWriter *writer, const Store *store, const char *bucket,
                       const Config *config)
{
    Packer packer = begin_row(writer, ROW_LAST);

    pack_u64(&packer, store_last_sequencer(store));
    end_row(writer, &packer);
    bool ok = store_triggers(writer->snapshot, write_state, writer, NULL);
    ok = store_deliveries(writer->snapshot, NULL, 0, write_delivery, writer, NULL) && ok;
    for (size_t i = 0; i < config->n_triggers; i++)
        ok = write_events(writer, &config->triggers[i], bucket) && ok;
    if (!ok || writer->failed)
        return false;
    packer = begin_row(writer, ROW_END);
    end_row(writer, &packer);
    return !writer->failed;
}

bool handover_rows_write(int fd, int dir_fd, const char *directory, const char *bucket,
                         const Config *config)
{
    g_autoptr(Store) store = store_open_damaged(dir_fd, directory, NULL);
    g_autoptr(StoreSnapshot) snapshot = store ? store_snapshot_begin(store, NULL) : NULL;
    g_autofree uint8_t *row = g_malloc(ROW_MAX);

    if (!snapshot)
        return false;
    RowWriter writer = {.stream = fdopen(fd, "w"), .snapshot = snapshot, .row = row};
    if (!writer.stream)
        return false;
    bool ok = write_rows(&writer, store, bucket, config);
    return fclose(writer.stream) == 0 && ok;
}

typedef struct {
    Store *store;
    HandoverCounts *counts;
    GError **error;
    /* A row was passed over. */
    bool is_damaged;
    /* The store has failed. */
    bool failed;
} RowReader;

static bool read_state(RowReader *reader, Unpacker *unpacker)
{
    char name[CONFIG_NAME_MAX];
    TriggerState state = {.cursor = store_last_sequencer(reader->store)};

    unpack_text(unpacker, name, sizeof name);
    state.generation = unpack_u32(unpacker);
    state.is_paused = unpack_bool(unpacker);
    if (unpacker->failed || !*name) {
        reader->is_damaged = true;
        return true;
    }
    reader->failed = !store_put_trigger(reader->store, name, &state, reader->error);
    return !reader->failed;
}

/* Reads the fields of a delivery. Returns false for wrong bytes. */
static bool unpack_delivery(Unpacker *unpacker, char name[static CONFIG_NAME_MAX],
                            Delivery *ret_delivery)
{
    Delivery *delivery = ret_delivery;

    unpack_text(unpacker, name, CONFIG_NAME_MAX);
    delivery->id = unpack_u64(unpacker);
    delivery->state = (DeliveryState)unpack_int(unpacker, DELIVERY_WAITING, DELIVERY_RANGE);
    delivery->attempts = unpack_u32(unpacker);
    delivery->generation = unpack_u32(unpacker);
    delivery->time_us = unpack_i64(unpacker);
    delivery->due_us = unpack_i64(unpacker);
    delivery->first = unpack_u64(unpacker);
    delivery->last = unpack_u64(unpacker);
    delivery->n_events = unpack_u64(unpacker);
    unpack_text(unpacker, delivery->error, sizeof delivery->error);
    size_t len = unpacker->len - unpacker->at;
    delivery->input = unpack_bytes(unpacker, len);
    return !unpacker->failed && *name && len > 0 &&
           memchr(delivery->input, '\0', len) == delivery->input + len - 1;
}

/* True if a store can have written these values. */
static bool is_possible(const Delivery *delivery)
{
    return delivery->id > 0 && delivery->id <= SEQUENCER_MAX && delivery->first > 0 &&
           delivery->first <= delivery->last && delivery->last <= SEQUENCER_MAX &&
           delivery->n_events > 0 && delivery->time_us >= 0 && delivery->due_us >= 0;
}

/* Takes a delivery, or passes over a damaged one: its length says where the next row begins. */
static bool read_delivery(RowReader *reader, Unpacker *unpacker)
{
    char name[CONFIG_NAME_MAX];
    Delivery delivery;

    if (!unpack_delivery(unpacker, name, &delivery) || !is_possible(&delivery)) {
        reader->is_damaged = true;
        return true;
    }
    /* Each event has its own sequencer. */
    delivery.n_events = MIN(delivery.n_events, delivery.last - delivery.first + 1);
    reader->counts->n_waiting += delivery.state == DELIVERY_WAITING;
    reader->counts->n_dead += delivery.state != DELIVERY_WAITING;
    reader->failed = !store_put_delivery(reader->store, name, &delivery, reader->error) ||
                     !store_follow(reader->store, delivery.id, reader->error);
    return !reader->failed;
}

static bool read_last(RowReader *reader, Unpacker *unpacker)
{
    uint64_t last = unpack_u64(unpacker);

    if (unpacker->failed || last > SEQUENCER_MAX)
        return false;
    reader->failed = !store_follow(reader->store, last, reader->error);
    return !reader->failed;
}

/* Takes a row. Returns false behind the last one, and for wrong bytes. */
static bool read_row(RowReader *reader, Unpacker *unpacker)
{
    switch ((RowKind)unpack_u8(unpacker)) {
    case ROW_LAST:
        return read_last(reader, unpacker);
    case ROW_STATE:
        return read_state(reader, unpacker);
    case ROW_DELIVERY:
        return read_delivery(reader, unpacker);
    case ROW_END:
        reader->counts->is_whole = !reader->is_damaged;
        break;
    }
    return false;
}

/* Reads the bytes of the next row. */
static bool next_row(FILE *stream, uint8_t *row, Unpacker *ret_unpacker)
{
    uint8_t bytes[4];
    Unpacker len = {.data = bytes, .len = sizeof bytes};

    if (fread(bytes, sizeof bytes, 1, stream) != 1)
        return false;
    *ret_unpacker = (Unpacker){.data = row, .len = unpack_u32(&len)};
    return ret_unpacker->len > 0 && ret_unpacker->len <= ROW_MAX &&
           fread(row, ret_unpacker->len, 1, stream) == 1;
}

bool handover_rows_read(int fd, Store *store, HandoverCounts *ret_counts, GError **error)
{
    g_autofree uint8_t *row = g_malloc(ROW_MAX);
    RowReader reader = {.store = store, .counts = ret_counts, .error = error};
    Unpacker unpacker;
    FILE *stream = fdopen(fd, "r");

    *ret_counts = (HandoverCounts){0};
    while (stream && next_row(stream, row, &unpacker) && read_row(&reader, &unpacker))
        ;
    /* A child process that still writes ends. */
    if (stream)
        (void)fclose(stream);
    else
        (void)close(fd);
    return !reader.failed;
}
