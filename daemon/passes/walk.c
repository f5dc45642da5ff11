/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/walk.h"

#include "base/error.h"
#include "passes/record_cursor.h"

#include <string.h>

typedef struct {
    WalkParts parts;
    WalkType type;
    char *from, *to;
    RecordCursor cursor;
    GByteArray *seen;
} WalkPass;

static void walk_free(void *work)
{
    WalkPass *walk = work;

    g_free(walk->from);
    g_free(walk->to);
    record_cursor_clear(&walk->cursor);
    g_clear_pointer(&walk->seen, g_byte_array_unref);
    g_free(walk);
}

static bool is_gone(const BucketState *state, const char *key)
{
    g_autoptr(GError) error = NULL;
    ObjectVersion version;

    /* In this order: an object that is unmounted in between is not gone. */
    return !bucket_stat_object(bucket_fd(state->bucket), key, &version, &error) &&
           error_code(error) == ERROR_SOURCE_GONE && bucket_knows_place(state->bucket, key);
}

/* Moves the record of a file below a renamed folder, or removes the record if the file is gone. */
static void move_one(const WalkPass *walk, const char *key)
{
    const BucketState *state = walk->parts.state;
    g_autofree char *to = g_strconcat(walk->to, key + strlen(walk->from), NULL);
    ObjectVersion version;

    if (bucket_stat_object(bucket_fd(state->bucket), to, &version, NULL))
        objects_move(walk->parts.objects, key, to, &version);
    else if (is_gone(state, key))
        (void)objects_remove(walk->parts.objects, key);
}

static bool was_seen(const WalkPass *walk, uint64_t id)
{
    return id / 8 < walk->seen->len && walk->seen->data[id / 8] & 1 << id % 8;
}

/* Handles an object that the scan did not meet. */
static void visit_missing(const WalkPass *walk, const char *key, bool is_away)
{
    const BucketState *state = walk->parts.state;

    if (is_away)
        away_note(walk->parts.away, key);
    else if (config_ignores(state->config, key) || is_gone(state, key))
        (void)objects_remove(walk->parts.objects, key);
}

/* Handles one record by the type of the walk. `key` is the walk's own copy: the calls below
 * invalidate the record's. */
static void visit(const WalkPass *walk, const Record *record, const char *key)
{
    const BucketState *state = walk->parts.state;
    bool is_away = record->away;

    switch (walk->type) {
    case WALK_REMOVED:
        if (object_key_is_below(key, walk->from) && !is_away && is_gone(state, key))
            /* If the batch is lost, the walk ends. */
            (void)objects_remove(walk->parts.objects, key);
        break;
    case WALK_HIDDEN:
        if (object_key_is_below(key, walk->from))
            /* If the batch is lost, the walk ends. */
            (void)objects_remove(walk->parts.objects, key);
        break;
    case WALK_MOVED:
        if (object_key_is_below(key, walk->from) && !is_away)
            move_one(walk, key);
        break;
    case WALK_MISSING:
        if (!was_seen(walk, record->id))
            visit_missing(walk, key, is_away);
        break;
    }
}

static PassStep walk_next(void *work, GError **error)
{
    WalkPass *walk = work;
    Record record;
    bool found;

    if (!record_cursor_next(&walk->cursor, walk->parts.state->store, &found, &record, error))
        return PASS_FAILED;
    if (!found)
        return PASS_END;
    visit(walk, &record, walk->cursor.key->str);
    return PASS_MORE;
}

static const PassKind walk_kind = {
    .queue = PASS_WALKS,
    .budget = PASS_BUDGET,
    .next = walk_next,
    .free = walk_free,
};

void walk_start(const WalkParts *parts, WalkType type, const char *from, const char *to,
                GByteArray *seen)
{
    WalkPass *walk = g_new0(WalkPass, 1);
    g_autofree char *folder = *from ? g_strconcat(from, "/", NULL) : g_strdup("");

    walk->parts = *parts;
    walk->type = type;
    walk->from = g_strdup(from);
    walk->to = g_strdup(to);
    walk->seen = seen;
    record_cursor_init(&walk->cursor, folder);
    folders_doubt(parts->folders);
    pass_start(parts->passes, &walk_kind, walk);
}
