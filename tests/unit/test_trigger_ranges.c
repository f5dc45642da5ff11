/* SPDX-License-Identifier: Apache-2.0 */
/* Skipped events that are delivered once more, in slices. */
#include "server/trigger_ranges.h"

#include "store/epoch.h"
#include "store_fixture.h"

static const StoreLimits limits = {
    .map_bytes = 16 << 20,
    .headroom_bytes = 8 << 20,
    .batch_max = 512,
    .events_max = 1000,
    .renew_rows = 7,
    .selection_max = 16,
};

static Config *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Config *config = config_parse(text, "test", &error);

    g_assert_no_error(error);
    return config;
}

/* Makes events, and commits. */
static void put_events(Store *store, int n)
{
    static int number;

    for (int i = 0; i < n; i++) {
        number++;
        g_autofree char *key = g_strdup_printf("%d.jpg", number);
        (void)seen_as(store, key, version_of(number), PRIORITY_UPLOAD, T0);
    }
    commit(store);
}

/* Has the trigger skip `n` new events. */
static Delivery skip_events(Store *store, const char *trigger, int n)
{
    g_autoptr(GError) error = NULL;
    uint64_t before = store_last_sequencer(store);
    put_events(store, n);
    Delivery range = {.state = DELIVERY_RANGE,
                      .first = before + 1,
                      .last = store_last_sequencer(store),
                      .n_events = (uint64_t)n,
                      .input = ""};

    g_assert_true(store_put_delivery(store, trigger, &range, &error));
    g_assert_no_error(error);
    return range;
}

/* Does one slice. Returns false behind the last one. */
static bool retry(Store *store, const Config *config, RangeEdit *edit)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(trigger_ranges_retry(store, config, "/bucket", "", edit, &error));
    g_assert_no_error(error);
    return !edit->has_ended;
}

static void retry_all(Store *store, const Config *config, RangeEdit *edit)
{
    do
        commit(store);
    while (retry(store, config, edit));
    commit(store);
}

typedef struct {
    uint64_t n_waiting, n_skipped, n_ranges;
    /* Of the last waiting delivery, by id, and of all ranges. */
    uint64_t last_waiting, last_skipped;
    Delivery range;
} Counts;

static bool count(const char *trigger, const Delivery *delivery, void *data)
{
    Counts *counts = data;

    (void)trigger;
    if (delivery->state == DELIVERY_WAITING) {
        counts->n_waiting += delivery->n_events;
        /* No event comes twice. */
        g_assert_cmpuint(delivery->first, >, counts->last_waiting);
        counts->last_waiting = delivery->last;
        return true;
    }
    counts->n_ranges++;
    counts->n_skipped += delivery->n_events;
    counts->last_skipped = MAX(counts->last_skipped, delivery->last);
    counts->range = *delivery;
    return true;
}

static Counts count_rows(Store *store, const char *trigger)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    Counts counts = {0};

    g_assert_true(store_deliveries(snapshot, trigger, 0, count, &counts, &error));
    g_assert_no_error(error);
    counts.range.input = "";
    return counts;
}

/* A retry that ends behind any slice, and the next one, deliver each event once. */
static void test_interrupted(void)
{
    Config *config = parse("[trigger t]\non = created\nrun = exec true\nbatch = 1\n");
    Fixture fixture;

    fixture_init(&fixture, &limits);
    (void)skip_events(fixture.store, "t", 200);
    commit(fixture.store);
    RangeEdit first = {0}, second = {0};
    g_assert_true(retry(fixture.store, config, &first));
    commit(fixture.store);
    Counts counts = count_rows(fixture.store, "t");
    g_assert_cmpuint(counts.n_waiting, >, 0);
    g_assert_cmpuint(counts.n_waiting + counts.n_skipped, ==, 200);
    g_assert_cmpuint(counts.range.first, >, counts.last_waiting);
    retry_all(fixture.store, config, &second);
    counts = count_rows(fixture.store, "t");
    g_assert_cmpuint(counts.n_waiting, ==, 200);
    g_assert_cmpuint(counts.n_ranges, ==, 0);
    g_assert_cmpuint(second.changed, ==, 1);
    config_free(config);
    fixture_clear(&fixture);
}

/* Events that are skipped between two slices stay in the range: committed ones, and those of the
 * open batch. */
