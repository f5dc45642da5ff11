/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lambda_record.h"

#include "base/clock.h"
#include "model/json_value.h"
#include "model/object_json.h"
#include "model/s3_event.h"

static json_t *response_payload(const ObjectInfo *object, const char *prefix)
{
    if (object->state != STATE_DEAD)
        return json_pack("{s:o}", "thumbnails", object_thumbnails_json(object, prefix));
    return json_pack("{s:o, s:s}", "errorMessage", json_value_text(object->message), "errorType",
                     error_name(object->error));
}

/*
 * Condition as Lambda names it. Lambda has no name for an object that was given up without a retry.
 */
static const char *condition_of(const ObjectInfo *object)
{
    if (object->state != STATE_DEAD)
        return "Success";
    return error_class(object->error) == ERROR_CLASS_REJECT ? "Rejected" : "RetriesExhausted";
}

/* Makes the payload of the request: the S3 event of the upload. */
static json_t *request_payload(const ObjectInfo *object, const char *bucket)
{
    const Event upload = {
        .sequencer = object->sequencer,
        .time_us = object->uploaded_us,
        .type = EVENT_CREATED,
        .object_id = object->id,
        .size = object->version.size,
        .key = object->key,
        .detail = "",
    };

    return s3_event_json(&upload, bucket, NULL);
}

json_t *lambda_record_json(const ObjectInfo *object, const char *request_id, const char *bucket,
                           const char *prefix, int64_t now_us)
{
    char now[CLOCK_TEXT_MAX];
    json_t *context = json_pack("{s:s, s:s, s:s, s:i}", "requestId", request_id, "functionArn",
                                "arn:aws:lambda:local:0:function:thumbnail:$LATEST", "condition",
                                condition_of(object), "approximateInvokeCount", object->attempts);
    json_t *response = json_pack("{s:i, s:s}", "statusCode", 200, "executedVersion", "$LATEST");

    if (object->state == STATE_DEAD)
        json_object_set_new(response, "functionError", json_string("Unhandled"));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "version", "1.0", "timestamp",
                     clock_format_millis(now_us, now), "requestContext", context, "requestPayload",
                     request_payload(object, bucket), "responseContext", response,
                     "responsePayload", response_payload(object, prefix));
}
