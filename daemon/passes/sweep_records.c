/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/sweep_records.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/journal.h"
#include "journal/published.h"
#include "passes/record_cursor.h"
#include "queue/objects.h"
#include "rules/clock_guard.h"

#include <fcntl.h>

typedef struct {
    SweepTask *task;
    RecordCursor cursor;
    /* The bucket's folder. */
    int bucket_fd;
    /* A deletion has failed; logged once. */
    bool has_failed;
} Records;

/* Explains why the thumbnails are not as they were made; NULL if they are. Owner: the caller
 * frees. */
static char *why_missing(const SweepTask *task, const Record *record)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const Thumbnail *thumbnail = &record->thumbnails[i];
        PublishedState state =
            published_state(task->parts->state->publisher, thumbnail->rendition, record->key,
                            thumbnail->facts.type, thumbnail->facts.size, task->dry_run);
        if (state == PUBLISHED_CHANGED && thumbnail->hash != 0 &&
            published_adopt(task->parts->state->publisher, thumbnail->rendition, record->key,
                            thumbnail->facts.type, thumbnail->facts.size, thumbnail->hash,
                            task->dry_run))
            continue;
        if (state != PUBLISHED_THERE)
            return g_strdup_printf("its thumbnail '%s' %s", thumbnail->rendition,
                                   state == PUBLISHED_GONE ? "is gone" : "has been changed");
    }
    return NULL;
}

/* Explains why the thumbnails are not the wanted ones; NULL if they are. Owner: the caller
 * frees. */
static char *why_stale(const SweepTask *task, const Record *record)
{
    const Config *config = task->parts->state->config;

    if (!record_is_stale(record, config->renditions, config->n_renditions))
        return NULL;
    if (record->state != STATE_DONE)
        return g_strdup("files of its type are read in another way now: it is tried again");
    if (record->is_date_unsure)
        return g_strdup("its date was stored by an older thumbq, and is to be read once more");
    for (size_t i = 0; i < config->n_renditions; i++) {
        if (!record_thumbnail(record, &config->renditions[i]))
            return g_strdup_printf("its thumbnail '%s' is of another recipe, or was never made",
                                   config->renditions[i].name);
    }
    return g_strdup("it has thumbnails of a rendition that is not wanted any more");
}

/* Puts the object into the queue again, unless this is a dry run. */
static bool requeue(const SweepTask *task, const char *key, GError **error)
{
    const BucketState *state = task->parts->state;
    bool found;

    if (task->dry_run)
        return true;
    return store_requeue(state->store, key, PRIORITY_BACKFILL, clock_wall_us(), &found, error) &&
           journal_change(state->journal, true);
}

/* Gives the thumbnails the rights of the picture, which may have changed its owner or mode
 * unseen. */
static void adjust(const SweepTask *task, const Record *record)
{
    Publisher *publisher = task->parts->state->publisher;

    if (task->dry_run || !publisher_follow_source(publisher, record->key))
        return;
    for (size_t i = 0; i < record->n_thumbnails; i++)
        publisher_adjust(publisher, record->thumbnails[i].rendition, record->key,
                         record->thumbnails[i].facts.type);
}

/* True if no file has the key. Scans remove the record then, unless the bucket looks unmounted. */
static bool is_gone(const Records *part, const char *key)
{
    g_autoptr(GError) error = NULL;
    ObjectVersion version;

    return part->bucket_fd >= 0 && !bucket_stat_object(part->bucket_fd, key, &version, &error) &&
           error_code(error) == ERROR_SOURCE_GONE;
}

/* Checks the thumbnails of an object, and makes the object pending if they are missing or stale.
 * `key` is the sweep's own copy: the calls below invalidate the record's. */
static bool check_thumbnails(const Records *part, const Record *record, const char *key,
                             GError **error)
{
    SweepTask *task = part->task;
    bool checks_files = task->kinds & SWEEP_MISSING && record->state == STATE_DONE;
    g_autofree char *missing = checks_files ? why_missing(task, record) : NULL;
    g_autofree char *stale = !missing && task->kinds & SWEEP_STALE ? why_stale(task, record) : NULL;

    if (checks_files && !missing && !task->is_quick)
        adjust(task, record);
    /* Thumbnails of a picture that is not there cannot be made. */
    if ((missing || stale) && is_gone(part, key))
        return true;
    if (missing) {
        task->counts.missing++;
        sweep_task_report_object(task, "missing", key, missing);
    } else if (stale) {
        task->counts.stale++;
        sweep_task_report_object(task, "stale", key, stale);
    }
    return (!missing && !stale) || requeue(task, key, error);
}

static int64_t age_us(const Record *record, int64_t now_us)
{
    return now_us - record_put_us(record);
}

/* Returns the rule that applies to the object, with preference for rules that delete the object;
 * NULL if none does. */
static const LifecycleConfig *find_rule(const Config *config, const Record *record, int64_t now_us)
{
    const LifecycleConfig *found = NULL;

    for (size_t i = 0; i < config->n_lifecycle; i++) {
        const LifecycleConfig *rule = &config->lifecycle[i];
        if (g_str_has_prefix(record->key, rule->prefix) &&
            age_us(record, now_us) >= rule->expire_us &&
            (!found || rule->target == LIFECYCLE_OBJECTS))
            found = rule;
    }
    return found;
}

