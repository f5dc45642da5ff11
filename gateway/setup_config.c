/* SPDX-License-Identifier: Apache-2.0 */
#include "setup_config.h"

#include "base/error.h"
#include "base/trusted.h"
#include "gateway_config.h"
#include "s3/s3_bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *setup_bucket_name(const char *folder)
{
    g_autofree char *base = g_path_get_basename(folder);
    g_autofree char *lower = g_ascii_strdown(base, -1);
    const char *const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    GString *name = g_string_new(NULL);

    /* One '-' stands for each run of other characters. */
    for (const char *at = lower; *at && name->len < CONFIG_NAME_MAX - 1; at++) {
        if (strchr(letters, *at))
            g_string_append_c(name, *at);
        else if (name->len > 0 && name->str[name->len - 1] != '-')
            g_string_append_c(name, '-');
    }
    while (name->len > 0 && name->str[name->len - 1] == '-')
        g_string_truncate(name, name->len - 1);
    if (!bucket_name_is_legal(name->str))
        g_string_prepend(name, name->len > 0 ? "bucket-" : "bucket");
    return g_string_free(name, FALSE);
}

char *setup_config_with(const char *text, const char *name, const char *folder)
{
    GString *config = g_string_new(text);

    if (!text)
        g_string_append(config, "# Every option and its default: thumbq gateway --print-config\n"
                                "[gateway]\nlisten = 127.0.0.1:8333\n");
    if (config->len > 0 && config->str[config->len - 1] != '\n')
        g_string_append_c(config, '\n');
    g_string_append_printf(config, "\n[bucket %s]\npath = %s\n", name, folder);
    return g_string_free(config, FALSE);
}

/* True if the line is "path = FOLDER". */
static bool is_path(const char *line, const char *folder)
{
    const char *at = line + strspn(line, " \t");

    if (!g_str_has_prefix(at, "path"))
        return false;
    at += strlen("path");
    at += strspn(at, " \t");
    if (*at != '=')
        return false;
    g_autofree char *value = g_strstrip(g_strdup(at + 1));
    return strcmp(value, folder) == 0;
}

/* Type and name of the section that the line begins, after the '['; NULL: it begins none. */
static const char *find_section(const char *line)
{
    const char *at = line + strspn(line, " \t");

    return *at == '[' ? at + 1 + strspn(at + 1, " \t") : NULL;
}

/* True for the section of a bucket. */
static bool is_bucket(const char *line)
{
    const char *type = find_section(line);

    return type && (g_str_has_prefix(type, "bucket ") || g_str_has_prefix(type, "bucket\t"));
}

/* Number of lines of the section that begins at `lines`. *ret_named: it is that of the folder. */
static size_t read_section(char *const *lines, const char *folder, bool *ret_named)
{
    size_t n = 1;

    *ret_named = false;
    for (; lines[n] && !find_section(lines[n]); n++)
        *ret_named = *ret_named || is_path(lines[n], folder);
    *ret_named = *ret_named && is_bucket(lines[0]);
    return n;
}

char *setup_config_without(const char *text, const char *folder, bool *ret_found)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GPtrArray) kept = g_ptr_array_new();

    *ret_found = false;
    for (size_t i = 0; lines[i];) {
        bool is_named = false;
        const size_t n = find_section(lines[i]) ? read_section(lines + i, folder, &is_named) : 1;
        for (size_t j = 0; j < n && !is_named; j++)
            g_ptr_array_add(kept, lines[i + j]);
        /* At the end of the file the last line still has its end, and no empty line stays. */
        if (is_named && !lines[i + n] &&
            (kept->len == 0 || *(const char *)kept->pdata[kept->len - 1]))
            g_ptr_array_add(kept, (void *)"");
        *ret_found = *ret_found || is_named;
        i += n;
    }
    g_ptr_array_add(kept, NULL);
    return g_strjoinv("\n", (char **)kept->pdata);
}

