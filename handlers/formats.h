/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this machine can write the formats that renditions ask for: AVIF and JPEG XL need
 * encoders that not every system has. Asked of the handler program, which alone knows, before any
 * work begins, so that it is a mistake in the configuration and not one failure per picture.
 */
#pragma once

#include "rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The argument with which the handler program says what it can write, a type per line. */
#define FORMATS_ARGUMENT "--formats"

/*
 * True if every rendition's format can be written. Starts `program`, for less than a tenth of a
 * second, only if there is one to doubt. Blocks. Errors: ERROR_CONFIG naming the rendition, its
 * format, and what to do; ERROR_HANDLER_UNAVAILABLE if the program gives no answer.
 */
bool formats_check(const char *program, const Rendition *renditions, size_t n, GError **error);
