/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvips' errors as ours.
 */
#pragma once

#include "error.h"

#include <glib.h>

/*
 * Sets `error` from what libvips has written into its error buffer since the last call, and clears
 * that. The code is `code`, unless the text says that memory ran out or a coding is not supported.
 * The message is the first line, valid UTF-8 without control characters.
 */
void fault_take(ErrorCode code, GError **error);

/* `text` as one line of valid UTF-8 that fits `size` bytes with its NUL. */
void fault_clean_text(const char *text, char *ret_text, size_t size);
