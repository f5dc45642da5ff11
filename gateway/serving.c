/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PEM_MAX         ((size_t)1 << 20)
#define RETIRE_INTERVAL 1

struct Serving {
    const HttpHandler *handler;
    void *data;
    HttpServer *current;
    /* Elements: HttpServer, owned. Servers whose connections have not ended. */
    GPtrArray *retired;
    guint source;
};

/* Reads certificate and key; both are NULL without TLS. Owner of both: the caller frees. */
static bool read_tls(const GatewayConfig *config, char **ret_certificate, char **ret_key,
                     GError **error)
{
    if (!*config->tls_certificate)
        return true;
    g_autofree char *certificate =
        trusted_read_linked(config->tls_certificate, PEM_MAX, NULL, error);
    char *key = certificate ? trusted_read_linked(config->tls_key, PEM_MAX, NULL, error) : NULL;
    if (!key)
        return false;
    *ret_certificate = g_steal_pointer(&certificate);
    *ret_key = key;
    return true;
}

/* Starts a server. Takes ownership of `fd`, also on error. */
static HttpServer *start(const Serving *serving, int fd, const GatewayConfig *config,
                         GError **error)
{
    const HttpLimits limits = {
        .max_connections = (unsigned)config->max_connections,
        .max_connections_per_address = (unsigned)config->max_connections_per_address,
        .header_deadline_us = config->header_deadline_us,
        .idle_us = config->idle_us,
        .body_rate_bytes = config->body_rate,
    };
    g_autofree char *certificate = NULL, *key = NULL;

    if (!read_tls(config, &certificate, &key, error)) {
        (void)close(fd);
        return NULL;
    }
    const HttpTls tls = {certificate, key};
    HttpServer *server = http_server_new(fd, &limits, certificate ? &tls : NULL, serving->handler,
                                         serving->data, error);
    if (key)
        explicit_bzero(key, strlen(key));
    if (!server && certificate)
        g_prefix_error(error, "'%s', '%s': ", config->tls_certificate, config->tls_key);
    return server;
}

static gboolean free_ended(void *data)
{
    Serving *serving = data;

    for (guint i = serving->retired->len; i-- > 0;) {
        HttpServer *server = serving->retired->pdata[i];
        if (http_server_connections(server) > 0 || http_server_exchanges(server) > 0)
            continue;
        g_ptr_array_remove_index_fast(serving->retired, i);
        http_server_free(server);
    }
    if (serving->retired->len > 0)
        return G_SOURCE_CONTINUE;
    serving->source = 0;
    return G_SOURCE_REMOVE;
}

Serving *serving_new(int fd, const GatewayConfig *config, const HttpHandler *handler, void *data,
                     GError **error)
{
    Serving *serving = g_new0(Serving, 1);

    serving->handler = handler;
    serving->data = data;
    serving->retired = g_ptr_array_new();
    serving->current = start(serving, fd, config, error);
    if (serving->current)
        return serving;
    serving_free(serving);
    return NULL;
}

bool serving_renew(Serving *serving, const GatewayConfig *config, GError **error)
{
    int fd = fcntl(http_server_socket(serving->current), F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        error_set_errno(error, errno, "cannot use", "the listening socket");
        return false;
    }
    HttpServer *server = start(serving, fd, config, error);
    if (!server)
        return false;
    http_server_stop_accepting(serving->current);
    g_ptr_array_add(serving->retired, serving->current);
    serving->current = server;
    if (!serving->source)
        serving->source = g_timeout_add_seconds(RETIRE_INTERVAL, free_ended, serving);
    return true;
}

void serving_stop(Serving *serving)
{
    http_server_stop(serving->current);
    for (guint i = 0; i < serving->retired->len; i++)
        http_server_stop(serving->retired->pdata[i]);
}

unsigned serving_exchanges(const Serving *serving)
{
    unsigned n = http_server_exchanges(serving->current);

    for (guint i = 0; i < serving->retired->len; i++)
        n += http_server_exchanges(serving->retired->pdata[i]);
    return n;
}

unsigned serving_connections(const Serving *serving)
{
    unsigned n = http_server_connections(serving->current);

    for (guint i = 0; i < serving->retired->len; i++)
        n += http_server_connections(serving->retired->pdata[i]);
    return n;
}

void serving_free(Serving *serving)
{
    if (!serving)
        return;
    g_clear_handle_id(&serving->source, g_source_remove);
    http_server_free(serving->current);
    for (guint i = 0; i < serving->retired->len; i++)
        http_server_free(serving->retired->pdata[i]);
    g_ptr_array_free(serving->retired, TRUE);
    g_free(serving);
}
