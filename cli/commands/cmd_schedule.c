/* SPDX-License-Identifier: Apache-2.0 */
/* The command `schedule`: prints schedules and their due times, and checks an expression. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "daemon/daemon.h"
#include "daemon/window.h"
#include "daemon_probe.h"
#include "model/schedule_json.h"
#include "views/json_out.h"
#include "views/terminal.h"
#include "watcher/cron.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *check;
    const char *timezone;
    const char *from;
    uint64_t next;
    bool json;
} ScheduleOptions;

static const CommandOption options[] = {
    {"check", OPTION_TEXT, "EXPRESSION", offsetof(ScheduleOptions, check),
     "print when EXPRESSION is due; needs no bucket"},
    {"tz", OPTION_TEXT, "ZONE", offsetof(ScheduleOptions, timezone),
     "with --check: the time zone, as Europe/Berlin; default: the local one"},
    {"from", OPTION_TEXT, "TIME", offsetof(ScheduleOptions, from),
     "with --check: times after TIME, in that zone unless it ends in Z; default: now"},
    {"next", OPTION_COUNT, "N", offsetof(ScheduleOptions, next),
     "how many times; default: 5 with --check, else 1"},
    {"json", OPTION_FLAG, NULL, offsetof(ScheduleOptions, json), "one JSON array"},
    {NULL},
};

const CommandUsage usage_schedule = {
    .about =
        "Lists the schedules of the configuration, each with its next times and its last run.\n"
        "With --check, prints the next times of any expression, one per line: crontab(5), or\n"
        "EventBridge's cron(), rate() and at(). Exits 2 for a wrong expression, 1 for one that is\n"
        "never due.",
    .examples = "thumbq schedule --check '0 3 * * *' --tz Europe/Berlin --next 3\n"
                "thumbq schedule --check 'cron(0 9 ? * 2#1 *)' --from 2026-01-01\n"
                "thumbq schedule --json photos",
    .options = options,
    .values_size = sizeof(ScheduleOptions),
};

#define CHECK_NEXT 5

/* Converts an instant, `utc_us`, to the time that a clock in `timezone` shows. */
static bool to_zone(int64_t utc_us, const char *name, int64_t *ret_us, GError **error)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(name);
    if (!zone) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--tz: unknown time zone '%s'", name);
        return false;
    }
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(utc_us / CLOCK_US_PER_SEC);
    g_autoptr(GDateTime) local =
        g_date_time_new(zone, g_date_time_get_year(utc), g_date_time_get_month(utc),
                        g_date_time_get_day_of_month(utc), g_date_time_get_hour(utc),
                        g_date_time_get_minute(utc), g_date_time_get_second(utc));
    if (!local) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--from: no such time in '%s'", name);
        return false;
    }
    *ret_us = g_date_time_to_unix(local) * CLOCK_US_PER_SEC;
    return true;
}

/* Parses --from. A date and time without `Z` is in the zone of --tz. */
static bool parse_from(const ScheduleOptions *schedule, int64_t now_us, int64_t *ret_us,
                       GError **error)
{
    if (!schedule->from) {
        *ret_us = now_us;
        return true;
    }
    ClockMoment from;
    if (!clock_parse_moment(schedule->from, now_us, &from, error)) {
        g_prefix_error(error, "--from: ");
        return false;
    }
    if (from.is_wall && schedule->timezone && *schedule->timezone)
        return to_zone(from.us, schedule->timezone, ret_us, error);
    *ret_us = clock_moment_us(&from);
    return true;
}

/* Prints the next times of the cron expression of --check. Returns the exit status, -1 on error. */
static int check(const ScheduleOptions *schedule, int64_t now_us, GError **error)
{
    g_autoptr(Cron) cron = cron_parse(schedule->check, schedule->timezone, error);
    int64_t at_us;
    if (!cron || !parse_from(schedule, now_us, &at_us, error))
        return -1;
    uint64_t wanted = schedule->next ? schedule->next : CHECK_NEXT;
    uint64_t found = 0;
    while (found < wanted && cron_next(cron, at_us, &at_us) && !ferror(stdout)) {
        g_autofree char *text = cron_format(cron, at_us);
        puts(text);
        found++;
    }
    if (found == 0)
        log_warning("'%s' is never due", schedule->check);
    return found > 0 ? 0 : 1;
}