static void test_extended(void)
{
    Config *config = parse("[trigger t]\non = created\nrun = exec true\nbatch = 1\n");

    for (int is_committed = 0; is_committed < 2; is_committed++) {
        g_autoptr(GError) error = NULL;
        RangeEdit edit = {0};
        Fixture fixture;
        fixture_init(&fixture, &limits);
        (void)skip_events(fixture.store, "t", 100);
        commit(fixture.store);
        g_assert_true(retry(fixture.store, config, &edit));
        put_events(fixture.store, 20);
        Delivery range = count_rows(fixture.store, "t").range;
        range.last = store_last_sequencer(fixture.store);
        range.n_events += 20;
        g_assert_true(store_put_delivery(fixture.store, "t", &range, &error));
        if (is_committed)
            commit(fixture.store);
        while (retry(fixture.store, config, &edit))
            ;
        commit(fixture.store);
        Counts counts = count_rows(fixture.store, "t");
        g_assert_cmpuint(counts.n_waiting, ==, 100);
        g_assert_cmpuint(counts.n_skipped, ==, 20);
        g_assert_cmpuint(counts.range.first, >, counts.last_waiting);
        g_assert_cmpuint(counts.last_skipped, ==, range.last);
        g_assert_cmpuint(edit.changed, ==, 1);
        fixture_clear(&fixture);
    }
    config_free(config);
}

/* The part of a range that the log has lost stays; all of the rest is delivered. */
static void test_lost(void)
{
    Config *config = parse("[trigger t]\non = created\nrun = exec true\nbatch = 1\n");
    RangeEdit edit = {0}, again = {0};
    Fixture fixture;

    fixture_init(&fixture, &limits);
    const Delivery range = skip_events(fixture.store, "t", 900);
    for (int i = 0; i < 3; i++)
        put_events(fixture.store, 300);
    commit(fixture.store);
    retry_all(fixture.store, config, &edit);
    Counts counts = count_rows(fixture.store, "t");
    g_assert_cmpuint(counts.n_waiting, >, 64);
    g_assert_cmpuint(counts.n_skipped, >, 0);
    g_assert_cmpuint(counts.n_waiting + counts.n_skipped, ==, 900);
    g_assert_cmpuint(counts.n_ranges, ==, 1);
    g_assert_cmpuint(counts.range.first, ==, range.first);
    g_assert_cmpstr(counts.range.error, ==, "the log no longer has these events");
    g_assert_cmpuint(edit.changed, ==, 1);
    retry_all(fixture.store, config, &again);
    g_assert_cmpuint(count_rows(fixture.store, "t").n_waiting, ==, counts.n_waiting);
    g_assert_cmpuint(again.changed, ==, 0);
    config_free(config);
    fixture_clear(&fixture);
}

/* Another configuration comes into force between two slices. */
static void test_reloaded(void)
{
    Config *both = parse("[trigger a]\non = created\nrun = exec true\nbatch = 1\n"
                         "[trigger b]\non = created\nrun = exec true\nbatch = 1\n");
    Config *one = parse("[trigger b]\non = created\nrun = exec true\nbatch = 1\n");
    RangeEdit edit = {0};
    Fixture fixture;

    fixture_init(&fixture, &limits);
    (void)skip_events(fixture.store, "a", 1);
    (void)skip_events(fixture.store, "b", 200);
    do {
        commit(fixture.store);
        g_assert_true(retry(fixture.store, both, &edit));
        commit(fixture.store);
    } while (count_rows(fixture.store, "b").n_waiting == 0);
    retry_all(fixture.store, one, &edit);
    Counts counts = count_rows(fixture.store, "b");
    g_assert_cmpuint(counts.n_waiting, ==, 200);
    g_assert_cmpuint(counts.n_ranges, ==, 0);
    g_assert_cmpuint(count_rows(fixture.store, "a").n_waiting, ==, 1);
    g_assert_cmpuint(edit.changed, ==, 2);
    config_free(one);
    config_free(both);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trigger-ranges/interrupted", test_interrupted);
    g_test_add_func("/trigger-ranges/extended", test_extended);
    g_test_add_func("/trigger-ranges/lost", test_lost);
    g_test_add_func("/trigger-ranges/reloaded", test_reloaded);
    return g_test_run();
}
