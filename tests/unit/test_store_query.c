/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"
#include "tables/totals.h"

/* Compares each filter in each order with a simple implementation: all records, filtered, sorted
 * and cut. The snapshot is renewed every few rows, and some keys are longer than LMDB allows. */
#define SEED    99
#define OBJECTS 400

/* Room for the pages that a snapshot keeps in use until it is renewed. */
static const StoreLimits limits_of_store = {
    .map_bytes = 4 << 20,
    .headroom_bytes = 2 << 20,
    .batch_max = 64,
    .events_max = 200,
    .renew_rows = 7,
    .selection_max = 16,
};

static Fixture fixture;
/* Elements: Record, with keys of their own. */
static GPtrArray *records;

static char *make_key(int i)
{
    static const char *const folders[] = {"", "a/", "a/b/", "c/", "\xff/", "\xff\xff"};
    g_autofree char *long_name = g_strnfill(478 + i % 60, 'l');

    /* Keys have lengths around the limit above which a hash replaces their end, and many have the
     * same beginning. */
    if (i % 5 == 0)
        return g_strdup_printf("%s%d", long_name, (i * 7919) % 1000);
    return g_strdup_printf("%s%d.%s", folders[i % 6], (i * 7919) % 1000, i % 2 ? "jpg" : "png");
}

static StoreOutcome make_outcome(GRand *rand, const Record *record)
{
    static const ObjectState states[] = {STATE_DONE, STATE_DONE, STATE_SKIPPED, STATE_DEAD};
    StoreOutcome outcome =
        outcome_of(states[g_rand_int_range(rand, 0, 4)], record->version, T0 + 100);

    outcome.has_facts = true;
    outcome.facts.type = (ImageType)g_rand_int_range(rand, 0, 4);
    outcome.facts.damaged = g_rand_int_range(rand, 0, 9) == 0;
    outcome.facts.has_date = g_rand_boolean(rand);
    outcome.facts.date_us = T0 + g_rand_int_range(rand, -20, 20) * DAY / 4;
    outcome.attempt.duration_us = g_rand_int_range(rand, 0, 50);
    return outcome;
}

static void fill(Store *store)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);

    for (int i = 0; i < OBJECTS; i++) {
        g_autofree char *key = make_key(i);
        ObjectVersion version = {
            /* Many sizes are equal. */
            .size = g_rand_int_range(rand, 0, 100),
            .mtime_ns = (T0 + g_rand_int_range(rand, -20, 20) * DAY / 4) * 1000,
        };
        Record record;
        int64_t due_us;
        (void)seen_as(store, key, version, PRIORITY_UPLOAD, T0);
        if (i % 8 == 0 || !claim(store, T0, &record, &due_us) || i % 9 == 0)
            continue;
        StoreOutcome outcome = make_outcome(rand, &record);
        g_autofree char *claimed = g_strdup(record.key);
        (void)finish(store, claimed, &outcome, &record);
    }
    commit(store);
}

static void free_record(gpointer record)
{
    g_free((char *)((Record *)record)->key);
    g_free(record);
}

/* Collects all records by the simplest walk. */
static void collect(void)
{
    g_autofree char *after = NULL;

    records = g_ptr_array_new_with_free_func(free_record);
    for (;;) {
        g_autoptr(GError) error = NULL;
        Record record;
        bool found;
        g_assert_true(store_peek_after(fixture.store, after, &found, &record, &error));
        if (!found)
            break;
        Record *copy = g_memdup2(&record, sizeof record);
        copy->key = g_strdup(record.key);
        g_ptr_array_add(records, copy);
        g_free(after);
        after = g_strdup(record.key);
    }
}

static int64_t sort_value(const Record *record, StoreSort sort)
{
    return sort == STORE_SORT_SIZE   ? record->version.size
           : sort == STORE_SORT_DATE ? record_date_us(record)
                                     : record->duration_us;
}

static int compare_records(gconstpointer a, gconstpointer b, gpointer data)
{
    const Record *left = *(Record *const *)a;
    const Record *right = *(Record *const *)b;
    StoreSort sort = *(const StoreSort *)data;

    if (sort == STORE_SORT_NAME)
        return strcmp(left->key, right->key);

    int64_t left_value = sort_value(left, sort);
    int64_t right_value = sort_value(right, sort);
    if (left_value != right_value)
        return left_value < right_value ? -1 : 1;
    return left->id < right->id ? -1 : 1;
}

