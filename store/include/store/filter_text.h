/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter as text, for jobs that outlive the command that started them:
 * "prefix=2026%2F&type=jpeg,png", form-urlencoded, so that it can be printed safely whatever bytes
 * it contains. "" selects everything. The parser reads bytes from the socket and from the store,
 * and is fuzzed.
 */
#pragma once

#include "store/store.h"

#include <glib.h>

/* Bytes, with the final NUL. */
#define FILTER_TEXT_MAX 4096

/* Formats a filter. Times are rounded down to whole seconds. Owner: the caller frees. */
char *filter_text_format(const StoreFilter *filter);

/* Parses a text of filter_text_format. Errors: ERROR_USAGE. Owner: filter_text_free. */
StoreFilter *filter_text_parse(const char *text, GError **error);
void filter_text_free(StoreFilter *filter);
