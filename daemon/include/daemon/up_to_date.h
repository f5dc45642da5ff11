/* SPDX-License-Identifier: Apache-2.0 */
/* Checks whether a daemon would have work to do, without changing anything. */
#pragma once

#include "config/config.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Compares the bucket with the store, while no daemon runs: *ret_is is true if every object has
 * been handled, and the store has no others. Reads only. Errors: ERROR_NOT_FOUND,
 * ERROR_ACCESS_DENIED (the bucket).
 */
bool daemon_is_up_to_date(const char *bucket, const Config *config, bool *ret_is, GError **error);
