/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "command_run.h"
#include "cron.h"
#include "error.h"
#include "eventbridge.h"
#include "layout.h"
#include "log.h"

#include <string.h>

/* The clock may be set, and the machine sleep: it is looked at again at least this often. */
#define LOOK_AGAIN_MS 60000

/*
 * A clock that is set back by less than this runs nothing twice; by more, it was wrong before, and
 * is believed now. As cron(8) has it.
 */
#define SET_BACK_US (3 * 3600 * CLOCK_US_PER_SEC)

typedef struct Run Run;

typedef struct {
    const ScheduleConfig *config; /* borrowed from the configuration in force */
    Cron *cron;
    SweepKinds kinds;    /* or, if 0: */
    const char *command; /* borrowed from `config` */
    StoreSchedule state;
    bool is_known; /* the state is that of the store, or newer */
    bool is_unsaved;
    bool is_watched; /* idle, and its clock looked at, since the last look */
    Run *run;        /* going, or NULL */
} Schedule;

/* A run that is going. Its schedule may be gone, or another, when it ends: see schedules_adopt. */
struct Run {
    Schedules *schedules;
    Schedule *schedule; /* NULL: the configuration has it no more */
    char *name;
    CommandRun *command;
};

struct Schedules {
    Daemon *daemon;
    Schedule *rows;
    size_t n;
    GPtrArray *runs; /* Run, owned */
    guint source;
};

static gboolean tick(gpointer data);

static void tick_soon(Schedules *schedules)
{
    g_clear_handle_id(&schedules->source, g_source_remove);
    schedules->source = g_idle_add(tick, schedules);
}

/* ---- what is remembered -------------------------------------------------------------------------
 */

static uint64_t definition_of(const ScheduleConfig *config)
{
    g_autofree char *text = g_strconcat(config->cron, "\n", config->timezone, NULL);
    return layout_key_hash(text);
}

/* In the next commit, or the one after the store takes changes again. */
static void save(Schedules *schedules, Schedule *schedule)
{
    Daemon *daemon = schedules->daemon;
    GError *error = NULL;

    schedule->is_unsaved = true;
    if (daemon->paused)
        return;
    if (!store_put_schedule(daemon->store, schedule->config->name, &schedule->state, &error)) {
        batch_lost(daemon, error);
        return;
    }
    schedule->is_unsaved = false;
    batch_changed(daemon);
}

/* Begins anew: nothing of before now is due. */
static void begin(Schedule *schedule, int64_t now_us)
{
    schedule->state.definition = definition_of(schedule->config);
    schedule->state.handled_us = now_us;
    schedule->is_unsaved = true;
}

static void cut_off(Schedule *schedule)
{
    schedule->state.outcome = STORE_RUN_CUT_OFF;
    g_strlcpy(schedule->state.text, "thumbq ended before it did", sizeof schedule->state.text);
    schedule->is_unsaved = true;
}

static bool load(StoreSnapshot *snapshot, Schedule *schedule, int64_t now_us, GError **error)
{
    StoreSchedule *state = &schedule->state;
    bool found;

    if (!store_get_schedule(snapshot, schedule->config->name, &found, state, error))
        return false;
    if (!found || state->definition != definition_of(schedule->config))
        begin(schedule, now_us);
    if (found && state->outcome == STORE_RUN_GOING)
        cut_off(schedule);
    schedule->is_known = true;
    return true;
}

/* ---- the end of a run ---------------------------------------------------------------------------
 */

/* Takes `run`. */
static void end_run(Run *run, StoreRunOutcome outcome, const char *text)
{
    Schedules *schedules = run->schedules;
    Schedule *schedule = run->schedule;
    g_autofree char *name = g_steal_pointer(&run->name);

    (void)g_ptr_array_remove_fast(schedules->runs, run); /* frees it */
    if (outcome == STORE_RUN_OK)
        log_info("schedule '%s': %s", name, text);
    else
        log_warning("schedule '%s': %s", name, text);
    if (!schedule)
        return;
    schedule->run = NULL;
    schedule->state.outcome = outcome;
    schedule->state.duration_us = MAX(clock_wall_us() - schedule->state.time_us, 0);
    if (outcome == STORE_RUN_OK)
        schedule->state.succeeded_us = clock_wall_us();
    g_strlcpy(schedule->state.text, text, sizeof schedule->state.text); /* cut off if long */
    save(schedules, schedule);
    tick_soon(schedules);
}

static void end_sweep(const SweepCounts *counts, bool complete, void *data)
{
    Run *run = data;
    g_autofree char *text = sweep_describe(counts, false);

    if (complete)
        end_run(run, STORE_RUN_OK, text);
    else
        end_run(run, STORE_RUN_FAILED, "given up: the store could not be changed");
}

