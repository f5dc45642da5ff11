/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_process.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/service.h"
#include "gateway_command.h"
#include "gateway_config.h"
#include "pages.h"
#include "s3/s3.h"
#include "serving.h"
#include "state_folder.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define STOP_DEADLINE_US (20 * CLOCK_US_PER_SEC)
#define UPLOADS_KEPT_US  CLOCK_DAY_US
#define SWEEP_SECONDS    3600

typedef struct {
    const ProcessOptions *options;
    GMainLoop *loop;
    Serving *serving;
    GatewayConfig *config;
    int state_fd;
    Keys *keys;
    Buckets *buckets;
    Plans *plans;
    S3 *s3;
    Pages *pages;
    Metrics *metrics;
    /* NULL: no service manager has started the process. */
    Service *service;
    /* Time at which unfinished exchanges are cut, monotonic clock; 0: no stop was asked for. */
    int64_t stop_us;
    /* SIGINT or SIGTERM has come. */
    bool was_signalled;
} Gateway;

static void begin(HttpExchange *exchange, void *data)
{
    const Gateway *gateway = data;

    if (!pages_begin(gateway->pages, exchange))
        s3_begin(exchange, gateway->s3);
}

static void on_body(HttpExchange *exchange, const void *bytes, size_t len, void *data)
{
    const Gateway *gateway = data;

    /* A page has no use for a body. */
    if (!pages_operation(exchange))
        s3_body(exchange, bytes, len, gateway->s3);
}

static void end(HttpExchange *exchange, void *data)
{
    const Gateway *gateway = data;

    if (!pages_end(gateway->pages, exchange))
        s3_end(exchange, gateway->s3);
}

/* Counts an exchange that has ended. */
static void count(const Gateway *gateway, const HttpExchange *exchange, const HttpOutcome *outcome)
{
    const char *page = pages_operation(exchange);

    metrics_count(gateway->metrics, page ? page : s3_operation_name(exchange), outcome);
    if (!page && s3_plan_verdict(exchange) != PLAN_ALLOWED)
        metrics_count_throttled(gateway->metrics, s3_plan_verdict(exchange) == PLAN_RATE
                                                      ? THROTTLE_RATE
                                                      : THROTTLE_QUOTA);
}

static void finish(HttpExchange *exchange, const HttpOutcome *outcome, void *data)
{
    const Gateway *gateway = data;
    const HttpHead *head = http_exchange_head(exchange);
    const AccessLogEntry entry = {
        .peer = http_exchange_peer(exchange),
        .key_id = s3_key_id(exchange),
        .method = head->method,
        .target = head->target.raw_path,
        .referer = http_head_get(head, "Referer"),
        .agent = http_head_get(head, "User-Agent"),
        .id = http_exchange_id(exchange),
        .outcome = *outcome,
        .now_us = clock_wall_us(),
    };

    count(gateway, exchange, outcome);
    if (gateway->config->access_log == ACCESS_LOG_NONE)
        return;
    g_autoptr(GString) line = g_string_new(NULL);
    access_log_append(line, gateway->config->access_log, &entry);
    /* An access log that cannot be written does not stop the gateway. */
    (void)fputs(line->str, stdout);
    (void)fflush(stdout);
}

static const HttpHandler handler = {begin, on_body, end, finish};

static gboolean check_stopped(void *data)
{
    Gateway *gateway = data;

    if (serving_exchanges(gateway->serving) > 0 && clock_monotonic_us() < gateway->stop_us)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(gateway->loop);
    return G_SOURCE_REMOVE;
}

/* Stops when the running requests have ended. */
static gboolean stop(void *data)
{
    Gateway *gateway = data;

    if (gateway->stop_us)
        return G_SOURCE_CONTINUE;
    log_info("stopping when the running requests have ended");
    service_stopping(gateway->service, "stopping when the running requests have ended");
    gateway->stop_us = clock_monotonic_us() + STOP_DEADLINE_US;
    serving_stop(gateway->serving);
    g_timeout_add(20, check_stopped, gateway);
    return G_SOURCE_CONTINUE;
}

/* SIGINT and SIGTERM: the second one stops the gateway at once. */
static gboolean stop_or_cut(void *data)
{
    Gateway *gateway = data;

    if (gateway->was_signalled)
        g_main_loop_quit(gateway->loop);
    gateway->was_signalled = true;
    return stop(gateway);
}

static gboolean sweep(void *data)
{
    const Gateway *gateway = data;

    s3_sweep(gateway->s3, clock_wall_us(), UPLOADS_KEPT_US);
    return G_SOURCE_CONTINUE;
}

