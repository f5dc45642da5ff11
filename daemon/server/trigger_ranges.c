/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trigger_ranges.h"

#include "base/clock.h"
#include "rules/trigger_batch.h"
#include "store/epoch.h"

#include <string.h>

/* Limits of a slice. A batch with a long input counts as several changes, see trigger_rows.c. */
#define SLICE_BATCHES 64
#define SLICE_BYTES   ((size_t)1 << 20)

/* The work of one call. */
typedef struct {
    Store *store;
    StoreSnapshot *snapshot;
    const TriggerConfig *config;
    const char *bucket;
    RangeEdit *edit;
    /* The range, as the batch sees it, and the last of its events that are delivered. */
    Delivery range;
    uint64_t until;
    /* The part of the range that the log has lost; no events: none. */
    Delivery lost;
    /* TriggerBatch: those of the slice, and the number of their events. */
    GArray *batches;
    uint64_t n_events;
    /* All events up to this one were read. */
    uint64_t after;
} RangeSlice;

typedef struct {
    uint64_t end, id;
} RangeSearch;

static bool find_range(const char *trigger, const Delivery *delivery, void *data)
{
    RangeSearch *search = data;

    (void)trigger;
    if (delivery->state != DELIVERY_RANGE || delivery->first > search->end)
        return true;
    search->id = delivery->id;
    return false;
}

static bool note_oldest(const Event *event, void *data)
{
    *(uint64_t *)data = event->sequencer;
    return false;
}

/* Finds the trigger under way, or the next one by name. NULL: none is left. */
static const TriggerConfig *next_trigger(const Config *config, const char *name,
                                         const RangeEdit *edit)
{
    const TriggerConfig *next = NULL;

    for (size_t i = 0; i < config->n_triggers; i++) {
        const TriggerConfig *row = &config->triggers[i];
        int order = strcmp(row->name, edit->trigger);
        bool is_left = order > 0 || (order == 0 && !edit->is_past_trigger);
        if (is_left && (!*name || strcmp(name, row->name) == 0) &&
            (!next || strcmp(row->name, next->name) < 0))
            next = row;
    }
    return next;
}

/* Reads the next range of the trigger as the batch sees it. */
static bool read_range(RangeSlice *slice, bool *ret_found, GError **error)
{
    RangeEdit *edit = slice->edit;
    RangeSearch search = {.end = edit->end};
    const char *trigger = slice->config->name;

    *ret_found = false;
    if (!store_deliveries(slice->snapshot, trigger, edit->from, find_range, &search, error))
        return false;
    edit->is_past_trigger = search.id == 0;
    if (search.id == 0)
        return true;
    edit->from = search.id;
    if (!store_peek_delivery(slice->store, trigger, search.id, ret_found, &slice->range, error))
        return false;
    slice->range.input = "";
    *ret_found = *ret_found && slice->range.state == DELIVERY_RANGE;
    /* An earlier slice in this batch has removed it. */
    if (!*ret_found)
        edit->from = search.id + 1;
    edit->is_counted &= *ret_found;
    return true;
}

/* Splits the range where the log begins: the part before it is lost. */
static bool split_range(RangeSlice *slice, GError **error)
{
    Delivery *range = &slice->range;
    TriggerBatch rest;
    /* Without events the whole range is lost. */
    uint64_t oldest = UINT64_MAX;

    if (!store_events(slice->snapshot, 0, 0, 1, note_oldest, &oldest, error))
        return false;
    if (oldest <= range->first)
        return true;
    bool ok = trigger_batch_read(slice->snapshot, slice->config, range->first - 1, range->last,
                                 NULL, &rest, error);
    trigger_batch_clear(&rest);
    if (!ok)
        return false;
    slice->lost = *range;
    slice->lost.last = MIN(range->last, oldest - 1);
    slice->lost.n_events -= MIN(rest.n_events, range->n_events);
    g_strlcpy(slice->lost.error, "the log no longer has these events", sizeof slice->lost.error);
    range->first = slice->lost.last + 1;
    range->n_events = rest.n_events;
    return true;
}

static void clear_batch(void *batch)
{
    trigger_batch_clear(batch);
}

