/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "clock.h"
#include "config_file.h"
#include "config_option.h"
#include "error.h"
#include "object.h"
#include "trusted.h"

#include <fcntl.h>
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
                                   "run = sweep all\n"
                                   "catchup = once\n";

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

static bool check_folders(const Config *config, const char *name, GError **error)
{
    if (object_key_is_below(config->state, config->prefix) ||
        object_key_is_below(config->prefix, config->state)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "%s: 'prefix' and 'state' may not be the same folder or inside each other",
                    name);
        return false;
    }
    return true;
}

/* A path without "." and "..", below the bucket or absolute. */
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
    if (*config->bucket && (config->bucket[0] != '/' || !path_is_clean(config->bucket))) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "%s: path: '%s' must be the bucket's whole path, from '/' on, without '.', "
                    "'..' or a '/' at the end",
                    name, config->bucket);
        return false;
    }
    return true;
}

static bool check_alarm(const AlarmConfig *alarm, GError **error)
{
    Statistic statistic;

    if (!metric_parse_statistic(alarm->statistic, alarm->metric, &statistic, error)) {
        g_prefix_error(error, "statistic: ");
        return false;
    }
    if (alarm->period_us % (60 * CLOCK_US_PER_SEC) != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "period: not in whole minutes");
        return false;
    }
    if (*alarm->notify && (!g_str_has_prefix(alarm->notify, "exec ") ||
                           alarm->notify[strspn(alarm->notify + 5, " ") + 5] == '\0')) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "notify: '%s' is nothing that can be run; write exec COMMAND", alarm->notify);
        return false;
    }
    return true;
}

static bool check_alarms(const Config *config, const char *name, GError **error)
{
    for (size_t i = 0; i < config->n_alarms; i++) {
        const AlarmConfig *alarm = &config->alarms[i];
        g_autoptr(GError) reason = NULL;
        if (!check_alarm(alarm, &reason)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s:%d: [alarm %s] %s", name,
                        alarm->line, alarm->name, reason->message);
            return false;
        }
    }
    return true;
}

#define DAY_US (86400 * CLOCK_US_PER_SEC)

/* A rule that deletes files within the day they came is a slip more often than a wish. */
static bool check_lifecycle(const Config *config, const char *name, GError **error)
{
    for (size_t i = 0; i < config->n_lifecycle; i++) {
        const LifecycleConfig *rule = &config->lifecycle[i];
        if (!object_prefix_is_possible(rule->prefix)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "%s:%d: [lifecycle %s] prefix: no name begins with '%s'; names begin at "
                        "the bucket, without '/' or './': write '%s'",
                        name, rule->line, rule->name, rule->prefix,
                        object_prefix_bare(rule->prefix));
            return false;
        }
        if (rule->target != LIFECYCLE_OBJECTS || rule->expire_us >= DAY_US || rule->expire_confirm)
            continue;
        g_autofree char *age = clock_format_duration(rule->expire_us);
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "%s:%d: [lifecycle %s] expire: 'target = objects' would delete the files "
                    "themselves after %s; write at least 1d, or add 'expire_confirm = yes'",
                    name, rule->line, rule->name, age);
        return false;
    }
    return true;
}

/* What no single line can show. */
static bool check_whole(const Config *config, const char *name, GError **error)
{
    return check_paths(config, name, error) && check_renditions(config, name, error) &&
           check_folders(config, name, error) && check_lifecycle(config, name, error) &&
           check_alarms(config, name, error);
}

static Config *new_with_scalars(void)
{
    Config *config = g_new0(Config, 1);

    for (SectionType section = 0; section < SECTION_TYPES; section++) {
        if (!config_sections[section].plural)
            config_option_set_defaults(section, config);
    }
    return config;
}

/* Takes over the rows of `from`, with what they own, where `config` has none. */
static void take_rows(Config *config, Config *from, SectionType section)
{
    size_t n = config_section_count(from, section);

    if (config_section_count(config, section) > 0)
        return;
    memcpy(config_section_row(config, section, 0), config_section_row(from, section, 0),
           n * config_sections[section].row_size);
    config_section_set_count(config, section, n);
    config_section_set_count(from, section, 0);
}

