/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway as a child of `thumbq run --listen`. It ends with its parent, however the parent
 * ends; if it ends first, the log says so, and the parent goes on.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define GATEWAY_PROGRAM "thumbq-gateway"

typedef struct GatewayChild GatewayChild;

/* Finds the gateway's program. `command` is what needs it, for the message. Owner: the caller
 * frees. Errors: ERROR_NOT_FOUND if the package is not installed. */
char *gateway_child_program(const char *command, GError **error);

/*
 * Starts a gateway that listens at `address` and serves the folder `bucket`. With `quiet` it logs
 * no requests. It is watched in the default main context. Owner: gateway_child_stop. Errors:
 * ERROR_NOT_FOUND, ERROR_IO.
 */
GatewayChild *gateway_child_start(const char *address, const char *bucket, bool quiet,
                                  GError **error);

/* Ends the gateway. Blocks until its requests have ended, for half a minute at the most. NULL is
 * allowed. */
void gateway_child_stop(GatewayChild *child);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GatewayChild, gateway_child_stop)
