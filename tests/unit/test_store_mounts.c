/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts below the bucket: which objects of the store are away, and how they come back. */
#include "store_fixture.h"

#define USB                                                                                        \
    {                                                                                              \
        "usb", 11                                                                                  \
    }
#define USB2                                                                                       \
    {                                                                                              \
        "usb", 12                                                                                  \
    }
#define DEEP                                                                                       \
    {                                                                                              \
        "usb/deep", 13                                                                             \
    }

typedef struct {
    unsigned gone, back;
    /* Number of objects of the last reported mount. */
    uint64_t objects;
} Told;

static void on_changed(const StoreMount *mount, void *data)
{
    Told *told = data;

    told->gone += mount->is_away;
    told->back += !mount->is_away;
    told->objects = mount->objects;
}

static Told set_mounts(Store *store, const StoreMountPoint *points, size_t n)
{
    g_autoptr(GError) error = NULL;
    Told told = {0};
    bool ok = store_set_mounts(store, points, n, T0, on_changed, &told, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return told;
}

static bool is_away(Store *store, const char *key)
{
    Record record;

    g_assert_true(peek(store, key, &record));
    return record.away;
}

static uint64_t count_away(Store *store, const StoreFilter *filter)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(store, &error);
    uint64_t objects = 0;

    g_assert_no_error(error);
    g_assert_true(store_away(snapshot, filter, &objects, &error));
    return objects;
}

static void put(Store *store, const char *key)
{
    (void)seen_as(store, key, version_of(1), PRIORITY_UPLOAD, T0);
}

/* Adds two objects on a mount, and one beside it. */
static void fill(Fixture *fixture)
{
    const StoreMountPoint usb[] = {USB};

    fixture_init(fixture, &small_limits);
    g_assert_cmpuint(set_mounts(fixture->store, usb, 1).back, ==, 1);
    put(fixture->store, "usb/a");
    put(fixture->store, "usb/b");
    /* This object is not below the mount. */
    put(fixture->store, "usbc");
    commit(fixture->store);
}

static void test_gone_and_back(void)
{
    const StoreMountPoint usb[] = {USB};
    const StoreFilter all = {0}, away = {.states = STORE_FILTER_AWAY}, below = {.prefix = "usb/a"};
    Fixture fixture;

    fill(&fixture);
    Store *store = fixture.store;
    g_assert_cmpuint(count_away(store, &all), ==, 0);
    /* The mount is known already. */
    g_assert_cmpuint(set_mounts(store, usb, 1).back, ==, 0);
    g_assert_cmpuint(store_batch_size(store), ==, 0);

    Told told = set_mounts(store, NULL, 0);
    g_assert_cmpuint(told.gone, ==, 1);
    g_assert_cmpuint(told.objects, ==, 2);
    commit(store);
    g_assert_true(is_away(store, "usb/a") && is_away(store, "usb/b"));
    g_assert_false(is_away(store, "usbc"));
    g_assert_cmpuint(count_away(store, &all), ==, 2);
    g_assert_cmpuint(count_away(store, &away), ==, 2);
    g_assert_cmpuint(count_away(store, &below), ==, 1);

    /* The same is true for a reader, and after the store is opened again. */
    g_autoptr(Store) reader = open_store(fixture.directory, STORE_READ, &small_limits);
    g_assert_cmpuint(count_away(reader, &all), ==, 2);
    store_close(store);
    store = fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_true(is_away(store, "usb/a"));

    told = set_mounts(store, usb, 1);
    g_assert_cmpuint(told.back, ==, 1);
    g_assert_cmpuint(told.objects, ==, 2);
    commit(store);
    g_assert_false(is_away(store, "usb/a"));
    g_assert_cmpuint(count_away(store, &all), ==, 0);
    g_assert_cmpuint(count_away(reader, &all), ==, 0);
    /* No object of the mount is to be processed again. */
    g_assert_cmpint(seen_as(store, "usb/a", version_of(1), PRIORITY_SCAN, T0), ==, STORE_UNCHANGED);
    fixture_clear(&fixture);
}

/* Another file system is at the same place: the objects of the first one stay away. */
static void test_another(void)
{
    const StoreMountPoint usb[] = {USB}, other[] = {USB2};
    const StoreFilter all = {0};
    Fixture fixture;

    fill(&fixture);
    Store *store = fixture.store;
    (void)set_mounts(store, other, 1);
    /* An object of the same name exists. */
    put(store, "usb/a");
    commit(store);
    g_assert_false(is_away(store, "usb/a"));
    g_assert_true(is_away(store, "usb/b"));
    g_assert_cmpuint(count_away(store, &all), ==, 1);
    (void)set_mounts(store, usb, 1);
    commit(store);
    g_assert_true(is_away(store, "usb/a"));
    g_assert_false(is_away(store, "usb/b"));
    fixture_clear(&fixture);
}

