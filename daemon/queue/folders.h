/* SPDX-License-Identifier: Apache-2.0 */
/* Decides when folders of thumbnails take the rights of the folders of the pictures: see
 * folders.c. */
#pragma once

#include "journal/bucket_state.h"
#include "passes/pass.h"

#include <stdbool.h>

typedef struct Folders Folders;

/* Makes the module, before any scan. The arguments are borrowed. Owner: folders_free. */
Folders *folders_new(const BucketState *state, Passes *passes);
void folders_free(Folders *folders);

/*
 * Called by the bucket (BucketReserve) for each folder. Returns true for a reserved folder: one of
 * thumbq's own, even under a new name, or one of a bucket inside the bucket. Folders of thumbnails
 * take the rights of all other folders. The publisher must be open.
 */
bool folders_reserve(const Folders *folders, int folder_fd, const char *key);

/* Notes that a scan of the whole bucket begins, or that the results of the last scan are no longer
 * valid. */
void folders_begin_scan(Folders *folders);

/* Notes that the scan has ended, and no change was lost. */
void folders_end_scan(Folders *folders);

/* Notes that records, thumbnails and bucket may disagree: until folders_check no folder of
 * thumbnails is given rights. */
void folders_doubt(const Folders *folders);

/* Checks again whether they agree. If so, folders get their missing rights. */
void folders_check(Folders *folders);
