/* SPDX-License-Identifier: Apache-2.0 */
#include "filter_options.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"

#include <string.h>

#define FIELD(field) offsetof(FilterOptions, field)

const CommandOption filter_options[] = {
    {"prefix", OPTION_TEXT, "P", FIELD(prefix), "names that begin with P"},
    {"match", OPTION_TEXT, "GLOB", FIELD(match),
     "names that match GLOB; without a '/' in it, the last part of the name"},
    {"type", OPTION_TEXT, "TYPE[,...]", FIELD(type),
     "jpeg, png, webp, gif, tiff, heic, avif, jxl, other, none"},
    {"state", OPTION_TEXT, "STATE[,...]", FIELD(state),
     "pending, running, done, skipped, dead; away: their file system is not mounted"},
    {"since", OPTION_TEXT, "TIME", FIELD(since),
     "dated TIME or later: 2026-01-31, 2026-01-31T12:00, 7d, 12h"},
    {"until", OPTION_TEXT, "TIME", FIELD(until), "dated before TIME"},
    {"min-size", OPTION_TEXT, "SIZE", FIELD(min_size), "of SIZE bytes or more: 512, 10K, 2M"},
    {"max-size", OPTION_TEXT, "SIZE", FIELD(max_size), "of SIZE bytes or less"},
    {"damaged", OPTION_FLAG, NULL, FIELD(damaged), "pictures that could be read in part only"},
    {NULL},
};

/* Returns the number of a name, or -1. */
typedef int (*FindNumber)(const char *name);

static int find_type(const char *name)
{
    ImageType type;
    /* `jpg` and the like: extensions are accepted as names of types. */
    bool is_known = image_type_from_name(name, &type) || image_type_from_extension(name, &type);
    return is_known ? (int)type : -1;
}

static int find_state(const char *name)
{
    ObjectState state;
    if (!strcmp(name, STORE_AWAY_NAME))
        return __builtin_ctz(STORE_FILTER_AWAY);
    return state_from_name(name, &state) ? (int)state : -1;
}

static bool fail_unknown(const char *option, const char *item, const char *const *names, size_t n,
                         GError **error)
{
    const char *nearest = units_nearest(item, names, n);
    g_autofree char *hint = nearest ? g_strdup_printf("; did you mean '%s'?", nearest) : NULL;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--%s: unknown %s '%s'%s", option, option, item,
                hint ? hint : "");
    return false;
}

/* Sets a bit in *ret_mask for each name in the list `text`. */
static bool parse_list(const char *option, const char *text, FindNumber find,
                       const char *const *names, size_t n_names, uint32_t *ret_mask, GError **error)
{
    g_auto(GStrv) items = g_strsplit(text, ",", 0);
    uint32_t mask = 0;
    for (size_t i = 0; items[i]; i++) {
        int number = find(g_strstrip(items[i]));
        if (number < 0)
            return fail_unknown(option, items[i], names, n_names, error);
        mask |= UINT32_C(1) << number;
    }
    if (!mask) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--%s: the list is empty", option);
        return false;
    }
    *ret_mask = mask;
    return true;
}

static bool parse_types(const char *text, uint32_t *ret_types, GError **error)
{
    const char *names[IMAGE_TYPES];
    for (int type = 0; type < IMAGE_TYPES; type++)
        names[type] = image_type_name((ImageType)type);
    return parse_list("type", text, find_type, names, IMAGE_TYPES, ret_types, error);
}

static bool parse_states(const char *text, uint32_t *ret_states, GError **error)
{
    const char *names[STATES_END + 1];
    size_t n = 0;
    for (int state = STATE_PENDING; state < STATES_END; state++)
        names[n++] = state_name((ObjectState)state);
    names[n++] = STORE_AWAY_NAME;
    return parse_list("state", text, find_state, names, n, ret_states, error);
}

static bool parse_time(const char *option, const char *text, int64_t now_us, int64_t *ret_us,
                       bool *ret_is_instant, GError **error)
{
    ClockMoment moment;
    if (clock_parse_moment(text, now_us, &moment, error)) {
        *ret_us = moment.us;
        *ret_is_instant = !moment.is_wall;
        return true;
    }
    g_prefix_error(error, "--%s: ", option);
    return false;
}

static bool parse_size(const char *option, const char *text, int64_t *ret_bytes, GError **error)
{
    if (units_parse_bytes(text, ret_bytes, error))
        return true;
    g_prefix_error(error, "--%s: ", option);
    return false;
}

/* Refuses limits that no object can fulfil: they are a mistake. */
static bool check_ranges(const FilterOptions *options, const StoreFilter *filter, GError **error)
{
    const ClockMoment since = {!filter->since_is_instant, filter->since_us};
    const ClockMoment until = {!filter->until_is_instant, filter->until_us};
    bool is_empty = since.is_wall == until.is_wall
                        ? since.us >= until.us
                        : clock_moment_us(&since) >= clock_moment_us(&until);
    if (filter->has_since && filter->has_until && is_empty) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--since '%s' is not before --until '%s'",
                    options->since, options->until);
        return false;
    }
    if (filter->has_min_size && filter->has_max_size && filter->min_size > filter->max_size) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--min-size '%s' is above --max-size '%s'",
                    options->min_size, options->max_size);
        return false;
    }
    return true;
}

bool filter_parse(const FilterOptions *options, int64_t now_us, StoreFilter *ret_filter,
                  GError **error)
{
    StoreFilter filter = {
        .prefix = options->prefix && *options->prefix ? options->prefix : NULL,
        .match = options->match,
        .has_since = options->since,
        .has_until = options->until,
        .has_min_size = options->min_size,
        .has_max_size = options->max_size,
        .damaged = options->damaged,
    };
    if (filter.prefix && !object_prefix_is_possible(filter.prefix)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "--prefix: no name begins with '%s'; names begin at the bucket, without '/' or "
                    "'./': write '%s'",
                    filter.prefix, object_prefix_bare(filter.prefix));
        return false;
    }
    if (options->match && !*options->match) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--match: an empty pattern matches nothing");
        return false;
    }
    if (options->type && !parse_types(options->type, &filter.types, error))
        return false;
    if (options->state && !parse_states(options->state, &filter.states, error))
        return false;
    if (options->since && !parse_time("since", options->since, now_us, &filter.since_us,
                                      &filter.since_is_instant, error))
        return false;
    if (options->until && !parse_time("until", options->until, now_us, &filter.until_us,
                                      &filter.until_is_instant, error))
        return false;
    if (options->min_size && !parse_size("min-size", options->min_size, &filter.min_size, error))
        return false;
    if (options->max_size && !parse_size("max-size", options->max_size, &filter.max_size, error))
        return false;
    if (!check_ranges(options, &filter, error))
        return false;
    *ret_filter = filter;
    return true;
}
