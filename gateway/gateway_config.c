/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_config.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/trusted.h"
#include "base/units.h"
#include "config/config_option.h"
#include "config/etc.h"

#include <fcntl.h>
#include <string.h>

#define GIB        (INT64_C(1) << 30)
#define GATEWAY(f) SECTION_GATEWAY, #f
#define PLAN(f)    SECTION_PLAN, #f

enum { SECTION_GATEWAY, SECTION_BUCKETS, SECTION_PLAN, GATEWAY_SECTIONS };

static const Names access_log_values = NAMES_OF(access_log_names);

/* Only rows of enums set the names of their values. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const ConfigOption options[] = {
    {GATEWAY(listen), OPTION_TEXT, offsetof(GatewayConfig, listen), 1, 255, "127.0.0.1:8333",
     "Address to listen at, ADDR:PORT; a socket of the service manager takes precedence"},
    {GATEWAY(root), OPTION_TEXT, offsetof(GatewayConfig, root), 0, 4095, "",
     "Folder whose folders are the buckets, those with a legal name of a bucket; empty: none"},
    {GATEWAY(public), OPTION_PATTERNS, offsetof(GatewayConfig, public_words), 1, 65536, "none",
     "Objects that are read without a key: none, or read and prefixes, ';' between (read "
     "photos/web/;docs/); GET and HEAD only, nothing is listed"},
    {GATEWAY(cors), OPTION_PATTERNS, offsetof(GatewayConfig, cors), 1, 65536, "none",
     "Origins of web pages that may use the gateway (CORS): none, * for every origin, or origins, "
     "';' between (https://app.example.org;http://localhost:5173)"},
    {GATEWAY(tls_certificate), OPTION_TEXT, offsetof(GatewayConfig, tls_certificate), 0, 4095, "",
     "File of the certificate in PEM, with the intermediate ones after it, relative to this file; "
     "empty: HTTP without TLS"},
    {GATEWAY(tls_key), OPTION_TEXT, offsetof(GatewayConfig, tls_key), 0, 4095, "",
     "File of the certificate's private key in PEM"},
    {GATEWAY(access_log), OPTION_ENUM, offsetof(GatewayConfig, access_log), 0, 0, "combined",
     "Form of the line for each request on the standard output: none, combined, json",
     &access_log_values},
    {GATEWAY(max_connections), OPTION_INT, offsetof(GatewayConfig, max_connections), 1, 100000,
     "1000", "Largest number of connections"},
    {GATEWAY(max_connections_per_address), OPTION_INT,
     offsetof(GatewayConfig, max_connections_per_address), 0, 100000, "64",
     "Largest number of connections of one address; 0: no further limit, as behind a proxy"},
    {GATEWAY(header_deadline), OPTION_DURATION, offsetof(GatewayConfig, header_deadline_us),
     CLOCK_US_PER_SEC, CLOCK_HOUR_US, "10s",
     "Longest time until the head of a request is complete"},
    {SECTION_GATEWAY, "idle", OPTION_DURATION, offsetof(GatewayConfig, idle_us), CLOCK_US_PER_SEC,
     CLOCK_HOUR_US, "60s", "Longest time that a connection may wait for its next request"},
    {GATEWAY(body_rate), OPTION_BYTES, offsetof(GatewayConfig, body_rate), 0, GIB, "1K",
     "Lowest rate of a body, bytes per second; slower connections are cut; 0: any rate"},
    {GATEWAY(max_put_size), OPTION_BYTES, offsetof(GatewayConfig, max_put_size), 1, 5 * GIB, "5G",
     "Largest body of one PUT or one part of a multipart upload"},
    {GATEWAY(max_buckets), OPTION_INT, offsetof(GatewayConfig, max_buckets), 1, 100000, "1000",
     "Largest number of buckets in the root that clients can make"},

    {SECTION_BUCKETS, "path", OPTION_TEXT, offsetof(BucketConfig, path), 1, 4095, NULL,
     "Folder that is served under the name of the section"},

    {PLAN(rate), OPTION_NUMBER, offsetof(PlanConfig, rate), 0, 0, "0",
     "Requests of a key per second, on average; 0: no limit"},
    {PLAN(burst), OPTION_COUNT, offsetof(PlanConfig, burst), 0, 1000000, "0",
     "Requests of a key that may come at once; 0: those of one second"},
    {PLAN(quota), OPTION_TEXT, offsetof(PlanConfig, quota), 1, 64, "none",
     "Requests of a key in a period of the calendar (UTC): none, or 10000 per day, per week, per "
     "month"},
};
#pragma GCC diagnostic pop

static const Section sections[GATEWAY_SECTIONS] = {
    [SECTION_GATEWAY] = {.name = "gateway"},
    [SECTION_BUCKETS] = {"bucket", "buckets", offsetof(GatewayConfig, buckets),
                         offsetof(GatewayConfig, n_buckets), sizeof(BucketConfig), CONFIG_ROWS_MAX,
                         offsetof(BucketConfig, line)},
    [SECTION_PLAN] = {"plan", "plans", offsetof(GatewayConfig, plans),
                      offsetof(GatewayConfig, n_plans), sizeof(PlanConfig), CONFIG_ROWS_MAX,
                      offsetof(PlanConfig, line)},
};

static const ConfigSchema schema = {options, G_N_ELEMENTS(options), sections, GATEWAY_SECTIONS};

static void clear_prefix(void *data)
{
    PublicPrefix *prefix = data;

    g_free(prefix->bucket);
    g_free(prefix->prefix);
}

void gateway_config_free(GatewayConfig *config)
{
    if (!config)
        return;
    config_schema_clear(&schema, config);
    g_ptr_array_unref(config->files);
    g_array_unref(config->public_prefixes);
    g_free(config);
}

/* Parses "10000 per day" or "none". */
static bool parse_quota(PlanConfig *plan)
{
    static const char *const periods[] = {"day", "week", "month"};
    g_auto(GStrv) words = g_strsplit_set(plan->quota, " \t", 0);
    int64_t requests;

    if (strcmp(plan->quota, "none") == 0)
        return true;
    if (g_strv_length(words) != 3 || strcmp(words[1], "per") != 0 ||
        !units_parse_count(words[0], &requests, NULL) || requests < 1)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(periods); i++) {
        if (strcmp(words[2], periods[i]) != 0)
            continue;
        plan->quota_requests = requests;
        plan->quota_period = (QuotaPeriod)i;
        return true;
    }
    return false;
}

