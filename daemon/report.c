#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "log.h"
#include "units.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_MS 250

struct Progress {
    Daemon *daemon;
    guint source;
    bool shown;
    int64_t since_us;
    uint64_t invocations;
};

static void write_text(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text)); /* nowhere to report it */
}

static void clear_line(Progress *progress)
{
    if (progress && progress->shown)
        write_text("\r\033[K");
    if (progress)
        progress->shown = false;
}

/* Whole mebibytes, rounded up, as Lambda prints them. */
static int64_t megabytes(int64_t bytes)
{
    return (bytes + (1 << 20) - 1) >> 20;
}

void report_invocation(const Job *job, const PoolUsage *usage, ErrorCode code, const char *message)
{
    g_autofree char *id = record_request_id(job->request_id);
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *key = object_key_to_text(job->key, NULL);

    /* Where a progress line tells a person how far it is, only failures are worth a line. */
    bool progress_tells = job->daemon->options->once && job->daemon->progress && code == ERROR_NONE;
    if (job->daemon->options->quiet || progress_tells)
        return;
    g_string_append_printf(line,
                           "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %" PRId64
                           " ms\tMemory Size: %" PRId64 " MB\tMax Memory Used: %" PRId64 " MB",
                           id, (double)usage->duration_us / CLOCK_US_PER_MS,
                           (usage->duration_us + 999) / CLOCK_US_PER_MS,
                           megabytes(job->daemon->config->memory_bytes),
                           megabytes(usage->memory_bytes));
    if (usage->init_us > 0)
        g_string_append_printf(line, "\tInit Duration: %.2f ms",
                               (double)usage->init_us / CLOCK_US_PER_MS);
    if (code == ERROR_TIMEOUT)
        g_string_append(line, "\tStatus: timeout");
    else if (code != ERROR_NONE)
        g_string_append_printf(line, "\tStatus: error\tError Type: %s", error_name(code));
    g_string_append_printf(line, "\tKey: %s", key);
    if (code != ERROR_NONE)
        g_string_append_printf(line, "\tError: %s", *message ? message : error_text(code));
    g_string_append_c(line, '\n');
    clear_line(job->daemon->progress);
    write_text(line->str);
}

static bool add_up(const char *group, const StoreTotals *totals, void *data)
{
    (void)group;
    *(StoreTotals *)data = *totals;
    return true;
}

static bool read_totals(Daemon *daemon, StoreTotals *totals)
{
    g_autoptr(StoreSnapshot) snapshot =
        daemon->store ? store_snapshot_begin(daemon->store, NULL) : NULL;
    const StoreFilter everything = {0};

    memset(totals, 0, sizeof *totals);
    return snapshot && store_totals(snapshot, &everything, STORE_BY_ALL, add_up, totals, NULL);
}

static gboolean show_progress(gpointer data)
{
    Progress *progress = data;
    Daemon *daemon = progress->daemon;
    StoreTotals totals;

    if (!read_totals(daemon, &totals))
        return G_SOURCE_CONTINUE;
    uint64_t left = totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING];
    if (left == 0 && pool_busy(daemon->pool) == 0) {
        clear_line(progress);
        progress->since_us = clock_monotonic_us();
        progress->invocations = daemon->invocations;
        return G_SOURCE_CONTINUE;
    }

    double seconds = (double)(clock_monotonic_us() - progress->since_us) / CLOCK_US_PER_SEC;
    double rate = (double)(daemon->invocations - progress->invocations) / MAX(seconds, 0.1);
    g_autofree char *done = units_format_count((int64_t)totals.by_state[STATE_DONE]);
    g_autofree char *rest = units_format_count((int64_t)left);
    g_autofree char *line =
        g_strdup_printf("\r\033[K%s done, %s to do, %" PRIu64 " dead, %.0f/s, %d at work%s", done,
                        rest, totals.by_state[STATE_DEAD], rate, pool_busy(daemon->pool),
                        bucket_is_scanning(daemon->bucket) ? ", scanning" : "");
    write_text(line);
    progress->shown = true;
    return G_SOURCE_CONTINUE;
}

Progress *progress_new(Daemon *daemon)
{
    Progress *progress;

    /* For people at a terminal only; a log wants lines. */
    if (!isatty(STDERR_FILENO))
        return NULL;
    progress = g_new0(Progress, 1);
    progress->daemon = daemon;
    progress->since_us = clock_monotonic_us();
    progress->source = g_timeout_add(PROGRESS_MS, show_progress, progress);
    return progress;
}

void progress_free(Progress *progress)
{
    if (!progress)
        return;
    clear_line(progress);
    g_source_remove(progress->source);
    g_free(progress);
}

uint64_t report_dead(Daemon *daemon)
{
    StoreTotals totals;

    return read_totals(daemon, &totals) ? totals.by_state[STATE_DEAD] : 0;
}

char *report_status(Daemon *daemon)
{
    StoreTotals totals;

    if (!read_totals(daemon, &totals))
        return NULL;
    uint64_t left = totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING];
    g_autofree char *objects = units_format_count((int64_t)totals.objects);
    g_autofree char *rest = units_format_count((int64_t)left);
    g_autofree char *done = units_format_count((int64_t)totals.by_state[STATE_DONE]);
    return g_strdup_printf(
        "%s %s: %s done, %s to do, %" PRIu64 " dead%s", objects,
        totals.objects == 1 ? "object" : "objects", done, rest, totals.by_state[STATE_DEAD],
        bucket_is_scanning(daemon->bucket) ? "; looking through the bucket" : "");
}

void report_summary(Daemon *daemon, int64_t took_us)
{
    StoreTotals totals;
    g_autofree char *took = clock_format_duration(took_us);

    if (!read_totals(daemon, &totals))
        return;
    g_autofree char *objects = units_format_count((int64_t)totals.objects);
    g_autofree char *invocations = units_format_count((int64_t)daemon->invocations);
    g_autofree char *states = g_strdup_printf(
        "%" PRIu64 " done, %" PRIu64 " skipped, %" PRIu64 " dead", totals.by_state[STATE_DONE],
        totals.by_state[STATE_SKIPPED], totals.by_state[STATE_DEAD]);

    if (daemon->invocations == 0)
        log_info("%s %s (%s), all up to date: nothing to do (%s)", objects,
                 totals.objects == 1 ? "object" : "objects", states, took);
    else
        log_info("%s %s (%s) after %s %s in %s", objects,
                 totals.objects == 1 ? "object" : "objects", states, invocations,
                 daemon->invocations == 1 ? "invocation" : "invocations", took);
}
