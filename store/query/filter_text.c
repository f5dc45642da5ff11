/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter_text.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static void append_word(GString *text, const char *name, const char *value)
{
    g_string_append_printf(text, "%s%s", text->len > 0 ? "&" : "", name);
    if (value)
        g_string_append_printf(text, "=%s", value);
}

static void append_bytes(GString *text, const char *name, const char *bytes)
{
    if (!bytes || !*bytes)
        return;
    /* These characters are not escaped: they are easy to read and need no quotes in a shell. */
    g_autofree char *value = g_uri_escape_bytes((const guint8 *)bytes, strlen(bytes), "/:@,");
    append_word(text, name, value);
}

static void append_set(GString *text, const char *name, uint32_t set, int n,
                       const char *(*name_of)(int member))
{
    g_autoptr(GString) value = g_string_new(NULL);

    for (int member = 0; member < n; member++) {
        if (set & UINT32_C(1) << member)
            g_string_append_printf(value, "%s%s", value->len > 0 ? "," : "", name_of(member));
    }
    if (value->len > 0)
        append_word(text, name, value->str);
}

/* Appends a time. Local time of a clock has no zone: no 'Z' follows it. */
static void append_time(GString *text, const char *name, bool is_set, int64_t time_us,
                        bool is_instant)
{
    char value[CLOCK_TEXT_MAX];

    if (is_set)
        append_word(text, name, clock_format_wall(time_us, is_instant, 0, value));
}

static void append_size(GString *text, const char *name, bool is_set, int64_t size)
{
    char value[32];

    g_snprintf(value, sizeof value, "%" PRId64, size);
    if (is_set)
        append_word(text, name, value);
}

static const char *type_name(int type)
{
    return image_type_name((ImageType)type);
}

/* The bit of STORE_FILTER_AWAY lies behind those of the states. */
#define AWAY_BIT    31
#define STATE_NAMES (AWAY_BIT + 1)

static const char *name_of_state(int state)
{
    return state == AWAY_BIT ? STORE_AWAY_NAME : state_name((ObjectState)state);
}

char *filter_text_format(const StoreFilter *filter)
{
    GString *text = g_string_new(NULL);

    append_bytes(text, "prefix", filter->prefix);
    append_bytes(text, "match", filter->match);
    append_set(text, "type", filter->types, IMAGE_TYPES, type_name);
    append_set(text, "state", filter->states, STATE_NAMES, name_of_state);
    append_time(text, "since", filter->has_since, filter->since_us, filter->since_is_instant);
    append_time(text, "until", filter->has_until, filter->until_us, filter->until_is_instant);
    append_size(text, "min-size", filter->has_min_size, filter->min_size);
    append_size(text, "max-size", filter->has_max_size, filter->max_size);
    if (filter->damaged)
        append_word(text, "damaged", NULL);
    return g_string_free(text, FALSE);
}

static bool parse_bytes(const char *value, const char **ret_bytes)
{
    char *bytes = value && *value && !*ret_bytes ? g_uri_unescape_string(value, NULL) : NULL;

    if (!bytes)
        return false;
    *ret_bytes = bytes;
    return true;
}

static bool parse_member(const char *name, bool is_type, uint32_t *set)
{
    ObjectState state;
    ImageType type;

    if (is_type && image_type_from_name(name, &type))
        *set |= UINT32_C(1) << type;
    else if (!is_type && !strcmp(name, STORE_AWAY_NAME))
        *set |= STORE_FILTER_AWAY;
    else if (!is_type && state_from_name(name, &state))
        *set |= UINT32_C(1) << state;
    else
        return false;
    return true;
}

static bool parse_set(const char *value, bool is_type, uint32_t *ret_set)
{
    g_auto(GStrv) names = g_strsplit(value ? value : "", ",", 0);
    uint32_t set = 0;

    for (size_t i = 0; names[i]; i++) {
        if (!parse_member(names[i], is_type, &set))
            return false;
    }
    *ret_set = set;
    return set != 0;
}

static bool parse_time(const char *value, bool *ret_is_set, int64_t *ret_time_us,
                       bool *ret_is_instant)
{
    ClockMoment moment;

    /* Only points in time are allowed: an age would have no fixed time to count from. */
    *ret_is_set = value && strlen(value) >= strlen("2026-01-31T12:00:00") && value[4] == '-' &&
                  clock_parse_moment(value, 0, &moment, NULL);
    if (!*ret_is_set)
        return false;
    *ret_time_us = moment.us;
    *ret_is_instant = !moment.is_wall;
    return true;
}

static bool parse_size(const char *value, bool *ret_is_set, int64_t *ret_size)
{
    guint64 size;

    *ret_is_set = value && g_ascii_string_to_unsigned(value, 10, 0, INT64_MAX, &size, NULL);
    if (*ret_is_set)
        *ret_size = (int64_t)size;
    return *ret_is_set;
}

/* Parses one `name=value`, or a name alone; then `value` is NULL. */
static bool parse_word(const char *name, const char *value, StoreFilter *filter)
{
    if (!strcmp(name, "prefix"))
        return parse_bytes(value, &filter->prefix);
    if (!strcmp(name, "match"))
        return parse_bytes(value, &filter->match);
    if (!strcmp(name, "type"))
        return parse_set(value, true, &filter->types);
    if (!strcmp(name, "state"))
        return parse_set(value, false, &filter->states);
    if (!strcmp(name, "since"))
        return parse_time(value, &filter->has_since, &filter->since_us, &filter->since_is_instant);
    if (!strcmp(name, "until"))
        return parse_time(value, &filter->has_until, &filter->until_us, &filter->until_is_instant);
    if (!strcmp(name, "min-size"))
        return parse_size(value, &filter->has_min_size, &filter->min_size);
    if (!strcmp(name, "max-size"))
        return parse_size(value, &filter->has_max_size, &filter->max_size);
    filter->damaged |= !strcmp(name, "damaged") && !value;
    return !strcmp(name, "damaged") && !value;
}

static bool parse_words(const char *text, StoreFilter *filter)
{
    g_auto(GStrv) words = g_strsplit(text, "&", 0);

    for (size_t i = 0; words[i]; i++) {
        char *value = strchr(words[i], '=');
        if (value)
            *value++ = '\0';
        if (!parse_word(words[i], value, filter))
            return false;
    }
    return true;
}

StoreFilter *filter_text_parse(const char *text, GError **error)
{
    StoreFilter *filter = g_new0(StoreFilter, 1);

    if (strlen(text) < FILTER_TEXT_MAX && parse_words(text, filter))
        return filter;
    filter_text_free(filter);
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "the filters cannot be read; they may take %d bytes", FILTER_TEXT_MAX - 1);
    return NULL;
}

void filter_text_free(StoreFilter *filter)
{
    if (!filter)
        return;
    g_free((char *)filter->prefix);
    g_free((char *)filter->match);
    g_free(filter);
}
