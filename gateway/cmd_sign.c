/* SPDX-License-Identifier: Apache-2.0 */
/* The command `sign`: prints a signed URL of an object. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/units.h"
#include "gateway_command.h"
#include "http/signature.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_URL "http://127.0.0.1:8333"
#define REGION      "us-east-1"

typedef struct {
    char *expires, *url, *key;
    gboolean put;
} SignOptions;

static void options_clear(SignOptions *options)
{
    g_free(options->expires);
    g_free(options->url);
    g_free(options->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SignOptions, options_clear)

/* Chooses a key that has the right: the one that --key names, else the newest. Borrowed. */
static const Key *choose(const Keys *keys, const SignOptions *options, const char *bucket,
                         const char *object, GError **error)
{
    const Rights right = options->put ? RIGHT_WRITE : RIGHT_READ;

    for (size_t i = keys_count(keys); i-- > 0;) {
        const Key *key = keys_get(keys, i);
        if ((!options->key || strcmp(options->key, key->id) == 0) &&
            key_may(key, right, bucket, object, ""))
            return key;
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                "there is no key that may %s '%s/%s'; thumbq key create makes one",
                options->put ? "write" : "read", bucket, object);
    return NULL;
}

static bool parse_expires(const char *text, int64_t *ret_s, GError **error)
{
    int64_t us;

    if (!units_parse_duration(text, &us, error))
        return false;
    *ret_s = us / CLOCK_US_PER_SEC;
    if (*ret_s >= 1 && *ret_s <= SIGNATURE_EXPIRES_MAX_S)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "a URL may hold from 1 second to 7 days, not %s",
                text);
    return false;
}

static int sign(const Keys *keys, const SignOptions *options, const char *target, GError **error)
{
    const char *url = options->url ? options->url : DEFAULT_URL;
    const char *host = strstr(url, "://");
    const char *slash = strchr(target, '/');
    int64_t expires_s;

    if (!parse_expires(options->expires ? options->expires : "1h", &expires_s, error))
        return -1;
    if (!slash || slash == target || !slash[1] || !host || strchr(host + 3, '/')) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    !slash || slash == target || !slash[1]
                        ? "'%s' is no BUCKET/KEY"
                        : "the URL of the gateway is http://HOST:PORT, not '%s'",
                    !slash || slash == target || !slash[1] ? target : url);
        return -1;
    }
    g_autofree char *bucket = g_strndup(target, (size_t)(slash - target));
    const Key *key = choose(keys, options, bucket, slash + 1, error);
    if (!key)
        return -1;
    g_autofree char *path = g_strconcat("/", target, NULL);
    g_autofree char *query =
        signature_presign(options->put ? "PUT" : "GET", host + 3, path, key->id, key->secret,
                          REGION, clock_wall_us(), expires_s);
    g_autoptr(GString) encoded = g_string_new(url);
    http_percent_encode(encoded, path, true);
    printf("%s?%s\n", encoded->str, query);
    return 0;
}

static int run(char **arguments, GError **error)
{
    g_auto(SignOptions) options = {0};
    const GOptionEntry entries[] = {
        {"expires", 0, 0, G_OPTION_ARG_STRING, &options.expires,
         "how long the URL holds: 1h (default), 7d at the most", "T"},
        {"put", 0, 0, G_OPTION_ARG_NONE, &options.put, "a URL to write to", NULL},
        {"url", 0, 0, G_OPTION_ARG_STRING, &options.url,
         "where the gateway is: " DEFAULT_URL " (default)", "URL"},
        {"key", 0, 0, G_OPTION_ARG_STRING, &options.key,
         "sign with this key, instead of the newest that may do it", "ID"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(CommandPlace) place = {0};
    int status = command_parse(&command_sign, entries, &arguments, &place, error);
    g_auto(GStrv) words = arguments;

    if (status >= 0 || *error)
        return *error ? -1 : status;
    if (!words[1]) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "name the object: thumbq sign BUCKET/KEY");
        return -1;
    }
    if (!command_set_bucket(&place, words[2], error))
        return -1;
    autofd fd = -1;
    g_autoptr(Keys) keys = command_open_keys(place.state, &fd, error);
    return keys ? sign(keys, &options, words[1], error) : -1;
}

const GatewayCommand command_sign = {"sign", "BUCKET/KEY [BUCKET]",
                                     "A URL that works without a key for a time", run};
