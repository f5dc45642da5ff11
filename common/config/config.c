/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/trusted.h"
#include "config/config_file.h"
#include "config/config_option.h"
#include "model/object.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

/* Beginning of the value of `run` of a trigger that calls a function. */
#define INVOKE "invoke "

/* Characters of the name of a function, and of its alias. Source: the API of AWS Lambda. */
#define FUNCTION_NAME_MAX 64

/* The built-in renditions and the built-in schedule, in the form of a configuration file. */
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

/* Returns the name of the file that has the section, for messages. */
static const char *origin_of(const Config *config, int section, size_t i)
{
    const char *origin = config->origins[section][i];

    return origin ? origin : g_ptr_array_index(config->files, 0);
}

const char *config_schedule_file(const Config *config, const ScheduleConfig *schedule)
{
    return origin_of(config, SECTION_SCHEDULE, (size_t)(schedule - config->schedules));
}

/* Thumbnails in AVIF and JPEG XL have no metadata, so they are always sRGB. */
static bool check_renditions(const Config *config, GError **error)
{
    for (size_t i = 0; i < config->n_renditions; i++) {
        const Rendition *rendition = &config->renditions[i];
        bool carries = rendition->format != FORMAT_AVIF && rendition->format != FORMAT_JXL;
        if (rendition->keep != KEEP_NONE && !carries) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "%s: [rendition %s] %s thumbnails carry no metadata; leave out 'keep', or "
                        "choose webp, jpeg or png",
                        origin_of(config, SECTION_RENDITION, i), rendition->name,
                        format_name(rendition->format));
            return false;
        }
    }
    return true;
}

static bool check_folders(const Config *config, GError **error)
{
    const char *name = origin_of(config, SECTION_BUCKET, 0);

    if (object_key_is_below(config->state, config->prefix) ||
        object_key_is_below(config->prefix, config->state)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "%s: 'prefix' and 'state' may not be the same folder or inside each other",
                    name);
        return false;
    }
    return true;
}

/* True for a path without "." and "..", below the bucket or absolute. */
static bool path_is_clean(const char *path)
{
    return object_key_is_valid(path[0] == '/' ? path + 1 : path);
}

static bool check_paths(const Config *config, GError **error)
{
    const char *name = origin_of(config, SECTION_BUCKET, 0);
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
    if (alarm->period_us % CLOCK_MINUTE_US != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "period: not in whole minutes");
        return false;
    }
    if (*alarm->notify && (!g_str_has_prefix(alarm->notify, "exec ") ||
                           alarm->notify[strspn(alarm->notify + 5, " ") + 5] == '\0')) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "notify: '%s' is not a command; write exec COMMAND", alarm->notify);
        return false;
    }
    return true;
}

static bool check_alarms(const Config *config, GError **error)
{
    for (size_t i = 0; i < config->n_alarms; i++) {
        const AlarmConfig *alarm = &config->alarms[i];
        g_autoptr(GError) reason = NULL;
        if (!check_alarm(alarm, &reason)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s:%d: [alarm %s] %s",
                        origin_of(config, SECTION_ALARM, i), alarm->line, alarm->name,
                        reason->message);
            return false;
        }
    }
    return true;
}

const char *config_trigger_function(const TriggerConfig *trigger)
{
    if (!g_str_has_prefix(trigger->run, INVOKE))
        return NULL;
    const char *function = trigger->run + strlen(INVOKE);
    return function + strspn(function, " ");
}

/* Returns the length of a name of a function, or of its alias, at the beginning of `text`. */
static size_t function_name_len(const char *text)
{
    return strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_");
}

/* True for "NAME" and "NAME:ALIAS". */
static bool is_function(const char *text)
{
    size_t len = function_name_len(text);
    const char *rest = text + len;

    if (len < 1 || len > FUNCTION_NAME_MAX)
        return false;
    if (*rest == ':') {
        len = function_name_len(++rest);
        rest += len;
    }
    return len >= 1 && len <= FUNCTION_NAME_MAX && *rest == '\0';
}

/* Returns why the trigger cannot work, or NULL. */
static const char *trigger_objection(const Config *config, const TriggerConfig *trigger)
{
    if (config->durability == DURABILITY_NONE)
        return "a trigger needs 'durability = full' or 'store': with 'none' a crash may lose "
               "events, and nothing would tell";
    if (trigger->on == 0)
        return "on: 'none' delivers nothing";
    const char *function = config_trigger_function(trigger);
    if (function)
        return is_function(function) ? NULL
                                     : "run: the value names no function; write invoke NAME or "
                                       "invoke NAME:ALIAS, of letters, digits, '-' and '_'";
    if (!g_str_has_prefix(trigger->run, "exec ") ||
        trigger->run[strspn(trigger->run + 5, " ") + 5] == '\0')
        return "run: the value is neither a command nor a function; write exec COMMAND or invoke "
               "NAME";
    return NULL;
}

static bool check_triggers(const Config *config, GError **error)
{
    for (size_t i = 0; i < config->n_triggers; i++) {
        const TriggerConfig *trigger = &config->triggers[i];
        const char *objection = trigger_objection(config, trigger);
        if (objection) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s:%d: [trigger %s] %s",
                        origin_of(config, SECTION_TRIGGER, i), trigger->line, trigger->name,
                        objection);
            return false;
        }
    }
    return true;
}

/*
 * Checks that each rule that deletes files less than a day old is confirmed: such a rule is more
 * often a mistake than a wish.
 */