/* Reads the configuration, and applies the options of the command line. */
static GatewayConfig *load_config(const ProcessOptions *options, int state_fd, GError **error)
{
    g_autofree char *path =
        gateway_config_find(options->config, options->state, options->is_default_state);
    g_autoptr(GatewayConfig) config = gateway_config_load(path, state_fd, error);

    if (!config)
        return NULL;
    if (options->listen) {
        g_free(config->listen);
        config->listen = g_strdup(options->listen);
    }
    if (options->root) {
        g_free(config->root);
        config->root = g_strdup(options->root);
    }
    if (options->access_log && !gateway_config_set_access_log(config, options->access_log, error))
        return NULL;
    return g_steal_pointer(&config);
}

static bool is_same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool has_same_buckets(const GatewayConfig *a, const GatewayConfig *b)
{
    if (!is_same_text(a->root, b->root) || a->n_buckets != b->n_buckets)
        return false;
    for (size_t i = 0; i < a->n_buckets; i++) {
        if (!is_same_text(a->buckets[i].name, b->buckets[i].name) ||
            !is_same_text(a->buckets[i].path, b->buckets[i].path))
            return false;
    }
    return true;
}

/* Warns of keys whose usage plan is not in the configuration: their requests are refused. */
static void warn_of_plans(const Keys *keys, const GatewayConfig *config)
{
    for (size_t i = 0; i < keys_count(keys); i++) {
        const Key *key = keys_get(keys, i);
        if (key->plan && !gateway_config_find_plan(config, key->plan))
            log_warning("the key '%s' has the usage plan '%s', which the configuration does not "
                        "have: its requests are refused",
                        key->id, key->plan);
    }
}

/* Reads the configuration and the certificate again, and serves new connections with them. */
static bool renew(Gateway *gateway, GError **error)
{
    g_autoptr(GatewayConfig) config = load_config(gateway->options, gateway->state_fd, error);

    if (!config || (config->n_plans > 0 && !plans_claim(gateway->plans, error)) ||
        !serving_renew(gateway->serving, config, error))
        return false;
    if (!is_same_text(config->listen, gateway->config->listen))
        log_warning("the new 'listen' takes effect at the next start");
    if (!has_same_buckets(config, gateway->config))
        log_warning("the new buckets are served from the next start on");
    s3_set_config(gateway->s3, config);
    pages_set_config(gateway->pages, config);
    warn_of_plans(gateway->keys, config);
    gateway_config_free(gateway->config);
    gateway->config = g_steal_pointer(&config);
    return true;
}

static gboolean reload(void *data)
{
    Gateway *gateway = data;
    g_autoptr(GError) error = NULL;

    if (gateway->stop_us)
        return G_SOURCE_CONTINUE;
    service_reloading(gateway->service);
    if (renew(gateway, &error))
        log_info("the configuration has been read again");
    else
        log_error("the old configuration stays in force: %s", error->message);
    service_ready(gateway->service);
    return G_SOURCE_CONTINUE;
}

static char *describe(void *data)
{
    const Gateway *gateway = data;

    return gateway->serving
               ? g_strdup_printf("%u connections", serving_connections(gateway->serving))
               : NULL;
}

/* Opened first: no child may inherit the variables that it removes from the environment. */
static void open_service(Gateway *gateway)
{
    g_autoptr(GError) error = NULL;

    if (!service_open(describe, gateway, &gateway->service, &error))
        log_warning("the service manager is told nothing: %s", error->message);
}

/* Takes the socket of the service manager, or opens one. */
static int open_socket(const Gateway *gateway, GError **error)
{
    int n = service_claim_sockets();
    int is_listening = 0;
    socklen_t len = sizeof is_listening;

    if (n == 0)
        return http_listen(gateway->config->listen, error);
    if (n == 1 &&
        getsockopt(SERVICE_FIRST_SOCKET, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) == 0 &&
        is_listening)
        return SERVICE_FIRST_SOCKET;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "the service manager passes %d sockets, or one that does not listen; the gateway "
                "takes one stream socket",
                n);
    return -1;
}

/* Logs the address of the socket. */
static void say_ready(const Gateway *gateway, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage room;
    } name = {.in6 = {0}};
    socklen_t len = sizeof name;
    g_autoptr(GPtrArray) buckets = buckets_list(gateway->buckets);
    g_autofree char *address = NULL;

    if (getsockname(fd, &name.any, &len) == 0)
        address = http_format_address(&name.any);
    log_info("serving %u buckets at %s://%s", buckets->len,
             *gateway->config->tls_certificate ? "https" : "http", address ? address : "a socket");
}

