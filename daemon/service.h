/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the service manager how the daemon is: sd_notify(3)'s protocol, datagrams of `KEY=VALUE`
 * lines to $NOTIFY_SOCKET, and the pings that its watchdog wants.
 *
 * Written out here, because libsystemd would bring a compression and a cryptography library into
 * the daemon for one sendto(2); the protocol is documented and promised not to change.
 *
 * Nothing here blocks or fails: what cannot be sent now is sent a moment later. Without a service
 * manager there is no Service, and every function takes NULL and does nothing.
 *
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Service Service;

/* What goes on, in one line, for `systemctl status`. Owner: the caller frees. NULL: nothing new. */
typedef char *ServiceDescribe(void *data);

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks for the daemon. *ret_service is NULL where there is no service manager. From then on, the
 * main loop sends signs of life: until service_ready that the start takes its time, then pings of
 * the watchdog; and what `describe` (may be NULL) says, every SERVICE_STATUS_S seconds or as often
 * as the watchdog wants its pings. Errors: ERROR_USAGE for an address that is none, ERROR_IO.
 * Owner: service_free.
 */
bool service_open(ServiceDescribe *describe, void *data, Service **ret_service, GError **error);

#define SERVICE_STATUS_S 10

/* The daemon has started, or has read its configuration anew. The second time on without a
 * service_reloading in between it does nothing. */
void service_ready(Service *service);

/* One line, which replaces the one before. */
void service_status(Service *service, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The configuration is being read anew; to be followed by service_ready, whatever came of it. */
void service_reloading(Service *service);

/* The daemon is about to end. */
void service_stopping(Service *service);

void service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)
