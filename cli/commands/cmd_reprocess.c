/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command `reprocess`: starts a batch job for the objects that the filters select; lists
 * and cancels jobs.
 */
#include "attach.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "command.h"
#include "daemon/requests.h"
#include "daemon_probe.h"
#include "job_attach.h"
#include "store/filter_text.h"
#include "views/job_view.h"
#include "views/json_out.h"
#include "views/table.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    bool dry_run;
    bool detach;
    bool json;
} ReprocessOptions;

static const CommandOption options[] = {
    {"dry-run", OPTION_FLAG, NULL, offsetof(ReprocessOptions, dry_run),
     "change nothing, print the number of objects"},
    {"detach", OPTION_FLAG, NULL, offsetof(ReprocessOptions, detach),
     "do not wait; without a daemon, the next 'thumbq run' does it"},
    {"json", OPTION_FLAG, NULL, offsetof(ReprocessOptions, json), "a JSON object per job"},
    {NULL},
};

static const char *const choices[] = {"start", "list", "status", "wait", "cancel", NULL};

const CommandUsage usage_reprocess = {
    .words = "[start|list|status|wait|cancel] [ID]",
    .n_words = 1,
    .choices = choices,
    .accepts_number = true,
    .about =
        "Makes the thumbnails of the objects that the filters select again, as a job. New uploads\n"
        "go first, and the job continues after a crash.\n"
        "  start     starts a job and shows its progress (the default)\n"
        "  list      lists the jobs\n"
        "  status    prints the progress of job ID, else of the one under way, else of the last\n"
        "  wait      shows the progress of a job until it ends\n"
        "  cancel    ends a job; its objects in the queue are still handled\n"
        "A running daemon does the work, and Ctrl-C only ends the command. Without a daemon the\n"
        "command works itself; Ctrl-C stops it, and the next 'thumbq run' continues the job.\n"
        "Exits 1 if the job has not ended, was cancelled, or an object of it is dead.",
    .examples = "thumbq reprocess --dry-run photos\n"
                "thumbq reprocess --prefix 2026/ --type png photos\n"
                "thumbq reprocess list photos\n"
                "thumbq reprocess cancel photos",
    .options = options,
    .values_size = sizeof(ReprocessOptions),
};

/* Returns true if a daemon runs. It does if another user owns the store: then the daemon has
 * answered already. */
static bool has_daemon(const Context *context)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    return context->is_closed || daemon_probe(state) == DAEMON_UP;
}

typedef struct {
    /* 0 means the default of find_job. */
    uint32_t wanted;
    /* The first job that has not ended. */
    uint32_t under_way;
    uint32_t last;
    /* The wanted job exists. */
    bool is_there;
} Choice;

static bool visit_job(const BatchJob *job, void *data)
{
    Choice *choice = data;
    choice->last = job->id;
    choice->is_there |= job->id == choice->wanted;
    if (choice->under_way == 0 && !job_has_ended(job))
        choice->under_way = job->id;
    return true;
}

/* Finds the job with the given number; else the job under way; else the last job. */
static bool find_job(Context *context, uint32_t *ret_id, GError **error)
{
    Choice choice = {.wanted = (uint32_t)context->number};
    if (context->is_closed) {
        *ret_id = choice.wanted;
        if (choice.wanted == 0)
            g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                        "'thumbq reprocess %s' needs the number of the job here: the store is "
                        "another user's",
                        context->words[0]);
        return choice.wanted != 0;
    }
    if (!store_jobs(context->snapshot, visit_job, &choice, error))
        return false;
    if (choice.wanted != 0 && !choice.is_there) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "there is no job %" PRIu32 "; 'thumbq reprocess list' lists them",
                    choice.wanted);
        return false;
    }
    if (choice.last == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "there is no job; 'thumbq reprocess' begins one");
        return false;
    }
    *ret_id = choice.wanted ? choice.wanted : choice.under_way ? choice.under_way : choice.last;
    return true;
}

