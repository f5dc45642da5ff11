/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of the gateway: reads the configuration, opens keys and buckets, serves them until
 * SIGINT or SIGTERM. SIGHUP makes it read the configuration and the certificate again; a wrong one
 * is refused as a whole.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Options of the command line, which take precedence over the configuration. Borrowed. Those that
 * are NULL are not given. */
typedef struct {
    const char *config, *listen, *root, *access_log;
    /* Path of the state folder. */
    const char *state;
    /* `state` is the default, because neither --state nor --root names one. */
    bool is_default_state;
    /* Paths of buckets, NULL-terminated. */
    char *const *buckets;
} ProcessOptions;

/* Serves until a signal ends the process. Returns the exit status, or -1 with *error. */
int gateway_process_run(const ProcessOptions *options, GError **error);

/* Prints the configuration that gateway_process_run would use. As gateway_process_run. */
int gateway_process_print_config(const ProcessOptions *options, GError **error);
