/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order and the waits of deliveries. The store is a real one; the journal, the clocks and the
 * program that gets the batches are the test's. The linker replaces them: see CMakeLists.txt.
 */
#include "base/clock.h"
#include "base/error.h"
#include "rules/trigger_states.h"
#include "rules/triggers.h"
#include "store/epoch.h"
#include "store_fixture.h"

#define BUCKET "/bucket"

/* The next batches start, or nothing can take them. */
typedef enum {
    ACT_START,
    /* Nothing can take a batch. */
    ACT_FAIL_TO_START,
} Act;

struct TriggerRun {
    TriggerRunDone done;
    void *data;
};

/* A batch that was handed over, or was to be. */
typedef struct {
    uint64_t id, first, last, n_events;
    int64_t at_us;
} Call;

static Act act;
static bool is_command;
static TriggerRun *run;
/* Call. */
static GArray *calls;
static int64_t now_us;
/* Each reading of the clock makes it later by this. */
static int64_t step_us;
static GError *journal_place;

/* The source of the event loop that was added last; no function: it was removed. */
static GSourceFunc pending;
static void *pending_data;
static int64_t pending_us;

bool __wrap_trigger_run_is_command(const TriggerConfig *config);
bool __wrap_trigger_run_has_process(const TriggerRun *started);
TriggerRun *__wrap_trigger_run_start(const TriggerRunBatch *batch, TriggerRunDone done, void *data,
                                     GError **error);
void __wrap_trigger_run_cancel(TriggerRun *started);
int64_t __wrap_clock_monotonic_us(void);
int64_t __wrap_clock_wall_us(void);
int64_t __wrap_clock_guard_now_us(const ClockGuard *guard);
GError **__wrap_journal_error(Journal *journal);
bool __wrap_journal_check(Journal *journal, bool ok);
bool __wrap_journal_change(Journal *journal, bool ok);
bool __wrap_journal_is_open(const Journal *journal);
uint64_t __wrap_journal_generation(const Journal *journal);
guint __wrap_g_timeout_add(guint interval, GSourceFunc function, gpointer data);
guint __wrap_g_idle_add(GSourceFunc function, gpointer data);
gboolean __wrap_g_source_remove(guint tag);

guint __wrap_g_timeout_add(guint interval, GSourceFunc function, gpointer data)
{
    g_assert_null(pending);
    pending = function;
    pending_data = data;
    pending_us = interval * CLOCK_US_PER_MS;
    return 1;
}

guint __wrap_g_idle_add(GSourceFunc function, gpointer data)
{
    return __wrap_g_timeout_add(0, function, data);
}

gboolean __wrap_g_source_remove(guint tag)
{
    g_assert_cmpuint(tag, ==, 1);
    pending = NULL;
    return TRUE;
}

bool __wrap_trigger_run_is_command(const TriggerConfig *config)
{
    (void)config;
    return is_command;
}

bool __wrap_trigger_run_has_process(const TriggerRun *started)
{
    (void)started;
    return is_command;
}

TriggerRun *__wrap_trigger_run_start(const TriggerRunBatch *batch, TriggerRunDone done, void *data,
                                     GError **error)
{
    const Delivery *delivery = batch->delivery;
    const Call call = {delivery->id, delivery->first, delivery->last, delivery->n_events, now_us};

    g_array_append_val(calls, call);
    if (act == ACT_FAIL_TO_START) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "nothing listens");
        return NULL;
    }
    g_assert_null(run);
    run = g_new(TriggerRun, 1);
    *run = (TriggerRun){done, data};
    return run;
}

void __wrap_trigger_run_cancel(TriggerRun *started)
{
    if (started)
        g_clear_pointer(&run, g_free);
}

int64_t __wrap_clock_monotonic_us(void)
{
    now_us += step_us;
    return now_us;
}

int64_t __wrap_clock_wall_us(void)
{
    return T0 + now_us;
}

int64_t __wrap_clock_guard_now_us(const ClockGuard *guard)
{
    (void)guard;
    return T0 + now_us;
}

