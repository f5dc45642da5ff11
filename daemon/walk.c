/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"

#include <string.h>

#define SLICE_US (5 * CLOCK_US_PER_MS)

/*
 * Before the bucket's own scans, which are idle work: what a moved folder held must have moved
 * before the scan of the folder reports it as new.
 */
#define WALK_PRIORITY (G_PRIORITY_DEFAULT + 10)

/* The store sorts keys longer than this in another order than by name, so longer ranges are cut. */
#define RANGE_MAX 400

struct Walk {
    WalkType type;
    char *from, *to;
    char *range;     /* keys of interest begin with this */
    GString *cursor; /* the last key looked at */
    GByteArray *seen;
};

static void walk_free(Walk *walk)
{
    g_free(walk->from);
    g_free(walk->to);
    g_free(walk->range);
    g_string_free(walk->cursor, TRUE);
    g_clear_pointer(&walk->seen, g_byte_array_unref);
    g_free(walk);
}

static bool is_gone(const Daemon *daemon, const char *key)
{
    g_autoptr(GError) error = NULL;
    ObjectVersion version;

    /* In this order: what is unmounted in between is not gone. */
    return !bucket_stat_object(bucket_fd(daemon->bucket), key, &version, &error) &&
           error_code(error) == ERROR_SOURCE_GONE && bucket_knows_place(daemon->bucket, key);
}

static void move_one(Daemon *daemon, const Walk *walk, const char *key)
{
    g_autofree char *to = g_strconcat(walk->to, key + strlen(walk->from), NULL);
    ObjectVersion version;

    if (bucket_stat_object(bucket_fd(daemon->bucket), to, &version, NULL))
        intake_move(daemon, key, to, &version);
    else if (is_gone(daemon, key))
        intake_remove(daemon, key);
}

static bool was_seen(const Walk *walk, uint64_t id)
{
    return id / 8 < walk->seen->len && walk->seen->data[id / 8] & 1 << id % 8;
}

/* An object that the scan did not meet. */
static void visit_missing(Daemon *daemon, const char *key, bool is_away)
{
    if (is_away)
        away_note(daemon, key);
    else if (config_ignores(daemon->config, key) || is_gone(daemon, key))
        intake_remove(daemon, key);
}

/* `key` is the walk's own copy: the calls below end the record's. */
static void visit(Daemon *daemon, const Walk *walk, const Record *record, const char *key)
{
    bool is_away = record->away;

    switch (walk->type) {
    case WALK_REMOVED:
        if (object_key_is_below(key, walk->from) && !is_away && is_gone(daemon, key))
            intake_remove(daemon, key);
        break;
    case WALK_HIDDEN:
        if (object_key_is_below(key, walk->from))
            intake_remove(daemon, key);
        break;
    case WALK_MOVED:
        if (object_key_is_below(key, walk->from) && !is_away)
            move_one(daemon, walk, key);
        break;
    case WALK_MISSING:
        if (!was_seen(walk, record->id))
            visit_missing(daemon, key, is_away);
        break;
    case WALK_REDATE:
        redate_object(daemon, key);
        break;
    }
}

/* Looks at the next record. False when there is none, or the batch was lost. */
static bool step(Daemon *daemon, Walk *walk)
{
    GError *error = NULL;
    Record record;
    bool found;

    if (!store_peek_after(daemon->store, walk->cursor->str, &found, &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!found || !g_str_has_prefix(record.key, walk->range))
        return false;
    g_string_assign(walk->cursor, record.key);
    visit(daemon, walk, &record, walk->cursor->str);
    return !daemon->paused;
}

static bool walk_is_queued(const Daemon *daemon, WalkType type)
{
    for (const GList *at = daemon->walks.head; at; at = at->next) {
        if (((const Walk *)at->data)->type == type)
            return true;
    }
    return false;
}

static gboolean walk_slice(gpointer data)
{
    Daemon *daemon = data;
    int64_t end_us = clock_monotonic_us() + SLICE_US;

    while (!g_queue_is_empty(&daemon->walks)) {
        Walk *walk = g_queue_peek_head(&daemon->walks);
        while (step(daemon, walk)) {
            if (clock_monotonic_us() >= end_us)
                return G_SOURCE_CONTINUE;
        }
        if (daemon->paused)
            return G_SOURCE_REMOVE; /* batch_lost has ended all walks */
        bool was_redate = walk->type == WALK_REDATE;
        walk_free(g_queue_pop_head(&daemon->walks));
        if (was_redate && !walk_is_queued(daemon, WALK_REDATE))
            redate_end(daemon);
    }
    daemon->walk_source = 0;
    daemon_check_finished(daemon);
    return G_SOURCE_REMOVE;
}

void walk_start(Daemon *daemon, WalkType type, const char *from, const char *to, GByteArray *seen)
{
    Walk *walk = g_new0(Walk, 1);
    g_autofree char *folder = *from ? g_strconcat(from, "/", NULL) : g_strdup("");

    walk->type = type;
    walk->from = g_strdup(from);
    walk->to = g_strdup(to);
    walk->range = g_strndup(folder, RANGE_MAX);
    walk->cursor = g_string_new(walk->range);
    walk->seen = seen;
    g_queue_push_tail(&daemon->walks, walk);
    if (!daemon->walk_source)
        daemon->walk_source = g_idle_add_full(WALK_PRIORITY, walk_slice, daemon, NULL);
}

void walk_stop_all(Daemon *daemon)
{
    Walk *walk;

    while ((walk = g_queue_pop_head(&daemon->walks)))
        walk_free(walk);
    g_clear_handle_id(&daemon->walk_source, g_source_remove);
}