/* A schedule of the configuration and its state in the store, which is all zero before the first
 * run. */
typedef struct {
    /* Borrowed. */
    const ScheduleConfig *config;
    Cron *cron;
    ScheduleState state;
} ListedSchedule;

static void schedule_clear(ListedSchedule *schedule)
{
    g_clear_pointer(&schedule->cron, cron_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ListedSchedule, schedule_clear)

static bool schedule_init(ListedSchedule *schedule, Context *context, const ScheduleConfig *config,
                          GError **error)
{
    bool found = false;

    *schedule = (ListedSchedule){.config = config};
    schedule->cron = cron_parse(config->cron, config->timezone, error);
    if (!schedule->cron ||
        (context->snapshot &&
         !store_get_schedule(context->snapshot, config->name, &found, &schedule->state, error))) {
        g_prefix_error(error, "[schedule %s]: ", config->name);
        return false;
    }
    return true;
}

/* Returns the newest due time that has passed, or the time from which rate() counts. */
static int64_t last_due(const ListedSchedule *schedule, int64_t now_us)
{
    int64_t handled_us = schedule->state.handled_us, last_us;

    if (handled_us == 0)
        return now_us;
    return cron_missed(schedule->cron, handled_us, now_us, 1, &last_us) ? last_us : handled_us;
}

/* Returns the texts of the next `wanted` due times. Owner: the caller frees. */
static GStrv next_times(const ListedSchedule *schedule, int64_t now_us, uint64_t wanted)
{
    g_autoptr(GStrvBuilder) times = g_strv_builder_new();
    int64_t at_us = last_due(schedule, now_us);

    for (uint64_t n = 0; n < wanted && cron_next(schedule->cron, at_us, &at_us); n++) {
        g_autofree char *text = cron_format(schedule->cron, at_us);
        g_strv_builder_add(times, text);
    }
    return g_strv_builder_end(times);
}

static json_t *json_of(const ListedSchedule *schedule, int64_t now_us, uint64_t wanted,
                       DaemonState daemon)
{
    const ScheduleConfig *config = schedule->config;
    g_auto(GStrv) next = next_times(schedule, now_us, wanted);
    const ScheduleInfo info = {
        .name = config->name,
        .expression = config->cron,
        .timezone = config->timezone,
        .run = config->run,
        .catchup = catchup_name(config->catchup),
        .next = (const char *const *)next,
        .state = &schedule->state,
        .is_daemon_known = daemon != DAEMON_UNKNOWN,
        .has_daemon = daemon == DAEMON_UP,
    };

    return schedule_json(&info, now_us);
}

static void print_line(const char *label, const char *text, const char *remark)
{
    printf("  %-5s %s%s%s\n", label, text, *remark ? "  " : "", remark);
}

/* Says that no daemon runs, so that the next times are only predictions. */
static void print_idle(const ListedSchedule *schedule, int64_t now_us)
{
    int64_t handled_us = schedule->state.handled_us, missed_us, next_us;
    bool makes_up = window_turn(schedule->config->run) ||
                    schedule->config->catchup != CATCHUP_NONE || cron_is_rate(schedule->cron);

    print_line("next", "none: no daemon runs on this bucket", "");
    if (handled_us != 0 && makes_up &&
        cron_missed(schedule->cron, handled_us, now_us, 1, &missed_us)) {
        print_line("", "due as soon as 'thumbq run' is started", "");
    } else if (cron_next(schedule->cron, last_due(schedule, now_us), &next_us)) {
        g_autofree char *time = cron_format(schedule->cron, next_us);
        g_autofree char *text = g_strdup_printf("due at %s if 'thumbq run' runs then", time);
        print_line("", text, "");
    }
}

static void print_next(const ListedSchedule *schedule, int64_t now_us, uint64_t wanted)
{
    int64_t at_us = last_due(schedule, now_us);
    uint64_t n = 0;

    while (n < wanted && cron_next(schedule->cron, at_us, &at_us)) {
        g_autofree char *text = cron_format(schedule->cron, at_us);
        g_autofree char *left = clock_format_duration(at_us - now_us);
        g_autofree char *remark = g_strconcat("in ", left, NULL);
        print_line(n++ == 0 ? "next" : "", text, remark);
    }
    if (n == 0)
        print_line("next", "never", "");
}

static void print_last(const ListedSchedule *schedule, int64_t now_us)
{
    const ScheduleState *state = &schedule->state;

    if (state->time_us == 0) {
        print_line("last", "has not run yet", "");
        return;
    }
    bool is_bad = state->outcome != RUN_OK && state->outcome != RUN_GOING;
    g_autofree char *time = cron_format(schedule->cron, state->time_us);
    g_autofree char *took = terminal_duration(schedule_run_duration_us(state, now_us));
    g_autofree char *outcome = g_strdup_printf(
        "%s%s%s%s%s", is_bad ? terminal_red() : "", run_outcome_name(state->outcome),
        is_bad ? terminal_reset() : "", state->outcome == RUN_GOING ? " for " : " after ", took);
    g_autofree char *text = terminal_safe(state->text);

    print_line("last", time, outcome);
    if (*text && strcmp(text, run_outcome_name(state->outcome)) != 0)
        print_line("", text, "");
}

static void print_schedule(const ListedSchedule *schedule, int64_t now_us, uint64_t wanted,
                           DaemonState daemon)
{
    const ScheduleConfig *config = schedule->config;
    g_autofree char *run = terminal_safe(config->run);
    g_autofree char *when = terminal_safe(config->cron);
    g_autofree char *remark =
        g_strconcat(config->timezone, *config->timezone && config->catchup ? "  " : "",
                    config->catchup ? "catchup " : "",
                    config->catchup ? catchup_name(config->catchup) : "", NULL);

    printf("%s%s%s\n", terminal_bold(), config->name, terminal_reset());
    print_line("when", when, remark);
    print_line("run", run, "");
    if (daemon == DAEMON_DOWN)
        print_idle(schedule, now_us);
    else
        print_next(schedule, now_us, wanted);
    print_last(schedule, now_us);
}

/* Prints a line if back-fill is paused. */
static bool print_window(Context *context, GError **error)
{
    StoreWindow window;

    if (!store_get_window(context->snapshot, &window, error))
        return false;
    if (!window_is_closed(context->config, &window))
        return true;
    g_autofree char *since = terminal_time(window.due_us);
    printf("\nback-fill is paused, since %s\n", since);
    return true;
}

/* Opens the store if it exists. Without a store nothing has run. */
static bool open_existing_store(Context *context, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (!context_open_bucket(context, error))
        return false;
    if (context_open_store(context, &reason) || error_code(reason) == ERROR_NOT_FOUND)
        return true;
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

/* Prints each schedule of the configuration with its next times. Returns the exit status, -1 on
 * error. */
static int list(Context *context, const ScheduleOptions *options_given, GError **error)
{
    uint64_t wanted = options_given->next ? options_given->next : 1;
    json_t *all = options_given->json ? json_array() : NULL;
    bool ok = open_existing_store(context, error);
    g_autofree char *state = ok ? daemon_state_path(context->bucket, context->config) : NULL;
    DaemonState daemon = ok ? daemon_probe(state) : DAEMON_UNKNOWN;

    for (size_t i = 0; ok && i < context->config->n_schedules; i++) {
        g_auto(ListedSchedule) schedule = {0};
        ok = schedule_init(&schedule, context, &context->config->schedules[i], error);
        if (ok && all)
            json_array_append_new(all, json_of(&schedule, context->now_us, wanted, daemon));
        else if (ok)
            print_schedule(&schedule, context->now_us, wanted, daemon);
        if (!all && i + 1 < context->config->n_schedules)
            putchar('\n');
    }
    ok = ok && (all || !context->snapshot || print_window(context, error));
    if (ok && all)
        json_out_print(json_incref(all));
    json_decref(all);
    return ok ? 0 : -1;
}

int cmd_schedule(Context *context, GError **error)
{
    const ScheduleOptions *schedule = context->options;
    if (!schedule->check && (schedule->timezone || schedule->from)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "--tz and --from can be used only with --check");
        return -1;
    }
    return schedule->check ? check(schedule, context->now_us, error)
                           : list(context, schedule, error);
}
