/* SPDX-License-Identifier: Apache-2.0 */
#include "model/eventbridge.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "model/s3_event.h"

#include <string.h>

/* The name space of URLs in RFC 9562; an ARN resembles a URL. */
static const uint8_t name_space[16] = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                       0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

/* Makes the UUID of an event from its ARN and its time. Owner: the caller frees. */
static char *make_id(const char *resource, const char *time)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[20];
    gsize len = sizeof digest;

    g_checksum_update(checksum, name_space, sizeof name_space);
    g_checksum_update(checksum, (const guchar *)resource, -1);
    g_checksum_update(checksum, (const guchar *)"@", 1);
    g_checksum_update(checksum, (const guchar *)time, -1);
    g_checksum_get_digest(checksum, digest, &len);
    /* Marks a UUID of version 5. */
    digest[6] = (uint8_t)(0x50 | (digest[6] & 0x0f));
    digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f));
    return uuid_format(digest);
}

typedef struct {
    const char *detail_type;
    const char *source;
} BridgeKind;

/* Returns the name of the event in notifications, and the service that it seems to come from. */
static BridgeKind event_kind(EventType type)
{
    switch (type) {
    case EVENT_SCHEDULED:
        return (BridgeKind){"Scheduled Event", "aws.events"};
    case EVENT_JOB:
        return (BridgeKind){"Batch Job State Change", "aws.batch"};
    case EVENT_ALARM:
        return (BridgeKind){"CloudWatch Alarm State Change", "aws.cloudwatch"};
    default:
        return (BridgeKind){"Sweep Completed", "thumbq"};
    }
}

/* Returns the ARN of the event's subject. Owner: the caller frees. */
static char *resource_of(const Event *event, const char *bucket)
{
    const char *number = strrchr(event->key, ' ');

    if (event->type == EVENT_SCHEDULED)
        return g_strdup_printf("arn:aws:events:local:0:rule/%s", event->key);
    if (event->type == EVENT_ALARM)
        return g_strdup_printf("arn:aws:cloudwatch:local:0:alarm:%s", event->key);
    if (event->type == EVENT_JOB)
        return g_strdup_printf("arn:aws:batch:local:0:job/%s", number ? number + 1 : event->key);
    return s3_event_bucket_arn(bucket);
}

/* Returns the event's detail as JSON; {} if there is none. */
static json_t *detail_of(const Event *event)
{
    json_t *detail = *event->detail ? json_loads(event->detail, 0, NULL) : NULL;
    return detail ? detail : json_object();
}

json_t *eventbridge_json(const Event *event, const char *bucket)
{
    BridgeKind kind = event_kind(event->type);
    char millis[CLOCK_TEXT_MAX], seconds[CLOCK_TEXT_MAX];
    g_autofree char *resource = resource_of(event, bucket);
    /* Several sweeps may end in one second, so the id is made from milliseconds. */
    g_autofree char *id = make_id(resource, clock_format_millis(event->time_us, millis));

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:o}", "version", "0", "id", id,
                     "detail-type", kind.detail_type, "source", kind.source, "account", "local",
                     "time", clock_format_seconds(event->time_us, seconds), "region", "local",
                     "resources", resource, "detail", detail_of(event));
}

char *eventbridge_scheduled_text(const char *name, int64_t due_us)
{
    const Event event = event_of_bucket(EVENT_SCHEDULED, name, "", due_us);
    json_t *object = eventbridge_json(&event, "");
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    return text;
}
