#include "config.h"

#include "config_table.h"
#include "error.h"
#include "file.h"
#include "object.h"
#include "units.h"

#include <fnmatch.h>
#include <string.h>

/* The renditions and the schedule that hold without a file, in the file's own form. */
static const char default_text[] = "[rendition small]\n"
                                   "size = 256x256\n"
                                   "format = webp\n"
                                   "quality = 80\n"
                                   "[rendition large]\n"
                                   "size = 1024x1024\n"
                                   "format = jpeg\n"
                                   "quality = 82\n"
                                   "[schedule nightly]\n"
                                   "cron = 0 3 * * *\n"
                                   "run = sweep all\n";

/* Where in which file the parser is. */
typedef struct {
    Config *config;
    const char *name;
    int line;
    bool in_section;
    SectionType section;
    void *base; /* what the options of the section are fields of */
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

static void set_defaults(SectionType section, void *base)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const Option *option = &config_options[i];
        if (option->section == section && option->fallback)
            g_assert_true(config_option_parse(option, option->fallback, base, NULL));
    }
}

static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < RENDITION_NAME_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static bool open_rendition(Parser *parser, const char *name, GError **error)
{
    Config *config = parser->config;

    for (size_t i = 0; i < config->n_renditions; i++) {
        if (strcmp(config->renditions[i].name, name) == 0)
            return fail(parser, error, "there are two renditions named '%s'", name);
    }
    if (config->n_renditions == RENDITIONS_MAX)
        return fail(parser, error, "more than %d renditions", RENDITIONS_MAX);
    Rendition *rendition = &config->renditions[config->n_renditions++];
    *rendition = (Rendition){0};
    g_strlcpy(rendition->name, name, sizeof rendition->name);
    parser->base = rendition;
    return true;
}

static bool open_schedule(Parser *parser, const char *name, GError **error)
{
    Config *config = parser->config;

    for (size_t i = 0; i < config->n_schedules; i++) {
        if (strcmp(config->schedules[i].name, name) == 0)
            return fail(parser, error, "there are two schedules named '%s'", name);
    }
    if (config->n_schedules == CONFIG_SCHEDULES_MAX)
        return fail(parser, error, "more than %d schedules", CONFIG_SCHEDULES_MAX);
    ScheduleConfig *schedule = &config->schedules[config->n_schedules++];
    *schedule = (ScheduleConfig){.name = g_strdup(name)};
    parser->base = schedule;
    return true;
}

/* The section that `type` names, in *ret_section. */
static bool find_section(Parser *parser, const char *type, SectionType *ret_section, GError **error)
{
    const char *names[SECTION_TYPES];

    for (int i = 0; i < SECTION_TYPES; i++) {
        names[i] = config_section_name((SectionType)i);
        if (strcmp(names[i], type) == 0) {
            *ret_section = (SectionType)i;
            return true;
        }
    }
    g_autofree char *guess = hint(type, names, SECTION_TYPES);
    return fail(parser, error, "unknown section '%s'%s", type, guess);
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

    if (!find_section(parser, type, &parser->section, error))
        return false;
    parser->in_section = true;
    if (!config_section_is_named(parser->section)) {
        parser->base = parser->config;
        return *name == '\0' || fail(parser, error, "the section '%s' takes no name", type);
    }
    if (!name_is_valid(name))
        return fail(parser, error,
                    "[%s NAME] wants a name of at most %d letters a-z, digits, '.', '_' or '-'",
                    type, RENDITION_NAME_MAX - 1);
    bool opened = parser->section == SECTION_RENDITION ? open_rendition(parser, name, error)
                                                       : open_schedule(parser, name, error);
    if (opened)
        set_defaults(parser->section, parser->base);
    return opened;
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
                config_section_name(parser->section), guess);
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
    if (!config_option_parse(option, value, parser->base, &reason))
        return fail(parser, error, "%s: %s", key, reason->message);
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
    return true;
}

/* AVIF and JPEG XL are written without any metadata: their thumbnails are sRGB. */
static bool check_renditions(const Config *config, const char *name, GError **error)
{
    for (size_t i = 0; i < config->n_renditions; i++) {
        const Rendition *rendition = &config->renditions[i];
        bool carries = rendition->format != FORMAT_AVIF && rendition->format != FORMAT_JXL;
        if (rendition->keep != KEEP_NONE && !carries) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "%s: [rendition %s] %s thumbnails carry no metadata; leave out 'keep', or "
                        "choose webp, jpeg or png",
                        name, rendition->name, format_name(rendition->format));
            return false;
        }
    }
    return true;
}

/* What no single line can show. */
static bool check_whole(const Config *config, const char *name, GError **error)
{
    for (size_t i = 0; i < config->n_schedules; i++) {
        const ScheduleConfig *schedule = &config->schedules[i];
        if (!schedule->cron || !schedule->run) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s: [schedule %s] has no '%s'", name,
                        schedule->name, schedule->cron ? "run" : "cron");
            return false;
        }
    }
    if (object_key_is_below(config->state, config->prefix) ||
        object_key_is_below(config->prefix, config->state)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "%s: 'prefix' and 'state' may not be the same folder or inside each other",
                    name);
        return false;
    }
    return true;
}

static bool path_is_clean(const char *path)
{
    return object_key_is_valid(path[0] == '/' ? path + 1 : path);
}

static bool check_paths(const Config *config, const char *name, GError **error)
{
    const char *const paths[] = {config->prefix, config->state};
    static const char *const keys[] = {"prefix", "state"};

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (!path_is_clean(paths[i])) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "%s: %s: '%s' must be a folder without '.', '..' or a '/' at the end", name,
                        keys[i], paths[i]);
            return false;
        }
    }
    return true;
}

