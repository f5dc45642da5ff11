/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_event.h"

#include "clock.h"
#include "error.h"

#include <inttypes.h>
#include <string.h>

typedef struct {
    const char *name;
    bool of_s3;    /* else of ours */
    bool has_size; /* and an etag */
} EventKind;

static EventKind event_kind(StoreEventType type)
{
    switch (type) {
    case STORE_EVENT_CREATED:
        return (EventKind){"ObjectCreated:Put", true, true};
    case STORE_EVENT_MOVED: /* S3 cannot rename: it copies */
        return (EventKind){"ObjectCreated:Copy", true, true};
    case STORE_EVENT_REMOVED:
        return (EventKind){"ObjectRemoved:Delete", true, false};
    case STORE_EVENT_DONE:
        return (EventKind){"Thumbnail:Done", false, true};
    case STORE_EVENT_SKIPPED:
        return (EventKind){"Thumbnail:Skipped", false, true};
    case STORE_EVENT_DEAD:
        return (EventKind){"Thumbnail:Dead", false, true};
    case STORE_EVENT_RETRY:
        return (EventKind){"Thumbnail:Retry", false, true};
    case STORE_EVENT_EXPIRED:
        return (EventKind){"LifecycleExpiration:Delete", true, false};
    case STORE_EVENT_THUMBNAILS_EXPIRED:
        return (EventKind){"Thumbnail:Expired", false, true};
    case STORE_EVENT_SCHEDULED: /* of no object: eventbridge.h */
    case STORE_EVENT_SWEPT:
    case STORE_EVENT_JOB:
    case STORE_EVENT_ALARM:
        break;
    }
    return (EventKind){"Thumbnail:Unknown", false, false};
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

/* Owner: the caller frees. */
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

static json_t *object_of_event(const StoreEvent *event, const EventKind *kind, const char *etag)
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

json_t *s3_event_json(const StoreEvent *event, const char *bucket, const char *etag)
{
    EventKind kind = event_kind(event->type);
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
