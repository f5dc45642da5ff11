/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether a trigger asks for an event. Pure. */
#pragma once

#include "config/config.h"
#include "model/event.h"

#include <stdbool.h>

/* True if the trigger asks for the event. Events about no object match no trigger. */
bool trigger_matches(const TriggerConfig *trigger, const Event *event);
