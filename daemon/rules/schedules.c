/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/schedules.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/sweep_words.h"
#include "journal/journal.h"
#include "model/eventbridge.h"
#include "passes/sweep_pass.h"
#include "rules/rule_command.h"
#include "rules/schedule_plan.h"

#include <string.h>

/* Maximum time between two checks: the clock may be set, and the machine may sleep. */
#define CHECK_AGAIN_MS 60000

/* A clock that is set back by less than this makes no run happen twice. A larger step means that
 * the clock was wrong before, and is trusted now. Source: cron(8). */
#define SET_BACK_US (3 * CLOCK_HOUR_US)

typedef struct ScheduleRun ScheduleRun;

typedef struct {
    SchedulePlan plan;
    ScheduleState state;
    /* The state is that of the store, or newer. */
    bool is_known;
    bool is_unsaved;
    /* The schedule was idle and checked at the last tick, or is new since then. */
    bool is_watched;
    /* The current run; NULL: none. */
    ScheduleRun *run;
} Schedule;

/* A current run. Its schedule may be gone, or replaced, when the run ends: see schedules_adopt. */
struct ScheduleRun {
    Schedules *schedules;
    /* NULL: the configuration no longer has it. */
    Schedule *schedule;
    char *name;
    CommandRun *command;
};

struct Schedules {
    ScheduleParts parts;
    const BucketState *state;
    Schedule *rows;
    size_t n;
    /* ScheduleRun, owned. */
    GPtrArray *runs;
    guint source;
};

/* Starts the command of each schedule that is due, and sets the timer for the next one. */
static gboolean tick(gpointer data);

static void tick_soon(Schedules *schedules)
{
    g_clear_handle_id(&schedules->source, g_source_remove);
    schedules->source = g_idle_add(tick, schedules);
}

/* Saves the state with the next commit. While the store takes no changes, `tick` tries again. */
static void save(Schedules *schedules, Schedule *schedule)
{
    const BucketState *state = schedules->state;
    Journal *journal = state->journal;
    GError **error = journal_error(journal);

    schedule->is_unsaved = true;
    if (!journal_is_open(journal))
        return;
    bool ok =
        store_put_schedule(state->store, schedule->plan.config->name, &schedule->state, error) &&
        (!schedule->plan.turn ||
         store_put_window(state->store, window_switch_state(schedules->parts.window), error));
    schedule->is_unsaved = !ok;
    (void)journal_change(journal, ok);
}

/* A new schedule of the window takes due times of this period into account for the switch. */
#define WINDOW_BACK_US (32 * CLOCK_DAY_US)

/*
 * Begins anew: due times before now are ignored, except by a schedule that turns a switch: the
 * switch gets its position of now. A due time between now and the first check does not count as
 * missed.
 */
static void begin(Schedule *schedule, int64_t now_us)
{
    schedule->state.definition = schedule_plan_hash(&schedule->plan);
    schedule->state.handled_us = now_us - (schedule->plan.turn ? WINDOW_BACK_US : 0);
    schedule->is_unsaved = true;
    schedule->is_watched = true;
}

static void cut_off(Schedule *schedule)
{
    schedule->state.outcome = RUN_CUT_OFF;
    g_strlcpy(schedule->state.text, "thumbq ended before it did", sizeof schedule->state.text);
    schedule->is_unsaved = true;
}

/* Reads the schedule's state from the store; a schedule that is new or was redefined begins anew. A
 * run that was going on when the daemon ended is recorded as cut off. */
static bool load(StoreSnapshot *snapshot, Schedule *schedule, int64_t now_us, GError **error)
{
    ScheduleState *state = &schedule->state;
    bool found;

    if (!store_get_schedule(snapshot, schedule->plan.config->name, &found, state, error))
        return false;
    if (!found || state->definition != schedule_plan_hash(&schedule->plan))
        begin(schedule, now_us);
    if (found && state->outcome == RUN_GOING)
        cut_off(schedule);
    schedule->is_known = true;
    return true;
}

