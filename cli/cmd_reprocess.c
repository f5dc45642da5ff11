/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"
#include "backfill.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "file.h"
#include "filter_text.h"
#include "job_attach.h"
#include "job_view.h"
#include "json_out.h"
#include "log.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    bool dry_run;
    bool detach;
    bool json;
} ReprocessOptions;

static const Option options[] = {
    {"dry-run", OPTION_FLAG, NULL, offsetof(ReprocessOptions, dry_run),
     "change nothing, say how many objects it would be"},
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
    .takes_number = true,
    .about =
        "Makes the thumbnails of all objects that the filters select once more, as a job: after\n"
        "new uploads, and going on where it was after a crash.\n"
        "  start     begins a job and shows its progress (the default)\n"
        "  list      lists the jobs\n"
        "  status    says how far a job is: ID, else the one under way, else the last\n"
        "  wait      shows the progress of a job until it ends\n"
        "  cancel    ends a job; what is in the queue by then is still made\n"
        "A running daemon does the work, and Ctrl-C only stops looking at it. Without one it is\n"
        "done here; Ctrl-C stops it, and the next 'thumbq run' goes on with it.\n"
        "Exits 1 if the job has not ended, was cancelled, or an object of it is dead.",
    .examples = "thumbq reprocess --dry-run photos\n"
                "thumbq reprocess --prefix 2026/ --type png photos\n"
                "thumbq reprocess list photos\n"
                "thumbq reprocess cancel photos",
    .options = options,
    .values_size = sizeof(ReprocessOptions),
};

static bool has_daemon(const Context *context)
{
    g_autoptr(GError) failure = NULL;
    autofd fd = attach_connect(context, 0, &failure);
    return fd >= 0;
}

/* ---- which one ----------------------------------------------------------------------------------
 */

typedef struct {
    uint32_t wanted;    /* 0: see `find_job` */
    uint32_t under_way; /* the first that has not ended */
    uint32_t last;
    bool is_there; /* the one wanted */
} Choice;

static bool look_at(const StoreJob *job, void *data)
{
    Choice *choice = data;
    choice->last = job->id;
    choice->is_there |= job->id == choice->wanted;
    if (choice->under_way == 0 && !job_has_ended(job))
        choice->under_way = job->id;
    return true;
}

/* The job with the number given; else the one under way, else the last. */
static bool find_job(Context *context, uint32_t *ret_id, GError **error)
{
    Choice choice = {.wanted = (uint32_t)context->number};
    if (!store_jobs(context->snapshot, look_at, &choice, error))
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

/* ---- list, status -------------------------------------------------------------------------------
 */

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
    Table *table; /* NULL: JSON */
    bool is_served;
} JobList;

static bool list_job(const StoreJob *job, void *data)
{
    const JobList *list = data;
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
    g_autoptr(Table) table = json ? NULL : table_new(columns, COLUMNS);
    JobList list = {.table = table, .is_served = has_daemon(context)};
    if (!store_jobs(context->snapshot, list_job, &list, error))
        return -1;
    if (table)
        table_print(table);
    return 0;
}

/* Reads job `id`, which must be there; valid as long as the context's snapshot. */
static bool read_job(Context *context, uint32_t id, StoreJob *ret_job, GError **error)
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

static int print_status(Context *context, bool json, GError **error)
{
    StoreJob job;
    uint32_t id;
    if (!find_job(context, &id, error) || !read_job(context, id, &job, error))
        return -1;
    bool is_served = has_daemon(context);
    if (json)
        json_out_print(job_view_json(&job, is_served));
    else
        job_view_print(&job, is_served, context->now_us);
    return 0;
}

/* ---- wait ---------------------------------------------------------------------------------------
 */

static void explain(JobAttach attach, uint32_t id)
{
    switch (attach) {
    case JOB_ATTACH_LEFT:
        log_info("job %" PRIu32 " goes on: 'thumbq reprocess status' tells how far it is, "
                 "'thumbq reprocess cancel' stops it",
                 id);
        break;
    case JOB_ATTACH_STOPPED:
        log_info("job %" PRIu32 " was interrupted; 'thumbq reprocess wait' goes on with it, and so "
                 "does 'thumbq run'",
                 id);
        break;
    case JOB_ATTACH_DESERTED:
        log_info("the daemon has ended; job %" PRIu32 " goes on with 'thumbq run', or with "
                 "'thumbq reprocess wait'",
                 id);
        break;
    case JOB_ATTACH_ENDED:
        break;
    }
}