GError **__wrap_journal_error(Journal *journal)
{
    (void)journal;
    return &journal_place;
}

bool __wrap_journal_check(Journal *journal, bool ok)
{
    (void)journal;
    g_assert_no_error(journal_place);
    return ok;
}

bool __wrap_journal_change(Journal *journal, bool ok)
{
    return __wrap_journal_check(journal, ok);
}

bool __wrap_journal_is_open(const Journal *journal)
{
    (void)journal;
    return true;
}

uint64_t __wrap_journal_generation(const Journal *journal)
{
    (void)journal;
    return 1;
}

typedef struct {
    Fixture store;
    TriggerParts parts;
    Triggers *triggers;
    Config *config;
} Bench;

static const StoreLimits limits = {
    .map_bytes = 16 << 20,
    .headroom_bytes = 8 << 20,
    .batch_max = 64,
    .events_max = 200,
    .renew_rows = 7,
    .selection_max = 16,
};

static void configure(Bench *bench, const char *options)
{
    g_autofree char *text = g_strdup_printf("[trigger t]\non = created\n%s\n", options);
    g_autoptr(GError) error = NULL;
    Config *config = config_parse(text, "test", &error);

    g_assert_no_error(error);
    triggers_configure(bench->triggers, config);
    g_clear_pointer(&bench->config, config_free);
    bench->config = config;
    g_assert_true(triggers_load(bench->triggers, &error));
    g_assert_no_error(error);
}

static void bench_init(Bench *bench, const char *options)
{
    *bench = (Bench){.parts = {.bucket = BUCKET}};
    act = ACT_START;
    is_command = false;
    calls = g_array_new(FALSE, FALSE, sizeof(Call));
    now_us = SECOND;
    step_us = 0;
    fixture_init(&bench->store, &limits);
    bench->parts.store = &bench->store.store;
    bench->triggers = triggers_new(&bench->parts);
    configure(bench, options);
}

static void bench_clear(Bench *bench)
{
    triggers_free(bench->triggers);
    config_free(bench->config);
    g_array_unref(calls);
    fixture_clear(&bench->store);
}

/* Commits as the journal does, and has the triggers check. Returns the time of the next check. */
static int64_t check_once(Bench *bench)
{
    triggers_committing(bench->triggers);
    commit(bench->store.store);
    triggers_committed(bench->triggers);
    g_assert_nonnull(pending);
    GSourceFunc function = g_steal_pointer(&pending);
    g_assert_false(function(pending_data));
    return pending ? pending_us : INT64_MAX;
}

/* Lets the time pass, and checks. */
static void check_after(Bench *bench, int64_t delay_us)
{
    now_us += delay_us;
    (void)check_once(bench);
}

static void put_event(Bench *bench, const char *key)
{
    static int number;

    (void)seen_as(bench->store.store, key, version_of(++number), PRIORITY_UPLOAD, T0 + now_us);
}

/* Ends the delivery under way. */
static void end_run(TriggerRunEnd end, int64_t retry_us)
{
    const TriggerRunOutcome outcome = {.end = end, .text = "why", .retry_us = retry_us};
    TriggerRun *ended = g_steal_pointer(&run);

    g_assert_nonnull(ended);
    ended->done(&outcome, ended->data);
    g_free(ended);
}

static const Call *call_of(guint i)
{
    g_assert_cmpuint(calls->len, >, i);
    return &g_array_index(calls, Call, i);
}

/* Fails a batch of the log so that it waits as a delivery. Returns the sequencer of its event. */
static uint64_t make_retry(Bench *bench, const char *key)
{
    put_event(bench, key);
    (void)check_once(bench);
    const Call *call = call_of(calls->len - 1);
    g_assert_cmpuint(call->id, ==, 0);
    g_assert_cmpuint(call->n_events, ==, 1);
    end_run(TRIGGER_RUN_FAILED, 0);
    return call->first;
}

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
    return g_test_run();
}
