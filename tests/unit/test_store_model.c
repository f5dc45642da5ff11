/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "store_fixture.h"

/*
 * Thousands of random operations, each also done to a model: a hash table of records changed by the
 * rules of store.h in the simplest way. Now and then everything the store says is compared with it:
 * every record, the totals in every dimension counted anew, every index, the counts of jobs.
 */
#define SEED   20260131
#define ROUNDS 6000
#define KEYS   80
#define JOBS   2 /* their ids are 1 and 2 */

typedef struct {
    Record record;  /* its key is the one in the hash table */
    uint64_t order; /* of its newest event: stands for the sequencer */
} Entry;

typedef struct {
    uint64_t queued, done, failed, gone;
} Counts;

typedef struct {
    Fixture fixture;
    GRand *rand;
    int64_t now_us;
    uint64_t order;
    GHashTable *objects;   /* key -> Entry, as the batch sees it */
    GHashTable *committed; /* the same as of the last commit */
    Counts jobs[JOBS + 1], committed_jobs[JOBS + 1];
    char *keys[KEYS];
    Rendition rendition;
} Model;

/* ---- the model ----------------------------------------------------------------------------------
 */

static GHashTable *objects_new(void)
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

/* In a few folders, some of them with long names, and some of the keys too long for LMDB. */
static char *make_key(int i)
{
    static const char *const folders[] = {"", "2026/", "2026/trip/", "caf\xe9/", "z/"};
    g_autofree char *filler = g_strnfill(i % 7 == 0 ? 600 : 3, 'n');
    g_autofree char *folder = g_strnfill(i % 11 == 0 ? 530 : 2, 'f');

    if (i % 11 == 0)
        return g_strdup_printf("%s%d/%s%d", folder, i % 3, filler, i);
    return g_strdup_printf("%s%s%d", folders[i % 5], filler, i);
}

static void model_init(Model *model)
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

static void model_clear(Model *model)
{
    for (int i = 0; i < KEYS; i++)
        g_free(model->keys[i]);
    g_hash_table_unref(model->objects);
    g_hash_table_unref(model->committed);
    g_rand_free(model->rand);
    fixture_clear(&model->fixture);
}

static int draw(Model *model, int end)
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
    return record->state == STATE_DONE &&
           (record->n_thumbnails == 0 || record->thumbnails[0].recipe != model->rendition.recipe);
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
        record->due_us = MIN(-(record->version.mtime_ns / 1000 / DAY) * DAY, -1); /* newest day */
    record->attempts = 0;
}

/* ---- operations ---------------------------------------------------------------------------------
 */

static void op_seen(Model *model)
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

/* The first in the queue by looking at all records. */
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

static void op_claim(Model *model)
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
        outcome.thumbnails[0].recipe = model->rendition.recipe;
        outcome.thumbnails[0].facts.size = draw(model, 900);
    }
    return outcome;
}

/* An object that ends is part of no job any more. */
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

static void op_finish(Model *model)
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

static void op_remove(Model *model)
{
    const char *key = draw_key(model);
    const Entry *entry = g_hash_table_lookup(model->objects, key);
    bool found = remove_object(model->fixture.store, key, model->now_us);

    if (entry)
        model->jobs[entry->record.job].gone++;

    g_assert_cmpint(found, ==, g_hash_table_remove(model->objects, key));
    model->order++;
}

static void op_move(Model *model)
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

static void op_requeue(Model *model)
{
    const char *key = draw_key(model);
    Entry *entry = g_hash_table_lookup(model->objects, key);
    Priority priority = (Priority)draw(model, 3);
    bool found = requeue(model->fixture.store, key, priority, model->now_us);

    g_assert_cmpint(found, ==, entry != NULL);
    if (entry && entry->record.state != STATE_RUNNING)
        pend(&entry->record, priority, model->now_us);
}

static void op_take(Model *model)
{
    const char *key = draw_key(model);
    uint32_t id = 1 + (uint32_t)draw(model, JOBS);
    Entry *entry = g_hash_table_lookup(model->objects, key);
    bool expected = entry && entry->record.job != id;
    g_autoptr(GError) error = NULL;
    bool taken;

    g_assert_true(store_job_take(model->fixture.store, id, key, model->now_us, &taken, &error));
    g_assert_no_error(error);
    g_assert_cmpint(taken, ==, expected);
    if (!taken)
        return;
    if (entry->record.state != STATE_RUNNING)
        pend(&entry->record, PRIORITY_BACKFILL, model->now_us);
    model->jobs[entry->record.job].gone++; /* to another job */
    model->jobs[id].queued++;
    entry->record.job = id;
}

static void op_recipe(Model *model)
{
    model->rendition.recipe = 1 + (uint64_t)draw(model, 2);
}

static void op_commit(Model *model)
{
    commit(model->fixture.store);
    g_hash_table_unref(model->committed);
    model->committed = objects_copy(model->objects);
    memcpy(model->committed_jobs, model->jobs, sizeof model->jobs);
}

