/* SPDX-License-Identifier: Apache-2.0 */
/* Retries or drops an object that is dead. */
#pragma once

#include "control/control_request.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

/* Edits the object. *ret_changed is false if there is no dead object `key`. Does not commit.
 * Errors: ERROR_USAGE for a name that no object can have; those of the store. */
bool edit_object(Store *store, ControlEditAction action, const char *key, bool *ret_changed,
                 GError **error);
