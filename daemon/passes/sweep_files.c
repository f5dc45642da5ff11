/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/sweep_files.h"

#include "journal/thumbnails.h"
#include "model/layout.h"
#include "passes/record_cursor.h"

#include <string.h>

typedef struct {
    SweepTask *task;
    ThumbnailWalk *files;
    /* The file whose record is searched for; borrowed from `files`. */
    ThumbnailFile file;
    /* The search for its record, with `search`, is under way. */
    bool is_searching;
    RecordCursor search;
} Files;

static bool record_has(const Record *record, const ThumbnailFile *file)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const Thumbnail *thumbnail = &record->thumbnails[i];
        if (strcmp(thumbnail->rendition, file->rendition) == 0 &&
            thumbnail->facts.type == file->type)
            return true;
    }
    return false;
}

static void remove_orphan(const Files *part, const char *reason)
{
    SweepTask *task = part->task;
    g_autofree char *path =
        g_strdup_printf("%s/%s", task->parts->state->config->prefix, part->file.path);
    g_autofree char *name = object_key_to_text(path, NULL);

    task->counts.orphans++;
    sweep_task_report(task, "orphan", name, reason);
    if (!task->dry_run)
        publisher_remove_path(task->parts->state->publisher, part->file.path);
}

/* Removes the thumbnail if the record of its object does not have it. */
static PassStep check_record(const Files *part, GError **error)
{
    Record record;
    bool found;

    if (!store_peek(part->task->parts->state->store, part->file.key, &found, &record, error))
        return PASS_FAILED;
    if (!found)
        remove_orphan(part, "its object is gone");
    else if (!record_has(&record, &part->file))
        remove_orphan(part, "its object has another thumbnail, or none");
    return PASS_MORE;
}

/* True if the file is a thumbnail of the record's object. */
static bool is_of(const ThumbnailFile *file, const Record *record)
{
    if (!record_has(record, file))
        return false;
    g_autofree char *path = layout_thumbnail_path(file->rendition, record->key, file->type);
    return strcmp(path, file->path) == 0;
}

static void begin_search(Files *part)
{
    record_cursor_init(&part->search, part->file.key);
    part->is_searching = true;
}

static void end_search(Files *part)
{
    record_cursor_clear(&part->search);
    part->is_searching = false;
}

/* Checks the next record whose key begins as the file's name says. */
static PassStep step_search(Files *part, GError **error)
{
    Record record;
    bool found;

    if (!record_cursor_next(&part->search, part->task->parts->state->store, &found, &record, error))
        return PASS_FAILED;
    if (!found) {
        end_search(part);
        remove_orphan(part, "its object is gone");
    } else if (is_of(&part->file, &record)) {
        end_search(part);
    }
    return PASS_MORE;
}

static void *files_open(SweepTask *task)
{
    Files *part = g_new0(Files, 1);

    part->task = task;
    part->files = thumbnail_walk_new(task->parts->state->publisher);
    return part;
}

static PassStep files_next(void *data, GError **error)
{
    Files *part = data;
    SweepCounts *counts = &part->task->counts;

    if (part->is_searching)
        return step_search(part, error);
    if (!thumbnail_walk_next(part->files, &part->file))
        return PASS_END;
    counts->files++;
    if (!part->file.is_ours)
        counts->foreign++;
    else if (part->file.is_cut)
        begin_search(part);
    else
        return check_record(part, error);
    return PASS_MORE;
}

static void files_close(void *data)
{
    Files *part = data;

    record_cursor_clear(&part->search);
    thumbnail_walk_free(part->files);
    g_free(part);
}

const SweepPart sweep_files = {files_open, files_next, files_close};
