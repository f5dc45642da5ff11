/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, and the claims that are not written yet. Private to the store. */
#pragma once

#include "store/store.h"

/* A stage, see stage.h. Each claim counts as a change of the batch. */
void claims_init(Store *store);
bool claims_flush(Store *store, GError **error);
void claims_clear(Store *store, bool is_committed);
void claims_free(Store *store);

bool claims_has(const Store *store, const char *key);

/* Removes the claim of an object; false if there is none, or if it was written. */
bool claims_remove(Store *store, const char *key);

/* Opens the batch and writes the claim of an object, if there is one. */
bool claims_write(Store *store, const char *key, GError **error);