static bool check_plans(GatewayConfig *config, GError **error)
{
    for (size_t i = 0; i < config->n_plans; i++) {
        PlanConfig *plan = &config->plans[i];
        const bool has_rate = plan->rate >= 0 && plan->rate <= 1e6;
        if (has_rate && parse_quota(plan))
            continue;
        g_autofree char *rate =
            g_strdup_printf("rate: %g is not between 0 and 1000000", plan->rate);
        g_autofree char *quota = g_strdup_printf(
            "quota: '%s' is not none, N per day, N per week or N per month", plan->quota);
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s:%d: [plan %s] %s",
                    config->origins[SECTION_PLAN][i], plan->line, plan->name,
                    has_rate ? quota : rate);
        return false;
    }
    return true;
}

/* Name of the file that has [gateway]. */
static const char *gateway_file(const GatewayConfig *config)
{
    const char *origin = config->origins[SECTION_GATEWAY][0];

    return origin ? origin : "defaults";
}

static bool parse_prefix(GatewayConfig *config, const char *word)
{
    const char *slash = strchr(word, '/');

    if (!slash || slash == word)
        return false;
    const PublicPrefix prefix = {g_strndup(word, (size_t)(slash - word)), g_strdup(slash + 1)};
    g_array_append_val(config->public_prefixes, prefix);
    return true;
}

/* Parses "none", or "read BUCKET/PREFIX;BUCKET/PREFIX". */
static bool check_public(GatewayConfig *config, GError **error)
{
    char *const *words = config->public_words;
    const char *first = words[0];
    bool ok = true;

    if (strcmp(first, "none") == 0 && !words[1])
        return true;
    ok = g_str_has_prefix(first, "read ") &&
         parse_prefix(config, first + 5 + strspn(first + 5, " \t"));
    for (words++; ok && *words; words++)
        ok = parse_prefix(config, *words);
    if (!ok)
        g_set_error(
            error, THUMBQ_ERROR, ERROR_CONFIG,
            "%s: [gateway] public: write none, or read and BUCKET/PREFIX, ';' between, such "
            "as: read photos/web/;docs/",
            gateway_file(config));
    return ok;
}

/* The value lists origins, and is not `none` or `*`. */
static bool has_origins(const GatewayConfig *config)
{
    const char *first = config->cors[0];

    return config->cors[1] || (strcmp(first, "none") != 0 && strcmp(first, "*") != 0);
}

/* True for an origin in the form in which browsers send it: scheme, host, and a port that is not
 * the usual one of the scheme. Source: RFC 6454, section 6.2. */
static bool is_origin(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const size_t scheme = strspn(text, letters);
    const char *host = text + scheme + 3;

    if (scheme == 0 || strncmp(text + scheme, "://", 3) != 0 || !*host)
        return false;
    for (const char *at = host; *at; at++) {
        if (!strchr(letters, *at) && !strchr("-._:[]", *at))
            return false;
    }
    return !(g_str_has_prefix(text, "http://") && g_str_has_suffix(host, ":80")) &&
           !(g_str_has_prefix(text, "https://") && g_str_has_suffix(host, ":443"));
}

static bool check_cors(const GatewayConfig *config, GError **error)
{
    for (char *const *word = config->cors; has_origins(config) && *word; word++) {
        if (is_origin(*word))
            continue;
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "%s: [gateway] cors: '%s' is no origin as browsers send it, such as "
                    "https://app.example.org or http://localhost:5173: small letters, no path, no "
                    "usual port; or write none or * alone",
                    gateway_file(config), *word);
        return false;
    }
    return true;
}

