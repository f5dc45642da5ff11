/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind a configuration file. An option is a row of ConfigOption: type, range, default,
 * help. A section is a row of Section. Reading, printing and freeing use these tables, so a new
 * option or section needs its row and its field, and nothing else. `config_schema` has the tables
 * of thumbq.conf; a program with a file of its own has a ConfigSchema of its own.
 */
#pragma once

#include "base/names.h"
#include "config/settings.h"

#include <stddef.h>

typedef enum {
    /* char *, owned. */
    OPTION_TEXT,
    /* GStrv, separated by ';'. */
    OPTION_PATTERNS,
    /* int, units_parse_count. */
    OPTION_INT,
    /* int64_t, units_parse_count. */
    OPTION_COUNT,
    /* int64_t, units_parse_bytes. */
    OPTION_BYTES,
    /* int64_t microseconds, units_parse_duration. */
    OPTION_DURATION,
    /* Reserve, reserve_parse. */
    OPTION_RESERVE,
    /* Concurrency: a number, or "auto". */
    OPTION_CORES,
    /* int: octal digits, or "source" for -1. */
    OPTION_MODE,
    /* Width and height of a Rendition: WxH. */
    OPTION_SIZE,
    /* uint32_t: #rrggbb. */
    OPTION_COLOR,
    /* An enum: one of `names`. */
    OPTION_ENUM,
    /* unsigned: a set of `names`, separated by ',', or "none". */
    OPTION_BITS,
    /* double. */
    OPTION_NUMBER,
    /* Datapoints: "2 of 3". */
    OPTION_DATAPOINTS,
    /* bool: "yes" or "no". */
    OPTION_BOOL,
} ConfigOptionType;

/* Sections, in the order in which they are printed. */
typedef enum {
    SECTION_BUCKET,
    SECTION_ACCESS,
    SECTION_HANDLER,
    SECTION_DESTINATION,
    SECTION_STORE,
    SECTION_RENDITION,
    SECTION_SCHEDULE,
    SECTION_LIFECYCLE,
    SECTION_ALARM,
    SECTION_TRIGGER,
    SECTION_TYPES,
} SectionType;

typedef struct {
    /* Index of the section in its table; a SectionType in thumbq.conf. */
    int section;
    const char *name;
    ConfigOptionType type;
    /* Offset of the field in the whole configuration, or in a row of the section's array. */
    size_t offset;
    int64_t min, max;
    /* Default as text; NULL: the section must set the option. */
    const char *fallback;
    const char *help;
    /* Names of the values of an enum or of the bits of a set; NULL for other types. */
    const Names *names;
} ConfigOption;

/*
 * A section that takes a name ([rendition small]) fills one row of an array in the configuration
 * (a Config for thumbq.conf). Such a row begins with the name, a char[CONFIG_NAME_MAX]. The options
 * of other sections are fields of the configuration itself.
 */
typedef struct {
    const char *name;
    /* Name of all rows, such as "renditions"; NULL: the section takes no name. */
    const char *plural;
    /* Offsets of the array and of its length in the configuration. */
    size_t rows, n_rows;
    size_t row_size;
    size_t max;
    /* Offset in a row of the int that holds the section's line; 0: the row has no such field. */
    size_t line;
} Section;

/* All tables of one kind of file. */
typedef struct {
    const ConfigOption *options;
    size_t n_options;
    const Section *sections;
    int n_sections;
} ConfigSchema;

/* The tables of thumbq.conf, for a Config. */
extern const ConfigSchema config_schema;

/*
 * Returns the number of rows that the configuration `base` has of the section; 1 for a section
 * without a name.
 */
size_t config_section_count(const ConfigSchema *schema, const void *base, int section);

/* Returns row `i`, or the next free row: the struct whose fields are the options of the section. */
void *config_section_row(const ConfigSchema *schema, const void *base, int section, size_t i);

/* Sets the number of rows of a section that takes a name. */
void config_section_set_count(const ConfigSchema *schema, void *base, int section, size_t n);

/* Finds the option `name` of `section`; NULL if there is none. */
const ConfigOption *config_find_option(const ConfigSchema *schema, int section, const char *name);
