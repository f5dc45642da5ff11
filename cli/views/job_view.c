/* SPDX-License-Identifier: Apache-2.0 */
#include "views/job_view.h"

#include "base/clock.h"
#include "base/units.h"
#include "model/job_json.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <stdio.h>

JobState job_view_state(const BatchJob *job, bool is_served)
{
    bool is_under_way = job->state == JOB_STARTING || job->state == JOB_RUNNING;
    return is_under_way && !is_served ? JOB_RUNNABLE : job->state;
}

/* Returns the job's filters in the form of options. The store's form is close to that:
 * "prefix=2026/&type=png", with %XX for characters that need quotes. */
char *job_view_filters(const BatchJob *job)
{
    g_auto(GStrv) words = g_strsplit(job->filter, "&", 0);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; words[i]; i++) {
        g_strdelimit(words[i], "=", ' ');
        g_string_append_printf(text, "%s--%s", i > 0 ? " " : "", words[i]);
    }
    return g_string_free(text, FALSE);
}

char *job_view_reason(const BatchJob *job)
{
    if (job->is_cancelled)
        return g_strdup("cancelled");
    if (job->state != JOB_FAILED)
        return NULL;
    g_autofree char *dead = terminal_count(job->failed, "object is", "objects are");
    return g_strdup_printf("%s dead", dead);
}

json_t *job_view_json(const BatchJob *job, bool is_served)
{
    g_autofree char *filters = job_view_filters(job);
    g_autofree char *reason = job_view_reason(job);

    return job_json(job, job_view_state(job, is_served), filters, reason);
}

static void print_time(const char *label, int64_t time_us)
{
    if (time_us == 0)
        return;
    g_autofree char *text = terminal_date(time_us, true);
    printf("%-11s %s\n", label, text);
}

/* Explains a state whose name alone is unclear. */
static const char *explain(JobState state)
{
    switch (state) {
    case JOB_SUBMITTED:
    case JOB_RUNNABLE:
        return ": goes on with 'thumbq run', or 'thumbq reprocess wait'";
    case JOB_PENDING:
        return ": waits for the job before it";
    case JOB_STARTING:
        return ": its first objects are queued; uploads go before them";
    default:
        return "";
    }
}

static void print_objects(const BatchJob *job)
{
    uint64_t total = MAX(job->total, job->queued);
    g_autofree char *handled = units_format_count((int64_t)job_handled(job));
    g_autofree char *all = units_format_count((int64_t)total);
    g_autofree char *failed = units_format_count((int64_t)job->failed);
    g_autofree char *gone = units_format_count((int64_t)job->gone);
    int percent = total > 0 ? (int)((double)job_handled(job) / (double)total * 100) : 100;
    printf("%-11s %s of %s (%d%%)", "objects", handled, all, percent);
    if (job->failed > 0)
        printf(", %s%s failed%s", terminal_red(), failed, terminal_reset());
    if (job->gone > 0)
        printf(", %s gone meanwhile", gone);
    putchar('\n');
}

void job_view_print(const BatchJob *job, bool is_served, int64_t now_us)
{
    JobState state = job_view_state(job, is_served);
    g_autofree char *filters = job_view_filters(job);
    g_autofree char *reason = job_view_reason(job);
    printf("%sjob %" PRIu32 "%s\n\n", terminal_bold(), job->id, terminal_reset());
    printf("%-11s %s%s%s\n", "state", job_state_name(state), reason ? ": " : "",
           reason ? reason : explain(state));
    printf("%-11s %s\n", "filters", *filters ? filters : "none: all objects");
    print_objects(job);
    print_time("submitted", job->submitted_us);
    print_time("started", job->started_us);
    print_time("ended", job->ended_us);
    if (job->started_us > 0) {
        int64_t end_us = job->ended_us > 0 ? job->ended_us : now_us;
        g_autofree char *took = clock_format_duration(MAX(end_us - job->started_us, 0));
        printf("%-11s %s%s\n", "time", took, job->ended_us > 0 ? "" : " up to now");
    }
}

void job_view_print_end(const BatchJob *job)
{
    g_autofree char *took = clock_format_duration(MAX(job->ended_us - job->started_us, 0));
    g_autofree char *objects = terminal_count(job_handled(job), "object", "objects");
    g_autofree char *reason = job_view_reason(job);
    bool failed = job->state == JOB_FAILED;
    printf("job %" PRIu32 " %s%s%s: %s in %s", job->id, failed ? terminal_red() : "",
           job_state_name(job->state), failed ? terminal_reset() : "", objects, took);
    if (job->gone > 0)
        printf(", %" PRIu64 " of them gone meanwhile", job->gone);
    if (reason)
        printf(", %s", reason);
    if (job->failed > 0)
        printf(" ('thumbq dead' lists them)");
    putchar('\n');
}
