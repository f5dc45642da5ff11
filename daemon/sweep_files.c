/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_private.h"

#include "error.h"
#include "layout.h"

#include <string.h>

/* The store sorts keys longer than this in another order than by name, so longer ranges are cut. */
#define RANGE_MAX 400

static bool record_has(const Record *record, const ThumbnailFile *file)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *thumbnail = &record->thumbnails[i];
        if (strcmp(thumbnail->rendition, file->rendition) == 0 &&
            thumbnail->facts.type == file->type)
            return true;
    }
    return false;
}

static void remove_orphan(Sweep *sweep, const char *reason)
{
    g_autofree char *path =
        g_strdup_printf("%s/%s", sweep->daemon->config->prefix, sweep->file.path);
    g_autofree char *name = object_key_to_text(path, NULL);

    sweep->counts.orphans++;
    sweep_tell(sweep, "orphan", name, reason);
    if (!sweep->dry_run)
        publisher_remove_path(sweep->daemon->publisher, sweep->file.path);
}

static bool check_record(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;
    GError *error = NULL;
    Record record;
    bool found;

    if (!store_peek(daemon->store, sweep->file.key, &found, &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!found)
        remove_orphan(sweep, "its object is gone");
    else if (!record_has(&record, &sweep->file))
        remove_orphan(sweep, "its object has another, or none");
    return true;
}

/* ---- names that were cut ------------------------------------------------------------------------
 */

/* True if the record is of the object whose thumbnail the file is. */
static bool is_of(const ThumbnailFile *file, const Record *record)
{
    if (!record_has(record, file))
        return false;
    g_autofree char *path = layout_thumbnail_path(file->rendition, record->key, file->type);
    return strcmp(path, file->path) == 0;
}

static void end_search(Sweep *sweep)
{
    g_string_free(g_steal_pointer(&sweep->search), TRUE);
}

/* The file says how its object's key begins: the next of the records that do is looked at. */
static bool step_search(Sweep *sweep)
{
    Daemon *daemon = sweep->daemon;
    g_autofree char *range = g_strndup(sweep->file.key, RANGE_MAX);
    GError *error = NULL;
    Record record;
    bool found;

    if (!store_peek_after(daemon->store, sweep->search->str, &found, &record, &error)) {
        batch_lost(daemon, error);
        return false;
    }
    if (!found || !g_str_has_prefix(record.key, range)) {
        end_search(sweep);
        remove_orphan(sweep, "its object is gone");
    } else if (is_of(&sweep->file, &record)) {
        end_search(sweep);
    } else {
        g_string_assign(sweep->search, record.key);
    }
    return true;
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

bool sweep_step_files(Sweep *sweep)
{
    if (!sweep->files)
        sweep->files = thumbnail_walk_new(sweep->daemon->publisher);
    if (sweep->search)
        return step_search(sweep);
    if (!thumbnail_walk_next(sweep->files, &sweep->file))
        return false;
    sweep->counts.files++;
    if (!sweep->file.is_ours) {
        sweep->counts.foreign++;
        return true;
    }
    if (!sweep->file.is_cut)
        return check_record(sweep);
    g_autofree char *range = g_strndup(sweep->file.key, RANGE_MAX);
    sweep->search = g_string_new(range);
    return true;
}