/* Stays until the job ends. The context's store is opened anew. */
static int wait_for(Context *context, uint32_t id, bool json, GError **error)
{
    StoreJob job;
    JobAttach attach;
    context_close_store(context);
    if (!job_attach(context, id, &attach, error) || !read_job(context, id, &job, error))
        return -1;
    explain(attach, id);
    if (json)
        json_out_print(job_view_json(&job, has_daemon(context)));
    else if (attach == JOB_ATTACH_ENDED)
        job_view_print_end(&job);
    return job.state == JOB_SUCCEEDED ? 0 : 1;
}

/* ---- start --------------------------------------------------------------------------------------
 */

static bool take_totals(const char *group, const StoreTotals *totals, void *data)
{
    (void)group; /* all there is */
    *(StoreTotals *)data = *totals;
    return true;
}

static void print_plan(const ReprocessOptions *own, const StoreTotals *totals)
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

/* The filter as the job will read it, since the number of objects is to be the same. */
static char *normalise_filter(Context *context, StoreFilter **ret_filter, GError **error)
{
    char *text = filter_text_format(&context->filter);
    *ret_filter = filter_text_parse(text, error);
    if (!*ret_filter)
        g_clear_pointer(&text, g_free);
    return text;
}

static bool count_objects(Context *context, char **ret_filter, StoreTotals *ret_totals,
                          GError **error)
{
    StoreFilter *filter;
    g_autofree char *text = normalise_filter(context, &filter, error);
    if (!text)
        return false;
    *ret_totals = (StoreTotals){0};
    bool ok = store_totals(context->snapshot, filter, STORE_BY_ALL, take_totals, ret_totals, error);
    filter_text_free(filter);
    if (ok)
        *ret_filter = g_steal_pointer(&text);
    return ok;
}

static int start(Context *context, GError **error)
{
    const ReprocessOptions *own = context->options;
    g_autofree char *filter = NULL;
    StoreTotals totals;
    StoreJob job;
    uint32_t id;
    bool is_new;
    if (!count_objects(context, &filter, &totals, error))
        return -1;
    if (own->dry_run || totals.objects == 0) {
        print_plan(own, &totals);
        return 0;
    }
    context_close_store(context);
    if (!backfill_submit(context->bucket, context->config, filter, totals.objects, &id, &is_new,
                         error))
        return -1;
    g_autofree char *objects = terminal_count(totals.objects, "object", "objects");
    g_autofree char *bytes = units_format_bytes((int64_t)totals.source_bytes);
    log_info("job %" PRIu32 "%s: %s, %s", id, is_new ? "" : " is under way already", objects,
             bytes);
    if (!own->detach)
        return wait_for(context, id, own->json, error);
    if (own->json) {
        if (!read_job(context, id, &job, error))
            return -1;
        json_out_print(job_view_json(&job, has_daemon(context)));
    }
    return 0;
}

/* ---- cancel -------------------------------------------------------------------------------------
 */

static int cancel(Context *context, GError **error)
{
    const ReprocessOptions *own = context->options;
    StoreJob job;
    uint32_t id;
    bool cancelled;
    if (!find_job(context, &id, error))
        return -1;
    context_close_store(context);
    if (!backfill_cancel(context->bucket, context->config, id, &cancelled, error) ||
        !read_job(context, id, &job, error))
        return -1;
    if (own->json)
        json_out_print(job_view_json(&job, has_daemon(context)));
    else if (cancelled)
        printf("job %" PRIu32 " cancelled: %" PRIu64 " of %" PRIu64 " objects were made, %" PRIu64
               " in the queue are still made\n",
               id, job_handled(&job), MAX(job.total, job.queued), job_waiting(&job));
    else
        printf("job %" PRIu32 " has ended already: %s\n", id, job_state_name(job.state));
    return cancelled ? 0 : 1;
}

int cmd_reprocess(Context *context, GError **error)
{
    const ReprocessOptions *own = context->options;
    const char *choice = context->words[0];
    bool is_start = strcmp(choice, "start") == 0;
    uint32_t id;
    if (!is_start && (!store_filter_is_empty(&context->filter) || own->dry_run || own->detach)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "filters, --dry-run and --detach do not go with 'reprocess %s'", choice);
        return -1;
    }
    if (context->number != 0 && (is_start || strcmp(choice, "list") == 0)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "no number goes with 'reprocess %s'", choice);
        return -1;
    }
    if (strcmp(choice, "list") == 0)
        return print_list(context, own->json, error);
    if (strcmp(choice, "status") == 0)
        return print_status(context, own->json, error);
    if (strcmp(choice, "cancel") == 0)
        return cancel(context, error);
    if (strcmp(choice, "wait") == 0)
        return find_job(context, &id, error) ? wait_for(context, id, own->json, error) : -1;
    return start(context, error);
}
