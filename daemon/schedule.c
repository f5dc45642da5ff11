#include "daemon_private.h"

#include "clock.h"
#include "cron.h"
#include "error.h"
#include "log.h"

#include <string.h>

/* The clock may be set meanwhile: it is looked at again at least this often. */
#define LOOK_AGAIN_MS 60000

typedef struct {
    Daemon *daemon;
    const ScheduleConfig *config;
    Cron *cron;
    SweepKinds kinds;
    int64_t due_us; /* wall clock; INT64_MAX: never again */
    int64_t started_us;
} Schedule;

struct Schedules {
    Daemon *daemon;
    Schedule *rows;
    size_t n;
    guint source;
};

static void plan(Schedule *schedule, int64_t after_us)
{
    if (!cron_next(schedule->cron, after_us, &schedule->due_us))
        schedule->due_us = INT64_MAX;
}

static void end_run(const SweepCounts *counts, bool complete, void *data)
{
    Schedule *schedule = data;
    Daemon *daemon = schedule->daemon;
    GError *error = NULL;
    g_autofree char *text = sweep_describe(counts, schedule->kinds, false);
    StoreRun run = {.time_us = schedule->started_us,
                    .duration_us = clock_wall_us() - schedule->started_us,
                    .ok = complete};

    log_info("schedule '%s': %s", schedule->config->name, complete ? text : "could not be done");
    if (!complete)
        return;
    if (!store_put_run(daemon->store, schedule->config->name, &run, &error))
        batch_lost(daemon, error);
    else
        batch_changed(daemon);
}

static gboolean tick(gpointer data)
{
    Schedules *schedules = data;
    int64_t now_us = clock_wall_us();
    int64_t next_us = INT64_MAX;

    for (size_t i = 0; i < schedules->n; i++) {
        Schedule *schedule = &schedules->rows[i];
        if (schedule->due_us <= now_us) {
            schedule->started_us = now_us;
            sweep_start(schedules->daemon, schedule->kinds, false, end_run, schedule);
            plan(schedule, now_us);
        }
        next_us = MIN(next_us, schedule->due_us);
    }
    schedules->source = 0;
    if (next_us != INT64_MAX) {
        int64_t delay_ms = (next_us - now_us) / CLOCK_US_PER_MS + 1;
        schedules->source =
            g_timeout_add((guint)CLAMP(delay_ms, 1, LOOK_AGAIN_MS), tick, schedules);
    }
    return G_SOURCE_REMOVE;
}

/* "sweep KIND" */
static bool parse_run(const ScheduleConfig *config, SweepKinds *ret_kinds, GError **error)
{
    if (g_str_has_prefix(config->run, "sweep ") &&
        sweep_kinds_from_name(config->run + strlen("sweep "), ret_kinds))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                "[schedule %s]: run: '%s' is nothing that can be run; write sweep orphans, sweep "
                "missing, sweep stale or sweep all",
                config->name, config->run);
    return false;
}

static bool open_schedule(Schedule *schedule, GError **error)
{
    const ScheduleConfig *config = schedule->config;
    g_autoptr(GError) reason = NULL;

    if (!parse_run(config, &schedule->kinds, error))
        return false;
    schedule->cron = cron_parse(config->cron, config->timezone, &reason);
    if (!schedule->cron) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "[schedule %s]: cron: %s", config->name,
                    reason->message);
        return false;
    }
    plan(schedule, clock_wall_us());
    return true;
}

Schedules *schedules_new(Daemon *daemon, GError **error)
{
    const Config *config = daemon->config;
    Schedules *schedules = g_new0(Schedules, 1);

    schedules->daemon = daemon;
    schedules->rows = g_new0(Schedule, config->n_schedules);
    for (size_t i = 0; i < config->n_schedules; i++) {
        Schedule *schedule = &schedules->rows[schedules->n++];
        schedule->daemon = daemon;
        schedule->config = &config->schedules[i];
        if (!open_schedule(schedule, error)) {
            schedules_free(schedules);
            return NULL;
        }
    }
    if (!daemon->options->once)
        (void)tick(schedules);
    return schedules;
}

void schedules_free(Schedules *schedules)
{
    if (!schedules)
        return;
    g_clear_handle_id(&schedules->source, g_source_remove);
    for (size_t i = 0; i < schedules->n; i++)
        g_clear_pointer(&schedules->rows[i].cron, cron_free);
    g_free(schedules->rows);
    g_free(schedules);
}