static bool check_tls(const GatewayConfig *config, GError **error)
{
    if (!*config->tls_certificate == !*config->tls_key)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                "%s: [gateway] has only one of tls_certificate and tls_key", gateway_file(config));
    return false;
}

/* Makes the path absolute, relative to the folder of `file`. */
static void resolve(char **path, const char *file)
{
    g_autofree char *folder = file ? g_path_get_dirname(file) : NULL;
    char *whole = **path ? g_canonicalize_filename(*path, folder) : g_strdup("");

    g_free(*path);
    *path = whole;
}

static bool complete(GatewayConfig *config, GError **error)
{
    const char *file = config->origins[SECTION_GATEWAY][0];

    resolve(&config->root, file);
    resolve(&config->tls_certificate, file);
    resolve(&config->tls_key, file);
    for (size_t i = 0; i < config->n_buckets; i++)
        resolve(&config->buckets[i].path, config->origins[SECTION_BUCKETS][i]);
    return check_tls(config, error) && check_public(config, error) && check_cors(config, error) &&
           check_plans(config, error);
}

/* Reads a text whose file has the name `name`. Takes ownership of `name`. */
static bool read_text(GatewayConfig *config, const char *text, char *name, GError **error)
{
    g_ptr_array_add(config->files, name);
    return config_text_read(&schema, config, &config->origins, text, name, error);
}

static bool read_main(GatewayConfig *config, const char *path, GError **error)
{
    size_t len;
    g_autofree char *whole = g_canonicalize_filename(path, NULL);
    g_autofree char *text = trusted_read(AT_FDCWD, whole, CONFIG_FILE_MAX, &len, error);

    if (!text)
        return false;
    if (strlen(text) == len)
        return read_text(config, text, g_steal_pointer(&whole), error);
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s: the file holds NUL bytes", whole);
    return false;
}

static bool read_fragments(GatewayConfig *config, int state_fd, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    if (!config_fragments_read(state_fd, paths, texts, error))
        return false;
    for (guint i = 0; i < texts->len; i++) {
        if (!read_text(config, texts->pdata[i], g_strdup(paths->pdata[i]), error))
            return false;
    }
    return true;
}

GatewayConfig *gateway_config_load(const char *path, int state_fd, GError **error)
{
    g_autoptr(GatewayConfig) config = g_new0(GatewayConfig, 1);

    config->files = g_ptr_array_new_with_free_func(g_free);
    config->public_prefixes = g_array_new(FALSE, FALSE, sizeof(PublicPrefix));
    g_array_set_clear_func(config->public_prefixes, clear_prefix);
    config_option_set_defaults(&schema, SECTION_GATEWAY, config);
    if ((path && !read_main(config, path, error)) ||
        (state_fd >= 0 && !read_fragments(config, state_fd, error)) || !complete(config, error))
        return NULL;
    return g_steal_pointer(&config);
}

char *gateway_config_find(const char *chosen, const char *state, bool is_default_state)
{
    g_autofree char *own = g_build_filename(state, GATEWAY_CONFIG_FILE, NULL);
    g_autofree char *etc = g_build_filename(ETC_FOLDER, GATEWAY_CONFIG_FILE, NULL);

    if (chosen)
        return g_strdup(chosen);
    /* A link counts: it is refused with its name when it is read. */
    if (g_file_test(own, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
        return g_steal_pointer(&own);
    return is_default_state && g_file_test(etc, G_FILE_TEST_EXISTS) ? g_steal_pointer(&etc) : NULL;
}

bool gateway_config_set_access_log(GatewayConfig *config, const char *name, GError **error)
{
    const ConfigOption *option = config_find_option(&schema, SECTION_GATEWAY, "access_log");

    if (config_option_parse(option, name, config, NULL))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "an access log is none, combined or json, not '%s'", name);
    return false;
}

void gateway_config_print(const GatewayConfig *config, FILE *out)
{
    config_text_print(&schema, config, config->files->len > 1 ? &config->origins : NULL, out);
}

const PlanConfig *gateway_config_find_plan(const GatewayConfig *config, const char *name)
{
    for (size_t i = 0; i < config->n_plans; i++) {
        if (strcmp(config->plans[i].name, name) == 0)
            return &config->plans[i];
    }
    return NULL;
}

bool gateway_config_is_public(const GatewayConfig *config, const char *bucket, const char *key)
{
    for (guint i = 0; i < config->public_prefixes->len; i++) {
        const PublicPrefix *row = &g_array_index(config->public_prefixes, PublicPrefix, i);
        if (strcmp(row->bucket, bucket) == 0 && g_str_has_prefix(key, row->prefix))
            return true;
    }
    return false;
}

const char *gateway_config_find_cors(const GatewayConfig *config, const char *origin)
{
    if (!has_origins(config))
        return strcmp(config->cors[0], "*") == 0 ? "*" : NULL;
    return g_strv_contains((const char *const *)config->cors, origin) ? origin : NULL;
}

bool gateway_config_has_cors(const GatewayConfig *config)
{
    return config->cors[1] || strcmp(config->cors[0], "none") != 0;
}
