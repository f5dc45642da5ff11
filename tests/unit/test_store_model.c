/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does thousands of random operations on a store and on a model of it. From time to time, the test
 * compares the whole store with the model: each record, the totals of each dimension, each index,
 * and the counts of jobs.
 */
#include "store/jobs.h"
#include "store_model.h"

#define ROUNDS 6000

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

/* Checks the walk over the whole table, and over each index. */
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

/* Computes the group of a record with GLib's calendar. */
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
        ObjectTotals *totals = g_hash_table_lookup(groups, group);
        if (!totals) {
            totals = g_new0(ObjectTotals, 1);
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

/* Removes each group from the table of expected groups. */
static bool check_group(const char *group, const ObjectTotals *totals, void *data)
{
    GHashTable *groups = data;
    const ObjectTotals *expected = g_hash_table_lookup(groups, group);

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
        BatchJob job;
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

/* The queue has no reader of its own. Its first row is the one that a claim would take. */
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

/* No total is left when the last object was removed. */
static bool count_left(const char *group, const ObjectTotals *totals, void *data)
{
    /* The test does not use it. */
    (void)group;
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
