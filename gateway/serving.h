/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP servers of the process. New limits and a new certificate need a new server: it takes the
 * listening socket over, and the server before it ends with its last connection.
 */
#pragma once

#include "gateway_config.h"
#include "http/server.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Serving Serving;

/*
 * Serves the connections of the listening socket `fd`, and takes ownership of it, also on error.
 * `handler` and `data` outlive it. Owner: serving_free. Errors: as http_server_new; as trusted_read
 * for the files of the certificate.
 */
Serving *serving_new(int fd, const GatewayConfig *config, const HttpHandler *handler, void *data,
                     GError **error);

/* Serves new connections as `config` says. On error the server stays as it is. Errors: as
 * serving_new. */
bool serving_renew(Serving *serving, const GatewayConfig *config, GError **error);

/* Accepts no new connections. */
void serving_stop(Serving *serving);

/* Number of exchanges that have not ended, and of open connections. */
unsigned serving_exchanges(const Serving *serving);
unsigned serving_connections(const Serving *serving);

/* Cuts all connections after their running work has ended. Blocks until then. */
void serving_free(Serving *serving);
