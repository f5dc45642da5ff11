/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarms of the configuration: evaluated each minute, from what is in the store by then.
 */
#include "daemon_private.h"

#include "alarm_event.h"
#include "alarm_state.h"
#include "clock.h"
#include "command_run.h"
#include "error.h"
#include "layout.h"
#include "log.h"

#include <string.h>

#define MINUTE_US (60 * CLOCK_US_PER_SEC)

/* After the end of a minute, so that what ended in it has been committed. */
#define SETTLE_US CLOCK_US_PER_SEC

/* Invocations that began in the last minute are still under way: until they have ended, or this. */
#define LOOK_AGAIN_US (5 * CLOCK_US_PER_SEC)

typedef struct {
    Alarms *alarms;
    const AlarmConfig *config; /* borrowed from the configuration in force */
    Statistic statistic;
    StoreAlarm state;
    CommandRun *run;    /* its command, under way; or NULL */
    int64_t telling_us; /* time of the state that it tells of */
} Alarm;

struct Alarms {
    Daemon *daemon;
    Alarm *rows;
    size_t n;
    size_t next;          /* the one to be evaluated now; n: none */
    int64_t evaluated_us; /* end of the minutes that have been */
    guint source;
};

/* ---- what is remembered -------------------------------------------------------------------------
 */

static uint64_t definition_of(const AlarmConfig *config)
{
    char threshold[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *text = g_strdup_printf(
        "%s %s %s %s %" G_GINT64_FORMAT " %d %d %s", metric_info(config->metric)->name,
        config->statistic, comparison_name(config->comparison),
        g_ascii_dtostr(threshold, sizeof threshold, config->threshold), config->period_us,
        config->datapoints.breaching, config->datapoints.of, missing_data_name(config->missing));
    return layout_key_hash(text);
}

/* As it is before it has ever been evaluated. */
static void begin(Alarm *alarm, int64_t now_us)
{
    alarm->state = (StoreAlarm){
        .definition = definition_of(alarm->config),
        .now = {STORE_ALARM_INSUFFICIENT_DATA, now_us, "Unchecked: Initial alarm creation"},
        .before = {STORE_ALARM_INSUFFICIENT_DATA, now_us, ""},
        .is_told = true,
    };
}

static bool load(StoreSnapshot *snapshot, Alarm *alarm, int64_t now_us, GError **error)
{
    bool found;

    if (!store_get_alarm(snapshot, alarm->config->name, &found, &alarm->state, error))
        return false;
    if (!found || alarm->state.definition != definition_of(alarm->config))
        begin(alarm, now_us);
    return true;
}

/* With an event in the log where there is a detail of one. True if it is on disk. */
static bool save(const Alarm *alarm, const StoreAlarm *state, const char *detail)
{
    Daemon *daemon = alarm->alarms->daemon;
    const char *name = alarm->config->name;
    GError *error = NULL;

    if (daemon->paused)
        return false;
    if (!store_put_alarm(daemon->store, name, state, &error) ||
        (detail &&
         !store_log(daemon->store, STORE_EVENT_ALARM, name, detail, state->now.time_us, &error))) {
        batch_lost(daemon, error);
        return false;
    }
    return batch_commit(daemon);
}

/* ---- telling ------------------------------------------------------------------------------------
 */

static void tell(Alarm *alarm);

static void end_command(const CommandOutcome *outcome, void *data)
{
    Alarm *alarm = data;
    g_autofree char *text = command_outcome_describe(outcome);

    alarm->run = NULL;
    if (!command_outcome_is_ok(outcome))
        log_warning("alarm '%s': notify: %s", alarm->config->name, text);
    if (alarm->telling_us != alarm->state.now.time_us) {
        tell(alarm); /* of the state that came meanwhile */
        return;
    }
    /* Should this be lost, the next daemon tells of it once more. */
    alarm->state.is_told = true;
    (void)save(alarm, &alarm->state, NULL);
}

/* Runs the alarm's command for its state, unless it is still busy with an earlier one. */
static void tell(Alarm *alarm)
{
    const AlarmConfig *config = alarm->config;
    const char *bucket = alarm->alarms->daemon->options->bucket;

    if (alarm->state.is_told || alarm->run)
        return;
    g_autoptr(GError) error = NULL;
    g_autofree char *input = alarm_event_text(config, &alarm->state, bucket);
    g_autofree char *bucket_variable = g_strconcat("THUMBQ_BUCKET=", bucket, NULL);
    g_autofree char *name_variable = g_strconcat("THUMBQ_ALARM=", config->name, NULL);
    const char *const environment[] = {bucket_variable, name_variable, NULL};
    const CommandOptions options = {.command = config->notify + strlen("exec "),
                                    .directory = bucket,
                                    .environment = environment,
                                    .input = input,
                                    .timeout_us = config->timeout_us};

    alarm->telling_us = alarm->state.now.time_us;
    alarm->run = command_run_start(&options, end_command, alarm, &error);
    if (!alarm->run) /* tried again in a minute */
        log_warning("alarm '%s': notify: %s", config->name, error->message);
}

/* ---- evaluating ---------------------------------------------------------------------------------
 */

/* The values of the periods that end at `end_us`, the newest last. */
static bool read_points(const Alarm *alarm, int64_t end_us, AlarmPoint *points, size_t n,
                        GError **error)
{
    const AlarmConfig *config = alarm->config;
    g_autofree StoreMetrics *metrics = g_new(StoreMetrics, 1);
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(alarm->alarms->daemon->store, error);

    if (!snapshot)
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t since_us = end_us - (int64_t)(n - i) * config->period_us;
        if (!store_metrics(snapshot, since_us, since_us + config->period_us, metrics, error))
            return false;
        points[i].is_known = measures_statistic(&metrics->measures, config->metric,
                                                alarm->statistic, &points[i].value);
    }
    return true;
}

