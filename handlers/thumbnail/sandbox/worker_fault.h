/* SPDX-License-Identifier: Apache-2.0 */
/* Turns errors of libvips into errors of this program. */
#pragma once

#include "base/error.h"

#include <glib.h>

/*
 * Sets `error` from the text that libvips has written into its error buffer since the last call,
 * and clears the buffer. The code is `code`, unless the text has words that mean another one, such
 * as those for lack of memory. The message is the first line, valid UTF-8 without control
 * characters.
 */
void fault_set_error(ErrorCode code, GError **error);

/* Copies `text` as one line of valid UTF-8 that fits `size` bytes with its NUL. */
void fault_clean_text(const char *text, char *ret_text, size_t size);
