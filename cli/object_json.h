/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object's record as JSON: the line of `thumbq list --json`, and what `thumbq show --json` adds.
 */
#pragma once

#include "record.h"

#include <glib.h>
#include <jansson.h>

/*
 * What `list` prints. `prefix` is that of the thumbnails, as in Context. Owner: the caller has the
 * reference.
 */
json_t *object_json(const Record *record, const char *prefix);

/* Adds what `show` knows beyond that, from the record: version, etag, attempts, place in the queue.
 */
void object_json_add_details(json_t *object, const Record *record);

/* XXH3-128 of the source's bytes as 32 hexadecimal digits, as `xxhsum -H2` prints it; NULL if not
 * known. */
char *object_etag(const ImageFacts *facts);

/* "upload", "scan" or "backfill". Static. */
const char *object_priority_name(Priority priority);
