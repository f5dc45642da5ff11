/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter as text, for jobs that outlive the command that asked for them: "prefix=2026%2F&
 * type=jpeg,png", form-urlencoded, so that it is safe to print whatever bytes are in it. "" selects
 * everything. The parser takes bytes from the socket and from the store, and is fuzzed.
 */
#pragma once

#include "store.h"

#include <glib.h>

#define FILTER_TEXT_MAX 4096 /* bytes, with the final NUL */

/* Times are rounded down to whole seconds. Owner: the caller frees. */
char *filter_text_format(const StoreFilter *filter);

/* Undoes it. Errors: ERROR_USAGE. Owner: filter_text_free. */
StoreFilter *filter_text_parse(const char *text, GError **error);
void filter_text_free(StoreFilter *filter);
