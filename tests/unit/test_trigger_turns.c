/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of batches, and reloads while a batch is under way. */
#include "store/record.h"
#include "trigger_bench.h"

#include <stdio.h>

/* Failed batches that a receiver puts off each time starve no later one. */
static void test_put_off_poisons(void)
{
    const int64_t rests_us[] = {0, 30 * SECOND};
    Bench bench;

    for (size_t i = 0; i < G_N_ELEMENTS(rests_us); i++) {
        bench_init(&bench, "run = invoke f\nbatch = 1");
        uint64_t poisons[] = {make_retry(&bench, "poison-1"), make_retry(&bench, "poison-2")};
        uint64_t other = make_retry(&bench, "other");
        bool is_taken = false;
        now_us += 5 * CLOCK_MINUTE_US;
        for (int turn = 0; turn < 100 && !is_taken; turn++) {
            check_after(&bench, 10 * SECOND);
            if (!run)
                continue;
            const Call *call = call_of(calls->len - 1);
            bool is_poison = call->first == poisons[0] || call->first == poisons[1];
            is_taken = call->first == other;
            end_run(is_poison ? TRIGGER_RUN_PUT_OFF : TRIGGER_RUN_OK, is_poison ? rests_us[i] : 0);
        }
        g_assert_true(is_taken);
        bench_clear(&bench);
    }
}

/* Failed batches for which the receiver asks for a rest leave turns to new events. */
static void test_throttled_retries(void)
{
    uint64_t n_events = 0, n_retries = 0;
    Bench bench;

    bench_init(&bench, "run = invoke f\nbatch = 1");
    (void)make_retry(&bench, "a");
    (void)make_retry(&bench, "b");
    now_us += 5 * CLOCK_MINUTE_US;
    put_event(&bench, "c");
    put_event(&bench, "d");
    for (int i = 0; i < 100; i++) {
        check_after(&bench, 10 * SECOND);
        if (!run)
            continue;
        bool is_retry = call_of(calls->len - 1)->id > 0;
        n_events += !is_retry;
        n_retries += is_retry;
        end_run(is_retry ? TRIGGER_RUN_PUT_OFF : TRIGGER_RUN_OK, is_retry ? 30 * SECOND : 0);
    }
    g_assert_cmpuint(n_events, ==, 2);
    g_assert_cmpuint(n_retries, >, 5);
    bench_clear(&bench);
}

/* Makes the objects done; their events have the hash of the bytes from then on. */
static void finish_all(Bench *bench)
{
    Store *store = bench->store.store;
    Record record;
    int64_t due_us;

    while (claim(store, T0 + now_us, &record, &due_us)) {
        g_autofree char *key = g_strdup(record.key);
        StoreOutcome outcome = outcome_of(STATE_DONE, record.version, T0 + now_us);
        outcome.facts.etag[0] = 1;
        g_assert_true(finish(store, key, &outcome, &record));
        if (store_batch_size(store) > 8)
            commit(store);
    }
    commit(store);
}

/* A long batch without an answer is handed over again as it was, also if its events have become
 * longer by then. */
static void test_unanswered_long(void)
{
    g_autofree char *filler = g_strnfill(150, 'k');
    Bench bench;

    bench_init(&bench, "run = invoke f\nbatch = 1000");
    for (int i = 0; i < 600; i++) {
        g_autofree char *key = g_strdup_printf("%03d/%s", i, filler);
        put_event(&bench, key);
        if (i % 8 == 0)
            commit(bench.store.store);
    }
    (void)check_once(&bench);
    /* The limit of the bytes ends the batch. */
    g_assert_cmpuint(call_of(0)->n_events, <, 600);
    finish_all(&bench);
    end_run(TRIGGER_RUN_PUT_OFF, 0);
    check_after(&bench, 2 * SECOND);
    g_assert_cmpuint(call_of(1)->first, ==, call_of(0)->first);
    g_assert_cmpuint(call_of(1)->last, ==, call_of(0)->last);
    g_assert_cmpuint(call_of(1)->n_events, ==, call_of(0)->n_events);
    end_run(TRIGGER_RUN_OK, 0);
    bench_clear(&bench);
}

/* Returns the number of events that wait, as the trigger counts them. */
static uint64_t n_ahead(const Bench *bench)
{
    return trigger_states_find(bench->triggers, "t")->n_ahead;
}

/* Events whose batch was under way during a reload do not wait once it is delivered. */
static void test_delivered_after_reload(void)
{
    Bench bench;

    for (int i = 0; i < 4; i++) {
        bool is_checked = i & 1;
        bool is_other = i & 2;
        bench_init(&bench, "run = invoke f\nbatch = 100\nmatch = a*");
        put_event(&bench, "b1");
        put_event(&bench, "a1");
        put_event(&bench, "b2");
        (void)check_once(&bench);
        g_assert_cmpuint(call_of(0)->n_events, ==, 1);
        configure(&bench, is_other ? "run = invoke f\nbatch = 100"
                                   : "run = invoke f\nbatch = 100\nmatch = a*");
        /* The answer comes before or after the next check. */
        if (is_checked)
            (void)check_once(&bench);
        end_run(TRIGGER_RUN_OK, 0);
        (void)check_once(&bench);
        g_assert_cmpuint(n_ahead(&bench), ==, 0);
        g_assert_cmpuint(calls->len, ==, 1);
        put_event(&bench, "a2");
        (void)check_once(&bench);
        g_assert_cmpuint(n_ahead(&bench), ==, 1);
        end_run(TRIGGER_RUN_OK, 0);
        (void)check_once(&bench);
        g_assert_cmpuint(n_ahead(&bench), ==, 0);
        bench_clear(&bench);
    }
}

/* A batch that is put off after a reload was handed over under the old configuration: the new one
 * does not wait for it. */
static void test_put_off_after_reload(void)
{
    Bench bench;

    for (int i = 0; i < 2; i++) {
        bool is_retry = i == 1;
        bench_init(&bench, "run = invoke f");
        if (is_retry) {
            (void)make_retry(&bench, "a");
            check_after(&bench, 5 * CLOCK_MINUTE_US);
        } else {
            put_event(&bench, "a");
            (void)check_once(&bench);
        }
        guint before = calls->len;
        configure(&bench, "run = invoke g");
        end_run(TRIGGER_RUN_PUT_OFF, CLOCK_MINUTE_US);
        (void)check_once(&bench);
        g_assert_cmpuint(calls->len, ==, before + 1);
        end_run(TRIGGER_RUN_OK, 0);
        (void)check_once(&bench);
        g_assert_cmpuint(calls->len, ==, before + 1);
        bench_clear(&bench);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trigger-turns/put-off-poisons", test_put_off_poisons);
    g_test_add_func("/trigger-turns/throttled-retries", test_throttled_retries);
    g_test_add_func("/trigger-turns/unanswered-long", test_unanswered_long);
    g_test_add_func("/trigger-turns/delivered-after-reload", test_delivered_after_reload);
    g_test_add_func("/trigger-turns/put-off-after-reload", test_put_off_after_reload);
    return g_test_run();
}