static GPtrArray *expected_keys(const StoreFilter *filter, StoreSort sort, bool reverse,
                                uint64_t limit)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    GPtrArray *keys = g_ptr_array_new();

    for (guint i = 0; i < records->len; i++) {
        Record *record = g_ptr_array_index(records, i);
        if (store_filter_matches(filter, record))
            g_ptr_array_add(sorted, record);
    }
    g_ptr_array_sort_with_data(sorted, compare_records, &sort);
    for (guint i = 0; i < sorted->len && (limit == 0 || i < limit); i++) {
        guint at = reverse ? sorted->len - 1 - i : i;
        g_ptr_array_add(keys, (char *)((Record *)g_ptr_array_index(sorted, at))->key);
    }
    return keys;
}

static bool collect_key(const Record *record, void *data)
{
    g_ptr_array_add(data, g_strdup(record->key));
    return true;
}

typedef struct {
    const char *name;
    StoreFilter filter;
} FilterCase;

static const FilterCase filters[] = {
    {"none", {.prefix = NULL}},
    {"empty prefix", {.prefix = ""}},
    {"folder", {.prefix = "a/"}},
    {"folder below", {.prefix = "a/b/"}},
    {"part of a name", {.prefix = "a/b/1"}},
    {"bytes 0xff", {.prefix = "\xff"}},
    {"only bytes 0xff", {.prefix = "\xff\xff"}},
    {"no such prefix", {.prefix = "zz"}},
    {"glob on names", {.match = "*.jpg"}},
    {"glob on keys", {.match = "a/*.png"}},
    {"glob with a class", {.match = "[1-3]*"}},
    {"one type", {.types = 1 << IMAGE_JPEG}},
    {"two types", {.types = 1 << IMAGE_JPEG | 1 << IMAGE_NONE}},
    {"no such type", {.types = 1 << IMAGE_JXL}},
    {"pending", {.states = 1 << STATE_PENDING}},
    {"running", {.states = 1 << STATE_RUNNING}},
    {"done", {.states = 1 << STATE_DONE}},
    {"done or dead", {.states = 1 << STATE_DONE | 1 << STATE_DEAD}},
    {"since", {.has_since = true, .since_us = T0 + DAY}},
    {"until", {.has_until = true, .until_us = T0 - 3 * DAY}},
    {"between", {.has_since = true, .since_us = T0 - DAY, .has_until = true, .until_us = T0 + DAY}},
    {"since the end", {.has_since = true, .since_us = INT64_MAX}},
    {"until the beginning", {.has_until = true, .until_us = INT64_MIN}},
    {"since after until",
     {.has_since = true, .since_us = T0, .has_until = true, .until_us = T0 - 1}},
    {"min size", {.has_min_size = true, .min_size = 90}},
    {"max size", {.has_max_size = true, .max_size = 5}},
    {"any size", {.has_min_size = true, .has_max_size = true, .max_size = INT64_MAX}},
    {"one size", {.has_min_size = true, .min_size = 7, .has_max_size = true, .max_size = 7}},
    {"min above max", {.has_min_size = true, .min_size = 7, .has_max_size = true, .max_size = 6}},
    {"damaged", {.damaged = true}},
    {"all at once",
     {.prefix = "a/",
      .match = "*.jpg",
      .types = 1 << IMAGE_JPEG | 1 << IMAGE_PNG,
      .states = 1 << STATE_DONE,
      .has_since = true,
      .since_us = T0 - 4 * DAY,
      .has_max_size = true,
      .max_size = 80}},
};

static const StoreSort sorts[] = {STORE_SORT_NAME, STORE_SORT_SIZE, STORE_SORT_DATE,
                                  STORE_SORT_DURATION};
static const uint64_t limits[] = {0, 1, 7, 20, OBJECTS, UINT64_MAX};

/* The snapshot is released from time to time, wherever the query is. */
static unsigned asked, rests;

static bool is_rest_due(void *unused_data)
{
    (void)unused_data;
    return ++asked % 3 == 0;
}

static void count_rest(void *unused_data)
{
    (void)unused_data;
    rests++;
}

static void compare(const FilterCase *tested, StoreSort sort, bool reverse, uint64_t limit)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
    store_snapshot_on_release(snapshot, is_rest_due, count_rest, NULL);
    g_autoptr(GPtrArray) expected = expected_keys(&tested->filter, sort, reverse, limit);
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *name =
        g_strdup_printf("sort %d, reverse %d, limit %" G_GUINT64_FORMAT, sort, reverse, limit);
    g_autoptr(GError) error = NULL;

    g_assert_true(
        store_query(snapshot, &tested->filter, sort, reverse, limit, collect_key, keys, &error));
    g_assert_no_error(error);
    for (guint i = 0; i < MIN(keys->len, expected->len); i++)
        expect_text(g_ptr_array_index(keys, i), g_ptr_array_index(expected, i), name);
    g_assert_cmpuint(keys->len, ==, expected->len);
}