static bool check_lifecycle(const Config *config, GError **error)
{
    for (size_t i = 0; i < config->n_lifecycle; i++) {
        const LifecycleConfig *rule = &config->lifecycle[i];
        const char *name = origin_of(config, SECTION_LIFECYCLE, i);
        if (!object_prefix_is_possible(rule->prefix)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "%s:%d: [lifecycle %s] prefix: no name begins with '%s'; names begin at "
                        "the bucket, without '/' or './': write '%s'",
                        name, rule->line, rule->name, rule->prefix,
                        object_prefix_bare(rule->prefix));
            return false;
        }
        if (rule->target != LIFECYCLE_OBJECTS || rule->expire_us >= CLOCK_DAY_US ||
            rule->expire_confirm)
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

/* Checks that need more than one line of the configuration. */
static bool check_whole(const Config *config, GError **error)
{
    return check_paths(config, error) && check_renditions(config, error) &&
           check_folders(config, error) && check_lifecycle(config, error) &&
           check_alarms(config, error) && check_triggers(config, error);
}

static Config *new_with_scalars(void)
{
    Config *config = g_new0(Config, 1);

    config->files = g_ptr_array_new_with_free_func(g_free);
    for (int section = 0; section < SECTION_TYPES; section++) {
        if (!config_schema.sections[section].plural)
            config_option_set_defaults(&config_schema, section, config);
    }
    return config;
}

/*
 * Moves the rows of `from`, with the memory they own, to a `config` that has no rows of the
 * section.
 */
static void move_rows(Config *config, Config *from, int section)
{
    size_t n = config_section_count(&config_schema, from, section);

    if (config_section_count(&config_schema, config, section) > 0)
        return;
    memcpy(config_section_row(&config_schema, config, section, 0),
           config_section_row(&config_schema, from, section, 0),
           n * config_schema.sections[section].row_size);
    config_section_set_count(&config_schema, config, section, n);
    config_section_set_count(&config_schema, from, section, 0);
}

/* Adds the built-in sections and computes the values that depend on the whole configuration. */
static bool complete(Config *config, GError **error)
{
    g_autoptr(Config) defaults = new_with_scalars();

    /* A file without any rendition gets the built-in ones; the same holds for schedules. */
    g_assert_true(config_file_read(defaults, default_text, "defaults", false, NULL));
    move_rows(config, defaults, SECTION_RENDITION);
    for (size_t i = 0; i < defaults->n_schedules; i++)
        /* A built-in schedule has no line in a file. */
        defaults->schedules[i].line = 0;
    move_rows(config, defaults, SECTION_SCHEDULE);
    if (!check_whole(config, error))
        return false;
    for (size_t i = 0; i < config->n_renditions; i++)
        rendition_compute_recipe(&config->renditions[i]);
    return true;
}

/* Reads the main file alone; the built-in sections are added later. */
static Config *begin(const char *text, const char *name, GError **error)
{
    g_autoptr(Config) config = new_with_scalars();

    config->text = g_strdup(text);
    g_ptr_array_add(config->files, g_strdup(name));
    if (!config_file_read(config, text, g_ptr_array_index(config->files, 0), false, error))
        return NULL;
    return g_steal_pointer(&config);
}

Config *config_parse(const char *text, const char *name, GError **error)
{
    g_autoptr(Config) config = begin(text, name, error);

    if (!config || !complete(config, error))
        return NULL;
    return g_steal_pointer(&config);
}

Config *config_with_fragments(const Config *main, int state_fd, GError **error)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Config) config = begin(main->text, g_ptr_array_index(main->files, 0), error);

    if (!config || !config_fragments_read(state_fd, config->files, texts, error))
        return NULL;
    config->path = g_strdup(main->path);
    for (guint i = 0; i < texts->len; i++) {
        const char *name = g_ptr_array_index(config->files, i + 1);
        if (!config_file_read(config, g_ptr_array_index(texts, i), name, true, error))
            return NULL;
    }
    return complete(config, error) ? g_steal_pointer(&config) : NULL;
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
    const ConfigOption *size = config_find_option(&config_schema, SECTION_RENDITION, "size");
    size_t n = g_strv_length(parts);

    if (n > RENDITIONS_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "more than %d sizes", RENDITIONS_MAX);
        return false;
    }

    Rendition renditions[RENDITIONS_MAX] = {0};
    for (size_t i = 0; i < n; i++) {
        config_option_set_defaults(&config_schema, SECTION_RENDITION, &renditions[i]);
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
    return config_option_parse(config_find_option(&config_schema, SECTION_HANDLER, "concurrency"),
                               jobs, config, error);
}

bool config_set_isolation(Config *config, const char *isolation, GError **error)
{
    return config_option_parse(config_find_option(&config_schema, SECTION_HANDLER, "isolation"),
                               isolation, config, error);
}

void config_print(const Config *config, FILE *out)
{
    config_file_print(config, out);
}

void config_free(Config *config)
{
    if (!config)
        return;
    config_schema_clear(&config_schema, config);
    g_ptr_array_unref(config->files);
    g_free(config->text);
    g_free(config->path);
    g_free(config);
}

/*
 * Checks that the pattern matches the name. fnmatch takes a microsecond. Nearly all patterns are a
 * fixed name, or a fixed beginning, a '*' and a fixed end, which are compared directly.
 */
static bool matches(const char *pattern, const char *name)
{
    static const char special[] = "*?[\\";
    const size_t begin = strcspn(pattern, special);
    const char *end = pattern + begin + 1;

    if (!pattern[begin])
        return strcmp(pattern, name) == 0;
    if (pattern[begin] != '*' || end[strcspn(end, special)])
        return fnmatch(pattern, name, 0) == 0;
    return strncmp(pattern, name, begin) == 0 && g_str_has_suffix(name + begin, end);
}

/*
 * Matches a pattern that contains a '/' with a whole path below the bucket. A '/' at either end of
 * the pattern has no further meaning.
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