enum {
    COLUMN_ID,
    COLUMN_STATE,
    COLUMN_OBJECTS,
    COLUMN_SHARE,
    COLUMN_FAILED,
    COLUMN_SUBMITTED,
    COLUMN_FILTERS,
    COLUMNS
};

static const TableColumn columns[COLUMNS] = {
    [COLUMN_ID] = {"ID", TABLE_FIGURE},           [COLUMN_STATE] = {"STATE", TABLE_TEXT},
    [COLUMN_OBJECTS] = {"OBJECTS", TABLE_FIGURE}, [COLUMN_SHARE] = {"DONE", TABLE_FIGURE},
    [COLUMN_FAILED] = {"FAILED", TABLE_FIGURE},   [COLUMN_SUBMITTED] = {"SUBMITTED", TABLE_TEXT},
    [COLUMN_FILTERS] = {"FILTERS", TABLE_NAME},
};

typedef struct {
    /* NULL means JSON. */
    TextTable *table;
    bool is_served;
} JobListing;

static bool list_job(const BatchJob *job, void *data)
{
    const JobListing *list = data;
    if (!list->table) {
        json_out_print(job_view_json(job, list->is_served));
        return true;
    }
    uint64_t total = MAX(job->total, job->queued);
    g_autofree char *id = g_strdup_printf("%" PRIu32, job->id);
    g_autofree char *objects = units_format_count((int64_t)total);
    g_autofree char *share =
        g_strdup_printf("%d%%", total > 0 ? (int)(job_handled(job) * 100 / total) : 100);
    g_autofree char *failed = units_format_count((int64_t)job->failed);
    g_autofree char *submitted = terminal_date(job->submitted_us, true);
    g_autofree char *filters = job_view_filters(job);
    const char *cells[COLUMNS] = {
        [COLUMN_ID] = id,
        [COLUMN_STATE] = job_state_name(job_view_state(job, list->is_served)),
        [COLUMN_OBJECTS] = objects,
        [COLUMN_SHARE] = share,
        [COLUMN_FAILED] = failed,
        [COLUMN_SUBMITTED] = submitted,
        [COLUMN_FILTERS] = filters,
    };
    table_add(list->table, cells, job->state == JOB_FAILED ? COLUMN_STATE : TABLE_NO_PROBLEM);
    return true;
}

static int print_list(Context *context, bool json, GError **error)
{
    if (!context_open_store(context, error))
        return -1;
    g_autoptr(TextTable) table = json ? NULL : table_new(columns, COLUMNS);
    JobListing list = {.table = table, .is_served = has_daemon(context)};
    if (!store_jobs(context->snapshot, list_job, &list, error))
        return -1;
    if (table)
        table_print(table);
    return 0;
}

/* Reads job `id`, which must exist. The job is valid as long as the context's snapshot. */
static bool read_job(Context *context, uint32_t id, BatchJob *ret_job, GError **error)
{
    bool found;
    if (!context_open_store(context, error) ||
        !store_get_job(context->snapshot, id, &found, ret_job, error))
        return false;
    if (!found)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "job %" PRIu32 " is not there any more",
                    id);
    return found;
}

/* Returns the job of the daemon's answer, or, if `answer` has none, the job as the store has it.
 * The job borrows from `answer`. */
static bool read_answered_job(Context *context, uint32_t id, const ControlJobAnswer *answer,
                              BatchJob *ret_job, GError **error)
{
    if (answer->id == 0)
        return read_job(context, id, ret_job, error);
    *ret_job = (BatchJob){.id = answer->id,
                          .state = (JobState)answer->state,
                          .is_cancelled = answer->is_cancelled,
                          .submitted_us = (int64_t)answer->submitted_us,
                          .started_us = (int64_t)answer->started_us,
                          .ended_us = (int64_t)answer->ended_us,
                          .total = answer->total,
                          .queued = answer->queued,
                          .done = answer->done,
                          .failed = answer->failed,
                          .gone = answer->gone,
                          .filter = answer->filter,
                          .cursor = ""};
    return true;
}