typedef struct {
    GPtrArray *keys;
    StoreSort sort;
    int64_t value;
    uint64_t id;
    /* Where the next page begins; NULL: at the beginning. */
    char *key;
    guint early_ends;
    bool goes_on;
} Pages;

static void set_place(Pages *pages, const Record *record)
{
    const StoreCursor place = store_cursor_of(record, pages->sort);

    pages->value = place.value;
    pages->id = place.id;
    g_assert_cmpstr(place.key, ==, record->key);
    g_free(pages->key);
    pages->key = g_strdup(place.key);
    pages->goes_on = true;
}

static bool collect_place(const Record *record, void *data)
{
    Pages *pages = data;

    set_place(pages, record);
    return collect_key(record, pages->keys);
}

static void end_early(const Record *last, void *data)
{
    Pages *pages = data;

    set_place(pages, last);
    pages->early_ends++;
}

/* The result is the same page by page, with a snapshot for each page. Returns the number of pages
 * that ended early. */
static guint compare_pages(const FilterCase *tested, StoreSort sort, bool reverse, uint64_t limit,
                           uint64_t rows_max)
{
    g_autoptr(GPtrArray) expected = expected_keys(&tested->filter, sort, reverse, 0);
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    Pages pages = {.keys = keys, .sort = sort};

    do {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
        g_autoptr(GError) error = NULL;
        g_autofree char *key = g_strdup(pages.key);
        const StoreCursor after = {pages.value, pages.id, key};
        const StorePage page = {key ? &after : NULL, limit, rows_max, end_early};
        guint before = keys->len;
        pages.goes_on = false;
        g_assert_true(store_query_page(snapshot, &tested->filter, sort, reverse, &page,
                                       collect_place, &pages, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(keys->len - before, <=, limit);
    } while (pages.goes_on);
    for (guint i = 0; i < MIN(keys->len, expected->len); i++)
        expect_text(g_ptr_array_index(keys, i), g_ptr_array_index(expected, i), tested->name);
    g_assert_cmpuint(keys->len, ==, expected->len);
    g_free(pages.key);
    return pages.early_ends;
}

static void test_pages(gconstpointer data)
{
    guint early_ends = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(sorts); i++) {
        (void)compare_pages(data, sorts[i], false, 7, 0);
        (void)compare_pages(data, sorts[i], true, 7, 0);
        (void)compare_pages(data, sorts[i], i % 2, 100, 0);
        early_ends += compare_pages(data, sorts[i], false, 7, 10);
        early_ends += compare_pages(data, sorts[i], true, 7, 10);
        early_ends += compare_pages(data, sorts[i], i % 2, 100, 60);
    }
    /* A filter that few rows can match is answered by an index, in full pages. */
    if (store_filter_is_empty(&((const FilterCase *)data)->filter))
        g_assert_cmpuint(early_ends, >, 0);
}

static void test_filter(gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sorts) * G_N_ELEMENTS(limits); i++) {
        StoreSort sort = sorts[i / G_N_ELEMENTS(limits)];
        uint64_t limit = limits[i % G_N_ELEMENTS(limits)];
        compare(data, sort, false, limit);
        compare(data, sort, true, limit);
    }
    g_assert_cmpuint(rests, >, 0);
}

/* Prefixes have lengths around the limit above which a hash replaces the end of a key. */
static void test_long_prefixes(void)
{
    for (size_t len = 470; len < 545; len++) {
        g_autofree char *prefix = g_strnfill(len, 'l');
        const FilterCase tested = {"long", {.prefix = prefix}};
        compare(&tested, STORE_SORT_NAME, false, 0);
        compare(&tested, STORE_SORT_NAME, true, 3);
        compare(&tested, STORE_SORT_SIZE, false, 3);
    }
}

static void test_empty_filter(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++)
        g_assert_cmpint(store_filter_is_empty(&filters[i].filter), ==, i < 2);
}

/* The names go with the dates: a walk by name finds matches only at one end, or a few there and the
 * others far behind, and is given up in between. Some of the names end in a hash. */
static void test_matches_far_apart(void)
{
    enum { NAMES = 400 };
    Fixture other = fixture;
    GPtrArray *others = records;

    fixture_init(&fixture, &limits_of_store);
    for (int i = 0; i < NAMES; i++) {
        g_autofree char *long_name = g_strnfill(i % 3 == 0 ? 500 : 1, 'n');
        g_autofree char *key = g_strdup_printf("%03d%s%d", i, long_name, i);
        int day = i < 5 ? 1000 : i;
        ObjectVersion version = {.size = 1 + i % 7, .mtime_ns = (T0 + day * DAY) * 1000};
        (void)seen_as(fixture.store, key, version, PRIORITY_SCAN, T0);
    }
    commit(fixture.store);
    collect();
    for (int day = 50; day < NAMES; day += 50) {
        const FilterCase since = {"since", {.has_since = true, .since_us = T0 + day * DAY}};
        for (uint64_t limit = 1; limit < 40; limit += 3) {
            compare(&since, STORE_SORT_NAME, false, limit);
            compare(&since, STORE_SORT_NAME, true, limit);
            compare(&since, STORE_SORT_SIZE, false, limit);
            compare(&since, STORE_SORT_SIZE, true, limit);
        }
    }
    g_ptr_array_unref(records);
    fixture_clear(&fixture);
    fixture = other;
    records = others;
}

