/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports a program's state to the service manager in sd_notify(3)'s protocol: datagrams of
 * `KEY=VALUE` lines to $NOTIFY_SOCKET, and the pings of the watchdog.
 *
 * The protocol is implemented here, because libsystemd would bring a compression and a cryptography
 * library into the program for one sendto(2). The protocol is documented and promised not to
 * change.
 *
 * Nothing here blocks or fails: a message that cannot be sent now is sent a moment later. Without a
 * service manager there is no Service, and every function accepts NULL and does nothing.
 *
 * Source: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Service Service;

/* Describes the current work in one line, for `systemctl status`. Owner: the caller frees. NULL:
 * nothing new. */
typedef char *ServiceDescribe(void *data);

/*
 * Removes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment, so that no child can
 * speak for this process. *ret_service is NULL without a service manager. From then on the main
 * loop sends messages: extensions of the start time until service_ready, then pings of the
 * watchdog. The text of `describe` (may be NULL) follows every SERVICE_STATUS_S seconds, or as
 * often as the watchdog needs its pings. Errors: ERROR_USAGE for an invalid address, ERROR_IO.
 * Owner: service_free.
 */
bool service_open(ServiceDescribe *describe, void *data, Service **ret_service, GError **error);

#define SERVICE_STATUS_S 10

/* Reports that the program has started, or has read its configuration anew. A further call without
 * service_reloading in between has no effect. */
void service_ready(Service *service);

/* Reports one line, which replaces the one before. */
void service_status(Service *service, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Reports that the configuration is being read; service_ready must follow, after success and
 * failure. */
void service_reloading(Service *service);

/* Reports that the program is about to end; `status` is its last status. */
void service_stopping(Service *service, const char *status);

/* Descriptor of the first socket that the manager passes, and the most that are taken. */
#define SERVICE_FIRST_SOCKET 3
#define SERVICE_SOCKETS_MAX  64

/*
 * Takes the sockets that the service manager has opened for this process (socket activation), and
 * removes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES from the environment. Returns their number;
 * their descriptors begin at SERVICE_FIRST_SOCKET and are close-on-exec. 0: there are none. Owner:
 * the caller closes.
 */
int service_claim_sockets(void);

void service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)