/* Ends the run. Takes `run`. */
static void end_run(ScheduleRun *run, RunOutcome outcome, const char *text)
{
    Schedules *schedules = run->schedules;
    Schedule *schedule = run->schedule;
    g_autofree char *name = g_steal_pointer(&run->name);

    /* This frees the run. */
    (void)g_ptr_array_remove_fast(schedules->runs, run);
    if (outcome == RUN_OK)
        log_info("schedule '%s': %s", name, text);
    else
        log_warning("schedule '%s': %s", name, text);
    if (!schedule)
        return;
    schedule->run = NULL;
    schedule->state.outcome = outcome;
    schedule->state.duration_us = MAX(clock_wall_us() - schedule->state.time_us, 0);
    if (outcome == RUN_OK)
        schedule->state.succeeded_us = clock_wall_us();
    /* A long text is cut off. */
    g_strlcpy(schedule->state.text, text, sizeof schedule->state.text);
    save(schedules, schedule);
    tick_soon(schedules);
}

static void end_sweep(const SweepCounts *counts, bool complete, void *data)
{
    ScheduleRun *run = data;
    g_autofree char *text = sweep_describe(counts, false);

    if (complete)
        end_run(run, RUN_OK, text);
    else
        end_run(run, RUN_FAILED, "given up: the store could not be changed");
}

static void end_command(const CommandOutcome *outcome, void *data)
{
    ScheduleRun *run = data;
    g_autofree char *text = command_outcome_describe(outcome);

    /* The command run frees itself. */
    run->command = NULL;
    if (command_outcome_is_ok(outcome))
        end_run(run, RUN_OK, text);
    else
        end_run(run, outcome->end == COMMAND_TIMED_OUT ? RUN_TIMEOUT : RUN_FAILED, text);
}

static void free_run(void *data)
{
    ScheduleRun *run = data;

    command_run_cancel(run->command);
    g_free(run->name);
    g_free(run);
}

static void start_command(const BucketState *state, Schedule *schedule, ScheduleRun *run)
{
    g_autofree char *input =
        eventbridge_scheduled_text(schedule->plan.config->name, schedule->state.due_us);
    const RuleCommand command = {
        .command = schedule->plan.command,
        .bucket = state->bucket_path,
        .variable = "THUMBQ_SCHEDULE",
        .name = schedule->plan.config->name,
        .input = input,
        .timeout_us = schedule->plan.config->timeout_us,
    };
    g_autoptr(GError) error = NULL;

    log_info("schedule '%s': running '%s'", schedule->plan.config->name, schedule->plan.command);
    run->command = rule_command_start(&command, end_command, run, &error);
    if (!run->command)
        end_run(run, RUN_FAILED, error->message);
}

static void note_firing(const BucketState *state, const Schedule *schedule)
{
    Journal *journal = state->journal;

    (void)journal_check(journal,
                        store_log(state->store, EVENT_SCHEDULED, schedule->plan.config->name, "",
                                  schedule->state.due_us, journal_error(journal)));
}

/* Turns the switch of back-fill at once, without a ScheduleRun. */
static void turn_window(Schedules *schedules, Schedule *schedule)
{
    ScheduleState *state = &schedule->state;
    const BucketState *bucket = schedules->state;
    const char *text =
        window_switch_turn(schedules->parts.window, schedule->plan.turn, state->due_us);

    window_switch_apply(schedules->parts.window, bucket->config, bucket->store);
    state->outcome = RUN_OK;
    state->succeeded_us = clock_wall_us();
    g_strlcpy(state->text, text, sizeof state->text);
    log_info("schedule '%s': %s", schedule->plan.config->name, text);
    save(schedules, schedule);
}

/* Starts the run that is due: turns the switch of back-fill at once, or starts a sweep or a
 * command, which ends later. */
