/* SPDX-License-Identifier: Apache-2.0 */
#include "model/s3_event.h"

#include "base/clock.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

typedef struct {
    const char *name;
    /* True for an event of S3, false for one of thumbq. */
    bool of_s3;
    /* True if the event has a size and an etag. */
    bool has_size;
} S3EventKind;

/* Returns the name that the event has in notifications, and which facts it has. */
static S3EventKind event_kind(EventType type)
{
    switch (type) {
    case EVENT_CREATED:
        return (S3EventKind){"ObjectCreated:Put", true, true};
    /* S3 cannot rename an object; clients copy it instead. */
    case EVENT_MOVED:
        return (S3EventKind){"ObjectCreated:Copy", true, true};
    case EVENT_REMOVED:
        return (S3EventKind){"ObjectRemoved:Delete", true, false};
    case EVENT_DONE:
        return (S3EventKind){"Thumbnail:Done", false, true};
    case EVENT_SKIPPED:
        return (S3EventKind){"Thumbnail:Skipped", false, true};
    case EVENT_DEAD:
        return (S3EventKind){"Thumbnail:Dead", false, true};
    case EVENT_RETRY:
        return (S3EventKind){"Thumbnail:Retry", false, true};
    case EVENT_EXPIRED:
        return (S3EventKind){"LifecycleExpiration:Delete", true, false};
    case EVENT_THUMBNAILS_EXPIRED:
        return (S3EventKind){"Thumbnail:Expired", false, true};
    /* Events about no object, see eventbridge.h. */
    case EVENT_SCHEDULED:
    case EVENT_SWEPT:
    case EVENT_JOB:
    case EVENT_ALARM:
        break;
    }
    return (S3EventKind){"Thumbnail:Unknown", false, false};
}

char *s3_event_encode_key(const char *key)
{
    GString *text = g_string_sized_new(strlen(key) + 16);
    for (const char *at = key; *at; at++) {
        if (*at == ' ')
            g_string_append_c(text, '+');
        else if (g_ascii_isalnum(*at) || strchr("/.-_*", *at))
            g_string_append_c(text, *at);
        else
            g_string_append_printf(text, "%%%02X", (unsigned char)*at);
    }
    return g_string_free(text, FALSE);
}

static json_t *identity_json(void)
{
    return json_pack("{s:s}", "principalId", "thumbq");
}

/* Returns the name of the bucket: the last component of its path. Owner: the caller frees. */
static char *bucket_name(const char *bucket)
{
    g_autofree char *folder = g_path_get_basename(bucket);
    return g_utf8_make_valid(folder, -1);
}

char *s3_event_bucket_arn(const char *bucket)
{
    g_autofree char *name = bucket_name(bucket);
    return g_strdup_printf("arn:aws:s3:::%s", name);
}

static json_t *bucket_json(const char *bucket)
{
    g_autofree char *name = bucket_name(bucket);
    g_autofree char *arn = s3_event_bucket_arn(bucket);
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "ownerIdentity", identity_json());
    json_object_set_new(object, "arn", json_string(arn));
    return object;
}

static json_t *object_of_event(const Event *event, const S3EventKind *kind, const char *etag)
{
    g_autofree char *key = s3_event_encode_key(event->key);
    json_t *object = json_object();
    json_object_set_new(object, "key", json_string(key));
    if (kind->has_size) {
        json_object_set_new(object, "size", json_integer(event->size));
        if (etag)
            json_object_set_new(object, "eTag", json_string(etag));
    }
    json_object_set_new(object, "sequencer", json_sprintf("%016" PRIX64, event->sequencer));
    return object;
}

json_t *s3_event_json(const Event *event, const char *bucket, const char *etag)
{
    S3EventKind kind = event_kind(event->type);
    char time[CLOCK_TEXT_MAX];
    json_t *s3 = json_object();
    json_object_set_new(s3, "s3SchemaVersion", json_string("1.0"));
    json_object_set_new(s3, "configurationId", json_string("thumbnail"));
    json_object_set_new(s3, "bucket", bucket_json(bucket));
    json_object_set_new(s3, "object", object_of_event(event, &kind, etag));

    json_t *response = json_object();
    json_object_set_new(response, "x-amz-request-id",
                        json_sprintf("%016" PRIX64, event->sequencer));
    json_object_set_new(response, "x-amz-id-2", json_string(""));

    json_t *record = json_object();
    json_object_set_new(record, "eventVersion", json_string("2.1"));
    json_object_set_new(record, "eventSource", json_string(kind.of_s3 ? "aws:s3" : "thumbq"));
    json_object_set_new(record, "awsRegion", json_string("local"));
    json_object_set_new(record, "eventTime",
                        json_string(clock_format_millis(event->time_us, time)));
    json_object_set_new(record, "eventName", json_string(kind.name));
    json_object_set_new(record, "userIdentity", identity_json());
    json_object_set_new(record, "requestParameters",
                        json_pack("{s:s}", "sourceIPAddress", "127.0.0.1"));
    json_object_set_new(record, "responseElements", response);
    json_object_set_new(record, "s3", s3);
    if (!kind.of_s3) {
        json_object_set_new(
            record, "thumbq",
            json_pack("{s:s?}", "error",
                      event->error == ERROR_NONE ? NULL : error_name(event->error)));
    }
    return json_pack("{s:[o]}", "Records", record);
}
