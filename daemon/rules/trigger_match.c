/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_match.h"

#include <fnmatch.h>
#include <string.h>

/* Returns the kinds of the event, as a set of bits 1 << TriggerKind. */
static unsigned kinds_of(EventType type)
{
    switch (type) {
    case EVENT_CREATED:
    case EVENT_MOVED:
        return 1U << TRIGGER_CREATED;
    case EVENT_REMOVED:
    case EVENT_EXPIRED:
        return 1U << TRIGGER_REMOVED;
    case EVENT_DONE:
        return 1U << TRIGGER_DONE | 1U << TRIGGER_THUMBNAIL;
    case EVENT_DEAD:
        return 1U << TRIGGER_DEAD | 1U << TRIGGER_THUMBNAIL;
    case EVENT_SKIPPED:
    case EVENT_RETRY:
    case EVENT_THUMBNAILS_EXPIRED:
        return 1U << TRIGGER_THUMBNAIL;
    /* Events about no object. */
    case EVENT_SCHEDULED:
    case EVENT_SWEPT:
    case EVENT_JOB:
    case EVENT_ALARM:
        break;
    }
    return 0;
}

/* True if the pattern matches the key. A pattern without a '/' is matched with the last part of the
 * key. */
static bool matches_pattern(const char *pattern, const char *key)
{
    const char *slash = strrchr(key, '/');

    if (strchr(pattern, '/'))
        return fnmatch(pattern, key, FNM_PATHNAME) == 0;
    return fnmatch(pattern, slash ? slash + 1 : key, 0) == 0;
}

static bool matches_any(const GStrv patterns, const char *key)
{
    bool is_match = !patterns[0];

    for (size_t i = 0; !is_match && patterns[i]; i++)
        is_match = matches_pattern(patterns[i], key);
    return is_match;
}

bool trigger_matches(const TriggerConfig *trigger, const Event *event)
{
    return event->object_id != 0 && (trigger->on & kinds_of(event->type)) != 0 &&
           (trigger->replay || !event->is_old) && g_str_has_prefix(event->key, trigger->prefix) &&
           g_str_has_suffix(event->key, trigger->suffix) && matches_any(trigger->match, event->key);
}
