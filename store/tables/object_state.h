/* SPDX-License-Identifier: Apache-2.0 */
/* The events of objects. Private to the store. */
#pragma once

#include "store/store.h"

/* A stage, see stage.h: the renditions that a done object must have. */
void state_init(Store *store);
void state_free(Store *store);

/*
 * As store_requeue. With a `job` the object is marked as part of it, even while it is running.
 * *ret_changed is false if nothing has to change.
 */
bool state_requeue(Store *store, const char *key, Priority priority, uint32_t job, int64_t now_us,
                   bool *ret_found, bool *ret_changed, GError **error);
