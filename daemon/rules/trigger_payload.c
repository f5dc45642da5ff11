/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_payload.h"

#include <glib.h>
#include <string.h>
#include <xxhash.h>

json_t *trigger_payload_records(const char *input)
{
    g_auto(GStrv) lines = g_strsplit(input, "\n", -1);
    json_t *records = json_array();

    for (char **line = lines; *line; line++) {
        json_t *event = **line ? json_loads(*line, 0, NULL) : NULL;
        json_t *of_event = json_object_get(event, "Records");
        if (of_event)
            json_array_extend(records, of_event);
        json_decref(event);
    }
    return records;
}

uint64_t trigger_payload_hash(const json_t *records)
{
    g_autoptr(GString) ids = g_string_new(NULL);
    size_t i;
    const json_t *record;

    json_array_foreach(records, i, record)
    {
        const json_t *object = json_object_get(json_object_get(record, "s3"), "object");
        const char *id = json_string_value(json_object_get(object, "sequencer"));
        g_string_append(ids, id ? id : "");
        g_string_append_c(ids, '\n');
    }
    return XXH3_64bits(ids->str, ids->len);
}

char *trigger_payload_text(const char *input)
{
    const char *end = strchr(input, '\n');

    /* A single event has the form already. */
    if (end && end[1] == '\0')
        return strndup(input, (size_t)(end - input));
    json_t *payload = json_pack("{s:o}", "Records", trigger_payload_records(input));
    char *text = json_dumps(payload, JSON_COMPACT);
    json_decref(payload);
    return text;
}
