/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_private.h"

#include "clock.h"
#include "error.h"
#include "log.h"

#include <string.h>

static void tell_object(Sweep *sweep, const char *kind, const char *key, const char *reason)
{
    g_autofree char *name = object_key_to_text(key, NULL);
    sweep_tell(sweep, kind, name, reason);
}

/* ---- made again ---------------------------------------------------------------------------------
 */

/* Why its thumbnails are not as they were made; NULL if they are. Owner: the caller frees. */
static char *why_missing(const Sweep *sweep, const Record *record)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *thumbnail = &record->thumbnails[i];
        PublishedState state =
            publisher_look(sweep->daemon->publisher, thumbnail->rendition, record->key,
                           thumbnail->facts.type, thumbnail->facts.size, sweep->dry_run);
        if (state == PUBLISHED_CHANGED && thumbnail->hash != 0 &&
            publisher_adopt(sweep->daemon->publisher, thumbnail->rendition, record->key,
                            thumbnail->facts.type, thumbnail->facts.size, thumbnail->hash,
                            sweep->dry_run))
            continue;
        if (state != PUBLISHED_THERE)
            return g_strdup_printf("its thumbnail '%s' %s", thumbnail->rendition,
                                   state == PUBLISHED_GONE ? "is gone" : "has been changed");
    }
    return NULL;
}

/* Why its thumbnails are not those that are wanted; NULL if they are. Owner: the caller frees. */
static char *why_stale(const Sweep *sweep, const Record *record)
{
    const Config *config = sweep->daemon->config;

    if (!record_is_stale(record, config->renditions, config->n_renditions))
        return NULL;
    if (record->is_date_unsure)
        return g_strdup("its date was stored by an older thumbq, and is to be read once more");
    for (size_t i = 0; i < config->n_renditions; i++) {
        if (!record_thumbnail(record, &config->renditions[i]))
            return g_strdup_printf("its thumbnail '%s' is of another recipe, or was never made",
                                   config->renditions[i].name);
    }
    return g_strdup("it has thumbnails of a rendition that is not wanted any more");
}

