/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that this machine can write the formats of the renditions: AVIF and JPEG XL need encoders
 * that not every system has. Asks the handler program, which alone knows, before any work begins,
 * so that the lack is one error of the configuration and not one failure per picture.
 */
#pragma once

#include "model/rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The argument with which the handler program prints the types that it can write, one per line. */
#define FORMATS_ARGUMENT "--formats"

/* The program is killed after this time. */
#define FORMATS_TIMEOUT_S 10

/*
 * True if every rendition's format can be written. Starts `program`, for less than a tenth of a
 * second, only if a format needs an optional encoder. Blocks, at most FORMATS_TIMEOUT_S. Errors:
 * ERROR_CONFIG naming the rendition, its format, and what to do; ERROR_HANDLER_UNAVAILABLE if the
 * program gives no answer.
 */
bool formats_check(const char *program, const Rendition *renditions, size_t n, GError **error);

typedef struct FormatsCheck FormatsCheck;

/* `error`: NULL if all formats can be written, otherwise as formats_check; borrowed. */
typedef void (*FormatsDone)(const GError *error, void *data);

/*
 * As formats_check without blocking: `done` is called once from the main loop, unless the check is
 * cancelled. *ret_check NULL: no format needs a check, and `done` is not called. `renditions` must
 * outlive the check, as must `program`. The check frees itself. Errors: ERROR_HANDLER_UNAVAILABLE.
 */
bool formats_check_start(const char *program, const Rendition *renditions, size_t n,
                         FormatsDone done, void *data, FormatsCheck **ret_check, GError **error);

/* Kills the program and frees the check. NULL is allowed. */
void formats_check_cancel(FormatsCheck *check);
