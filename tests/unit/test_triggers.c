/* SPDX-License-Identifier: Apache-2.0 */
/* The order and the waits of deliveries. */
#include "trigger_bench.h"

/* Without an answer the same batch is handed over again, though there are more events by then. */
static void test_unanswered(void)
{
    Bench bench;

    bench_init(&bench, "run = invoke f\nbatch = 100");
    put_event(&bench, "a");
    put_event(&bench, "b");
    (void)check_once(&bench);
    g_assert_cmpuint(call_of(0)->n_events, ==, 2);
    put_event(&bench, "c");
    end_run(TRIGGER_RUN_PUT_OFF, 0);
    check_after(&bench, 2 * SECOND);
    g_assert_cmpuint(call_of(1)->first, ==, call_of(0)->first);
    g_assert_cmpuint(call_of(1)->last, ==, call_of(0)->last);
    g_assert_cmpuint(call_of(1)->n_events, ==, 2);
    end_run(TRIGGER_RUN_OK, 0);
    (void)check_once(&bench);
    g_assert_cmpuint(call_of(2)->n_events, ==, 1);
    g_assert_cmpuint(call_of(2)->first, >, call_of(1)->last);
    bench_clear(&bench);
}

/* The batch is another one if the trigger asks for none of its events any more. */
static void test_unanswered_reconfigured(void)
{
    Bench bench;

    bench_init(&bench, "run = invoke f\nbatch = 100\nmatch = a*");
    put_event(&bench, "a");
    (void)check_once(&bench);
    end_run(TRIGGER_RUN_PUT_OFF, 0);
    put_event(&bench, "b");
    (void)check_once(&bench);
    configure(&bench, "run = invoke f\nbatch = 100\nmatch = b*");
    (void)check_once(&bench);
    g_assert_cmpuint(calls->len, ==, 2);
    g_assert_cmpuint(call_of(1)->first, >, call_of(0)->last);
    end_run(TRIGGER_RUN_OK, 0);
    bench_clear(&bench);
}

/* A failed batch that is always put off delays neither the events of the log nor another one. */
static void test_put_off_retry(void)
{
    uint64_t n_events = 0, n_poison = 0, n_other = 0;
    Bench bench;

    bench_init(&bench, "run = invoke f\nbatch = 1");
    uint64_t poison = make_retry(&bench, "poison");
    uint64_t other = make_retry(&bench, "other");
    /* Both are due. */
    now_us += 5 * CLOCK_MINUTE_US;
    put_event(&bench, "b");
    put_event(&bench, "c");
    for (int i = 0; i < 100; i++) {
        check_after(&bench, 10 * SECOND);
        if (!run)
            continue;
        const Call *call = call_of(calls->len - 1);
        bool is_poison = call->first == poison;
        n_poison += is_poison;
        n_other += call->first == other;
        n_events += call->id == 0;
        end_run(is_poison ? TRIGGER_RUN_PUT_OFF : TRIGGER_RUN_OK, 0);
    }
    g_assert_cmpuint(n_events, ==, 2);
    g_assert_cmpuint(n_other, ==, 1);
    /* The batch is tried again, at longer and longer intervals. */
    g_assert_cmpuint(n_poison, >, 5);
    g_assert_cmpuint(n_poison, <, 20);
    bench_clear(&bench);
}

/* A receiver that asks for a rest gets no other batch before. */
static void test_throttled_retry(void)
{
    Bench bench;

    bench_init(&bench, "run = invoke f\nbatch = 1");
    uint64_t retry = make_retry(&bench, "a");
    now_us += 5 * CLOCK_MINUTE_US;
    put_event(&bench, "b");
    (void)check_once(&bench);
    g_assert_cmpuint(call_of(1)->first, ==, retry);
    end_run(TRIGGER_RUN_PUT_OFF, 30 * SECOND);
    check_after(&bench, 29 * SECOND);
    g_assert_cmpuint(calls->len, ==, 2);
    check_after(&bench, 2 * SECOND);
    g_assert_cmpuint(calls->len, ==, 3);
    end_run(TRIGGER_RUN_OK, 0);
    bench_clear(&bench);
}

/* If nothing can take a retry, then nothing can take the events of the log either. */
static void test_failed_start(void)
{
    Bench bench;

    for (int i = 0; i < 2; i++) {
        bench_init(&bench, i ? "run = exec true" : "run = invoke f");
        is_command = i == 1;
        (void)make_retry(&bench, "a");
        put_event(&bench, "b");
        guint before = calls->len;
        act = ACT_FAIL_TO_START;
        check_after(&bench, 5 * CLOCK_MINUTE_US);
        g_assert_cmpuint(calls->len, ==, before + 1);
        g_assert_cmpuint(call_of(before)->id, >, 0);
        bench_clear(&bench);
    }
}