static bool save(const char *path, const char *text, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GError) reason = NULL;

    if (g_mkdir_with_parents(folder, 0755) != 0) {
        error_set_errno(error, errno, "cannot make", folder);
        return false;
    }
    if (g_file_set_contents_full(path, text, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644,
                                 &reason))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot write '%s': %s", path, reason->message);
    return false;
}

/* True if the configuration serves the folder. */
static bool serves(const GatewayConfig *config, const char *folder)
{
    g_autofree char *parent = g_path_get_dirname(folder);
    g_autofree char *name = g_path_get_basename(folder);

    for (size_t i = 0; i < config->n_buckets; i++) {
        if (strcmp(config->buckets[i].path, folder) == 0)
            return true;
    }
    return strcmp(config->root, parent) == 0 && bucket_name_is_legal(name);
}

/* Loads the file and its text. NULL: an error, or with ERROR_NONE there is no file. */
static GatewayConfig *load(const char *path, char **ret_text, GError **error)
{
    if (!g_file_test(path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
        return NULL;
    GatewayConfig *config = gateway_config_load(path, -1, error);
    if (config)
        *ret_text = trusted_read(AT_FDCWD, path, CONFIG_FILE_MAX, NULL, error);
    if (config && !*ret_text)
        g_clear_pointer(&config, gateway_config_free);
    return config;
}

bool setup_config_serves(const char *path, const char *folder)
{
    g_autofree char *text = NULL;
    GatewayConfig *config = load(path, &text, NULL);
    const bool is_served = config && serves(config, folder);

    gateway_config_free(config);
    return is_served;
}

/* Checks that a file of this text, beside `path`, would serve the folder: not every path can be
 * written in a configuration. */
static bool check_text(const char *path, const char *text, const char *folder, GError **error)
{
    g_autofree char *aside = g_strconcat(path, ".new", NULL);
    g_autoptr(GError) reason = NULL;

    if (!save(aside, text, error))
        return false;
    GatewayConfig *config = gateway_config_load(aside, -1, &reason);
    const bool is_served = config && serves(config, folder);
    gateway_config_free(config);
    /* If it stays, the next check replaces it. */
    (void)unlink(aside);
    if (is_served)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                "'%s' cannot serve the folder '%s': %s; give the folder another name", path, folder,
                reason ? reason->message
                       : "a configuration drops the blanks at the end of its path");
    return false;
}

bool setup_config_add(const char *path, const char *name, const char *folder, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *text = NULL;
    GatewayConfig *config = load(path, &text, &reason);

    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    const bool is_served = config && serves(config, folder);
    bool is_taken = false;
    for (size_t i = 0; config && i < config->n_buckets; i++)
        is_taken = is_taken || strcmp(config->buckets[i].name, name) == 0;
    gateway_config_free(config);
    if (is_served)
        return true;
    if (is_taken) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "'%s' has a [bucket %s] with another folder; add a section with another name",
                    path, name);
        return false;
    }
    g_autofree char *more = setup_config_with(text, name, folder);
    return check_text(path, more, folder, error) && save(path, more, error);
}

bool setup_config_remove(const char *path, const char *folder, bool *ret_found, bool *ret_last,
                         GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *text = NULL, *aside = g_strconcat(path, ".removed", NULL);
    GatewayConfig *config = load(path, &text, &reason);

    *ret_found = *ret_last = false;
    if (!config) {
        if (reason)
            g_propagate_error(error, g_steal_pointer(&reason));
        return !*error;
    }
    g_autofree char *rest = setup_config_without(text, folder, ret_found);
    *ret_last = *ret_found && config->n_buckets == 1 && !*config->root;
    gateway_config_free(config);
    if (!*ret_found || (*ret_last ? rename(path, aside) == 0 : save(path, rest, error)))
        return true;
    if (*ret_last)
        error_set_errno(error, errno, "cannot rename", path);
    return false;
}
