/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two configurations, for a daemon that reloads its configuration. */
#include "config/config.h"
#include "config/config_option.h"

#include <string.h>

static void add_option(GString *names, const ConfigOption *option)
{
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", option->name);
}

/* Adds "[rendition small]" or "no [rendition small]". */
static void add_row(GString *names, const char *no, int section, const char *name)
{
    g_string_append_printf(names, "%s%s[%s %s]", names->len > 0 ? ", " : "", no,
                           config_schema.sections[section].name, name);
}

/* Returns the text, or NULL if it is empty. Owner: the caller frees. */
static char *names_or_null(GString *names)
{
    return g_string_free(names, names->len == 0);
}

static bool is_same(const ConfigOption *option, const void *a, const void *b)
{
    g_autofree char *text_a = config_option_format(option, a);
    g_autofree char *text_b = config_option_format(option, b);

    return strcmp(text_a, text_b) == 0;
}

/*
 * Options of [bucket] that stay fixed while the daemon runs: it has opened their files, or has
 * written them into the session file.
 */
static const char *const fixed[] = {"path", "prefix", "state", "mode", "durability"};

char *config_restore_fixed(Config *config, const Config *old)
{
    GString *names = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        const ConfigOption *option = config_find_option(&config_schema, SECTION_BUCKET, fixed[i]);
        if (is_same(option, config, old))
            continue;
        g_autofree char *text = config_option_format(option, old);
        g_assert_true(
            /* The text was formatted from a valid value, so it can be parsed again. */
            config_option_parse(option, text, config, NULL));
        add_option(names, option);
    }
    return names_or_null(names);
}

/* Finds the row of that name; NULL if there is none. */
static const void *find_row(const Config *config, int section, const char *name)
{
    for (size_t i = 0; i < config_section_count(&config_schema, config, section); i++) {
        const char *row = config_section_row(&config_schema, config, section, i);
        if (strcmp(row, name) == 0)
            return row;
    }
    return NULL;
}

static bool is_same_row(int section, const void *a, const void *b)
{
    for (size_t i = 0; i < config_schema.n_options; i++) {
        if (config_schema.options[i].section == section &&
            !is_same(&config_schema.options[i], a, b))
            return false;
    }
    return true;
}

static void compare_options(GString *names, int section, const Config *config, const Config *old)
{
    for (size_t i = 0; i < config_schema.n_options; i++) {
        const ConfigOption *option = &config_schema.options[i];
        if (option->section == section && !is_same(option, config, old))
            add_option(names, option);
    }
}

/* Adds the names of the sections that were added, changed or removed. */
static void compare_rows(GString *names, int section, const Config *config, const Config *old)
{
    for (size_t i = 0; i < config_section_count(&config_schema, config, section); i++) {
        const char *row = config_section_row(&config_schema, config, section, i);
        const void *before = find_row(old, section, row);
        if (!before || !is_same_row(section, row, before))
            add_row(names, "", section, row);
    }
    for (size_t i = 0; i < config_section_count(&config_schema, old, section); i++) {
        const char *row = config_section_row(&config_schema, old, section, i);
        if (!find_row(config, section, row))
            add_row(names, "no ", section, row);
    }
}

char *config_changes(const Config *config, const Config *old)
{
    GString *names = g_string_new(NULL);

    for (int section = 0; section < SECTION_TYPES; section++) {
        if (config_schema.sections[section].plural)
            compare_rows(names, section, config, old);
        else
            compare_options(names, section, config, old);
    }
    return names_or_null(names);
}