static void remove_thumbnails(const SweepTask *task, const Record *record, const char *key)
{
    /* Removed before the commit: if the commit fails, they are found missing, and made again. */
    for (size_t i = 0; i < record->n_thumbnails; i++)
        publisher_remove(task->parts->state->publisher, record->thumbnails[i].rendition, key,
                         record->thumbnails[i].facts.type);
}

/* Records the expiry, and removes the thumbnails. */
static bool note_expired(const SweepTask *task, const char *key, LifecycleTarget target,
                         GError **error)
{
    const BucketState *state = task->parts->state;
    int64_t now_us = clock_wall_us();
    Record record;
    bool found;

    if (target == LIFECYCLE_OBJECTS
            ? !store_expire(state->store, key, now_us, &found, &record, error)
            : !store_expire_thumbnails(state->store, key, now_us, &found, &record, error))
        return false;
    if (found)
        remove_thumbnails(task, &record, key);
    return journal_change(state->journal, true);
}

/* Deletes the object's file unless it has changed. Returns false if it stays. */
static bool delete_file(Records *part, const char *key, const ObjectVersion *version)
{
    g_autoptr(GError) error = NULL;
    bool deleted = false;

    if (bucket_delete_object(part->bucket_fd, key, version, &deleted, &error))
        /* If not deleted, the file has changed or is gone: events report that. */
        return deleted;
    part->task->counts.failed++;
    if (!part->has_failed)
        log_warning("%s; 'sweep expire' goes on with the others", error->message);
    part->has_failed = true;
    return false;
}

static char *describe_rule(const LifecycleConfig *rule, int64_t age)
{
    g_autofree char *text = clock_format_duration(age);
    return g_strdup_printf("%s, %s old, by [lifecycle %s]",
                           rule->target == LIFECYCLE_OBJECTS ? "the object" : "its thumbnails",
                           text, rule->name);
}

/* Applies the lifecycle rules. *ret_expired: the sweep has nothing else to do with the object. */
static bool check_age(Records *part, const Record *record, const char *key, bool *ret_expired,
                      GError **error)
{
    SweepTask *task = part->task;
    /* The clock may jump during the sweep. */
    int64_t now_us = clock_guard_now_us(task->parts->clock_guard);
    const LifecycleConfig *rule = find_rule(task->parts->state->config, record, now_us);
    ObjectVersion version = record->version;

    /* A pending or running object is left for the next sweep. */
    *ret_expired = rule && record->state != STATE_PENDING && record->state != STATE_RUNNING &&
                   (rule->target == LIFECYCLE_OBJECTS ||
                    (record->state == STATE_DONE && record->n_thumbnails > 0));
    if (!*ret_expired)
        return true;
    g_autofree char *reason = describe_rule(rule, age_us(record, now_us));
    if (!task->dry_run && rule->target == LIFECYCLE_OBJECTS && !delete_file(part, key, &version))
        return true;
    sweep_task_report_object(task, "expire", key, reason);
    if (rule->target == LIFECYCLE_OBJECTS)
        task->counts.expired++;
    else
        task->counts.expired_thumbnails++;
    return task->dry_run || note_expired(task, key, rule->target, error);
}

/* Skips the object, or forgets it if include_away was asked for. */
static bool pass_away(SweepTask *task, const char *key)
{
    if (!task->include_away || !(task->kinds & SWEEP_ORPHANS))
        return true;
    task->counts.away++;
    sweep_task_report_object(task, "away", key, "its file system is not mounted");
    return task->dry_run || objects_remove(task->parts->objects, key);
}

static int open_bucket(const BucketState *state)
{
    if (state->bucket)
        return fcntl(bucket_fd(state->bucket), F_DUPFD_CLOEXEC, 0);
    return open(state->bucket_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void *records_open(SweepTask *task)
{
    Records *part = g_new0(Records, 1);

    part->task = task;
    part->bucket_fd = open_bucket(task->parts->state);
    record_cursor_init(&part->cursor, "");
    return part;
}

/* Checks the next record: whether its object is too old, its thumbnails are missing or out of date.
 * */
static PassStep records_next(void *data, GError **error)
{
    Records *part = data;
    SweepTask *task = part->task;
    const char *key = NULL;
    bool found, expired = false;
    Record record;

    if (!record_cursor_next(&part->cursor, task->parts->state->store, &found, &record, error))
        return PASS_FAILED;
    if (!found)
        return PASS_END;
    key = part->cursor.key->str;
    task->counts.records++;
    if (record.away)
        return pass_away(task, key) ? PASS_MORE : PASS_FAILED;
    if (task->kinds & SWEEP_EXPIRE && !check_age(part, &record, key, &expired, error))
        return PASS_FAILED;
    if (!expired && !check_thumbnails(part, &record, key, error))
        return PASS_FAILED;
    return PASS_MORE;
}

static void records_close(void *data)
{
    Records *part = data;

    record_cursor_clear(&part->cursor);
    fd_clear(&part->bucket_fd);
    g_free(part);
}

const SweepPart sweep_records = {records_open, records_next, records_close};
