/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the output of a worker into place, unless the object changed meanwhile. Reports a false
 * answer, and an output that cannot be published, as the error of the outcome.
 */
#include "kinds/thumbnail_private.h"

#include "base/failpoint.h"
#include "handlers/memory_output.h"
#include "journal/content.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* True if the object has not changed since the work item began. */
static bool source_is_unchanged(const WorkItem *item)
{
    ObjectVersion version;
    struct stat st;

    if (fstat(item->source_fd, &st) != 0)
        return false;
    object_version_from_stat(&st, &version);
    return object_version_equal(&version, &item->version);
}

/* True if each file has the size that the worker reported, which is not trusted. */
static bool files_are_sound(const ThumbnailItem *self, const WireResult *result)
{
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        struct stat st;
        if (fstat(self->outputs[i], &st) != 0 || st.st_size != result->thumbnails[i].size)
            return false;
    }
    return true;
}

/* Copies the worker's output into files that the worker has never accessed. */
static bool copy_outputs(ThumbnailItem *self, const WireResult *result, GError **error)
{
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        int *fd = &self->outputs[i];
        if (*fd < 0 && (*fd = publisher_create(self->item.state->publisher, error)) < 0)
            return false;
        if (FAILPOINT("publish.copy", output_copy(result, i, *fd)) != 0) {
            error_set_errno(error, errno, "cannot write", "thumbnail");
            return false;
        }
    }
    return true;
}

/* Puts the worker's output into place, and adds it to the outcome. */
static bool publish(ThumbnailItem *self, const WireResult *result, StoreOutcome *outcome,
                    GError **error)
{
    if (!self->order.wire.own_files && !copy_outputs(self, result, error))
        return false;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const Rendition *rendition = &self->order.wire.renditions[i];
        Thumbnail *thumbnail = &outcome->thumbnails[outcome->n_thumbnails];

        if (!publisher_put(self->item.state->publisher, self->outputs[i], rendition->name,
                           self->item.key, result->thumbnails[i].type, error))
            return false;
        g_strlcpy(thumbnail->rendition, rendition->name, sizeof thumbnail->rendition);
        thumbnail->facts = result->thumbnails[i];
        thumbnail->recipe = rendition_recipe(rendition, result->facts.type);
        thumbnail->hash = content_hash(self->outputs[i], result->thumbnails[i].size);
        outcome->n_thumbnails++;
    }
    return true;
}

static void set_thumbnails(StoreOutcome *outcome, const Thumbnail *thumbnails, size_t n)
{
    memcpy(outcome->thumbnails, thumbnails, n * sizeof thumbnails[0]);
    outcome->n_thumbnails = n;
}

/* Updates the access rights: unchanged bytes may have new rights. */
static void adjust(const ThumbnailItem *self)
{
    for (size_t i = 0; i < self->n_before; i++)
        publisher_adjust(self->item.state->publisher, self->before[i].rendition, self->item.key,
                         self->before[i].facts.type);
}

/* Publishes the thumbnails of a success. If the answer turns out to be a failure, returns its
 * error, with a message in `outcome` if more is known. */
static ErrorCode accept_result(ThumbnailItem *self, const WireResult *result, StoreOutcome *outcome)
{
    WorkItem *item = &self->item;
    g_autoptr(GError) error = NULL;

    if (!source_is_unchanged(item))
        return ERROR_SOURCE_CHANGED;
    if (!publisher_set_source(item->state->publisher, item->source_fd, &error)) {
        g_strlcpy(outcome->message, error->message, sizeof outcome->message);
        return error_code(error);
    }
    if (result->unchanged) {
        set_thumbnails(outcome, self->before, self->n_before);
        adjust(self);
        return ERROR_NONE;
    }
    if (self->order.wire.own_files && !files_are_sound(self, result)) {
        g_strlcpy(outcome->message, "the output of the handler differs from its answer",
                  sizeof outcome->message);
        return ERROR_HANDLER_CRASHED;
    }
    set_thumbnails(outcome, self->kept, self->n_kept);
    if (!publish(self, result, outcome, &error)) {
        g_strlcpy(outcome->message, error->message, sizeof outcome->message);
        item->refused = error_code(error) == ERROR_ACCESS_DENIED;
        return error_code(error);
    }
    return ERROR_NONE;
}

/* True if the worker claims wrongly that the object changed or went away. The daemon checks that
 * itself: otherwise a hostile file could have itself processed forever. */
static bool is_false_excuse(const WorkItem *item, const WireResult *result)
{
    bool is_excuse = result->error == ERROR_SOURCE_CHANGED || result->error == ERROR_SOURCE_GONE;
    return is_excuse && source_is_unchanged(item);
}

/* Names the package to install. */
static void explain_lack(const WireResult *result, StoreOutcome *outcome)
{
    size_t n, program;
    const HandlerProgram *rows = program_table(&n);

    if (program_from_name(result->needs, &program))
        g_snprintf(outcome->message, sizeof outcome->message,
                   "the handler program '%s' reads files of this type: install the package '%s', "
                   "then run 'thumbq reprocess --state skipped'",
                   rows[program].executable, rows[program].package);
}

void thumbnail_judge(WorkItem *item, const Answer *answer, StoreOutcome *outcome)
{
    ThumbnailItem *self = (ThumbnailItem *)item;
    WireResult result;

    if (!answer) {
        set_thumbnails(outcome, self->kept, self->n_kept);
        return;
    }
    thumbnail_result(answer, &result);
    item->is_worked = result.error == ERROR_NONE && !result.unchanged && !self->only_date;
    outcome->error = result.error;
    g_strlcpy(outcome->message, result.message, sizeof outcome->message);
    if (result.error == ERROR_NONE)
        outcome->error = accept_result(self, &result, outcome);
    else if (item->lacks_program)
        explain_lack(&result, outcome);
    else if (is_false_excuse(item, &result))
        outcome->error = ERROR_HANDLER_CRASHED;
    outcome->has_facts = !result.unchanged && result.facts.type != IMAGE_NONE;
    outcome->only_date = self->only_date;
    outcome->facts = result.facts;
}
