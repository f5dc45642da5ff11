/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "file.h"
#include "log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Before the next try where the machine is short of something. */
#define HOLD_MS 1000

/* Until twice as many jobs are under way again, after a handler was killed. */
#define RAISE_MS 30000

static void look_for_work(Daemon *daemon);

void job_free(Job *job)
{
    g_queue_unlink(&job->daemon->jobs, &job->link);
    fd_clear(&job->source_fd);
    for (size_t i = 0; i < RENDITIONS_MAX; i++)
        publisher_discard(job->daemon->publisher, &job->outputs[i]);
    g_free(job->group);
    g_free(job->key);
    g_free(job);
}

static void make_request_id(uint8_t id[static 16])
{
    for (int i = 0; i < 16; i += 4) {
        guint32 random = g_random_int();
        memcpy(id + i, &random, sizeof random);
    }
    id[6] = (uint8_t)(0x40 | (id[6] & 0x0f)); /* version 4, RFC 9562 */
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

static bool has_free_handler(const Daemon *daemon)
{
    return pool_has_room(daemon->pool) && pool_busy(daemon->pool) < dispatch_concurrency(daemon);
}

static Job *job_new(Daemon *daemon, const Record *record)
{
    Job *job = g_new0(Job, 1);

    job->daemon = daemon;
    job->link.data = job;
    g_queue_push_tail_link(&daemon->jobs, &job->link);
    job->generation = daemon->generation;
    job->id = record->id;
    job->key = g_strdup(record->key);
    job->source_fd = -1;
    job->version = record->version;
    job->attempts = record->attempts;
    job->uploaded_us = record->uploaded_us;
    job->start_us = clock_wall_us();
    job->throttled = record_due_us(record) <= daemon->no_room_us || !has_free_handler(daemon);
    /* Beyond that jobs wait for a handler that is at another one. */
    job->concurrency = MIN(pool_busy(daemon->pool) + 1, daemon->config->concurrency);
    job->is_alone = dispatch_concurrency(daemon) == 1;
    make_request_id(job->request_id);
    for (size_t i = 0; i < RENDITIONS_MAX; i++)
        job->outputs[i] = -1;
    memcpy(job->before, record->thumbnails, record->n_thumbnails * sizeof job->before[0]);
    job->n_before = record->n_thumbnails;
    return job;
}

/* True if the thumbnail is on disk as the record says, or a copy of it. */
static bool is_there(const Job *job, const RecordThumbnail *thumbnail)
{
    Publisher *publisher = job->daemon->publisher;
    ImageType type = thumbnail->facts.type;
    int64_t size = thumbnail->facts.size;

    switch (publisher_look(publisher, thumbnail->rendition, job->key, type, size, false)) {
    case PUBLISHED_THERE:
        return true;
    case PUBLISHED_CHANGED:
        return thumbnail->hash != 0 && publisher_adopt(publisher, thumbnail->rendition, job->key,
                                                       type, size, thumbnail->hash, false);
    case PUBLISHED_GONE:
        break;
    }
    return false;
}

/*
 * Which renditions are to be made. From a version that is known only those that today's recipe
 * lacks; from another one all, unless the bytes turn out to be the same (touched, copied over,
 * restored).
 */
static void choose_renditions(Job *job, const Record *record)
{
    const Config *config = job->daemon->config;
    WireJob *wire = &job->wire;
    bool same_version = object_version_equal(&record->made, &job->version);
    bool complete = record->n_thumbnails > 0;

    for (size_t i = 0; i < config->n_renditions; i++) {
        const Rendition *rendition = &config->renditions[i];
        const RecordThumbnail *thumbnail = record_thumbnail(record, rendition);
        bool good = thumbnail && is_there(job, thumbnail);
        complete &= good;
        if (same_version && good)
            job->kept[job->n_kept++] = *thumbnail;
        else
            wire->renditions[wire->n_renditions++] = *rendition;
    }
    complete &= record->n_thumbnails == config->n_renditions;
    job->only_date = same_version && complete && record->is_date_unsure && record->job == 0;
    if (job->only_date)
        return;
    if (record->job != 0 || (same_version && complete)) {
        /* Asked for once more: all of them. */
        job->n_kept = 0;
        wire->n_renditions = config->n_renditions;
        memcpy(wire->renditions, config->renditions,
               config->n_renditions * sizeof wire->renditions[0]);
    } else if (complete) {
        memcpy(wire->known_etag, record->facts.etag, sizeof wire->known_etag);
    }
}

/* Files that thumbnails go into: at once where each has its own, else for what a worker has made.
 */
static bool open_outputs(Job *job, GError **error)
{
    for (size_t i = 0; i < job->wire.n_renditions; i++) {
        job->outputs[i] = publisher_create(job->daemon->publisher, error);
        if (job->outputs[i] < 0)
            return false;
    }
    return true;
}

/* Thumbnails of thumbnails would never end. */
static bool check_origin(const Job *job, GError **error)
{
    if (!mark_is_true(&job->daemon->mark, job->source_fd))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_MADE_BY_THUMBQ,
                "the file is a thumbnail of this bucket; write it anew to have it taken for a "
                "picture");
    return false;
}