static Config *parse_one(Config *config, const char *text, const char *name, GError **error)
{
    g_autofree char *copy = g_strdup(text);
    Parser parser = {.config = config, .name = name};

    if (!parse_lines(&parser, copy, error) || !check_paths(config, name, error) ||
        !check_renditions(config, name, error) || !check_whole(config, name, error))
        return NULL;
    for (size_t i = 0; i < config->n_renditions; i++)
        rendition_compute_recipe(&config->renditions[i]);
    return config;
}

static Config *new_with_scalars(void)
{
    Config *config = g_new0(Config, 1);

    set_defaults(SECTION_BUCKET, config);
    set_defaults(SECTION_HANDLER, config);
    set_defaults(SECTION_DESTINATION, config);
    return config;
}

Config *config_parse(const char *text, const char *name, GError **error)
{
    g_autoptr(Config) config = new_with_scalars();
    g_autoptr(Config) defaults = new_with_scalars();

    if (!parse_one(config, text, name, error))
        return NULL;

    /* A file that names no rendition keeps the built-in ones; the same for schedules. */
    g_assert_nonnull(parse_one(defaults, default_text, "defaults", NULL));
    if (config->n_renditions == 0) {
        memcpy(config->renditions, defaults->renditions, sizeof config->renditions);
        config->n_renditions = defaults->n_renditions;
    }
    if (config->n_schedules == 0) {
        memcpy(config->schedules, defaults->schedules, sizeof config->schedules);
        config->n_schedules = defaults->n_schedules;
        defaults->n_schedules = 0; /* their texts belong to `config` now */
    }
    return g_steal_pointer(&config);
}

Config *config_load(const char *path, GError **error)
{
    size_t len;

    if (!path)
        return config_parse("", "defaults", error);
    g_autofree char *text = file_read(path, CONFIG_FILE_MAX, &len, error);
    if (!text)
        return NULL;
    if (strlen(text) != len) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s: the file holds NUL bytes", path);
        return NULL;
    }
    Config *config = config_parse(text, path, error);
    if (config)
        config->path = g_strdup(path);
    return config;
}

bool config_set_sizes(Config *config, const char *sizes, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(sizes, ",", RENDITIONS_MAX + 1);
    const Option *size = config_find_option(SECTION_RENDITION, "size");
    size_t n = g_strv_length(parts);

    if (n > RENDITIONS_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "more than %d sizes", RENDITIONS_MAX);
        return false;
    }

    Rendition renditions[RENDITIONS_MAX] = {0};
    for (size_t i = 0; i < n; i++) {
        set_defaults(SECTION_RENDITION, &renditions[i]);
        if (!config_option_parse(size, parts[i], &renditions[i], error))
            return false;
        g_snprintf(renditions[i].name, sizeof renditions[i].name, "%dx%d", renditions[i].width,
                   renditions[i].height);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(renditions[i].name, renditions[j].name) == 0) {
                g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the size '%s' is given twice",
                            renditions[i].name);
                return false;
            }
        }
        rendition_compute_recipe(&renditions[i]);
    }
    if (n == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "no size is given; write 256x256");
        return false;
    }
    memcpy(config->renditions, renditions, sizeof renditions);
    config->n_renditions = n;
    return true;
}

bool config_set_jobs(Config *config, const char *jobs, GError **error)
{
    return config_option_parse(config_find_option(SECTION_HANDLER, "concurrency"), jobs, config,
                               error);
}

static void print_section(SectionType section, const char *name, const void *base, FILE *out)
{
    fprintf(out, name ? "[%s %s]\n" : "[%s]\n", config_section_name(section), name);
    for (size_t i = 0; i < config_n_options; i++) {
        const Option *option = &config_options[i];
        if (option->section != section)
            continue;
        g_autofree char *value = config_option_format(option, base);
        fprintf(out, "# %s\n%s = %s\n", option->help, option->name, value);
    }
}

void config_print(const Config *config, FILE *out)
{
    print_section(SECTION_BUCKET, NULL, config, out);
    fputc('\n', out);
    print_section(SECTION_HANDLER, NULL, config, out);
    fputc('\n', out);
    print_section(SECTION_DESTINATION, NULL, config, out);
    for (size_t i = 0; i < config->n_renditions; i++) {
        fputc('\n', out);
        print_section(SECTION_RENDITION, config->renditions[i].name, &config->renditions[i], out);
    }
    for (size_t i = 0; i < config->n_schedules; i++) {
        fputc('\n', out);
        print_section(SECTION_SCHEDULE, config->schedules[i].name, &config->schedules[i], out);
    }
}

void config_free(Config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->n_schedules; i++) {
        g_free(config->schedules[i].name);
        g_free(config->schedules[i].cron);
        g_free(config->schedules[i].timezone);
        g_free(config->schedules[i].run);
    }
    g_free(config->path);
    g_free(config->prefix);
    g_free(config->state);
    g_free(config->on_failure);
    g_free(config->on_success);
    g_strfreev(config->ignore);
    g_free(config);
}

bool config_ignores(const Config *config, const char *key)
{
    for (const char *component = key; component;) {
        const char *slash = strchr(component, '/');
        size_t len = slash ? (size_t)(slash - component) : strlen(component);
        g_autofree char *name = g_strndup(component, len);
        for (char **pattern = config->ignore; *pattern; pattern++) {
            if (fnmatch(*pattern, name, 0) == 0)
                return true;
        }
        component = slash ? slash + 1 : NULL;
    }
    return false;
}
