/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: reads the configuration anew, and applies it as a whole or not at all. Work continues
 * while the handler program is asked whether it can write the formats. The changes, or the error,
 * are logged.
 */
#pragma once

typedef struct Daemon Daemon;
typedef struct Reload Reload;

/* Begins a reload. Has no effect if options->load_config is NULL, or the daemon is about to end. */
void reload_config(Daemon *daemon);

/* Cancels a reload that is not applied yet. */
void reload_cancel(Daemon *daemon);
