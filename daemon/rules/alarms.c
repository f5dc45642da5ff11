/* SPDX-License-Identifier: Apache-2.0 */
/* The alarms of the configuration, evaluated each minute from the data in the store. */
#include "rules/alarms.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "journal/journal.h"
#include "model/layout.h"
#include "queue/dispatch.h"
#include "rules/alarm_event.h"
#include "rules/alarm_state.h"
#include "rules/rule_command.h"

/* Delay after the end of a minute, so that the events of that minute are committed. */
#define SETTLE_US CLOCK_US_PER_SEC

/* Time until the next try while invocations that began in the last minute are still under way. */
#define CHECK_AGAIN_US (5 * CLOCK_US_PER_SEC)

typedef struct {
    Alarms *alarms;
    /* Borrowed from the configuration in force. */
    const AlarmConfig *config;
    Statistic statistic;
    AlarmStatus state;
    /* The command that runs for the alarm; NULL: none. */
    CommandRun *run;
    /* Time of the state that the command reports. */
    int64_t notifying_us;
} Alarm;

struct Alarms {
    const BucketState *state;
    /* NULL until alarms_start. */
    const Dispatch *dispatch;
    Alarm *rows;
    size_t n;
    /* Index of the alarm to evaluate now; n: none. */
    size_t next;
    /* End of the evaluated minutes. */
    int64_t evaluated_us;
    guint source;
};

/* Returns a hash of the alarm's settings; another one means that its state begins anew. */
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

/* Sets the state of an alarm before its first evaluation. */
static void begin(Alarm *alarm, int64_t now_us)
{
    alarm->state = (AlarmStatus){
        .definition = definition_of(alarm->config),
        .now = {ALARM_INSUFFICIENT_DATA, now_us, "Unchecked: Initial alarm creation"},
        .before = {ALARM_INSUFFICIENT_DATA, now_us, ""},
        .is_notified = true,
    };
}

/* Reads the alarm's state from the store; an alarm that is new or was redefined begins anew. */
static bool load(StoreSnapshot *snapshot, Alarm *alarm, int64_t now_us, GError **error)
{
    bool found;

    if (!store_get_alarm(snapshot, alarm->config->name, &found, &alarm->state, error))
        return false;
    if (!found || alarm->state.definition != definition_of(alarm->config))
        begin(alarm, now_us);
    return true;
}

/* Saves the state, with an event in the log if `detail` is not NULL. Returns true if the state is
 * on disk. */
static bool save(const Alarm *alarm, const AlarmStatus *state, const char *detail)
{
    Store *store = alarm->alarms->state->store;
    Journal *journal = alarm->alarms->state->journal;
    const char *name = alarm->config->name;
    GError **error = journal_error(journal);

    if (!journal_is_open(journal))
        return false;
    bool ok = store_put_alarm(store, name, state, error) &&
              (!detail || store_log(store, EVENT_ALARM, name, detail, state->now.time_us, error));
    return journal_check(journal, ok) && journal_commit(journal);
}

static void notify(Alarm *alarm);

/* Called when the alarm's command has ended: marks the change as notified. */
static void end_command(const CommandOutcome *outcome, void *data)
{
    Alarm *alarm = data;
    g_autofree char *text = command_outcome_describe(outcome);

    alarm->run = NULL;
    if (!command_outcome_is_ok(outcome))
        log_warning("alarm '%s': notify: %s", alarm->config->name, text);
    if (alarm->notifying_us != alarm->state.now.time_us) {
        /* Reports the state that has changed meanwhile. */
        notify(alarm);
        return;
    }
    /* If this change is lost, the next daemon runs the command once more. */
    alarm->state.is_notified = true;
    (void)save(alarm, &alarm->state, NULL);
}

/* Runs the alarm's command for its state, unless the command for an earlier state is running. */
static void notify(Alarm *alarm)
{
    const AlarmConfig *config = alarm->config;
    const char *bucket = alarm->alarms->state->bucket_path;

    if (alarm->state.is_notified || alarm->run)
        return;
    g_autoptr(GError) error = NULL;
    g_autofree char *input = alarm_event_text(config, &alarm->state, bucket);
    const RuleCommand command = {.command = rule_command_line(config->notify),
                                 .bucket = bucket,
                                 .variable = "THUMBQ_ALARM",
                                 .name = config->name,
                                 .input = input,
                                 .timeout_us = config->timeout_us};

    alarm->notifying_us = alarm->state.now.time_us;
    alarm->run = rule_command_start(&command, end_command, alarm, &error);
    /* The next minute tries again. */
    if (!alarm->run)
        log_warning("alarm '%s': notify: %s", config->name, error->message);
}

