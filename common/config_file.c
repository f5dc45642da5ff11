/* SPDX-License-Identifier: Apache-2.0 */
#include "config_file.h"

#include "config_option.h"
#include "error.h"
#include "units.h"
#include "wrap.h"

#include <string.h>

/* Where in which file the parser is. */
typedef struct {
    Config *config;
    const char *name;
    int line;
    bool in_section;
    SectionType section;
    int section_line;
    void *base;  /* what the options of the section are fields of */
    bool *given; /* for each option: the section has it */
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

/* "; did you mean 'x'?" or "". Owner: the caller frees. */
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

/* A new row for [rendition small], with its defaults. */
static bool open_row(Parser *parser, const char *name, GError **error)
{
    const Section *section = &config_sections[parser->section];
    size_t n = config_section_count(parser->config, parser->section);

    for (size_t i = 0; i < n; i++) {
        const char *other = config_section_row(parser->config, parser->section, i);
        if (strcmp(other, name) == 0)
            return fail(parser, error, "there are two %s named '%s'", section->plural, name);
    }
    if (n == section->max)
        return fail(parser, error, "more than %zu %s", section->max, section->plural);
    parser->base = config_section_row(parser->config, parser->section, n);
    memset(parser->base, 0, section->row_size);
    g_strlcpy(parser->base, name, CONFIG_NAME_MAX);
    if (section->line)
        G_STRUCT_MEMBER(int, parser->base, section->line) = parser->line;
    config_section_set_count(parser->config, parser->section, n + 1);
    config_option_set_defaults(parser->section, parser->base);
    return true;
}

/* The section that `type` names, in *ret_section. */
static bool find_section(Parser *parser, const char *type, SectionType *ret_section, GError **error)
{
    const char *names[SECTION_TYPES];

    for (int i = 0; i < SECTION_TYPES; i++) {
        names[i] = config_sections[i].name;
        if (strcmp(names[i], type) == 0) {
            *ret_section = (SectionType)i;
            return true;
        }
    }
    g_autofree char *guess = hint(type, names, SECTION_TYPES);
    return fail(parser, error, "unknown section '%s'%s", type, guess);
}

/* The section ends here: it must have had what has no default. */
static bool end_section(Parser *parser, GError **error)
{
    for (size_t i = 0; parser->in_section && i < config_n_options; i++) {
        const Option *option = &config_options[i];
        if (option->section != parser->section || option->fallback || parser->given[i])
            continue;
        parser->line = parser->section_line;
        return fail(parser, error, "[%s %s] has no '%s'", config_sections[option->section].name,
                    (const char *)parser->base, option->name);
    }
    return true;
}

/* "[handler]" or "[rendition small]". */
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
    memset(parser->given, 0, config_n_options * sizeof *parser->given);
    if (!config_sections[parser->section].plural) {
        parser->base = parser->config;
        return *name == '\0' || fail(parser, error, "the section '%s' takes no name", type);
    }
    if (!name_is_valid(name))
        return fail(parser, error,
                    "[%s NAME] wants a name of at most %d letters a-z, digits, '.', '_' or '-'",
                    type, CONFIG_NAME_MAX - 1);
    return open_row(parser, name, error);
}

static bool unknown_key(Parser *parser, const char *key, GError **error)
{
    const char *names[32];
    size_t n = 0;

    for (size_t i = 0; i < config_n_options && n < G_N_ELEMENTS(names); i++) {
        if (config_options[i].section == parser->section)
            names[n++] = config_options[i].name;
    }
    g_autofree char *guess = hint(key, names, n);
    return fail(parser, error, "unknown key '%s' in [%s]%s", key,
                config_sections[parser->section].name, guess);
}

/* " # words" behind a value. A command line may have comments of its own. */
static bool has_comment(const Option *option, const char *value)
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

    const Option *option = config_find_option(parser->section, key);
    if (!option)
        return unknown_key(parser, key, error);
    if (has_comment(option, value))
        return fail(parser, error,
                    "%s: a comment stands behind the value '%s'; comments are lines of their own",
                    key, value);
    if (!config_option_parse(option, value, parser->base, &reason))
        return fail(parser, error, "%s: %s", key, reason->message);
    parser->given[option - config_options] = true;
    return true;
}

/* `text` is cut up while it is read. */
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

bool config_file_read(Config *config, const char *text, const char *name, GError **error)
{
    g_autofree char *copy = g_strdup(text);
    g_autofree bool *given = g_new0(bool, config_n_options);
    Parser parser = {.config = config, .name = name, .given = given};

    return parse_lines(&parser, copy, error);
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

static void print_section(SectionType section, const char *name, const void *base, FILE *out)
{
    fprintf(out, name ? "[%s %s]\n" : "[%s]\n", config_sections[section].name, name);
    for (size_t i = 0; i < config_n_options; i++) {
        const Option *option = &config_options[i];
        if (option->section != section)
            continue;
        g_autofree char *value = config_option_format(option, base);
        g_autoptr(GString) help = g_string_new("# ");
        wrap_append(help, help->len, option->help, "# ", WRAP_WIDTH);
        fprintf(out, "%s\n%s = %s\n", help->str, option->name, value);
    }
}

void config_file_print(const Config *config, FILE *out)
{
    for (SectionType section = 0; section < SECTION_TYPES; section++) {
        for (size_t i = 0; i < config_section_count(config, section); i++) {
            const void *base = config_section_row(config, section, i);
            if (section > 0)
                fputc('\n', out);
            print_section(section, config_sections[section].plural ? base : NULL, base, out);
        }
    }
}
