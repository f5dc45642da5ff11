/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a trigger that a command asks for, in the store. */
#pragma once

#include "control/control_request.h"
#include "store/store.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>

#define TRIGGER_EDIT_CHANGES_MAX DELIVERY_EDITS_MAX

/* Makes TRIGGER_EDIT_CHANGES_MAX changes at most, and does not commit: the batch has room for them.
 * edit->changed: the number of triggers or dead letters that are changed; edit->has_ended: false if
 * another call must follow. All zero at first. Errors: ERROR_USAGE if the trigger has no state;
 * those of the store. */
bool trigger_edit(Store *store, const ControlTrigger *request, DeliveryEdit *edit, GError **error);