/* Reads the values of the periods that end at `end_us`, the newest last. */
static bool read_points(const Alarm *alarm, int64_t end_us, AlarmPoint *points, size_t n,
                        GError **error)
{
    const AlarmConfig *config = alarm->config;
    g_autofree StoreMetrics *metrics = g_new(StoreMetrics, 1);
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(alarm->alarms->state->store, error);

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

static bool has_command_for(const AlarmConfig *config, AlarmState state)
{
    return *config->notify != '\0' && config->notify_on & 1U << state;
}

/* Saves a new state of the alarm with an event, and logs it. */
static void change(Alarm *alarm, AlarmState state, const char *reason)
{
    AlarmStatus next = alarm->state;

    next.before = alarm->state.now;
    next.now = (AlarmVerdict){.state = state, .time_us = clock_wall_us()};
    g_strlcpy(next.now.reason, reason, sizeof next.now.reason);
    next.is_notified = !has_command_for(alarm->config, state);

    g_autofree char *detail = alarm_event_detail(alarm->config, &next);
    if (!save(alarm, &next, detail))
        /* The next evaluation detects the change again. */
        return;
    alarm->state = next;
    log_info("alarm '%s': %s -> %s: %s", alarm->config->name, alarm_state_name(next.before.state),
             alarm_state_name(state), reason);
}

/* Evaluates the alarm over the periods until `end_us`; saves a change and runs its command. */
static void evaluate(Alarm *alarm, int64_t end_us)
{
    AlarmPoint points[CONFIG_DATAPOINTS_MAX + ALARM_PERIODS_MORE];
    size_t n = alarm_periods(alarm->config);
    char reason[ALARM_REASON_MAX];
    Journal *journal = alarm->alarms->state->journal;

    if (!journal_check(journal, read_points(alarm, end_us, points, n, journal_error(journal))))
        return;
    AlarmState now = alarm->state.now.state;
    AlarmState next = alarm_evaluate(alarm->config, now, points, n, reason);
    if (next != now)
        change(alarm, next, reason);
    notify(alarm);
}

/* Begins to evaluate all alarms if there are new minutes with complete data. */
static gboolean tick(gpointer data);

/* Sets the timer for the next minute, or for soon if data of the last one are still incomplete. */
static void wait_for_tick(Alarms *alarms)
{
    int64_t now_us = clock_wall_us();
    int64_t minute_us = now_us - now_us % CLOCK_MINUTE_US;
    int64_t wait_us = minute_us + CLOCK_MINUTE_US + SETTLE_US - now_us;

    if (alarms->evaluated_us < minute_us)
        wait_us = MIN(wait_us, CHECK_AGAIN_US);
    alarms->source = g_timeout_add((guint)(wait_us / CLOCK_US_PER_MS) + 1, tick, alarms);
}

/* Evaluates one alarm at a time, so that other work comes in between. */
static gboolean evaluate_next(gpointer data)
{
    Alarms *alarms = data;
    const Journal *journal = alarms->state->journal;

    if (alarms->next < alarms->n && journal_is_open(journal))
        evaluate(&alarms->rows[alarms->next++], alarms->evaluated_us);
    if (alarms->next < alarms->n && journal_is_open(journal))
        return G_SOURCE_CONTINUE;
    wait_for_tick(alarms);
    return G_SOURCE_REMOVE;
}

/* Returns the end of the minutes with complete data: an invocation counts in the minute in which it
 * began. */
static int64_t known_until(const Dispatch *dispatch)
{
    int64_t until_us = MIN(clock_wall_us() - SETTLE_US, dispatch_oldest_us(dispatch));

    return until_us - until_us % CLOCK_MINUTE_US;
}

static gboolean tick(gpointer data)
{
    Alarms *alarms = data;
    int64_t until_us = known_until(alarms->dispatch);

    if (until_us == alarms->evaluated_us || !journal_commit(alarms->state->journal)) {
        wait_for_tick(alarms);
        return G_SOURCE_REMOVE;
    }
    alarms->evaluated_us = until_us;
    alarms->next = 0;
    alarms->source = g_idle_add(evaluate_next, alarms);
    return G_SOURCE_REMOVE;
}

Alarms *alarms_new(const BucketState *state, const Config *config)
{
    Alarms *alarms = g_new0(Alarms, 1);

    alarms->state = state;
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

bool alarms_start(Alarms *alarms, const Dispatch *dispatch, GError **error)
{
    alarms->dispatch = dispatch;
    if (alarms->n == 0 || alarms->source)
        return true;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(alarms->state->store, error);
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