/* A wait that ends during a check does not become one of a minute. */
static void test_wait_ends_in_check(void)
{
    Bench bench;

    bench_init(&bench, "run = invoke f");
    put_event(&bench, "a");
    (void)check_once(&bench);
    end_run(TRIGGER_RUN_PUT_OFF, 0);
    g_assert_cmpuint(calls->len, ==, 1);
    int64_t end_us = now_us + SECOND;
    /* The clock passes the end of the wait between any two readings. */
    step_us = 10 * SECOND;
    for (int seconds = 49; seconds > 0 && calls->len == 1; seconds -= 10) {
        now_us = end_us - seconds * SECOND;
        int64_t next_us = check_once(&bench);
        if (calls->len == 1)
            g_assert_cmpint(next_us, <=, seconds * SECOND);
    }
    step_us = 0;
    g_assert_cmpuint(calls->len, ==, 2);
    end_run(TRIGGER_RUN_OK, 0);
    bench_clear(&bench);
}

/* A new configuration begins with short waits. */
static void test_reload(void)
{
    Bench bench;

    bench_init(&bench, "run = invoke f");
    put_event(&bench, "a");
    (void)check_once(&bench);
    for (int i = 0; i < 8; i++) {
        end_run(TRIGGER_RUN_PUT_OFF, 0);
        check_after(&bench, 2 * CLOCK_MINUTE_US);
    }
    end_run(TRIGGER_RUN_PUT_OFF, 0);
    configure(&bench, "run = invoke g");
    (void)check_once(&bench);
    end_run(TRIGGER_RUN_PUT_OFF, 0);
    guint before = calls->len;
    check_after(&bench, SECOND + 1);
    g_assert_cmpuint(calls->len, ==, before + 1);
    end_run(TRIGGER_RUN_OK, 0);
    bench_clear(&bench);
}

typedef struct {
    uint64_t n_ranges, id, first, n_events;
} Ranges;

static bool note_range(const char *name, const Delivery *delivery, void *data)
{
    Ranges *ranges = data;

    (void)name;
    if (delivery->state == DELIVERY_RANGE)
        *ranges = (Ranges){ranges->n_ranges + 1, delivery->id, delivery->first, delivery->n_events};
    return true;
}

static Ranges read_ranges(const Bench *bench)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(bench->store.store);
    g_autoptr(GError) error = NULL;
    Ranges ranges = {0};

    g_assert_true(store_deliveries(snapshot, "t", 0, note_range, &ranges, &error));
    g_assert_no_error(error);
    return ranges;
}

/* While another part changes the dead letters, no event is skipped: a range that is gone in the
 * batch would come back. */
static void test_skips_nothing_while_yielded(void)
{
    g_autoptr(GError) error = NULL;
    Bench bench;

    bench_init(&bench, "run = invoke f\nbacklog = 1");
    act = ACT_FAIL_TO_START;
    for (int i = 0; i < 5; i++)
        put_event(&bench, "a");
    (void)check_once(&bench);
    commit(bench.store.store);
    Ranges old = read_ranges(&bench);
    g_assert_cmpuint(old.n_ranges, ==, 1);
    for (int i = 0; i < 3; i++)
        put_event(&bench, "b");
    commit(bench.store.store);
    g_assert_true(triggers_yield(bench.triggers));
    g_assert_true(store_remove_delivery(bench.store.store, "t", old.id, &error));
    g_assert_no_error(error);
    check_in_batch();
    g_assert_false(triggers_are_settled(bench.triggers));
    (void)check_once(&bench);
    commit(bench.store.store);
    Ranges new = read_ranges(&bench);
    g_assert_cmpuint(new.n_ranges, ==, 1);
    g_assert_cmpuint(new.id, !=, old.id);
    g_assert_cmpuint(new.first, >, old.first);
    g_assert_cmpuint(new.n_events, ==, 3);
    bench_clear(&bench);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/triggers/unanswered", test_unanswered);
    g_test_add_func("/triggers/unanswered-reconfigured", test_unanswered_reconfigured);
    g_test_add_func("/triggers/put-off-retry", test_put_off_retry);
    g_test_add_func("/triggers/throttled-retry", test_throttled_retry);
    g_test_add_func("/triggers/failed-start", test_failed_start);
    g_test_add_func("/triggers/wait-ends-in-check", test_wait_ends_in_check);
    g_test_add_func("/triggers/reload", test_reload);
    g_test_add_func("/triggers/skips-nothing-while-yielded", test_skips_nothing_while_yielded);
    return g_test_run();
}
