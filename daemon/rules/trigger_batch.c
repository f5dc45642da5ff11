/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_batch.h"

#include "model/s3_event.h"
#include "rules/trigger_match.h"
#include "store/store_triggers.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A command gets no further event when its input has this many bytes: one more event has at most
 * about 13 KiB, so the input stays far below DELIVERY_INPUT_MAX. The hash of an object does not
 * count: it comes when the object is done, and a batch that is read again shall end as before. */
#define INPUT_BYTES (256 << 10)

/* The name of the hash in the JSON, with its marks. */
#define ETAG_FRAME (sizeof ",\"eTag\":\"\"" - 1)

typedef struct {
    StoreSnapshot *snapshot;
    const TriggerConfig *config;
    /* NULL: the events are only counted. */
    const char *bucket;
    /* The walk ends before an event that is not among the oldest: see trigger_batch_count_oldest.
     */
    bool is_oldest;
    uint64_t n;
    int64_t cutoff_us;
    /* The walk ends before a larger sequencer. */
    uint64_t until;
    /* Size of the input without the hashes. */
    size_t len;
    TriggerBatch *batch;
} Reading;

void trigger_batch_clear(TriggerBatch *batch)
{
    if (batch->input)
        (void)g_string_free(batch->input, TRUE);
    batch->input = NULL;
}

/* Returns the hash of the object's bytes if the event is of its current version, else NULL. */
static char *etag_of(StoreSnapshot *snapshot, const Event *event)
{
    Record record;

    if (!store_get(snapshot, event->key, &record, NULL))
        return NULL;
    bool is_same = record.id == event->object_id && record_is_current(&record) &&
                   record.uploaded_us <= event->time_us;
    return is_same ? image_etag(&record.facts) : NULL;
}

/* Names the trigger where S3 names the notification configuration. */
static void set_configuration(json_t *event, const char *name)
{
    json_t *record = json_array_get(json_object_get(event, "Records"), 0);

    json_object_set_new(json_object_get(record, "s3"), "configurationId", json_string(name));
}

static void append_event(Reading *reading, const Event *event)
{
    g_autofree char *etag = etag_of(reading->snapshot, event);
    json_t *json = s3_event_json(event, reading->bucket, etag);

    set_configuration(json, reading->config->name);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    g_string_append(reading->batch->input, text);
    g_string_append_c(reading->batch->input, '\n');
    reading->len += strlen(text) + 1 - (etag ? ETAG_FRAME + strlen(etag) : 0);
    free(text);
}

/* Adds an event of the log to the batch if the trigger asks for it. Returns false where the batch
 * ends. */
static bool visit(const Event *event, void *data)
{
    Reading *reading = data;
    TriggerBatch *batch = reading->batch;
    bool is_wanted = trigger_matches(reading->config, event);

    if (reading->is_oldest && batch->n_events >= reading->n && event->time_us >= reading->cutoff_us)
        return false;
    if (event->sequencer > reading->until)
        return false;
    batch->upto = event->sequencer;
    if (!is_wanted)
        return true;
    if (batch->n_events++ == 0) {
        batch->first = event->sequencer;
        batch->time_us = event->time_us;
    }
    batch->last = event->sequencer;
    if (!reading->bucket)
        return true;
    append_event(reading, event);
    return batch->n_events < (uint64_t)reading->config->batch && reading->len < INPUT_BYTES;
}

static bool read_events(Reading *reading, uint64_t after, GError **error)
{
    reading->batch->upto = after;
    return store_events(reading->snapshot, after, 0, 0, visit, reading, error);
}

bool trigger_batch_count(StoreSnapshot *snapshot, const TriggerConfig *config, uint64_t after,
                         TriggerBatch *ret_batch, GError **error)
{
    Reading reading = {
        .snapshot = snapshot, .config = config, .until = UINT64_MAX, .batch = ret_batch};

    *ret_batch = (TriggerBatch){0};
    return read_events(&reading, after, error);
}

bool trigger_batch_count_oldest(StoreSnapshot *snapshot, const TriggerConfig *config,
                                uint64_t after, uint64_t n, int64_t cutoff_us,
                                TriggerBatch *ret_batch, GError **error)
{
    Reading reading = {.snapshot = snapshot,
                       .config = config,
                       .is_oldest = true,
                       .until = UINT64_MAX,
                       .n = n,
                       .cutoff_us = cutoff_us,
                       .batch = ret_batch};

    *ret_batch = (TriggerBatch){0};
    return read_events(&reading, after, error);
}

bool trigger_batch_read(StoreSnapshot *snapshot, const TriggerConfig *config, uint64_t after,
                        uint64_t until, const char *bucket, TriggerBatch *ret_batch, GError **error)
{
    Reading reading = {.snapshot = snapshot,
                       .config = config,
                       .bucket = bucket,
                       .until = until,
                       .batch = ret_batch};

    *ret_batch = (TriggerBatch){.input = g_string_new(NULL)};
    return read_events(&reading, after, error);
}
