/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps record and thumbnails of an object up to date when the object was seen, is gone, or has
 * another name. Notes which records a scan has met. */
#pragma once

#include "journal/bucket_state.h"
#include "model/object.h"
#include "queue/news_report.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Objects Objects;

/* Copies `news`. Owner: objects_free. */
Objects *objects_new(const BucketState *state, const NewsReceiver *news);
void objects_free(Objects *objects);

/* Records that the object was seen. A new version enters the queue. If the batch is lost, a scan
 * finds the object. */
void objects_record_seen(Objects *objects, const char *key, const ObjectVersion *version,
                         Priority priority);

/* Removes the record and the thumbnails of an object. Returns false if the batch is lost. */
bool objects_remove(Objects *objects, const char *key);

/* As objects_remove, for an object whose file was missing when it was to be handled. If a rename of
 * the file is reported later, the object counts as renamed. */
bool objects_remove_missing(Objects *objects, const char *key);

/* Gives the object a new name. Record and thumbnails are moved, or made anew. */
void objects_move(Objects *objects, const char *from, const char *to, const ObjectVersion *version);

/*
 * True until a scan has met an object of the bucket, and again after a scan that has met none
 * although the store has records: the bucket may be unmounted. A file that cannot be found is then
 * no reason to remove its record.
 */
bool objects_seem_unmounted(const Objects *objects);

/* Sets the result of a scan, see objects_seem_unmounted. */
void objects_set_unmounted(Objects *objects, bool seem_unmounted);

/* Begins to note which records are met. */
void objects_begin_scan(Objects *objects);

/* Discards the notes of the scan, after a batch was lost. */
void objects_forget_scan(Objects *objects);

/* Returns one bit per record id, set if the record was met since objects_begin_scan; NULL if the
 * notes were discarded. Owner: the caller. */
GByteArray *objects_end_scan(Objects *objects);
