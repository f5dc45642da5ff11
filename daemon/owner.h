/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose an absolute prefix is: a file in it, `.thumbq.owner`, names the bucket. Two buckets with
 * one prefix would replace and remove each other's thumbnails. A prefix below its bucket needs no
 * such file: it is the bucket's own. Private to the daemon.
 */
#pragma once

#include "mark.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *prefix; /* for messages */
    const char *bucket; /* absolute path */
    const MarkKey *mark;
    bool adopt;     /* take it over from another bucket */
    bool read_only; /* write nothing */
} OwnerClaim;

/*
 * Finds out that the folder is the bucket's, and writes that down where nobody has. A bucket that
 * was moved keeps it; one that was copied does not. Errors: ERROR_CONFIG if it is another bucket's,
 * which it names; as error_set_errno.
 */
bool owner_claim(int folder_fd, const OwnerClaim *claim, GError **error);