static int print_status(Context *context, bool json, GError **error)
{
    BatchJob job;
    uint32_t id;
    if (!context_open_store(context, error) || !find_job(context, &id, error) ||
        !read_job(context, id, &job, error))
        return -1;
    bool is_served = has_daemon(context);
    if (json)
        json_out_print(job_view_json(&job, is_served));
    else
        job_view_print(&job, is_served, context->now_us);
    return 0;
}

/* Tells the user how to go on with a job that this command does not wait for any more. */
static void explain(JobAttach attach, uint32_t id)
{
    switch (attach) {
    case JOB_ATTACH_LEFT:
        log_info("job %" PRIu32 " continues: 'thumbq reprocess status' prints its progress, "
                 "'thumbq reprocess cancel' stops it",
                 id);
        break;
    case JOB_ATTACH_STOPPED:
        log_info("job %" PRIu32 " was interrupted; 'thumbq reprocess wait' or 'thumbq run' "
                 "continues it",
                 id);
        break;
    case JOB_ATTACH_ABANDONED:
        log_info("the daemon has ended; 'thumbq run' or 'thumbq reprocess wait' continues job "
                 "%" PRIu32,
                 id);
        break;
    case JOB_ATTACH_ENDED:
        break;
    }
}

/* Waits until the job ends, and prints how it ended. Opens the context's store again. Returns the
 * exit status, -1 on error. */
static int wait_for(Context *context, uint32_t id, bool json, GError **error)
{
    ControlJobAnswer answer;
    BatchJob job;
    JobAttach attach;
    context_close_store(context);
    if (!job_attach(context, id, &attach, &answer, error))
        return -1;
    explain(attach, id);
    /* The job has not ended, and the daemon has not reported its state. */
    if (context->is_closed && answer.id == 0)
        return 1;
    if (!read_answered_job(context, id, &answer, &job, error))
        return -1;
    if (json)
        json_out_print(job_view_json(&job, has_daemon(context)));
    else if (attach == JOB_ATTACH_ENDED)
        job_view_print_end(&job);
    return job.state == JOB_SUCCEEDED ? 0 : 1;
}

static bool set_totals(const char *group, const ObjectTotals *totals, void *data)
{
    /* There is only one group. */
    (void)group;
    *(ObjectTotals *)data = *totals;
    return true;
}

static void print_plan(const ReprocessOptions *own, const ObjectTotals *totals)
{
    g_autofree char *objects = terminal_count(totals->objects, "object", "objects");
    g_autofree char *bytes = units_format_bytes((int64_t)totals->source_bytes);
    if (own->json)
        json_out_print(json_pack("{s:I, s:I}", "objects", (json_int_t)totals->objects,
                                 "source_bytes", (json_int_t)totals->source_bytes));
    else if (totals->objects == 0)
        printf("nothing to do: no object matches\n");
    else
        printf("%s, %s: would be made once more\n", objects, bytes);
}

/* Converts the filter to the form that the job stores, so that both count the same objects. */
static char *normalise_filter(Context *context, StoreFilter **ret_filter, GError **error)
{
    char *text = filter_text_format(&context->filter);
    *ret_filter = filter_text_parse(text, error);
    if (!*ret_filter)
        g_clear_pointer(&text, g_free);
    return text;
}

/* Counts the objects that the filter selects. *ret_filter: the filter as text, for the request. */
static bool count_objects(Context *context, char **ret_filter, ObjectTotals *ret_totals,
                          GError **error)
{
    StoreFilter *filter;
    g_autofree char *text = normalise_filter(context, &filter, error);
    if (!text)
        return false;
    *ret_totals = (ObjectTotals){0};
    bool ok = context->is_closed ||
              store_totals(context->snapshot, filter, STORE_BY_ALL, set_totals, ret_totals, error);
    filter_text_free(filter);
    if (ok)
        *ret_filter = g_steal_pointer(&text);
    return ok;
}

