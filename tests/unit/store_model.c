/* SPDX-License-Identifier: Apache-2.0 */
#include "store_model.h"

#include "store/jobs.h"

#define SEED 20260131

GHashTable *objects_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static Entry *objects_put(GHashTable *objects, const char *key, const Entry *entry)
{
    char *own_key = g_strdup(key);
    Entry *copy = g_memdup2(entry, sizeof *entry);

    copy->record.key = own_key;
    g_hash_table_replace(objects, own_key, copy);
    return copy;
}

static GHashTable *objects_copy(GHashTable *objects)
{
    GHashTable *copy = objects_new();
    GHashTableIter iter;
    gpointer key, entry;

    g_hash_table_iter_init(&iter, objects);
    while (g_hash_table_iter_next(&iter, &key, &entry))
        (void)objects_put(copy, key, entry);
    return copy;
}

/* Makes a key in one of a few folders. Some folders have long names, and some keys are too long for
 * LMDB. */
static char *make_key(int i)
{
    static const char *const folders[] = {"", "2026/", "2026/trip/", "caf\xe9/", "z/"};
    g_autofree char *filler = g_strnfill(i % 7 == 0 ? 600 : 3, 'n');
    g_autofree char *folder = g_strnfill(i % 11 == 0 ? 530 : 2, 'f');

    if (i % 11 == 0)
        return g_strdup_printf("%s%d/%s%d", folder, i % 3, filler, i);
    return g_strdup_printf("%s%s%d", folders[i % 5], filler, i);
}

void model_init(Model *model)
{
    fixture_init(&model->fixture, &small_limits);
    model->rand = g_rand_new_with_seed(SEED);
    model->now_us = T0;
    model->order = 0;
    model->objects = objects_new();
    model->committed = objects_new();
    model->rendition = (Rendition){.name = "small", .recipe = 1};
    for (int i = 0; i < KEYS; i++)
        model->keys[i] = make_key(i);
    store_set_renditions(model->fixture.store, &model->rendition, 1);
    memset(model->jobs, 0, sizeof model->jobs);
    memset(model->committed_jobs, 0, sizeof model->committed_jobs);
    for (uint32_t i = 1; i <= JOBS; i++) {
        uint32_t id = 0;
        g_assert_true(store_job_submit(model->fixture.store, "", 0, T0, &id, NULL));
        g_assert_cmpuint(id, ==, i);
    }
    commit(model->fixture.store);
}

void model_clear(Model *model)
{
    for (int i = 0; i < KEYS; i++)
        g_free(model->keys[i]);
    g_hash_table_unref(model->objects);
    g_hash_table_unref(model->committed);
    g_rand_free(model->rand);
    fixture_clear(&model->fixture);
}

int draw(Model *model, int end)
{
    return g_rand_int_range(model->rand, 0, end);
}

static const char *draw_key(Model *model)
{
    return model->keys[draw(model, KEYS)];
}

static ObjectVersion draw_version(Model *model)
{
    int64_t days = g_rand_int_range(model->rand, -30000, 30000);

    return (ObjectVersion){
        .ino = (uint64_t)draw(model, 3),
        .size = draw(model, 5000),
        .mtime_ns = (days * DAY + draw(model, 1000000)) * 1000 + draw(model, 1000),
        .ctime_ns = draw(model, 1000000),
    };
}

static bool is_stale(const Model *model, const Record *record)
{
    uint64_t recipe = rendition_recipe(&model->rendition, record->facts.type);

    return record->state == STATE_DONE &&
           (record->n_thumbnails == 0 || record->thumbnails[0].recipe != recipe);
}

static void pend(Record *record, Priority priority, int64_t now_us)
{
    if (record->state == STATE_PENDING && record->priority < priority)
        priority = record->priority;
    if (record->state != STATE_RUNNING)
        record->state = STATE_PENDING;
    record->priority = priority;
    record->due_us = now_us;
    if (priority == PRIORITY_SCAN && record->processed_us == 0)
        /* The newest day comes first. */
        record->due_us = MIN(-(record->version.mtime_ns / 1000 / DAY) * DAY, -1);
    record->attempts = 0;
}

