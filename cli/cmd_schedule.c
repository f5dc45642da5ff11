#include "clock.h"
#include "command.h"
#include "cron.h"
#include "error.h"
#include "json_out.h"
#include "log.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *check;
    const char *timezone;
    const char *from;
    uint64_t next;
    bool json;
} ScheduleOptions;

static const Option options[] = {
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
        "Lists the schedules of the configuration with their next times. With --check, prints the\n"
        "next times of any expression, one per line: crontab(5), or EventBridge's cron(), rate()\n"
        "and at(). Exits 2 for a wrong expression, 1 for one that is never due.",
    .examples = "thumbq schedule --check '0 3 * * *' --tz Europe/Berlin --next 3\n"
                "thumbq schedule --check 'cron(0 9 ? * 2#1 *)' --from 2026-01-01\n"
                "thumbq schedule --json photos",
    .options = options,
    .values_size = sizeof(ScheduleOptions),
};

#define CHECK_NEXT 5

/* ---- --check ------------------------------------------------------------------------------------
 */

/* The time that the clock shows in `timezone` when it shows `utc_us` in UTC. */
static bool to_zone(int64_t utc_us, const char *timezone, int64_t *ret_us, GError **error)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(timezone);
    if (!zone) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--tz: unknown time zone '%s'", timezone);
        return false;
    }
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(utc_us / CLOCK_US_PER_SEC);
    g_autoptr(GDateTime) local =
        g_date_time_new(zone, g_date_time_get_year(utc), g_date_time_get_month(utc),
                        g_date_time_get_day_of_month(utc), g_date_time_get_hour(utc),
                        g_date_time_get_minute(utc), g_date_time_get_second(utc));
    if (!local) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--from: no such time in '%s'", timezone);
        return false;
    }
    *ret_us = g_date_time_to_unix(local) * CLOCK_US_PER_SEC;
    return true;
}

/* --from: a date and time without `Z` is one in the zone of --tz. */
static bool parse_from(const ScheduleOptions *schedule, int64_t now_us, int64_t *ret_us,
                       GError **error)
{
    if (!schedule->from) {
        *ret_us = now_us;
        return true;
    }
    if (!clock_parse_time(schedule->from, now_us, ret_us, error)) {
        g_prefix_error(error, "--from: ");
        return false;
    }
    bool is_date = strchr(schedule->from, '-') && !strchr(schedule->from, 'Z');
    if (!schedule->timezone || !*schedule->timezone || !is_date)
        return true;
    g_autofree char *as_utc = g_strconcat(schedule->from, "Z", NULL);
    int64_t utc_us;
    return clock_parse_time(as_utc, now_us, &utc_us, error) &&
           to_zone(utc_us, schedule->timezone, ret_us, error);
}

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

/* ---- the configured ones ------------------------------------------------------------------------
 */

static json_t *next_json(const Cron *cron, int64_t at_us, uint64_t wanted)
{
    json_t *next = json_array();
    while (json_array_size(next) < wanted && cron_next(cron, at_us, &at_us)) {
        g_autofree char *text = cron_format(cron, at_us);
        json_array_append_new(next, json_string(text));
    }
    return next;
}

/* The last run, or null before the first. Without a store nothing has run. */
static bool last_json(Context *context, const char *name, json_t **ret_last, GError **error)
{
    StoreRun run;
    bool found = false;
    if (context->snapshot && !store_get_run(context->snapshot, name, &found, &run, error))
        return false;
    if (!found) {
        *ret_last = json_null();
        return true;
    }
    char time[CLOCK_TEXT_MAX];
    json_t *last = json_object();
    json_object_set_new(last, "time", json_string(clock_format_millis(run.time_us, time)));
    json_object_set_new(last, "outcome", json_string(run.ok ? "ok" : "failed"));
    json_object_set_new(last, "duration_ms", json_real((double)run.duration_us / CLOCK_US_PER_MS));
    *ret_last = last;
    return true;
}

static json_t *schedule_json(const ScheduleConfig *config, json_t *next, json_t *last)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_out_text(config->name));
    json_object_set_new(object, "expression", json_out_text(config->cron));
    json_object_set_new(object, "timezone", json_out_text(config->timezone));
    json_object_set_new(object, "run", json_out_text(config->run));
    json_object_set_new(object, "next", next);
    json_object_set_new(object, "last", last);
    return object;
}

static void add_rows(Table *table, const ScheduleConfig *config, const json_t *next)
{
    const char *cells[] = {config->name, config->cron, config->timezone, config->run, "never"};
    if (json_array_size(next) == 0)
        table_add(table, cells, 4);
    for (size_t i = 0; i < json_array_size(next); i++) {
        cells[4] = json_string_value(json_array_get(next, i));
        table_add(table, cells, TABLE_NO_PROBLEM);
        cells[0] = cells[1] = cells[2] = cells[3] = NULL; /* once is enough */
    }
}

static int list(Context *context, const ScheduleOptions *schedule, GError **error)
{
    static const TableColumn columns[] = {{"schedule", false},
                                          {"expression", false},
                                          {"zone", false},
                                          {"run", false},
                                          {"next", false}};
    g_autoptr(GError) no_store = NULL;
    if (!context_open_bucket(context, error))
        return -1;
    if (!context_open_store(context, &no_store) && error_code(no_store) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&no_store));
        return -1;
    }
    const Config *config = context->config;
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    json_t *schedules = json_array();
    for (size_t i = 0; i < config->n_schedules; i++) {
        const ScheduleConfig *row = &config->schedules[i];
        g_autoptr(Cron) cron = cron_parse(row->cron, row->timezone, error);
        json_t *last;
        if (!cron || !last_json(context, row->name, &last, error)) {
            g_prefix_error(error, "[schedule %s]: ", row->name);
            json_decref(schedules);
            return -1;
        }
        json_t *next = next_json(cron, context->now_us, schedule->next ? schedule->next : 1);
        add_rows(table, row, next);
        json_array_append_new(schedules, schedule_json(row, next, last));
    }
    if (schedule->json)
        json_out_print(json_incref(schedules));
    else
        table_print(table);
    json_decref(schedules);
    return 0;
}

int cmd_schedule(Context *context, GError **error)
{
    const ScheduleOptions *schedule = context->options;
    if (!schedule->check && (schedule->timezone || schedule->from)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--tz and --from go with --check only");
        return -1;
    }
    return schedule->check ? check(schedule, context->now_us, error)
                           : list(context, schedule, error);
}
