/* SPDX-License-Identifier: Apache-2.0 */
/* Each key of thumbq.conf is in docs/configuration.md, with its default. The manual page
 * thumbq.conf(5) is made of that file. */
#include "config/config_table.h"

#include <glib.h>
#include <string.h>

typedef struct {
    /* Section of the key: "bucket". */
    char *section;
    char *key;
    char *fallback;
} Line;

static void line_free(void *data)
{
    Line *line = data;
    g_free(line->section);
    g_free(line->key);
    g_free(line->fallback);
    g_free(line);
}

/* Returns a cell as the configuration has it: without the backquotes around it. */
static char *parse_cell(const char *cell)
{
    g_autofree char *text = g_strstrip(g_strdup(cell));
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '`' && text[len - 1] == '`')
        return g_strndup(text + 1, len - 2);
    return g_steal_pointer(&text);
}

/* Reads the rows of all tables below headings like "## [rendition NAME]". */
static GPtrArray *read_manual(void)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(THUMBQ_MANUAL, &text, NULL, NULL));
    GPtrArray *lines = g_ptr_array_new_with_free_func(line_free);
    g_auto(GStrv) rows = g_strsplit(text, "\n", 0);
    g_autofree char *section = NULL;
    for (char **row = rows; *row; row++) {
        if (g_str_has_prefix(*row, "## ")) {
            g_clear_pointer(&section, g_free);
            if (g_str_has_prefix(*row, "## ["))
                section = g_strndup(*row + 4, strcspn(*row + 4, " ]"));
        } else if (section && g_str_has_prefix(*row, "| `")) {
            g_auto(GStrv) cells = g_strsplit(*row, "|", 4);
            g_assert_cmpuint(g_strv_length(cells), ==, 4);
            Line *line = g_new0(Line, 1);
            line->section = g_strdup(section);
            line->key = parse_cell(cells[1]);
            line->fallback = parse_cell(cells[2]);
            g_ptr_array_add(lines, line);
        }
    }
    return lines;
}

static const Line *find_line(const GPtrArray *lines, const ConfigOption *option)
{
    for (guint i = 0; i < lines->len; i++) {
        const Line *line = lines->pdata[i];
        if (strcmp(line->section, config_schema.sections[option->section].name) == 0 &&
            strcmp(line->key, option->name) == 0)
            return line;
    }
    return NULL;
}

static void test_every_key_is_told(void)
{
    g_autoptr(GPtrArray) lines = read_manual();
    for (size_t i = 0; i < config_schema.n_options; i++) {
        const ConfigOption *option = &config_schema.options[i];
        const char *fallback = option->fallback ? option->fallback : "";
        const Section *section = &config_schema.sections[option->section];
        const Line *line = find_line(lines, option);
        if (!line || strcmp(line->fallback, fallback) != 0)
            g_test_message("write into docs/configuration.md, below '## [%s%s]': "
                           "| `%s` | %s%s%s | %s |",
                           section->name, section->plural ? " NAME" : "", option->name,
                           *fallback ? "`" : "", fallback, *fallback ? "`" : "", option->help);
        if (!line || strcmp(line->fallback, fallback) != 0)
            g_test_fail_printf("docs/configuration.md: '%s' in [%s] is missing, or its default is "
                               "not '%s'",
                               option->name, section->name, fallback);
    }
}

/* The manual has no key that was renamed or removed. */
static void test_every_line_is_a_key(void)
{
    g_autoptr(GPtrArray) lines = read_manual();
    g_assert_cmpuint(lines->len, >, 20);
    for (guint i = 0; i < lines->len; i++) {
        const Line *line = lines->pdata[i];
        bool found = false;
        for (int type = 0; type < SECTION_TYPES; type++)
            found |= strcmp(config_schema.sections[type].name, line->section) == 0 &&
                     config_find_option(&config_schema, type, line->key);
        if (!found)
            g_test_fail_printf("docs/configuration.md tells of '%s' in [%s], which thumbq does not "
                               "know: remove the line",
                               line->key, line->section);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/manual/every-key-is-told", test_every_key_is_told);
    g_test_add_func("/manual/every-line-is-a-key", test_every_line_is_a_key);
    return g_test_run();
}
