/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner of an absolute prefix: the file `.thumbq.owner` in it names the bucket. Two buckets
 * with one prefix would replace and remove each other's thumbnails. A prefix below its bucket needs
 * no such file, because it is the bucket's own. Private to the daemon.
 */
#pragma once

#include "journal/mark.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    /* For messages. */
    const char *prefix;
    /* Absolute path. */
    const char *bucket;
    const MarkKey *mark;
    /* Takes the prefix over from another bucket. */
    bool adopt;
    /* Writes nothing. */
    bool read_only;
} OwnerClaim;

/*
 * Checks that the folder is the bucket's, and writes the owner file if there is none. A bucket that
 * was moved keeps its prefix; one that was copied does not. Errors: ERROR_CONFIG, naming the other
 * bucket, if the prefix is another bucket's; as error_set_errno.
 */
bool owner_claim(int folder_fd, const OwnerClaim *claim, GError **error);
