/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/state_parts.h"

#include "base/error.h"
#include "daemon/paths.h"
#include "journal/dry_run.h"
#include "journal/hidden.h"
#include "journal/journal.h"
#include "journal/place.h"
#include "model/layout.h"

#include <string.h>
#include <sys/stat.h>

void state_parts_init(BucketState *state, const char *bucket_path, const Config *config)
{
    *state = (BucketState){.bucket_path = bucket_path, .config = config, .lock = LOCK_NONE};
}

/* Checks that the bucket exists, and is not its own folder of thumbnails or state. */
static bool check_bucket(const char *bucket, const Config *config, GError **error)
{
    const char *const settings[] = {config->prefix, config->state};
    struct stat st;

    if (stat(bucket, &st) != 0 || !S_ISDIR(st.st_mode)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "there is no bucket '%s': not a folder; make it first", bucket);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autofree char *path = layout_below_bucket(bucket, settings[i]);
        if (strcmp(path, bucket) == 0) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "'prefix' and 'state' must be folders of their own, not the bucket '%s'",
                        bucket);
            return false;
        }
    }
    return true;
}

static bool open_publisher(BucketState *state, bool adopt, GError **error)
{
    const PublisherOptions options = {
        .bucket = state->bucket_path,
        .prefix = state->config->prefix,
        .mark = &state->mark,
        .durable = state->config->durability == DURABILITY_FULL,
        .mode = state->config->mode,
        .adopt = adopt,
    };

    state->publisher = publisher_open(&options, error);
    return state->publisher != NULL;
}

/* Opens the places that are written to: the lock, the store, the thumbnails. */
static bool open_places(BucketState *state, bool adopt, GError **error)
{
    GError *failure = NULL;

    hidden_warn_of_state(state->bucket_path, state->path);
    if (lock_acquire(state->path, &state->lock, &failure) &&
        mark_key_open(state->lock.folder_fd, true, &state->mark, &failure) &&
        journal_open(state->journal, &failure) && open_publisher(state, adopt, &failure))
        return true;
    place_explain(failure);
    g_propagate_error(error, failure);
    return false;
}

bool state_parts_open(BucketState *state, const StatePartsOptions *options, GError **error)
{
    state->path = daemon_state_path(state->bucket_path, state->config);
    if (!check_bucket(state->bucket_path, state->config, error))
        return false;
    return options->dry_run ? dry_run_open(state, error)
                            : open_places(state, options->adopt, error);
}

void state_parts_clear(BucketState *state)
{
    g_clear_pointer(&state->publisher, publisher_free);
    g_clear_pointer(&state->path, g_free);
    lock_release(&state->lock);
    g_clear_pointer(&state->journal, journal_free);
}
