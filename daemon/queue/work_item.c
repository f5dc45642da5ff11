/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/work_item.h"

#include "base/clock.h"
#include "base/file.h"
#include "journal/journal.h"

#include <string.h>

static void make_request_id(uint8_t id[static 16])
{
    for (int i = 0; i < 16; i += 4) {
        guint32 random = g_random_int();
        memcpy(id + i, &random, sizeof random);
    }
    /* Version 4, RFC 9562. */
    id[6] = (uint8_t)(0x40 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

/* Returns the nice value. Back-fill, and objects that a daemon finds at its start, have no waiting
 * user; for objects that `run --once` finds, a user waits. */
static int find_nice(const Config *config, bool once, const Record *record)
{
    bool is_awaited =
        record->priority == PRIORITY_UPLOAD || (record->priority == PRIORITY_SCAN && once);

    return is_awaited ? 0 : config->backfill_nice;
}

WorkItem *work_item_new(const Kind *kind, const BucketState *state, bool once, Outcomes *outcomes,
                        GQueue *items, const Record *record)
{
    WorkItem *item = g_malloc0(kind->item_size);

    item->kind = kind;
    item->state = state;
    item->outcomes = outcomes;
    item->items = items;
    item->link.data = item;
    g_queue_push_tail_link(items, &item->link);
    item->generation = journal_generation(state->journal);
    item->id = record->id;
    item->key = g_strdup(record->key);
    item->source_fd = -1;
    item->version = record->version;
    item->attempts = record->attempts;
    item->uploaded_us = record->uploaded_us;
    item->nice = find_nice(state->config, once, record);
    item->start_us = clock_wall_us();
    make_request_id(item->request_id);
    kind->init(item, record);
    return item;
}

int work_item_open_source(void *data)
{
    const WorkItem *item = data;
    ObjectVersion version;
    autofd fd = bucket_open_object(bucket_fd(item->state->bucket), item->key, &version, NULL);

    return fd >= 0 && object_version_equal(&version, &item->version) ? fd_steal(&fd) : -1;
}

int64_t work_item_memory_bytes(const WorkItem *item)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);

    return item->state->config->memory_bytes * rows[item->program].memory_times;
}

InvocationUsage work_item_total_usage(const WorkItem *item, const InvocationUsage *usage)
{
    InvocationUsage total = *usage;

    total.duration_us += item->spent.duration_us;
    total.cpu_us += item->spent.cpu_us;
    total.init_us += item->spent.init_us;
    total.memory_bytes = MAX(total.memory_bytes, item->spent.memory_bytes);
    return total;
}

void work_item_free(WorkItem *item)
{
    g_queue_unlink(item->items, &item->link);
    fd_clear(&item->source_fd);
    item->kind->clear(item);
    g_free(item->group);
    g_free(item->key);
    g_free(item);
}
