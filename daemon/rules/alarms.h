/* SPDX-License-Identifier: Apache-2.0 */
/* The alarms of the configuration, evaluated each minute from the data in the store. A change of an
 * alarm's state is stored, logged, and passed to the alarm's command. */
#pragma once

#include "config/config.h"
#include "journal/bucket_state.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Dispatch Dispatch;
typedef struct Alarms Alarms;

/* Makes the alarms of a configuration. The arguments must outlive them. They are inactive until
 * alarms_start. Owner: alarms_free. */
Alarms *alarms_new(const BucketState *state, const Config *config);

/* Reads the earlier states from the store and starts the evaluation, which waits for the work items
 * of `dispatch` (borrowed). A further call has no effect. Errors: those of the store. */
bool alarms_start(Alarms *alarms, const Dispatch *dispatch, GError **error);

/* Kills the commands that are running: the next start runs them again. */
void alarms_free(Alarms *alarms);
