/* SPDX-License-Identifier: Apache-2.0 */
/* An event of an object as JSON, as `thumbq show --json` prints it. */
#pragma once

#include "model/event.h"

#include <jansson.h>

/* Makes {"sequencer":...,"time":...,"event":...,"size":...,"error":...}. The caller has the
 * reference. */
json_t *event_json(const Event *event);
