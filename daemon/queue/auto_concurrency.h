/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `concurrency = auto`: one invocation per processor, and fewer while the memory of the machine or
 * of the control group is not enough for that number of pictures. The estimate of a picture's
 * memory follows the last pictures. Until the first picture is done, the estimate is the memory
 * limit of a handler. A lower number is logged.
 */
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct AutoConcurrency AutoConcurrency;

/* Makes the estimate, before any check. `again` is called with `data` from the loop: see
 * auto_concurrency_wait. Owner: auto_concurrency_free. */
AutoConcurrency *auto_concurrency_new(void (*again)(void *data), void *data);
void auto_concurrency_free(AutoConcurrency *automatic);

/* Returns the maximum number of invocations, as of the last check, or the configured number if the
 * configuration has one. */
int auto_concurrency_most(const AutoConcurrency *automatic, const Config *config);

/* Checks, at most every few seconds, for how many invocations the memory is enough. `held_bytes`:
 * memory that the handlers have now. Returns true if the number has changed. */
bool auto_concurrency_check(AutoConcurrency *automatic, const Config *config, int64_t held_bytes);

/* Adjusts the estimate for the next invocations by the memory that one invocation has used, bytes.
 */
void auto_concurrency_learn(AutoConcurrency *automatic, int64_t memory_bytes);

/* Notes that work waits for room: if memory is the reason, `again` is called later. */
void auto_concurrency_wait(AutoConcurrency *automatic, const Config *config);

/* Stops the calls of `again`. */
void auto_concurrency_stop(AutoConcurrency *automatic);
