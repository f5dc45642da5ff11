/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/setup.h"

#include "base/error.h"
#include "config/etc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STATE_PARENT "/var/lib/thumbq"

/* Returns true for a character that a unit's name may have unescaped. Source: systemd.unit(5). */
static bool is_plain(char c)
{
    return g_ascii_isalnum(c) || c == ':' || c == '_' || c == '.';
}

char *setup_escape_path(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    GString *escaped = g_string_new(NULL);

    for (char **part = parts; *part; part++) {
        /* A slash at either end, or a second one in a row. */
        if (!**part)
            continue;
        if (escaped->len > 0)
            g_string_append_c(escaped, '-');
        for (const char *c = *part; *c; c++) {
            bool is_first_dot = *c == '.' && escaped->len == 0;
            if (is_plain(*c) && !is_first_dot)
                g_string_append_c(escaped, *c);
            else
                g_string_append_printf(escaped, "\\x%02x", (unsigned char)*c);
        }
    }
    if (escaped->len == 0)
        g_string_append_c(escaped, '-');
    return g_string_free(escaped, FALSE);
}

/* Chooses a name for a new configuration file, after the bucket's folder. */
static char *choose_config(const char *etc, const char *bucket)
{
    g_autofree char *name = g_path_get_basename(bucket);

    g_strcanon(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-", '-');
    if (name[0] == '.')
        name[0] = '-';
    char *path = g_strdup_printf("%s/%s.conf", etc, name);
    for (unsigned i = 2; g_file_test(path, G_FILE_TEST_EXISTS); i++) {
        g_free(path);
        path = g_strdup_printf("%s/%s-%u.conf", etc, name, i);
    }
    return path;
}

bool setup_plan(const char *bucket, const char *etc, SetupPlan *ret_setup, GError **error)
{
    char *real = realpath(bucket, NULL);
    g_auto(SetupPlan) setup = {.bucket = g_strdup(real)};
    struct stat st;

    free(real);
    if (!setup.bucket) {
        error_set_errno(error, errno, "cannot set up", bucket);
        return false;
    }
    if (stat(setup.bucket, &st) != 0 || !S_ISDIR(st.st_mode) || strcmp(setup.bucket, "/") == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "cannot set up '%s': it is no folder that can be a bucket", bucket);
        return false;
    }
    if (!etc_find_config(etc, setup.bucket, &setup.config, error))
        return false;
    if (!setup.config)
        setup.config = choose_config(etc, setup.bucket);
    setup.instance = setup_escape_path(setup.bucket);
    setup.unit = g_strdup_printf("thumbq@%s.service", setup.instance);
    setup.state = g_build_filename(STATE_PARENT, setup.instance, NULL);
    *ret_setup = setup;
    memset(&setup, 0, sizeof setup);
    return true;
}

void setup_clear(SetupPlan *setup)
{
    g_clear_pointer(&setup->bucket, g_free);
    g_clear_pointer(&setup->instance, g_free);
    g_clear_pointer(&setup->unit, g_free);
    g_clear_pointer(&setup->config, g_free);
    g_clear_pointer(&setup->state, g_free);
}

/* Returns true if the line sets `key`. */
static bool sets(const char *line, const char *key)
{
    size_t len = strlen(key);

    line += strspn(line, " \t");
    return strncmp(line, key, len) == 0 && line[len + strspn(line + len, " \t")] == '=';
}

static void append_places(GString *text, const char *bucket, const char *state)
{
    g_string_append_printf(text, "[bucket]\npath = %s\nstate = %s\n", bucket, state);
}

char *setup_config_text(const char *text, const char *bucket, const char *state)
{
    GString *config = g_string_new(NULL);
    bool in_bucket = false, has_bucket = false;

    if (!text) {
        g_string_append_printf(
            config, "# thumbq over %s. Every option and its default: thumbq config --defaults\n\n",
            bucket);
        append_places(config, bucket, state);
        return g_string_free(config, FALSE);
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if ((*line)[0] == '[') {
            in_bucket = g_str_has_prefix(*line, "[bucket]");
            if (in_bucket) {
                append_places(config, bucket, state);
                has_bucket = true;
                continue;
            }
        }
        if (in_bucket && (sets(*line, "path") || sets(*line, "state")))
            continue;
        g_string_append(config, *line);
        if (line[1])
            g_string_append_c(config, '\n');
    }
    if (!has_bucket) {
        if (config->len > 0 && config->str[config->len - 1] != '\n')
            g_string_append_c(config, '\n');
        append_places(config, bucket, state);
    }
    return g_string_free(config, FALSE);
}