static bool stop_at_third(const Record *record, void *data)
{
    /* The test does not use it. */
    (void)record;
    return ++*(int *)data < 3;
}

static void test_stop(void)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
    const StoreFilter everything = {0};

    for (size_t i = 0; i < G_N_ELEMENTS(sorts); i++) {
        g_autoptr(GError) error = NULL;
        int visited = 0;
        g_assert_true(store_query(snapshot, &everything, sorts[i], false, 0, stop_at_third,
                                  &visited, &error));
        g_assert_cmpint(visited, ==, 3);
    }
}

typedef struct {
    Store *store;
    GHashTable *seen;
    int visited;
} Changing;

/* Removes the given record, and adds another one behind all others. */
static bool change_while_walking(const Record *record, void *data)
{
    Changing *changing = data;
    g_autofree char *key = g_strdup(record->key);
    g_autofree char *other = g_strdup_printf("zzz%d", changing->visited);

    /* No record comes twice. */
    g_assert_true(g_hash_table_add(changing->seen, g_strdup(key)));
    changing->visited++;
    if (g_str_has_prefix(key, "zzz"))
        return true;
    g_assert_true(remove_object(changing->store, key, T0));
    (void)seen_as(changing->store, other, version_of(1), PRIORITY_SCAN, T0);
    commit(changing->store);
    return true;
}

/* A visitor may change the records of its walk. Each record that exists throughout is visited. */
static void test_change_while_walking(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const StoreFilter everything = {0};
    g_autoptr(GError) error = NULL;
    Fixture changed;

    fixture_init(&changed, &limits_of_store);
    fill(changed.store);
    Changing changing = {.store = changed.store, .seen = seen};
    StoreSnapshot *snapshot = begin_snapshot(changed.store);
    g_assert_true(store_query(snapshot, &everything, STORE_SORT_NAME, false, 0,
                              change_while_walking, &changing, &error));
    g_assert_no_error(error);
    store_snapshot_end(snapshot);
    for (guint i = 0; i < records->len; i++) {
        const Record *record = g_ptr_array_index(records, i);
        g_assert_true(g_hash_table_contains(seen, record->key));
    }
    fixture_clear(&changed);
}

static void test_get(void)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
    g_autoptr(GError) error = NULL;
    Record record;

    for (guint i = 0; i < records->len; i++) {
        const Record *expected = g_ptr_array_index(records, i);
        g_assert_true(store_get(snapshot, expected->key, &record, &error));
        g_assert_cmpuint(record.id, ==, expected->id);
    }
    g_assert_false(store_get(snapshot, "no such", &record, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND);
}

/* The planner uses its estimate for values that are not counted, because zero would look like an
 * empty range. */
static void test_too_many_days(void)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
    uint64_t objects = 77;

    g_assert_true(totals_count_days(snapshot, NULL, NULL, 1, &objects, NULL));
    g_assert_cmpuint(objects, ==, 77);
    g_assert_true(totals_count_days(snapshot, NULL, NULL, 100000, &objects, NULL));
    g_assert_cmpuint(objects, ==, records->len);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_init(&fixture, &limits_of_store);
    fill(fixture.store);
    collect();
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        g_autofree char *path = g_strdup_printf("/store/query/filter/%s", filters[i].name);
        g_test_add_data_func(path, &filters[i], test_filter);
        g_autofree char *pages = g_strdup_printf("/store/query/pages/%s", filters[i].name);
        g_test_add_data_func(pages, &filters[i], test_pages);
    }
    g_test_add_func("/store/query/too_many_days", test_too_many_days);
    g_test_add_func("/store/query/long_prefixes", test_long_prefixes);
    g_test_add_func("/store/query/matches_far_apart", test_matches_far_apart);
    g_test_add_func("/store/query/empty_filter", test_empty_filter);
    g_test_add_func("/store/query/stop", test_stop);
    g_test_add_func("/store/query/get", test_get);
    g_test_add_func("/store/query/change_while_walking", test_change_while_walking);
    int status = g_test_run();
    g_ptr_array_unref(records);
    fixture_clear(&fixture);
    return status;
}
