/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one configuration has that another has not, for a daemon that takes over a new one.
 */
#include "config_option.h"

#include <string.h>

static void add_option(GString *names, const Option *option)
{
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", option->name);
}

/* "[rendition small]", or "no [rendition small]". */
static void add_row(GString *names, const char *no, SectionType section, const char *name)
{
    g_string_append_printf(names, "%s%s[%s %s]", names->len > 0 ? ", " : "", no,
                           config_sections[section].name, name);
}

/* Owner: the caller frees; NULL for nothing. */
static char *names_or_null(GString *names)
{
    return g_string_free(names, names->len == 0);
}

static bool is_same(const Option *option, const void *a, const void *b)
{
    g_autofree char *text_a = config_option_format(option, a);
    g_autofree char *text_b = config_option_format(option, b);

    return strcmp(text_a, text_b) == 0;
}

/* Of [bucket]: what the daemon holds open, or has promised the session file. */
static const char *const fixed[] = {"path", "prefix", "state", "mode", "durability"};

char *config_keep_fixed(Config *config, const Config *old)
{
    GString *names = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        const Option *option = config_find_option(SECTION_BUCKET, fixed[i]);
        if (is_same(option, config, old))
            continue;
        g_autofree char *text = config_option_format(option, old);
        g_assert_true(
            config_option_parse(option, text, config, NULL)); /* as it was parsed before */
        add_option(names, option);
    }
    return names_or_null(names);
}

/* The row of that name, or NULL. */
static const void *find_row(const Config *config, SectionType section, const char *name)
{
    for (size_t i = 0; i < config_section_count(config, section); i++) {
        const char *row = config_section_row(config, section, i);
        if (strcmp(row, name) == 0)
            return row;
    }
    return NULL;
}

static bool is_same_row(SectionType section, const void *a, const void *b)
{
    for (size_t i = 0; i < config_n_options; i++) {
        if (config_options[i].section == section && !is_same(&config_options[i], a, b))
            return false;
    }
    return true;
}

static void compare_options(GString *names, SectionType section, const Config *config,
                            const Config *old)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const Option *option = &config_options[i];
        if (option->section == section && !is_same(option, config, old))
            add_option(names, option);
    }
}

static void compare_rows(GString *names, SectionType section, const Config *config,
                         const Config *old)
{
    for (size_t i = 0; i < config_section_count(config, section); i++) {
        const char *row = config_section_row(config, section, i);
        const void *before = find_row(old, section, row);
        if (!before || !is_same_row(section, row, before))
            add_row(names, "", section, row);
    }
    for (size_t i = 0; i < config_section_count(old, section); i++) {
        const char *row = config_section_row(old, section, i);
        if (!find_row(config, section, row))
            add_row(names, "no ", section, row);
    }
}

char *config_changes(const Config *config, const Config *old)
{
    GString *names = g_string_new(NULL);

    for (SectionType section = 0; section < SECTION_TYPES; section++) {
        if (config_sections[section].plural)
            compare_rows(names, section, config, old);
        else
            compare_options(names, section, config, old);
    }
    return names_or_null(names);
}