void op_seen(Model *model)
{
    const char *key = draw_key(model);
    Entry *entry = g_hash_table_lookup(model->objects, key);
    bool is_same = entry && draw(model, 2) == 0;
    ObjectVersion version = is_same ? entry->record.version : draw_version(model);
    Priority priority = (Priority)draw(model, 3);
    StoreSeen seen = seen_as(model->fixture.store, key, version, priority, model->now_us);

    if (!entry) {
        Entry fresh = {.record = {.state = STATE_PENDING, .priority = priority}};
        entry = objects_put(model->objects, key, &fresh);
        is_same = false;
    }

    Record *record = &entry->record;
    if (!is_same) {
        record->version = version;
        record->uploaded_us = model->now_us;
        record->processed_us = 0;
        pend(record, priority, model->now_us);
        record->error = ERROR_NONE;
        entry->order = ++model->order;
    } else if (is_stale(model, record)) {
        pend(record, PRIORITY_BACKFILL, model->now_us);
    } else {
        g_assert_cmpint(seen, ==, STORE_UNCHANGED);
        return;
    }
    g_assert_cmpint(seen, ==, STORE_QUEUED);
}

/* Finds the first object of the queue by a look at all records. */
static Entry *first_due(const Model *model)
{
    Entry *first = NULL;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, model->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;
        const Record *a = &entry->record;
        if (a->state != STATE_PENDING || a->due_us > model->now_us)
            continue;
        const Record *b = first ? &first->record : NULL;
        if (!b || a->priority < b->priority ||
            (a->priority == b->priority &&
             (a->due_us < b->due_us || (a->due_us == b->due_us && entry->order < first->order))))
            first = entry;
    }
    return first;
}

void op_claim(Model *model)
{
    Entry *expected = first_due(model);
    Record record;
    int64_t due_us;
    bool found = claim(model->fixture.store, model->now_us, &record, &due_us);

    g_assert_cmpint(found, ==, expected != NULL);
    if (!found)
        return;
    g_assert_cmpstr(record.key, ==, expected->record.key);
    expected->record.state = STATE_RUNNING;
}

static StoreOutcome draw_outcome(Model *model, ObjectVersion version)
{
    static const ObjectState states[] = {STATE_DONE, STATE_DONE, STATE_SKIPPED, STATE_DEAD,
                                         STATE_PENDING};
    StoreOutcome outcome = outcome_of(states[draw(model, 5)], version, model->now_us);

    outcome.counts = draw(model, 4) > 0;
    outcome.due_us = model->now_us + draw(model, 20);
    outcome.error = outcome.state == STATE_DONE ? ERROR_NONE : ERROR_TIMEOUT;
    outcome.attempt.duration_us = draw(model, 100000);
    if (outcome.state == STATE_DONE || draw(model, 2) == 0) {
        outcome.has_facts = true;
        outcome.facts.type = (ImageType)draw(model, IMAGE_TYPES);
        outcome.facts.damaged = draw(model, 4) == 0;
        outcome.facts.has_date = draw(model, 2) == 0;
        outcome.facts.date_us = (draw(model, 60000) - 30000) * DAY + draw(model, 1000000);
    }
    if (outcome.n_thumbnails > 0) {
        outcome.thumbnails[0].recipe = rendition_recipe(&model->rendition, outcome.facts.type);
        outcome.thumbnails[0].facts.size = draw(model, 900);
    }
    return outcome;
}

/* An object that ends no longer belongs to a job. */
static void leave_job(Model *model, Record *record)
{
    Counts *counts = &model->jobs[record->job];

    if (record->state == STATE_DEAD)
        counts->failed++;
    else
        counts->done++;
    record->job = 0;
}

static void apply_outcome(Model *model, Entry *entry, const StoreOutcome *outcome)
{
    Record *record = &entry->record;
    bool is_newest = object_version_equal(&record->version, &outcome->version);
    bool is_done = outcome->state == STATE_DONE;

    record->duration_us = outcome->attempt.duration_us;
    if (is_done || (is_newest && outcome->state != STATE_PENDING)) {
        bool is_stale = !object_version_equal(&record->made, &outcome->version);
        if (!is_done && is_stale) {
            record->facts = (ImageFacts){0};
            record->made = (ObjectVersion){0};
            record->n_thumbnails = 0;
        }
        if (outcome->has_facts)
            record->facts = outcome->facts;
        if (outcome->has_facts || is_done)
            record->made = outcome->version;
    }
    if (is_done) {
        record->n_thumbnails = outcome->n_thumbnails;
        record->thumbnails[0] = outcome->thumbnails[0];
    }
    record->state = STATE_PENDING;
    if (!is_newest)
        return;
    record->state = outcome->state;
    record->attempts += outcome->counts;
    record->error = outcome->error;
    if (outcome->state == STATE_PENDING)
        record->due_us = outcome->due_us;
    else
        record->processed_us = outcome->now_us;
    if (outcome->state == STATE_PENDING && outcome->counts && record->priority == PRIORITY_UPLOAD)
        record->priority = PRIORITY_SCAN;
    if (outcome->state != STATE_PENDING)
        leave_job(model, record);
}