static void print_submitted(const Context *context, const ControlJobAnswer *job,
                            const ObjectTotals *totals)
{
    const char *old = job->is_new ? "" : " is under way already";
    /* The client could not count the objects. */
    if (context->is_closed) {
        log_info("job %" PRIu32 "%s", job->id, old);
        return;
    }
    g_autofree char *objects = terminal_count(totals->objects, "object", "objects");
    g_autofree char *bytes = units_format_bytes((int64_t)totals->source_bytes);
    log_info("job %" PRIu32 "%s: %s, %s", job->id, old, objects, bytes);
}

/* Submits a job for the selected objects and, unless it is detached, waits for its end. Returns the
 * exit status, or -1 with *error set. */
static int start(Context *context, GError **error)
{
    const ReprocessOptions *own = context->options;
    g_autofree char *filter = NULL;
    ObjectTotals totals;
    ControlAnswer answer;
    BatchJob job;
    if (!count_objects(context, &filter, &totals, error))
        return -1;
    if (!context->is_closed && (own->dry_run || totals.objects == 0)) {
        print_plan(own, &totals);
        return 0;
    }
    context_close_store(context);
    const ControlRequest request = {.type = CONTROL_JOB_SUBMIT,
                                    .job_submit = {.total = totals.objects, .filter = filter}};
    if (!daemon_request(context->bucket, context->config, &request, NULL, &answer, error))
        return -1;
    uint32_t id = answer.job.id;
    print_submitted(context, &answer.job, &totals);
    if (!own->detach)
        return wait_for(context, id, own->json, error);
    if (own->json) {
        if (!read_answered_job(context, id, &answer.job, &job, error))
            return -1;
        json_out_print(job_view_json(&job, has_daemon(context)));
    }
    return 0;
}

/* Cancels the job and prints how far it came. Returns the exit status: 1 if it had ended already,
 * -1 on error. */
static int cancel(Context *context, GError **error)
{
    const ReprocessOptions *own = context->options;
    BatchJob job;
    ControlAnswer answer;
    uint32_t id;
    if (!find_job(context, &id, error))
        return -1;
    context_close_store(context);
    const ControlRequest request = {.type = CONTROL_JOB_CANCEL, .job = {id}};
    if (!daemon_request(context->bucket, context->config, &request, NULL, &answer, error) ||
        !read_answered_job(context, id, &answer.job, &job, error))
        return -1;
    if (own->json)
        json_out_print(job_view_json(&job, has_daemon(context)));
    else if (answer.job.changed)
        printf("job %" PRIu32 " cancelled: %" PRIu64 " of %" PRIu64 " objects were made, %" PRIu64
               " in the queue are still made\n",
               id, job_handled(&job), MAX(job.total, job.queued), job_waiting(&job));
    else
        printf("job %" PRIu32 " has ended already: %s\n", id, job_state_name(job.state));
    return answer.job.changed ? 0 : 1;
}

int cmd_reprocess(Context *context, GError **error)
{
    const ReprocessOptions *own = context->options;
    const char *choice = context->words[0];
    bool is_start = strcmp(choice, "start") == 0;
    uint32_t id;
    if (!is_start && (!store_filter_is_empty(&context->filter) || own->dry_run || own->detach)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "filters, --dry-run and --detach cannot be used with 'reprocess %s'", choice);
        return -1;
    }
    if (context->number != 0 && (is_start || strcmp(choice, "list") == 0)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "a number cannot be used with 'reprocess %s'",
                    choice);
        return -1;
    }
    if (strcmp(choice, "list") == 0)
        return print_list(context, own->json, error);
    if (strcmp(choice, "status") == 0)
        return print_status(context, own->json, error);
    if (own->dry_run)
        return context_open_store(context, error) ? start(context, error) : -1;
    if (context->page) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
                    "a query socket begins, awaits and cancels no jobs");
        return -1;
    }
    context->changes = true;
    if (!context_try_store(context, error))
        return -1;
    if (strcmp(choice, "cancel") == 0)
        return cancel(context, error);
    if (strcmp(choice, "wait") == 0)
        return find_job(context, &id, error) ? wait_for(context, id, own->json, error) : -1;
    return start(context, error);
}