static void end_command(const CommandOutcome *outcome, void *data)
{
    Run *run = data;
    g_autofree char *text = command_outcome_describe(outcome);

    run->command = NULL; /* freed by itself */
    if (command_outcome_is_ok(outcome))
        end_run(run, STORE_RUN_OK, text);
    else
        end_run(run, outcome->end == COMMAND_TIMED_OUT ? STORE_RUN_TIMEOUT : STORE_RUN_FAILED,
                text);
}

static void run_free(void *data)
{
    Run *run = data;

    command_run_cancel(run->command);
    g_free(run->name);
    g_free(run);
}

/* ---- a run begins -------------------------------------------------------------------------------
 */

static void start_command(Daemon *daemon, Schedule *schedule, Run *run)
{
    g_autofree char *input =
        eventbridge_scheduled_text(schedule->config->name, schedule->state.due_us);
    g_autofree char *bucket = g_strconcat("THUMBQ_BUCKET=", daemon->options->bucket, NULL);
    g_autofree char *name = g_strconcat("THUMBQ_SCHEDULE=", schedule->config->name, NULL);
    const char *const environment[] = {bucket, name, NULL};
    const CommandOptions options = {
        .command = schedule->command,
        .directory = daemon->options->bucket,
        .environment = environment,
        .input = input,
        .timeout_us = schedule->config->timeout_us,
    };
    g_autoptr(GError) error = NULL;

    log_info("schedule '%s': running '%s'", schedule->config->name, schedule->command);
    run->command = command_run_start(&options, end_command, run, &error);
    if (!run->command)
        end_run(run, STORE_RUN_FAILED, error->message);
}

static void note_firing(Daemon *daemon, const Schedule *schedule)
{
    GError *error = NULL;

    if (!store_log(daemon->store, STORE_EVENT_SCHEDULED, schedule->config->name, "",
                   schedule->state.due_us, &error))
        batch_lost(daemon, error);
}

static void start_run(Schedules *schedules, Schedule *schedule, int64_t due_us, int64_t now_us)
{
    Daemon *daemon = schedules->daemon;
    StoreSchedule *state = &schedule->state;

    state->handled_us = due_us;
    state->due_us = due_us;
    state->time_us = now_us;
    state->duration_us = 0;
    state->outcome = STORE_RUN_GOING;
    state->text[0] = '\0';
    note_firing(daemon, schedule);
    save(schedules, schedule);

    Run *run = g_new0(Run, 1);
    *run = (Run){
        .schedules = schedules, .schedule = schedule, .name = g_strdup(schedule->config->name)};
    const SweepOptions sweep = {.kinds = schedule->kinds};
    schedule->run = run;
    g_ptr_array_add(schedules->runs, run);
    if (schedule->kinds)
        sweep_start(daemon, &sweep, end_sweep, run);
    else
        start_command(daemon, schedule, run);
}

/* ---- the clock ----------------------------------------------------------------------------------
 */

/* How many of the times that have passed since it was looked at are to have a run. */
static unsigned runs_wanted(const Schedule *schedule)
{
    switch (schedule->config->catchup) {
    case CATCHUP_ALL:
        return CRON_MISSED_MAX;
    case CATCHUP_ONCE:
        return 1;
    case CATCHUP_NONE:
        break;
    }
    if (cron_is_rate(schedule->cron))
        return 1;                        /* an interval that has passed is due, whenever it ended */
    return schedule->is_watched ? 1 : 0; /* the newest was not missed: it is due right now */
}

static void tell_left_out(const Schedule *schedule, int64_t until_us)
{
    int64_t last_us;

    if (!cron_missed(schedule->cron, schedule->state.handled_us, until_us, 1, &last_us))
        return;
    g_autofree char *time = cron_format(schedule->cron, last_us);
    log_info("schedule '%s': was due at %s, but could not run then; left out (catchup = none)",
             schedule->config->name, time);
}

/* Starts a run if one is due. */
static void look(Schedules *schedules, Schedule *schedule, int64_t now_us)
{
    unsigned wanted = runs_wanted(schedule);
    int64_t due_us;

    if (schedule->state.handled_us > now_us + SET_BACK_US)
        schedule->state.handled_us = now_us;
    if (cron_missed(schedule->cron, schedule->state.handled_us, now_us, wanted, &due_us)) {
        start_run(schedules, schedule, due_us, now_us);
    } else if (wanted == 0) {
        tell_left_out(schedule, now_us);
        schedule->state.handled_us = MAX(schedule->state.handled_us, now_us);
    }
    schedule->is_watched = !schedule->run;
}

/* When any of them is due next. */
static int64_t next_due(const Schedules *schedules)
{
    int64_t next_us = INT64_MAX;

    for (size_t i = 0; i < schedules->n; i++) {
        const Schedule *schedule = &schedules->rows[i];
        int64_t due_us;
        if (!schedule->run && cron_next(schedule->cron, schedule->state.handled_us, &due_us))
            next_us = MIN(next_us, due_us);
    }
    return next_us;
}

