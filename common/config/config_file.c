/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config_file.h"

#include "base/error.h"
#include "base/units.h"
#include "base/wrap.h"
#include "config/config_option.h"

#include <string.h>

/* Position of the parser in a file. */
typedef struct {
    const ConfigSchema *schema;
    /* The configuration. */
    void *whole;
    ConfigOrigins *origins;
    const char *name;
    int line;
    bool is_fragment;
    bool in_section;
    int section;
    int section_line;
    /* The struct whose fields are the options of the section. */
    void *base;
    /* For each option: true if the section sets it. */
    bool *given;
} Parser;

static bool fail(const Parser *parser, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

static bool fail(const Parser *parser, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s:%d: %s", parser->name, parser->line,
                message);
    return false;
}

/* Returns "; did you mean 'x'?" or "". Owner: the caller frees. */
static char *hint(const char *text, const char *const *names, size_t n)
{
    const char *nearest = units_nearest(text, names, n);
    return nearest ? g_strdup_printf("; did you mean '%s'?", nearest) : g_strdup("");
}

static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < CONFIG_NAME_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

/*
 * Returns "; the other is in 'thumbq.conf'" if `origin` is another file than the parser's, else "".
 * Owner: the caller frees.
 */
static char *where_else(const Parser *parser, const char *origin)
{
    bool is_other = origin && strcmp(origin, parser->name) != 0;

    return is_other ? g_strdup_printf("; the other is in '%s'", origin) : g_strdup("");
}

/* Opens a section without a name, which a file may have once. */
static bool open_single(Parser *parser, GError **error)
{
    const char **origin = &(*parser->origins)[parser->section][0];

    if (*origin) {
        g_autofree char *where = where_else(parser, *origin);
        return fail(parser, error, "there are two sections [%s]%s",
                    parser->schema->sections[parser->section].name, where);
    }
    *origin = parser->name;
    parser->base = parser->whole;
    return true;
}

/* Opens a section with a name, such as [rendition small]: adds a row with the default options. */
static bool open_row(Parser *parser, const char *name, GError **error)
{
    const Section *section = &parser->schema->sections[parser->section];
    size_t n = config_section_count(parser->schema, parser->whole, parser->section);

    for (size_t i = 0; i < n; i++) {
        const char *other = config_section_row(parser->schema, parser->whole, parser->section, i);
        if (strcmp(other, name) != 0)
            continue;
        g_autofree char *where = where_else(parser, (*parser->origins)[parser->section][i]);
        return fail(parser, error, "there are two %s named '%s'%s", section->plural, name, where);
    }
    if (n == section->max)
        return fail(parser, error, "more than %zu %s", section->max, section->plural);
    parser->base = config_section_row(parser->schema, parser->whole, parser->section, n);
    memset(parser->base, 0, section->row_size);
    g_strlcpy(parser->base, name, CONFIG_NAME_MAX);
    if (section->line)
        G_STRUCT_MEMBER(int, parser->base, section->line) = parser->line;
    (*parser->origins)[parser->section][n] = parser->name;
    config_section_set_count(parser->schema, parser->whole, parser->section, n + 1);
    config_option_set_defaults(parser->schema, parser->section, parser->base);
    return true;
}

/* Finds the section of the name `type`. */
static bool find_section(Parser *parser, const char *type, int *ret_section, GError **error)
{
    const int n = parser->schema->n_sections;
    g_autofree const char **names = g_new(const char *, (size_t)n);

    for (int i = 0; i < n; i++) {
        names[i] = parser->schema->sections[i].name;
        if (strcmp(names[i], type) == 0) {
            *ret_section = i;
            return true;
        }
    }
    g_autofree char *guess = hint(type, names, (size_t)n);
    return fail(parser, error, "unknown section '%s'%s", type, guess);
}

/* Ends a section: reports options that are missing and have no default. */
static bool end_section(Parser *parser, GError **error)
{
    for (size_t i = 0; parser->in_section && i < parser->schema->n_options; i++) {
        const ConfigOption *option = &parser->schema->options[i];
        if (option->section != parser->section || option->fallback || parser->given[i])
            continue;
        parser->line = parser->section_line;
        return fail(parser, error, "[%s %s] has no '%s'",
                    parser->schema->sections[option->section].name, (const char *)parser->base,
                    option->name);
    }
    return true;
}

/* Parses "[handler]" or "[rendition small]". */
static bool parse_section(Parser *parser, char *text, GError **error)
{
    char *end = strchr(text, ']');

    if (!end || end[1] != '\0')
        return fail(parser, error, "a section is written [name]");
    *end = '\0';
    char *type = g_strstrip(text + 1);
    char *name = type + strcspn(type, " \t");
    if (*name)
        *name++ = '\0';
    g_strchug(name);

    if (!end_section(parser, error) || !find_section(parser, type, &parser->section, error))
        return false;
    parser->in_section = true;
    parser->section_line = parser->line;
    memset(parser->given, 0, parser->schema->n_options * sizeof *parser->given);
    if (!parser->schema->sections[parser->section].plural && *name)
        return fail(parser, error, "the section '%s' takes no name", type);
    if (!parser->schema->sections[parser->section].plural)
        return open_single(parser, error);
    if (!name_is_valid(name))
        return fail(parser, error,
                    "[%s NAME] needs a name of at most %d letters a-z, digits, '.', '_' or '-'",
                    type, CONFIG_NAME_MAX - 1);
    return open_row(parser, name, error);
}

static bool unknown_key(Parser *parser, const char *key, GError **error)
{
    const char *names[32];
    size_t n = 0;

    for (size_t i = 0; i < parser->schema->n_options && n < G_N_ELEMENTS(names); i++) {
        if (parser->schema->options[i].section == parser->section)
            names[n++] = parser->schema->options[i].name;
    }
    g_autofree char *guess = hint(key, names, n);
    return fail(parser, error, "unknown key '%s' in [%s]%s", key,
                parser->schema->sections[parser->section].name, guess);
}