Config *config_parse(const char *text, const char *name, GError **error)
{
    g_autoptr(Config) config = new_with_scalars();
    g_autoptr(Config) defaults = new_with_scalars();

    if (!config_file_read(config, text, name, error))
        return NULL;
    /* A file that names no rendition keeps the built-in ones; the same for schedules. */
    g_assert_true(config_file_read(defaults, default_text, "defaults", NULL));
    take_rows(config, defaults, SECTION_RENDITION);
    for (size_t i = 0; i < defaults->n_schedules; i++)
        defaults->schedules[i].line = 0; /* of no file */
    take_rows(config, defaults, SECTION_SCHEDULE);
    if (!check_whole(config, name, error))
        return NULL;
    for (size_t i = 0; i < config->n_renditions; i++)
        rendition_compute_recipe(&config->renditions[i]);
    return g_steal_pointer(&config);
}

Config *config_load_at(int dir_fd, const char *name, GError **error)
{
    size_t len;
    g_autofree char *path = trusted_path(dir_fd, name);
    g_autofree char *text = trusted_read(dir_fd, name, CONFIG_FILE_MAX, &len, error);

    if (!text)
        return NULL;
    if (strlen(text) != len) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s: the file holds NUL bytes", path);
        return NULL;
    }
    Config *config = config_parse(text, path, error);
    if (config)
        config->path = g_steal_pointer(&path);
    return config;
}

Config *config_load(const char *path, GError **error)
{
    return path ? config_load_at(AT_FDCWD, path, error) : config_parse("", "defaults", error);
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
        config_option_set_defaults(SECTION_RENDITION, &renditions[i]);
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

bool config_set_isolation(Config *config, const char *isolation, GError **error)
{
    return config_option_parse(config_find_option(SECTION_HANDLER, "isolation"), isolation, config,
                               error);
}

void config_print(const Config *config, FILE *out)
{
    config_file_print(config, out);
}

void config_free(Config *config)
{
    if (!config)
        return;
    for (SectionType section = 0; section < SECTION_TYPES; section++) {
        for (size_t i = 0; i < config_section_count(config, section); i++)
            config_option_clear_all(section, config_section_row(config, section, i));
    }
    g_free(config->path);
    g_free(config);
}

const char *durability_name(Durability durability)
{
    static const char *const names[] = {"full", "store", "none"};
    return names[durability];
}

const char *isolation_name(Isolation isolation)
{
    static const char *const names[] = {"file", "owner", "none"};
    return names[isolation];
}

const char *comparison_name(Comparison comparison)
{
    static const char *const names[] = {">=", ">", "<", "<="};
    return names[comparison];
}

const char *missing_data_name(MissingData missing)
{
    static const char *const names[] = {"missing", "notBreaching", "breaching", "ignore"};
    return names[missing];
}

const char *alarm_state_name(AlarmState state)
{
    static const char *const names[] = {"INSUFFICIENT_DATA", "OK", "ALARM"};
    return names[state];
}

const char *catchup_name(Catchup catchup)
{
    static const char *const names[] = {"none", "once", "all"};
    return names[catchup];
}

const char *lifecycle_target_name(LifecycleTarget target)
{
    static const char *const names[] = {"thumbnails", "objects"};
    return names[target];
}

/* fnmatch costs a microsecond, and nearly all patterns are a fixed beginning or end. */
static bool matches(const char *pattern, const char *name)
{
    static const char special[] = "*?[\\";
    size_t fixed = strcspn(pattern, special);

    if (pattern[fixed] == '*' && pattern[fixed + 1] == '\0')
        return strncmp(pattern, name, fixed) == 0;
    if (pattern[0] == '*' && pattern[1 + strcspn(pattern + 1, special)] == '\0')
        return g_str_has_suffix(name, pattern + 1);
    return fnmatch(pattern, name, 0) == 0;
}

/*
 * A pattern with a '/' in it is one of a path from the bucket on; a '/' at either end of it says no
 * more than that.
 */
static bool matches_path(const char *pattern, const char *path)
{
    g_autofree char *bare = g_strdup(*pattern == '/' ? pattern + 1 : pattern);
    size_t len = strlen(bare);

    if (len > 0 && bare[len - 1] == '/')
        bare[len - 1] = '\0';
    return fnmatch(bare, path, FNM_PATHNAME) == 0;
}

bool config_ignores_entry(const Config *config, const char *name, const char *path)
{
    for (char **pattern = config->ignore; *pattern; pattern++) {
        if (strchr(*pattern, '/') ? matches_path(*pattern, path) : matches(*pattern, name))
            return true;
    }
    return false;
}

bool config_ignores(const Config *config, const char *key)
{
    const char *component = key;

    for (;;) {
        const char *slash = strchr(component, '/');
        g_autofree char *path = slash ? g_strndup(key, (size_t)(slash - key)) : g_strdup(key);
        if (config_ignores_entry(config, path + (component - key), path))
            return true;
        if (!slash)
            return false;
        component = slash + 1;
    }
}