static void op_abort(Model *model)
{
    store_abort(model->fixture.store);
    g_hash_table_unref(model->objects);
    model->objects = objects_copy(model->committed);
    memcpy(model->jobs, model->committed_jobs, sizeof model->jobs);
}

/* What was not committed is lost, and what was running is pending again. */
static void op_reopen(Model *model)
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

/* ---- comparing ----------------------------------------------------------------------------------
 */

typedef struct {
    Model *model;
    uint64_t visited;
} Check;

static bool check_record(const Record *record, void *data)
{
    Check *check = data;
    const Entry *entry = g_hash_table_lookup(check->model->objects, record->key);

    g_assert_nonnull(entry);
    const Record *expected = &entry->record;
    g_assert_cmpint(record->state, ==, expected->state);
    g_assert_cmpint(record->priority, ==, expected->priority);
    g_assert_true(object_version_equal(&record->version, &expected->version));
    g_assert_true(object_version_equal(&record->made, &expected->made));
    g_assert_cmpint(record->uploaded_us, ==, expected->uploaded_us);
    g_assert_cmpint(record->processed_us, ==, expected->processed_us);
    g_assert_cmpint(record->due_us, ==, expected->due_us);
    g_assert_cmpint(record->duration_us, ==, expected->duration_us);
    g_assert_cmpint(record->attempts, ==, expected->attempts);
    g_assert_cmpuint(record->job, ==, expected->job);
    g_assert_cmpint(record->error, ==, expected->error);
    g_assert_cmpint(record->facts.type, ==, expected->facts.type);
    g_assert_cmpint(record_date_us(record), ==, record_date_us(expected));
    g_assert_cmpuint(record->n_thumbnails, ==, expected->n_thumbnails);
    g_assert_cmpint(record_thumbnail_bytes(record), ==, record_thumbnail_bytes(expected));
    check->visited++;
    return true;
}

/* The walk of the whole table, then of every index. */
static void check_records(Model *model, StoreSnapshot *snapshot)
{
    const StoreFilter filters[] = {
        {.prefix = NULL},
        {.states = 1 << STATE_PENDING},
        {.states = 1 << STATE_RUNNING},
        {.states = 1 << STATE_DONE},
        {.states = 1 << STATE_DEAD},
        {.types = 1 << IMAGE_NONE | 1 << IMAGE_JPEG},
        {.types = 1 << IMAGE_PNG},
        {.has_since = true, .since_us = 0},
        {.has_min_size = true, .min_size = 2500},
    };
    const StoreSort sorts[] = {STORE_SORT_NAME, STORE_SORT_SIZE, STORE_SORT_DATE};

    for (size_t i = 0; i < G_N_ELEMENTS(filters) * G_N_ELEMENTS(sorts); i++) {
        const StoreFilter *filter = &filters[i / G_N_ELEMENTS(sorts)];
        StoreSort sort = sorts[i % G_N_ELEMENTS(sorts)];
        Check check = {.model = model};
        g_autoptr(GError) error = NULL;
        uint64_t expected = 0;
        GHashTableIter iter;
        gpointer entry;

        g_hash_table_iter_init(&iter, model->objects);
        while (g_hash_table_iter_next(&iter, NULL, &entry))
            expected += store_filter_matches(filter, &((Entry *)entry)->record);
        g_assert_true(store_query(snapshot, filter, sort, false, 0, check_record, &check, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(check.visited, ==, expected);
    }
}

/* The group of a record, worked out by GLib's calendar. */
static char *expected_group(const Record *record, StoreBy by)
{
    int64_t date_us = record_date_us(record);
    int64_t seconds = date_us / SECOND - (date_us % SECOND < 0);
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(seconds);
    const char *slash = strchr(record->key, '/');

    switch (by) {
    case STORE_BY_ALL:
        return g_strdup("");
    case STORE_BY_TYPE:
        return g_strdup(image_type_name(record->facts.type));
    case STORE_BY_STATE:
        return g_strdup(state_name(record->state));
    case STORE_BY_DAY:
        return g_date_time_format(date, "%Y-%m-%d");
    case STORE_BY_MONTH:
        return g_date_time_format(date, "%Y-%m");
    case STORE_BY_PREFIX:
        return slash ? g_strndup(record->key, (gsize)(slash - record->key) + 1) : g_strdup("");
    case STORE_BY_SIZE: {
        int power = 0;
        while (record->version.size >> power > 1)
            power++;
        return g_strdup_printf("%02d", power);
    }
    }
    g_assert_not_reached();
}

static GHashTable *expected_totals(const Model *model, const StoreFilter *filter, StoreBy by)
{
    GHashTable *groups = objects_new();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, model->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Record *record = &((Entry *)value)->record;
        if (!store_filter_matches(filter, record))
            continue;
        g_autofree char *group = expected_group(record, by);
        StoreTotals *totals = g_hash_table_lookup(groups, group);
        if (!totals) {
            totals = g_new0(StoreTotals, 1);
            g_hash_table_insert(groups, g_strdup(group), totals);
        }
        totals->objects++;
        totals->by_state[record->state]++;
        totals->damaged += record->facts.damaged;
        totals->source_bytes += (uint64_t)record->version.size;
        totals->thumbnails += record->n_thumbnails;
        totals->thumbnail_bytes += (uint64_t)record_thumbnail_bytes(record);
    }
    return groups;
}

/* Takes each group it meets off the table of those expected. */
static bool check_group(const char *group, const StoreTotals *totals, void *data)
{
    GHashTable *groups = data;
    const StoreTotals *expected = g_hash_table_lookup(groups, group);

    g_assert_nonnull(expected);
    g_assert_cmpmem(totals, sizeof *totals, expected, sizeof *expected);
    g_hash_table_remove(groups, group);
    return true;
}

static void check_totals(const Model *model, StoreSnapshot *snapshot)
{
    const StoreFilter filters[] = {{.prefix = NULL}, {.prefix = "2026/"}, {.damaged = true}};

    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        for (StoreBy by = STORE_BY_ALL; by <= STORE_BY_SIZE; by++) {
            g_autoptr(GHashTable) groups = expected_totals(model, &filters[i], by);
            g_autoptr(GError) error = NULL;
            g_assert_true(store_totals(snapshot, &filters[i], by, check_group, groups, &error));
            g_assert_no_error(error);
            g_assert_cmpuint(g_hash_table_size(groups), ==, 0);
        }
    }
}

