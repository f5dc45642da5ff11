/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A one-shot timer on the default main context that can be set any number of times. Times are
 * microseconds of the monotonic clock.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

#define TIMER_NEVER (-1)

/* Makes a timer that is not set. It calls `fire` with `data`. Owner: timer_free. */
GSource *timer_new(int priority, void (*fire)(void *data), void *data);

/*
 * Makes the timer fire at `at_us`, or as soon as possible if that time has passed. TIMER_NEVER
 * turns the timer off.
 */
void timer_set(GSource *timer, int64_t at_us);

/* As timer_set, but keeps the time that is set if that is earlier. */
void timer_set_earlier(GSource *timer, int64_t at_us);

void timer_free(GSource *timer);
