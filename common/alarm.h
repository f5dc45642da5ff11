/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A one-shot timer on the default main context that can be set again and again. Times are of the
 * monotonic clock, in microseconds.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

#define ALARM_NEVER (-1)

/* A new alarm, not set. `ring` is called with `data`. Owner: alarm_free. */
GSource *alarm_new(int priority, void (*ring)(void *data), void *data);

/* Rings at `at_us`, or as soon as possible if that has passed; ALARM_NEVER: not. */
void alarm_set(GSource *alarm, int64_t at_us);

/* As alarm_set, unless it would ring earlier anyway. */
void alarm_set_earlier(GSource *alarm, int64_t at_us);

void alarm_free(GSource *alarm);