/* Reads the next batches of the range. */
static bool read_batches(RangeSlice *slice, GError **error)
{
    size_t bytes = 0;

    slice->after = slice->range.first - 1;
    slice->until = MIN(slice->range.last, slice->edit->end);
    while (slice->after < slice->until && slice->batches->len < SLICE_BATCHES &&
           bytes < SLICE_BYTES) {
        TriggerBatch batch = {0};
        if (!trigger_batch_read(slice->snapshot, slice->config, slice->after, slice->until,
                                slice->bucket, &batch, error)) {
            trigger_batch_clear(&batch);
            return false;
        }
        /* No further event is in the log. */
        slice->after = batch.n_events > 0 ? batch.upto : slice->until;
        slice->n_events += batch.n_events;
        bytes += batch.input->len;
        g_array_append_val(slice->batches, batch);
    }
    return true;
}

static bool put_batches(const RangeSlice *slice, GError **error)
{
    for (guint i = 0; i < slice->batches->len; i++) {
        const TriggerBatch *batch = &g_array_index(slice->batches, TriggerBatch, i);
        Delivery delivery = {.state = DELIVERY_WAITING,
                             .generation = slice->range.generation + 1,
                             .time_us = batch->time_us,
                             .due_us = clock_wall_us(),
                             .first = batch->first,
                             .last = batch->last,
                             .n_events = batch->n_events,
                             .input = batch->input->str};
        if (batch->n_events > 0 &&
            !store_put_delivery(slice->store, slice->config->name, &delivery, error))
            return false;
    }
    return true;
}

/* Writes what is left of the range: the events behind the slice, and those that are lost. */
static bool put_rest(RangeSlice *slice, GError **error)
{
    const char *trigger = slice->config->name;
    Delivery *range = &slice->range;
    Delivery *lost = &slice->lost;
    bool has_rest = slice->after < range->last;
    bool ok = true;

    if (has_rest) {
        range->first = slice->after + 1;
        /* The trigger may have asked for fewer events when it skipped them. */
        range->n_events = MAX(range->n_events, slice->n_events + 1) - slice->n_events;
        ok = store_put_delivery(slice->store, trigger, range, error);
        lost->id = 0;
    } else if (lost->n_events == 0) {
        ok = store_remove_delivery(slice->store, trigger, range->id, error);
    }
    return ok && (lost->n_events == 0 || store_put_delivery(slice->store, trigger, lost, error));
}

/* Moves the next events of the range into deliveries. */
static bool move_events(RangeSlice *slice, GError **error)
{
    RangeEdit *edit = slice->edit;
    uint64_t id = slice->range.id;
    bool has_more = slice->after < slice->until;

    if (!put_batches(slice, error) || !put_rest(slice, error))
        return false;
    edit->changed += slice->n_events > 0 && !edit->is_counted;
    edit->is_counted = has_more && (edit->is_counted || slice->n_events > 0);
    edit->from = has_more ? id : id + 1;
    return true;
}

/* Finds the range of the slice, and reads its events. */
static bool read_slice(RangeSlice *slice, bool *ret_found, GError **error)
{
    return read_range(slice, ret_found, error) &&
           (!*ret_found || (split_range(slice, error) && read_batches(slice, error)));
}

bool trigger_ranges_retry(Store *store, const Config *config, const char *bucket, const char *name,
                          RangeEdit *edit, GError **error)
{
    g_autoptr(GArray) batches = g_array_new(FALSE, FALSE, sizeof(TriggerBatch));
    RangeSlice slice = {.store = store, .bucket = bucket, .edit = edit, .batches = batches};
    bool found;

    g_array_set_clear_func(batches, clear_batch);
    if (!edit->has_begun)
        edit->end = store_last_sequencer(store);
    edit->has_begun = true;
    slice.config = next_trigger(config, name, edit);
    edit->has_ended = !slice.config;
    if (edit->has_ended)
        return true;
    if (strcmp(slice.config->name, edit->trigger) != 0) {
        g_strlcpy(edit->trigger, slice.config->name, sizeof edit->trigger);
        edit->from = 0;
    }
    slice.snapshot = store_snapshot_begin(store, error);
    bool ok = slice.snapshot && read_slice(&slice, &found, error);
    /* No snapshot is open while the batch grows. */
    if (slice.snapshot)
        store_snapshot_end(slice.snapshot);
    return ok && (!found || move_events(&slice, error));
}
