/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lambda's record of an asynchronous invocation, which a destination gets for an object that is
 * done or dead. Source: AWS Lambda developer guide, "Destinations".
 */
#pragma once

#include "model/object_info.h"

#include <jansson.h>

/*
 * Makes {"version":"1.0","timestamp":...,"requestContext":...,...} for the invocation `request_id`
 * (text), the last one of the object. `bucket` is the path of the bucket, `prefix` the folder of
 * the thumbnails. The caller has the reference.
 */
json_t *lambda_record_json(const ObjectInfo *object, const char *request_id, const char *bucket,
                           const char *prefix, int64_t now_us);
