/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stats_json.h"

#include "model/json_value.h"
#include "model/object.h"

static void set_count(json_t *json, const char *key, uint64_t value)
{
    json_object_set_new(json, key, json_integer((json_int_t)value));
}

json_t *stats_type_json(const char *type, const ObjectTotals *totals)
{
    json_t *json = json_object();

    json_object_set_new(json, "type", json_value_text(type));
    set_count(json, "objects", totals->objects);
    set_count(json, "bytes", totals->source_bytes);
    return json;
}

json_t *stats_group_json(const char *group, const ObjectTotals *totals)
{
    json_t *json = json_object();

    json_value_set_bytes(json, "group", group);
    set_count(json, "objects", totals->objects);
    set_count(json, "source_bytes", totals->source_bytes);
    set_count(json, "thumbnails", totals->thumbnails);
    set_count(json, "thumbnail_bytes", totals->thumbnail_bytes);
    set_count(json, "done", totals->by_state[STATE_DONE]);
    set_count(json, "dead", totals->by_state[STATE_DEAD]);
    return json;
}

static bool parse_count(const json_t *json, const char *key, uint64_t *ret_count)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret_count = (uint64_t)json_integer_value(value);
    return true;
}

bool stats_group_parse(const json_t *json, char **ret_group, ObjectTotals *ret_totals)
{
    const char *text = json_string_value(json_object_get(json, "group"));
    bool is_encoded = json_object_get(json, "group_encoding");
    ObjectTotals totals = {0};

    if (!text || !parse_count(json, "objects", &totals.objects) ||
        !parse_count(json, "source_bytes", &totals.source_bytes) ||
        !parse_count(json, "thumbnails", &totals.thumbnails) ||
        !parse_count(json, "thumbnail_bytes", &totals.thumbnail_bytes) ||
        !parse_count(json, "done", &totals.by_state[STATE_DONE]) ||
        !parse_count(json, "dead", &totals.by_state[STATE_DEAD]))
        return false;
    char *group = is_encoded ? object_key_from_text(text) : g_strdup(text);
    if (!group)
        return false;
    *ret_group = group;
    *ret_totals = totals;
    return true;
}

static json_t *quantiles_json(const Quantiles *quantiles)
{
    json_t *json = json_object();

    json_object_set_new(json, "p50", json_value_ms(quantiles->p50));
    json_object_set_new(json, "p90", json_value_ms(quantiles->p90));
    json_object_set_new(json, "p99", json_value_ms(quantiles->p99));
    json_object_set_new(json, "max", json_value_ms(quantiles->max));
    return json;
}

static json_t *invocations_json(const InvocationFigures *invocations, bool is_filtered)
{
    json_t *json = json_object();

    set_count(json, "count", invocations->invocations);
    set_count(json, "errors", invocations->errors);
    set_count(json, "retries", invocations->retries);
    json_object_set_new(json, "duration_ms", quantiles_json(&invocations->duration));
    json_object_set_new(json, "latency_ms", quantiles_json(&invocations->latency));
    /* Invocations are counted for the whole bucket; the filters do not apply to them. */
    if (is_filtered)
        json_object_set_new(json, "scope", json_string("bucket"));
    return json;
}

static json_t *objects_json(const ObjectTotals *all, uint64_t away)
{
    json_t *json = json_object();

    set_count(json, "total", all->objects);
    for (int state = STATE_PENDING; state < STATES_END; state++)
        set_count(json, state_name((ObjectState)state), all->by_state[state]);
    set_count(json, "damaged", all->damaged);
    set_count(json, "away", away);
    return json;
}

json_t *stats_json(const Stats *stats)
{
    json_t *thumbnails = json_object();
    json_t *json = json_object();

    set_count(thumbnails, "count", stats->objects->thumbnails);
    set_count(thumbnails, "bytes", stats->objects->thumbnail_bytes);
    json_value_set_bytes(json, "bucket", stats->bucket);
    json_object_set_new(json, "objects", objects_json(stats->objects, stats->away));
    set_count(json, "source_bytes", stats->objects->source_bytes);
    json_object_set_new(json, "thumbnails", thumbnails);
    json_object_set_new(json, "by_type", stats->by_type);
    json_object_set_new(json, "invocations",
                        invocations_json(stats->invocations, stats->is_filtered));
    json_object_set_new(json, "backfill_paused", json_boolean(stats->is_backfill_paused));
    json_object_set_new(json, "low_disk", json_boolean(stats->is_disk_low));
    return json;
}