static uint64_t count_objects_of(const Model *model, uint32_t id)
{
    uint64_t n = 0;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, model->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += ((Entry *)value)->record.job == id;
    return n;
}

static void check_jobs(const Model *model, StoreSnapshot *snapshot)
{
    for (uint32_t id = 1; id <= JOBS; id++) {
        const Counts *expected = &model->jobs[id];
        g_autoptr(GError) error = NULL;
        StoreJob job;
        bool found;
        g_assert_true(store_get_job(snapshot, id, &found, &job, &error));
        g_assert_no_error(error);
        g_assert_true(found);
        g_assert_cmpuint(job.queued, ==, expected->queued);
        g_assert_cmpuint(job.done, ==, expected->done);
        g_assert_cmpuint(job.failed, ==, expected->failed);
        g_assert_cmpuint(job.gone, ==, expected->gone);
        g_assert_cmpuint(job_waiting(&job), ==, count_objects_of(model, id));
    }
}

/* The queue has no reader of its own: its first row is what a claim would take. */
static void compare(Model *model)
{
    op_commit(model);
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(model->fixture.store);
    check_records(model, snapshot);
    check_totals(model, snapshot);
    check_jobs(model, snapshot);
}

static void test_model(void)
{
    static const struct {
        void (*run)(Model *model);
        int weight;
    } operations[] = {
        {op_seen, 30},  {op_claim, 20},  {op_finish, 40}, {op_remove, 8},
        {op_move, 15},  {op_requeue, 5}, {op_take, 12},   {op_recipe, 1},
        {op_commit, 6}, {op_abort, 1},   {op_reopen, 1},
    };
    Model model;

    model_init(&model);
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = 0;
        for (int left = draw(&model, 139); left >= operations[i].weight; i++)
            left -= operations[i].weight;
        operations[i].run(&model);
        model.now_us += draw(&model, 3);
        if (store_batch_size(model.fixture.store) > small_limits.batch_max / 2)
            op_commit(&model);
        if (round % 200 == 199)
            compare(&model);
    }
    g_assert_cmpuint(g_hash_table_size(model.objects), >, 10);
    model_clear(&model);
}

/* Nothing is left in any table's totals when the last object has gone. */
static bool count_left(const char *group, const StoreTotals *totals, void *data)
{
    (void)group; /* whichever it is */
    *(uint64_t *)data += 1 + totals->objects;
    return true;
}

static void test_empty_again(void)
{
    Model model;
    const StoreFilter everything = {0};
    uint64_t left = 0;

    model_init(&model);
    for (int i = 0; i < 500; i++) {
        op_seen(&model);
        op_claim(&model);
        op_finish(&model);
        if (i % 10 == 0)
            op_commit(&model);
    }
    for (int i = 0; i < KEYS; i++) {
        (void)remove_object(model.fixture.store, model.keys[i], model.now_us);
        if (i % 10 == 0)
            op_commit(&model);
    }
    op_commit(&model);
    {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(model.fixture.store);
        g_autoptr(GError) error = NULL;
        for (StoreBy by = STORE_BY_ALL; by <= STORE_BY_SIZE; by++)
            g_assert_true(store_totals(snapshot, &everything, by, count_left, &left, &error));
    }
    g_assert_cmpuint(left, ==, 0);
    model_clear(&model);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/model/random", test_model);
    g_test_add_func("/store/model/empty_again", test_empty_again);
    return g_test_run();
}