static bool check_size(const Job *job, GError **error)
{
    if (job->version.size == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_EMPTY_FILE, "the file has no bytes");
        return false;
    }
    if (job->version.size > job->daemon->config->max_file_size) {
        g_set_error(error, THUMBQ_ERROR, ERROR_FILE_TOO_LARGE,
                    "%" G_GINT64_FORMAT " bytes; the limit is %" G_GINT64_FORMAT, job->version.size,
                    job->daemon->config->max_file_size);
        return false;
    }
    return true;
}

/* Opens the object. It may be another version by now, which the store is told of. */
static bool open_source(Job *job, GError **error)
{
    Daemon *daemon = job->daemon;
    GError *store_error = NULL;
    ObjectVersion version;
    StoreSeen seen;
    uint64_t id;

    job->source_fd = bucket_open_object(bucket_fd(daemon->bucket), job->key, &version, error);
    if (job->source_fd < 0)
        return false;
    if (!object_version_equal(&version, &job->version)) {
        job->version = version;
        job->attempts = 0;
        if (!store_seen(daemon->store, job->key, &version, PRIORITY_UPLOAD, clock_wall_us(), &seen,
                        &id, &store_error))
            batch_lost(daemon, store_error);
    }
    return true;
}

/*
 * A taken-over worker can read and replace the pictures that it is given: it is given those of one
 * user in one first folder, or of a single file. By the file that is open: a name may come to be
 * another one's.
 */
static char *find_group(const Job *job, Isolation isolation)
{
    struct stat st;
    const char *slash = strchr(job->key, '/');
    int folder_len = slash ? (int)(slash - job->key) : 0;

    if (isolation == ISOLATION_NONE)
        return g_strdup("");
    if (isolation == ISOLATION_FILE || fstat(job->source_fd, &st) != 0)
        return g_strdup_printf("file %" PRIu64, job->wire.serial);
    return g_strdup_printf("user %u folder %.*s", st.st_uid, folder_len, job->key);
}

static void start_job(Daemon *daemon, const Record *record)
{
    const Config *config = daemon->config;
    Job *job = job_new(daemon, record);
    g_autoptr(GError) error = NULL;

    if (!open_source(job, &error) || !check_origin(job, &error) || !check_size(job, &error)) {
        outcome_failed_early(job, error);
        return;
    }
    if (daemon->paused) {
        job_free(job);
        return;
    }
    choose_renditions(job, record);
    if (job->wire.n_renditions == 0 && !job->only_date) {
        outcome_nothing_to_make(job);
        return;
    }
    job->wire.own_files = config->isolation == ISOLATION_FILE;
    /* While no file can be made, no picture is decoded in vain. */
    if ((job->wire.own_files || daemon->n_troubles > 0) && !open_outputs(job, &error)) {
        job->refused = error_code(error) == ERROR_ACCESS_DENIED;
        outcome_failed_early(job, error);
        return;
    }
    job->wire.serial = ++daemon->serial;
    job->wire.max_pixels = config->max_pixels;
    job->wire.max_file_size = config->max_file_size;
    job->wire.max_output_size = config->max_output_size;
    job->wire.max_pages = config->max_pages;
    job->group = find_group(job, config->isolation);
    const PoolJob work = {.wire = &job->wire,
                          .source_fd = job->source_fd,
                          .files = job->outputs,
                          .group = job->group,
                          .named_as_image = image_is_named(job->key)};
    pool_submit(daemon->pool, &work, outcome_done, job);
}

static gboolean dispatch_due(gpointer data)
{
    Daemon *daemon = data;

    daemon->due_source = 0;
    look_for_work(daemon);
    return G_SOURCE_REMOVE;
}