static int serve(Gateway *gateway, GError **error)
{
    int fd = open_socket(gateway, error);

    if (fd < 0)
        return -1;
    gateway->serving = serving_new(fd, gateway->config, &handler, gateway, error);
    if (!gateway->serving)
        return -1;
    pages_set_serving(gateway->pages, gateway->serving);
    (void)sweep(gateway);
    gateway->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, stop_or_cut, gateway);
    g_unix_signal_add(SIGTERM, stop_or_cut, gateway);
    /* `thumbq run --listen` sends it. The terminal or the service manager may have sent its own
     * signal to both processes, so this one is no second request to stop. */
    g_unix_signal_add(SIGUSR1, stop, gateway);
    g_unix_signal_add(SIGHUP, reload, gateway);
    g_timeout_add_seconds(SWEEP_SECONDS, sweep, gateway);
    say_ready(gateway, fd);
    service_ready(gateway->service);
    g_main_loop_run(gateway->loop);
    s3_stop(gateway->s3);
    serving_free(gateway->serving);
    gateway->serving = NULL;
    g_main_loop_unref(gateway->loop);
    return 0;
}

static Buckets *open_buckets(const Gateway *gateway, GError **error)
{
    const GatewayConfig *config = gateway->config;
    const ProcessOptions *options = gateway->options;

    if (!*options->buckets && !*config->root && config->n_buckets == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "name the buckets: thumbq gateway BUCKET..., or --root DIR, or 'root' or "
                    "[bucket NAME] in " GATEWAY_CONFIG_FILE);
        return NULL;
    }
    g_autoptr(Buckets) buckets =
        buckets_open(*config->root ? config->root : NULL, options->buckets, error);
    for (size_t i = 0; buckets && i < config->n_buckets; i++) {
        const BucketConfig *row = &config->buckets[i];
        if (!buckets_add(buckets, row->name, row->path, error)) {
            g_prefix_error(error, "[bucket %s]: ", row->name);
            return NULL;
        }
    }
    return g_steal_pointer(&buckets);
}

static Plans *open_plans(int state_fd, const GatewayConfig *config, GError **error)
{
    bool is_damaged;
    g_autoptr(Plans) plans = plans_open(state_fd, clock_wall_us(), &is_damaged, error);

    if (!plans || (config->n_plans > 0 && !plans_claim(plans, error)))
        return NULL;
    if (is_damaged)
        log_warning("the counters of the usage plans could not be read: '" PLANS_FILE
                    "' is '" PLANS_FILE ".damaged' now, and each quota begins anew");
    return g_steal_pointer(&plans);
}

static bool open_all(Gateway *gateway, GError **error)
{
    gateway->state_fd = state_folder_open(gateway->options->state, error);
    gateway->config =
        gateway->state_fd < 0 ? NULL : load_config(gateway->options, gateway->state_fd, error);
    gateway->buckets = gateway->config ? open_buckets(gateway, error) : NULL;
    gateway->keys = gateway->buckets ? keys_open(gateway->state_fd, error) : NULL;
    gateway->plans = gateway->keys ? open_plans(gateway->state_fd, gateway->config, error) : NULL;
    if (!gateway->plans)
        return false;
    if (keys_count(gateway->keys) == 0)
        log_warning("there is no key yet, so nobody is let in; 'thumbq key create' makes one");
    warn_of_plans(gateway->keys, gateway->config);
    buckets_reserve(gateway->buckets, gateway->state_fd);
    gateway->metrics = metrics_new(clock_wall_us());
    gateway->s3 = s3_new(gateway->buckets, gateway->keys, gateway->plans);
    s3_set_config(gateway->s3, gateway->config);
    gateway->pages = pages_new(gateway->buckets, gateway->keys, gateway->plans, gateway->metrics);
    pages_set_config(gateway->pages, gateway->config);
    return true;
}

int gateway_process_run(const ProcessOptions *options, GError **error)
{
    Gateway gateway = {.options = options, .state_fd = -1};

    open_service(&gateway);
    int status = open_all(&gateway, error) ? serve(&gateway, error) : -1;
    pages_free(gateway.pages);
    metrics_free(gateway.metrics);
    s3_free(gateway.s3);
    plans_free(gateway.plans);
    keys_free(gateway.keys);
    buckets_free(gateway.buckets);
    gateway_config_free(gateway.config);
    fd_clear(&gateway.state_fd);
    service_free(gateway.service);
    return status;
}

int gateway_process_print_config(const ProcessOptions *options, GError **error)
{
    autofd fd = g_file_test(options->state, G_FILE_TEST_IS_DIR)
                    ? state_folder_open(options->state, error)
                    : -1;

    if (error && *error)
        return -1;
    g_autoptr(GatewayConfig) config = load_config(options, fd, error);
    if (!config)
        return -1;
    gateway_config_print(config, stdout);
    return 0;
}