/*
 * True if a comment (" # words") follows the value. The command of an `exec` may contain a '#' of
 * its own.
 */
static bool has_comment(const ConfigOption *option, const char *value)
{
    bool is_command = strcmp(option->name, "run") == 0 || strcmp(option->name, "notify") == 0;

    if (is_command && g_str_has_prefix(value, "exec "))
        return false;
    for (const char *at = value; (at = strpbrk(at, "#;")); at++) {
        bool has_blanks =
            (at == value || g_ascii_isspace(at[-1])) && (at[1] == '\0' || g_ascii_isspace(at[1]));
        if (has_blanks && !(*at == ';' && option->type == OPTION_PATTERNS))
            return true;
    }
    return false;
}

/* Parses a line "key = value" of the current section, and sets the option. */
static bool parse_key(Parser *parser, char *text, GError **error)
{
    g_autoptr(GError) reason = NULL;
    char *equals = strchr(text, '=');

    if (!equals)
        return fail(parser, error, "'%s' is neither [section] nor key = value", text);
    *equals = '\0';
    char *key = g_strchomp(text);
    char *value = g_strchug(equals + 1);
    if (!parser->in_section)
        return fail(parser, error, "'%s' stands before any section", key);

    const ConfigOption *option = config_find_option(parser->schema, parser->section, key);
    if (!option)
        return unknown_key(parser, key, error);
    if (parser->is_fragment && parser->section == (int)SECTION_BUCKET &&
        (strcmp(key, "path") == 0 || strcmp(key, "state") == 0))
        return fail(parser, error, "'%s' must be in the main file: it decides where this file is",
                    key);
    if (has_comment(option, value))
        return fail(parser, error,
                    "%s: a comment stands behind the value '%s'; comments are lines of their own",
                    key, value);
    if (!config_option_parse(option, value, parser->base, &reason))
        return fail(parser, error, "%s: %s", key, reason->message);
    parser->given[option - parser->schema->options] = true;
    return true;
}

/* Parses the lines of `text` and cuts it into pieces while it reads. */
static bool parse_lines(Parser *parser, char *text, GError **error)
{
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        parser->line++;
        if (!g_utf8_validate(line, -1, NULL))
            return fail(parser, error, "the line is not UTF-8");
        g_strstrip(line);
        if (*line == '\0' || *line == '#' || *line == ';')
            continue;
        bool parsed =
            *line == '[' ? parse_section(parser, line, error) : parse_key(parser, line, error);
        if (!parsed)
            return false;
    }
    return end_section(parser, error);
}

static bool read_text(Parser *parser, const char *text, GError **error)
{
    g_autofree char *copy = g_strdup(text);
    g_autofree bool *given = g_new0(bool, parser->schema->n_options);

    parser->given = given;
    return parse_lines(parser, copy, error);
}

bool config_text_read(const ConfigSchema *schema, void *base, ConfigOrigins *origins,
                      const char *text, const char *name, GError **error)
{
    Parser parser = {.schema = schema, .whole = base, .origins = origins, .name = name};

    return read_text(&parser, text, error);
}

bool config_file_read(Config *config, const char *text, const char *name, bool fragment,
                      GError **error)
{
    Parser parser = {.schema = &config_schema,
                     .whole = config,
                     .origins = &config->origins,
                     .name = name,
                     .is_fragment = fragment};

    return read_text(&parser, text, error);
}

char *config_peek_path(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    bool in_bucket = false;

    for (char **at = lines; *at; at++) {
        char *line = g_strstrip(*at);
        char *equals = strchr(line, '=');
        if (*line == '[')
            in_bucket = strcmp(line, "[bucket]") == 0;
        if (!in_bucket || *line == '#' || *line == ';' || !equals)
            continue;
        *equals = '\0';
        if (strcmp(g_strchomp(line), "path") == 0)
            return g_strdup(g_strchug(equals + 1));
    }
    return NULL;
}

/* Prints one section. `origin`: name of its file if that is to be printed, else NULL. */
static void print_section(const ConfigSchema *schema, int section, const void *base,
                          const char *origin, FILE *out)
{
    const Section *row = &schema->sections[section];

    if (origin) {
        g_autofree char *line = g_strdelimit(g_strdup(origin), "\r\n", '?');
        fprintf(out, "# from %s\n", line);
    }
    fprintf(out, row->plural ? "[%s %s]\n" : "[%s]\n", row->name, (const char *)base);
    for (size_t i = 0; i < schema->n_options; i++) {
        const ConfigOption *option = &schema->options[i];
        if (option->section != section)
            continue;
        g_autofree char *value = config_option_format(option, base);
        g_autoptr(GString) help = g_string_new("# ");
        wrap_append(help, help->len, option->help, "# ", WRAP_WIDTH);
        fprintf(out, "%s\n%s = %s\n", help->str, option->name, value);
    }
}

void config_text_print(const ConfigSchema *schema, const void *base, const ConfigOrigins *origins,
                       FILE *out)
{
    for (int section = 0; section < schema->n_sections; section++) {
        for (size_t i = 0; i < config_section_count(schema, base, section); i++) {
            if (section > 0)
                fputc('\n', out);
            print_section(schema, section, config_section_row(schema, base, section, i),
                          origins ? (*origins)[section][i] : NULL, out);
        }
    }
}

void config_file_print(const Config *config, FILE *out)
{
    config_text_print(&config_schema, config, config->files->len > 1 ? &config->origins : NULL,
                      out);
}