static void start_run(Schedules *schedules, Schedule *schedule, int64_t due_us, int64_t now_us)
{
    ScheduleState *state = &schedule->state;

    state->handled_us = due_us;
    state->due_us = due_us;
    state->time_us = now_us;
    state->duration_us = 0;
    state->outcome = RUN_GOING;
    state->text[0] = '\0';
    note_firing(schedules->state, schedule);
    if (schedule->plan.turn) {
        turn_window(schedules, schedule);
        return;
    }
    save(schedules, schedule);

    ScheduleRun *run = g_new0(ScheduleRun, 1);
    *run = (ScheduleRun){.schedules = schedules,
                         .schedule = schedule,
                         .name = g_strdup(schedule->plan.config->name)};
    const SweepOptions sweep = {.kinds = schedule->plan.kinds};
    schedule->run = run;
    g_ptr_array_add(schedules->runs, run);
    if (schedule->plan.kinds)
        sweep_start(schedules->parts.sweeps, &sweep, end_sweep, run, NULL);
    else
        start_command(schedules->state, schedule, run);
}

/* Returns how many of the due times since the last check get a run. */
static unsigned runs_wanted(const Schedule *schedule)
{
    if (schedule->plan.turn)
        /* After any downtime the switch gets the position of the newest due time. */
        return 1;
    switch (schedule->plan.config->catchup) {
    case CATCHUP_ALL:
        return CRON_MISSED_MAX;
    case CATCHUP_ONCE:
        return 1;
    case CATCHUP_NONE:
        break;
    }
    if (cron_is_rate(schedule->plan.cron))
        /* An interval that has passed is due, no matter when it ended. */
        return 1;
    /* The newest due time was not missed: it is due right now. */
    return schedule->is_watched ? 1 : 0;
}

/* Logs that the schedule was due while it could not run. */
static void log_left_out(const Schedule *schedule, int64_t until_us)
{
    int64_t last_us;

    if (!cron_missed(schedule->plan.cron, schedule->state.handled_us, until_us, 1, &last_us))
        return;
    g_autofree char *time = cron_format(schedule->plan.cron, last_us);
    log_info("schedule '%s': was due at %s, but could not run then; left out (catchup = none)",
             schedule->plan.config->name, time);
}

/* Starts a run if one is due. */
static void start_if_due(Schedules *schedules, Schedule *schedule, int64_t now_us)
{
    unsigned wanted = runs_wanted(schedule);
    int64_t due_us;

    if (schedule->state.handled_us > now_us + SET_BACK_US)
        schedule->state.handled_us = now_us;
    if (cron_missed(schedule->plan.cron, schedule->state.handled_us, now_us, wanted, &due_us)) {
        start_run(schedules, schedule, due_us, now_us);
    } else if (wanted == 0) {
        log_left_out(schedule, now_us);
        schedule->state.handled_us = MAX(schedule->state.handled_us, now_us);
    }
    schedule->is_watched = !schedule->run;
}

/* Returns the earliest due time of all schedules. */
static int64_t next_due(const Schedules *schedules)
{
    int64_t next_us = INT64_MAX;

    for (size_t i = 0; i < schedules->n; i++) {
        const Schedule *schedule = &schedules->rows[i];
        int64_t due_us;
        if (!schedule->run && cron_next(schedule->plan.cron, schedule->state.handled_us, &due_us))
            next_us = MIN(next_us, due_us);
    }
    return next_us;
}

static gboolean tick(gpointer data)
{
    Schedules *schedules = data;
    int64_t now_us = clock_wall_us();

    schedules->source = 0;
    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        if (schedule->is_unsaved)
            save(schedules, schedule);
        if (!schedule->run && journal_is_open(schedules->state->journal) &&
            !run_is_stopping(schedules->parts.run))
            start_if_due(schedules, schedule, now_us);
    }
    int64_t delay_ms = CLAMP((next_due(schedules) - now_us) / CLOCK_US_PER_MS, 0, CHECK_AGAIN_MS);
    /* Otherwise a command could not be started, and the next check is scheduled. */
    if (schedules->source == 0)
        schedules->source = g_timeout_add((guint)delay_ms + 1, tick, schedules);
    return G_SOURCE_REMOVE;
}