G_STATIC_ASSERT((int)ALARM_OK == (int)STORE_ALARM_OK && (int)ALARM_ALARM == (int)STORE_ALARM_ALARM);

static bool is_to_be_told(const AlarmConfig *config, StoreAlarmState state)
{
    return *config->notify != '\0' && config->notify_on & 1U << state;
}

static void change(Alarm *alarm, StoreAlarmState state, const char *reason)
{
    StoreAlarm next = alarm->state;

    next.before = alarm->state.now;
    next.now = (StoreVerdict){.state = state, .time_us = clock_wall_us()};
    g_strlcpy(next.now.reason, reason, sizeof next.now.reason);
    next.is_told = !is_to_be_told(alarm->config, state);

    g_autofree char *detail = alarm_event_detail(alarm->config, &next);
    if (!save(alarm, &next, detail))
        return; /* found again by the next look */
    alarm->state = next;
    log_info("alarm '%s': %s -> %s: %s", alarm->config->name,
             store_alarm_state_name(next.before.state), store_alarm_state_name(state), reason);
}

static void evaluate(Alarm *alarm, int64_t end_us)
{
    AlarmPoint points[CONFIG_DATAPOINTS_MAX + ALARM_PERIODS_MORE];
    size_t n = alarm_periods(alarm->config);
    char reason[STORE_ALARM_REASON_MAX];
    g_autoptr(GError) error = NULL;

    if (!read_points(alarm, end_us, points, n, &error)) {
        batch_lost(alarm->alarms->daemon, g_steal_pointer(&error));
        return;
    }
    StoreAlarmState now = alarm->state.now.state;
    StoreAlarmState next = alarm_evaluate(alarm->config, now, points, n, reason);
    if (next != now)
        change(alarm, next, reason);
    tell(alarm);
}

/* ---- the clock ----------------------------------------------------------------------------------
 */

static gboolean tick(gpointer data);

static void wait_for_tick(Alarms *alarms)
{
    int64_t now_us = clock_wall_us();
    int64_t minute_us = now_us - now_us % MINUTE_US;
    int64_t wait_us = minute_us + MINUTE_US + SETTLE_US - now_us;

    if (alarms->evaluated_us < minute_us)
        wait_us = MIN(wait_us, LOOK_AGAIN_US);
    alarms->source = g_timeout_add((guint)(wait_us / CLOCK_US_PER_MS) + 1, tick, alarms);
}

/* One at a time, so that other work comes in between. */
static gboolean evaluate_next(gpointer data)
{
    Alarms *alarms = data;

    if (alarms->next < alarms->n && !alarms->daemon->paused)
        evaluate(&alarms->rows[alarms->next++], alarms->evaluated_us);
    if (alarms->next < alarms->n && !alarms->daemon->paused)
        return G_SOURCE_CONTINUE;
    wait_for_tick(alarms);
    return G_SOURCE_REMOVE;
}

/* The end of the minutes of which all is known: an invocation counts in that in which it began. */
static int64_t known_until(const Daemon *daemon)
{
    const Job *oldest = g_queue_peek_head((GQueue *)&daemon->jobs);
    int64_t until_us = clock_wall_us() - SETTLE_US;

    if (oldest)
        until_us = MIN(until_us, oldest->start_us);
    return until_us - until_us % MINUTE_US;
}

static gboolean tick(gpointer data)
{
    Alarms *alarms = data;
    Daemon *daemon = alarms->daemon;
    int64_t until_us = known_until(daemon);

    if (until_us == alarms->evaluated_us || daemon->paused || !batch_commit(daemon)) {
        wait_for_tick(alarms);
        return G_SOURCE_REMOVE;
    }
    alarms->evaluated_us = until_us;
    alarms->next = 0;
    alarms->source = g_idle_add(evaluate_next, alarms);
    return G_SOURCE_REMOVE;
}

/* ---- from outside -------------------------------------------------------------------------------
 */

Alarms *alarms_new(Daemon *daemon, const Config *config)
{
    Alarms *alarms = g_new0(Alarms, 1);

    alarms->daemon = daemon;
    alarms->rows = g_new0(Alarm, config->n_alarms);
    alarms->n = config->n_alarms;
    for (size_t i = 0; i < config->n_alarms; i++) {
        Alarm *alarm = &alarms->rows[i];
        const AlarmConfig *row = &config->alarms[i];
        *alarm = (Alarm){.alarms = alarms, .config = row};
        /* The configuration has been checked. */
        (void)metric_parse_statistic(row->statistic, row->metric, &alarm->statistic, NULL);
    }
    return alarms;
}

bool alarms_start(Alarms *alarms, GError **error)
{
    if (alarms->n == 0)
        return true;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(alarms->daemon->store, error);
    int64_t now_us = clock_wall_us();

    for (size_t i = 0; snapshot && i < alarms->n; i++) {
        if (!load(snapshot, &alarms->rows[i], now_us, error))
            return false;
    }
    if (snapshot)
        alarms->source = g_idle_add(tick, alarms);
    return snapshot != NULL;
}

void alarms_free(Alarms *alarms)
{
    if (!alarms)
        return;
    g_clear_handle_id(&alarms->source, g_source_remove);
    for (size_t i = 0; i < alarms->n; i++)
        g_clear_pointer(&alarms->rows[i].run, command_run_cancel);
    g_free(alarms->rows);
    g_free(alarms);
}
