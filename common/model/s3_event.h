/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event of an object as an S3 event notification, version 2.1, for code that was written for S3.
 * Source: Amazon S3 user guide, "Event message structure".
 */
#pragma once

#include "model/event.h"

#include <jansson.h>

/*
 * Makes {"Records":[{...}]} with one record, of an event whose object_id is not 0. Created, moved,
 * removed and expired objects have the names of S3 ("ObjectCreated:Put", "ObjectCreated:Copy",
 * "ObjectRemoved:Delete", "LifecycleExpiration:Delete"). S3 has no events for the result of the
 * handler ("Thumbnail:Done", ...): such an event has the source "thumbq" and names its error in a
 * member "thumbq". `bucket` is the path; its last component is the bucket's name. `etag` is NULL if
 * it is unknown. The caller has the reference.
 */
json_t *s3_event_json(const Event *event, const char *bucket, const char *etag);

/* Formats "arn:aws:s3:::photos". Owner: the caller frees. */
char *s3_event_bucket_arn(const char *bucket);

/*
 * Encodes a key as S3 sends it, form-urlencoded: a space becomes '+', a '/' stays. Owner: the
 * caller frees.
 */
char *s3_event_encode_key(const char *key);