static void wait_until_due(Daemon *daemon, int64_t due_us)
{
    int64_t delay_ms = (due_us - clock_wall_us()) / CLOCK_US_PER_MS + 1;

    g_clear_handle_id(&daemon->due_source, g_source_remove);
    daemon->queue_is_empty = due_us == INT64_MAX;
    /* Bounded, so that a clock that is set back does not hold work up for long. */
    if (!daemon->queue_is_empty)
        daemon->due_source = g_timeout_add((guint)CLAMP(delay_ms, 1, 60000), dispatch_due, daemon);
}

/*
 * What is due later than anything can be that failed just now was so before the clock was set back:
 * it is not waited for.
 */
static bool claim_from_the_future(Daemon *daemon, int64_t due_us, bool *ret_found,
                                  Record *ret_record, GError **error)
{
    int64_t now_us = clock_wall_us();

    if (due_us == INT64_MAX || due_us - now_us <= outcome_longest_delay_us(daemon->config))
        return true;
    return store_claim(daemon->store, due_us, ret_found, ret_record, &now_us, error);
}

static void look_for_work(Daemon *daemon)
{
    (void)held_check(daemon); /* if not, the batch is lost, which shows as paused */
    /* Events that were due in the meantime were held up: throttled, as Lambda says. */
    if (daemon->no_room)
        daemon->no_room_us = clock_wall_us();
    while (!daemon->paused && !daemon->stopping && !daemon->hold_source &&
           pool_has_room(daemon->pool)) {
        GError *error = NULL;
        Record record;
        int64_t next_due_us;
        bool found;

        if (!store_claim(daemon->store, clock_wall_us(), &found, &record, &next_due_us, &error)) {
            batch_lost(daemon, error);
            return;
        }
        if (!found && !claim_from_the_future(daemon, next_due_us, &found, &record, &error)) {
            batch_lost(daemon, error);
            return;
        }
        if (!found) {
            wait_until_due(daemon, next_due_us);
            break;
        }
        daemon->queue_is_empty = false;
        start_job(daemon, &record);
        batch_changed(daemon);
    }
    daemon->no_room = !has_free_handler(daemon);
    daemon_check_finished(daemon);
}

static gboolean dispatch_now(gpointer data)
{
    Daemon *daemon = data;

    daemon->dispatch_source = 0;
    look_for_work(daemon);
    return G_SOURCE_REMOVE;
}

void dispatch_soon(Daemon *daemon)
{
    daemon->queue_is_empty = false;
    if (!daemon->dispatch_source && !daemon->offline)
        daemon->dispatch_source = g_idle_add_full(G_PRIORITY_DEFAULT, dispatch_now, daemon, NULL);
}

static gboolean end_hold(gpointer data)
{
    Daemon *daemon = data;

    daemon->hold_source = 0;
    look_for_work(daemon);
    return G_SOURCE_REMOVE;
}

void dispatch_hold(Daemon *daemon)
{
    if (!daemon->hold_source)
        daemon->hold_source = g_timeout_add(HOLD_MS, end_hold, daemon);
}

void dispatch_release(Daemon *daemon)
{
    g_clear_handle_id(&daemon->hold_source, g_source_remove);
}

int dispatch_concurrency(const Daemon *daemon)
{
    int configured = daemon->config->concurrency;
    return daemon->lowered > 0 ? MIN(daemon->lowered, configured) : configured;
}

static void configure_pool(Daemon *daemon)
{
    PoolOptions options;
    daemon_pool_options(daemon, &options);
    pool_configure(daemon->pool, &options);
}

static gboolean raise_concurrency(gpointer data)
{
    Daemon *daemon = data;

    daemon->lowered *= 2;
    if (daemon->lowered >= daemon->config->concurrency)
        daemon->lowered = 0;
    configure_pool(daemon);
    if (daemon->lowered > 0)
        return G_SOURCE_CONTINUE;
    daemon->raise_source = 0;
    return G_SOURCE_REMOVE;
}

void dispatch_lower(Daemon *daemon)
{
    if (daemon->config->concurrency == 1)
        return;
    if (daemon->lowered == 0)
        log_warning("a handler was killed, most likely for want of memory: one picture at a time "
                    "for %d s, then more again; see 'concurrency'",
                    RAISE_MS / 1000);
    daemon->lowered = 1;
    configure_pool(daemon);
    g_clear_handle_id(&daemon->raise_source, g_source_remove);
    daemon->raise_source = g_timeout_add(RAISE_MS, raise_concurrency, daemon);
}

void dispatch_stop(Daemon *daemon)
{
    g_clear_handle_id(&daemon->raise_source, g_source_remove);
    dispatch_release(daemon);
    g_clear_handle_id(&daemon->dispatch_source, g_source_remove);
    g_clear_handle_id(&daemon->due_source, g_source_remove);
}
