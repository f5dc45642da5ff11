/* SPDX-License-Identifier: Apache-2.0 */
/* The command `key`: creates, lists and removes keys of the gateway. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/units.h"
#include "gateway_command.h"
#include "gateway_config.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char *rights, *prefix, *plan, *config;
    char **buckets;
    gboolean json;
} KeyOptions;

static void options_clear(KeyOptions *options)
{
    g_free(options->rights);
    g_free(options->prefix);
    g_free(options->plan);
    g_free(options->config);
    g_strfreev(options->buckets);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeyOptions, options_clear)

/* Prints a key as a JSON object. `secret` and `token` NULL: both are left out, and the time of
 * creation is printed. */
static void print_json(const Key *key, const char *secret, const char *token)
{
    json_t *rights = json_array(), *buckets = json_array();
    g_autofree char *text = rights_format(key->rights);
    g_auto(GStrv) names = g_strsplit(text, ",", 0);
    char created[CLOCK_TEXT_MAX];

    for (size_t i = 0; names[i]; i++)
        (void)json_array_append_new(rights, json_string(names[i]));
    for (size_t i = 0; key->buckets[i]; i++)
        (void)json_array_append_new(buckets, json_string(key->buckets[i]));
    json_t *object =
        secret ? json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s?}", "id", key->id, "secret", secret,
                           "token", token, "rights", rights, "buckets", buckets, "prefix",
                           key->prefix, "plan", key->plan)
               : json_pack("{s:s, s:o, s:o, s:s, s:s?, s:s}", "id", key->id, "rights", rights,
                           "buckets", buckets, "prefix", key->prefix, "plan", key->plan, "created",
                           clock_format_seconds(key->created_us, created));
    char *line = json_dumps(object, JSON_COMPACT);
    puts(line);
    json_decref(object);
    free(line);
}

/* Checks that the configuration of the gateway has the usage plan. */
static bool check_plan(const KeyOptions *options, const CommandPlace *place, int state_fd,
                       GError **error)
{
    const char *names[CONFIG_ROWS_MAX];

    if (!options->plan)
        return true;
    g_autofree char *path =
        gateway_config_find(options->config, place->state, place->is_default_state);
    g_autoptr(GatewayConfig) config = gateway_config_load(path, state_fd, error);
    if (!config)
        return false;
    if (gateway_config_find_plan(config, options->plan))
        return true;
    for (size_t i = 0; i < config->n_plans; i++)
        names[i] = config->plans[i].name;
    const char *nearest = units_nearest(options->plan, names, config->n_plans);
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "there is no [plan %s] in '%s'%s%s%s",
                options->plan, path ? path : GATEWAY_CONFIG_FILE, nearest ? "; did you mean '" : "",
                nearest ? nearest : "", nearest ? "'?" : "");
    return false;
}

static int create(Keys *keys, const KeyOptions *options, GError **error)
{
    static const char *const all[] = {"*", NULL};
    KeyTerms terms = {
        .buckets = options->buckets ? (const char *const *)options->buckets : all,
        .prefix = options->prefix ? options->prefix : "",
        .plan = options->plan,
    };
    g_autofree char *token = NULL;

    if (!rights_parse(options->rights ? options->rights : "read", &terms.rights)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "rights are read, write, invoke and admin, with ',' between, not '%s'",
                    options->rights);
        return -1;
    }
    if (!g_utf8_validate(terms.prefix, -1, NULL)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the prefix is no UTF-8");
        return -1;
    }
    const Key *key = keys_create(keys, &terms, clock_wall_us(), &token, error);
    if (!key)
        return -1;
    if (options->json) {
        print_json(key, key->secret, token);
        return 0;
    }
    printf("id      %s\nsecret  %s\ntoken   %s\n\n", key->id, key->secret, token);
    printf("The token is shown this once only.\n");
    return 0;
}

static int list(const Keys *keys, const KeyOptions *options)
{
    for (size_t i = 0; i < keys_count(keys); i++) {
        const Key *key = keys_get(keys, i);
        g_autofree char *rights = rights_format(key->rights);
        g_autofree char *buckets = g_strjoinv(",", key->buckets);
        char created[CLOCK_TEXT_MAX];
        if (options->json)
            print_json(key, NULL, NULL);
        else
            printf("%s  %s  %-10s  %s  %s%s%s\n", key->id,
                   clock_format_seconds(key->created_us, created), rights, buckets, key->prefix,
                   key->plan ? "  plan " : "", key->plan ? key->plan : "");
    }
    return 0;
}

static int revoke_key(Keys *keys, const char *id, GError **error)
{
    bool is_revoked;

    if (!keys_revoke(keys, id, &is_revoked, error))
        return -1;
    if (is_revoked)
        return 0;
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "there is no key '%s'", id);
    return -1;
}

static int run_word(const char *word, char **words, CommandPlace *place, const KeyOptions *options,
                    GError **error)
{
    const bool is_revoke = strcmp(word, "revoke") == 0;
    const char *const bucket = is_revoke && *words ? words[1] : *words;

    if (is_revoke && !*words) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "name the key: thumbq key revoke ID");
        return -1;
    }
    if (!command_set_bucket(place, bucket, error))
        return -1;
    autofd fd = -1;
    g_autoptr(Keys) keys = command_open_keys(place->state, &fd, error);
    if (!keys)
        return -1;
    if (is_revoke)
        return revoke_key(keys, *words, error);
    if (strcmp(word, "create") != 0)
        return list(keys, options);
    return check_plan(options, place, fd, error) ? create(keys, options, error) : -1;
}

static int run(char **arguments, GError **error)
{
    g_auto(KeyOptions) options = {0};
    const GOptionEntry entries[] = {
        {"rights", 0, 0, G_OPTION_ARG_STRING, &options.rights,
         "of a new key: read (default), write, invoke, admin, with ',' between", "R"},
        {"bucket", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.buckets,
         "of a new key: only this bucket; may be given several times", "B"},
        {"prefix", 0, 0, G_OPTION_ARG_STRING, &options.prefix,
         "of a new key: only objects whose names begin so", "P"},
        {"plan", 0, 0, G_OPTION_ARG_STRING, &options.plan,
         "of a new key: a usage plan of the configuration", "NAME"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config,
         "the configuration with the plan, instead of gateway.conf in the state folder", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "an object per line", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(CommandPlace) place = {0};
    int status = command_parse(&command_key, entries, &arguments, &place, error);
    g_auto(GStrv) words = arguments;

    if (status >= 0 || *error)
        return *error ? -1 : status;
    const char *word = words[1] ? words[1] : "list";
    if (strcmp(word, "create") != 0 && strcmp(word, "list") != 0 && strcmp(word, "revoke") != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is none of create, list and revoke",
                    word);
        return -1;
    }
    return run_word(word, words[1] ? words + 2 : words + 1, &place, &options, error);
}

const GatewayCommand command_key = {"key", "create|list|revoke [ID] [BUCKET]",
                                    "Keys of the gateway", run};