/* False if the batch was lost. */
static bool requeue(Sweep *sweep, const char *key)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    bool found;

    if (sweep->dry_run)
        return true;
    if (!store_requeue(daemon->store, key, PRIORITY_BACKFILL, clock_wall_us(), &found, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    batch_changed(daemon);
    dispatch_soon(daemon);
    return !daemon->paused;
}

/* Who may read them follows the picture, which may have changed hands unseen. */
static void adjust(const Sweep *sweep, const Record *record)
{
    Publisher *publisher = sweep->daemon->publisher;

    if (sweep->dry_run || !publisher_follow_source(publisher, record->key))
        return;
    for (size_t i = 0; i < record->n_thumbnails; i++)
        publisher_adjust(publisher, record->thumbnails[i].rendition, record->key,
                         record->thumbnails[i].facts.type);
}

/* `key` is the sweep's own copy: the calls below end the record's. */
static bool check_thumbnails(Sweep *sweep, const Record *record, const char *key)
{
    g_autofree char *missing = sweep->kinds & SWEEP_MISSING ? why_missing(sweep, record) : NULL;
    g_autofree char *stale =
        !missing && sweep->kinds & SWEEP_STALE ? why_stale(sweep, record) : NULL;

    if (sweep->kinds & SWEEP_MISSING && !missing && !sweep->is_look)
        adjust(sweep, record);
    if (missing) {
        sweep->counts.missing++;
        tell_object(sweep, "missing", key, missing);
    } else if (stale) {
        sweep->counts.stale++;
        tell_object(sweep, "stale", key, stale);
    }
    return (!missing && !stale) || requeue(sweep, key);
}

/* ---- expired ------------------------------------------------------------------------------------
 */

static int64_t age_us(const Record *record, int64_t now_us)
{
    return now_us - record_put_us(record);
}

/* The rule that holds for the object, those that delete it before others; NULL if none does. */
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

static void remove_thumbnails(const Sweep *sweep, const Record *record, const char *key)
{
    /* Before the commit: should that fail, they are found to be missing, and made again. */
    for (size_t i = 0; i < record->n_thumbnails; i++)
        publisher_remove(sweep->daemon->publisher, record->thumbnails[i].rendition, key,
                         record->thumbnails[i].facts.type);
}

/* Writes down what has expired, and removes its thumbnails. False if the batch was lost. */
static bool note_expired(Sweep *sweep, const char *key, LifecycleTarget target)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    int64_t now_us = clock_wall_us();
    Record record;
    bool found;

    if (target == LIFECYCLE_OBJECTS
            ? !store_expire(daemon->store, key, now_us, &found, &record, &error)
            : !store_expire_thumbnails(daemon->store, key, now_us, &found, &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (found)
        remove_thumbnails(sweep, &record, key);
    batch_changed(daemon);
    return !daemon->paused;
}

static bool delete_file(Sweep *sweep, const char *key, const ObjectVersion *version)
{
    g_autoptr(GError) error = NULL;
    bool deleted = false;

    if (bucket_delete_object(sweep->bucket_fd, key, version, &deleted, &error))
        return deleted; /* else it is another file by now, or none: events tell of it */
    sweep->counts.failed++;
    if (!sweep->has_failed)
        log_warning("%s; 'sweep expire' goes on with the others", error->message);
    sweep->has_failed = true;
    return false;
}

static char *describe_rule(const LifecycleConfig *rule, int64_t age)
{
    g_autofree char *text = clock_format_duration(age);
    return g_strdup_printf("%s, %s old, by [lifecycle %s]",
                           rule->target == LIFECYCLE_OBJECTS ? "the object" : "its thumbnails",
                           text, rule->name);
}

/* *ret_expired: nothing else is to be done with it. False if the batch was lost. */
static bool check_age(Sweep *sweep, const Record *record, const char *key, bool *ret_expired)
{
    int64_t now_us = clock_guard_now_us(sweep->daemon); /* it may jump while the sweep is going */
    const LifecycleConfig *rule = find_rule(sweep->daemon->config, record, now_us);
    ObjectVersion version = record->version;

    /* What waits or is being worked on is left for the next sweep. */
    *ret_expired = rule && record->state != STATE_PENDING && record->state != STATE_RUNNING &&
                   (rule->target == LIFECYCLE_OBJECTS ||
                    (record->state == STATE_DONE && record->n_thumbnails > 0));
    if (!*ret_expired)
        return true;
    g_autofree char *reason = describe_rule(rule, age_us(record, now_us));
    if (!sweep->dry_run && rule->target == LIFECYCLE_OBJECTS && !delete_file(sweep, key, &version))
        return true;
    tell_object(sweep, "expire", key, reason);
    if (rule->target == LIFECYCLE_OBJECTS)
        sweep->counts.expired++;
    else
        sweep->counts.expired_thumbnails++;
    return sweep->dry_run || note_expired(sweep, key, rule->target);
}

/* ---- away ---------------------------------------------------------------------------------------
 */

/* Left alone, or forgotten where that was asked for. False if the batch was lost. */
static bool pass_away(Sweep *sweep, const char *key)
{
    if (!sweep->include_away || !(sweep->kinds & SWEEP_ORPHANS))
        return true;
    sweep->counts.away++;
    tell_object(sweep, "away", key, "what it lies on is not mounted");
    if (!sweep->dry_run)
        intake_remove(sweep->daemon, key);
    return !sweep->daemon->paused;
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

bool sweep_step_records(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    bool found, expired = false;
    Record record;

    if (!store_peek_after(daemon->store, sweep->cursor->len > 0 ? sweep->cursor->str : NULL, &found,
                          &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!found)
        return false;
    g_string_assign(sweep->cursor, record.key);
    sweep->counts.records++;
    if (record.away)
        return pass_away(sweep, sweep->cursor->str);
    if (sweep->kinds & SWEEP_EXPIRE && !check_age(sweep, &record, sweep->cursor->str, &expired))
        return false;
    if (expired || record.state != STATE_DONE)
        return true;
    return check_thumbnails(sweep, &record, sweep->cursor->str);
}
