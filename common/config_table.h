/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind config.h. An option is a row of `config_options`: type, range, default, help.
 * A section is a row of `config_sections`; reading, printing and freeing follow from the two, so
 * that a new option or section needs its row and its field, and nothing else. Private to common.
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
    OPTION_CORES,    /* int, or "auto" for what capacity.h says */
    OPTION_MODE,     /* int, octal, or "source": -1 */
    OPTION_SIZE,     /* width and height of a Rendition: WxH */
    OPTION_COLOR,    /* uint32_t, #rrggbb */
    OPTION_FIT,      /* this and those below: an enum, by name */
    OPTION_FORMAT,
    OPTION_DURABILITY,
    OPTION_ANIMATION,
    OPTION_CATCHUP,
    OPTION_TARGET,
    OPTION_METRIC,
    OPTION_COMPARISON,
    OPTION_MISSING,
    OPTION_ISOLATION,
    OPTION_NUMBER,     /* double */
    OPTION_DATAPOINTS, /* Datapoints: 2 of 3 */
    OPTION_BOOL,       /* bool: yes or no */
    OPTION_STATES,     /* unsigned, names of AlarmState with ',' between, or "none" */
    OPTION_KEEP,       /* unsigned, names of Keep with ',' between, or "none" */
} OptionType;

/* In the order in which they are printed. */
typedef enum {
    SECTION_BUCKET,
    SECTION_HANDLER,
    SECTION_DESTINATION,
    SECTION_STORE,
    SECTION_RENDITION,
    SECTION_SCHEDULE,
    SECTION_LIFECYCLE,
    SECTION_ALARM,
    SECTION_TYPES,
} SectionType;

typedef struct {
    SectionType section;
    const char *name;
    OptionType type;
    size_t offset; /* in Config, or in a row of the section's array */
    int64_t min, max;
    const char *fallback; /* default, as text; NULL: must be given */
    const char *help;
} Option;

extern const Option config_options[];
extern const size_t config_n_options;

/*
 * A section that takes a name ([rendition small]) fills a row of an array in Config, which begins
 * with that name, a char[CONFIG_NAME_MAX]. Those of other sections are fields of Config itself.
 */
typedef struct {
    const char *name;
    const char *plural;  /* "renditions"; NULL: it takes no name */
    size_t rows, n_rows; /* offsets in Config */
    size_t row_size;
    size_t max;
    size_t line; /* offset in a row, of the int that is told its line; 0: none is */
} Section;

extern const Section config_sections[SECTION_TYPES];

/* Rows that `config` has of the section; 1 for one without a name. */
size_t config_section_count(const Config *config, SectionType section);

/* Row `i` of them, or the next one free: what its options are fields of. */
void *config_section_row(const Config *config, SectionType section, size_t i);

/* Sets the number of rows of a section that takes a name. */
void config_section_set_count(Config *config, SectionType section, size_t n);

/* The row of `name` in `section`, or NULL. */
const Option *config_find_option(SectionType section, const char *name);
