/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind of invocation that makes thumbnails: chooses the renditions, and removes obsolete
 * ones after the record is written. Errors become the outcome of the object.
 */
#include "journal/published.h"
#include "kinds/kind_thumbnail.h"
#include "kinds/thumbnail_private.h"

#include <string.h>

static void init(WorkItem *item, const Record *record)
{
    ThumbnailItem *self = (ThumbnailItem *)item;

    for (size_t i = 0; i < RENDITIONS_MAX; i++)
        self->outputs[i] = -1;
    memcpy(self->before, record->thumbnails, record->n_thumbnails * sizeof self->before[0]);
    self->n_before = record->n_thumbnails;
}

static void clear(WorkItem *item)
{
    ThumbnailItem *self = (ThumbnailItem *)item;

    for (size_t i = 0; i < RENDITIONS_MAX; i++)
        publisher_discard(item->state->publisher, &self->outputs[i]);
}

/* True if the thumbnail on disk is as recorded, or is a copy of it. */
static bool is_there(const WorkItem *item, const Thumbnail *thumbnail)
{
    Publisher *publisher = item->state->publisher;
    ImageType type = thumbnail->facts.type;
    int64_t size = thumbnail->facts.size;

    switch (published_state(publisher, thumbnail->rendition, item->key, type, size, false)) {
    case PUBLISHED_THERE:
        return true;
    case PUBLISHED_CHANGED:
        return thumbnail->hash != 0 && published_adopt(publisher, thumbnail->rendition, item->key,
                                                       type, size, thumbnail->hash, false);
    case PUBLISHED_GONE:
        break;
    }
    return false;
}

/*
 * Chooses the renditions to make. For a known version, only those that are missing or have another
 * recipe; for another version all, unless the bytes turn out to be the same (touched, copied over,
 * restored).
 */
static void choose_renditions(ThumbnailItem *self, const Record *record)
{
    const WorkItem *item = &self->item;
    const Config *config = item->state->config;
    WireOrder *wire = &self->order.wire;
    bool same_version = object_version_equal(&record->made, &item->version);
    bool complete = record->n_thumbnails > 0;

    for (size_t i = 0; i < config->n_renditions; i++) {
        const Rendition *rendition = &config->renditions[i];
        const Thumbnail *thumbnail = record_thumbnail(record, rendition);
        bool good = thumbnail && is_there(item, thumbnail);
        complete &= good;
        if (same_version && good)
            self->kept[self->n_kept++] = *thumbnail;
        else
            wire->renditions[wire->n_renditions++] = *rendition;
    }
    complete &= record->n_thumbnails == config->n_renditions;
    self->only_date = same_version && complete && record->is_date_unsure && record->job == 0;
    if (self->only_date)
        return;
    if (record->job != 0 || (same_version && complete)) {
        /* A job asked for all renditions once more. */
        self->n_kept = 0;
        wire->n_renditions = config->n_renditions;
        memcpy(wire->renditions, config->renditions,
               config->n_renditions * sizeof wire->renditions[0]);
    } else if (complete) {
        memcpy(wire->known_etag, record->facts.etag, sizeof wire->known_etag);
    }
}

/* Makes a nameless file for each thumbnail of the order. */
static bool open_outputs(WorkItem *item, GError **error)
{
    ThumbnailItem *self = (ThumbnailItem *)item;

    for (size_t i = 0; i < self->order.wire.n_renditions; i++) {
        self->outputs[i] = publisher_create(item->state->publisher, error);
        if (self->outputs[i] < 0)
            return false;
    }
    return true;
}

/* Chooses the renditions that the object lacks. Returns false if there is nothing to do. */
static bool prepare(WorkItem *item, const Record *record)
{
    ThumbnailItem *self = (ThumbnailItem *)item;

    choose_renditions(self, record);
    /* An invocation that only reads the date takes almost no time. */
    item->stays_here = self->only_date;
    return self->order.wire.n_renditions > 0 || self->only_date;
}

static void fill(WorkItem *item, Invocation *invocation)
{
    ThumbnailItem *self = (ThumbnailItem *)item;
    const Config *config = item->state->config;
    WireOrder *wire = &self->order.wire;

    wire->serial = invocation->serial;
    wire->max_pixels = config->max_pixels;
    wire->max_file_size = config->max_file_size;
    wire->max_output_size = config->max_output_size;
    wire->max_pages = config->max_pages;
    wire->own_files = invocation->own_files;
    self->order.any_program = item->is_lent;
    self->order.named_as_image = image_is_named(item->key);
    invocation->order = &self->order;
    invocation->program = self->order.program;
    invocation->files = self->outputs;
    invocation->n_files = wire->n_renditions;
}

static bool needs(const WorkItem *item, const Answer *answer, size_t *ret_program)
{
    (void)item;
    return thumbnail_needs(answer, ret_program);
}

/* Prepares the work item for another handler program, which gets new files. */
static void move(WorkItem *item, size_t program)
{
    ThumbnailItem *self = (ThumbnailItem *)item;

    self->order.asked |= 1U << self->order.program;
    self->order.program = program;
    clear(item);
}

static bool has_thumbnail(const Record *record, const Thumbnail *thumbnail)
{
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const Thumbnail *now = &record->thumbnails[i];
        if (strcmp(thumbnail->rendition, now->rendition) == 0 &&
            thumbnail->facts.type == now->facts.type)
            return true;
    }
    return false;
}

/* Removes the thumbnails that the record (NULL: there is none any more) does not name. */
static void remove_obsolete(const WorkItem *item, const Thumbnail *thumbnails, size_t n,
                            const Record *record)
{
    for (size_t i = 0; i < n; i++) {
        if (!record || !has_thumbnail(record, &thumbnails[i]))
            publisher_remove(item->state->publisher, thumbnails[i].rendition, item->key,
                             thumbnails[i].facts.type);
    }
}

/* Removes the thumbnails that the object had, or that were just made, and that its record does not
 * have. */
static void settle(const WorkItem *item, const StoreOutcome *outcome, const Record *record)
{
    const ThumbnailItem *self = (const ThumbnailItem *)item;

    remove_obsolete(item, self->before, self->n_before, record);
    remove_obsolete(item, outcome->thumbnails, outcome->n_thumbnails, record);
}

const Kind kind_thumbnail = {
    .invocation = &thumbnail_kind,
    .item_size = sizeof(ThumbnailItem),
    .init = init,
    .clear = clear,
    .prepare = prepare,
    .open_outputs = open_outputs,
    .fill = fill,
    .needs = needs,
    .move = move,
    .judge = thumbnail_judge,
    .settle = settle,
};