static gboolean tick(gpointer data)
{
    Schedules *schedules = data;
    Daemon *daemon = schedules->daemon;
    int64_t now_us = clock_wall_us();

    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        if (schedule->is_unsaved)
            save(schedules, schedule);
        if (!schedule->run && !daemon->paused && !daemon->stopping)
            look(schedules, schedule, now_us);
    }
    int64_t delay_ms = CLAMP((next_due(schedules) - now_us) / CLOCK_US_PER_MS, 0, LOOK_AGAIN_MS);
    schedules->source = g_timeout_add((guint)delay_ms + 1, tick, schedules);
    return G_SOURCE_REMOVE;
}

/* ---- the configuration --------------------------------------------------------------------------
 */

static bool fail(const Config *config, const ScheduleConfig *row, const char *what, GError **error)
{
    g_autofree char *line = row->line > 0 ? g_strdup_printf(":%d", row->line) : g_strdup("");

    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s%s: [schedule %s] %s",
                config->path ? config->path : "defaults", line, row->name, what);
    return false;
}

/* "sweep KIND", "exec COMMAND" */
static bool parse_run(Schedule *schedule)
{
    const char *run = schedule->config->run;

    if (g_str_has_prefix(run, "exec ")) {
        schedule->command = run + strlen("exec ");
        return strspn(schedule->command, " \t") < strlen(schedule->command);
    }
    return g_str_has_prefix(run, "sweep ") &&
           sweep_kinds_from_name(run + strlen("sweep "), &schedule->kinds);
}

static bool open_schedule(const Config *config, Schedule *schedule, GError **error)
{
    const ScheduleConfig *row = schedule->config;
    g_autoptr(GError) reason = NULL;

    if (!parse_run(schedule)) {
        g_autofree char *what = g_strdup_printf(
            "run: '%s' is nothing that can be run; write exec COMMAND, or sweep and one of %s",
            row->run, SWEEP_KIND_NAMES);
        return fail(config, row, what, error);
    }
    schedule->cron = cron_parse(row->cron, row->timezone, &reason);
    if (!schedule->cron) {
        g_autofree char *what = g_strconcat("cron: ", reason->message, NULL);
        return fail(config, row, what, error);
    }
    return true;
}

Schedules *schedules_new(Daemon *daemon, const Config *config, GError **error)
{
    Schedules *schedules = g_new0(Schedules, 1);

    schedules->daemon = daemon;
    schedules->runs = g_ptr_array_new_with_free_func(run_free);
    schedules->rows = g_new0(Schedule, config->n_schedules);
    for (size_t i = 0; i < config->n_schedules; i++) {
        Schedule *schedule = &schedules->rows[schedules->n++];
        schedule->config = &config->schedules[i];
        if (!open_schedule(config, schedule, error)) {
            schedules_free(schedules);
            return NULL;
        }
    }
    return schedules;
}

static Schedule *find_schedule(const Schedules *schedules, const char *name)
{
    for (size_t i = 0; i < schedules->n; i++) {
        if (strcmp(schedules->rows[i].config->name, name) == 0)
            return &schedules->rows[i];
    }
    return NULL;
}

/* What runs belongs to the new schedule of its name, or to none any more. */
static void adopt_run(Schedules *schedules, Run *run)
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
        const Schedule *before = find_schedule(old, schedule->config->name);
        if (!before)
            continue;
        schedule->state = before->state;
        schedule->is_known = before->is_known;
        schedule->is_unsaved = before->is_unsaved;
        schedule->is_watched = before->is_watched;
        if (schedule->state.definition != definition_of(schedule->config))
            begin(schedule, clock_wall_us());
    }
    while (old->runs->len > 0)
        adopt_run(schedules, g_ptr_array_steal_index_fast(old->runs, 0));
    schedules_free(old);
}

bool schedules_start(Schedules *schedules, GError **error)
{
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(schedules->daemon->store, error);
    int64_t now_us = clock_wall_us();

    if (!snapshot)
        return false;
    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        if (!schedule->is_known && !load(snapshot, schedule, now_us, error))
            return false;
    }
    tick_soon(schedules);
    return true;
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
        log_warning("schedule '%s': interrupted: thumbq ends", schedule->config->name);
        save(schedules, schedule);
    }
}

void schedules_free(Schedules *schedules)
{
    if (!schedules)
        return;
    g_clear_handle_id(&schedules->source, g_source_remove);
    g_ptr_array_unref(schedules->runs);
    for (size_t i = 0; i < schedules->n; i++)
        g_clear_pointer(&schedules->rows[i].cron, cron_free);
    g_free(schedules->rows);
    g_free(schedules);
}