Schedules *schedules_new(const ScheduleParts *parts, const Config *config, GError **error)
{
    Schedules *schedules = g_new0(Schedules, 1);

    if (parts) {
        schedules->parts = *parts;
        schedules->state = parts->state;
    }
    schedules->runs = g_ptr_array_new_with_free_func(free_run);
    schedules->rows = g_new0(Schedule, config->n_schedules);
    for (size_t i = 0; i < config->n_schedules; i++) {
        Schedule *schedule = &schedules->rows[schedules->n++];
        if (!schedule_plan_init(&schedule->plan, config, &config->schedules[i], error)) {
            schedules_free(schedules);
            return NULL;
        }
    }
    return schedules;
}

static Schedule *find_schedule(const Schedules *schedules, const char *name)
{
    for (size_t i = 0; i < schedules->n; i++) {
        if (strcmp(schedules->rows[i].plan.config->name, name) == 0)
            return &schedules->rows[i];
    }
    return NULL;
}

/* Assigns the run to the new schedule of its name, or to none. */
static void adopt_run(Schedules *schedules, ScheduleRun *run)
{
    run->schedules = schedules;
    run->schedule = find_schedule(schedules, run->name);
    if (run->schedule)
        run->schedule->run = run;
    g_ptr_array_add(schedules->runs, run);
}

void schedules_adopt(Schedules *schedules, Schedules *old)
{
    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        const Schedule *before = find_schedule(old, schedule->plan.config->name);
        if (!before)
            continue;
        schedule->state = before->state;
        schedule->is_known = before->is_known;
        schedule->is_unsaved = before->is_unsaved;
        schedule->is_watched = before->is_watched;
        if (schedule->state.definition != schedule_plan_hash(&schedule->plan))
            begin(schedule, clock_wall_us());
    }
    while (old->runs->len > 0)
        adopt_run(schedules, g_ptr_array_steal_index_fast(old->runs, 0));
    schedules_free(old);
}

static void save_unsaved(Schedules *schedules)
{
    for (size_t i = 0; i < schedules->n; i++) {
        if (schedules->rows[i].is_unsaved)
            save(schedules, &schedules->rows[i]);
    }
}

/* Reads the state of each schedule from the store. */
static bool load_all(Schedules *schedules, GError **error)
{
    const BucketState *state = schedules->state;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(state->store, error);
    int64_t now_us = clock_wall_us();

    if (!snapshot || !window_switch_read(schedules->parts.window, snapshot, error))
        return false;
    window_switch_apply(schedules->parts.window, state->config, state->store);
    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        if (!schedule->is_known && !load(snapshot, schedule, now_us, error))
            return false;
    }
    return true;
}

bool schedules_start(Schedules *schedules, GError **error)
{
    if (!load_all(schedules, error))
        return false;
    /* A daemon that ends before its first check leaves the start time of each schedule in the
     * store. */
    save_unsaved(schedules);
    tick_soon(schedules);
    return true;
}

void schedules_doubt(Schedules *schedules)
{
    for (size_t i = 0; i < schedules->n; i++)
        schedules->rows[i].is_unsaved = true;
}

void schedules_zone_changed(Schedules *schedules)
{
    tick_soon(schedules);
}

void schedules_stop(Schedules *schedules)
{
    g_clear_handle_id(&schedules->source, g_source_remove);
    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        if (!schedule->run)
            continue;
        schedule->state.duration_us = MAX(clock_wall_us() - schedule->state.time_us, 0);
        cut_off(schedule);
        log_warning("schedule '%s': interrupted: thumbq ends", schedule->plan.config->name);
    }
    save_unsaved(schedules);
}

void schedules_free(Schedules *schedules)
{
    if (!schedules)
        return;
    g_clear_handle_id(&schedules->source, g_source_remove);
    g_ptr_array_unref(schedules->runs);
    for (size_t i = 0; i < schedules->n; i++)
        schedule_plan_clear(&schedules->rows[i].plan);
    g_free(schedules->rows);
    g_free(schedules);
}