void op_finish(Model *model)
{
    const char *key = draw_key(model);
    Entry *entry = g_hash_table_lookup(model->objects, key);
    bool is_old = draw(model, 5) == 0;
    ObjectVersion version = entry && !is_old ? entry->record.version : draw_version(model);
    StoreOutcome outcome = draw_outcome(model, version);
    Record record;
    bool found = finish(model->fixture.store, key, &outcome, &record);

    g_assert_cmpint(found, ==, entry != NULL);
    if (entry && entry->record.state == STATE_RUNNING) {
        apply_outcome(model, entry, &outcome);
        entry->order = ++model->order;
    }
}

void op_remove(Model *model)
{
    const char *key = draw_key(model);
    const Entry *entry = g_hash_table_lookup(model->objects, key);
    bool found = remove_object(model->fixture.store, key, model->now_us);

    if (entry)
        model->jobs[entry->record.job].gone++;

    g_assert_cmpint(found, ==, g_hash_table_remove(model->objects, key));
    model->order++;
}

void op_move(Model *model)
{
    const char *from = draw_key(model);
    const char *to = draw_key(model);
    Entry *entry = g_hash_table_lookup(model->objects, from);
    ObjectVersion version = entry ? entry->record.version : draw_version(model);
    bool is_finished = entry && entry->record.state >= STATE_DONE;
    bool is_other = draw(model, 4) == 0;
    Record record;

    version.ctime_ns++;
    version.size += is_other;
    bool expected = is_finished && !is_other && !g_hash_table_contains(model->objects, to);
    bool moved = move_object(model->fixture.store, from, to, version, model->now_us, &record);
    g_assert_cmpint(moved, ==, expected);
    if (!moved)
        return;

    Entry copy = *entry;
    if (record_is_current(&copy.record))
        copy.record.made = version;
    copy.record.version = version;
    copy.order = ++model->order;
    g_hash_table_remove(model->objects, from);
    (void)objects_put(model->objects, to, &copy);
}

void op_requeue(Model *model)
{
    const char *key = draw_key(model);
    Entry *entry = g_hash_table_lookup(model->objects, key);
    Priority priority = (Priority)draw(model, 3);
    bool found = requeue(model->fixture.store, key, priority, model->now_us);

    g_assert_cmpint(found, ==, entry != NULL);
    if (entry && entry->record.state != STATE_RUNNING)
        pend(&entry->record, priority, model->now_us);
}

void op_take(Model *model)
{
    const char *key = draw_key(model);
    uint32_t id = 1 + (uint32_t)draw(model, JOBS);
    Entry *entry = g_hash_table_lookup(model->objects, key);
    bool expected = entry && entry->record.job != id;
    g_autoptr(GError) error = NULL;
    bool taken;

    g_assert_true(store_job_add(model->fixture.store, id, key, model->now_us, &taken, &error));
    g_assert_no_error(error);
    g_assert_cmpint(taken, ==, expected);
    if (!taken)
        return;
    if (entry->record.state != STATE_RUNNING)
        pend(&entry->record, PRIORITY_BACKFILL, model->now_us);
    /* The object moves to another job. */
    model->jobs[entry->record.job].gone++;
    model->jobs[id].queued++;
    entry->record.job = id;
}

void op_recipe(Model *model)
{
    model->rendition.recipe = 1 + (uint64_t)draw(model, 2);
}

void op_commit(Model *model)
{
    commit(model->fixture.store);
    g_hash_table_unref(model->committed);
    model->committed = objects_copy(model->objects);
    memcpy(model->committed_jobs, model->jobs, sizeof model->jobs);
}

void op_abort(Model *model)
{
    store_abort(model->fixture.store);
    g_hash_table_unref(model->objects);
    model->objects = objects_copy(model->committed);
    memcpy(model->jobs, model->committed_jobs, sizeof model->jobs);
}

/* Changes that were not committed are lost, and running objects are pending again. */
void op_reopen(Model *model)
{
    g_autoptr(GError) error = NULL;
    uint64_t recovered = 0;
    uint64_t expected = 0;
    GHashTableIter iter;
    gpointer value;

    op_abort(model);
    store_close(model->fixture.store);
    model->fixture.store = open_store(model->fixture.directory, STORE_WRITE, &small_limits);
    store_set_renditions(model->fixture.store, &model->rendition, 1);
    g_hash_table_iter_init(&iter, model->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Record *record = &((Entry *)value)->record;
        expected += record->state == STATE_RUNNING;
        if (record->state == STATE_RUNNING)
            record->state = STATE_PENDING;
    }
    g_assert_true(store_recover(model->fixture.store, &recovered, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(recovered, ==, expected);
    op_commit(model);
}
