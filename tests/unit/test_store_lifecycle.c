/* SPDX-License-Identifier: Apache-2.0 */
/* The records of schedules and sweeps, and expired objects. */
#include "store_fixture.h"

static void put(Store *store, const char *name, const ScheduleState *schedule)
{
    g_autoptr(GError) error = NULL;
    bool ok = store_put_schedule(store, name, schedule, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

static bool get(Store *store, const char *name, ScheduleState *ret_schedule)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    bool found = false;
    bool ok = store_get_schedule(snapshot, name, &found, ret_schedule, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static void test_schedules(void)
{
    const ScheduleState first = {.definition = UINT64_MAX,
                                 .handled_us = T0 + 1,
                                 .time_us = T0 + 2,
                                 .due_us = T0 + 3,
                                 .duration_us = 4,
                                 .outcome = RUN_TIMEOUT,
                                 .text = "killed"};
    ScheduleState second = {.handled_us = T0}, got;
    Fixture fixture;

    memset(second.text, 'x', sizeof second.text - 1);
    fixture_init(&fixture, &small_limits);
    g_assert_false(get(fixture.store, "a", &got));
    put(fixture.store, "a", &first);
    put(fixture.store, "b", &second);
    commit(fixture.store);

    g_assert_true(get(fixture.store, "a", &got));
    g_assert_cmpmem(&got, sizeof got, &first, sizeof first);
    g_assert_true(get(fixture.store, "b", &got));
    g_assert_cmpmem(&got, sizeof got, &second, sizeof second);
    g_assert_false(get(fixture.store, "c", &got));
    put(fixture.store, "a", &second);
    commit(fixture.store);
    g_assert_true(get(fixture.store, "a", &got));
    g_assert_cmpint(got.time_us, ==, 0);
    fixture_clear(&fixture);
}

typedef struct {
    GString *text;
    int count;
} Log;

static bool add_event(const Event *event, void *data)
{
    Log *log = data;

    log->count++;
    g_string_append_printf(log->text, "%s %s%s%s; ", event_type_name(event->type), event->key,
                           *event->detail ? " " : "", event->detail);
    return true;
}

static Log read_events(Store *store, uint64_t object_id)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    Log log = {.text = g_string_new(NULL)};

    g_assert_true(store_events(snapshot, 0, object_id, 0, add_event, &log, &error));
    g_assert_no_error(error);
    return log;
}

static void expect_events(Store *store, uint64_t object_id, const char *expected)
{
    Log log = read_events(store, object_id);

    g_assert_cmpstr(log.text->str, ==, expected);
    g_string_free(log.text, TRUE);
}

static void note(Store *store, EventType type, const char *key, const char *detail)
{
    g_autoptr(GError) error = NULL;
    bool ok = store_log(store, type, key, detail, T0, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

/* These events are among those of objects, belong to no object, and are removed by age like all
 * events. */
static void test_log(void)
{
    int max = (int)small_limits.events_max;
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    note(fixture.store, EVENT_SCHEDULED, "nightly", "");
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    note(fixture.store, EVENT_SWEPT, "all", "{\"orphans\":1}");
    commit(fixture.store);
    g_assert_true(peek(fixture.store, "a", &record));
    expect_events(fixture.store, 0, "schedule nightly; created a; sweep all {\"orphans\":1}; ");
    expect_events(fixture.store, record.id, "created a; ");

    for (int i = 0; i < 2 * max; i++)
        note(fixture.store, EVENT_SCHEDULED, "x", "{}");
    commit(fixture.store);
    Log log = read_events(fixture.store, 0);
    g_assert_cmpint(log.count, ==, max);
    g_string_free(log.text, TRUE);
    expect_events(fixture.store, record.id, "");
    fixture_clear(&fixture);
}

static void make_done(Store *store, const char *key, ObjectVersion version)
{
    StoreOutcome outcome = outcome_of(STATE_DONE, version, T0);
    Record record;
    int64_t due_us;

    (void)seen_as(store, key, version, PRIORITY_UPLOAD, T0);
    g_assert_true(claim(store, T0, &record, &due_us));
    g_assert_cmpstr(record.key, ==, key);
    g_assert_true(finish(store, key, &outcome, &record));
}

static bool expire_thumbnails(Store *store, const char *key, Record *ret_record)
{
    g_autoptr(GError) error = NULL;
    bool expired = false;
    bool ok = store_expire_thumbnails(store, key, T0, &expired, ret_record, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return expired;
}

static const Rendition wanted = {.name = "small", .recipe = 1};

static void test_thumbnails(void)
{
    ObjectVersion version = version_of(1);
    Fixture fixture;
    Record record;
    int64_t due_us;

    fixture_init(&fixture, &small_limits);
    store_set_renditions(fixture.store, &wanted, 1);
    make_done(fixture.store, "a", version);
    g_assert_true(expire_thumbnails(fixture.store, "a", &record));
    /* The caller has to remove the thumbnail. */
    g_assert_cmpuint(record.n_thumbnails, ==, 1);
    g_assert_false(expire_thumbnails(fixture.store, "a", &record));
    g_assert_false(expire_thumbnails(fixture.store, "b", &record));

    /* Nothing is to be made, however often the object is seen. */
    g_assert_true(peek(fixture.store, "a", &record));
    g_assert_cmpint(record.state, ==, STATE_DONE);
    g_assert_cmpuint(record.n_thumbnails, ==, 0);
    g_assert_true(record.expired);
    g_assert_false(record_is_stale(&record, &wanted, 1));
    g_assert_cmpint(seen_as(fixture.store, "a", version, PRIORITY_SCAN, T0), ==, STORE_UNCHANGED);
    g_assert_false(claim(fixture.store, T0, &record, &due_us));

    /* A new name is not a change; a new version is. */
    version.ctime_ns++;
    g_assert_true(move_object(fixture.store, "a", "c", version, T0, &record));
    g_assert_true(record.expired);
    g_assert_cmpint(seen_as(fixture.store, "c", version_of(2), PRIORITY_UPLOAD, T0), ==,
                    STORE_QUEUED);
    g_assert_true(claim(fixture.store, T0, &record, &due_us));
    g_assert_false(record.expired);
    fixture_clear(&fixture);
}

/* A request by hand makes the thumbnails again. */
static void test_requeued(void)
{
    Fixture fixture;
    Record record;
    int64_t due_us;

    fixture_init(&fixture, &small_limits);
    make_done(fixture.store, "a", version_of(1));
    g_assert_true(expire_thumbnails(fixture.store, "a", &record));
    g_assert_true(requeue(fixture.store, "a", PRIORITY_BACKFILL, T0));
    g_assert_true(claim(fixture.store, T0, &record, &due_us));
    g_assert_false(record.expired);
    /* The object is running. */
    g_assert_false(expire_thumbnails(fixture.store, "a", &record));
    fixture_clear(&fixture);
}

static void test_objects(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    Record record;
    bool found;

    fixture_init(&fixture, &small_limits);
    make_done(fixture.store, "a", version_of(1));
    g_assert_true(store_expire(fixture.store, "a", T0, &found, &record, &error));
    g_assert_true(found);
    g_assert_cmpuint(record.n_thumbnails, ==, 1);
    g_assert_true(store_expire(fixture.store, "a", T0, &found, &record, &error));
    g_assert_false(found);
    make_done(fixture.store, "b", version_of(1));
    g_assert_true(expire_thumbnails(fixture.store, "b", &record));
    commit(fixture.store);
    /* The event of the bucket would do this. */
    g_assert_false(remove_object(fixture.store, "a", T0));
    expect_events(fixture.store, 0, "created a; done a; expired a; created b; done b; cleared b; ");
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/lifecycle/schedules", test_schedules);
    g_test_add_func("/store/lifecycle/log", test_log);
    g_test_add_func("/store/lifecycle/thumbnails", test_thumbnails);
    g_test_add_func("/store/lifecycle/requeued", test_requeued);
    g_test_add_func("/store/lifecycle/objects", test_objects);
    return g_test_run();
}
