/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of the event log as an S3 event notification, version 2.1: what people's S3 code reads.
 * Source: Amazon S3 user guide, "Event message structure".
 */
#pragma once

#include "store.h"

#include <jansson.h>

/*
 * {"Records":[{...}]} with one record, of an event whose object_id is not 0. Created, moved,
 * removed and expired objects are events of S3's ("ObjectCreated:Put", "ObjectCreated:Copy",
 * "ObjectRemoved:Delete", "LifecycleExpiration:Delete"); how the handler ended
 * ("Thumbnail:Done", ...) has no counterpart there, has the source "thumbq", and names its error in
 * a member "thumbq". `bucket` is the path; its last component is the bucket's name. `etag` is NULL
 * if not known. The caller has the reference.
 */
json_t *s3_event_json(const StoreEvent *event, const char *bucket, const char *etag);

/* "arn:aws:s3:::photos". Owner: the caller frees. */
char *s3_event_bucket_arn(const char *bucket);

/* The key form-urlencoded, as S3 sends it: a space is '+', '/' stays. Owner: the caller frees. */
char *s3_event_encode_key(const char *key);
