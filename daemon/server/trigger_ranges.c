/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trigger_ranges.h"

#include "base/clock.h"
#include "rules/trigger_batch.h"

#include <string.h>

/* Limits of a slice. A batch with a long input counts as several changes, see trigger_rows.c. */
#define SLICE_BATCHES 64
#define SLICE_BYTES   ((size_t)1 << 20)

static bool find_range(const char *trigger, const Delivery *delivery, void *data)
{
    Delivery *range = data;

    (void)trigger;
    if (delivery->state != DELIVERY_RANGE)
        return true;
    *range = *delivery;
    range->input = "";
    return false;
}

static bool note_oldest(const Event *event, void *data)
{
    *(uint64_t *)data = event->sequencer;
    return false;
}

/* Begins with the next range, unless one is under way. Without a further one the edit has ended. */
static bool begin_range(StoreSnapshot *snapshot, const Config *config, const char *name,
                        RangeEdit *edit, GError **error)
{
    while (edit->range.id == 0 && edit->index < config->n_triggers) {
        const char *trigger = config->triggers[edit->index].name;
        bool is_chosen = !*name || strcmp(name, trigger) == 0;
        if (is_chosen &&
            !store_deliveries(snapshot, trigger, edit->from, find_range, &edit->range, error))
            return false;
        if (edit->range.id == 0) {
            edit->index++;
            edit->from = 0;
        }
    }
    edit->has_ended = edit->index >= config->n_triggers;
    if (edit->has_ended || edit->after > 0)
        return true;
    edit->after = edit->range.first - 1;
    edit->n_events = 0;
    /* Without events the whole range is lost. */
    edit->oldest = UINT64_MAX;
    return store_events(snapshot, 0, 0, 1, note_oldest, &edit->oldest, error);
}

static void clear_batch(void *batch)
{
    trigger_batch_clear(batch);
}

/* Reads the next batches of the range into `batches`. */
static bool read_batches(StoreSnapshot *snapshot, const TriggerConfig *config, const char *bucket,
                         RangeEdit *edit, GArray *batches, bool *ret_is_last, GError **error)
{
    size_t bytes = 0;

    *ret_is_last = false;
    while (!*ret_is_last && batches->len < SLICE_BATCHES && bytes < SLICE_BYTES) {
        TriggerBatch batch = {0};
        if (!trigger_batch_read(snapshot, config, edit->after, edit->range.last, bucket, &batch,
                                error)) {
            trigger_batch_clear(&batch);
            return false;
        }
        *ret_is_last = batch.n_events == 0;
        edit->after = batch.upto;
        edit->n_events += batch.n_events;
        bytes += batch.input->len;
        g_array_append_val(batches, batch);
    }
    return true;
}

static bool put_batches(Store *store, const char *trigger, const RangeEdit *edit,
                        const GArray *batches, GError **error)
{
    for (guint i = 0; i < batches->len; i++) {
        const TriggerBatch *batch = &g_array_index(batches, TriggerBatch, i);
        Delivery delivery = {.state = DELIVERY_WAITING,
                             .generation = edit->range.generation + 1,
                             .time_us = batch->time_us,
                             .due_us = clock_wall_us(),
                             .first = batch->first,
                             .last = batch->last,
                             .n_events = batch->n_events,
                             .input = batch->input->str};
        if (batch->n_events > 0 && !store_put_delivery(store, trigger, &delivery, error))
            return false;
    }
    return true;
}

/* Removes the range, but for the part that is no longer in the log. */
static bool end_range(Store *store, const char *trigger, RangeEdit *edit, GError **error)
{
    Delivery range = edit->range;
    bool has_gap = edit->oldest > range.first;
    bool ok;

    if (has_gap) {
        range.last = MIN(range.last, edit->oldest - 1);
        range.n_events -= MIN(edit->n_events, range.n_events - 1);
        g_strlcpy(range.error, "the log no longer has these events", sizeof range.error);
        ok = store_put_delivery(store, trigger, &range, error);
    } else {
        ok = store_remove_delivery(store, trigger, range.id, error);
    }
    edit->changed += edit->n_events > 0;
    edit->from = range.id + 1;
    edit->range = (Delivery){0};
    edit->after = 0;
    return ok;
}

bool trigger_ranges_retry(Store *store, const Config *config, const char *bucket, const char *name,
                          RangeEdit *edit, GError **error)
{
    g_autoptr(GArray) batches = g_array_new(FALSE, FALSE, sizeof(TriggerBatch));
    StoreSnapshot *snapshot = store_snapshot_begin(store, error);
    bool is_last = false;

    g_array_set_clear_func(batches, clear_batch);
    bool ok = snapshot && begin_range(snapshot, config, name, edit, error) &&
              (edit->has_ended || read_batches(snapshot, &config->triggers[edit->index], bucket,
                                               edit, batches, &is_last, error));
    /* No snapshot is open while the batch grows. */
    if (snapshot)
        store_snapshot_end(snapshot);
    if (!ok || edit->has_ended)
        return ok;
    const char *trigger = config->triggers[edit->index].name;
    return put_batches(store, trigger, edit, batches, error) &&
           (!is_last || end_range(store, trigger, edit, error));
}
