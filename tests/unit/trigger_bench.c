/* SPDX-License-Identifier: Apache-2.0 */
#include "trigger_bench.h"

#include "base/error.h"
#include "store/epoch.h"

#define BUCKET "/bucket"

Act act;
bool is_command;
TriggerRun *run;
/* Call. */
GArray *calls;
int64_t now_us;
int64_t step_us;
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

static const StoreLimits limits = {
    .map_bytes = 16 << 20,
    .headroom_bytes = 8 << 20,
    .batch_max = 64,
    .events_max = 200,
    .renew_rows = 7,
    .selection_max = 16,
};

void configure(Bench *bench, const char *options)
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

void bench_init(Bench *bench, const char *options)
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

void bench_clear(Bench *bench)
{
    triggers_free(bench->triggers);
    config_free(bench->config);
    g_array_unref(calls);
    fixture_clear(&bench->store);
}

void check_in_batch(void)
{
    g_assert_nonnull(pending);
    GSourceFunc function = g_steal_pointer(&pending);
    g_assert_false(function(pending_data));
}

int64_t check_once(Bench *bench)
{
    triggers_committing(bench->triggers);
    commit(bench->store.store);
    triggers_committed(bench->triggers);
    check_in_batch();
    return pending ? pending_us : INT64_MAX;
}

void check_after(Bench *bench, int64_t delay_us)
{
    now_us += delay_us;
    (void)check_once(bench);
}

void put_event(Bench *bench, const char *key)
{
    static int number;

    (void)seen_as(bench->store.store, key, version_of(++number), PRIORITY_UPLOAD, T0 + now_us);
}

void end_run(TriggerRunEnd end, int64_t retry_us)
{
    const TriggerRunOutcome outcome = {.end = end, .text = "why", .retry_us = retry_us};
    TriggerRun *ended = g_steal_pointer(&run);

    g_assert_nonnull(ended);
    ended->done(&outcome, ended->data);
    g_free(ended);
}

const Call *call_of(guint i)
{
    g_assert_cmpuint(calls->len, >, i);
    return &g_array_index(calls, Call, i);
}

uint64_t make_retry(Bench *bench, const char *key)
{
    put_event(bench, key);
    (void)check_once(bench);
    const Call *call = call_of(calls->len - 1);
    g_assert_cmpuint(call->id, ==, 0);
    g_assert_cmpuint(call->n_events, ==, 1);
    end_run(TRIGGER_RUN_FAILED, 0);
    return call->first;
}
