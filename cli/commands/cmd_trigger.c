/* SPDX-License-Identifier: Apache-2.0 */
/* The command `trigger`: prints triggers and their states, and changes them. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "daemon/requests.h"
#include "daemon/trigger_status.h"
#include "model/json_value.h"
#include "store/epoch.h"
#include "views/json_out.h"
#include "views/table.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *to;
    bool json;
} TriggerOptions;

static const CommandOption options[] = {
    {"to", OPTION_TEXT, "TIME|ID", offsetof(TriggerOptions, to),
     "with rewind: deliver the events from TIME on, or behind the sequencer ID; default: all of "
     "the log"},
    {"json", OPTION_FLAG, NULL, offsetof(TriggerOptions, json),
     "with list and status: a JSON object per line"},
    {NULL},
};

static const char *const choices[] = {"list", "status", "pause", "resume", "rewind", NULL};

const CommandUsage usage_trigger = {
    .words = "[list | status|pause|resume|rewind NAME]",
    .n_words = 1,
    .choices = choices,
    .accepts_name = true,
    .about = "Prints or changes the triggers of the configuration.\n"
             "  list    prints all of them (the default)\n"
             "  status  prints one of them\n"
             "  pause   starts no more commands of it; its events wait\n"
             "  resume  ends the pause\n"
             "  rewind  sets its place in the event log back: events are delivered once more",
    .examples = "thumbq trigger photos\n"
                "thumbq trigger pause index photos\n"
                "thumbq trigger rewind index --to 2h photos",
    .options = options,
    .values_size = sizeof(TriggerOptions),
};

static const char *state_of(const TriggerStatus *status)
{
    if (!status->is_known)
        return "new";
    return status->state.is_paused ? "paused" : "active";
}

/* Returns the age of the oldest event that waits, microseconds; 0: none waits. */
static int64_t age_of(const TriggerStatus *status, int64_t now_us)
{
    return status->oldest_us ? MAX(now_us - status->oldest_us, 0) : 0;
}

static void print_json(const TriggerConfig *config, const TriggerStatus *status, int64_t now_us)
{
    json_out_print(json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:o, s:I}", "name", config->name, "state",
        state_of(status), "run", config->run, "waiting", (json_int_t)status->n_ahead, "retrying",
        (json_int_t)status->n_retrying, "dead", (json_int_t)status->n_dead, "dead_letters",
        (json_int_t)status->n_letters, "age_s", (double)age_of(status, now_us) / CLOCK_US_PER_SEC,
        "cursor", json_sprintf("%016" PRIX64, status->state.cursor), "generation",
        (json_int_t)status->state.generation));
}

enum {
    COLUMN_NAME,
    COLUMN_STATE,
    COLUMN_WAITING,
    COLUMN_RETRYING,
    COLUMN_DEAD,
    COLUMN_AGE,
    COLUMNS
};

static void add_row(TextTable *table, const TriggerConfig *config, const TriggerStatus *status,
                    int64_t now_us)
{
    g_autofree char *waiting = g_strdup_printf("%" PRIu64, status->n_ahead);
    g_autofree char *retrying = g_strdup_printf("%" PRIu64, status->n_retrying);
    g_autofree char *dead = g_strdup_printf("%" PRIu64, status->n_dead);
    g_autofree char *age = status->oldest_us ? clock_format_duration(age_of(status, now_us)) : NULL;
    const char *const cells[COLUMNS] = {config->name, state_of(status), waiting, retrying, dead,
                                        age};

    table_add(table, cells, status->n_dead > 0 ? COLUMN_DEAD : TABLE_NO_PROBLEM);
}

/* Prints the trigger `only`, or all of them if it is NULL. */
static int print_triggers(Context *context, const char *only, bool json, GError **error)
{
    static const TableColumn columns[COLUMNS] = {
        {"trigger", TABLE_TEXT},    {"state", TABLE_TEXT},  {"waiting", TABLE_FIGURE},
        {"retrying", TABLE_FIGURE}, {"dead", TABLE_FIGURE}, {"oldest", TABLE_TEXT}};
    g_autoptr(TextTable) table = table_new(columns, COLUMNS);
    bool found = !only;

    if (!context_open_store(context, error))
        return -1;
    for (size_t i = 0; i < context->config->n_triggers; i++) {
        const TriggerConfig *config = &context->config->triggers[i];
        TriggerStatus status;
        if (only && strcmp(config->name, only) != 0)
            continue;
        found = true;
        if (!trigger_status_read(context->snapshot, config, &status, error))
            return -1;
        if (json)
            print_json(config, &status, context->now_us);
        else
            add_row(table, config, &status, context->now_us);
    }
    if (!found) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the configuration has no trigger '%s'",
                    only);
        return -1;
    }
    if (context->config->n_triggers == 0)
        log_info("the configuration has no trigger");
    table_print(table);
    return 0;
}

