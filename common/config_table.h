/*
 * The table of options behind config.h: one row each, with type, range, default and help. Private
 * to common.
 */
#pragma once

#include "config.h"

#include <stddef.h>

typedef enum {
    OPTION_TEXT,     /* char *, owned */
    OPTION_PATTERNS, /* GStrv, ';' between */
    OPTION_INT,      /* int, units_parse_count */
    OPTION_COUNT,    /* int64_t, units_parse_count */
    OPTION_BYTES,    /* int64_t, units_parse_bytes */
    OPTION_DURATION, /* int64_t microseconds, units_parse_duration */
    OPTION_CORES,    /* int, or "auto" for the number of cores */
    OPTION_SIZE,     /* width and height of a Rendition: WxH */
    OPTION_FIT,
    OPTION_FORMAT,
    OPTION_DURABILITY,
    OPTION_COLOR, /* uint32_t, #rrggbb */
    OPTION_ANIMATION,
    OPTION_KEEP, /* unsigned, names of Keep with ',' between, or "none" */
} OptionType;

typedef enum {
    SECTION_BUCKET,
    SECTION_HANDLER,
    SECTION_DESTINATION,
    SECTION_RENDITION,
    SECTION_SCHEDULE,
    SECTION_TYPES,
} SectionType;

typedef struct {
    SectionType section;
    const char *name;
    OptionType type;
    size_t offset; /* in Config, Rendition or ScheduleConfig */
    int64_t min, max;
    const char *fallback; /* default, as text; NULL: must be given */
    const char *help;
} Option;

extern const Option config_options[];
extern const size_t config_n_options;

/* "bucket", "handler", "destination", "rendition", "schedule"; the latter two take a name:
 * [rendition small]. */
const char *config_section_name(SectionType section);
bool config_section_is_named(SectionType section);

/* The row of `name` in `section`, or NULL. */
const Option *config_find_option(SectionType section, const char *name);

/* Parses `text` into the field at `base`. Errors: ERROR_USAGE, without the option's name. */
bool config_option_parse(const Option *option, const char *text, void *base, GError **error);

/* The field at `base` as text that config_option_parse takes. Owner: the caller frees. */
char *config_option_format(const Option *option, const void *base);
