/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides when folders of thumbnails take the rights of the folders of the pictures. A folder that
 * was replaced while no daemon ran has the thumbnails of the old folder until its records are moved
 * or removed. So a folder that existed before is given no rights until a scan, all walks and the
 * repair after a crash have ended; see folder.h.
 */
#include "queue/folders.h"

#include "journal/journal.h"
#include "journal/place.h"

struct Folders {
    const BucketState *state;
    Passes *passes;
    /* A scan has ended, and no change was lost since. */
    bool is_scanned;
};

Folders *folders_new(const BucketState *state, Passes *passes)
{
    Folders *folders = g_new0(Folders, 1);

    folders->state = state;
    folders->passes = passes;
    return folders;
}

void folders_free(Folders *folders)
{
    g_free(folders);
}

bool folders_reserve(const Folders *folders, int folder_fd, const char *key)
{
    const BucketState *state = folders->state;
    bool is_own = place_is_same(folder_fd, publisher_folder_fd(state->publisher)) ||
                  place_is_same(folder_fd, state->lock.folder_fd) ||
                  place_is_anothers(folder_fd, &state->mark);

    /* The rights of the folder may have changed. */
    for (size_t i = 0; !is_own && i < state->config->n_renditions; i++)
        publisher_adjust_folder(state->publisher, state->config->renditions[i].name, key);
    return is_own;
}

static PassStep folders_next(void *work, GError **error)
{
    /* The pass changes nothing in the store. */
    (void)error;
    return publisher_widen_folder(work) ? PASS_MORE : PASS_END;
}

static void folders_end(void *work)
{
    /* `work` is the publisher, which is not the pass's own. */
    (void)work;
}

static const PassKind folders_kind = {
    .queue = PASS_FOLDERS,
    .budget = PASS_BUDGET,
    .next = folders_next,
    .free = folders_end,
};

void folders_check(Folders *folders)
{
    const BucketState *state = folders->state;
    Passes *passes = folders->passes;

    publisher_settle(state->publisher, folders->is_scanned && journal_is_open(state->journal) &&
                                           passes_is_empty(passes, PASS_WALKS) &&
                                           passes_is_idle(passes, PASS_SWEEPS));
    if (passes_is_empty(passes, PASS_FOLDERS) && publisher_lacks(state->publisher))
        pass_start(passes, &folders_kind, state->publisher);
}

void folders_doubt(const Folders *folders)
{
    if (folders->state->publisher)
        publisher_settle(folders->state->publisher, false);
}

void folders_begin_scan(Folders *folders)
{
    folders->is_scanned = false;
    folders_doubt(folders);
}

void folders_end_scan(Folders *folders)
{
    folders->is_scanned = true;
}
