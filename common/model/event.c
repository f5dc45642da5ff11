/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <stdbool.h>

const char *event_type_name(EventType type)
{
    static const char *const names[EVENT_TYPES] = {
        [EVENT_CREATED] = "created",
        [EVENT_REMOVED] = "removed",
        [EVENT_MOVED] = "moved",
        [EVENT_DONE] = "done",
        [EVENT_SKIPPED] = "skipped",
        [EVENT_DEAD] = "dead",
        [EVENT_RETRY] = "retry",
        [EVENT_EXPIRED] = "expired",
        [EVENT_THUMBNAILS_EXPIRED] = "cleared",
        [EVENT_SCHEDULED] = "schedule",
        [EVENT_SWEPT] = "sweep",
        [EVENT_JOB] = "job",
        [EVENT_ALARM] = "alarm",
    };
    bool is_known = type >= EVENT_CREATED && type < EVENT_TYPES;

    return is_known ? names[type] : "unknown";
}

Event event_of_bucket(EventType type, const char *key, const char *detail, int64_t time_us)
{
    return (Event){.time_us = time_us, .type = type, .key = key, .detail = detail};
}