static void note_hidden(Store *store, const char *key)
{
    g_autoptr(GError) error = NULL;
    bool ok = store_count_hidden(store, key, T0, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

/* A mount hides objects of the bucket itself and of another mount. */
static void test_hidden(void)
{
    const StoreMountPoint usb[] = {USB}, both[] = {USB, DEEP};
    const StoreFilter all = {0};
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    Store *store = fixture.store;
    put(store, "usb/deep/a");
    (void)set_mounts(store, usb, 1);
    g_assert_true(is_away(store, "usb/deep/a"));
    note_hidden(store, "usb/deep/a");
    commit(store);
    g_assert_true(is_away(store, "usb/deep/a"));
    g_assert_cmpuint(count_away(store, &all), ==, 1);
    put(store, "usb/deep/b");
    (void)set_mounts(store, both, 2);
    note_hidden(store, "usb/deep/a");
    note_hidden(store, "usb/deep/b");
    commit(store);
    g_assert_true(is_away(store, "usb/deep/a") && is_away(store, "usb/deep/b"));
    g_assert_cmpuint(count_away(store, &all), ==, 2);

    (void)set_mounts(store, usb, 1);
    commit(store);
    g_assert_false(is_away(store, "usb/deep/b"));
    g_assert_cmpuint(count_away(store, &all), ==, 1);
    (void)set_mounts(store, NULL, 0);
    commit(store);
    g_assert_false(is_away(store, "usb/deep/a"));
    g_assert_true(is_away(store, "usb/deep/b"));
    g_assert_cmpuint(count_away(store, &all), ==, 1);
    fixture_clear(&fixture);
}

/*
 * The counts of an aborted batch are forgotten, and so is a mount that is away and has no objects.
 */
static void test_abort(void)
{
    const StoreFilter all = {0};
    Fixture fixture;
    Record record;
    bool found;

    fill(&fixture);
    Store *store = fixture.store;
    (void)set_mounts(store, NULL, 0);
    g_assert_true(store_remove(store, "usb/a", T0, &found, &record, NULL));
    store_abort(store);
    g_assert_false(is_away(store, "usb/a"));
    (void)set_mounts(store, NULL, 0);
    commit(store);
    g_assert_cmpuint(count_away(store, &all), ==, 2);
    g_assert_true(store_remove(store, "usb/a", T0, &found, &record, NULL));
    g_assert_true(store_remove(store, "usb/b", T0, &found, &record, NULL));
    commit(store);
    g_assert_cmpuint(count_away(store, &all), ==, 0);

    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(store, NULL);
    Told told = {0};
    store_mounts(snapshot, on_changed, &told);
    g_assert_cmpuint(told.gone + told.back, ==, 0);
    store_snapshot_end(g_steal_pointer(&snapshot));
    fixture_clear(&fixture);
}

/* A pending object that is away is not due; it is due again when it is seen. */
static void test_parked(void)
{
    const StoreMountPoint usb[] = {USB};
    Fixture fixture;
    Record record;
    int64_t due_us = 0;

    fill(&fixture);
    Store *store = fixture.store;
    (void)set_mounts(store, NULL, 0);
    while (claim(store, T0 + DAY, &record, &due_us)) {
        g_autofree char *key = g_strdup(record.key);
        const StoreOutcome outcome = {.state = record.away ? STATE_PENDING : STATE_DEAD,
                                      .version = record.version,
                                      .now_us = T0,
                                      .due_us = STORE_NEVER_US,
                                      .error = ERROR_SOURCE_GONE};
        g_assert_true(finish(store, key, &outcome, &record));
    }
    g_assert_cmpint(due_us, ==, INT64_MAX);
    commit(store);
    (void)set_mounts(store, usb, 1);
    g_assert_cmpint(seen_as(store, "usb/a", version_of(1), PRIORITY_SCAN, T0), ==, STORE_QUEUED);
    commit(store);
    g_assert_true(claim(store, T0 + DAY, &record, &due_us));
    g_assert_cmpstr(record.key, ==, "usb/a");
    store_abort(store);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/mounts/gone-and-back", test_gone_and_back);
    g_test_add_func("/store/mounts/another", test_another);
    g_test_add_func("/store/mounts/hidden", test_hidden);
    g_test_add_func("/store/mounts/abort", test_abort);
    g_test_add_func("/store/mounts/parked", test_parked);
    return g_test_run();
}
