/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number of invocations that may be under way: the configured number, or fewer while the memory
 * is too small (auto_concurrency.h), one at a time for a while after the kernel has killed a
 * handler, and none for a moment while the machine lacks a resource. Logs the kill of a handler.
 */
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Brake Brake;

/* Callbacks, from the loop or from within a call below. */
typedef struct {
    /* The number of invocations may have changed. */
    void (*changed)(void *data);
    /* There may be room for more work. */
    void (*again)(void *data);
    void *data;
} BrakeCallbacks;

/* Copies `callbacks`. `config` is borrowed until brake_configure. Owner: brake_free. */
Brake *brake_new(const Config *config, const BrakeCallbacks *callbacks);
void brake_free(Brake *brake);

/* Applies another configuration. */
void brake_configure(Brake *brake, const Config *config);

/* Stops the callbacks. */
void brake_stop(Brake *brake);

/* Checks for how many invocations the memory is enough. `held_bytes`: memory that the handlers have
 * now. Returns true if the number has changed. */
bool brake_check(Brake *brake, int64_t held_bytes);

/* Returns the maximum number of invocations under way, now. */
int brake_concurrency(const Brake *brake);

/* True if that is less than the configured number. */
bool brake_is_lowered(const Brake *brake);

/* True for a while after a kill. */
bool brake_is_careful(const Brake *brake);

/* True if an invocation that begins now runs without others. */
bool brake_is_alone(const Brake *brake);

/* Stops all work for a moment; brake_resume ends the pause early. */
void brake_pause(Brake *brake);
void brake_resume(Brake *brake);
bool brake_is_on(const Brake *brake);

/* Lowers the concurrency after the kernel has killed a handler. */
void brake_lower(Brake *brake);

/* Adjusts the estimate for the next invocations by the memory that one invocation has used, bytes.
 */
void brake_learn(Brake *brake, int64_t memory_bytes);

/* Notes that work waits for room: if memory is the reason, `again` is called later. */
void brake_wait(Brake *brake);
