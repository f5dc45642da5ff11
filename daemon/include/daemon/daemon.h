/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon: bucket events -> store -> handlers -> thumbnails -> store, in one event loop. Only
 * this room uses watcher, store and handlers together. */
#pragma once

#include "config/config.h"
#include "daemon/daemon_options.h"
#include "daemon/paths.h"
#include "daemon/up_to_date.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Runs until SIGINT or SIGTERM, or, with `once`, until everything is up to date. *ret_dead is the
 * number of dead objects at the end. Errors: ERROR_NOT_FOUND (no such bucket), ERROR_LOCKED
 * (another daemon holds it), those of the store.
 */
bool daemon_run(const DaemonOptions *options, const Config *config, uint64_t *ret_dead,
                GError **error);

/*
 * Does the checks of a daemon's start that change nothing: schedules with their zones and runs; if
 * `bucket` is given, its path, whether the folders of triggers are outside it; and, if
 * `handler_program` is given, whether the program can write the formats. Errors:
 * ERROR_CONFIG, with file and line, and those of the handler program.
 */
bool daemon_check_config(const char *bucket, const Config *config, const char *handler_program,
                         GError **error);