typedef struct {
    int64_t from_us;
    uint64_t before;
} TimeSearch;

static bool is_before(const Event *event, void *data)
{
    TimeSearch *search = data;

    if (event->time_us >= search->from_us)
        return false;
    search->before = event->sequencer;
    return true;
}

/* Refuses an epoch that is not that of the store: its sequencers mean other events. */
static bool check_epoch(Context *context, const char *text, GError **error)
{
    guint64 asked;
    uint64_t epoch;

    if (!context_open_store(context, error) || !store_get_epoch(context->snapshot, &epoch, error))
        return false;
    g_autofree char *digits = g_strndup(text, 16);
    if (g_ascii_string_to_unsigned(digits, 16, 0, UINT64_MAX, &asked, NULL) && asked == epoch)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "--to: '%s' is of another store: its epoch is not %016" PRIx64, text, epoch);
    return false;
}

/* Parses --to: a time, or the sequencer of an event with or without its epoch. */
static bool parse_to(Context *context, const char *text, uint64_t *ret_to, GError **error)
{
    const char *dash = strchr(text, '-');
    bool has_epoch = dash && dash - text == 16;
    const char *number = has_epoch ? dash + 1 : text;
    ClockMoment moment;
    guint64 to;

    *ret_to = 0;
    if (strlen(number) == 16 && g_ascii_string_to_unsigned(number, 16, 0, INT64_MAX, &to, NULL)) {
        *ret_to = to;
        return !has_epoch || check_epoch(context, text, error);
    }
    if (!clock_parse_moment(text, context->now_us, &moment, error)) {
        g_prefix_error(error, "--to: ");
        return false;
    }
    TimeSearch search = {.from_us = clock_moment_us(&moment)};
    if (!context_open_store(context, error) ||
        !store_events(context->snapshot, 0, 0, 0, is_before, &search, error))
        return false;
    *ret_to = search.before;
    return true;
}

/* Pauses, resumes or rewinds the trigger that the command names. Returns the exit status, -1 on
 * error. */
static int change(Context *context, ControlTriggerAction action, GError **error)
{
    static const char *const done[] = {"paused", "resumed", "rewound"};
    const TriggerOptions *trigger = context->options;
    ControlRequest request = {.type = CONTROL_TRIGGER,
                              .trigger = {.action = (uint32_t)action, .name = context->name}};
    ControlAnswer answer;

    if (context->page) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED, "a query socket changes no triggers");
        return -1;
    }
    context->changes = true;
    if (!context_try_store(context, error) ||
        (trigger->to && !parse_to(context, trigger->to, &request.trigger.to, error)))
        return -1;
    /* Without a daemon the store is opened for writing here, and a process opens it only once. */
    context_close_store(context);
    if (!daemon_request(context->bucket, context->config, &request, NULL, &answer, error))
        return -1;
    printf("%s %s%s\n", context->name, answer.trigger.changed ? "" : "was already ", done[action]);
    return 0;
}

int cmd_trigger(Context *context, GError **error)
{
    const TriggerOptions *trigger = context->options;
    const char *word = context->words[0];

    if (trigger->to && strcmp(word, "rewind") != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--to can be used only with rewind");
        return -1;
    }
    if (strcmp(word, "pause") == 0)
        return change(context, CONTROL_TRIGGER_PAUSE, error);
    if (strcmp(word, "resume") == 0)
        return change(context, CONTROL_TRIGGER_RESUME, error);
    if (strcmp(word, "rewind") == 0)
        return change(context, CONTROL_TRIGGER_REWIND, error);
    return print_triggers(context, context->name, trigger->json, error);
}
